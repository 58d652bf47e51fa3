//! The thread that does for a log what would hold up its writer: prepares the next file, deletes sealed files of which
//! nothing lives any more, and rewrites those of which more than half is dead.
//!
//! Promises: a removal is forgotten only when the record of what it removed is gone from the disk for certain; a
//! damaged file is never rewritten, and deleted only when everything that may have been in it would be gone anyway.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};

use super::Shared;
use super::error::{Error, Result};
use super::files::{self, File};
use super::index::Index;
use super::record::{self, Mark};
use super::segment::{NewSlot, Segment, Slot};
use super::writer::SEGMENT_BYTES_MAX;

/// A new file before it becomes the live one.
pub(crate) const NEXT_NAME: &str = "messages.next";
const PREPARED_NAME: &str = "messages.prepared";
const REWRITTEN_SUFFIX: &str = ".new";

/// Records are copied in pieces of this size.
const COPY_BYTES: usize = 1 << 20;

/// Of no worth after a restart.
pub(crate) fn is_leftover(name: &str) -> bool {
    let is_rewritten = name.starts_with("messages-") && name.ends_with(REWRITTEN_SUFFIX);
    name == NEXT_NAME || name == PREPARED_NAME || is_rewritten
}

/// What the keeper is asked to do.
#[derive(Default)]
pub(crate) struct Keeper {
    wishes: Mutex<Wishes>,
    wake: Condvar,
}

#[derive(Default)]
struct Wishes {
    next: Next,
    must_reclaim: bool,
    is_closed: bool,
}

/// Only the writer begins a preparation and takes its result, so that the name is free again each time.
#[derive(Default)]
enum Next {
    #[default]
    None,
    Wanted,
    Running,
    Ready(Arc<dyn File>),
    /// Not tried again for this file: on a full disk every try would make it worse.
    Failed,
}

impl Keeper {
    /// Wants a file to be ready soon.
    pub fn prepare(&self) {
        let mut wishes = self.wishes.lock();
        if matches!(wishes.next, Next::None) {
            wishes.next = Next::Wanted;
            self.wake.notify_one();
        }
    }

    /// The next file with its name, when it is ready.
    pub fn take_prepared(&self) -> Option<(String, Arc<dyn File>)> {
        let mut wishes = self.wishes.lock();
        match std::mem::take(&mut wishes.next) {
            Next::Ready(file) => Some((PREPARED_NAME.to_owned(), file)),
            Next::Failed => None,
            other => {
                wishes.next = other;
                None
            }
        }
    }

    /// Wants dead files to be looked for.
    pub fn reclaim(&self) {
        self.wishes.lock().must_reclaim = true;
        self.wake.notify_one();
    }

    pub fn close(&self) {
        self.wishes.lock().is_closed = true;
        self.wake.notify_one();
    }

    /// Waits for something to do.
    fn wait(&self) -> Option<Job> {
        let mut wishes = self.wishes.lock();
        loop {
            if wishes.is_closed {
                return None;
            }
            if matches!(wishes.next, Next::Wanted) {
                wishes.next = Next::Running;
                return Some(Job::Prepare);
            }
            if std::mem::take(&mut wishes.must_reclaim) {
                return Some(Job::Reclaim);
            }
            self.wake.wait(&mut wishes);
        }
    }
}

enum Job {
    Prepare,
    Reclaim,
}

/// Starts the thread.
pub(crate) fn start(shared: Arc<Shared>) -> Result<JoinHandle<()>> {
    thread::Builder::new()
        .name(format!("keep {}", shared.settings.name))
        .spawn(move || run(&shared))
        .map_err(Error::io("start the keeper's thread"))
}

fn run(shared: &Shared) {
    while let Some(job) = shared.keeper.wait() {
        match job {
            Job::Prepare => prepare(shared),
            Job::Reclaim => shared.reclaim(),
        }
    }
}

fn prepare(shared: &Shared) {
    let prepared = shared.files.create(PREPARED_NAME).and_then(|file| {
        file.preallocate(shared.settings.segment_bytes.min(SEGMENT_BYTES_MAX))?;
        Ok(file)
    });
    let next = match prepared {
        Ok(file) => Next::Ready(file),
        Err(error) => {
            tracing::warn!(log = shared.settings.name, %error, "cannot prepare the next file");
            // If this fails too, the next opening removes it.
            let _ = shared.files.remove(PREPARED_NAME);
            Next::Failed
        }
    };
    shared.keeper.wishes.lock().next = next;
}

/// What is to be done with a sealed file.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    Keep,
    Delete,
    Rewrite(Vec<(u64, u64)>),
}

impl Shared {
    /// Gives space of dead entries back.
    pub(super) fn reclaim(&self) {
        let _sealed = self.sealed_files.lock();
        let mut place = 0;
        while place < count_reclaimable(&self.index.read()) {
            let plan = plan(&self.index.read(), place);
            let done = match plan {
                Plan::Keep => Ok(false),
                Plan::Delete => self.delete_segment(place).map(|()| true),
                Plan::Rewrite(removals) => self.rewrite(place, removals).map(|()| false),
            };
            match done {
                Ok(true) => {}
                Ok(false) => place += 1,
                Err(error) => {
                    tracing::warn!(log = self.settings.name, %error, "cannot give space back");
                    return;
                }
            }
        }
    }

    /// Certain before the next file is looked at: that one may hold the removals of this one's entries.
    fn delete_segment(&self, place: usize) -> Result<()> {
        let name = self.index.read().segments[place].name.clone();
        self.files.remove(&name).map_err(Error::io("delete a file"))?;
        self.files.sync_folder().map_err(Error::io("sync the folder"))?;
        self.index.write().segments.remove(place);
        Ok(())
    }

    /// Copies what lives into a new file, which then takes the name of the old one.
    fn rewrite(&self, place: usize, removals: Vec<(u64, u64)>) -> Result<()> {
        let (slots, source, name, first_seq, next_seq) = {
            let index = self.index.read();
            let (old, next) = (&index.segments[place], &index.segments[place + 1]);
            let live = old.slots.iter().filter(|slot| slot.is_live());
            let slots: Vec<(u64, Slot)> = live.map(|slot| (old.seq_of(slot), *slot)).collect();
            (slots, old.file.clone(), old.name.clone(), old.first_seq, next.first_seq)
        };
        if slots.is_empty() && removals.is_empty() {
            // The last of it was removed just now: it is deleted when it is looked at again.
            self.keeper.reclaim();
            return Ok(());
        }
        let temporary = format!("{name}{REWRITTEN_SUFFIX}");
        let file = self.files.create(&temporary).map_err(Error::io("create a file"))?;
        let mut copy = Segment::new(first_seq, name, file);
        // What is left does not tell any more how far the file went.
        let end = Mark { truncated: 0, next_seq };
        let copied = copy_live(&mut copy, end, &*source, &slots, &removals);
        if let Err(Error::Damaged { seq }) = copied {
            // From now on it is a damaged file like one that recovery found.
            self.index.write().segments[place].damaged_to = Some(seq);
            tracing::error!(seq, file = copy.name, "a record is damaged, its file is left alone");
            return self.files.remove(&temporary).map_err(Error::io("remove an unfinished file"));
        }
        copied?;
        self.files.rename(&temporary, &copy.name).map_err(Error::io("rename a file"))?;
        self.files.sync_folder().map_err(Error::io("sync the folder"))?;
        let mut index = self.index.write();
        kill_removed_meanwhile(&mut copy, &index.segments[place]);
        index.segments[place] = copy;
        Ok(())
    }
}

/// The newest file that says which sequences have been given out is kept in any case.
fn count_reclaimable(index: &Index) -> usize {
    let has_live_header = index.segments.last().is_some_and(|live| live.bytes > 0);
    index.segments.len().saturating_sub(if has_live_header { 1 } else { 2 })
}

fn plan(index: &Index, place: usize) -> Plan {
    let segment = &index.segments[place];
    let needed = needed_removals(index, place);
    if segment.live == 0 && needed.is_empty() {
        let is_covered = segment.damaged_to.is_none_or(|last| last <= index.truncated_for_certain);
        return if is_covered { Plan::Delete } else { Plan::Keep };
    }
    let frame_bytes = record::HEADER_BYTES as u64 + 32;
    let useful_bytes = segment.live_bytes + needed.len() as u64 * 16 + frame_bytes;
    match segment.damaged_to.is_none() && useful_bytes * 2 < segment.bytes {
        true => Plan::Rewrite(needed),
        false => Plan::Keep,
    }
}

/// Removals in a file of entries whose records are still in some other file, and that no mark covers.
fn needed_removals(index: &Index, place: usize) -> Vec<(u64, u64)> {
    let is_needed = |first: u64, last: u64| {
        last > index.truncated_for_certain
            && index.segments[..place].iter().any(|older| older.has_dead_in(first, last))
    };
    let removals = index.segments[place].removals.iter().copied();
    removals.filter(|(first, last)| is_needed(*first, *last)).collect()
}

fn copy_live(
    copy: &mut Segment,
    end: Mark,
    source: &dyn File,
    slots: &[(u64, Slot)],
    removals: &[(u64, u64)],
) -> Result<()> {
    let mut buffer = Vec::new();
    record::encode_header(&mut buffer, copy.first_seq);
    record::encode_mark(&mut buffer, end);
    if !removals.is_empty() {
        record::encode_removed(&mut buffer, removals);
        copy.push_removals(removals, buffer.len() as u64);
    }
    for (seq, slot) in slots {
        let place = NewSlot {
            seq: *seq,
            time_ns: slot.time_ns,
            offset: copy.bytes + buffer.len() as u64,
            length: u64::from(slot.length()),
            subject: slot.subject,
        };
        copy_record(&mut buffer, source, *seq, slot)?;
        copy.push(&place);
        if buffer.len() >= COPY_BYTES {
            write_on(copy, &mut buffer)?;
        }
    }
    write_on(copy, &mut buffer)?;
    copy.file.sync_data().map_err(Error::io("sync a rewritten file"))
}

fn copy_record(buffer: &mut Vec<u8>, source: &dyn File, seq: u64, slot: &Slot) -> Result<()> {
    let start = buffer.len();
    buffer.resize(start + slot.length() as usize, 0);
    files::read_full(source, u64::from(slot.offset), &mut buffer[start..])
        .map_err(Error::io("read a file to rewrite"))?;
    let is_whole = record::decode(&buffer[start..]).is_some();
    if is_whole { Ok(()) } else { Err(Error::Damaged { seq }) }
}

fn write_on(copy: &mut Segment, buffer: &mut Vec<u8>) -> Result<()> {
    files::write_all(&*copy.file, copy.bytes, buffer).map_err(Error::io("rewrite a file"))?;
    copy.bytes += buffer.len() as u64;
    buffer.clear();
    Ok(())
}

fn kill_removed_meanwhile(copy: &mut Segment, old: &Segment) {
    for place in 0..copy.slots.len() {
        let seq = copy.seq_of(&copy.slots[place]);
        if old.find(seq).is_none() {
            copy.kill(place);
        }
    }
}
