//! A broker in one line, and what many tests ask it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Consumer, pull};
use async_nats::jetstream::{self, Context, stream};
use async_nats::{Client, HeaderMap};
use broker::{Broker, BrokerSettings};
use futures::StreamExt;
use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running broker with its own folder, and a client of it.
pub struct TestBroker {
    pub broker: Broker,
    pub client: Client,
    pub context: Context,
    folder: TempDir,
}

impl TestBroker {
    pub async fn start() -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder")).await
    }

    /// With other settings.
    pub async fn with(set: impl FnOnce(&mut BrokerSettings)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = BrokerSettings::new(folder.path());
        set(&mut settings);
        Self::start_with(settings, folder).await
    }

    async fn start_in(folder: TempDir) -> Self {
        Self::start_with(BrokerSettings::new(folder.path()), folder).await
    }

    async fn start_with(settings: BrokerSettings, folder: TempDir) -> Self {
        let broker = Broker::start(settings).await.expect("a broker");
        let client = connect(&broker).await;
        let context = jetstream::new(client.clone());
        Self { broker, client, context, folder }
    }

    /// Stops it in good order and starts it again, on another port.
    pub async fn restart(self) -> Self {
        self.broker.stop().await;
        Self::start_in(self.folder).await
    }

    /// Lets it fall, and starts it again on the same port.
    pub async fn replace(self) -> Self {
        let Self { broker, client, context, folder } = self;
        let mut settings = BrokerSettings::new(folder.path());
        settings.server.listen = broker.address();
        broker.stop().await;
        let broker = Broker::start(settings).await.expect("a broker");
        Self { broker, client, context, folder }
    }

    /// A stream of the subjects `orders.>`.
    pub async fn orders(&self) -> stream::Stream {
        self.stream(orders()).await
    }

    pub async fn stream(&self, config: stream::Config) -> stream::Stream {
        self.context.create_stream(config).await.expect("a stream")
    }

    pub async fn publish(&self, subject: &str, text: &str) -> u64 {
        let sent = self.context.publish(subject.to_owned(), text.to_owned().into()).await;
        sent.expect("sent").await.expect("kept").sequence
    }

    /// The error number of a publication that is refused.
    pub async fn refused(&self, subject: &str, headers: &[(&str, &str)]) -> u64 {
        let answer = self.publish_raw(subject, headers).await;
        answer["error"]["err_code"].as_u64().unwrap_or_else(|| panic!("kept: {answer}"))
    }

    pub async fn publish_raw(&self, subject: &str, headers: &[(&str, &str)]) -> Value {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, *value);
        }
        let asked = self.client.request_with_headers(subject.to_owned(), map, "x".into()).await;
        serde_json::from_slice(&asked.expect("an answer").payload).expect("JSON")
    }

    /// A request of the API, as JSON.
    pub async fn ask(&self, request: &str, body: Value) -> Value {
        ask(&self.client, request, body).await
    }
}

pub async fn connect(broker: &Broker) -> Client {
    async_nats::connect(broker.address().to_string()).await.expect("a connection")
}

pub async fn ask(client: &Client, request: &str, body: Value) -> Value {
    let payload = if body.is_null() { String::new() } else { body.to_string() };
    let answer = client.request(format!("$JS.API.{request}"), payload.into()).await;
    serde_json::from_slice(&answer.expect("an answer").payload).expect("JSON")
}

pub fn orders() -> stream::Config {
    stream::Config {
        name: "ORDERS".into(),
        subjects: vec!["orders.>".into()],
        ..stream::Config::default()
    }
}

/// A durable consumer that acknowledges each message.
pub fn durable(name: &str) -> pull::Config {
    pull::Config {
        durable_name: Some(name.into()),
        ack_policy: AckPolicy::Explicit,
        ..pull::Config::default()
    }
}

/// The next message, or a failure after a while.
pub async fn next(consumer: &Consumer<pull::Config>) -> jetstream::Message {
    let mut batch =
        consumer.batch().max_messages(1).expires(PATIENCE).messages().await.expect("asked");
    batch.next().await.expect("a message").expect("a message")
}

/// What is there now, at most so many.
pub async fn fetch(consumer: &Consumer<pull::Config>, count: usize) -> Vec<jetstream::Message> {
    let mut batch = consumer.fetch().max_messages(count).messages().await.expect("asked");
    let mut messages = Vec::new();
    while let Some(message) = batch.next().await {
        messages.push(message.expect("a message"));
    }
    messages
}

pub fn text(message: &jetstream::Message) -> String {
    String::from_utf8(message.payload.to_vec()).expect("text")
}

pub fn texts(messages: &[jetstream::Message]) -> Vec<String> {
    messages.iter().map(text).collect()
}

/// A time in the past, as the client library wants it.
pub fn ago(time: Duration) -> async_nats::datetime::DateTime {
    (std::time::SystemTime::from(stdx::Clock::system().now()) - time).into()
}

/// Waits until something is true.
pub async fn until<F: Future<Output = bool>>(mut is_true: impl FnMut() -> F) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !is_true().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    waited.await.expect("it never came true");
}

/// What is in the stream of orders, read in order by a consumer of its own.
pub async fn read_all(context: &Context) -> BTreeMap<u64, String> {
    let stream = context.get_stream("ORDERS").await.expect("the stream");
    let last = stream.cached_info().state.last_sequence;
    let reader = stream.create_consumer(pull::OrderedConfig::default()).await.expect("a consumer");
    let mut messages = reader.messages().await.expect("messages");
    let mut found = BTreeMap::new();
    while found.last_key_value().is_none_or(|(sequence, _)| *sequence < last) {
        let next = tokio::time::timeout(PATIENCE, messages.next()).await.expect("in time");
        let message = next.expect("a message").expect("a message");
        found.insert(message.info().expect("info").stream_sequence, text(&message));
    }
    found
}
