//! Requests of the API that concern one stream.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Stream, reading};
use crate::Message;
use crate::jetstream::api::Call;
use crate::jetstream::error::{self, ApiError};
use crate::jetstream::json;
use crate::jetstream::views::{self, LIST_LIMIT, NAMES_LIMIT, time, to_value};
use crate::log::{Entry, Purge};
use crate::server::Permissions;
use crate::subject::Filter;

/// At most so many subjects are listed in one answer.
const SUBJECTS_LIMIT: usize = 100_000;
/// At most so many missing messages are listed.
const DELETED_LIMIT: usize = 100_000;

#[derive(Default, Deserialize)]
#[serde(default)]
struct InfoRequest {
    deleted_details: bool,
    subjects_filter: String,
    offset: usize,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PurgeRequest {
    filter: String,
    seq: u64,
    keep: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DeleteRequest {
    seq: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PageRequest {
    /// How many come before this page.
    pub offset: usize,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PauseRequest {
    pause_until: Option<Timestamp>,
}

/// Which message is meant.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct GetRequest {
    /// This one, or the first one from here on.
    pub seq: u64,
    /// The last one of this subject.
    pub last_by_subj: String,
    /// The next one of this subject.
    pub next_by_subj: String,
    /// Of requests for several messages, which are not offered.
    pub batch: u64,
    /// Of requests for several messages, which are not offered.
    pub multi_last: Vec<String>,
    /// Of requests for several messages, which are not offered.
    pub start_time: Option<Value>,
}

/// Reads a request; nothing at all stands for one without wishes.
pub fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T, ApiError> {
    json::parse(payload).map_err(|_| error::INVALID_JSON)
}

impl Stream {
    /// Answers a request of the API.
    pub(super) async fn call(
        &mut self,
        call: Call,
        message: &Message,
        caller: Option<&dyn Permissions>,
    ) {
        let kind = call.kind();
        let result = match call {
            Call::DirectGet => return self.get_directly(message),
            Call::DirectGetLast(subject) => return self.get_last_directly(&subject, message),
            call => self.answer_call(call, &message.payload, caller).await,
        };
        let answer = views::answer(kind, result);
        super::answer(&self.router, message.reply.as_ref(), answer.to_string());
    }

    async fn answer_call(
        &mut self,
        call: Call,
        payload: &[u8],
        caller: Option<&dyn Permissions>,
    ) -> Result<Value, ApiError> {
        match call {
            Call::StreamInfo => self.stream_info(payload),
            Call::StreamPurge => self.purge_stream(payload).await,
            Call::MessageGet => self.get_message(payload),
            Call::MessageDelete => self.delete_message(payload).await,
            Call::ConsumerCreate(form) => {
                self.create_consumer(form, payload, caller).await.map(|info| to_value(&info))
            }
            Call::ConsumerInfo(name) => self.consumer_info(&name).map(|info| to_value(&info)),
            Call::ConsumerDelete(name) => {
                self.delete_consumer(&name).await.map(|()| json!({ "success": true }))
            }
            Call::ConsumerNames => self.consumer_names(payload),
            Call::ConsumerList => self.list_consumers(payload),
            Call::ConsumerPause(name) => self.answer_pause(&name, payload).await,
            Call::DeadList(name) => self.list_dead(&name, payload).await,
            Call::DeadReplay(name) => self.replay_dead(&name, payload).await,
            Call::DeadDrop(name) => self.drop_dead(&name, payload).await,
            Call::DirectGet | Call::DirectGetLast(_) => Err(error::BAD_REQUEST),
        }
    }

    fn stream_info(&self, payload: &[u8]) -> Result<Value, ApiError> {
        let request: InfoRequest = parse(payload)?;
        let mut info = self.info();
        if request.deleted_details {
            info.state.deleted = self.missing();
        }
        if request.subjects_filter.is_empty() {
            return Ok(to_value(&info));
        }
        let filter = Filter::parse(request.subjects_filter).ok_or(error::BAD_REQUEST)?;
        let subjects = self.log.subjects(Some(&filter));
        let total = subjects.len();
        let part = subjects.into_iter().skip(request.offset).take(SUBJECTS_LIMIT);
        info.state.subjects = part.collect();
        let mut view = to_value(&info);
        view["total"] = json!(total);
        view["offset"] = json!(request.offset);
        view["limit"] = json!(SUBJECTS_LIMIT);
        Ok(view)
    }

    /// The sequences that are missing between the first message and the last one.
    fn missing(&self) -> Vec<u64> {
        let state = self.log.state();
        let mut missing = Vec::new();
        let mut after = state.first_seq.saturating_sub(1);
        while after < state.last_seq && missing.len() < DELETED_LIMIT {
            let next = self.log.next_seq_after(after, &[]).unwrap_or(state.last_seq + 1);
            missing.extend((after + 1..next).take(DELETED_LIMIT - missing.len()));
            after = next;
        }
        missing
    }

    async fn purge_stream(&mut self, payload: &[u8]) -> Result<Value, ApiError> {
        let PurgeRequest { filter, seq, keep } = parse(payload)?;
        if seq > 0 && keep > 0 {
            return Err(error::BAD_REQUEST);
        }
        if self.config.sealed {
            return Err(error::SEALED);
        }
        if self.config.deny_purge {
            return Err(error::purge_failed("stream purge not permitted"));
        }
        let filter = match filter.as_str() {
            "" => None,
            text => Some(Filter::parse(text.to_owned()).ok_or(error::BAD_REQUEST)?),
        };
        let purge = Purge { filter, below: (seq > 0).then_some(seq), keep };
        let failed = |failure: crate::log::Error| error::purge_failed(failure.to_string());
        let (purged, ticket) = self.purge(&purge).map_err(failed)?;
        ticket.await.map_err(failed)?;
        Ok(json!({ "success": true, "purged": purged }))
    }

    fn get_message(&self, payload: &[u8]) -> Result<Value, ApiError> {
        let request: GetRequest = parse(payload)?;
        let is_next = !request.next_by_subj.is_empty();
        let ways = [request.seq > 0 && !is_next, !request.last_by_subj.is_empty(), is_next];
        let is_one_way = ways.iter().filter(|way| **way).count() == 1;
        if !is_one_way || request.batch > 0 || !request.multi_last.is_empty() {
            return Err(error::BAD_REQUEST);
        }
        let entry = self.find(&request).ok_or(error::NO_MESSAGE_FOUND)?;
        let mut message = json!({ "subject": entry.subject.as_str(), "seq": entry.seq });
        if !entry.headers.is_empty() {
            message["hdrs"] = json!(BASE64.encode(&entry.headers));
        }
        if !entry.payload.is_empty() {
            message["data"] = json!(BASE64.encode(&entry.payload));
        }
        message["time"] = json!(time(entry.time_ns).to_string());
        Ok(json!({ "message": message }))
    }

    /// The message that is meant.
    pub(super) fn find(&self, request: &GetRequest) -> Option<Entry> {
        let seq = if !request.last_by_subj.is_empty() {
            self.last_of(&request.last_by_subj)?
        } else if !request.next_by_subj.is_empty() {
            let filter = Filter::parse(request.next_by_subj.clone())?;
            self.log.next_seq_after(request.seq.saturating_sub(1), &[filter])?
        } else {
            request.seq
        };
        reading::get(&self.log, seq).ok().flatten()
    }

    fn last_of(&self, subject: &str) -> Option<u64> {
        let filter = Filter::parse(subject.to_owned())?;
        if !filter.has_wildcard() {
            return self.log.last_of(subject);
        }
        let subjects = self.log.subjects(Some(&filter)).into_iter();
        subjects.filter_map(|(subject, _)| self.log.last_of(&subject)).max()
    }

    async fn delete_message(&mut self, payload: &[u8]) -> Result<Value, ApiError> {
        let DeleteRequest { seq } = parse(payload)?;
        if self.config.sealed {
            return Err(error::SEALED);
        }
        if self.config.deny_delete {
            return Err(error::delete_failed("message delete not permitted"));
        }
        let failed = |failure: crate::log::Error| error::delete_failed(failure.to_string());
        if seq > self.log.state().last_seq {
            // These are the server's words.
            return Err(error::delete_failed("stream store EOF"));
        }
        let Some(ticket) = self.log.remove(seq).map_err(failed)? else {
            return Err(error::sequence_not_found(seq));
        };
        for consumer in self.consumers.values_mut() {
            consumer.forget_read();
            consumer.is_dirty |= consumer.progress.forget(seq);
        }
        ticket.await.map_err(failed)?;
        Ok(json!({ "success": true }))
    }

    fn consumer_names(&self, payload: &[u8]) -> Result<Value, ApiError> {
        let PageRequest { offset } = parse(payload)?;
        let names: Vec<&String> = self.consumers.keys().collect();
        Ok(views::page("consumers", &names, offset, NAMES_LIMIT))
    }

    fn list_consumers(&mut self, payload: &[u8]) -> Result<Value, ApiError> {
        let PageRequest { offset } = parse(payload)?;
        let names: Vec<String> = self.consumers.keys().cloned().collect();
        let infos: Result<Vec<_>, _> = names.iter().map(|name| self.consumer_info(name)).collect();
        Ok(views::page("consumers", &infos?, offset, LIST_LIMIT))
    }

    async fn answer_pause(&mut self, name: &str, payload: &[u8]) -> Result<Value, ApiError> {
        let PauseRequest { pause_until } = parse(payload)?;
        let info = self.pause_consumer(name, pause_until).await?;
        let until =
            info.config.pause_until.map_or(views::NO_TIME.into(), |until| until.to_string());
        Ok(json!({
            "paused": info.paused, "pause_until": until, "pause_remaining": info.pause_remaining,
        }))
    }
}
