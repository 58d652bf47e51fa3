//! The engine between processes: NATS JetStream.
//!
//! One stream holds all messages below a subject prefix. A durable subscription is a pull consumer
//! shared by all replicas of a service; a message is acknowledged when the inbox has stored it, and
//! the next one is sent only then, so that none overtakes another, whatever fails in between. A
//! listener is an ordered consumer of this process alone that begins a little in the past, so that
//! a cache which starts, or was cut off, still hears what it missed.

mod consumers;
mod dead_letters;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::{self, AckKind, stream};
use async_nats::{HeaderMap, connection::State};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub use consumers::list_consumers;
pub use dead_letters::{list_dead_letters, settle_dead_letters};

use crate::{
    BrokerConsumer, Chosen, DeadLetterError, DeadLetterPage, Deed, Engine, Error, Listener,
    Message, Pattern, Report, STREAM, StreamReport, Subscription,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A process that dies with a message in hand holds the others back for this long.
const ACK_WAIT: Duration = Duration::from_secs(10);
const RETRY_DELAY: Duration = Duration::from_millis(500);
/// Longer than an access token lives, so a new listener hears of every revocation that still matters.
const LISTENER_LOOKBACK: Duration = Duration::from_secs(20 * 60);
/// How soon a listener notices that the connection is a new one.
const CHECK_EVERY: Duration = Duration::from_millis(500);
/// Streams, and consumers of one stream, that a report names.
const REPORTED_MAX: usize = 1000;
/// How long the broker recognises a message that is published twice.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(10 * 60);

/// Makes the token that a connection begins with; asked again each time it is made anew.
#[derive(Clone)]
pub struct TokenSource(Arc<dyn Fn() -> String + Send + Sync>);

impl TokenSource {
    /// From a function.
    pub fn new(make: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSource")
    }
}

/// Where and how to reach the broker.
#[derive(Clone, Debug)]
pub struct NatsConfig {
    /// `nats://host:4222`, several separated by commas; user and password may be in it.
    pub url: String,
    /// Subject prefix and, with `_` for `.`, the stream's name. Installations that share a broker need different ones.
    pub prefix: String,
    /// How long the stream keeps messages.
    pub retention: Duration,
    /// How much the stream keeps, bytes; the oldest messages go first. No limit when absent.
    pub bytes_max: Option<u64>,
    /// How many servers of a NATS cluster keep the stream. Counts when the stream is made.
    pub replicas: usize,
    /// Who this process is, for a broker that asks for a token.
    pub token: Option<TokenSource>,
}

impl Default for NatsConfig {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".into(),
            prefix: STREAM.into(),
            retention: Duration::from_secs(14 * 24 * 3600),
            bytes_max: None,
            replicas: 1,
            token: None,
        }
    }
}

impl NatsConfig {
    /// The stream that all messages are kept in. Dots separate subject words and may not occur in a stream's name.
    pub fn stream_name(&self) -> String {
        self.prefix.replace('.', "_")
    }
}

/// A connection to NATS JetStream. Reconnects by itself.
pub struct Nats {
    config: NatsConfig,
    client: async_nats::Client,
    context: jetstream::Context,
    stopping: CancellationToken,
    tasks: TaskTracker,
    /// Ends the tasks of an engine that was not stopped.
    _stop: DropGuard,
}

impl Nats {
    /// Connects and makes sure the stream exists.
    pub async fn connect(config: NatsConfig) -> Result<Self, Error> {
        let client = options(config.token.clone())
            .name("backline")
            .connection_timeout(CONNECT_TIMEOUT)
            .connect(config.url.split(',').map(str::trim).collect::<Vec<_>>())
            .await
            .map_err(broker)?;
        let context = jetstream::new(client.clone());
        let stopping = CancellationToken::new();
        let nats = Self {
            config,
            client,
            context,
            _stop: stopping.clone().drop_guard(),
            stopping,
            tasks: TaskTracker::new(),
        };
        nats.create_stream().await?;
        Ok(nats)
    }

    async fn create_stream(&self) -> Result<(), Error> {
        let config = stream::Config {
            name: self.config.stream_name(),
            subjects: vec![format!("{}.>", self.config.prefix)],
            max_age: self.config.retention,
            max_bytes: self
                .config
                .bytes_max
                .map_or(-1, |max| i64::try_from(max).unwrap_or(i64::MAX)),
            duplicate_window: DUPLICATE_WINDOW,
            storage: stream::StorageType::File,
            num_replicas: self.config.replicas,
            ..Default::default()
        };
        // One that is there stays as its operator has set it: replicas, limits.
        self.context.get_or_create_stream(config).await.map_err(broker)?;
        Ok(())
    }

    async fn stream(&self) -> Result<stream::Stream, Error> {
        self.context.get_stream(self.config.stream_name()).await.map_err(broker)
    }
}

#[async_trait]
impl Engine for Nats {
    async fn publish(&self, messages: &[Message]) -> Result<(), Error> {
        // All are sent before the first acknowledgement is awaited; one connection keeps their order.
        let mut acknowledgements = Vec::with_capacity(messages.len());
        for message in messages {
            let subject = format!("{}.{}", self.config.prefix, message.kind);
            let body = serde_json::to_vec(message).map_err(broker)?;
            let mut headers = HeaderMap::new();
            headers.insert(async_nats::header::NATS_MESSAGE_ID, message.id.to_string());
            headers.insert("content-type", "application/cloudevents+json");
            let sent = self.context.publish_with_headers(subject, headers, body.into());
            acknowledgements.push(sent.await.map_err(broker)?);
        }
        for acknowledgement in acknowledgements {
            acknowledgement.await.map_err(broker)?;
        }
        Ok(())
    }

    async fn subscribe(&self, subscription: Subscription) -> Result<(), Error> {
        // Brokers before 2.10 take one filter a consumer, hence one durable consumer for each pattern.
        let durable = subscription.consumer.replace('.', "_");
        let config = pull::Config {
            durable_name: Some(durable.clone()),
            filter_subject: subscription.pattern.nats_subject(&self.config.prefix),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_ack_pending: 1,
            deliver_policy: DeliverPolicy::All,
            ..Default::default()
        };
        let consumer =
            self.stream().await?.get_or_create_consumer(&durable, config).await.map_err(broker)?;
        let stopping = self.stopping.clone();
        self.tasks.spawn(async move {
            stopping.run_until_cancelled(receive_forever(consumer, subscription)).await;
        });
        Ok(())
    }

    async fn listen(&self, pattern: Pattern, listener: Listener) -> Result<(), Error> {
        let stream = self.stream().await?;
        let subject = pattern.nats_subject(&self.config.prefix);
        let (client, stopping) = (self.client.clone(), self.stopping.clone());
        self.tasks.spawn(async move {
            stopping.run_until_cancelled(listen_forever(client, stream, subject, listener)).await;
        });
        Ok(())
    }

    /// Always: programs that nobody here knows may receive any of them.
    fn wants(&self, _kind: &str) -> bool {
        true
    }

    fn ready(&self) -> Result<(), Error> {
        match self.client.connection_state() {
            State::Connected => Ok(()),
            state => Err(Error::Broker(format!("connection is {state:?}"))),
        }
    }

    /// Of all streams that this account may see, ours first: there may be more than a report has.
    async fn report(&self) -> Result<Report, Error> {
        let streams = self.context.streams().take(REPORTED_MAX);
        let mut streams: Vec<_> = streams.try_collect().await.map_err(broker)?;
        let own = self.config.stream_name();
        streams.sort_by_key(|stream| stream.config.name != own);
        let mut report = Report::default();
        for stream in streams {
            // One that went since it was named is no failure of the broker's.
            let listed = list_consumers(&self.context, &stream.config.name).await;
            let Ok(consumers) = listed else { continue };
            report.consumers.extend(consumers);
            report.streams.push(stream_report(stream));
        }
        Ok(report)
    }

    async fn dead_letters(
        &self,
        consumer: &BrokerConsumer,
        after: u64,
        limit: usize,
    ) -> Result<DeadLetterPage, DeadLetterError> {
        self.ready()?;
        list_dead_letters(&self.context, consumer, after, limit).await
    }

    async fn settle_dead_letters(
        &self,
        consumer: &BrokerConsumer,
        deed: Deed,
        chosen: Chosen,
    ) -> Result<u64, DeadLetterError> {
        // Without a connection the request would wait, and be done when nobody expects it any more.
        self.ready()?;
        settle_dead_letters(&self.context, consumer, deed, chosen).await
    }

    async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn options(token: Option<TokenSource>) -> async_nats::ConnectOptions {
    let Some(TokenSource(make)) = token else { return async_nats::ConnectOptions::new() };
    async_nats::ConnectOptions::with_auth_callback(move |_| {
        let mut auth = async_nats::Auth::new();
        auth.token = Some(make());
        async move { Ok(auth) }
    })
}

type PullConsumer = jetstream::consumer::Consumer<pull::Config>;

async fn receive_forever(consumer: PullConsumer, subscription: Subscription) {
    loop {
        if let Err(error) = receive(&consumer, &subscription).await {
            tracing::warn!(consumer = subscription.consumer, %error, "receiving messages failed, trying again");
        }
        tokio::time::sleep(RETRY_DELAY).await;
    }
}

async fn receive(consumer: &PullConsumer, subscription: &Subscription) -> Result<(), Error> {
    let mut messages = consumer.messages().await.map_err(broker)?;
    while let Some(delivery) = messages.next().await {
        let delivery = delivery.map_err(broker)?;
        let is_done = match serde_json::from_slice::<Message>(&delivery.payload) {
            Ok(message) => store(&message, subscription).await,
            // Nothing of ours; waiting will not make it readable.
            Err(error) => {
                tracing::error!(subject = %delivery.subject, %error, "not a message of ours, skipped");
                true
            }
        };
        let answer = if is_done { AckKind::Ack } else { AckKind::Nak(Some(RETRY_DELAY)) };
        delivery.ack_with(answer).await.map_err(broker)?;
    }
    Ok(())
}

async fn store(message: &Message, subscription: &Subscription) -> bool {
    let stored = subscription.inbox.accept(&subscription.consumer, message).await;
    if let Err(error) = &stored {
        tracing::warn!(consumer = subscription.consumer, %error, "storing a message failed, trying again");
    }
    stored.is_ok()
}

async fn listen_forever(
    client: async_nats::Client,
    stream: stream::Stream,
    subject: String,
    listener: Listener,
) {
    loop {
        // Begins again on every new connection: that something was sent down the broken one, the library would
        // notice only when the next message comes, which may be hours later.
        let ended = tokio::select! {
            ended = listen(&stream, &subject, &listener) => ended,
            () = reconnected(&client) => Err(broker("the connection was lost")),
        };
        if let Err(error) = ended {
            tracing::warn!(subject, %error, "listening to messages failed, trying again");
        }
        tokio::time::sleep(RETRY_DELAY).await;
    }
}

/// Waits until the connection is another one than now.
async fn reconnected(client: &async_nats::Client) {
    let statistics = client.statistics();
    let before = statistics.connects.load(Ordering::Relaxed);
    while statistics.connects.load(Ordering::Relaxed) == before {
        tokio::time::sleep(CHECK_EVERY).await;
    }
}

#[allow(clippy::disallowed_methods, reason = "the broker compares it with its own clock")]
async fn listen(stream: &stream::Stream, subject: &str, listener: &Listener) -> Result<(), Error> {
    let start = std::time::SystemTime::now() - LISTENER_LOOKBACK;
    let config = pull::OrderedConfig {
        filter_subject: subject.to_owned(),
        deliver_policy: DeliverPolicy::ByStartTime { start_time: start.into() },
        ..Default::default()
    };
    let consumer = stream.create_consumer(config).await.map_err(broker)?;
    let mut messages = consumer.messages().await.map_err(broker)?;
    while let Some(delivery) = messages.next().await {
        if let Ok(message) = serde_json::from_slice(&delivery.map_err(broker)?.payload) {
            listener(&message);
        }
    }
    Ok(())
}

fn stream_report(info: stream::Info) -> StreamReport {
    let state = info.state;
    // The times of a stream without messages mean nothing.
    let time =
        |nanoseconds| Timestamp::from_nanosecond(nanoseconds).ok().filter(|_| state.messages > 0);
    StreamReport {
        name: info.config.name,
        messages: state.messages,
        bytes: Some(state.bytes),
        oldest: time(state.first_timestamp.unix_timestamp_nanos()),
        newest: time(state.last_timestamp.unix_timestamp_nanos()),
    }
}

fn broker(error: impl std::fmt::Display) -> Error {
    Error::Broker(error.to_string())
}
