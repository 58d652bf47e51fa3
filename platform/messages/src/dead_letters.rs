//! What programs outside gave up, where a broker keeps it for its consumers. What services gave up is in their inboxes.

use std::fmt;

use jiff::Timestamp;

use crate::Error;

/// Longer names are refused by brokers too.
const NAME_BYTES_MAX: usize = 255;

/// The name of a stream or of a consumer: one word of a subject, so that no request asks for something else than it seems to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerName(String);

impl BrokerName {
    /// Reads what somebody typed.
    pub fn parse(name: &str) -> Result<Self, &'static str> {
        let is_allowed = |c: char| !c.is_whitespace() && !c.is_control() && !".*>/\\".contains(c);
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(is_allowed) {
            return Err("must have 1 to 255 bytes, without spaces and none of . * > / \\");
        }
        Ok(Self(name.to_owned()))
    }

    /// As the broker knows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BrokerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who gave messages up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerConsumer {
    /// The stream that it receives from.
    pub stream: BrokerName,
    /// Its name, known in this stream only.
    pub name: BrokerName,
}

/// What is done with dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Another round of tries.
    Replay,
    /// Forgotten for good.
    Drop,
}

/// Which dead letters of a consumer are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// All of them.
    All,
    /// That of the message with this number in the stream.
    Sequence(u64),
}

/// A message that a program outside gave up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The message's number in the stream.
    pub sequence: u64,
    /// Where it was published to.
    pub subject: String,
    /// How often it was delivered.
    pub deliveries: u64,
    /// Why it was given up.
    pub reason: String,
    /// When it was given up.
    pub given_up_at: Timestamp,
    /// The message as text; absent when it is not in the stream any more.
    pub message: Option<String>,
    /// Whether the message is longer than what is here of it.
    pub is_cut: bool,
}

/// Some dead letters of a consumer, in the order of the stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterPage {
    /// The letters.
    pub letters: Vec<DeadLetter>,
    /// Whether there are more after these.
    pub has_more: bool,
}

/// Why nothing could be done with dead letters of programs outside.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// What moves the messages has no such thing.
    #[error("dead letters of programs outside are kept by the embedded broker only")]
    NotKept,
    /// The consumer, or its stream, is not there.
    #[error("there is no such consumer at the broker; it may have been removed")]
    NoConsumer,
    /// The message is no dead letter of the consumer.
    #[error("there is no such dead letter; it may have been replayed or dropped already")]
    NoDeadLetter,
    /// The broker is away or did not answer in time.
    #[error(transparent)]
    Broker(#[from] Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_word_of_a_subject() {
        for name in ["wiki", "users_provision_default_role", "ÄÖ-1", &"x".repeat(255)] {
            assert_eq!(BrokerName::parse(name).expect("a name").as_str(), name);
        }
        let long = "x".repeat(256);
        for wrong in ["", "a b", "a.b", "*", ">", "a\r\nPUB b 0", "a/b", "a\\b", "a\u{a0}b", &long]
        {
            assert!(BrokerName::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
