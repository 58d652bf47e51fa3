//! What a broker says of itself: how much it keeps, and how far those are who receive from it.

use jiff::Timestamp;
use serde::Serialize;

/// How much a broker keeps, and how far those are who receive from it. Empty where there is no broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What keeps messages.
    pub streams: Vec<StreamReport>,
    /// Who receives them.
    pub consumers: Vec<ConsumerReport>,
}

/// What keeps messages: a stream, or a queue with a history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StreamReport {
    /// Its name on the broker.
    pub name: String,
    /// How many messages it keeps.
    pub messages: u64,
    /// Their size, bytes; absent where the broker does not tell.
    pub bytes: Option<u64>,
    /// When the oldest of them came, UTC; absent where there is none or the broker does not tell.
    pub oldest: Option<Timestamp>,
    /// When the newest of them came, UTC; absent where there is none or the broker does not tell.
    pub newest: Option<Timestamp>,
}

/// How far a consumer is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ConsumerReport {
    /// The stream that it receives from.
    pub stream: String,
    /// Its name on the broker.
    pub name: String,
    /// Messages that it has not been given yet.
    pub waiting: u64,
    /// Messages that it has in hand; 0 where the broker does not tell.
    pub unacknowledged: u64,
    /// Those of them that it was given more than once; 0 where the broker does not tell.
    pub redelivered: u64,
    /// Messages that it gave up; 0 where the broker does not keep them.
    pub dead_letters: u64,
    /// What its owner says of it.
    pub description: Option<String>,
}
