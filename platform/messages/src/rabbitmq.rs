//! The engine between processes that have RabbitMQ: AMQP 0-9-1, version 3.10 of the broker or newer.
//!
//! Messages go to one topic exchange, their type is the routing key. A durable subscription is a quorum queue that one
//! replica at a time receives from; it acknowledges a message when the inbox has stored it, and has only one in hand,
//! so that none overtakes another. A stream keeps the history: a consumer that is new reads it first, and listeners
//! hear from it what was said a little before. What is not a message of ours goes to a dead-letter queue.
//!
//! Promise: everything here goes on by itself after the broker was away, and nothing that was taken is lost. What this
//! file does not do: make the broker's users and virtual hosts, and TLS beyond the certificates this machine trusts.

mod history;
mod link;
mod receive;
mod topology;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::try_join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Channel, Confirmation};
use parking_lot::Mutex;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use self::link::{Link, within};
use self::topology::Topology;
use crate::{
    ConsumerReport, Engine, Error, Listener, Message, Pattern, Report, STREAM, StreamReport,
    Subscription,
};

/// Until the broker has confirmed all that one call publishes.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(30);
/// Names on the broker have at most 255 bytes; the rest is for the consumer's.
const PREFIX_BYTES_MAX: usize = 100;
/// Kept by the broker on disk.
const PERSISTENT: u8 = 2;

/// Where and how to reach the broker.
#[derive(Clone)]
pub struct RabbitMqConfig {
    /// `amqp://user:password@host:5672/vhost`, or `amqps://…:5671/…`. Without a path it is the virtual host `/`, which
    /// is `%2f` when written out. `?heartbeat=10` is how many seconds of silence are half of a broken connection.
    pub url: String,
    /// The exchange's name, and what the names of all queues begin with; at most 100 bytes. Installations that share a
    /// virtual host need different ones.
    pub prefix: String,
    /// How long the history keeps messages. A history that is there stays as it is.
    pub retention: Duration,
    /// How much the history keeps, bytes; the oldest messages go first. No limit when absent. Both limits hold within a
    /// file of the broker's: 16 MiB, or a quarter of this if that is less.
    pub bytes_max: Option<u64>,
}

impl Default for RabbitMqConfig {
    fn default() -> Self {
        Self {
            url: "amqp://guest:guest@127.0.0.1:5672/%2f".into(),
            prefix: STREAM.into(),
            retention: Duration::from_secs(14 * 24 * 3600),
            bytes_max: None,
        }
    }
}

/// Without the user and the password.
impl fmt::Debug for RabbitMqConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.url.split_once("://").map_or("", |(scheme, _)| scheme);
        let place = self.url.rsplit_once('@').map_or("…", |(_, place)| place);
        f.debug_struct("RabbitMqConfig")
            .field("url", &format!("{scheme}://{place}"))
            .field("prefix", &self.prefix)
            .field("retention", &self.retention)
            .field("bytes_max", &self.bytes_max)
            .finish()
    }
}

impl RabbitMqConfig {
    fn address(&self) -> Result<AMQPUri, Error> {
        // What the library says of an address that it cannot read may hold the password.
        let unreadable = |_| broker("its address is not like amqp://user:password@host:5672/vhost");
        self.url.parse().map_err(unreadable)
    }
}

/// A connection to RabbitMQ for publishing and one for receiving. Both are made anew when they are lost.
pub struct RabbitMq {
    topology: Arc<Topology>,
    /// On a connection of its own: a broker that is short of disk lets publishers wait, and nobody else.
    publishing: Arc<Link>,
    receiving: Arc<Link>,
    /// One for all, which keeps their order.
    publisher: tokio::sync::Mutex<Option<Channel>>,
    consumers: Mutex<Vec<String>>,
    stopping: CancellationToken,
    tasks: TaskTracker,
    /// Ends the tasks of an engine that was not stopped.
    _stop: DropGuard,
}

impl RabbitMq {
    /// Connects and makes sure that exchange and history exist.
    pub async fn connect(config: RabbitMqConfig) -> Result<Self, Error> {
        let address = config.address()?;
        if config.prefix.len() > PREFIX_BYTES_MAX {
            return Err(broker(format!("the prefix is longer than {PREFIX_BYTES_MAX} bytes")));
        }
        let publishing = Link::open(address.clone(), "backline: publishing").await?;
        let receiving = Link::open(address, "backline: receiving").await?;
        let topology = Arc::new(Topology::new(config));
        topology.declare(&publishing).await?;
        let stopping = CancellationToken::new();
        Ok(Self {
            topology,
            publishing,
            receiving,
            publisher: tokio::sync::Mutex::default(),
            consumers: Mutex::default(),
            _stop: stopping.clone().drop_guard(),
            stopping,
            tasks: TaskTracker::new(),
        })
    }

    async fn publisher(&self) -> Result<Channel, Error> {
        let mut publisher = self.publisher.lock().await;
        if let Some(channel) = publisher.as_ref().filter(|channel| channel.status().connected()) {
            return Ok(channel.clone());
        }
        // Somebody may have removed them while this process was connected, and a message that finds no queue is lost.
        self.topology.declare(&self.publishing).await?;
        let channel = confirming(&self.publishing).await?;
        *publisher = Some(channel.clone());
        Ok(channel)
    }

    async fn send(&self, messages: &[Message]) -> Result<(), Error> {
        let channel = self.publisher().await?;
        // All are sent before the first confirmation is awaited; one channel keeps their order.
        let mut confirmations = Vec::with_capacity(messages.len());
        for message in messages {
            let body = serde_json::to_vec(message).map_err(broker)?;
            let sent = channel.basic_publish(
                self.topology.exchange(),
                short(&message.kind)?,
                BasicPublishOptions::default(),
                &body,
                properties(message),
            );
            confirmations.push(sent.await.map_err(broker)?);
        }
        for confirmation in try_join_all(confirmations).await.map_err(broker)? {
            expect_taken(&confirmation)?;
        }
        Ok(())
    }

    async fn consumer_report(&self, consumer: String) -> Result<ConsumerReport, Error> {
        let waiting = self.publishing.queue_length(&self.topology.queue(&consumer)).await?;
        let stream = self.topology.history();
        Ok(ConsumerReport {
            stream,
            name: consumer,
            waiting: waiting.unwrap_or(0),
            ..Default::default()
        })
    }

    async fn stream_report(&self, name: String) -> Result<Option<StreamReport>, Error> {
        let messages = self.publishing.queue_length(&name).await?;
        Ok(messages.map(|messages| StreamReport { name, messages, ..Default::default() }))
    }
}

#[async_trait]
impl Engine for RabbitMq {
    async fn publish(&self, messages: &[Message]) -> Result<(), Error> {
        if messages.is_empty() {
            return Ok(());
        }
        let publishing = within(PUBLISH_TIMEOUT, "publishing", self.send(messages));
        let published = self.publishing.while_connected(publishing).await;
        if published.is_err() {
            // Nobody knows what becomes of the rest; the next try begins anew.
            self.publisher.lock().await.take();
        }
        published
    }

    async fn subscribe(&self, subscription: Subscription) -> Result<(), Error> {
        // Now, so that nothing is missed that is published after this.
        let declaring = self.topology.declare_consumer(&self.receiving, &subscription);
        self.receiving.while_connected(declaring).await?;
        self.consumers.lock().push(subscription.consumer.clone());
        let receive = receive::forever(self.receiving.clone(), self.topology.clone(), subscription);
        self.tasks.spawn(self.stopping.clone().run_until_cancelled_owned(receive));
        Ok(())
    }

    async fn listen(&self, pattern: Pattern, listener: Listener) -> Result<(), Error> {
        let (link, topology) = (self.receiving.clone(), self.topology.clone());
        let listen = history::listen_forever(link, topology, pattern, listener);
        self.tasks.spawn(self.stopping.clone().run_until_cancelled_owned(listen));
        Ok(())
    }

    /// Always: programs that nobody here knows may receive any of them.
    fn wants(&self, _kind: &str) -> bool {
        true
    }

    fn ready(&self) -> Result<(), Error> {
        self.publishing.ready()
    }

    /// Of the history, the queues of the subscriptions made here, and their dead-letter queues that hold something:
    /// what AMQP tells, which are numbers of messages. The broker counts the history's every few seconds.
    async fn report(&self) -> Result<Report, Error> {
        let consumers = self.consumers.lock().clone();
        let mut report = Report::default();
        report.streams.extend(self.stream_report(self.topology.history()).await?);
        for consumer in consumers {
            let dead = self.stream_report(self.topology.dead_queue(&consumer)).await?;
            report.streams.extend(dead.filter(|queue| queue.messages > 0));
            report.consumers.push(self.consumer_report(consumer).await?);
        }
        Ok(report)
    }

    async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        // What was in hand goes to another replica now.
        self.receiving.close().await;
    }
}

/// A channel on which the broker confirms what it has taken.
async fn confirming(link: &Link) -> Result<Channel, Error> {
    let channel = link.channel().await?;
    link::answer("confirmations", channel.confirm_select(ConfirmSelectOptions::default())).await?;
    Ok(channel)
}

fn properties(message: &Message) -> BasicProperties {
    BasicProperties::default()
        .with_content_type("application/cloudevents+json".into())
        .with_message_id(message.id.to_string().into())
        .with_delivery_mode(PERSISTENT)
}

fn expect_taken(confirmation: &Confirmation) -> Result<(), Error> {
    if confirmation.is_ack() { Ok(()) } else { Err(broker("it refused a message")) }
}

/// A name or a key as AMQP has them: at most 255 bytes.
fn short(text: &str) -> Result<ShortString, Error> {
    ShortString::try_new(text).map_err(|_| broker(format!("longer than 255 bytes: `{text}`")))
}

fn broker(error: impl fmt::Display) -> Error {
    Error::Broker(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_reads_the_password_in_a_log() {
        for url in ["amqps://me:secret@host:5671/vhost", "amqp://me:secret", "me:secret@host"] {
            let config = RabbitMqConfig { url: url.into(), ..Default::default() };
            let told = format!("{config:?} {:?}", config.address().map(|_| ()));
            assert!(!told.contains("secret"), "{told}");
        }
    }
}
