//! What there is on the broker, by name, and how it is made.
//!
//! | name | is |
//! |---|---|
//! | `P` | the topic exchange that everything is published to |
//! | `P.history` | the stream that keeps everything for a while |
//! | `P.CONSUMER` | the quorum queue of a durable subscription |
//! | `P.dead`, `P.CONSUMER.dead` | exchange and queues of what is not a message of ours |
//! | `P.CONSUMER.caught-up` | an exchange without use, whose being there says that the consumer has read the history |
//!
//! What is there stays as its operator has set it. A mark is an exchange because the broker makes it in one step, keeps
//! it on all its nodes, and needs nothing to run for it.

use lapin::options::{
    ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ExchangeKind};

use super::link::{Link, answer, is_not_found};
use super::{RabbitMqConfig, broker};
use crate::{Error, Subscription};

/// The broker's limit.
const NAME_BYTES_MAX: usize = 255;
/// A message is in hand again after every broken connection; newer brokers would give it up after twenty.
const DELIVERIES_MAX: i32 = 1_000_000;

/// The names of one installation.
pub(super) struct Topology {
    config: RabbitMqConfig,
}

impl Topology {
    pub(super) fn new(config: RabbitMqConfig) -> Self {
        Self { config }
    }

    pub(super) fn exchange(&self) -> ShortString {
        self.config.prefix.as_str().into()
    }

    pub(super) fn history(&self) -> String {
        self.name("history")
    }

    pub(super) fn queue(&self, consumer: &str) -> String {
        self.name(consumer)
    }

    pub(super) fn dead_queue(&self, consumer: &str) -> String {
        self.name(&format!("{consumer}.dead"))
    }

    fn dead_exchange(&self) -> String {
        self.name("dead")
    }

    fn mark(&self, consumer: &str) -> String {
        self.name(&format!("{consumer}.caught-up"))
    }

    fn name(&self, last: &str) -> String {
        format!("{}.{last}", self.config.prefix)
    }

    /// Makes what all have in common.
    pub(super) async fn declare(&self, link: &Link) -> Result<(), Error> {
        let channel = link.channel().await?;
        declare_exchange(&channel, &self.config.prefix, ExchangeKind::Topic).await?;
        declare_exchange(&channel, &self.dead_exchange(), ExchangeKind::Direct).await?;
        if link.queue_length(&self.history()).await?.is_none() {
            declare_queue(&channel, &self.history(), self.history_arguments()).await?;
        }
        bind(&channel, &self.history(), &self.config.prefix, "#").await
    }

    /// Makes what one consumer needs, and then gets messages for it.
    pub(super) async fn declare_consumer(
        &self,
        link: &Link,
        subscription: &Subscription,
    ) -> Result<(), Error> {
        let consumer = subscription.consumer.as_str();
        if self.mark(consumer).len() > NAME_BYTES_MAX {
            return Err(broker(format!("the name of the consumer `{consumer}` is too long")));
        }
        self.declare(link).await?;
        let channel = link.channel().await?;
        let (queue, dead_queue) = (self.queue(consumer), self.dead_queue(consumer));
        if link.queue_length(&dead_queue).await?.is_none() {
            declare_queue(&channel, &dead_queue, quorum()).await?;
        }
        bind(&channel, &dead_queue, &self.dead_exchange(), consumer).await?;
        if link.queue_length(&queue).await?.is_none() {
            // Before the queue: one that is new begins with the history, whatever was here before.
            let forgotten = channel
                .exchange_delete(self.mark(consumer).into(), ExchangeDeleteOptions::default());
            answer("forgetting that the history was read", forgotten).await?;
            declare_queue(&channel, &queue, self.queue_arguments(consumer)).await?;
        }
        bind(&channel, &queue, &self.config.prefix, subscription.pattern.as_str()).await
    }

    /// Whether the consumer has read the history.
    pub(super) async fn is_caught_up(&self, link: &Link, consumer: &str) -> Result<bool, Error> {
        let passive = ExchangeDeclareOptions { passive: true, ..Default::default() };
        let asked = async {
            let channel = link.channel().await?;
            let mark = self.mark(consumer).into();
            Ok(channel
                .exchange_declare(mark, ExchangeKind::Fanout, passive, FieldTable::default())
                .await)
        };
        match answer("whether the history was read", async { Ok(asked.await) }).await?? {
            Ok(()) => Ok(true),
            Err(error) if is_not_found(&error) => Ok(false),
            Err(error) => Err(broker(error)),
        }
    }

    /// Remembers that the consumer has read the history.
    pub(super) async fn mark_caught_up(
        &self,
        channel: &Channel,
        consumer: &str,
    ) -> Result<(), Error> {
        declare_exchange(channel, &self.mark(consumer), ExchangeKind::Fanout).await
    }

    fn history_arguments(&self) -> FieldTable {
        let seconds = self.config.retention.as_secs().max(1);
        let mut arguments = of_type("stream");
        arguments.insert("x-max-age".into(), text(&format!("{seconds}s")));
        if let Some(bytes_max) = self.config.bytes_max {
            let bytes_max = i64::try_from(bytes_max).unwrap_or(i64::MAX);
            arguments.insert("x-max-length-bytes".into(), AMQPValue::LongLongInt(bytes_max));
        }
        arguments
    }

    fn queue_arguments(&self, consumer: &str) -> FieldTable {
        let mut arguments = quorum();
        arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(DELIVERIES_MAX));
        arguments.insert("x-dead-letter-exchange".into(), text(&self.dead_exchange()));
        arguments.insert("x-dead-letter-routing-key".into(), text(consumer));
        arguments
    }
}

fn quorum() -> FieldTable {
    of_type("quorum")
}

fn of_type(kind: &str) -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text(kind));
    arguments
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

async fn declare_exchange(channel: &Channel, name: &str, kind: ExchangeKind) -> Result<(), Error> {
    let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
    answer(name, channel.exchange_declare(name.into(), kind, durable, FieldTable::default())).await
}

async fn declare_queue(channel: &Channel, name: &str, arguments: FieldTable) -> Result<(), Error> {
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    answer(name, channel.queue_declare(name.into(), durable, arguments)).await.map(drop)
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> Result<(), Error> {
    let options = QueueBindOptions::default();
    answer(
        queue,
        channel.queue_bind(
            queue.into(),
            exchange.into(),
            key.into(),
            options,
            FieldTable::default(),
        ),
    )
    .await
}
