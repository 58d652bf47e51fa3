//! The errors of the JetStream API, with the numbers clients branch on.
//!
//! Owns the table and nothing else: codes and texts are those of nats-server, so that every official client
//! recognises them. What this broker does not offer has its own texts below the server's general numbers.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// An error as it stands in an answer of the API or in the acknowledgement of a publication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// Like an HTTP status.
    pub code: u16,
    /// What exactly; clients compare this one.
    pub err_code: u16,
    /// For people.
    pub description: Cow<'static, str>,
}

impl ApiError {
    const fn new(code: u16, err_code: u16, description: &'static str) -> Self {
        Self { code, err_code, description: Cow::Borrowed(description) }
    }

    /// The same error with a text that was put together.
    fn saying(self, description: impl Into<String>) -> Self {
        Self { description: Cow::Owned(description.into()), ..self }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.description, self.err_code)
    }
}

impl std::error::Error for ApiError {}

macro_rules! errors {
    ($($name:ident = $code:literal, $err_code:literal, $text:literal;)*) => {
        $(
            #[doc = $text]
            pub const $name: ApiError = ApiError::new($code, $err_code, $text);
        )*

        /// All of them, for tests.
        #[cfg(test)]
        const ALL: &[ApiError] = &[$($name),*];
    };
}

errors! {
    BAD_REQUEST = 400, 10003, "bad request";
    CONSUMER_CREATE = 500, 10012, "consumer creation failed";
    CONSUMER_NOT_FOUND = 404, 10014, "consumer not found";
    DURABLE_NOT_MATCHING_SUBJECT = 400, 10017, "consumer name in subject does not match durable name in request";
    DURABLE_NOT_SET = 400, 10018, "consumer expected to be durable but a durable name was not set";
    EPHEMERAL_WITH_DURABLE_NAME = 400, 10020, "consumer expected to be ephemeral but a durable name was set in request";
    INSUFFICIENT_RESOURCES = 503, 10023, "insufficient resources";
    INVALID_JSON = 400, 10025, "invalid JSON";
    CONSUMERS_MAX = 400, 10026, "maximum consumers limit reached";
    STREAMS_MAX = 400, 10027, "maximum number of streams reached";
    NO_MESSAGE_FOUND = 404, 10037, "no message found";
    NOT_EMPTY_REQUEST = 400, 10038, "expected an empty request payload";
    SEQUENCE_NOT_FOUND = 400, 10043, "sequence not found";
    STREAM_CREATE = 500, 10049, "stream creation failed";
    STREAM_DELETE = 500, 10050, "stream deletion failed";
    STREAM_INVALID_CONFIG = 500, 10052, "invalid stream configuration";
    MESSAGE_TOO_BIG = 400, 10054, "message size exceeds maximum allowed";
    STREAM_MISMATCH = 400, 10056, "stream name in subject does not match request";
    MESSAGE_DELETE_FAILED = 500, 10057, "message deletion failed";
    STREAM_NAME_EXISTS = 400, 10058, "stream name already in use with a different configuration";
    STREAM_NOT_FOUND = 404, 10059, "stream not found";
    STREAM_NOT_MATCHING = 400, 10060, "expected stream does not match";
    SUBJECTS_OVERLAP = 400, 10065, "subjects overlap with an existing stream";
    STREAM_UPDATE = 500, 10069, "stream update failed";
    WRONG_LAST_MSG_ID = 400, 10070, "wrong last msg ID";
    WRONG_LAST_SEQUENCE = 400, 10071, "wrong last sequence";
    REPLICAS_NOT_SUPPORTED = 500, 10074, "replicas > 1 not supported in non-clustered mode";
    STORE_FAILED = 503, 10077, "storing failed";
    DELIVER_TO_WILDCARDS = 400, 10079, "consumer deliver subject has wildcards";
    PUSH_WITH_MAX_WAITING = 400, 10080, "consumer in push mode can not set max waiting";
    DELIVER_CYCLE = 400, 10081, "consumer deliver subject forms a cycle";
    MAX_PENDING_NEEDS_ACK = 400, 10082, "consumer requires ack policy for max ack pending";
    SMALL_HEARTBEAT = 400, 10083, "consumer idle heartbeat needs to be >= 100ms";
    PULL_NEEDS_ACK = 400, 10084, "consumer in pull mode requires explicit ack policy on workqueue stream";
    PULL_WITH_RATE_LIMIT = 400, 10086, "consumer in pull mode can not have rate limit set";
    MAX_WAITING_NEGATIVE = 400, 10087, "consumer max waiting needs to be positive";
    HEARTBEAT_NEEDS_PUSH = 400, 10088, "consumer idle heartbeat requires a push based consumer";
    FLOW_CONTROL_NEEDS_PUSH = 400, 10089, "consumer flow control requires a push based consumer";
    FILTER_NOT_SUBSET = 400, 10093, "consumer filter subject is not a valid subset of the interest subjects";
    CONSUMER_INVALID_POLICY = 400, 10094, "consumer delivery policy is not valid";
    HEADER_TOO_BIG = 400, 10097, "header size exceeds maximum allowed of 64k";
    WORKQUEUE_NEEDS_ACK = 400, 10098, "workqueue stream requires explicit ack";
    WORKQUEUE_MULTIPLE_UNFILTERED = 400, 10099, "multiple non-filtered consumers not allowed on workqueue stream";
    WORKQUEUE_NOT_UNIQUE = 400, 10100, "filtered consumer not unique on workqueue stream";
    WORKQUEUE_NOT_DELIVER_ALL = 400, 10101, "consumer must be deliver all on workqueue stream";
    NAME_TOO_LONG = 400, 10102, "consumer name is too long, maximum allowed is 255";
    BAD_DURABLE_NAME = 400, 10103, "durable name can not contain '.', '*', '>'";
    CONSUMER_STORE_FAILED = 500, 10104, "error creating store for consumer";
    DESCRIPTION_TOO_LONG = 400, 10107, "consumer description is too long, maximum allowed is 4096";
    FLOW_CONTROL_NEEDS_HEARTBEATS = 400, 10108, "consumer with flow control also needs heartbeats";
    SEALED = 400, 10109, "invalid operation on sealed stream";
    PURGE_FAILED = 500, 10110, "stream purge failed";
    ROLLUP_FAILED = 500, 10111, "rollup not permitted";
    INVALID_DELIVER_SUBJECT = 400, 10112, "invalid push consumer deliver subject";
    MAX_BATCH_NEGATIVE = 400, 10114, "consumer max request batch needs to be > 0";
    MAX_EXPIRES_SMALL = 400, 10115, "consumer max request expires needs to be >= 1ms";
    MAX_DELIVER_BACKOFF = 400, 10116, "max deliver is required to be > length of backoff values";
    MAX_ACK_PENDING_EXCESS = 400, 10121, "consumer max ack pending exceeds the limit of its stream";
    CONSUMER_REPLICAS = 400, 10126, "consumer config replica count exceeds parent stream";
    CREATE_FILTER_MISMATCH = 400, 10131, "Consumer create request did not match filtered subject from create subject";
    DURABLE_AND_NAME_MISMATCH = 400, 10132, "Consumer Durable and Name have to be equal if both are provided";
    REPLICAS_NEGATIVE = 400, 10133, "replicas count cannot be negative";
    DUPLICATE_FILTERS = 400, 10136, "consumer cannot have both FilterSubject and FilterSubjects specified";
    MULTIPLE_FILTERS_NOT_ALLOWED = 400, 10137, "consumer with multiple subject filters cannot use subject based API";
    OVERLAPPING_FILTERS = 400, 10138, "consumer subject filters cannot overlap";
    EMPTY_FILTER = 400, 10139, "consumer filter in FilterSubjects cannot be empty";
    CONSUMER_EXISTS = 400, 10148, "consumer already exists";
    CONSUMER_DOES_NOT_EXIST = 400, 10149, "consumer does not exist";
    INACTIVE_THRESHOLD_EXCESS = 400, 10153, "consumer inactive threshold exceeds the limit of its stream";
    TTL_INVALID = 400, 10165, "invalid per-message TTL";
    TTL_DISABLED = 400, 10166, "per-message TTL is disabled";
}

/// A configuration of a stream that cannot be.
pub fn invalid_stream(reason: impl Into<String>) -> ApiError {
    STREAM_INVALID_CONFIG.saying(reason)
}

/// A setting or request that nats-server knows and this broker does not offer.
pub fn unsupported(what: &str) -> ApiError {
    BAD_REQUEST.saying(format!("not supported by this broker: {what}"))
}

/// A policy of a consumer that cannot be.
pub fn invalid_policy(reason: impl Into<String>) -> ApiError {
    CONSUMER_INVALID_POLICY.saying(reason)
}

/// A consumer that could not be made or changed.
pub fn consumer_create(reason: impl Into<String>) -> ApiError {
    CONSUMER_CREATE.saying(reason)
}

/// Whoever makes the consumer may not publish where it is to send.
pub fn deliver_not_permitted() -> ApiError {
    INVALID_DELIVER_SUBJECT.saying("no permission to publish to the deliver subject")
}

/// Nobody published that sequence number, or it is gone.
pub fn sequence_not_found(sequence: u64) -> ApiError {
    SEQUENCE_NOT_FOUND.saying(format!("sequence {sequence} not found"))
}

/// The publisher expected another message to be the last one.
pub fn wrong_last_sequence(actual: u64) -> ApiError {
    WRONG_LAST_SEQUENCE.saying(format!("wrong last sequence: {actual}"))
}

/// The publisher expected another message id to be the last one.
pub fn wrong_last_msg_id(actual: &str) -> ApiError {
    WRONG_LAST_MSG_ID.saying(format!("wrong last msg ID: {actual}"))
}

/// A limit or the disk refused the message.
pub fn store_failed(reason: impl Into<String>) -> ApiError {
    STORE_FAILED.saying(reason)
}

/// A stream could not be made.
pub fn stream_create(reason: impl Into<String>) -> ApiError {
    STREAM_CREATE.saying(reason)
}

/// A stream could not be changed.
pub fn stream_update(reason: impl Into<String>) -> ApiError {
    STREAM_UPDATE.saying(reason)
}

/// A message could not be deleted.
pub fn delete_failed(reason: impl Into<String>) -> ApiError {
    MESSAGE_DELETE_FAILED.saying(reason)
}

/// A stream could not be purged.
pub fn purge_failed(reason: impl Into<String>) -> ApiError {
    PURGE_FAILED.saying(reason)
}

/// A roll-up is not possible.
pub fn rollup_failed(reason: impl Into<String>) -> ApiError {
    ROLLUP_FAILED.saying(reason)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_error_has_its_own_number() {
        let numbers: HashSet<u16> = ALL.iter().map(|error| error.err_code).collect();
        assert_eq!(numbers.len(), ALL.len());
    }

    #[test]
    fn an_error_looks_like_that_of_the_server() {
        let text = serde_json::to_string(&wrong_last_sequence(7)).unwrap();
        assert_eq!(text, r#"{"code":400,"err_code":10071,"description":"wrong last sequence: 7"}"#);
    }
}
