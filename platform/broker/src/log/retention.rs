//! Removing: one entry, many, or what is beyond limits.
//!
//! Promises: what is removed is gone for readers at once; the removal is written like an entry, so that it stays gone
//! once its ticket resolved. Files are given back by the keeper.

use std::ops::ControlFlow;

use super::Shared;
use super::error::Result;
use super::index::Index;
use super::queue::Ticket;
use crate::subject::Filter;

/// How much is kept. `None` means no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Older ones are removed.
    pub max_age_ns: Option<i64>,
    /// The oldest are removed until [`State::bytes`](super::State::bytes) is not more.
    pub max_bytes: Option<u64>,
    /// The oldest are removed until there are not more.
    pub max_messages: Option<u64>,
    /// The same for each subject.
    pub max_messages_per_subject: Option<u64>,
}

/// What a purge removes. By default everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purge {
    /// Only these subjects.
    pub filter: Option<Filter>,
    /// Only what is before this sequence.
    pub below: Option<u64>,
    /// So many of the newest of them stay.
    pub keep: u64,
}

impl Shared {
    pub(super) fn remove(&self, seq: u64) -> Result<Option<Ticket>> {
        self.queue.check()?;
        let mut index = self.index.write();
        if !index.kill(seq) {
            return Ok(None);
        }
        self.settle(&mut index, vec![seq]).map(Some)
    }

    pub(super) fn purge(&self, purge: &Purge) -> Result<(u64, Ticket)> {
        self.queue.check()?;
        let mut index = self.index.write();
        let meant = find_purged(&index, purge);
        for seq in &meant {
            index.kill(*seq);
        }
        let count = meant.len() as u64;
        Ok((count, self.settle(&mut index, meant)?))
    }

    pub(super) fn enforce(&self, limits: &Limits, now_ns: i64) -> Result<u64> {
        self.queue.check()?;
        let mut index = self.index.write();
        let removed = index.enforce(limits, now_ns);
        let count = removed.len() as u64;
        // Nobody waits for it: what would come back after a crash is removed again by the next call.
        let _ticket = self.settle(&mut index, removed)?;
        Ok(count)
    }

    /// Writes down what is gone: a mark for everything before the first that lives, and ranges for the rest. The
    /// index stays locked, so that marks are written in the order in which they moved.
    fn settle(&self, index: &mut Index, mut removed: Vec<u64>) -> Result<Ticket> {
        if removed.is_empty() {
            return Ok(Ticket::done());
        }
        let truncated = index.advance_mark();
        removed.retain(|seq| *seq > index.mark.truncated);
        removed.sort_unstable();
        self.queue.remove(truncated, to_ranges(&removed))
    }
}

fn find_purged(index: &Index, purge: &Purge) -> Vec<u64> {
    let mut meant = Vec::new();
    index.walk_selected(0, purge.filter.as_slice(), |segment, slot| {
        let seq = segment.seq_of(slot);
        if purge.below.is_some_and(|below| seq >= below) {
            return ControlFlow::Break(());
        }
        meant.push(seq);
        ControlFlow::Continue(())
    });
    let count = meant.len().saturating_sub(purge.keep as usize);
    meant.truncate(count);
    meant
}

/// Sequences that follow each other become one range.
fn to_ranges(sorted: &[u64]) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for seq in sorted {
        match ranges.last_mut() {
            Some(range) if range.1 + 1 == *seq => range.1 = *seq,
            _ => ranges.push((*seq, *seq)),
        }
    }
    ranges
}
