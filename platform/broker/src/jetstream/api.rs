//! The API: `$JS.API.>` subjects to calls, and the calls that concern no single stream.
//!
//! Promises that every request gets an answer, also one that nobody can understand. What concerns one stream goes into
//! its queue, in the order in which it came.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::config::StreamConfig;
use super::error::{self, ApiError};
use super::json;
use super::pulls::Status;
use super::stream::{Command, answer, send_status};
use super::streams::Streams;
use super::views::{self, LIST_LIMIT, NAMES_LIMIT, StreamInfo, to_value};
use crate::Message;
use crate::server::{Handler, Publisher, Router};
use crate::subject::Filter;

/// How the subjects of the API begin.
const PREFIX: &str = "$JS.API.";

/// A request that concerns one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `STREAM.INFO`
    StreamInfo,
    /// `STREAM.PURGE`
    StreamPurge,
    /// `STREAM.MSG.GET`
    MessageGet,
    /// `STREAM.MSG.DELETE`
    MessageDelete,
    /// `CONSUMER.CREATE` and `CONSUMER.DURABLE.CREATE`
    ConsumerCreate(Form),
    /// `CONSUMER.INFO`
    ConsumerInfo(String),
    /// `CONSUMER.DELETE`
    ConsumerDelete(String),
    /// `CONSUMER.NAMES`
    ConsumerNames,
    /// `CONSUMER.LIST`
    ConsumerList,
    /// `CONSUMER.PAUSE`
    ConsumerPause(String),
    /// `CONSUMER.DEAD.LIST`, not in nats-server.
    DeadList(String),
    /// `CONSUMER.DEAD.REPLAY`, not in nats-server.
    DeadReplay(String),
    /// `CONSUMER.DEAD.DROP`, not in nats-server.
    DeadDrop(String),
    /// `DIRECT.GET` with a body.
    DirectGet,
    /// `DIRECT.GET` with a subject.
    DirectGetLast(String),
}

/// How a consumer is named in the subject of the request that makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Not at all.
    Ephemeral,
    /// As old clients do.
    Durable(String),
    /// With its filter, if it has one.
    Named {
        /// The consumer's name.
        name: String,
        /// The filter as it stands in the subject.
        filter: Option<String>,
    },
}

impl Call {
    /// The word for it in the answer's type.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::StreamInfo => "stream_info",
            Self::StreamPurge => "stream_purge",
            Self::MessageGet | Self::DirectGet | Self::DirectGetLast(_) => "stream_msg_get",
            Self::MessageDelete => "stream_msg_delete",
            Self::ConsumerCreate(_) => "consumer_create",
            Self::ConsumerInfo(_) => "consumer_info",
            Self::ConsumerDelete(_) => "consumer_delete",
            Self::ConsumerNames => "consumer_names",
            Self::ConsumerList => "consumer_list",
            Self::ConsumerPause(_) => "consumer_pause",
            Self::DeadList(_) => "consumer_dead_list",
            Self::DeadReplay(_) => "consumer_dead_replay",
            Self::DeadDrop(_) => "consumer_dead_drop",
        }
    }
}

/// A request that concerns all streams, or brings one into being.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GlobalCall {
    /// `INFO`
    Info,
    /// `STREAM.CREATE`
    Create(String),
    /// `STREAM.UPDATE`
    Update(String),
    /// `STREAM.DELETE`
    Delete(String),
    /// `STREAM.NAMES`
    Names,
    /// `STREAM.LIST`
    List,
}

impl GlobalCall {
    fn kind(&self) -> &'static str {
        match self {
            Self::Info => "account_info",
            Self::Create(_) => "stream_create",
            Self::Update(_) => "stream_update",
            Self::Delete(_) => "stream_delete",
            Self::Names => "stream_names",
            Self::List => "stream_list",
        }
    }
}

/// What a subject of the API asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Route {
    Global(GlobalCall),
    Stream(String, Call),
    Pull { stream: String, consumer: String },
    Unknown,
}

impl Route {
    fn parse(subject: &str) -> Self {
        let words: Vec<&str> =
            subject.strip_prefix(PREFIX).unwrap_or_default().split('.').collect();
        let own = |word: &str| word.to_owned();
        let stream = |name: &str, call: Call| Self::Stream(name.to_owned(), call);
        match words.as_slice() {
            ["INFO"] => Self::Global(GlobalCall::Info),
            ["STREAM", "NAMES"] => Self::Global(GlobalCall::Names),
            ["STREAM", "LIST"] => Self::Global(GlobalCall::List),
            ["STREAM", "CREATE", name] => Self::Global(GlobalCall::Create(own(name))),
            ["STREAM", "UPDATE", name] => Self::Global(GlobalCall::Update(own(name))),
            ["STREAM", "DELETE", name] => Self::Global(GlobalCall::Delete(own(name))),
            ["STREAM", "INFO", name] => stream(name, Call::StreamInfo),
            ["STREAM", "PURGE", name] => stream(name, Call::StreamPurge),
            ["STREAM", "MSG", "GET", name] => stream(name, Call::MessageGet),
            ["STREAM", "MSG", "DELETE", name] => stream(name, Call::MessageDelete),
            ["CONSUMER", "MSG", "NEXT", name, consumer] => {
                Self::Pull { stream: own(name), consumer: own(consumer) }
            }
            ["CONSUMER", rest @ ..] => Self::parse_consumer(rest),
            ["DIRECT", "GET", name] => stream(name, Call::DirectGet),
            ["DIRECT", "GET", name, rest @ ..] => stream(name, Call::DirectGetLast(rest.join("."))),
            _ => Self::Unknown,
        }
    }

    fn parse_consumer(words: &[&str]) -> Self {
        let own = |word: &str| word.to_owned();
        let create = |name: &str, form: Form| Self::Stream(own(name), Call::ConsumerCreate(form));
        let stream = |name: &str, call: Call| Self::Stream(own(name), call);
        match words {
            ["CREATE", name] => create(name, Form::Ephemeral),
            ["DURABLE", "CREATE", name, durable] => create(name, Form::Durable(own(durable))),
            ["CREATE", name, consumer] => {
                create(name, Form::Named { name: own(consumer), filter: None })
            }
            ["CREATE", name, consumer, rest @ ..] => {
                create(name, Form::Named { name: own(consumer), filter: Some(rest.join(".")) })
            }
            ["NAMES", name] => stream(name, Call::ConsumerNames),
            ["LIST", name] => stream(name, Call::ConsumerList),
            ["INFO", name, consumer] => stream(name, Call::ConsumerInfo(own(consumer))),
            ["DELETE", name, consumer] => stream(name, Call::ConsumerDelete(own(consumer))),
            ["PAUSE", name, consumer] => stream(name, Call::ConsumerPause(own(consumer))),
            ["DEAD", "LIST", name, consumer] => stream(name, Call::DeadList(own(consumer))),
            ["DEAD", "REPLAY", name, consumer] => stream(name, Call::DeadReplay(own(consumer))),
            ["DEAD", "DROP", name, consumer] => stream(name, Call::DeadDrop(own(consumer))),
            _ => Self::Unknown,
        }
    }
}

/// Receives what is published below `$JS.API`.
pub struct Requests {
    /// Where requests go that concern one.
    pub streams: Arc<Streams>,
    /// Where the others go.
    pub global: mpsc::Sender<(GlobalCall, Message)>,
    /// Where refusals go.
    pub router: Router,
}

impl Handler for Requests {
    fn handle(&self, message: &Message, from: Option<&Publisher>) {
        match Route::parse(message.subject.as_str()) {
            Route::Pull { stream, consumer } => self.pull(&stream, consumer, message),
            Route::Stream(stream, call) => self.call(&stream, call, message, from),
            Route::Global(call) => {
                let kind = call.kind();
                if self.global.try_send((call, message.clone())).is_err() {
                    self.refuse(kind, error::INSUFFICIENT_RESOURCES, message);
                }
            }
            Route::Unknown => {
                self.refuse("error", error::unsupported(message.subject.as_str()), message)
            }
        }
    }
}

impl Requests {
    fn pull(&self, stream: &str, consumer: String, message: &Message) {
        let command = Command::Pull(consumer, message.clone());
        let is_sent = self.streams.find(stream).is_some_and(|inlet| inlet.send(command));
        if let (false, Some(reply)) = (is_sent, &message.reply) {
            send_status(&self.router, reply, Status::no_responders());
        }
    }

    fn call(&self, stream: &str, call: Call, message: &Message, from: Option<&Publisher>) {
        let caller = from.map(|publisher| publisher.permissions.clone());
        let is_direct = matches!(call, Call::DirectGet | Call::DirectGetLast(_));
        let kind = call.kind();
        match self.streams.find(stream) {
            Some(inlet) if inlet.send(Command::Call(call, message.clone(), caller)) => {}
            Some(_) => self.refuse(kind, error::INSUFFICIENT_RESOURCES, message),
            None if is_direct => {
                if let Some(reply) = &message.reply {
                    send_status(&self.router, reply, Status::no_responders());
                }
            }
            None => self.refuse(kind, error::STREAM_NOT_FOUND, message),
        }
    }

    fn refuse(&self, kind: &str, error: ApiError, message: &Message) {
        let refusal = views::answer(kind, Err(error)).to_string();
        answer(&self.router, message.reply.as_ref(), refusal);
    }
}

/// Receives what is published below `$JS.ACK` and `$JS.FC`, and passes it on to the stream in the third word.
pub struct Answers {
    /// Where it goes.
    pub streams: Arc<Streams>,
    /// What it is there.
    pub command: fn(Message) -> Command,
}

impl Handler for Answers {
    fn handle(&self, message: &Message, _from: Option<&Publisher>) {
        let name = message.subject.as_str().split('.').nth(2).unwrap_or_default();
        let Some(inlet) = self.streams.find(name) else { return };
        if !inlet.send((self.command)(message.clone())) {
            // The message comes again: nothing is lost.
            tracing::warn!(stream = name, "an acknowledgement found no room");
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ListRequest {
    subject: String,
    offset: usize,
}

/// Answers what concerns all streams, one after the other.
pub async fn serve(
    streams: Arc<Streams>,
    router: Router,
    mut calls: mpsc::Receiver<(GlobalCall, Message)>,
) {
    while let Some((call, message)) = calls.recv().await {
        let kind = call.kind();
        let result = carry_out(&streams, call, &message.payload).await;
        let payload = views::answer(kind, result).to_string();
        answer(&router, message.reply.as_ref(), payload);
    }
}

async fn carry_out(streams: &Streams, call: GlobalCall, payload: &[u8]) -> Result<Value, ApiError> {
    match call {
        GlobalCall::Info => Ok(account(&streams.describe_all().await)),
        GlobalCall::Create(name) => {
            let config = parse_config(&name, payload)?;
            let mut view = to_value(&streams.create(config).await?);
            // The server says so also of one that was there already.
            view["did_create"] = json!(true);
            Ok(view)
        }
        GlobalCall::Update(name) => {
            let config = parse_config(&name, payload)?;
            Ok(to_value(&streams.update(config).await?))
        }
        GlobalCall::Delete(name) => {
            expect_nothing(payload)?;
            streams.delete(&name).await?;
            Ok(json!({ "success": true }))
        }
        GlobalCall::Names => {
            let (infos, offset) = select(streams, payload).await?;
            let names: Vec<&String> = infos.iter().map(|info| &info.config.name).collect();
            let mut page = views::page("streams", &names, offset, NAMES_LIMIT);
            if names.is_empty() {
                // What Go makes of a list that was never begun.
                page["streams"] = Value::Null;
            }
            Ok(page)
        }
        GlobalCall::List => {
            let (infos, offset) = select(streams, payload).await?;
            Ok(views::page("streams", &infos, offset, LIST_LIMIT))
        }
    }
}

fn expect_nothing(payload: &[u8]) -> Result<(), ApiError> {
    if json::is_empty(payload) { Ok(()) } else { Err(error::NOT_EMPTY_REQUEST) }
}

fn parse_config(name: &str, payload: &[u8]) -> Result<StreamConfig, ApiError> {
    let config: StreamConfig = json::parse(payload).map_err(|_| error::INVALID_JSON)?;
    if config.name != name {
        return Err(error::STREAM_MISMATCH);
    }
    config.complete()
}

/// The streams a list is about, and where it begins.
async fn select(streams: &Streams, payload: &[u8]) -> Result<(Vec<StreamInfo>, usize), ApiError> {
    let request: ListRequest = json::parse(payload).map_err(|_| error::INVALID_JSON)?;
    let mut infos = streams.describe_all().await;
    if !request.subject.is_empty() {
        let wanted = Filter::parse(request.subject).ok_or(error::BAD_REQUEST)?;
        let has = |info: &StreamInfo| info.config.filters().iter().any(|it| it.overlaps(&wanted));
        infos.retain(has);
    }
    Ok((infos, request.offset))
}

/// What all streams take together. There are no limits to be told.
fn account(infos: &[StreamInfo]) -> Value {
    let bytes: u64 = infos.iter().map(|info| info.state.bytes).sum();
    let consumers: usize = infos.iter().map(|info| info.state.consumer_count).sum();
    json!({
        "memory": 0, "storage": bytes, "reserved_memory": 0, "reserved_storage": 0,
        "streams": infos.len(), "consumers": consumers,
        "limits": {
            "max_memory": -1, "max_storage": -1, "max_streams": -1, "max_consumers": -1,
            "max_ack_pending": -1, "memory_max_stream_bytes": -1, "storage_max_stream_bytes": -1,
            "max_bytes_required": false,
        },
        "api": { "total": 0, "errors": 0 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_of_the_api_are_understood() {
        let route = |rest: &str| Route::parse(&format!("{PREFIX}{rest}"));
        assert_eq!(route("INFO"), Route::Global(GlobalCall::Info));
        assert_eq!(route("STREAM.MSG.GET.s"), Route::Stream("s".into(), Call::MessageGet));
        let pull = Route::Pull { stream: "s".into(), consumer: "c".into() };
        assert_eq!(route("CONSUMER.MSG.NEXT.s.c"), pull);
        let form = Form::Named { name: "c".into(), filter: Some("a.>".into()) };
        let named = Route::Stream("s".into(), Call::ConsumerCreate(form));
        assert_eq!(route("CONSUMER.CREATE.s.c.a.>"), named);
        let direct = Route::Stream("s".into(), Call::DirectGetLast("a.b".into()));
        assert_eq!(route("DIRECT.GET.s.a.b"), direct);
        let replay = Route::Stream("s".into(), Call::DeadReplay("c".into()));
        assert_eq!(route("CONSUMER.DEAD.REPLAY.s.c"), replay);
        assert_eq!(route("CONSUMER.DEAD.s.c"), Route::Unknown);
        assert_eq!(route("STREAM.SNAPSHOT.s"), Route::Unknown);
        assert_eq!(route("META.LEADER.STEPDOWN"), Route::Unknown);
    }
}
