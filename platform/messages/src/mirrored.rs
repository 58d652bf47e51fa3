//! The engine between services of one process that also lets programs outside have every message: a broker keeps a
//! copy.
//!
//! A message is taken when the broker has it on disk and every consumer here has stored it. The broker is first: what
//! it refuses waits in the outbox for everybody, and nobody outside misses what somebody here has acted on. A second
//! try does no harm on either side, because both know a message by its id.

use async_trait::async_trait;

use crate::{
    BrokerConsumer, Chosen, DeadLetterError, DeadLetterPage, Deed, Engine, Error, InProcess,
    Listener, Message, Nats, Pattern, Report, Subscription,
};

/// [`InProcess`] for the services here, and a copy of every message for a broker.
pub struct Mirrored {
    here: InProcess,
    broker: Nats,
}

impl Mirrored {
    /// Copies to this broker.
    pub fn new(broker: Nats) -> Self {
        Self { here: InProcess::default(), broker }
    }
}

#[async_trait]
impl Engine for Mirrored {
    async fn publish(&self, messages: &[Message]) -> Result<(), Error> {
        self.broker.publish(messages).await?;
        self.here.publish(messages).await
    }

    async fn subscribe(&self, subscription: Subscription) -> Result<(), Error> {
        self.here.subscribe(subscription).await
    }

    async fn listen(&self, pattern: Pattern, listener: Listener) -> Result<(), Error> {
        self.here.listen(pattern, listener).await
    }

    /// Always: a program outside may receive any of them, now or later.
    fn wants(&self, kind: &str) -> bool {
        self.broker.wants(kind)
    }

    fn ready(&self) -> Result<(), Error> {
        self.broker.ready()
    }

    async fn report(&self) -> Result<Report, Error> {
        self.broker.report().await
    }

    async fn dead_letters(
        &self,
        consumer: &BrokerConsumer,
        after: u64,
        limit: usize,
    ) -> Result<DeadLetterPage, DeadLetterError> {
        self.broker.dead_letters(consumer, after, limit).await
    }

    async fn settle_dead_letters(
        &self,
        consumer: &BrokerConsumer,
        deed: Deed,
        chosen: Chosen,
    ) -> Result<u64, DeadLetterError> {
        self.broker.settle_dead_letters(consumer, deed, chosen).await
    }

    async fn stop(&self) {
        self.here.stop().await;
        self.broker.stop().await;
    }
}
