//! What the database said a moment ago, for questions that come thousands of times a second.
//!
//! Promise: an answer is given again only while this process has committed nothing to the database since it was found,
//! and for no longer than [`FRESH_FOR`], well within the second in which other processes' changes have to count.

use jiff::{SignedDuration, Timestamp};
use quick_cache::sync::Cache;

/// How long what another process changes may go unseen.
const FRESH_FOR: SignedDuration = SignedDuration::from_millis(400);
/// Answers that are kept; the ones not asked for go first.
const ANSWERS_MAX: usize = 10_000;

/// A moment of the database, as far as this process changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// How many transactions this process had committed, looked at before the question was asked.
    pub commits: u64,
    /// What time it was.
    pub at: Timestamp,
}

/// Answers by what was asked.
pub(crate) struct Recent<A> {
    answers: Cache<String, (Moment, A)>,
}

impl<A: Clone> Recent<A> {
    /// Without any.
    pub fn new() -> Self {
        Self { answers: Cache::new(ANSWERS_MAX) }
    }

    /// The answer, if one was found a moment ago and nothing has been committed since.
    pub fn get(&self, question: &str, now: Moment) -> Option<A> {
        let (then, answer) = self.answers.get(question)?;
        let is_fresh = now.at.duration_since(then.at) <= FRESH_FOR;
        (then.commits == now.commits && is_fresh).then_some(answer)
    }

    /// Remembers an answer. `asked` is from before the database was asked for it.
    pub fn put(&self, question: String, asked: Moment, answer: A) {
        self.answers.insert(question, (asked, answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(commits: u64, milliseconds: i64) -> Moment {
        let at = Timestamp::from_millisecond(milliseconds).expect("a time");
        Moment { commits, at }
    }

    #[test]
    fn an_answer_holds_until_something_is_committed_or_the_moment_is_over() {
        let recent = Recent::new();
        recent.put("who".into(), moment(1, 1000), "ada");
        assert_eq!(recent.get("who", moment(1, 1400)), Some("ada"));
        assert_eq!(recent.get("who", moment(1, 1401)), None, "too old");
        assert_eq!(recent.get("who", moment(2, 1000)), None, "something was committed");
        assert_eq!(recent.get("what", moment(1, 1000)), None);
    }
}
