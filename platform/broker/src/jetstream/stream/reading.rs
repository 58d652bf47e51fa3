//! Reading messages from a task: what may have to wait for the disk keeps no other task waiting.
//!
//! A stream does one thing after the other and waits for its own reads; the worker thread below it belongs to everybody.

use tokio::runtime::{Handle, RuntimeFlavor};

use crate::log::{Entry, Log, Result};
use crate::subject::Filter;

/// [`Log::get`].
pub fn get(log: &Log, seq: u64) -> Result<Option<Entry>> {
    beside_others(log, seq, || log.get(seq))
}

/// [`Log::next`].
pub fn next(log: &Log, after: u64, filters: &[Filter], limit: usize) -> Result<Vec<Entry>> {
    beside_others(log, after.saturating_add(1), || log.next(after, filters, limit))
}

/// Reads from a sequence on. Handing the worker's other tasks to another thread takes longer than reading what is in
/// memory, so it is done for older messages only.
fn beside_others<T>(log: &Log, seq: u64, read: impl FnOnce() -> T) -> T {
    if log.is_recent(seq) || !has_other_workers() {
        return read();
    }
    tokio::task::block_in_place(read)
}

fn has_other_workers() -> bool {
    let handle = Handle::try_current();
    handle.is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
}
