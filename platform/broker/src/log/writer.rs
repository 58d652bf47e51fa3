//! The one thread that writes a log: takes all that waits, writes it with one call, syncs once, answers all.
//!
//! Owns the live file. Promises: nobody is told "kept" before the sync that covers it returned; after a write or sync
//! that failed nothing is tried again, except that a full disk is no failure when what was written in part could be
//! cut off again. New files are prepared by the keeper, so that the writer only renames; a file that was not is extended
//! with zeros ahead of small batches, because what overwrites is synced in half the time of what appends.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::error::{Error, Result, is_disk_full};
use super::files::{self, File};
use super::queue::{self, Batch, Item, What};
use super::record::{self, Mark};
use super::recovery::{self, sealed_name};
use super::segment::Segment;
use super::{LIVE_NAME, Settings, Shared};

/// Offsets in a file are kept in 32 bits, and the last batch of a file may be as large as the queue.
pub(crate) const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// Zeros are written ahead as far as the file is long, within these bounds, so that small streams stay small.
const AHEAD_BYTES_MIN: u64 = 16 << 10;
const AHEAD_BYTES_MAX: u64 = 256 << 10;
/// Larger batches gain nothing from it.
const SMALL_BATCH_BYTES: u64 = 64 << 10;

/// The file that is written.
pub(crate) struct Live {
    pub file: Arc<dyn File>,
    /// Where the next batch goes; at 0 the header is still to be written.
    pub position: u64,
    /// Up to here the file is there already; zeros behind `position`.
    pub extended_to: u64,
    pub first_seq: u64,
    pub has_entries: bool,
    /// The disk had no room for zeros: none are written ahead in this file any more.
    pub is_tight: bool,
}

impl Live {
    /// A file without records, which may be there in full length already.
    pub fn new(file: Arc<dyn File>, first_seq: u64) -> Self {
        // A file whose length cannot be known is extended as if it had none.
        let extended_to = file.length().unwrap_or(0);
        Self { file, position: 0, extended_to, first_seq, has_entries: false, is_tight: false }
    }

    /// How many zeros follow a batch that ends here.
    fn zeros_ahead(&self, end: u64, settings: &Settings) -> u64 {
        let is_small = end - self.position <= SMALL_BATCH_BYTES;
        if end <= self.extended_to || !is_small || self.is_tight || !settings.sync {
            return 0;
        }
        let room = settings.segment_bytes.saturating_sub(end);
        end.clamp(AHEAD_BYTES_MIN, AHEAD_BYTES_MAX).min(room)
    }
}

/// Starts the thread.
pub(crate) fn start(shared: Arc<Shared>, live: Live) -> Result<JoinHandle<()>> {
    let meters = Meters::new(&shared.settings.name);
    let name = format!("log {}", shared.settings.name);
    let mut writer = Writer { shared, live, owed: Owed::default(), meters };
    thread::Builder::new()
        .name(name)
        .spawn(move || writer.run())
        .map_err(Error::io("start the writer's thread"))
}

struct Meters {
    sync_seconds: metrics::Histogram,
    batch_entries: metrics::Histogram,
    queue_bytes: metrics::Gauge,
}

impl Meters {
    fn new(log: &str) -> Self {
        let log = log.to_owned();
        Self {
            sync_seconds: metrics::histogram!("backline_broker_log_sync_seconds", "log" => log.clone()),
            batch_entries: metrics::histogram!("backline_broker_log_batch_entries", "log" => log.clone()),
            queue_bytes: metrics::gauge!("backline_broker_log_queue_bytes", "log" => log),
        }
    }
}

/// Removals that found the disk full: they are true already and are written as soon as there is room.
#[derive(Default)]
struct Owed {
    bytes: Vec<u8>,
    ranges: Vec<(u64, u64)>,
}

struct Writer {
    shared: Arc<Shared>,
    live: Live,
    owed: Owed,
    meters: Meters,
}

impl Writer {
    fn run(&mut self) {
        let mut spare = Batch::default();
        while let Some(mut batch) = self.shared.queue.take(spare) {
            self.commit(&mut batch);
            self.meters.queue_bytes.set(self.shared.queue.bytes() as f64);
            spare = batch;
        }
        // Zeros that were not used; they do no harm if this fails.
        let _ = self.live.file.truncate(self.live.position);
    }

    fn commit(&mut self, batch: &mut Batch) {
        self.meters.queue_bytes.set(batch.bytes.len() as f64);
        self.meters.batch_entries.record(batch.items.len() as f64);
        let result = self.write(batch);
        match &result {
            Ok(start) => self.publish(batch, *start),
            Err(Error::DiskFull) => self.owe(batch),
            Err(_) => {}
        }
        self.shared.queue.settle(batch);
        // Before the answers: who has one must not be able to append any more.
        if let Err(Error::Failed(reason)) = &result {
            self.shared.queue.fail(reason.clone());
        }
        let answer = result.map(|_| ());
        for item in &mut batch.items {
            queue::answer(item, &answer);
        }
    }

    /// Writes and syncs a batch. Says where in the file its bytes begin.
    fn write(&mut self, batch: &mut Batch) -> Result<u64> {
        let first_seq = lowest_seq(batch);
        self.roll_when_full(batch.bytes.len() as u64, first_seq)?;
        let mut prefix = Vec::new();
        if self.live.position == 0 {
            prefix = self.head(self.live.first_seq);
        }
        prefix.extend_from_slice(&self.owed.bytes);
        let start = self.live.position + prefix.len() as u64;
        if !prefix.is_empty() {
            batch.bytes.splice(0..0, prefix);
        }
        if batch.bytes.is_empty() {
            return Ok(start);
        }
        self.write_bytes(&mut batch.bytes)?;
        self.pay_owed();
        Ok(start)
    }

    /// What a file begins with.
    fn head(&self, first_seq: u64) -> Vec<u8> {
        let mut head = Vec::new();
        record::encode_header(&mut head, first_seq);
        let mark = self.shared.index.read().mark;
        let next_seq = mark.next_seq.max(first_seq);
        record::encode_mark(&mut head, Mark { truncated: mark.truncated, next_seq });
        head
    }

    fn write_bytes(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        let length = bytes.len();
        let end = self.live.position + length as u64;
        let ahead = self.live.zeros_ahead(end, &self.shared.settings);
        bytes.resize(length + ahead as usize, 0);
        let mut written = self.write_and_sync(bytes);
        bytes.truncate(length);
        if ahead > 0 && matches!(written, Err(Error::DiskFull)) {
            // There may be room for the batch itself.
            self.live.is_tight = true;
            written = self.write_and_sync(bytes);
        }
        written?;
        self.live.position = end;
        Ok(())
    }

    fn write_and_sync(&mut self, bytes: &[u8]) -> Result<()> {
        match files::write_all(&*self.live.file, self.live.position, bytes) {
            Ok(()) => {}
            Err(error) if is_disk_full(&error) => return Err(self.take_back()),
            Err(error) => return Err(self.give_up("write", &error)),
        }
        self.sync()?;
        let end = self.live.position + bytes.len() as u64;
        self.live.extended_to = self.live.extended_to.max(end);
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        if !self.shared.settings.sync {
            return Ok(());
        }
        let begun = Instant::now();
        let synced = self.live.file.sync_data();
        self.meters.sync_seconds.record(begun.elapsed().as_secs_f64());
        synced.map_err(|error| self.give_up("sync", &error))
    }

    /// Cuts off what was written of a batch before the disk was full. When that is not certain, the log stops.
    fn take_back(&mut self) -> Error {
        let Live { file, position, .. } = &self.live;
        let cut = file.truncate(*position).and_then(|()| file.sync_data());
        self.live.extended_to = self.live.position;
        match cut {
            Ok(()) => Error::DiskFull,
            Err(error) => self.give_up("cut off what did not fit", &error),
        }
    }

    /// The system may have dropped what it could not write and say "synced" the next time: never try again.
    fn give_up(&self, action: &str, error: &std::io::Error) -> Error {
        // What readers must never see is cut off, if that still works; the next opening checks in any case.
        let is_cut = self.live.file.truncate(self.live.position).is_ok();
        let reason = format!("cannot {action} at {} of {LIVE_NAME}: {error}", self.live.position);
        tracing::error!(log = self.shared.settings.name, reason, is_cut, "the log stopped");
        Error::Failed(Arc::from(reason))
    }

    /// Seals the live file when the batch does not fit, and goes on in a new one. A file without entries is not
    /// sealed: the next one would begin with the same sequence and have the same name.
    fn roll_when_full(&mut self, batch_bytes: u64, first_seq: Option<u64>) -> Result<()> {
        let bytes_max = self.shared.settings.segment_bytes.min(SEGMENT_BYTES_MAX);
        let end = self.live.position + batch_bytes;
        if end > bytes_max / 2 {
            self.shared.keeper.prepare();
        }
        let is_full = end > bytes_max && self.live.has_entries;
        match first_seq.filter(|_| is_full) {
            Some(first_seq) => self.roll(first_seq),
            None => Ok(()),
        }
    }

    fn roll(&mut self, first_seq: u64) -> Result<()> {
        let shared = self.shared.clone();
        let (next_name, next_file) = match shared.keeper.take_prepared() {
            Some(prepared) => prepared,
            None => self.create_next()?,
        };
        let head = self.head(first_seq);
        self.begin(&*next_file, &head)?;
        // Zeros that were prepared and not used.
        let sealed = sealed_name(self.live.first_seq);
        let files = &shared.files;
        // Each name is certain before the next one changes: in whatever order a file system keeps them, the live
        // file is never replaced before it has its new name.
        let renamed = (self.live.file.truncate(self.live.position))
            .and_then(|()| recovery::seal(&**files, &sealed))
            .and_then(|()| files.sync_folder())
            .and_then(|()| files.rename(&next_name, LIVE_NAME))
            .and_then(|()| files.sync_folder());
        renamed.map_err(|error| self.give_up("begin a new file", &error))?;
        let mut index = shared.index.write();
        if let Some(segment) = index.segments.last_mut() {
            segment.name = sealed;
        }
        index.segments.push(Segment::new(first_seq, LIVE_NAME.to_owned(), next_file.clone()));
        self.live = Live { position: head.len() as u64, ..Live::new(next_file, first_seq) };
        Ok(())
    }

    /// A file says where it begins before it gets its name: otherwise, after a crash, only the one before would know.
    fn begin(&self, file: &dyn File, head: &[u8]) -> Result<()> {
        match files::write_all(file, 0, head).and_then(|()| file.sync_data()) {
            Ok(()) => Ok(()),
            Err(error) if is_disk_full(&error) => Err(Error::DiskFull),
            Err(error) => Err(self.give_up("begin a new file", &error)),
        }
    }

    /// The keeper has not been fast enough.
    fn create_next(&self) -> Result<(String, Arc<dyn File>)> {
        let name = super::keeper::NEXT_NAME;
        match self.shared.files.create(name) {
            Ok(file) => Ok((name.to_owned(), file)),
            Err(error) if is_disk_full(&error) => Err(Error::DiskFull),
            Err(error) => Err(self.give_up("create a new file", &error)),
        }
    }

    /// Shows readers what is on disk now.
    fn publish(&mut self, batch: &mut Batch, start: u64) {
        let mut has_removals = false;
        let mut last_seq = None;
        let mut index = self.shared.index.write();
        for item in &mut batch.items {
            let place = (start + item.offset as u64, item.length as u64);
            match &item.what {
                What::Entry { seq, time_ns, subject } => {
                    index.push(*seq, *time_ns, subject.clone(), place);
                    last_seq = Some(*seq);
                }
                What::Removed(ranges) => {
                    has_removals = true;
                    if let Some(live) = index.segments.last_mut() {
                        live.push_removals(ranges, place.1);
                    }
                }
                What::Mark(mark) => {
                    has_removals = true;
                    index.confirm_mark(mark.truncated);
                }
                What::Flush => {}
            }
        }
        if let Some(live) = index.segments.last_mut() {
            live.bytes = self.live.position;
        }
        drop(index);
        if let Some(seq) = last_seq {
            self.live.has_entries = true;
            self.shared.readable.send_replace(seq);
        }
        if has_removals {
            self.shared.keeper.reclaim();
        }
    }

    /// What was owed is in the live file now.
    fn pay_owed(&mut self) {
        if self.owed.bytes.is_empty() {
            return;
        }
        let owed = std::mem::take(&mut self.owed);
        if let Some(live) = self.shared.index.write().segments.last_mut() {
            live.push_removals(&owed.ranges, owed.bytes.len() as u64);
        }
    }

    /// Keeps the removals of a batch that did not fit.
    fn owe(&mut self, batch: &Batch) {
        // The batch's bytes may have a prefix by now: its own begin where the items' do.
        let own: usize = batch.items.iter().map(|item| item.length).sum();
        let begin = batch.bytes.len() - own;
        for item in batch.items.iter().filter(|item| is_removal(item)) {
            let offset = begin + item.offset;
            self.owed.bytes.extend_from_slice(&batch.bytes[offset..offset + item.length]);
            if let What::Removed(ranges) = &item.what {
                self.owed.ranges.extend_from_slice(ranges);
            }
        }
        // Deleting files needs no room and makes some.
        self.shared.keeper.reclaim();
    }
}

fn is_removal(item: &Item) -> bool {
    matches!(item.what, What::Removed(_) | What::Mark(_))
}

fn lowest_seq(batch: &Batch) -> Option<u64> {
    batch.items.iter().find_map(|item| match item.what {
        What::Entry { seq, .. } => Some(seq),
        _ => None,
    })
}
