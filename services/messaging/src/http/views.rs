//! What REST shows of messages.

use jiff::Timestamp;
use messages::{ConsumerReport, Report, StreamReport};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::app::Overview;
use crate::domain::{ConsumerStanding, DeadLetter, Peak, ServiceStanding};

/// How messages stand.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MessagesOverview)]
pub struct OverviewView {
    services: Vec<ServiceView>,
    broker: BrokerView,
}

impl From<Overview> for OverviewView {
    fn from(Overview { services, broker }: Overview) -> Self {
        let services = services.into_iter().map(ServiceView::from).collect();
        Self { services, broker: broker.into() }
    }
}

/// How the messages of a service stand.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ServiceMessages)]
struct ServiceView {
    #[schema(example = "events")]
    name: &'static str,
    /// Whether it has answered; nothing else is known of one that is away.
    is_reachable: bool,
    #[schema(required)]
    outbox: Option<OutboxView>,
    /// What handles messages there, by name.
    consumers: Vec<ConsumerView>,
}

impl From<ServiceStanding> for ServiceView {
    fn from(ServiceStanding { service, standing }: ServiceStanding) -> Self {
        let Some(standing) = standing else {
            return Self { name: service, is_reachable: false, outbox: None, consumers: vec![] };
        };
        let outbox =
            OutboxView { waiting: standing.outbox_waiting, oldest_at: standing.outbox_oldest_at };
        let consumers = standing.consumers.into_iter().map(ConsumerView::from).collect();
        Self { name: service, is_reachable: true, outbox: Some(outbox), consumers }
    }
}

/// What a service has said and the broker has not yet.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MessagesOutbox)]
struct OutboxView {
    waiting: u64,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    oldest_at: Option<Timestamp>,
}

/// What waits for a consumer.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MessagesConsumer)]
struct ConsumerView {
    #[schema(example = "audit.record")]
    name: String,
    /// Messages that are still to be handled.
    waiting: u64,
    /// Those of them that have failed before.
    retrying: u64,
    dead_letters: u64,
    /// When the oldest one that waits came.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    oldest_at: Option<Timestamp>,
}

impl From<ConsumerStanding> for ConsumerView {
    fn from(standing: ConsumerStanding) -> Self {
        let ConsumerStanding { name, waiting, retrying, dead_letters, oldest_at } = standing;
        Self { name, waiting, retrying, dead_letters, oldest_at }
    }
}

/// What the broker keeps, and who receives it; empty where there is none.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MessagesBroker)]
struct BrokerView {
    is_reachable: bool,
    streams: Vec<StreamView>,
    consumers: Vec<BrokerConsumerView>,
}

impl From<Option<Report>> for BrokerView {
    fn from(report: Option<Report>) -> Self {
        let is_reachable = report.is_some();
        let Report { streams, consumers } = report.unwrap_or_default();
        let streams = streams.into_iter().map(StreamView::from).collect();
        let consumers = consumers.into_iter().map(BrokerConsumerView::from).collect();
        Self { is_reachable, streams, consumers }
    }
}

/// A stream of the broker.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MessagesStream)]
struct StreamView {
    name: String,
    messages: u64,
    /// How much they take, where the broker says so.
    #[schema(required)]
    bytes: Option<u64>,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    oldest_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    newest_at: Option<Timestamp>,
}

impl From<StreamReport> for StreamView {
    fn from(report: StreamReport) -> Self {
        let StreamReport { name, messages, bytes, oldest, newest } = report;
        Self { name, messages, bytes, oldest_at: oldest, newest_at: newest }
    }
}

/// Who receives messages from the broker.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MessagesStreamConsumer)]
struct BrokerConsumerView {
    stream: String,
    name: String,
    /// Messages it has still to receive.
    waiting: u64,
    unacknowledged: u64,
    /// Those of them that were sent more than once.
    redelivered: u64,
    /// Those that it gave up, where the broker keeps them.
    dead_letters: u64,
    #[schema(required)]
    description: Option<String>,
}

impl From<ConsumerReport> for BrokerConsumerView {
    fn from(report: ConsumerReport) -> Self {
        let ConsumerReport {
            stream,
            name,
            waiting,
            unacknowledged,
            redelivered,
            dead_letters,
            description,
        } = report;
        Self { stream, name, waiting, unacknowledged, redelivered, dead_letters, description }
    }
}

/// How much waited for a consumer over time.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MessagesLag)]
pub struct LagView {
    service: String,
    consumer: String,
    /// One for each hour in which somebody looked.
    points: Vec<LagPointView>,
}

/// The most that was seen within an hour.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MessagesLagPoint)]
struct LagPointView {
    /// When the hour began.
    #[schema(value_type = String, format = DateTime)]
    start: Timestamp,
    waiting: u64,
    dead_letters: u64,
}

/// A curve for each consumer, from peaks in the order of consumers.
pub fn series(peaks: Vec<Peak>) -> Vec<LagView> {
    let mut all: Vec<LagView> = vec![];
    for Peak { service, consumer, hour, waiting, dead_letters } in peaks {
        let point = LagPointView { start: hour, waiting, dead_letters };
        match all.last_mut() {
            Some(last) if last.service == service && last.consumer == consumer => {
                last.points.push(point);
            }
            _ => all.push(LagView { service, consumer, points: vec![point] }),
        }
    }
    all
}

/// Messages that were given up.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetterPage)]
pub struct LetterPageView {
    pub items: Vec<DeadLetterView>,
    /// Where the next page begins; `null` on the last one.
    #[schema(required)]
    pub next_cursor: Option<String>,
    /// Services that are away, whose dead letters are missing here.
    pub unreachable: Vec<&'static str>,
}

/// A message that was tried too often, and waits for somebody to decide.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetter)]
pub struct DeadLetterView {
    /// Whose consumer it is.
    service: &'static str,
    #[schema(example = "audit.record")]
    consumer: String,
    message_id: Uuid,
    #[serde(rename = "type")]
    #[schema(required, example = "role.assigned")]
    kind: Option<String>,
    /// What it is about.
    #[schema(required)]
    subject: Option<String>,
    /// The service that published it.
    #[schema(required, example = "users")]
    source: Option<String>,
    /// When what it tells of happened.
    #[schema(required, format = DateTime)]
    time: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    /// When it was tried last.
    #[schema(value_type = String, format = DateTime)]
    tried_at: Timestamp,
    /// How often it was tried.
    attempts: i64,
    /// What the last try said.
    error: String,
    /// The message itself: a CloudEvent.
    message: Value,
}

impl From<DeadLetter> for DeadLetterView {
    fn from(letter: DeadLetter) -> Self {
        // Shown as it is, whatever it is: that may be why it was given up.
        let message = serde_json::from_str(&letter.envelope)
            .unwrap_or_else(|_| Value::String(letter.envelope.clone()));
        let said = |name: &str| message.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            service: letter.service,
            consumer: letter.consumer,
            message_id: letter.message_id,
            kind: said("type"),
            subject: said("subject"),
            source: said("source"),
            time: said("time"),
            received_at: letter.received_at,
            tried_at: letter.tried_at,
            attempts: letter.attempts,
            error: letter.error,
            message,
        }
    }
}

/// A message that a program outside gave up, and that waits at the broker for somebody to decide.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BrokerDeadLetter)]
pub struct BrokerDeadLetterView {
    /// The message's number in the stream.
    sequence: u64,
    /// Where it was published to.
    #[schema(example = "backline.events.role.assigned")]
    subject: String,
    /// How often it was delivered.
    deliveries: u64,
    /// Why it was given up.
    reason: String,
    #[schema(value_type = String, format = DateTime)]
    given_up_at: Timestamp,
    /// The message itself, at most its first 64 KiB; `null` when it is not in the stream any more.
    #[schema(required)]
    message: Option<String>,
    /// Whether the message is longer than what is shown of it.
    is_cut: bool,
}

impl From<messages::DeadLetter> for BrokerDeadLetterView {
    fn from(letter: messages::DeadLetter) -> Self {
        let messages::DeadLetter {
            sequence,
            subject,
            deliveries,
            reason,
            given_up_at,
            message,
            is_cut,
        } = letter;
        Self { sequence, subject, deliveries, reason, given_up_at, message, is_cut }
    }
}

/// How many dead letters there were.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = DeadLetterCount)]
pub struct CountView {
    pub count: u64,
}
