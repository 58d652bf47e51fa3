//! Reading: looks a place up in the index, reads it from the file without a lock, and checks the record.
//!
//! Owns nothing; the system's page cache is the cache. Records that lie side by side are read with one call.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::error::{Error, Result};
use super::files::{self, DiskFiles, File, Files};
use super::record::{self, Body};
use super::{Entry, LIVE_NAME, Shared};
use crate::subject::{Filter, Subject};

/// A page of entries ends when it is this large.
const PAGE_BYTES_MAX: u64 = 8 << 20;
/// Neighbours are read together up to this size.
const RUN_BYTES_MAX: u64 = 256 << 10;
/// A file is copied in pieces of this size.
const COPY_BYTES: usize = 1 << 20;

/// Where an entry is, with everything that is needed to read it after the lock is gone.
struct Place {
    seq: u64,
    offset: u64,
    length: u64,
    subject: Subject,
}

/// Neighbours in one file.
struct Run {
    file: Arc<dyn File>,
    places: Vec<Place>,
    bytes: u64,
}

impl Run {
    fn end(&self) -> u64 {
        self.places.last().map_or(0, |place| place.offset + place.length)
    }

    fn takes(&self, file: &Arc<dyn File>, place: &Place) -> bool {
        Arc::ptr_eq(&self.file, file)
            && self.end() == place.offset
            && self.bytes + place.length <= RUN_BYTES_MAX
    }
}

impl Shared {
    pub(super) fn get(&self, seq: u64) -> Result<Option<Entry>> {
        let index = self.index.read();
        let Some((segment, slot)) = index.find(seq) else { return Ok(None) };
        let Some(state) = index.subjects.get(slot.subject) else { return Ok(None) };
        let length = u64::from(slot.length());
        let offset = u64::from(slot.offset);
        let place = Place { seq, offset, length, subject: state.subject.clone() };
        let run = Run { file: segment.file.clone(), bytes: length, places: vec![place] };
        drop(index);
        let mut entries = Vec::new();
        read_run(&run, &mut entries)?;
        Ok(entries.pop())
    }

    pub(super) fn next(&self, after: u64, filters: &[Filter], limit: usize) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for run in self.find_runs(after, filters, limit) {
            match read_run(&run, &mut entries) {
                // What is before the damage is given first; the next call begins with the damage.
                Err(Error::Damaged { .. }) if !entries.is_empty() => break,
                other => other?,
            }
        }
        Ok(entries)
    }

    fn find_runs(&self, after: u64, filters: &[Filter], limit: usize) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let (mut count, mut bytes) = (0, 0);
        if limit == 0 {
            return runs;
        }
        let index = self.index.read();
        index.walk_selected(after.saturating_add(1), filters, |segment, slot| {
            let length = u64::from(slot.length());
            let Some(state) = index.subjects.get(slot.subject) else {
                return ControlFlow::Continue(());
            };
            if count > 0 && bytes + length > PAGE_BYTES_MAX {
                return ControlFlow::Break(());
            }
            let place = Place {
                seq: segment.seq_of(slot),
                offset: u64::from(slot.offset),
                length,
                subject: state.subject.clone(),
            };
            push_place(&mut runs, &segment.file, place);
            count += 1;
            bytes += length;
            if count < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        runs
    }

    pub(super) fn next_seq_after(&self, after: u64, filters: &[Filter]) -> Option<u64> {
        let mut found = None;
        self.index.read().walk_selected(after.saturating_add(1), filters, |segment, slot| {
            found = Some(segment.seq_of(slot));
            ControlFlow::Break(())
        });
        found
    }

    pub(super) fn subjects(&self, filter: Option<&Filter>) -> Vec<(String, u64)> {
        let index = self.index.read();
        let states = index.subjects.iter().map(|(_, state)| state);
        let meant = states.filter(|state| filter.is_none_or(|it| it.matches(&state.subject)));
        let mut found: Vec<_> =
            meant.map(|state| (state.subject.as_str().to_owned(), state.messages)).collect();
        drop(index);
        found.sort();
        found
    }

    /// Copies what is on disk now. The folder is made when it is not there.
    pub(super) fn copy_to(&self, folder: &Path) -> Result<()> {
        let target = DiskFiles::new(folder).map_err(Error::io("make the snapshot's folder"))?;
        if !target.list().map_err(Error::io("list the snapshot's folder"))?.is_empty() {
            // It could be an earlier snapshot, or the log itself.
            let cause = std::io::ErrorKind::DirectoryNotEmpty.into();
            return Err(Error::io("copy into a folder that is not empty")(cause));
        }
        // Held, so that no sealed file is deleted or rewritten before it is copied.
        let _sealed = self.sealed_files.lock();
        let (sealed, live, live_bytes) = {
            let index = self.index.read();
            let (live, sealed) = match index.segments.split_last() {
                Some(split) => split,
                None => return Ok(()),
            };
            let names: Vec<String> = sealed.iter().map(|segment| segment.name.clone()).collect();
            (names, live.file.clone(), live.bytes)
        };
        for name in sealed {
            self.files.export(&name, folder).map_err(Error::io("copy a sealed file"))?;
        }
        // By its handle and not by its name: it may be sealed at this moment.
        let copy = target.create(LIVE_NAME).map_err(Error::io("create the snapshot's file"))?;
        copy_bytes(&*live, &*copy, live_bytes).map_err(Error::io("copy the live file"))?;
        target.sync_folder().map_err(Error::io("sync the snapshot's folder"))
    }
}

fn push_place(runs: &mut Vec<Run>, file: &Arc<dyn File>, place: Place) {
    match runs.last_mut().filter(|run| run.takes(file, &place)) {
        Some(run) => {
            run.bytes += place.length;
            run.places.push(place);
        }
        None => runs.push(Run { file: file.clone(), bytes: place.length, places: vec![place] }),
    }
}

fn read_run(run: &Run, entries: &mut Vec<Entry>) -> Result<()> {
    let Some(first) = run.places.first() else { return Ok(()) };
    let mut buffer = vec![0; run.bytes as usize];
    let length = files::read_full(&*run.file, first.offset, &mut buffer)
        .map_err(Error::io("read entries"))?;
    buffer.truncate(length);
    let bytes = Bytes::from(buffer);
    for place in &run.places {
        let start = (place.offset - first.offset) as usize;
        entries.push(read_entry(&bytes, start, place)?);
    }
    Ok(())
}

fn read_entry(bytes: &Bytes, start: usize, place: &Place) -> Result<Entry> {
    let seq = place.seq;
    let record = bytes.get(start..).and_then(record::decode).ok_or(Error::Damaged { seq })?;
    match record.body {
        Body::Entry(entry) if entry.seq == seq => Ok(Entry {
            seq,
            time_ns: entry.time_ns,
            subject: place.subject.clone(),
            headers: bytes.slice_ref(entry.headers),
            payload: bytes.slice_ref(entry.payload),
        }),
        _ => Err(Error::Damaged { seq }),
    }
}

fn copy_bytes(from: &dyn File, to: &dyn File, length: u64) -> std::io::Result<()> {
    let mut buffer = vec![0; COPY_BYTES];
    let mut offset = 0;
    while offset < length {
        let some = (length - offset).min(COPY_BYTES as u64) as usize;
        let read = files::read_full(from, offset, &mut buffer[..some])?;
        if read < some {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        files::write_all(to, offset, &buffer[..some])?;
        offset += some as u64;
    }
    to.sync_data()
}
