//! The engine between services of one process: a message goes from the publisher's outbox straight into
//! the inboxes of its consumers, and is taken only when all of them have stored it.

use async_trait::async_trait;
use parking_lot::RwLock;

use crate::{Engine, Error, Listener, Message, Pattern, Report, Subscription};

/// Direct delivery inside one process. Durability lies in the databases on both sides.
#[derive(Default)]
pub struct InProcess {
    subscriptions: RwLock<Vec<Subscription>>,
    listeners: RwLock<Vec<(Pattern, Listener)>>,
}

#[async_trait]
impl Engine for InProcess {
    async fn publish(&self, messages: &[Message]) -> Result<(), Error> {
        for message in messages {
            for subscription in self.subscriptions_to(&message.kind) {
                subscription.inbox.accept(&subscription.consumer, message).await?;
            }
            self.tell_listeners(message);
        }
        Ok(())
    }

    async fn subscribe(&self, subscription: Subscription) -> Result<(), Error> {
        self.subscriptions.write().push(subscription);
        Ok(())
    }

    async fn listen(&self, pattern: Pattern, listener: Listener) -> Result<(), Error> {
        self.listeners.write().push((pattern, listener));
        Ok(())
    }

    fn wants(&self, kind: &str) -> bool {
        self.subscriptions.read().iter().any(|s| s.pattern.matches(kind))
            || self.listeners.read().iter().any(|(pattern, _)| pattern.matches(kind))
    }

    fn ready(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn report(&self) -> Result<Report, Error> {
        Ok(Report::default())
    }

    async fn stop(&self) {}
}

impl InProcess {
    fn subscriptions_to(&self, kind: &str) -> Vec<Subscription> {
        let subscriptions = self.subscriptions.read();
        subscriptions.iter().filter(|s| s.pattern.matches(kind)).cloned().collect()
    }

    fn tell_listeners(&self, message: &Message) {
        for (pattern, listener) in self.listeners.read().iter() {
            if pattern.matches(&message.kind) {
                listener(message);
            }
        }
    }
}
