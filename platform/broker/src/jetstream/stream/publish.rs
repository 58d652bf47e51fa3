//! Publications: whether a message is kept, and telling the publisher.
//!
//! Promises that the answer is sent in the order of the publications, and "kept" only when the message is on disk. The
//! answer to a publication that is alone is sent by the thread that wrote it, which saves waking the stream's first.

use std::collections::VecDeque;

use serde_json::json;

use super::Stream;
use super::expiring::time_to_live;
use crate::Message;
use crate::jetstream::config::{Discard, Retention};
use crate::jetstream::duplicates::MESSAGE_ID;
use crate::jetstream::error::{self, ApiError};
use crate::log::{self, NewEntry, Purge, Then, Ticket};
use crate::protocol::Headers;
use crate::subject::{Filter, Subject};

/// Larger header blocks are refused.
const HEADER_BYTES_MAX: usize = 64 * 1024;
/// Headers that ask for something this broker does not do.
const UNSUPPORTED_HEADERS: [&str; 5] =
    ["Nats-Incr", "Nats-Batch-Id", "Nats-Schedule", "Nats-Schedule-Target", "Nats-Schedule-TTL"];

/// A publication on its way to the disk.
pub struct Unconfirmed {
    /// Resolves when it has arrived.
    pub ticket: Ticket,
    seq: u64,
    reply: Option<Subject>,
    /// Whoever writes it tells the publisher that it is kept.
    is_told: bool,
    kind: Kind,
}

enum Kind {
    New {
        subject: Subject,
        bytes: u64,
        message_id: String,
        rollup: Option<Rollup>,
        expires_at_ns: Option<i64>,
    },
    /// It was published before; the first one is perhaps on its way too.
    Duplicate,
}

/// What a message replaces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rollup {
    Subject,
    All,
}

/// What becomes of a publication.
enum Decision {
    Keep(Wishes),
    Duplicate(u64),
}

/// What the headers of a message that is kept ask for.
#[derive(Default)]
struct Wishes {
    message_id: String,
    rollup: Option<Rollup>,
    time_to_live_ns: Option<i64>,
}

/// The next publication that is on disk, or will never be. Nothing is lost when this is cancelled.
pub async fn next_confirmed(
    unconfirmed: &mut VecDeque<Unconfirmed>,
) -> (Unconfirmed, log::Result<u64>) {
    let Some(front) = unconfirmed.front_mut() else { return std::future::pending().await };
    let result = (&mut front.ticket).await;
    match unconfirmed.pop_front() {
        Some(front) => (front, result),
        None => std::future::pending().await,
    }
}

/// The answer to a publication that is not kept.
pub fn refusal(stream: &str, error: &ApiError) -> String {
    json!({ "error": error, "stream": stream, "seq": 0 }).to_string()
}

impl Stream {
    /// Keeps a message, or says why not.
    pub(super) async fn publish(&mut self, message: Message) {
        let reply = message.reply.clone();
        let kept = match self.decide(&message) {
            Ok(Decision::Duplicate(seq)) => self.confirm_later(seq, message.reply),
            Ok(Decision::Keep(wishes)) => self.keep(message, wishes).await,
            Err(refused) => Err(refused),
        };
        if let Err(refused) = kept {
            self.refuse(reply.as_ref(), &refused);
        }
    }

    fn refuse(&self, reply: Option<&Subject>, refused: &ApiError) {
        if !self.config.no_ack {
            super::answer(&self.router, reply, refusal(&self.config.name, refused));
        }
    }

    fn decide(&mut self, message: &Message) -> Result<Decision, ApiError> {
        self.check_size(message)?;
        let headers = Headers::parse(&message.headers).map_err(|_| error::BAD_REQUEST)?;
        let mut wishes = Wishes::default();
        if !headers.is_empty() {
            if headers.get("Nats-Expected-Stream").is_some_and(|name| name != self.config.name) {
                return Err(error::STREAM_NOT_MATCHING);
            }
            let message_id = headers.get(MESSAGE_ID).unwrap_or_default();
            if let Some(seq) = self.duplicates.find(message_id, self.now_ns()) {
                return Ok(Decision::Duplicate(seq));
            }
            self.check_expectations(&headers, &message.subject)?;
            wishes.rollup = self.check_rollup(&headers)?;
            wishes.time_to_live_ns = time_to_live(&headers, &self.config)?;
            message_id.clone_into(&mut wishes.message_id);
        }
        self.check_room(message)?;
        Ok(Decision::Keep(wishes))
    }

    fn check_size(&self, message: &Message) -> Result<(), ApiError> {
        if self.config.sealed {
            return Err(error::SEALED);
        }
        if message.headers.len() > HEADER_BYTES_MAX {
            return Err(error::HEADER_TOO_BIG);
        }
        let size_max = usize::try_from(self.config.max_msg_size).unwrap_or(usize::MAX);
        if message.size() > size_max {
            return Err(error::MESSAGE_TOO_BIG);
        }
        Ok(())
    }

    fn check_expectations(&self, headers: &Headers, subject: &Subject) -> Result<(), ApiError> {
        if let Some(name) = UNSUPPORTED_HEADERS.iter().find(|name| headers.get(name).is_some()) {
            return Err(error::unsupported(name));
        }
        if let Some(expected) = number(headers, "Nats-Expected-Last-Subject-Sequence")? {
            let of = headers.get("Nats-Expected-Last-Subject-Sequence-Subject");
            let other = of.map(|of| Subject::parse(of.to_owned()).ok_or(error::BAD_REQUEST));
            let subject = other.transpose()?.unwrap_or_else(|| subject.clone());
            let actual = self.log.last_given_to(&subject).unwrap_or(0);
            if actual != expected {
                return Err(error::wrong_last_sequence(actual));
            }
        }
        let last_seq = self.log.next_seq() - 1;
        match number(headers, "Nats-Expected-Last-Sequence")? {
            Some(expected) if expected != last_seq => {
                return Err(error::wrong_last_sequence(last_seq));
            }
            _ => {}
        }
        match headers.get("Nats-Expected-Last-Msg-Id") {
            Some(expected) if !expected.is_empty() && expected != self.last_message_id => {
                Err(error::wrong_last_msg_id(&self.last_message_id))
            }
            _ => Ok(()),
        }
    }

    fn check_rollup(&self, headers: &Headers) -> Result<Option<Rollup>, ApiError> {
        let Some(what) = headers.get("Nats-Rollup") else { return Ok(None) };
        if !self.config.allow_rollup_hdrs || self.config.deny_purge {
            return Err(error::ROLLUP_FAILED);
        }
        match what.to_lowercase().as_str() {
            "sub" => Ok(Some(Rollup::Subject)),
            "all" => Ok(Some(Rollup::All)),
            _ => Err(error::rollup_failed(format!("rollup value invalid: {what:?}"))),
        }
    }

    /// Where new messages give way, also those count that are still on their way to the disk.
    fn check_room(&self, message: &Message) -> Result<(), ApiError> {
        if self.config.discard != Discard::New {
            return Ok(());
        }
        let is_beyond = |limit: i64, count: u64| limit > 0 && count > limit.unsigned_abs();
        let state = self.log.state();
        if is_beyond(self.config.max_msgs, state.messages + self.unconfirmed.len() as u64 + 1) {
            return Err(error::store_failed("maximum messages exceeded"));
        }
        let bytes = state.bytes + self.unconfirmed_bytes + message.size() as u64;
        if is_beyond(self.config.max_bytes, bytes) {
            return Err(error::store_failed("maximum bytes exceeded"));
        }
        if self.config.discard_new_per_subject
            && is_beyond(self.config.max_msgs_per_subject, self.count_of(&message.subject) + 1)
        {
            return Err(error::store_failed("maximum messages per subject exceeded"));
        }
        Ok(())
    }

    fn count_of(&self, subject: &Subject) -> u64 {
        let is_same = |it: &&Unconfirmed| matches!(&it.kind, Kind::New { subject: other, .. } if other == subject);
        let on_the_way = self.unconfirmed.iter().filter(is_same).count() as u64;
        let filter = Filter::parse(subject.as_str().to_owned());
        let kept = filter.map_or(0, |filter| self.log.count_from(0, &[filter]));
        kept + on_the_way
    }

    async fn keep(&mut self, message: Message, wishes: Wishes) -> Result<(), ApiError> {
        let Wishes { message_id, rollup, time_to_live_ns } = wishes;
        self.last_time_ns = self.now_ns().max(self.last_time_ns);
        let time_ns = self.last_time_ns;
        let bytes = message.size() as u64;
        let Message { subject, reply, headers, payload } = message;
        let entry = NewEntry { subject: subject.clone(), headers, payload, time_ns };
        let is_told = self.unconfirmed.is_empty() && self.is_answered(reply.as_ref());
        let (seq, ticket) = self.append(entry, reply.as_ref().filter(|_| is_told)).await?;
        if !message_id.is_empty() {
            self.duplicates.remember(&message_id, seq, time_ns);
        }
        self.last_message_id.clone_from(&message_id);
        self.unconfirmed_bytes += bytes;
        let expires_at_ns = time_to_live_ns.map(|ttl_ns| time_ns.saturating_add(ttl_ns));
        let kind = Kind::New { subject, bytes, message_id, rollup, expires_at_ns };
        self.unconfirmed.push_back(Unconfirmed { ticket, seq, reply, is_told, kind });
        Ok(())
    }

    /// Appends as soon as the log has room. Meanwhile the stream does nothing else, its queue fills, and publishers
    /// are told.
    async fn append(
        &self,
        entry: NewEntry,
        told: Option<&Subject>,
    ) -> Result<(u64, Ticket), ApiError> {
        loop {
            let then = told.map(|reply| self.tell_at_once(reply));
            match self.log.append_then(entry.clone(), then) {
                Ok(appended) => return Ok(appended),
                Err(log::Error::Full) => self.log.room().await,
                Err(log::Error::TooLarge { .. }) => return Err(error::MESSAGE_TOO_BIG),
                Err(failure) => return Err(error::store_failed(failure.to_string())),
            }
        }
    }

    /// The first one may be on its way to the disk, so this one is not answered before it.
    fn confirm_later(&mut self, seq: u64, reply: Option<Subject>) -> Result<(), ApiError> {
        let flush = self.log.flush().map_err(|failure| error::store_failed(failure.to_string()))?;
        self.unconfirmed.push_back(Unconfirmed {
            ticket: flush,
            seq,
            reply,
            is_told: false,
            kind: Kind::Duplicate,
        });
        Ok(())
    }

    /// A publication is on disk, or will never be.
    pub(super) fn confirm(&mut self, unconfirmed: Unconfirmed, result: log::Result<u64>) {
        let Unconfirmed { seq, reply, is_told, kind, .. } = unconfirmed;
        match (result, kind) {
            (Ok(_), Kind::Duplicate) => self.acknowledge_publication(reply.as_ref(), seq, true),
            (Ok(_), Kind::New { subject, bytes, rollup, expires_at_ns, .. }) => {
                self.unconfirmed_bytes -= bytes;
                self.expiring.extend(expires_at_ns.map(|at_ns| (at_ns, seq)));
                self.note_kept(seq, &subject, rollup);
                if !is_told {
                    self.acknowledge_publication(reply.as_ref(), seq, false);
                }
            }
            (Err(failure), kind) => {
                if let Kind::New { bytes, message_id, .. } = kind {
                    self.unconfirmed_bytes -= bytes;
                    self.duplicates.forget(&message_id);
                }
                tracing::error!(stream = self.config.name, %failure, "a message could not be kept");
                self.refuse(reply.as_ref(), &error::store_failed(failure.to_string()));
            }
        }
    }

    fn acknowledge_publication(&self, reply: Option<&Subject>, seq: u64, is_duplicate: bool) {
        if self.is_answered(reply) {
            super::answer(&self.router, reply, receipt(&self.config.name, seq, is_duplicate));
        }
    }

    fn is_answered(&self, reply: Option<&Subject>) -> bool {
        reply.is_some() && !self.config.no_ack
    }

    /// Tells a publisher from the thread that writes.
    fn tell_at_once(&self, reply: &Subject) -> Then {
        let (name, router, reply) = (self.config.name.clone(), self.router.clone(), reply.clone());
        Box::new(move |seq| {
            let receipt = receipt(&name, seq, false);
            router.publish_at_once(&Message::answer(reply, receipt));
        })
    }

    /// A new message can be read from now on.
    fn note_kept(&mut self, seq: u64, subject: &Subject, rollup: Option<Rollup>) {
        for consumer in self.consumers.values_mut() {
            consumer.note_new(seq, subject);
        }
        if let Some(rollup) = rollup {
            let only =
                Filter::parse(subject.as_str().to_owned()).filter(|_| rollup == Rollup::Subject);
            let before = Purge { filter: only, below: Some(seq), keep: 0 };
            if let Err(failure) = self.purge(&before) {
                tracing::error!(stream = self.config.name, %failure, "cannot roll up");
            }
        }
        let is_wanted = || self.consumers.values().any(|consumer| consumer.wants(subject));
        if self.config.retention == Retention::Interest && !is_wanted() {
            self.remove(seq);
        }
    }
}

/// The answer to a publication that is kept.
fn receipt(stream: &str, seq: u64, is_duplicate: bool) -> String {
    let duplicate = if is_duplicate { r#","duplicate":true"# } else { "" };
    let name = json!(stream);
    format!(r#"{{"stream":{name},"seq":{seq}{duplicate}}}"#)
}

fn number(headers: &Headers, name: &str) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    value.parse().map(Some).map_err(|_| error::BAD_REQUEST)
}
