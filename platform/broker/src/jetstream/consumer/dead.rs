//! The messages a consumer gave up, and those of them that are to be tried anew.
//!
//! Pure. Promises that a message is in one of the two lists at most, that both are read in the order of the stream, and
//! that there are never more than [`DEAD_LETTERS_MAX`] dead letters.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Of more dead letters those of the oldest messages give way: about 150 bytes each, written with the consumer.
pub const DEAD_LETTERS_MAX: usize = 10_000;
/// The rest of a longer reason is left out.
const REASON_BYTES_MAX: usize = 256;

/// Why and when a message was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Where the message was published to.
    pub subject: String,
    /// How often it was delivered.
    pub deliveries: u64,
    /// For people.
    pub reason: String,
    /// When it was given up, nanoseconds since 1970.
    pub at_ns: i64,
}

impl DeadLetter {
    /// Of a message whose deliveries are used up.
    pub fn unacknowledged(subject: String, deliveries: u64, at_ns: i64) -> Self {
        let reason = format!("not acknowledged after {deliveries} deliveries");
        Self { subject, deliveries, reason, at_ns }
    }

    /// Of a message that its receiver will never succeed with.
    pub fn terminated(subject: String, deliveries: u64, reason: &str, at_ns: i64) -> Self {
        let given = &reason[..reason.floor_char_boundary(REASON_BYTES_MAX)];
        let reason = if given.is_empty() { "terminated" } else { given };
        Self { subject, deliveries, reason: reason.to_owned(), at_ns }
    }
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dead {
    letters: BTreeMap<u64, DeadLetter>,
    /// No dead letters any more: to be delivered as if they were new.
    replays: BTreeSet<u64>,
}

impl Dead {
    /// Whether there is nothing to be kept.
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty() && self.replays.is_empty()
    }

    /// The dead letters, by the number of their message.
    pub fn letters(&self) -> &BTreeMap<u64, DeadLetter> {
        &self.letters
    }

    /// How many wait to be delivered anew.
    pub fn num_replays(&self) -> usize {
        self.replays.len()
    }

    /// The first one to be delivered anew.
    pub fn next_replay(&self) -> Option<u64> {
        self.replays.first().copied()
    }

    /// Whether the message is to be delivered anew.
    pub fn is_replayed(&self, seq: u64) -> bool {
        self.replays.contains(&seq)
    }

    /// Whether the message is in either list.
    pub fn holds(&self, seq: u64) -> bool {
        self.letters.contains_key(&seq) || self.is_replayed(seq)
    }

    /// All messages in either list.
    pub fn seqs(&self) -> impl Iterator<Item = u64> + '_ {
        self.letters.keys().chain(&self.replays).copied()
    }

    /// Keeps a dead letter. Says which one gave way to it.
    pub fn bury(&mut self, seq: u64, letter: DeadLetter) -> Option<(u64, DeadLetter)> {
        self.replays.remove(&seq);
        self.letters.insert(seq, letter);
        if self.letters.len() > DEAD_LETTERS_MAX { self.letters.pop_first() } else { None }
    }

    /// Lets a dead letter be delivered anew. `false` if it is none.
    pub fn replay(&mut self, seq: u64) -> bool {
        let is_dead = self.letters.remove(&seq).is_some();
        if is_dead {
            self.replays.insert(seq);
        }
        is_dead
    }

    /// Drops a dead letter. `false` if it is none.
    pub fn drop_letter(&mut self, seq: u64) -> bool {
        self.letters.remove(&seq).is_some()
    }

    /// The message is with a receiver, settled or gone. Says whether it was in either list.
    pub fn forget(&mut self, seq: u64) -> bool {
        let was_dead = self.letters.remove(&seq).is_some();
        self.replays.remove(&seq) || was_dead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(deliveries: u64) -> DeadLetter {
        DeadLetter::unacknowledged("a".into(), deliveries, 7)
    }

    #[test]
    fn the_oldest_messages_give_way() {
        let mut dead = Dead::default();
        for seq in 1..=DEAD_LETTERS_MAX as u64 {
            assert_eq!(dead.bury(seq, letter(1)), None);
        }
        assert_eq!(dead.bury(DEAD_LETTERS_MAX as u64 + 1, letter(1)), Some((1, letter(1))));
        assert_eq!(dead.letters().len(), DEAD_LETTERS_MAX);
        // One that is there already needs no other place.
        assert_eq!(dead.bury(2, letter(2)), None);
    }

    #[test]
    fn a_reason_says_what_happened_and_is_short() {
        assert_eq!(letter(3).reason, "not acknowledged after 3 deliveries");
        let said = |reason: &str| DeadLetter::terminated("a".into(), 1, reason, 7).reason;
        assert_eq!(said(""), "terminated");
        assert_eq!(said("no such order"), "no such order");
        assert_eq!(said(&"ä".repeat(300)).len(), REASON_BYTES_MAX);
    }

    #[test]
    fn a_replay_is_no_dead_letter_any_more() {
        let mut dead = Dead::default();
        dead.bury(5, letter(1));
        dead.bury(3, letter(1));
        assert!(dead.replay(5) && dead.replay(3) && !dead.replay(4));
        assert_eq!((dead.letters().len(), dead.next_replay()), (0, Some(3)));
        assert!(dead.holds(3) && !dead.drop_letter(3));
        assert!(dead.forget(3) && !dead.holds(3));
        dead.bury(5, letter(2));
        assert_eq!(dead.next_replay(), None);
    }
}
