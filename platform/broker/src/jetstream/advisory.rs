//! What the broker tells about streams and consumers, on `$JS.EVENT.ADVISORY.>`, in the words of nats-server.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::random_name;
use crate::Message;
use crate::subject::Subject;

/// Letters of an advisory's id.
const ID_LETTERS: usize = 22;

/// Something that happened to a stream or one of its consumers.
#[derive(Clone, Debug)]
pub enum Advisory<'a> {
    /// A stream was made, changed or deleted.
    Stream(Action),
    /// A consumer was made, changed or deleted.
    Consumer(&'a str, Action),
    /// A message was delivered as often as the consumer allows, without success.
    MaxDeliveries(Delivered<'a>),
    /// A receiver said that a message will never succeed, and perhaps why.
    Terminated(Delivered<'a>, &'a str),
    /// A receiver wants a message again.
    Naked(Delivered<'a>),
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Made.
    Create,
    /// Changed.
    Modify,
    /// Deleted.
    Delete,
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Self::Create => "CREATED",
            Self::Modify => "UPDATED",
            Self::Delete => "DELETED",
        }
    }
}

/// A delivery of a consumer.
#[derive(Clone, Copy, Debug)]
pub struct Delivered<'a> {
    /// Whose.
    pub consumer: &'a str,
    /// The consumer's number of it.
    pub consumer_seq: u64,
    /// The message.
    pub stream_seq: u64,
    /// The how-manieth delivery of this message it was.
    pub deliveries: u64,
}

impl Advisory<'_> {
    /// The message to publish; `None` if a name makes no subject.
    pub fn into_message(self, stream: &str, now: Timestamp) -> Option<Message> {
        let mut body = json!({
            "type": format!("io.nats.jetstream.advisory.v1.{}", self.kind()),
            "id": random_name(ID_LETTERS),
            "timestamp": now.to_string(),
            "stream": stream,
        });
        merge(&mut body, self.fields());
        let subject = format!("$JS.EVENT.ADVISORY.{}", self.subject(stream));
        Some(Message {
            subject: Subject::parse(subject)?,
            reply: None,
            headers: bytes::Bytes::new(),
            payload: body.to_string().into(),
        })
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Stream(_) => "stream_action",
            Self::Consumer(..) => "consumer_action",
            Self::MaxDeliveries(_) => "max_deliver",
            Self::Terminated(..) => "terminated",
            Self::Naked(_) => "nak",
        }
    }

    fn subject(&self, stream: &str) -> String {
        match self {
            Self::Stream(action) => format!("STREAM.{}.{stream}", action.word()),
            Self::Consumer(name, action) => format!("CONSUMER.{}.{stream}.{name}", action.word()),
            Self::MaxDeliveries(it) => format!("CONSUMER.MAX_DELIVERIES.{stream}.{}", it.consumer),
            Self::Terminated(it, _) => format!("CONSUMER.MSG_TERMINATED.{stream}.{}", it.consumer),
            Self::Naked(it) => format!("CONSUMER.MSG_NAKED.{stream}.{}", it.consumer),
        }
    }

    fn fields(&self) -> Value {
        match self {
            Self::Stream(action) => json!({ "action": action }),
            Self::Consumer(name, action) => json!({ "consumer": name, "action": action }),
            Self::MaxDeliveries(it) => json!({
                "consumer": it.consumer, "stream_seq": it.stream_seq, "deliveries": it.deliveries,
            }),
            Self::Naked(it) => it.fields(),
            Self::Terminated(it, "") => it.fields(),
            Self::Terminated(it, reason) => {
                let mut fields = it.fields();
                merge(&mut fields, json!({ "reason": reason }));
                fields
            }
        }
    }
}

impl Delivered<'_> {
    fn fields(&self) -> Value {
        json!({
            "consumer": self.consumer, "consumer_seq": self.consumer_seq,
            "stream_seq": self.stream_seq, "deliveries": self.deliveries,
        })
    }
}

/// Adds the fields of one object to another.
fn merge(target: &mut Value, more: Value) {
    if let (Value::Object(target), Value::Object(more)) = (target, more) {
        target.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advisory_looks_like_that_of_the_server() {
        let delivered = Delivered { consumer: "c", consumer_seq: 4, stream_seq: 2, deliveries: 3 };
        let told =
            Advisory::MaxDeliveries(delivered).into_message("s", Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(told.subject.as_str(), "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.s.c");
        let mut body: Value = serde_json::from_slice(&told.payload).unwrap();
        body["id"] = Value::Null;
        let expected = json!({
            "type": "io.nats.jetstream.advisory.v1.max_deliver", "id": null,
            "timestamp": "1970-01-01T00:00:00Z", "stream": "s", "consumer": "c",
            "stream_seq": 2, "deliveries": 3,
        });
        assert_eq!(body, expected);
    }
}
