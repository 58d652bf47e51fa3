//! Acknowledgements: what receivers say about messages, on the reply subjects these were delivered with.

use serde::Deserialize;

use super::Stream;
use crate::Message;
use crate::jetstream::advisory::{Advisory, Delivered};
use crate::jetstream::config::Retention;
use crate::log::Purge;
use crate::subject::Subject;

/// Words of `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`.
const TOKENS: usize = 9;

/// Which delivery is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    consumer: String,
    deliveries: u64,
    stream_seq: u64,
    consumer_seq: u64,
}

impl Token {
    fn parse(subject: &Subject) -> Option<Self> {
        let words: Vec<&str> = subject.as_str().split('.').collect();
        if words.len() != TOKENS {
            return None;
        }
        Some(Self {
            consumer: words[3].to_owned(),
            deliveries: words[4].parse().ok()?,
            stream_seq: words[5].parse().ok()?,
            consumer_seq: words[6].parse().ok()?,
        })
    }

    fn delivered(&self) -> Delivered<'_> {
        Delivered {
            consumer: &self.consumer,
            consumer_seq: self.consumer_seq,
            stream_seq: self.stream_seq,
            deliveries: self.deliveries,
        }
    }
}

/// What the receiver says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Done,
    /// Done, and more please.
    DoneAndNext(bytes::Bytes),
    Again {
        delay_ns: i64,
    },
    InProgress,
    Never {
        reason: String,
    },
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NakOptions {
    delay: i64,
}

impl Answer {
    fn parse(payload: &bytes::Bytes) -> Option<Self> {
        let text = std::str::from_utf8(payload).ok()?;
        let rest_of = |word: &str| text.strip_prefix(word).map(str::trim);
        if let "" | "+ACK" | "+OK" = text {
            return Some(Self::Done);
        }
        if text == "+WPI" {
            return Some(Self::InProgress);
        }
        if let Some(request) = rest_of("+NXT") {
            return Some(Self::DoneAndNext(payload.slice_ref(request.as_bytes())));
        }
        if let Some(options) = rest_of("-NAK") {
            return Some(Self::Again { delay_ns: parse_delay(options) });
        }
        rest_of("+TERM").map(|reason| Self::Never { reason: reason.to_owned() })
    }
}

/// `{"delay": nanoseconds}`; nothing that can be read is no delay.
fn parse_delay(options: &str) -> i64 {
    serde_json::from_str::<NakOptions>(options).unwrap_or_default().delay.max(0)
}

impl Stream {
    /// Carries out what a receiver says. Somebody who waits for an answer gets it once it is on disk.
    pub(super) fn acknowledge(&mut self, message: &Message) {
        let Some(token) = Token::parse(&message.subject) else { return };
        let Some(answer) = Answer::parse(&message.payload) else { return };
        if !self.is_known(&token) {
            return;
        }
        let is_request = matches!(answer, Answer::DoneAndNext(_));
        self.apply(&token, answer, message);
        if let Some(consumer) = self.consumers.get_mut(&token.consumer) {
            consumer.is_dirty = true;
            consumer.active_at_ns = consumer.active_at_ns.max(self.last_time_ns);
        }
        if let (Some(reply), false) = (&message.reply, is_request) {
            self.saver.answer_when_saved(reply.clone());
        }
    }

    /// Whether the consumer, as it is now, made that delivery. One from before a crash, or of another consumer of
    /// the same name, did not.
    fn is_known(&self, token: &Token) -> bool {
        self.consumers.get(&token.consumer).is_some_and(|consumer| {
            let delivered = consumer.progress.state().delivered;
            token.consumer_seq <= delivered.consumer_seq && token.stream_seq <= delivered.stream_seq
        })
    }

    fn apply(&mut self, token: &Token, answer: Answer, message: &Message) {
        match answer {
            Answer::Done => self.settle(token),
            Answer::DoneAndNext(request) => {
                self.settle(token);
                let next = Message { payload: request, ..message.clone() };
                self.pull(&token.consumer, &next);
            }
            Answer::Again { delay_ns } => self.hand_out_again(token, delay_ns),
            Answer::InProgress => self.extend(token),
            Answer::Never { reason } => self.give_up(token, &reason),
        }
    }

    fn settle(&mut self, token: &Token) {
        let now_ns = self.now_ns();
        let Some(consumer) = self.consumers.get_mut(&token.consumer) else { return };
        let mut settled = consumer.progress.ack(token.stream_seq);
        consumer.acked_at_ns = Some(now_ns);
        if settled.is_empty() && consumer.progress.is_settled(token.stream_seq) {
            // Late, after its deliveries were used up: it is done all the same.
            settled.push(token.stream_seq);
        }
        for seq in settled {
            self.remove_if_settled(seq);
        }
    }

    fn hand_out_again(&mut self, token: &Token, delay_ns: i64) {
        let now_ns = self.now_ns();
        let Some(consumer) = self.consumers.get_mut(&token.consumer) else { return };
        let exhausted = consumer.progress.nak(token.stream_seq, token.deliveries, delay_ns, now_ns);
        self.tell(Advisory::Naked(token.delivered()));
        if let Some(exhausted) = exhausted {
            self.bury_exhausted(&token.consumer, exhausted);
        }
    }

    fn extend(&mut self, token: &Token) {
        let now_ns = self.now_ns();
        if let Some(consumer) = self.consumers.get_mut(&token.consumer) {
            consumer.progress.extend(token.stream_seq, token.deliveries, now_ns);
        }
    }

    fn give_up(&mut self, token: &Token, reason: &str) {
        let Some(consumer) = self.consumers.get_mut(&token.consumer) else { return };
        let Some(deliveries) = consumer.progress.settle(token.stream_seq) else { return };
        self.tell(Advisory::Terminated(token.delivered(), reason));
        self.bury_terminated(&token.consumer, token.stream_seq, deliveries, reason);
        self.remove_if_settled(token.stream_seq);
    }

    /// Removes a message that a consumer has settled, where the stream keeps messages only for its consumers.
    pub(super) fn remove_if_settled(&mut self, seq: u64) {
        let is_done = match self.config.retention {
            Retention::Limits => false,
            Retention::WorkQueue => true,
            Retention::Interest => self.is_settled_by_all(seq),
        };
        if is_done {
            self.remove(seq);
        }
    }

    pub(super) fn is_settled_by_all(&self, seq: u64) -> bool {
        let open = |consumer: &&super::Running| !consumer.progress.is_settled(seq);
        let mut open = self.consumers.values().filter(open).peekable();
        if open.peek().is_none() {
            return true;
        }
        let Some(subject) = self.log.subject_of(seq) else { return false };
        !open.any(|consumer| consumer.wants(&subject))
    }

    /// Removes one message. That it is on disk is waited for where it matters, when consumers are saved.
    pub(super) fn remove(&self, seq: u64) {
        if let Err(error) = self.log.remove(seq) {
            tracing::error!(stream = self.config.name, seq, %error, "cannot remove a message");
        }
    }

    /// Removes many, and tells the consumers.
    pub(super) fn purge(&mut self, purge: &Purge) -> crate::log::Result<(u64, crate::log::Ticket)> {
        let purged = self.log.purge(purge)?;
        let first_seq = self.log.state().first_seq;
        for consumer in self.consumers.values_mut() {
            consumer.forget_read();
            consumer.is_dirty = true;
            let pending: Vec<u64> = consumer.progress.pending().collect();
            for seq in pending {
                if self.log.next_seq_after(seq - 1, &[]) != Some(seq) {
                    consumer.progress.settle(seq);
                }
            }
            consumer.progress.skip_to(first_seq.saturating_sub(1));
        }
        Ok(purged)
    }

    /// The client of a push consumer has kept up.
    pub(super) fn continue_pushing(&mut self, message: &Message) {
        let name = message.subject.as_str().split('.').nth(3).unwrap_or_default();
        if let Some(push) = self.consumers.get_mut(name).and_then(|consumer| consumer.push.as_mut())
        {
            push.confirm(&message.subject);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &'static str) -> Option<Answer> {
        Answer::parse(&text.into())
    }

    #[test]
    fn a_delivery_is_told_by_its_reply_subject() {
        let subject = Subject::parse("$JS.ACK.s.c.2.17.23.1700000000000000000.5").unwrap();
        let token = Token { consumer: "c".into(), deliveries: 2, stream_seq: 17, consumer_seq: 23 };
        assert_eq!(Token::parse(&subject), Some(token));
        assert_eq!(Token::parse(&Subject::parse("$JS.ACK.s.c.2.17").unwrap()), None);
    }

    #[test]
    fn receivers_say_what_became_of_a_message() {
        assert_eq!(answer(""), Some(Answer::Done));
        assert_eq!(answer("+ACK"), Some(Answer::Done));
        assert_eq!(answer("+WPI"), Some(Answer::InProgress));
        assert_eq!(answer("-NAK"), Some(Answer::Again { delay_ns: 0 }));
        assert_eq!(answer(r#"-NAK {"delay": 7}"#), Some(Answer::Again { delay_ns: 7 }));
        assert_eq!(answer("+TERM bad"), Some(Answer::Never { reason: "bad".into() }));
        assert_eq!(answer("+NXT 5"), Some(Answer::DoneAndNext("5".into())));
        assert_eq!(answer("what"), None);
    }
}
