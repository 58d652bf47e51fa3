//! How an event sells.

use jiff::Timestamp;
use stdx::Money;

use crate::domain::event::Event;

const HOUR_MS: i64 = 3_600_000;

/// How finely sales are counted over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    Hour,
    Day,
}

impl Bucket {
    /// Reads a bucket as somebody wrote it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "hour" => Ok(Self::Hour),
            "day" => Ok(Self::Day),
            _ => Err("must be hour or day"),
        }
    }

    /// Its length. Days are days of UTC.
    pub fn milliseconds(self) -> i64 {
        match self {
            Self::Hour => HOUR_MS,
            Self::Day => 24 * HOUR_MS,
        }
    }
}

/// The tickets of an event, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TicketCounts {
    pub valid: i64,
    pub checked_in: i64,
    pub cancelled: i64,
    /// What those not cancelled cost, in minor units of the event's currency.
    pub revenue_minor: i64,
}

/// What was sold in one bucket and not cancelled since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SalesPoint {
    pub start: Timestamp,
    pub tickets: i64,
    pub revenue: Money,
}

/// How an event sells.
#[derive(Clone, Debug)]
pub struct Sales {
    pub event: Event,
    pub counts: TicketCounts,
    pub points: Vec<SalesPoint>,
}
