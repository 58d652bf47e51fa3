//! The configuration of a stream.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    DESCRIPTION_BYTES_MAX, INTERVAL_MIN_NS, METADATA_BYTES_MAX, NAME_BYTES_MAX, Others, SECOND_NS,
    check_unknown, is_default, is_name, metadata_bytes,
};
use crate::jetstream::error::{self, ApiError, invalid_stream};
use crate::subject::Filter;

/// How long a message id is remembered if nothing else is said.
const DUPLICATE_WINDOW_NS: i64 = 120 * SECOND_NS;
/// More subjects in one stream are refused.
const SUBJECTS_MAX: usize = 1024;

/// When a message leaves the stream by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Retention {
    /// When a limit is reached.
    #[default]
    Limits,
    /// When every consumer has settled it.
    Interest,
    /// When its one consumer has settled it.
    WorkQueue,
}

/// Who gives way at a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Discard {
    /// The oldest message.
    #[default]
    Old,
    /// The publisher, who gets an error.
    New,
}

/// Where messages are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// On disk.
    #[default]
    File,
    /// Kept on disk here as well, which is more than was asked for; a restart forgets the stream.
    Memory,
}

/// Defaults for the consumers of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConsumerLimits {
    /// After how long without a client a consumer is deleted, nanoseconds.
    #[serde(skip_serializing_if = "is_default")]
    pub inactive_threshold: i64,
    /// Messages in flight at a time.
    #[serde(skip_serializing_if = "is_default")]
    pub max_ack_pending: i64,
}

/// How a stream is set up. Times are nanoseconds; -1 stands for no limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StreamConfig {
    /// Its name.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What is published below these is kept.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub subjects: Vec<String>,
    /// When a message leaves the stream by itself.
    pub retention: Retention,
    /// Limit of consumers.
    pub max_consumers: i64,
    /// Limit of messages.
    pub max_msgs: i64,
    /// Limit of bytes.
    pub max_bytes: i64,
    /// Limit of a message's age.
    pub max_age: i64,
    /// Limit of messages with the same subject.
    pub max_msgs_per_subject: i64,
    /// Limit of a message's header and body.
    pub max_msg_size: i64,
    /// Who gives way at a limit.
    pub discard: Discard,
    /// Where messages are kept.
    pub storage: Storage,
    /// Only one is possible.
    pub num_replicas: i64,
    /// Publications are not acknowledged.
    #[serde(skip_serializing_if = "is_default")]
    pub no_ack: bool,
    /// How long a message id is remembered.
    #[serde(skip_serializing_if = "is_default")]
    pub duplicate_window: i64,
    /// Only `none` is possible.
    #[serde(deserialize_with = "null_is_empty")]
    pub compression: String,
    /// The number of the first message.
    #[serde(skip_serializing_if = "is_default")]
    pub first_seq: u64,
    /// Messages may be read without the API.
    pub allow_direct: bool,
    /// Of mirrors, which are not offered.
    pub mirror_direct: bool,
    /// `discard: new` counts for each subject.
    #[serde(skip_serializing_if = "is_default")]
    pub discard_new_per_subject: bool,
    /// Nothing may change any more.
    pub sealed: bool,
    /// Messages may not be deleted.
    pub deny_delete: bool,
    /// The stream may not be purged.
    pub deny_purge: bool,
    /// A message may replace those before it.
    pub allow_rollup_hdrs: bool,
    /// A message may say itself how long it lives.
    #[serde(skip_serializing_if = "is_default")]
    pub allow_msg_ttl: bool,
    /// Defaults for its consumers.
    pub consumer_limits: ConsumerLimits,
    /// Names and values of the client's.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_is_empty")]
    pub metadata: BTreeMap<String, String>,
    #[serde(flatten)]
    others: Others,
}

/// Go's clients send `null` for a list without items.
pub(super) fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl StreamConfig {
    /// Fills in what the client left out and refuses what cannot be.
    pub fn complete(mut self) -> Result<Self, ApiError> {
        self.check_supported()?;
        self.check_names()?;
        self.fill_in();
        self.check_times()?;
        self.check_policies()?;
        self.check_subjects()?;
        self.others.clear();
        Ok(self)
    }

    fn check_supported(&self) -> Result<(), ApiError> {
        check_unknown(&self.others)?;
        if self.mirror_direct {
            return Err(error::unsupported("mirror_direct"));
        }
        if !matches!(self.compression.as_str(), "" | "none") {
            return Err(error::unsupported("compression"));
        }
        match self.num_replicas {
            ..0 => Err(error::REPLICAS_NEGATIVE),
            0 | 1 => Ok(()),
            _ => Err(error::REPLICAS_NOT_SUPPORTED),
        }
    }

    fn check_names(&self) -> Result<(), ApiError> {
        if self.name.len() > NAME_BYTES_MAX {
            return Err(invalid_stream("stream name is too long, maximum allowed is 255"));
        }
        if !is_name(&self.name) {
            return Err(invalid_stream(
                "stream name is required and can not contain '.', '*', '>'",
            ));
        }
        if self.description.len() > DESCRIPTION_BYTES_MAX {
            return Err(invalid_stream("stream description is too long, maximum allowed is 4096"));
        }
        if metadata_bytes(&self.metadata) > METADATA_BYTES_MAX {
            return Err(invalid_stream("stream metadata exceeds maximum size of 128 KiB"));
        }
        Ok(())
    }

    fn fill_in(&mut self) {
        let unlimited = [
            &mut self.max_msgs,
            &mut self.max_bytes,
            &mut self.max_msgs_per_subject,
            &mut self.max_msg_size,
            &mut self.max_consumers,
        ];
        for limit in unlimited {
            *limit = if *limit == 0 { -1 } else { (*limit).max(-1) };
        }
        if self.duplicate_window == 0 {
            let is_short = self.max_age > 0 && self.max_age < DUPLICATE_WINDOW_NS;
            self.duplicate_window = if is_short { self.max_age } else { DUPLICATE_WINDOW_NS };
        }
        if self.subjects.is_empty() {
            self.subjects = vec![self.name.clone()];
        }
        self.num_replicas = 1;
        self.compression = "none".into();
    }

    fn check_times(&self) -> Result<(), ApiError> {
        let (age, window) = (self.max_age, self.duplicate_window);
        if age != 0 && age < INTERVAL_MIN_NS {
            return Err(invalid_stream("max age needs to be >= 100ms"));
        }
        if window < 0 {
            return Err(invalid_stream("duplicates window can not be negative"));
        }
        if age != 0 && window > age {
            return Err(invalid_stream("duplicates window can not be larger then max age"));
        }
        if window < INTERVAL_MIN_NS {
            return Err(invalid_stream("duplicates window needs to be >= 100ms"));
        }
        Ok(())
    }

    fn check_policies(&self) -> Result<(), ApiError> {
        if self.deny_purge && self.allow_rollup_hdrs {
            return Err(invalid_stream("roll-ups require the purge permission"));
        }
        if self.discard_new_per_subject && self.discard != Discard::New {
            return Err(invalid_stream(
                "discard new per subject requires discard new policy to be set",
            ));
        }
        if self.discard_new_per_subject && self.max_msgs_per_subject <= 0 {
            return Err(invalid_stream(
                "discard new per subject requires max msgs per subject > 0",
            ));
        }
        Ok(())
    }

    fn check_subjects(&self) -> Result<(), ApiError> {
        if self.subjects.len() > SUBJECTS_MAX {
            return Err(invalid_stream("too many subjects, maximum allowed is 1024"));
        }
        let mut seen: Vec<Filter> = Vec::new();
        for subject in &self.subjects {
            let filter =
                Filter::parse(subject.clone()).ok_or_else(|| invalid_stream("invalid subject"))?;
            if is_reserved(&filter, self.no_ack) {
                return Err(invalid_stream("subjects overlap with jetstream api"));
            }
            if seen.contains(&filter) {
                return Err(invalid_stream("duplicate subjects detected"));
            }
            if seen.iter().any(|other| other.overlaps(&filter)) {
                return Err(invalid_stream(format!(
                    "subject {subject:?} overlaps with another one"
                )));
            }
            seen.push(filter);
        }
        Ok(())
    }

    /// The subjects, parsed.
    pub fn filters(&self) -> Vec<Filter> {
        self.subjects.iter().filter_map(|subject| Filter::parse(subject.clone())).collect()
    }

    /// Checks what may not change; both are complete.
    pub fn check_update(&self, new: &Self) -> Result<(), ApiError> {
        let refused = [
            (self.name != new.name, "stream configuration name must match original"),
            (
                self.max_consumers != new.max_consumers,
                "stream configuration update can not change MaxConsumers",
            ),
            (
                self.storage != new.storage,
                "stream configuration update can not change storage type",
            ),
            (
                self.retention != new.retention,
                "stream configuration update can not change retention policy",
            ),
            (
                self.sealed && !new.sealed,
                "stream configuration update can not unseal a sealed stream",
            ),
            (
                self.deny_delete && !new.deny_delete,
                "stream configuration update can not cancel deny message deletes",
            ),
            (
                self.deny_purge && !new.deny_purge,
                "stream configuration update can not cancel deny purge",
            ),
            (self.allow_msg_ttl && !new.allow_msg_ttl, "message TTL status can not be disabled"),
            (
                self.first_seq != new.first_seq,
                "stream configuration update can not change the first sequence",
            ),
        ];
        match refused.iter().find(|(is_refused, _)| *is_refused) {
            Some((_, reason)) => Err(invalid_stream(*reason)),
            None => Ok(()),
        }
    }
}

/// The API's own subjects. Advisories are messages like others and may be kept.
fn is_reserved(filter: &Filter, no_ack: bool) -> bool {
    let overlaps = |subject: &'static str| {
        Filter::parse(subject).is_some_and(|reserved| reserved.overlaps(filter))
    };
    let is_event = Filter::parse("$JS.EVENT.>").is_some_and(|events| events.covers(filter));
    let is_api = overlaps("$JS.>") && !is_event;
    (is_api || overlaps("$SYS.>")) && !no_ack
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn complete(json: serde_json::Value) -> Result<StreamConfig, ApiError> {
        serde_json::from_value::<StreamConfig>(json).unwrap().complete()
    }

    fn reason(json: serde_json::Value) -> String {
        complete(json).unwrap_err().description.into_owned()
    }

    #[test]
    fn what_is_left_out_is_filled_in_as_by_the_server() {
        let config = complete(json!({"name": "s"})).unwrap();
        let expected = json!({
            "name": "s", "subjects": ["s"], "retention": "limits", "max_consumers": -1,
            "max_msgs": -1, "max_bytes": -1, "max_age": 0, "max_msgs_per_subject": -1,
            "max_msg_size": -1, "discard": "old", "storage": "file", "num_replicas": 1,
            "duplicate_window": 120_000_000_000_i64, "compression": "none",
            "allow_direct": false, "mirror_direct": false, "sealed": false, "deny_delete": false,
            "deny_purge": false, "allow_rollup_hdrs": false, "consumer_limits": {},
        });
        assert_eq!(serde_json::to_value(&config).unwrap(), expected);
    }

    #[test]
    fn what_is_not_offered_is_refused_by_name() {
        let named = |json| reason(json).replace("not supported by this broker: ", "");
        assert_eq!(named(json!({"name": "s", "mirror": {"name": "t"}})), "mirror");
        assert_eq!(named(json!({"name": "s", "sources": [{"name": "t"}]})), "sources");
        assert_eq!(named(json!({"name": "s", "compression": "s2"})), "compression");
        assert_eq!(named(json!({"name": "s", "allow_msg_counter": true})), "allow_msg_counter");
        assert_eq!(named(json!({"name": "s", "placement": {"cluster": "x"}})), "placement");
        complete(json!({"name": "s", "mirror": null, "sources": [], "republish": {}})).unwrap();
        assert_eq!(
            complete(json!({"name": "s", "num_replicas": 3})),
            Err(error::REPLICAS_NOT_SUPPORTED)
        );
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(reason(json!({"name": "a.b"})).starts_with("stream name is required"));
        assert!(reason(json!({"name": "../x"})).starts_with("stream name is required"));
        assert!(reason(json!({"name": "s", "max_age": 5})).starts_with("max age"));
        assert_eq!(reason(json!({"name": "s", "subjects": ["a..b"]})), "invalid subject");
        assert_eq!(
            reason(json!({"name": "s", "subjects": ["a", "a"]})),
            "duplicate subjects detected"
        );
        assert!(reason(json!({"name": "s", "subjects": ["$JS.API.>"]})).contains("jetstream api"));
        complete(json!({"name": "s", "subjects": ["$JS.EVENT.ADVISORY.>"]})).unwrap();
    }

    #[test]
    fn an_update_may_not_change_what_messages_depend_on() {
        let old = complete(json!({"name": "s"})).unwrap();
        let new = complete(json!({"name": "s", "max_msgs": 5, "subjects": ["t"]})).unwrap();
        assert_eq!(old.check_update(&new), Ok(()));
        let queue = complete(json!({"name": "s", "retention": "workqueue"})).unwrap();
        assert!(old.check_update(&queue).is_err());
    }
}
