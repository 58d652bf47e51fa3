//! What every engine promises, tried on each of them; and what only a broker can promise.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod between_processes;
mod dead_letters;
mod every_engine;
mod on_nats;
mod on_rabbitmq;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use messages::{Engine, Error, Inbox, Listener, Message, Pattern, Payload};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use testkit::eventually;

/// A thing changed for the `number`th time.
#[derive(Serialize, Deserialize)]
struct Changed {
    subject: String,
    number: i64,
}

impl Payload for Changed {
    const TYPE: &'static str = "thing.changed";

    fn subject(&self) -> String {
        self.subject.clone()
    }
}

fn message(kind: &str, number: i64) -> Message {
    let payload = Changed { subject: "one".into(), number };
    let message = Message::new("test", Timestamp::UNIX_EPOCH, &payload).expect("a message");
    Message { kind: kind.into(), ..message }
}

fn numbered(numbers: std::ops::Range<i64>) -> Vec<Message> {
    numbers.map(|number| message(Changed::TYPE, number)).collect()
}

/// Keeps what it was given, in order; the next calls fail as often as it was told.
#[derive(Default)]
struct Memory {
    given: Mutex<Vec<(String, Message)>>,
    failures: Mutex<VecDeque<i64>>,
}

#[async_trait]
impl Inbox for Memory {
    async fn accept(&self, consumer: &str, message: &Message) -> Result<(), Error> {
        let payload: Changed = message.payload().expect("a payload");
        let mut failures = self.failures.lock();
        if failures.front() == Some(&payload.number) {
            failures.pop_front();
            return Err(Error::Inbox { consumer: consumer.into(), reason: "disk full".into() });
        }
        self.given.lock().push((consumer.into(), message.clone()));
        Ok(())
    }
}

impl Memory {
    /// Fails at these numbers, once for each time they are listed.
    fn failing_at(numbers: impl IntoIterator<Item = i64>) -> Arc<Self> {
        let failures = Mutex::new(numbers.into_iter().collect());
        Arc::new(Self { given: Mutex::default(), failures })
    }

    /// All that a consumer was given, with repetitions.
    fn given(&self, consumer: &str) -> Vec<Message> {
        let given = self.given.lock();
        let own = given.iter().filter(|(name, _)| name == consumer);
        own.map(|(_, message)| message.clone()).collect()
    }

    /// What a consumer has: a repetition is known by its id, as every inbox promises.
    fn of(&self, consumer: &str) -> Vec<Message> {
        let mut seen = HashSet::new();
        self.given(consumer).into_iter().filter(|message| seen.insert(message.id)).collect()
    }

    async fn wait_for_count(&self, consumer: &str, count: usize) {
        let arrived = || async { (self.of(consumer).len() >= count).then_some(()) };
        eventually(&format!("{count} messages of `{consumer}`"), arrived).await;
    }

    /// Waits until the consumer has these, and nothing else, in this order.
    async fn wait_for(&self, consumer: &str, expected: &[Message]) {
        self.wait_for_count(consumer, expected.len()).await;
        let accepted = self.of(consumer);
        assert_eq!(numbers(&accepted), numbers(expected), "`{consumer}`");
        assert_eq!(accepted, expected, "`{consumer}`");
    }
}

fn numbers(messages: &[Message]) -> Vec<i64> {
    messages.iter().map(|message| message.data["number"].as_i64().expect("a number")).collect()
}

/// Publishes as an outbox does: the same messages again until they are taken.
async fn publish(engine: &dyn Engine, messages: &[Message]) {
    eventually("the engine to take messages", || async { engine.publish(messages).await.ok() })
        .await;
}

/// What a cache hears.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Message>>>);

impl Heard {
    async fn from(engine: &dyn Engine, pattern: &str) -> Self {
        let heard = Self::default();
        let hears = heard.clone();
        let listener: Listener = Arc::new(move |message| hears.0.lock().push(message.clone()));
        engine.listen(Pattern::new(pattern), listener).await.expect("listening");
        heard
    }

    async fn wait_for(&self, expected: &Message) {
        let what = format!("number {} to be heard", expected.data["number"]);
        eventually(&what, || async { self.0.lock().contains(expected).then_some(()) }).await;
    }
}
