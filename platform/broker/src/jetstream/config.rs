//! What clients configure: streams and consumers, in the JSON of nats-server.
//!
//! Owns the names, the defaults as the server fills them in, what is valid, and what an update may change. Promises
//! that a setting which this broker does not offer is refused by name, and never accepted without effect.

mod consumer;
mod stream;

pub use consumer::{ConsumerConfig, DeliverPolicy};
pub use stream::{Discard, Retention, Storage, StreamConfig};

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::{self, ApiError};

/// Longer names are refused.
const NAME_BYTES_MAX: usize = 255;
/// Longer descriptions are refused.
const DESCRIPTION_BYTES_MAX: usize = 4096;
/// Larger sets of metadata are refused.
const METADATA_BYTES_MAX: usize = 128 * 1024;
/// One second.
const SECOND_NS: i64 = 1_000_000_000;
/// Shorter times for heartbeats and ages are refused.
const INTERVAL_MIN_NS: i64 = 100_000_000;

/// Fields of a configuration that this broker does not know.
type Others = BTreeMap<String, Value>;

/// Whether it can be a file and a word of a subject.
pub fn is_name(name: &str) -> bool {
    let is_allowed = |c: char| !c.is_whitespace() && !c.is_control() && !".*>/\\".contains(c);
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(is_allowed)
}

/// Refuses unknown fields, unless they ask for nothing: clients send many as `false`, `0` or empty.
fn check_unknown(others: &Others) -> Result<(), ApiError> {
    match others.iter().find(|(_, value)| !asks_for_nothing(value)) {
        Some((name, _)) => Err(error::unsupported(name)),
        None => Ok(()),
    }
}

fn asks_for_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty() || text == "none" || text == "default",
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(asks_for_nothing),
    }
}

fn metadata_bytes(metadata: &BTreeMap<String, String>) -> usize {
    metadata.iter().map(|(name, value)| name.len() + value.len()).sum()
}

/// For `skip_serializing_if`: whether a field has the value the server leaves out.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
