//! What the API answers, in the JSON of nats-server.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::config::{ConsumerConfig, StreamConfig};
use super::error::ApiError;

/// How many names are in one answer.
pub const NAMES_LIMIT: usize = 1024;
/// How many descriptions are in one answer.
pub const LIST_LIMIT: usize = 256;

/// Whose words most answers are in.
const NAMESPACE: &str = "io.nats.jetstream.api.v1";
/// Of what nats-server does not have.
const OWN_NAMESPACE: &str = "io.backline.broker.api.v1";
/// How the kinds of answers begin that are our own.
const DEAD_KINDS: &str = "consumer_dead";

/// What Go prints for a time that was not set.
pub const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// A stream.
#[derive(Clone, Debug, Serialize)]
pub struct StreamInfo {
    /// How it is set up.
    pub config: StreamConfig,
    /// When it was made.
    pub created: Timestamp,
    /// What it holds.
    pub state: StreamState,
    /// Why it takes nothing any more. Not in nats-server's answers; clients pass over what they do not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Now.
    pub ts: Timestamp,
}

/// What a stream holds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StreamState {
    /// How many messages.
    pub messages: u64,
    /// How many bytes on disk.
    pub bytes: u64,
    /// The oldest.
    pub first_seq: u64,
    /// When it was published.
    pub first_ts: String,
    /// The newest.
    pub last_seq: u64,
    /// When it was published.
    pub last_ts: String,
    /// How many subjects.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_subjects: u64,
    /// Messages of each subject, if asked for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub subjects: BTreeMap<String, u64>,
    /// How many are missing between the first and the last.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_deleted: u64,
    /// Which, if asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deleted: Vec<u64>,
    /// How many consumers.
    pub consumer_count: usize,
}

/// A consumer.
#[derive(Clone, Debug, Serialize)]
pub struct ConsumerInfo {
    /// Whose.
    pub stream_name: String,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// How it is set up.
    pub config: ConsumerConfig,
    /// What was handed out last.
    pub delivered: SequenceInfo,
    /// Up to where all is settled.
    pub ack_floor: SequenceInfo,
    /// Handed out and not settled.
    pub num_ack_pending: usize,
    /// Of these, more than once.
    pub num_redelivered: usize,
    /// Requests that wait.
    pub num_waiting: usize,
    /// Messages still to be handed out.
    pub num_pending: u64,
    /// Messages given up. Not in nats-server's answers; clients pass over what they do not know.
    pub num_dead: usize,
    /// Whether somebody listens to a push consumer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub push_bound: bool,
    /// Whether nothing is delivered for a while.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// For how long, nanoseconds.
    #[serde(skip_serializing_if = "is_zero_signed")]
    pub pause_remaining: i64,
    /// Now.
    pub ts: Timestamp,
}

/// A message that a consumer gave up.
#[derive(Clone, Debug, Serialize)]
pub struct DeadLetterInfo {
    /// Which one.
    pub stream_seq: u64,
    /// Where it was published to.
    pub subject: String,
    /// How often it was delivered.
    pub deliveries: u64,
    /// For people.
    pub reason: String,
    /// When it was given up.
    pub time: Timestamp,
}

/// A place in a consumer's count and in the stream.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SequenceInfo {
    /// In the consumer's count.
    pub consumer_seq: u64,
    /// In the stream.
    pub stream_seq: u64,
    /// When it got there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_active: Option<Timestamp>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn is_zero_signed(number: &i64) -> bool {
    *number == 0
}

/// The answer to a request of this kind, e.g. `stream_info`.
pub fn answer(kind: &str, result: Result<Value, ApiError>) -> Value {
    let namespace = if kind.starts_with(DEAD_KINDS) { OWN_NAMESPACE } else { NAMESPACE };
    let mut answer = json!({ "type": format!("{namespace}.{kind}_response") });
    for (name, number) in always(kind) {
        answer[name] = json!(number);
    }
    let more = match result {
        Ok(fields) => fields,
        Err(error) => json!({ "error": error }),
    };
    if let (Value::Object(answer), Value::Object(more)) = (&mut answer, more) {
        answer.extend(more);
    }
    answer
}

/// Fields that are there even when the answer is an error.
fn always(kind: &str) -> &'static [(&'static str, u64)] {
    match kind {
        "stream_info" => &[("total", 0), ("offset", 0), ("limit", 0)],
        "stream_purge" => &[("purged", 0)],
        _ => &[],
    }
}

/// As JSON, which these types always are.
pub fn to_value(view: &impl Serialize) -> Value {
    serde_json::to_value(view).expect("views have only text keys")
}

/// One page of a list under a name.
pub fn page<T: Serialize>(name: &str, items: &[T], offset: usize, limit: usize) -> Value {
    let part: Vec<Value> = items.iter().skip(offset).take(limit).map(to_value).collect();
    let mut page = json!({ "total": items.len(), "offset": offset, "limit": limit });
    page[name] = Value::Array(part);
    page
}

/// The time in the words of the server.
pub fn time(time_ns: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(time_ns)).unwrap_or(Timestamp::UNIX_EPOCH)
}
