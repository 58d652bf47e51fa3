//! Messages between services: what they look like, how they are published and received.
//!
//! A *message* is what travels on the broker; an *event* is a concert. Messages are CloudEvents 1.0 in
//! JSON. An engine ([`Engine`]) moves them: [`InProcess`] between services of one process, [`Mirrored`]
//! between them and with a copy for a broker, [`Nats`] and [`RabbitMq`] between processes. Promise: a message is delivered
//! at least once to every [`Inbox`] whose pattern it matches, in order per subject; the inbox makes a
//! repetition harmless.
//! Nothing is lost between the two because publishers keep a message in their outbox until the
//! engine has taken it, and an engine has taken it only when it is on disk elsewhere.

mod dead_letters;
mod in_process;
mod message;
mod mirrored;
mod nats;
mod pattern;
mod rabbitmq;
mod report;

use std::sync::Arc;

pub use dead_letters::{
    BrokerConsumer, BrokerName, Chosen, DeadLetter, DeadLetterError, DeadLetterPage, Deed,
};
pub use in_process::InProcess;
pub use message::{Message, Payload};
pub use mirrored::Mirrored;
pub use nats::{
    Nats, NatsConfig, TokenSource, list_consumers, list_dead_letters, settle_dead_letters,
};
pub use pattern::Pattern;
pub use rabbitmq::{RabbitMq, RabbitMqConfig};
pub use report::{ConsumerReport, Report, StreamReport};

/// The stream, or exchange, that all messages travel on.
pub const STREAM: &str = "backline.events";

/// Why an engine could not do its work. All of these pass with time; the caller tries again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The broker is away or did not answer in time.
    #[error("message broker: {0}")]
    Broker(String),
    /// An inbox could not store the message.
    #[error("inbox of `{consumer}`: {reason}")]
    Inbox {
        /// The consumer whose inbox refused.
        consumer: String,
        /// What its database said.
        reason: String,
    },
}

/// Where a consumer's messages are stored before they are acknowledged; implemented by its database.
#[async_trait::async_trait]
pub trait Inbox: Send + Sync {
    /// Stores the message durably. Storing one that is already there is a success.
    async fn accept(&self, consumer: &str, message: &Message) -> Result<(), Error>;
}

/// A durable subscription: everything that matches `pattern` goes to `inbox` under the name `consumer`.
#[derive(Clone)]
pub struct Subscription {
    /// The durable name, the same over restarts and replicas: `users.provision_default_role`.
    pub consumer: String,
    /// Which messages it wants.
    pub pattern: Pattern,
    /// Where they are stored.
    pub inbox: Arc<dyn Inbox>,
}

/// Hears every matching message while this process lives, and the recent ones again after a broken connection; for
/// caches, never for state.
pub type Listener = Arc<dyn Fn(&Message) + Send + Sync>;

/// Moves messages. One per process.
#[async_trait::async_trait]
pub trait Engine: Send + Sync {
    /// Takes messages over, in this order. `Ok` means all of them are durable outside the publisher.
    async fn publish(&self, messages: &[Message]) -> Result<(), Error>;

    /// Delivers to a durable subscription until the process ends.
    async fn subscribe(&self, subscription: Subscription) -> Result<(), Error>;

    /// Lets a cache hear matching messages from now on, and the recent ones where the engine keeps them.
    async fn listen(&self, pattern: Pattern, listener: Listener) -> Result<(), Error>;

    /// Whether anybody could receive messages of this type. Those that nobody can need not be published.
    fn wants(&self, kind: &str) -> bool;

    /// `Ok` when messages can be published now.
    fn ready(&self) -> Result<(), Error>;

    /// How much the broker keeps, and how far those are who receive from it. Empty where there is no broker.
    async fn report(&self) -> Result<Report, Error> {
        Ok(Report::default())
    }

    /// What a consumer of the broker gave up after this message of the stream, at most so many letters.
    async fn dead_letters(
        &self,
        consumer: &BrokerConsumer,
        after: u64,
        limit: usize,
    ) -> Result<DeadLetterPage, DeadLetterError> {
        let _ = (consumer, after, limit);
        Err(DeadLetterError::NotKept)
    }

    /// Replays or drops what a consumer of the broker gave up; how many letters there were.
    async fn settle_dead_letters(
        &self,
        consumer: &BrokerConsumer,
        deed: Deed,
        chosen: Chosen,
    ) -> Result<u64, DeadLetterError> {
        let _ = (consumer, deed, chosen);
        Err(DeadLetterError::NotKept)
    }

    /// Stops receiving. Publishing still works, so that outboxes can be emptied.
    async fn stop(&self);
}
