//! The engines that move messages, so that one test can be tried on each of them.
//!
//! [`on_every_engine`](crate::on_every_engine) and its sisters make a test of each function on each engine. What a test
//! gets is a [`TestBroker`]: names of its own on a broker, behind a way that the test can cut. What it made there is
//! removed in the end, also when it fails.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::pull;
use broker::{Broker, BrokerSettings};
use futures::{FutureExt, TryStreamExt};
use lapin::options::{BasicPublishOptions, ExchangeDeleteOptions, QueueDeleteOptions};
use messages::{
    BrokerConsumer, BrokerName, Engine, InProcess, Inbox, Mirrored, Nats, NatsConfig, Pattern,
    RabbitMq, RabbitMqConfig, Subscription,
};
use parking_lot::Mutex;
use tempfile::TempDir;
use uuid::Uuid;

use crate::TcpProxy;

/// What moves the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// One process, no broker.
    InProcess,
    /// One process, and a copy for NATS.
    Mirrored,
    /// Several processes and NATS.
    Nats,
    /// Several processes and the broker of this workspace.
    Embedded,
    /// Several processes and RabbitMQ.
    RabbitMq,
}

/// Where the engines of one test meet.
pub struct TestBroker {
    kind: EngineKind,
    prefix: String,
    embedded: Option<(Broker, TempDir)>,
    /// Where the broker really is.
    server: String,
    proxy: TcpProxy,
    /// Who has something on the broker that must be removed.
    consumers: Mutex<Vec<String>>,
}

impl TestBroker {
    /// Runs a test, and cleans up behind it.
    pub async fn run(kind: EngineKind, test: impl AsyncFnOnce(&Self)) {
        let broker = Self::start(kind).await;
        let outcome = AssertUnwindSafe(test(&broker)).catch_unwind().await;
        broker.remove().await;
        if let Err(panic) = outcome {
            resume_unwind(panic);
        }
    }

    async fn start(kind: EngineKind) -> Self {
        let embedded =
            if kind == EngineKind::Embedded { Some(start_embedded().await) } else { None };
        let server = match &embedded {
            Some((broker, _)) => format!("nats://{}", broker.address()),
            None if kind == EngineKind::RabbitMq => crate::rabbitmq_server(),
            None => crate::nats_server(),
        };
        Self {
            kind,
            prefix: format!("backline.test-{}", Uuid::now_v7().simple()),
            embedded,
            proxy: TcpProxy::to(place(&server)).await,
            server,
            consumers: Mutex::default(),
        }
    }

    /// What moves the messages of this test.
    pub fn kind(&self) -> EngineKind {
        self.kind
    }

    /// What one process has.
    pub async fn connect(&self) -> Arc<dyn Engine> {
        match self.kind {
            EngineKind::InProcess => Arc::new(InProcess::default()),
            EngineKind::Mirrored => Arc::new(Mirrored::new(self.connect_nats().await)),
            EngineKind::Nats | EngineKind::Embedded => Arc::new(self.connect_nats().await),
            EngineKind::RabbitMq => Arc::new(self.connect_rabbitmq().await),
        }
    }

    async fn connect_nats(&self) -> Nats {
        Nats::connect(self.nats_config()).await.expect("NATS with JetStream")
    }

    async fn connect_rabbitmq(&self) -> RabbitMq {
        let (url, prefix) = (self.url(), self.prefix.clone());
        let config = RabbitMqConfig { url, prefix, ..Default::default() };
        RabbitMq::connect(config).await.expect("RabbitMQ")
    }

    /// Subscribes for good; the broker keeps what the consumer has not received.
    pub async fn subscribe(
        &self,
        engine: &dyn Engine,
        consumer: &str,
        pattern: &str,
        inbox: Arc<dyn Inbox>,
    ) {
        self.consumers.lock().push(consumer.to_owned());
        let (consumer, pattern) = (consumer.to_owned(), Pattern::new(pattern));
        engine.subscribe(Subscription { consumer, pattern, inbox }).await.expect("a subscription");
    }

    /// Breaks every connection to the broker, and every one that is tried from now on.
    pub fn cut(&self) {
        self.proxy.cut();
    }

    /// Lets connections through again.
    pub fn restore(&self) {
        self.proxy.restore();
    }

    /// Whether this is what the broker calls the stream of this test.
    pub fn is_stream(&self, name: &str) -> bool {
        name == self.nats_config().stream_name() || name == format!("{}.history", self.prefix)
    }

    /// A stranger publishes what is not a message of ours, as if it were of this type.
    pub async fn publish_nonsense(&self, kind: &str) {
        let body = b"not JSON".as_slice();
        if self.kind == EngineKind::RabbitMq {
            let (_connection, channel) = amqp(&self.server).await;
            let options = BasicPublishOptions::default();
            let sent = channel.basic_publish(
                self.prefix.as_str().into(),
                kind.into(),
                options,
                body,
                Default::default(),
            );
            sent.await.expect("published");
            channel.close(200, "done".into()).await.expect("published for certain");
        } else {
            let client = async_nats::connect(&self.server).await.expect("a connection");
            client
                .publish(format!("{}.{kind}", self.prefix), body.into())
                .await
                .expect("published");
            client.flush().await.expect("published for certain");
        }
    }

    /// A program outside has a consumer, and says of the next messages that it will never handle them. Where no broker
    /// is NATS this is nobody.
    pub async fn give_up(&self, consumer: &str, count: usize) -> BrokerConsumer {
        let stream = self.nats_config().stream_name();
        let name = |name| BrokerName::parse(name).expect("a name");
        let found = BrokerConsumer { stream: name(&stream), name: name(consumer) };
        if matches!(self.kind, EngineKind::InProcess | EngineKind::RabbitMq) {
            return found;
        }
        let client = async_nats::connect(&self.server).await.expect("a connection");
        let context = async_nats::jetstream::new(client);
        let stream = context.get_stream(stream).await.expect("the stream");
        let config = pull::Config { durable_name: Some(consumer.into()), ..Default::default() };
        let made = stream.get_or_create_consumer(consumer, config).await.expect("a consumer");
        let mut given = made.messages().await.expect("messages");
        for _ in 0..count {
            let message = given.try_next().await.expect("received").expect("a message");
            message.double_ack_with(AckKind::Term).await.expect("given up for certain");
        }
        found
    }

    /// Somebody deletes a consumer's queue on RabbitMQ.
    pub async fn delete_queue(&self, consumer: &str) {
        let (_connection, channel) = amqp(&self.server).await;
        let queue = format!("{}.{consumer}", self.prefix);
        channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.expect("deleted");
    }

    async fn remove(self) {
        self.restore();
        match self.kind {
            EngineKind::InProcess => {}
            EngineKind::RabbitMq => {
                let consumers = self.consumers.lock().clone();
                remove_from_rabbitmq(&self.server, &self.prefix, &consumers).await;
            }
            EngineKind::Embedded | EngineKind::Mirrored | EngineKind::Nats => {
                self.remove_from_nats().await
            }
        }
        if let Some((broker, _folder)) = self.embedded {
            broker.stop().await;
        }
    }

    async fn remove_from_nats(&self) {
        let client = async_nats::connect(&self.server).await.expect("a connection");
        let context = async_nats::jetstream::new(client);
        // There is none if the test has failed early.
        drop(context.delete_stream(self.nats_config().stream_name()).await);
    }

    fn nats_config(&self) -> NatsConfig {
        NatsConfig { url: self.url(), prefix: self.prefix.clone(), ..Default::default() }
    }

    /// The broker's address, by the way that can be cut.
    fn url(&self) -> String {
        self.server.replacen(place(&self.server), &self.proxy.address().to_string(), 1)
    }
}

/// `host:port` in an address.
fn place(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', ',']).next().unwrap_or(rest);
    authority.rsplit_once('@').map_or(authority, |(_, place)| place)
}

async fn start_embedded() -> (Broker, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    (Broker::start(BrokerSettings::new(folder.path())).await.expect("a broker"), folder)
}

/// Removes what an engine with these consumers has made. The broker deletes gladly what is not there.
pub async fn remove_from_rabbitmq(server: &str, prefix: &str, consumers: &[String]) {
    let (_connection, channel) = amqp(server).await;
    let of_consumers =
        |what: &str| consumers.iter().map(|name| format!("{name}{what}")).collect::<Vec<_>>();
    for queue in [of_consumers(""), of_consumers(".dead"), vec!["history".into()]].concat() {
        let name = format!("{prefix}.{queue}").into();
        channel.queue_delete(name, QueueDeleteOptions::default()).await.expect("deleted");
    }
    for exchange in [of_consumers(".caught-up"), vec!["dead".into()]].concat() {
        let name = format!("{prefix}.{exchange}").into();
        channel.exchange_delete(name, ExchangeDeleteOptions::default()).await.expect("deleted");
    }
    channel
        .exchange_delete(prefix.into(), ExchangeDeleteOptions::default())
        .await
        .expect("deleted");
}

async fn amqp(server: &str) -> (lapin::Connection, lapin::Channel) {
    let connection =
        lapin::Connection::connect(server, Default::default()).await.expect("RabbitMQ");
    let channel = connection.create_channel().await.expect("a channel");
    (connection, channel)
}

/// Makes a test of each function, an `async fn(&TestBroker)`, on every engine.
#[macro_export]
macro_rules! on_every_engine {
    ($($promise:ident),* $(,)?) => {
        $crate::on_engine!(in_process, InProcess, $($promise),*);
        $crate::on_every_broker!($($promise),*);
    };
}

/// Makes a test of each function on every engine that has a broker.
#[macro_export]
macro_rules! on_every_broker {
    ($($promise:ident),* $(,)?) => {
        $crate::on_engine!(mirrored_on_nats, Mirrored, $($promise),*);
        $crate::between_processes!($($promise),*);
    };
}

/// Makes a test of each function on every engine that has several processes receive.
#[macro_export]
macro_rules! between_processes {
    ($($promise:ident),* $(,)?) => {
        $crate::on_engine!(nats, Nats, $($promise),*);
        $crate::on_engine!(embedded, Embedded, $($promise),*);
        $crate::on_engine!(rabbitmq, RabbitMq, $($promise),*);
    };
}

/// Makes a test of each function on one engine, in a module of this name.
#[macro_export]
macro_rules! on_engine {
    ($module:ident, $kind:ident, $($promise:ident),* $(,)?) => {
        mod $module {
            $(#[tokio::test]
            async fn $promise() {
                $crate::TestBroker::run($crate::EngineKind::$kind, super::$promise).await;
            })*
        }
    };
}
