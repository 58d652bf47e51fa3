//! The message ids of a stream that were published lately, so that a publication which is sent again is kept once.
//!
//! Pure; time is an argument. Promises to remember each id for the whole window, and not much longer, as long as there
//! are not more than [`IDS_MAX`]; beyond that the oldest are forgotten early.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// The header that carries the id.
pub const MESSAGE_ID: &str = "Nats-Msg-Id";

/// More ids of one stream are not remembered: about 100 bytes each.
pub const IDS_MAX: usize = 2_000_000;

/// See the module.
#[derive(Debug, Default)]
pub struct Duplicates {
    window_ns: i64,
    known: HashMap<Arc<str>, u64>,
    /// In the order of their times.
    by_time: VecDeque<(i64, Arc<str>)>,
}

impl Duplicates {
    /// Remembers ids for so long.
    pub fn new(window_ns: i64) -> Self {
        Self { window_ns, ..Self::default() }
    }

    /// Takes over another window, also for what is remembered already.
    pub fn set_window(&mut self, window_ns: i64) {
        self.window_ns = window_ns;
    }

    /// Since when ids are remembered.
    pub fn since_ns(&self, now_ns: i64) -> i64 {
        now_ns.saturating_sub(self.window_ns)
    }

    /// The sequence of the message that had this id.
    pub fn find(&mut self, id: &str, now_ns: i64) -> Option<u64> {
        self.forget_old(now_ns);
        self.known.get(id).copied()
    }

    /// Remembers the id of a message that was published at that time.
    pub fn remember(&mut self, id: &str, seq: u64, time_ns: i64) {
        let id: Arc<str> = id.into();
        self.by_time.push_back((time_ns, id.clone()));
        self.known.insert(id, seq);
        if self.by_time.len() > IDS_MAX {
            self.forget_oldest();
        }
    }

    /// The message did not come to be after all.
    pub fn forget(&mut self, id: &str) {
        self.known.remove(id);
    }

    fn forget_old(&mut self, now_ns: i64) {
        let since_ns = self.since_ns(now_ns);
        while self.by_time.front().is_some_and(|(time_ns, _)| *time_ns < since_ns) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, id)) = self.by_time.pop_front() {
            self.known.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_remembered_for_the_window() {
        let mut duplicates = Duplicates::new(100);
        duplicates.remember("a", 1, 0);
        duplicates.remember("b", 2, 50);
        assert_eq!(duplicates.find("a", 100), Some(1));
        assert_eq!(duplicates.find("a", 101), None);
        assert_eq!(duplicates.find("b", 101), Some(2));
    }

    #[test]
    fn what_could_not_be_kept_may_be_sent_again() {
        let mut duplicates = Duplicates::new(100);
        duplicates.remember("a", 1, 0);
        duplicates.forget("a");
        assert_eq!(duplicates.find("a", 1), None);
    }
}
