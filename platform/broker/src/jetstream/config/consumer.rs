//! The configuration of a consumer.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::stream::null_is_empty;
use super::{
    DESCRIPTION_BYTES_MAX, INTERVAL_MIN_NS, METADATA_BYTES_MAX, NAME_BYTES_MAX, Others, Retention,
    SECOND_NS, StreamConfig, check_unknown, is_default, is_name, metadata_bytes,
};
use crate::jetstream::consumer::{AckPolicy, Rules};
use crate::jetstream::error::{self, ApiError};
use crate::jetstream::pulls::PullLimits;
use crate::subject::{Filter, Subject};

const ACK_WAIT_NS: i64 = 30 * SECOND_NS;
const MAX_ACK_PENDING: i64 = 1000;
const MAX_WAITING: i64 = 512;
/// How long an ephemeral consumer outlives its last client if nothing else is said.
const INACTIVE_THRESHOLD_NS: i64 = 5 * SECOND_NS;
/// How subjects begin that are requests to the broker.
const RESERVED: [&str; 2] = ["$JS.", "$SYS."];
/// More filters of one consumer are refused.
const FILTERS_MAX: usize = 1024;

/// Where a consumer begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliverPolicy {
    /// With the first message there is.
    #[default]
    All,
    /// With the last message there is.
    Last,
    /// With what is published from now on.
    New,
    /// With a number.
    ByStartSequence,
    /// With a time.
    ByStartTime,
    /// With the last message of each subject.
    LastPerSubject,
}

/// How fast messages come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplayPolicy {
    /// As fast as possible.
    #[default]
    Instant,
    /// As they were published; not offered.
    Original,
}

/// How a consumer is set up. Times are nanoseconds; -1 stands for no limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConsumerConfig {
    /// The name of one that stays until it is deleted.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_is_empty")]
    pub durable_name: String,
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_is_empty")]
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_is_empty")]
    pub description: String,
    /// Where it begins.
    pub deliver_policy: DeliverPolicy,
    /// The number it begins with.
    #[serde(skip_serializing_if = "is_default")]
    pub opt_start_seq: u64,
    /// The time it begins with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opt_start_time: Option<Timestamp>,
    /// How messages are settled.
    #[serde(default = "ack_policy_of_the_server")]
    pub ack_policy: AckPolicy,
    /// How long a message may be in flight.
    #[serde(skip_serializing_if = "is_default")]
    pub ack_wait: i64,
    /// How often a message is delivered.
    #[serde(skip_serializing_if = "is_default")]
    pub max_deliver: i64,
    /// How long a message may be in flight, by the number of deliveries.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub backoff: Vec<i64>,
    /// Only these subjects.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_is_empty")]
    pub filter_subject: String,
    /// Only these subjects.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub filter_subjects: Vec<String>,
    /// How fast messages come.
    pub replay_policy: ReplayPolicy,
    /// Not offered.
    #[serde(skip_serializing_if = "is_default")]
    pub rate_limit_bps: u64,
    /// Share of acknowledgements that are reported; not offered.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_is_empty")]
    pub sample_freq: String,
    /// Requests that wait at a time.
    #[serde(skip_serializing_if = "is_default")]
    pub max_waiting: i64,
    /// Messages in flight at a time.
    #[serde(skip_serializing_if = "is_default")]
    pub max_ack_pending: i64,
    /// A push consumer stops now and then until the client says it has kept up.
    #[serde(skip_serializing_if = "is_default")]
    pub flow_control: bool,
    /// Bodies are left out.
    #[serde(skip_serializing_if = "is_default")]
    pub headers_only: bool,
    /// Limit of messages of one request.
    #[serde(skip_serializing_if = "is_default")]
    pub max_batch: i64,
    /// Limit of the time of one request.
    #[serde(skip_serializing_if = "is_default")]
    pub max_expires: i64,
    /// Limit of bytes of one request.
    #[serde(skip_serializing_if = "is_default")]
    pub max_bytes: i64,
    /// Where a push consumer sends to.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_is_empty")]
    pub deliver_subject: String,
    /// The queue group of those who receive.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_is_empty")]
    pub deliver_group: String,
    /// How often a push consumer says that it lives.
    #[serde(skip_serializing_if = "is_default")]
    pub idle_heartbeat: i64,
    /// After how long without a client it is deleted.
    #[serde(skip_serializing_if = "is_default")]
    pub inactive_threshold: i64,
    /// Only one is possible.
    pub num_replicas: i64,
    /// A restart forgets it.
    #[serde(skip_serializing_if = "is_default")]
    pub mem_storage: bool,
    /// Names and values of the client's.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Nothing is delivered until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause_until: Option<Timestamp>,
    #[serde(flatten)]
    others: Others,
}

/// What the server takes where a client says nothing.
fn ack_policy_of_the_server() -> AckPolicy {
    AckPolicy::None
}

impl ConsumerConfig {
    /// Fills in what the client left out and refuses what cannot be.
    pub fn complete(mut self, stream: &StreamConfig) -> Result<Self, ApiError> {
        self.check_supported()?;
        self.check_names()?;
        self.fill_in(stream);
        self.check_common()?;
        if self.is_push() {
            self.check_push()?
        } else {
            self.check_pull()?
        }
        self.check_start()?;
        self.check_filters(stream)?;
        self.check_work_queue(stream)?;
        self.check_limits(stream)?;
        self.others.clear();
        Ok(self)
    }

    /// Whether it sends by itself instead of being asked.
    pub fn is_push(&self) -> bool {
        !self.deliver_subject.is_empty()
    }

    /// What it is called; empty if the client leaves that to the server.
    pub fn given_name(&self) -> &str {
        if self.is_durable() { &self.durable_name } else { &self.name }
    }

    /// Whether it stays until it is deleted.
    pub fn is_durable(&self) -> bool {
        !self.durable_name.is_empty()
    }

    fn check_supported(&self) -> Result<(), ApiError> {
        check_unknown(&self.others)?;
        let refused = [
            (self.replay_policy == ReplayPolicy::Original, "replay_policy original"),
            (self.rate_limit_bps != 0 && self.is_push(), "rate_limit_bps"),
            (!matches!(self.sample_freq.as_str(), "" | "0" | "0%"), "sample_freq"),
        ];
        if let Some((_, name)) = refused.iter().find(|(is_refused, _)| *is_refused) {
            return Err(error::unsupported(name));
        }
        match self.num_replicas {
            ..0 => Err(error::REPLICAS_NEGATIVE),
            0 | 1 => Ok(()),
            _ => Err(error::CONSUMER_REPLICAS),
        }
    }

    fn check_names(&self) -> Result<(), ApiError> {
        let (durable, name) = (&self.durable_name, &self.name);
        if !durable.is_empty() && !name.is_empty() && durable != name {
            return Err(error::DURABLE_AND_NAME_MISMATCH);
        }
        for given in [durable, name].into_iter().filter(|given| !given.is_empty()) {
            if given.len() > NAME_BYTES_MAX {
                return Err(error::NAME_TOO_LONG);
            }
            if !is_name(given) {
                return Err(error::BAD_DURABLE_NAME);
            }
        }
        if self.description.len() > DESCRIPTION_BYTES_MAX {
            return Err(error::DESCRIPTION_TOO_LONG);
        }
        if metadata_bytes(&self.metadata) > METADATA_BYTES_MAX {
            return Err(error::consumer_create(
                "consumer metadata exceeds maximum size of 128 KiB",
            ));
        }
        Ok(())
    }

    fn fill_in(&mut self, stream: &StreamConfig) {
        if self.max_deliver == 0 {
            self.max_deliver = -1;
        }
        if let Some(first) = self.backoff.first() {
            self.ack_wait = *first;
        }
        if self.ack_policy != AckPolicy::None {
            self.fill_in_waiting(stream);
        }
        if !self.is_push() && self.max_waiting == 0 {
            self.max_waiting = MAX_WAITING;
        }
        if self.inactive_threshold == 0 {
            let threshold = stream.consumer_limits.inactive_threshold;
            let is_needed = !self.is_durable() && threshold == 0;
            self.inactive_threshold = if is_needed { INACTIVE_THRESHOLD_NS } else { threshold };
        }
    }

    fn fill_in_waiting(&mut self, stream: &StreamConfig) {
        if self.ack_wait == 0 {
            self.ack_wait = ACK_WAIT_NS;
        }
        if self.max_ack_pending == 0 {
            let limit = stream.consumer_limits.max_ack_pending;
            self.max_ack_pending = if limit > 0 { limit } else { MAX_ACK_PENDING };
        }
    }

    fn check_common(&self) -> Result<(), ApiError> {
        let steps = i64::try_from(self.backoff.len()).unwrap_or(i64::MAX);
        if self.max_deliver > 0 && steps > self.max_deliver {
            return Err(error::MAX_DELIVER_BACKOFF);
        }
        if self.ack_wait < 0 || self.backoff.iter().any(|wait| *wait < 0) {
            return Err(error::consumer_create("consumer ack wait must be positive"));
        }
        if self.ack_policy == AckPolicy::None && self.max_ack_pending > 0 {
            return Err(error::MAX_PENDING_NEEDS_ACK);
        }
        Ok(())
    }

    fn check_push(&self) -> Result<(), ApiError> {
        let Some(subject) = Filter::parse(self.deliver_subject.clone()) else {
            return Err(error::INVALID_DELIVER_SUBJECT);
        };
        if subject.has_wildcard() || Subject::parse(self.deliver_subject.clone()).is_none() {
            return Err(error::DELIVER_TO_WILDCARDS);
        }
        // Also of one who may ask for it himself: a delivery must not become a request.
        if RESERVED.iter().any(|start| self.deliver_subject.starts_with(start)) {
            return Err(error::INVALID_DELIVER_SUBJECT);
        }
        if self.max_waiting != 0 {
            return Err(error::PUSH_WITH_MAX_WAITING);
        }
        if self.idle_heartbeat != 0 && self.idle_heartbeat < INTERVAL_MIN_NS {
            return Err(error::SMALL_HEARTBEAT);
        }
        if self.flow_control && self.idle_heartbeat == 0 {
            return Err(error::FLOW_CONTROL_NEEDS_HEARTBEATS);
        }
        Ok(())
    }

    fn check_pull(&self) -> Result<(), ApiError> {
        let refused = [
            (self.rate_limit_bps > 0, error::PULL_WITH_RATE_LIMIT),
            (self.max_waiting < 0, error::MAX_WAITING_NEGATIVE),
            (self.idle_heartbeat > 0, error::HEARTBEAT_NEEDS_PUSH),
            (self.flow_control, error::FLOW_CONTROL_NEEDS_PUSH),
            (self.max_batch < 0, error::MAX_BATCH_NEGATIVE),
            (self.max_expires != 0 && self.max_expires < 1_000_000, error::MAX_EXPIRES_SMALL),
        ];
        match refused.into_iter().find(|(is_refused, _)| *is_refused) {
            Some((_, refusal)) => Err(refusal),
            None => Ok(()),
        }
    }

    /// A start may be given exactly where the policy asks for it.
    fn check_start(&self) -> Result<(), ApiError> {
        let (has_seq, has_time) = (self.opt_start_seq != 0, self.opt_start_time.is_some());
        let wrong = |policy: &str, rest: &str| {
            Err(error::invalid_policy(format!(
                "consumer delivery policy is deliver {policy}, but {rest}"
            )))
        };
        match self.deliver_policy {
            DeliverPolicy::ByStartSequence if !has_seq => {
                wrong("by start sequence", "optional start sequence is not set")
            }
            DeliverPolicy::ByStartSequence if has_time => {
                wrong("by start sequence", "optional start time is also set")
            }
            DeliverPolicy::ByStartTime if !has_time => {
                wrong("by start time", "optional start time is not set")
            }
            DeliverPolicy::ByStartTime if has_seq => {
                wrong("by start time", "optional start sequence is also set")
            }
            DeliverPolicy::ByStartSequence | DeliverPolicy::ByStartTime => Ok(()),
            DeliverPolicy::LastPerSubject if self.filter_subjects().is_empty() => {
                wrong("last per subject", "FilterSubject is not set")
            }
            policy if has_seq => wrong(policy.words(), "optional start sequence is also set"),
            policy if has_time => wrong(policy.words(), "optional start time is also set"),
            _ => Ok(()),
        }
    }

    /// The filters as the client gave them, in either field.
    pub fn filter_subjects(&self) -> Vec<&str> {
        let single = Some(self.filter_subject.as_str()).filter(|subject| !subject.is_empty());
        single.into_iter().chain(self.filter_subjects.iter().map(String::as_str)).collect()
    }

    /// The filters, parsed; none for everything in the stream.
    pub fn filters(&self) -> Vec<Filter> {
        let parse = |subject: &str| Filter::parse(subject.to_owned());
        self.filter_subjects().into_iter().filter_map(parse).collect()
    }

    fn check_filters(&self, stream: &StreamConfig) -> Result<(), ApiError> {
        if !self.filter_subject.is_empty() && !self.filter_subjects.is_empty() {
            return Err(error::DUPLICATE_FILTERS);
        }
        if self.filter_subjects.iter().any(String::is_empty) {
            return Err(error::EMPTY_FILTER);
        }
        let filters = self.filters();
        if filters.len() != self.filter_subjects().len() || filters.len() > FILTERS_MAX {
            return Err(error::FILTER_NOT_SUBSET);
        }
        for (place, filter) in filters.iter().enumerate() {
            if filters[..place].iter().any(|other| other.overlaps(filter)) {
                return Err(error::OVERLAPPING_FILTERS);
            }
            if !stream.filters().iter().any(|subject| subject.overlaps(filter)) {
                return Err(error::FILTER_NOT_SUBSET);
            }
        }
        Ok(())
    }

    /// Checks what the stream allows its consumers. No limit is more than any.
    pub fn check_limits(&self, stream: &StreamConfig) -> Result<(), ApiError> {
        let limits = &stream.consumer_limits;
        let is_beyond = |number: i64, limit: i64| limit > 0 && !(0..=limit).contains(&number);
        if is_beyond(self.max_ack_pending, limits.max_ack_pending) {
            return Err(error::MAX_ACK_PENDING_EXCESS);
        }
        if is_beyond(self.inactive_threshold, limits.inactive_threshold) {
            return Err(error::INACTIVE_THRESHOLD_EXCESS);
        }
        Ok(())
    }

    fn check_work_queue(&self, stream: &StreamConfig) -> Result<(), ApiError> {
        if stream.retention != Retention::WorkQueue {
            return Ok(());
        }
        if self.ack_policy != AckPolicy::Explicit {
            return Err(if self.is_push() {
                error::WORKQUEUE_NEEDS_ACK
            } else {
                error::PULL_NEEDS_ACK
            });
        }
        if self.deliver_policy != DeliverPolicy::All {
            return Err(error::WORKQUEUE_NOT_DELIVER_ALL);
        }
        Ok(())
    }

    /// Checks what may not change; both are complete.
    pub fn check_update(&self, new: &Self) -> Result<(), ApiError> {
        let refused = [
            (self.deliver_policy != new.deliver_policy, "deliver policy can not be updated"),
            (self.opt_start_seq != new.opt_start_seq, "start sequence can not be updated"),
            (self.opt_start_time != new.opt_start_time, "start time can not be updated"),
            (self.ack_policy != new.ack_policy, "ack policy can not be updated"),
            (self.replay_policy != new.replay_policy, "replay policy can not be updated"),
            (self.idle_heartbeat != new.idle_heartbeat, "heart beats can not be updated"),
            (self.flow_control != new.flow_control, "flow control can not be updated"),
            (self.is_push() && !new.is_push(), "can not update push consumer to pull based"),
            (!self.is_push() && new.is_push(), "can not update pull consumer to push based"),
            (self.max_waiting != new.max_waiting, "max waiting can not be updated"),
            (self.durable_name != new.durable_name, "durable name can not be updated"),
            (self.mem_storage != new.mem_storage, "storage can not be updated"),
        ];
        match refused.iter().find(|(is_refused, _)| *is_refused) {
            Some((_, reason)) => Err(error::consumer_create(*reason)),
            None => Ok(()),
        }
    }

    /// What the consumer's numbers depend on.
    pub fn rules(&self) -> Rules {
        Rules {
            ack_policy: self.ack_policy,
            ack_wait_ns: self.ack_wait,
            backoff_ns: self.backoff.clone(),
            max_deliver: self.max_deliver,
            max_ack_pending: self.max_ack_pending,
        }
    }

    /// What its requests may ask for.
    pub fn pull_limits(&self) -> PullLimits {
        PullLimits {
            max_waiting: usize::try_from(self.max_waiting).unwrap_or(0),
            max_batch: self.max_batch,
            max_expires: self.max_expires,
            max_bytes: self.max_bytes,
        }
    }
}

impl DeliverPolicy {
    fn words(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Last => "last",
            Self::New => "new",
            Self::ByStartSequence => "by start sequence",
            Self::ByStartTime => "by start time",
            Self::LastPerSubject => "last per subject",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stream(json: serde_json::Value) -> StreamConfig {
        serde_json::from_value::<StreamConfig>(json).unwrap().complete().unwrap()
    }

    fn complete(json: serde_json::Value) -> Result<ConsumerConfig, ApiError> {
        let stream = stream(json!({"name": "s", "subjects": ["a.>"]}));
        serde_json::from_value::<ConsumerConfig>(json).unwrap().complete(&stream)
    }

    #[test]
    fn what_is_left_out_is_filled_in_as_by_the_server() {
        let config = complete(json!({"durable_name": "c", "ack_policy": "explicit"})).unwrap();
        let expected = json!({
            "durable_name": "c", "deliver_policy": "all", "ack_policy": "explicit",
            "ack_wait": 30_000_000_000_i64, "max_deliver": -1, "replay_policy": "instant",
            "max_waiting": 512, "max_ack_pending": 1000, "num_replicas": 0,
        });
        assert_eq!(serde_json::to_value(&config).unwrap(), expected);
        let backoff =
            complete(json!({"ack_policy": "explicit", "backoff": [5, 6], "max_deliver": 3}));
        assert_eq!(backoff.unwrap().ack_wait, 5);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused = |json| complete(json).unwrap_err();
        assert_eq!(refused(json!({"durable_name": "a.b"})), error::BAD_DURABLE_NAME);
        assert_eq!(refused(json!({"filter_subject": "b"})), error::FILTER_NOT_SUBSET);
        assert_eq!(refused(json!({"filter_subjects": ["a.*", "a.b"]})), error::OVERLAPPING_FILTERS);
        assert_eq!(refused(json!({"flow_control": true})), error::FLOW_CONTROL_NEEDS_PUSH);
        assert_eq!(refused(json!({"deliver_subject": "x.*"})), error::DELIVER_TO_WILDCARDS);
        assert_eq!(
            refused(json!({"deliver_subject": "$JS.API.STREAM.DELETE.s"})),
            error::INVALID_DELIVER_SUBJECT
        );
        assert_eq!(refused(json!({"num_replicas": 3})), error::CONSUMER_REPLICAS);
        let groups = refused(json!({"priority_groups": ["a"]}));
        assert_eq!(groups.description, "not supported by this broker: priority_groups");
        let start = refused(json!({"deliver_policy": "by_start_sequence"}));
        assert_eq!(
            start.description,
            "consumer delivery policy is deliver by start sequence, but optional start sequence is not set"
        );
    }

    #[test]
    fn a_stream_limits_its_consumers() {
        let limits = json!({ "max_ack_pending": 10, "inactive_threshold": 1_000_000_000 });
        let stream = stream(json!({"name": "s", "consumer_limits": limits}));
        let complete =
            |json| serde_json::from_value::<ConsumerConfig>(json).unwrap().complete(&stream);
        let config = complete(json!({"ack_policy": "explicit"})).unwrap();
        assert_eq!((config.max_ack_pending, config.inactive_threshold), (10, 1_000_000_000));
        for beyond in [11, -1] {
            let refused = complete(json!({"ack_policy": "explicit", "max_ack_pending": beyond}));
            assert_eq!(refused.unwrap_err(), error::MAX_ACK_PENDING_EXCESS);
        }
        let refused = complete(json!({"inactive_threshold": 2_000_000_000_i64}));
        assert_eq!(refused.unwrap_err(), error::INACTIVE_THRESHOLD_EXCESS);
    }

    #[test]
    fn a_work_queue_needs_acknowledgements_of_everything() {
        let queue = stream(json!({"name": "q", "retention": "workqueue"}));
        let refused = |json| {
            serde_json::from_value::<ConsumerConfig>(json).unwrap().complete(&queue).unwrap_err()
        };
        assert_eq!(refused(json!({"ack_policy": "none"})), error::PULL_NEEDS_ACK);
        let new = json!({"ack_policy": "explicit", "deliver_policy": "new"});
        assert_eq!(refused(new), error::WORKQUEUE_NOT_DELIVER_ALL);
    }
}
