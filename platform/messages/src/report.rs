//! What an engine tells of itself: streams and consumers of its broker, as operators want to see them.

use jiff::Timestamp;

/// How much a broker keeps, and how far those are who receive from it. Empty where there is no broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What it keeps.
    pub streams: Vec<StreamReport>,
    /// Who receives it.
    pub consumers: Vec<ConsumerReport>,
}

/// A stream of the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamReport {
    /// Its name.
    pub name: String,
    /// Messages in it.
    pub messages: u64,
    /// How much they take, where the broker says so.
    pub bytes: Option<u64>,
    /// When the oldest of them came.
    pub oldest: Option<Timestamp>,
    /// When the newest of them came.
    pub newest: Option<Timestamp>,
}

/// A consumer of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerReport {
    /// Whose messages it receives.
    pub stream: String,
    /// Its name.
    pub name: String,
    /// Messages it has still to receive.
    pub waiting: u64,
    /// Messages that were sent to it and that it has not acknowledged.
    pub unacknowledged: u64,
    /// Those of them that were sent more than once.
    pub redelivered: u64,
    /// What its maker says of it.
    pub description: Option<String>,
}
