//! An engine that delivers in process and remembers what was published.

use async_trait::async_trait;
use messages::{Engine, Error, InProcess, Listener, Message, Pattern, Report, Subscription};
use parking_lot::Mutex;

/// Delivers as [`InProcess`] does, and keeps a copy.
#[derive(Default)]
pub struct Recorder {
    engine: InProcess,
    published: Mutex<Vec<Message>>,
}

impl Recorder {
    /// What was published so far, in order.
    pub fn published(&self) -> Vec<Message> {
        self.published.lock().clone()
    }
}

#[async_trait]
impl Engine for Recorder {
    async fn publish(&self, messages: &[Message]) -> Result<(), Error> {
        self.engine.publish(messages).await?;
        self.published.lock().extend_from_slice(messages);
        Ok(())
    }

    async fn subscribe(&self, subscription: Subscription) -> Result<(), Error> {
        self.engine.subscribe(subscription).await
    }

    async fn listen(&self, pattern: Pattern, listener: Listener) -> Result<(), Error> {
        self.engine.listen(pattern, listener).await
    }

    fn wants(&self, _kind: &str) -> bool {
        true
    }

    fn ready(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn report(&self) -> Result<Report, Error> {
        Ok(Report::default())
    }

    async fn stop(&self) {}
}
