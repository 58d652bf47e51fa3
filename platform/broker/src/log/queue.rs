//! What waits for the writer: sequences are given out here, and records are encoded here, so that the order of calls
//! is the order in the file.
//!
//! Owns the next batch. Promises that it is bounded (bytes and entries) for appends, that after a failure nothing
//! more is taken, and that everybody who waits is answered.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use super::error::{Error, Result};
use super::record::{self, Mark};
use super::{NewEntry, Settings};
use crate::subject::Subject;

/// A buffer that grew larger than this is given back after its batch.
const BUFFER_BYTES_KEPT: usize = 4 << 20;

/// What is done with an entry's sequence by the thread that has just put it on disk, before anything else: it must be
/// quick. Never called for what is not kept.
pub type Then = Box<dyn FnOnce(u64) + Send>;

/// Resolves when what it stands for is on disk, with the sequence (0 for what has none), or says why it is not.
#[derive(Debug)]
#[must_use = "nothing is certain before the ticket says so"]
pub struct Ticket(Option<Arc<Slot>>);

/// Where the answer is put.
#[derive(Debug, Default)]
struct Slot {
    answer: OnceLock<Result<u64>>,
    waker: AtomicWaker,
}

impl Ticket {
    /// For what needed nothing to be written.
    pub(crate) fn done() -> Self {
        Self(None)
    }

    /// The answer, if there is one already.
    pub fn answer(&self) -> Option<Result<u64>> {
        match &self.0 {
            Some(slot) => slot.answer.get().cloned(),
            None => Some(Ok(0)),
        }
    }
}

impl Future for Ticket {
    type Output = Result<u64>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(slot) = &self.0 {
            // Registered before looking, so that no answer is missed in between.
            slot.waker.register(context.waker());
        }
        self.answer().map_or(Poll::Pending, Poll::Ready)
    }
}

/// The writer's side of a ticket, which is answered in any case.
pub(crate) struct Promise {
    slot: Arc<Slot>,
    then: Option<Then>,
}

impl Promise {
    fn new(then: Option<Then>) -> (Self, Ticket) {
        let slot = Arc::<Slot>::default();
        (Self { slot: slot.clone(), then }, Ticket(Some(slot)))
    }

    /// The answer can be seen before `then` tells anybody.
    fn keep(&mut self, answer: Result<u64>) {
        let kept = self.slot.answer.get_or_init(|| answer).as_ref().ok();
        if let (Some(seq), Some(then)) = (kept, self.then.take()) {
            then(*seq);
        }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.slot.answer.get_or_init(|| Err(Error::Failed(Arc::from("its writer ended"))));
        self.slot.waker.wake();
    }
}

/// One record of a batch, as the writer needs to know it.
pub(crate) struct Item {
    /// Where it begins in the batch.
    pub offset: usize,
    pub length: usize,
    pub what: What,
    pub promise: Option<Promise>,
}

pub(crate) enum What {
    Entry {
        seq: u64,
        time_ns: i64,
        subject: Subject,
    },
    Removed(Vec<(u64, u64)>),
    Mark(Mark),
    /// Nothing to write: the answer says that all before it is on disk.
    Flush,
}

/// What is written and synced together.
#[derive(Default)]
pub(crate) struct Batch {
    pub bytes: Vec<u8>,
    pub items: Vec<Item>,
}

struct Waiting {
    batch: Batch,
    /// The highest sequence of each subject that is not on disk yet, in this batch or the one being written.
    pending: HashMap<Subject, u64>,
    next_seq: u64,
    failed: Option<Arc<str>>,
    is_closed: bool,
}

pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    /// Wakes the writer.
    filled: Condvar,
    /// Wakes those who wait for room.
    room: Notify,
    bytes_max: usize,
    entries_max: usize,
}

impl Queue {
    pub fn new(settings: &Settings, next_seq: u64) -> Self {
        let waiting = Waiting {
            batch: Batch::default(),
            pending: HashMap::new(),
            next_seq,
            failed: None,
            is_closed: false,
        };
        Self {
            waiting: Mutex::new(waiting),
            filled: Condvar::new(),
            room: Notify::new(),
            bytes_max: settings.queue_bytes,
            entries_max: settings.queue_entries,
        }
    }

    /// Takes an entry and gives it its sequence.
    pub fn append(&self, entry: NewEntry, then: Option<Then>) -> Result<(u64, Ticket)> {
        let length = record::entry_length(&entry);
        if length > record::RECORD_BYTES_MAX {
            return Err(Error::TooLarge { bytes: length });
        }
        let mut waiting = self.waiting.lock();
        waiting.check()?;
        if !self.has_room(&waiting, length) {
            return Err(Error::Full);
        }
        let seq = waiting.next_seq;
        waiting.next_seq += 1;
        waiting.pending.insert(entry.subject.clone(), seq);
        let offset = waiting.batch.bytes.len();
        record::encode_entry(&mut waiting.batch.bytes, seq, &entry);
        let what = What::Entry { seq, time_ns: entry.time_ns, subject: entry.subject };
        Ok((seq, self.push(&mut waiting, offset, what, then)))
    }

    /// Takes the removal of sequences. Not bounded: there are never more of them than there were entries.
    pub fn remove(&self, truncated: Option<u64>, ranges: Vec<(u64, u64)>) -> Result<Ticket> {
        let mut waiting = self.waiting.lock();
        waiting.check()?;
        let mut ticket = Ticket::done();
        if !ranges.is_empty() {
            let offset = waiting.batch.bytes.len();
            record::encode_removed(&mut waiting.batch.bytes, &ranges);
            ticket = self.push(&mut waiting, offset, What::Removed(ranges), None);
        }
        if let Some(truncated) = truncated {
            let offset = waiting.batch.bytes.len();
            let mark = Mark { truncated, next_seq: waiting.next_seq };
            record::encode_mark(&mut waiting.batch.bytes, mark);
            ticket = self.push(&mut waiting, offset, What::Mark(mark), None);
        }
        Ok(ticket)
    }

    /// A ticket for all that was taken before.
    pub fn flush(&self) -> Result<Ticket> {
        let mut waiting = self.waiting.lock();
        waiting.check()?;
        let offset = waiting.batch.bytes.len();
        Ok(self.push(&mut waiting, offset, What::Flush, None))
    }

    fn push(&self, waiting: &mut Waiting, offset: usize, what: What, then: Option<Then>) -> Ticket {
        let (promise, ticket) = Promise::new(then);
        let length = waiting.batch.bytes.len() - offset;
        waiting.batch.items.push(Item { offset, length, what, promise: Some(promise) });
        self.filled.notify_one();
        ticket
    }

    /// An entry that is larger than the bound is taken when nothing else waits: otherwise it never would be.
    fn has_room(&self, waiting: &Waiting, length: usize) -> bool {
        let Batch { bytes, items, .. } = &waiting.batch;
        items.is_empty()
            || (bytes.len() + length <= self.bytes_max && items.len() < self.entries_max)
    }

    /// Resolves when an append has a chance again, or will be told that the log failed.
    pub async fn room(&self) {
        loop {
            let emptied = self.room.notified();
            tokio::pin!(emptied);
            // Registered before looking, so that no wake-up is missed in between.
            emptied.as_mut().enable();
            if self.is_open_or_failed() {
                return;
            }
            emptied.await;
        }
    }

    fn is_open_or_failed(&self) -> bool {
        let waiting = self.waiting.lock();
        waiting.check().is_err() || self.has_room(&waiting, self.bytes_max / 8)
    }

    /// Waits for work and takes all of it. `None` when the log is closed and everything has been taken.
    pub fn take(&self, mut spare: Batch) -> Option<Batch> {
        spare.items.clear();
        spare.bytes.clear();
        spare.bytes.shrink_to(BUFFER_BYTES_KEPT);
        let mut waiting = self.waiting.lock();
        while waiting.batch.items.is_empty() {
            if waiting.is_closed {
                return None;
            }
            self.filled.wait(&mut waiting);
        }
        let batch = std::mem::replace(&mut waiting.batch, spare);
        drop(waiting);
        self.room.notify_waiters();
        Some(batch)
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.waiting.lock().batch.bytes.len()
    }

    /// The highest sequence given to a subject that is not on disk yet.
    pub fn pending_of(&self, subject: &Subject) -> Option<u64> {
        self.waiting.lock().pending.get(subject).copied()
    }

    /// The sequence that the next append gets.
    pub fn next_seq(&self) -> u64 {
        self.waiting.lock().next_seq
    }

    /// The batch is on disk or given up.
    pub fn settle(&self, batch: &Batch) {
        let mut waiting = self.waiting.lock();
        for item in &batch.items {
            if let What::Entry { seq, subject, .. } = &item.what
                && waiting.pending.get(subject) == Some(seq)
            {
                waiting.pending.remove(subject);
            }
        }
    }

    /// From now on everybody is told the reason, those who wait already too.
    pub fn fail(&self, reason: Arc<str>) {
        let mut waiting = self.waiting.lock();
        waiting.failed.get_or_insert(reason.clone());
        waiting.pending.clear();
        let items = std::mem::take(&mut waiting.batch.items);
        waiting.batch.bytes.clear();
        drop(waiting);
        for mut item in items {
            answer(&mut item, &Err(Error::Failed(reason.clone())));
        }
        self.room.notify_waiters();
    }

    /// Why the log failed, if it did.
    pub fn check(&self) -> Result<()> {
        self.waiting.lock().check()
    }

    /// Takes nothing more; what waits is still written.
    pub fn close(&self) {
        self.waiting.lock().is_closed = true;
        self.filled.notify_one();
        self.room.notify_waiters();
    }
}

impl Waiting {
    fn check(&self) -> Result<()> {
        if let Some(reason) = &self.failed {
            return Err(Error::Failed(reason.clone()));
        }
        if self.is_closed {
            return Err(Error::Failed(Arc::from("it is closed")));
        }
        Ok(())
    }
}

/// Tells whoever holds the ticket.
pub(crate) fn answer(item: &mut Item, result: &Result<()>) {
    let seq = match item.what {
        What::Entry { seq, .. } => seq,
        _ => 0,
    };
    if let Some(mut promise) = item.promise.take() {
        promise.keep(result.clone().map(|()| seq));
    }
}
