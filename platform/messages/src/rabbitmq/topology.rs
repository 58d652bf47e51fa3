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

use super::link::{Link, answer, find};
use super::{RabbitMqConfig, short};
use crate::{Error, Subscription};

/// A message is in hand again after every broken connection; newer brokers would give it up after twenty.
const DELIVERIES_MAX: u64 = 1_000_000;
/// The history forgets whole files of this size, bytes; the broker's own half a gigabyte would be years for many.
const HISTORY_FILE_BYTES: u64 = 16 << 20;
/// A history that is limited to less than so many files has smaller ones.
const HISTORY_FILES_MIN: u64 = 4;
/// Smaller ones are not worth a file.
const HISTORY_FILE_BYTES_MIN: u64 = 64 << 10;

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
        // The longest of its names; the others are made below without asking again.
        short(&self.mark(consumer))?;
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
        let (channel, mark) = (link.channel().await?, self.mark(consumer));
        let nothing = FieldTable::default();
        let asked =
            channel.exchange_declare(mark.as_str().into(), ExchangeKind::Fanout, passive, nothing);
        Ok(find(&mark, asked).await?.is_some())
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
        let mut file_bytes = HISTORY_FILE_BYTES;
        if let Some(bytes_max) = self.config.bytes_max {
            arguments.insert("x-max-length-bytes".into(), number(bytes_max));
            let fitting = (bytes_max / HISTORY_FILES_MIN).max(HISTORY_FILE_BYTES_MIN);
            file_bytes = file_bytes.min(fitting);
        }
        arguments.insert("x-stream-max-segment-size-bytes".into(), number(file_bytes));
        arguments
    }

    fn queue_arguments(&self, consumer: &str) -> FieldTable {
        let mut arguments = quorum();
        arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
        arguments.insert("x-delivery-limit".into(), number(DELIVERIES_MAX));
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

fn number(value: u64) -> AMQPValue {
    AMQPValue::LongLongInt(i64::try_from(value).unwrap_or(i64::MAX))
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
    let (options, nothing) = (QueueBindOptions::default(), FieldTable::default());
    let bound = channel.queue_bind(queue.into(), exchange.into(), short(key)?, options, nothing);
    answer(queue, bound).await
}
