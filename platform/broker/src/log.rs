//! The messages of one stream on disk.
//!
//! Owns one folder: sealed segments `messages-<first sequence>.log`, the live one `messages.log`, and now and then
//! `messages.prepared`, `messages.next` or one that ends in `.new`, which are of no worth after a restart.
//!
//! Promises: a [`Ticket`] resolves with a sequence only after the entry is on disk; the order of calls is the order of
//! sequences and the order in the file; no sequence is used twice; readers see only what is on disk and whole; after a
//! write or sync that failed nothing more is acknowledged until the log is opened anew. A log keeps 24 bytes in memory
//! for each message, and each subject once. Opening needs memory for the largest segment for a moment. On disk, the
//! next segment is prepared in full size as soon as the live one is half full, and not before.
//!
//! Who may publish can put anything into a payload, also what looks like a record: it is never taken for one unless
//! the length of the record around it is damaged too.
//!
//! Does not know the time (it is an argument), nor de-duplication, nor consumers. Reading blocks for as long as the
//! disk takes.

mod error;
#[doc(hidden)]
pub mod faults;
mod files;
mod index;
mod keeper;
mod parts;
mod queue;
mod reader;
mod record;
mod recovery;
mod retention;
mod segment;
mod subjects;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

pub use error::{Error, Result};
pub use files::{DiskFiles, File, Files, OpenFiles};
pub(crate) use parts::end_of_records;
pub use queue::{Then, Ticket};
pub use recovery::{Damage, Recovery, TornTail, Unreadable};
pub use retention::{Limits, Purge};

use crate::subject::{Filter, Subject};
use index::Index;
use keeper::Keeper;
use queue::Queue;

/// The name of the file that is written.
pub(crate) const LIVE_NAME: &str = "messages.log";

/// How a log is kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// For threads and metrics: the stream's name.
    pub name: String,
    /// A new file is begun at about this size. At most 1 GiB.
    pub segment_bytes: u64,
    /// Appends are refused with [`Error::Full`] when this many bytes wait to be written.
    pub queue_bytes: usize,
    /// The same for the number of entries.
    pub queue_entries: usize,
    /// Whether entries are acknowledged only after a sync. False only for streams that may be lost.
    pub sync: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "log".to_owned(),
            segment_bytes: 64 << 20,
            queue_bytes: 8 << 20,
            queue_entries: 16_384,
            sync: true,
        }
    }
}

/// What is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// Where it was published to.
    pub subject: Subject,
    /// The header block, empty when there is none.
    pub headers: Bytes,
    /// The body.
    pub payload: Bytes,
    /// Nanoseconds since 1970.
    pub time_ns: i64,
}

/// What was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the stream, from 1.
    pub seq: u64,
    /// Nanoseconds since 1970.
    pub time_ns: i64,
    /// Where it was published to.
    pub subject: Subject,
    /// The header block, empty when there is none.
    pub headers: Bytes,
    /// The body. Shares memory with its neighbours: copy it to keep it for long.
    pub payload: Bytes,
}

/// What a log holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Messages that are there.
    pub messages: u64,
    /// What their records take on disk.
    pub bytes: u64,
    /// The oldest message; when there is none, the one behind `last_seq`.
    pub first_seq: u64,
    /// Its time; 0 when there is none.
    pub first_time_ns: i64,
    /// The highest sequence that has been on disk, even if that message is gone; 0 when there never was one.
    pub last_seq: u64,
    /// The time of the newest message since the log was opened or that was found then; 0 when there was none.
    pub last_time_ns: i64,
    /// Subjects that have messages.
    pub subjects: u64,
}

/// One stream's messages. See the module.
pub struct Log {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
    keeper: Option<JoinHandle<()>>,
}

/// What the threads and the callers have in common.
struct Shared {
    settings: Settings,
    files: Arc<dyn Files>,
    queue: Queue,
    index: RwLock<Index>,
    keeper: Keeper,
    /// Held while sealed files are deleted, rewritten or copied.
    sealed_files: Mutex<()>,
    /// The highest sequence that can be read.
    readable: watch::Sender<u64>,
}

impl Log {
    /// Opens the log of a folder, makes one when there is none, and says what was found.
    ///
    /// A torn end of the live file is cut; anything else that is damaged is left as it is, skipped and reported.
    pub fn open(settings: Settings, files: Arc<dyn Files>) -> Result<(Self, Recovery)> {
        // The last batch of a file may go beyond its size.
        let longest = settings.segment_bytes.saturating_add(settings.queue_bytes as u64);
        let found = recovery::recover(&*files, longest)?;
        let next_seq = found.index.mark.next_seq;
        let shared = Arc::new(Shared {
            queue: Queue::new(&settings, next_seq),
            index: RwLock::new(found.index),
            keeper: Keeper::default(),
            sealed_files: Mutex::new(()),
            readable: watch::Sender::new(next_seq - 1),
            settings,
            files,
        });
        let writer = writer::start(shared.clone(), found.live)?;
        let keeper = keeper::start(shared.clone())?;
        Ok((Self { shared, writer: Some(writer), keeper: Some(keeper) }, found.recovery))
    }

    /// Takes an entry and says at once which sequence it has; the ticket says when it is on disk.
    ///
    /// Never waits for the disk, so that it can be called inside the caller's own short lock around "decide and
    /// append". [`Error::Full`] means that nothing was taken. Dropping the ticket changes nothing: the entry is kept.
    pub fn append(&self, entry: NewEntry) -> Result<(u64, Ticket)> {
        self.shared.queue.append(entry, None)
    }

    /// [`Log::append`], and something to do by the thread that writes, as soon as the entry is on disk.
    pub fn append_then(&self, entry: NewEntry, then: Option<Then>) -> Result<(u64, Ticket)> {
        self.shared.queue.append(entry, then)
    }

    /// Resolves when [`Log::append`] may have room again.
    pub async fn room(&self) {
        self.shared.queue.room().await;
    }

    /// A ticket for everything that was appended or removed before.
    pub fn flush(&self) -> Result<Ticket> {
        self.shared.queue.flush()
    }

    /// The sequence that the next append gets.
    pub fn next_seq(&self) -> u64 {
        self.shared.queue.next_seq()
    }

    /// The highest sequence that can be read, each time that it grows.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.readable.subscribe()
    }

    /// Why the log stopped, if it did.
    pub fn check(&self) -> Result<()> {
        self.shared.queue.check()
    }

    /// The entry of a sequence, when there is one and it is on disk.
    pub fn get(&self, seq: u64) -> Result<Option<Entry>> {
        self.shared.get(seq)
    }

    /// Whether the sequence is in the live file, whose pages the system has just written and keeps: reading it does not
    /// have to wait for the disk.
    pub fn is_recent(&self, seq: u64) -> bool {
        let index = self.shared.index.read();
        index.segments.last().is_some_and(|live| live.first_seq <= seq)
    }

    /// Where the entry of a sequence was published to, without reading it.
    pub fn subject_of(&self, seq: u64) -> Option<Subject> {
        let index = self.shared.index.read();
        let (_, slot) = index.find(seq)?;
        index.subjects.get(slot.subject).map(|state| state.subject.clone())
    }

    /// Entries behind a sequence, oldest first, of some subjects (no filters mean all), at most so many.
    ///
    /// Ends earlier when they are large together (8 MiB), or before a damaged one. When the first one is damaged, the
    /// error says which, and the caller goes on behind it.
    pub fn next(&self, after: u64, filters: &[Filter], limit: usize) -> Result<Vec<Entry>> {
        self.shared.next(after, filters, limit)
    }

    /// The sequence of the next entry behind one, without reading it.
    pub fn next_seq_after(&self, after: u64, filters: &[Filter]) -> Option<u64> {
        self.shared.next_seq_after(after, filters)
    }

    /// What is there.
    pub fn state(&self) -> State {
        self.shared.index.read().state()
    }

    /// The last entry of a subject that can be read.
    pub fn last_of(&self, subject: &str) -> Option<u64> {
        self.shared.index.read().last_of(subject)
    }

    /// The last entry of a subject, on disk or on its way: what an expected last sequence is compared with.
    pub fn last_given_to(&self, subject: &Subject) -> Option<u64> {
        let pending = self.shared.queue.pending_of(subject);
        pending.or_else(|| self.last_of(subject.as_str()))
    }

    /// The subjects that a filter means (none means all), each with its number of messages, in order.
    pub fn subjects(&self, filter: Option<&Filter>) -> Vec<(String, u64)> {
        self.shared.subjects(filter)
    }

    /// How many entries there are from a sequence on.
    pub fn count_from(&self, seq: u64, filters: &[Filter]) -> u64 {
        self.shared.index.read().count_from(seq, filters)
    }

    /// The first entry that is not older than a time; the one behind the last when all are.
    pub fn seq_at(&self, time_ns: i64) -> u64 {
        self.shared.index.read().seq_at(time_ns)
    }

    /// Removes one entry. It is gone at once; the ticket says when it stays gone. `None` when there is no such entry.
    pub fn remove(&self, seq: u64) -> Result<Option<Ticket>> {
        self.shared.remove(seq)
    }

    /// Removes many. Says how many are gone at once; the ticket says when they stay gone.
    pub fn purge(&self, purge: &Purge) -> Result<(u64, Ticket)> {
        self.shared.purge(purge)
    }

    /// Removes what is beyond the limits, and says how many. Cheap when nothing is; call it as often as you like.
    pub fn enforce(&self, limits: &Limits, now_ns: i64) -> Result<u64> {
        self.shared.enforce(limits, now_ns)
    }

    /// Copies what is on disk at a moment after the call into an empty folder, which can be opened as a log. Sealed
    /// files are shared (hard links) where the file system can.
    pub async fn snapshot(&self, folder: impl AsRef<Path>) -> Result<()> {
        self.flush()?.await?;
        let (shared, folder) = (self.shared.clone(), folder.as_ref().to_owned());
        let copied = tokio::task::spawn_blocking(move || shared.copy_to(&folder)).await;
        copied.unwrap_or_else(|_| Err(Error::Failed(Arc::from("copying was interrupted"))))
    }
}

impl Drop for Log {
    /// What was taken is still written; then the threads end. Blocks until then.
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(writer) = self.writer.take() {
            // A panic of the writer has been printed already.
            let _ = writer.join();
        }
        self.shared.keeper.close();
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}
