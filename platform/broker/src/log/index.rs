//! What is in a log, in memory: the segments in order, the subjects, the sums.
//!
//! Owns what readers see: only entries that are on disk are in here. It takes 24 bytes for each message, plus each
//! subject once (its name and about 150 bytes). Pure: reads and writes no file.

use std::ops::ControlFlow;

use super::record::Mark;
use super::segment::{NewSlot, Segment, Slot};
use super::subjects::{Selection, SubjectId, Subjects};
use super::{Limits, State};
use crate::subject::{Filter, Subject};

#[derive(Default)]
pub(crate) struct Index {
    /// In order of sequence; the last one is the live one.
    pub segments: Vec<Segment>,
    pub subjects: Subjects,
    messages: u64,
    bytes: u64,
    pub mark: Mark,
    /// Up to where a mark on disk says that all are gone.
    pub truncated_for_certain: u64,
    last_seq: u64,
    last_time_ns: i64,
    /// Subjects that got messages since limits were enforced last.
    grown: Vec<SubjectId>,
    per_subject_enforced: Option<u64>,
}

impl Index {
    /// Adds an entry at the end of the newest segment.
    pub fn push(&mut self, seq: u64, time_ns: i64, subject: Subject, (offset, length): (u64, u64)) {
        let subject = self.subjects.add(subject, seq);
        let Some(segment) = self.segments.last_mut() else { return };
        segment.push(&NewSlot { seq, time_ns, offset, length, subject });
        self.messages += 1;
        self.bytes += length;
        self.last_seq = self.last_seq.max(seq);
        self.last_time_ns = time_ns;
        if self.per_subject_enforced.is_some() {
            self.grown.push(subject);
        }
    }

    /// What is known of the highest sequences.
    pub fn raise(&mut self, mark: Mark) {
        self.mark.truncated = self.mark.truncated.max(mark.truncated);
        self.mark.next_seq = self.mark.next_seq.max(mark.next_seq);
        self.last_seq = self.last_seq.max(mark.next_seq.saturating_sub(1));
    }

    /// The segment that would have the sequence.
    pub fn segment_of(&self, seq: u64) -> Option<usize> {
        let behind = self.segments.partition_point(|segment| segment.first_seq <= seq);
        behind.checked_sub(1)
    }

    pub fn find(&self, seq: u64) -> Option<(&Segment, Slot)> {
        let segment = &self.segments[self.segment_of(seq)?];
        Some((segment, segment.slots[segment.find(seq)?]))
    }

    /// Visits living entries from a sequence on, oldest first, until told to stop.
    pub fn walk(&self, from: u64, mut visit: impl FnMut(&Segment, &Slot) -> ControlFlow<()>) {
        let start = self.segment_of(from).unwrap_or(0);
        for segment in self.segments.iter().skip(start).filter(|segment| segment.live > 0) {
            let slots = segment.slots.range(segment.place_from(from)..);
            for slot in slots.filter(|slot| slot.is_live()) {
                if visit(segment, slot).is_break() {
                    return;
                }
            }
        }
    }

    /// Visits those of some subjects only.
    pub fn walk_selected(
        &self,
        from: u64,
        filters: &[Filter],
        mut visit: impl FnMut(&Segment, &Slot) -> ControlFlow<()>,
    ) {
        let mut selection = Selection::new(filters, &self.subjects);
        if matches!(selection, Selection::Nothing) {
            return;
        }
        self.walk(from, |segment, slot| match selection.has(slot.subject, &self.subjects) {
            true => visit(segment, slot),
            false => ControlFlow::Continue(()),
        });
    }

    /// The first living entry from a sequence on.
    pub fn first_from(&self, from: u64) -> Option<(u64, Slot)> {
        let mut found = None;
        self.walk(from, |segment, slot| {
            found = Some((segment.seq_of(slot), *slot));
            ControlFlow::Break(())
        });
        found
    }

    pub fn state(&self) -> State {
        let first = self.first_from(0);
        State {
            messages: self.messages,
            bytes: self.bytes,
            first_seq: first.map_or(self.last_seq + 1, |(seq, _)| seq),
            first_time_ns: first.map_or(0, |(_, slot)| slot.time_ns),
            last_seq: self.last_seq,
            last_time_ns: self.last_time_ns,
            subjects: self.subjects.len() as u64,
        }
    }

    /// Living entries of some subjects from a sequence on.
    pub fn count_from(&self, seq: u64, filters: &[Filter]) -> u64 {
        match Selection::new(filters, &self.subjects) {
            Selection::All => {
                let start = self.segment_of(seq).unwrap_or(0);
                self.segments.iter().skip(start).map(|segment| segment.count_from(seq)).sum()
            }
            Selection::One(id) if self.subjects.get(id).is_some_and(|it| it.first_seq >= seq) => {
                self.subjects.get(id).map_or(0, |state| state.messages)
            }
            _ => {
                let mut count = 0;
                self.walk_selected(seq, filters, |_, _| {
                    count += 1;
                    ControlFlow::Continue(())
                });
                count
            }
        }
    }

    /// The first living entry that is not older. Times are taken to grow with the sequence.
    pub fn seq_at(&self, time_ns: i64) -> u64 {
        let mut found = self.last_seq + 1;
        for segment in &self.segments {
            let newest = segment.slots.back();
            if newest.is_none_or(|slot| slot.time_ns < time_ns) {
                continue;
            }
            let place = segment.slots.partition_point(|slot| slot.time_ns < time_ns);
            let mut rest = segment.slots.range(place..);
            if let Some(slot) = rest.find(|slot| slot.is_live()) {
                found = segment.seq_of(slot);
                break;
            }
        }
        found
    }

    /// The last living entry of a subject. Looks backwards when the last one was removed.
    pub fn last_of(&self, subject: &str) -> Option<u64> {
        let id = self.subjects.id_of(subject)?;
        if let Some(seq) = self.subjects.get(id)?.last_seq {
            return Some(seq);
        }
        for segment in self.segments.iter().rev().filter(|segment| segment.live > 0) {
            let mut slots = segment.slots.iter().rev();
            if let Some(slot) = slots.find(|slot| slot.subject == id && slot.is_live()) {
                return Some(segment.seq_of(slot));
            }
        }
        None
    }

    /// Removes an entry. False when there is none.
    pub fn kill(&mut self, seq: u64) -> bool {
        let Some(segment) = self.segment_of(seq).map(|place| &mut self.segments[place]) else {
            return false;
        };
        let Some(place) = segment.find(seq) else { return false };
        let slot = segment.kill(place);
        self.messages -= 1;
        self.bytes -= u64::from(slot.length());
        self.subjects.subtract(slot.subject, seq);
        true
    }

    /// After removals: moves the mark to just before the first living entry. Says where, when it moved.
    pub fn advance_mark(&mut self) -> Option<u64> {
        let first = self.first_from(self.mark.truncated + 1);
        let truncated = first.map_or(self.last_seq, |(seq, _)| seq - 1);
        if truncated <= self.mark.truncated {
            return None;
        }
        self.mark.truncated = truncated;
        Some(truncated)
    }

    /// A mark is on disk: what it covers need not be remembered singly.
    pub fn confirm_mark(&mut self, truncated: u64) {
        self.truncated_for_certain = self.truncated_for_certain.max(truncated);
        let covered = self.segments.partition_point(|segment| segment.first_seq <= truncated);
        for segment in &mut self.segments[..covered] {
            segment.drop_dead_front(truncated);
        }
    }

    /// Removes what is beyond the limits; gives the sequences.
    pub fn enforce(&mut self, limits: &Limits, now_ns: i64) -> Vec<u64> {
        let mut removed = Vec::new();
        self.enforce_per_subject(limits.max_messages_per_subject, &mut removed);
        let oldest_ns = limits.max_age_ns.map(|age| now_ns.saturating_sub(age));
        let mut from = self.mark.truncated + 1;
        while let Some((seq, slot)) = self.first_from(from) {
            let is_old = oldest_ns.is_some_and(|oldest| slot.time_ns <= oldest);
            let is_beyond = limits.max_messages.is_some_and(|max| self.messages > max)
                || limits.max_bytes.is_some_and(|max| self.bytes > max);
            if !is_old && !is_beyond {
                break;
            }
            self.kill(seq);
            removed.push(seq);
            from = seq + 1;
        }
        removed
    }

    /// Only subjects that grew since the last time are looked at, unless the limit is another one now.
    fn enforce_per_subject(&mut self, max: Option<u64>, removed: &mut Vec<u64>) {
        let grown = std::mem::take(&mut self.grown);
        let is_known = self.per_subject_enforced == max;
        self.per_subject_enforced = max;
        let Some(max) = max else { return };
        let ids = match is_known {
            true => grown,
            false => self.subjects.iter().map(|(id, _)| id).collect(),
        };
        for id in ids {
            while self.subjects.get(id).is_some_and(|state| state.messages > max) {
                let Some(seq) = self.first_of(id) else { break };
                self.kill(seq);
                removed.push(seq);
            }
        }
    }

    /// The oldest living entry of a subject, remembered so that the next search begins there.
    fn first_of(&mut self, id: SubjectId) -> Option<u64> {
        let state = self.subjects.get(id)?;
        let mut found = None;
        self.walk(state.first_seq, |segment, slot| {
            if slot.subject != id {
                return ControlFlow::Continue(());
            }
            found = Some(segment.seq_of(slot));
            ControlFlow::Break(())
        });
        self.subjects.get_mut(id)?.first_seq = found?;
        found
    }
}
