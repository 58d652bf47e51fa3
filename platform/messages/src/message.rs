//! The envelope: CloudEvents 1.0, JSON, structured mode.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// What one kind of message says: its type and the state after the change.
pub trait Payload: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// `<entity>.<past tense>`, also the routing key: `role.created`.
    const TYPE: &'static str;

    /// The id of what changed; messages with the same subject stay in order.
    fn subject(&self) -> String;
}

/// A message as it travels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// CloudEvents version.
    pub specversion: String,
    /// Unique; consumers are idempotent by it. A UUID v7, so ids sort by time of writing.
    pub id: Uuid,
    /// See [`Payload::TYPE`].
    #[serde(rename = "type")]
    pub kind: String,
    /// The publishing service.
    pub source: String,
    /// See [`Payload::subject`].
    pub subject: String,
    /// When the change happened, UTC.
    pub time: Timestamp,
    /// Media type of `data`.
    pub datacontenttype: String,
    /// The payload.
    pub data: Value,
    /// W3C trace context of the request that caused the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

impl Message {
    /// Wraps a payload. Fails only when the payload cannot be JSON, such as a map with other keys than text.
    pub fn new<P: Payload>(source: &str, time: Timestamp, payload: &P) -> serde_json::Result<Self> {
        Ok(Self {
            specversion: "1.0".into(),
            id: Uuid::now_v7(),
            kind: P::TYPE.into(),
            source: source.into(),
            subject: payload.subject(),
            time,
            datacontenttype: "application/json".into(),
            data: serde_json::to_value(payload)?,
            traceparent: None,
        })
    }

    /// The payload, when this message is of its type and shape.
    pub fn payload<P: Payload>(&self) -> serde_json::Result<P> {
        P::deserialize(&self.data)
    }
}
