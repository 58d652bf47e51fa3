//! One file of a log in memory: the file itself and 24 bytes for each entry in it.
//!
//! Owns the places of its entries. A removed entry keeps its place, marked dead, as long as its record is in the
//! file: only then is it known which removals must still be remembered.

use std::collections::VecDeque;
use std::sync::Arc;

use super::files::File;
use super::subjects::SubjectId;

/// In the length of a slot: the entry is removed. No record is half as long as that.
const DEAD: u32 = 1 << 31;

/// Where an entry is. 24 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub time_ns: i64,
    pub offset: u32,
    length_and_life: u32,
    pub subject: SubjectId,
    /// Sequence, counted from the first of the segment.
    delta: u32,
}

impl Slot {
    pub fn length(&self) -> u32 {
        self.length_and_life & !DEAD
    }

    pub fn is_live(&self) -> bool {
        self.length_and_life & DEAD == 0
    }
}

/// An entry as recovery and the writer see it.
pub(crate) struct NewSlot {
    pub seq: u64,
    pub time_ns: i64,
    pub offset: u64,
    pub length: u64,
    pub subject: SubjectId,
}

pub(crate) struct Segment {
    pub first_seq: u64,
    pub name: String,
    pub file: Arc<dyn File>,
    /// Bytes that are certain.
    pub bytes: u64,
    pub slots: VecDeque<Slot>,
    pub live: u64,
    pub live_bytes: u64,
    /// Removals that are written in this file, of entries in this one or in older ones.
    pub removals: Vec<(u64, u64)>,
    /// Bytes that the removals take.
    pub removal_bytes: u64,
    /// The last sequence that may be in a damaged part. The file is kept while such entries would be.
    pub damaged_to: Option<u64>,
}

impl Segment {
    pub fn new(first_seq: u64, name: String, file: Arc<dyn File>) -> Self {
        Self {
            first_seq,
            name,
            file,
            bytes: 0,
            slots: VecDeque::new(),
            live: 0,
            live_bytes: 0,
            removals: Vec::new(),
            removal_bytes: 0,
            damaged_to: None,
        }
    }

    pub fn push(&mut self, new: &NewSlot) {
        let slot = Slot {
            time_ns: new.time_ns,
            offset: new.offset as u32,
            length_and_life: new.length as u32,
            subject: new.subject,
            delta: (new.seq - self.first_seq) as u32,
        };
        self.slots.push_back(slot);
        self.live += 1;
        self.live_bytes += new.length;
    }

    pub fn seq_of(&self, slot: &Slot) -> u64 {
        self.first_seq + u64::from(slot.delta)
    }

    /// The place of the first slot whose sequence is at least this.
    pub fn place_from(&self, seq: u64) -> usize {
        let delta = seq.saturating_sub(self.first_seq);
        self.slots.partition_point(|slot| u64::from(slot.delta) < delta)
    }

    pub fn find(&self, seq: u64) -> Option<usize> {
        let place = self.place_from(seq);
        let slot = self.slots.get(place)?;
        (self.seq_of(slot) == seq && slot.is_live()).then_some(place)
    }

    /// Marks a slot dead and gives it back.
    pub fn kill(&mut self, place: usize) -> Slot {
        let slot = self.slots[place];
        self.slots[place].length_and_life |= DEAD;
        self.live -= 1;
        self.live_bytes -= u64::from(slot.length());
        slot
    }

    /// Living entries from a sequence on.
    pub fn count_from(&self, seq: u64) -> u64 {
        let place = self.place_from(seq);
        if place == 0 {
            return self.live;
        }
        if self.live == self.slots.len() as u64 {
            return (self.slots.len() - place) as u64;
        }
        self.slots.range(place..).filter(|slot| slot.is_live()).count() as u64
    }

    /// Whether the file has a record of a removed entry in this range.
    pub fn has_dead_in(&self, first: u64, last: u64) -> bool {
        let slots = self.slots.range(self.place_from(first)..);
        slots.take_while(|slot| self.seq_of(slot) <= last).any(|slot| !slot.is_live())
    }

    /// Forgets dead slots at the front that a mark covers.
    pub fn drop_dead_front(&mut self, truncated: u64) {
        while let Some(slot) = self.slots.front() {
            if slot.is_live() || self.seq_of(slot) > truncated {
                break;
            }
            self.slots.pop_front();
        }
        if self.slots.len() * 4 < self.slots.capacity() {
            self.slots.shrink_to(self.slots.len() * 2);
        }
    }

    /// Remembers a removal; adjacent ones become one.
    pub fn push_removals(&mut self, ranges: &[(u64, u64)], bytes: u64) {
        self.removal_bytes += bytes;
        for (first, last) in ranges {
            match self.removals.last_mut() {
                Some(range) if range.1 + 1 == *first => range.1 = *last,
                _ => self.removals.push((*first, *last)),
            }
        }
    }
}
