//! Time, as a value that is passed in, so that tests can set it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// Where a service asks for the time. Clones share the same clock.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    /// Milliseconds since the epoch, moved by hand.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(start.as_millisecond()))))
    }

    /// Now, in whole milliseconds: what a database column holds, so a stored time equals the one returned.
    #[allow(clippy::disallowed_methods, reason = "this is the clock that everybody else asks")]
    pub fn now(&self) -> Timestamp {
        let milliseconds = match &self.0 {
            Source::System => Timestamp::now().as_millisecond(),
            Source::Manual(milliseconds) => milliseconds.load(Ordering::SeqCst),
        };
        Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
    }

    /// Moves a manual clock; the system clock cannot be moved and ignores it.
    pub fn advance(&self, by: SignedDuration) {
        if let Source::Manual(milliseconds) = &self.0 {
            let step = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            milliseconds.fetch_add(step, Ordering::SeqCst);
        }
    }
}
