//! What every engine promises, tried on each of them; and what only a broker can promise.
//!
//! NATS: a server with JetStream on this machine, a stream of its own for every test.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use messages::{
    Engine, Error, InProcess, Inbox, Message, Mirrored, Nats, NatsConfig, Pattern, Payload,
    Subscription,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use testkit::eventually;
use uuid::Uuid;

const BROKER: &str = "nats://127.0.0.1:4222";

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

/// Keeps what it accepted, in order; the next calls fail as often as it was told.
#[derive(Default)]
struct Memory {
    accepted: Mutex<Vec<(String, Message)>>,
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
        self.accepted.lock().push((consumer.into(), message.clone()));
        Ok(())
    }
}

impl Memory {
    /// Fails at these numbers, once for each time they are listed.
    fn failing_at(numbers: impl IntoIterator<Item = i64>) -> Arc<Self> {
        let failures = Mutex::new(numbers.into_iter().collect());
        Arc::new(Self { accepted: Mutex::default(), failures })
    }

    fn of(&self, consumer: &str) -> Vec<Message> {
        let accepted = self.accepted.lock();
        let own = accepted.iter().filter(|(name, _)| name == consumer);
        own.map(|(_, message)| message.clone()).collect()
    }

    async fn wait_for(&self, consumer: &str, expected: &[Message]) {
        let what = format!("{} messages of `{consumer}`", expected.len());
        let arrived = || async { (self.of(consumer).len() >= expected.len()).then_some(()) };
        eventually(&what, arrived).await;
        let numbers = |messages: &[Message]| {
            messages.iter().map(|message| message.data["number"].clone()).collect::<Vec<_>>()
        };
        let accepted = self.of(consumer);
        assert_eq!(numbers(&accepted), numbers(expected), "`{consumer}`");
        assert_eq!(accepted, expected, "`{consumer}`");
    }
}

async fn subscribe(engine: &dyn Engine, consumer: &str, pattern: &str, inbox: &Arc<Memory>) {
    let (consumer, pattern) = (consumer.to_owned(), Pattern::new(pattern));
    let subscription = Subscription { consumer, pattern, inbox: inbox.clone() };
    engine.subscribe(subscription).await.expect("a subscription");
}

/// Publishes as an outbox does: the same messages again until they are taken.
async fn publish(engine: &dyn Engine, messages: &[Message]) {
    eventually("the engine to take messages", || async { engine.publish(messages).await.ok() })
        .await;
}

/// A stream on the broker that only one test knows.
struct Broker {
    config: NatsConfig,
}

impl Broker {
    fn new() -> Self {
        let prefix = format!("backline.test-{}", Uuid::now_v7().simple());
        Self { config: NatsConfig { url: BROKER.into(), prefix, ..Default::default() } }
    }

    /// What one process has.
    async fn connect(&self) -> Nats {
        Nats::connect(self.config.clone()).await.expect("NATS with JetStream on 127.0.0.1:4222")
    }

    async fn delete(self) {
        let client = async_nats::connect(BROKER).await.expect("a connection");
        let stream = self.config.stream_name();
        let context = async_nats::jetstream::new(client);
        context.delete_stream(stream).await.expect("the stream deleted");
    }
}

async fn everybody_gets_what_matches_in_order(engine: &dyn Engine) {
    let inbox = Arc::new(Memory::default());
    for (consumer, pattern) in [
        ("a.exact", "user.created"),
        ("a.words", "*.created"),
        ("a.user", "user.*"),
        ("a.all", "#"),
    ] {
        subscribe(engine, consumer, pattern, &inbox).await;
    }
    let kinds =
        ["user.created", "user.deleted", "ticket.created", "user.created", "ticket.checked_in"];
    let messages: Vec<_> = (0..).zip(kinds).map(|(number, kind)| message(kind, number)).collect();
    let those =
        |wanted: &[usize]| wanted.iter().map(|at| messages[*at].clone()).collect::<Vec<_>>();
    publish(engine, &messages[..2]).await;
    publish(engine, &messages[2..]).await;
    inbox.wait_for("a.exact", &those(&[0, 3])).await;
    inbox.wait_for("a.words", &those(&[0, 2, 3])).await;
    inbox.wait_for("a.user", &those(&[0, 1, 3])).await;
    inbox.wait_for("a.all", &messages).await;
    assert!(kinds.iter().all(|kind| engine.wants(kind)));
    engine.ready().expect("ready");
}

async fn an_inbox_that_fails_gets_the_message_again_and_in_order(engine: &dyn Engine) {
    let inbox = Memory::failing_at([3, 3, 7]);
    subscribe(engine, "a.once", "#", &inbox).await;
    let messages = numbered(0..20);
    publish(engine, &messages[..10]).await;
    publish(engine, &messages[10..]).await;
    let all_there = || async {
        let accepted = inbox.of("a.once");
        messages.iter().all(|message| accepted.contains(message)).then_some(accepted)
    };
    let mut accepted = eventually("every message", all_there).await;
    // Repetitions are the inbox's to recognise; what comes for the first time comes in order.
    let mut seen = std::collections::HashSet::new();
    accepted.retain(|message| seen.insert(message.id));
    assert_eq!(accepted, messages);
}

async fn listeners_hear(engine: &dyn Engine) {
    let heard = Arc::new(Mutex::new(vec![]));
    let hears = heard.clone();
    let listener = Arc::new(move |message: &Message| hears.lock().push(message.clone()));
    engine.listen(Pattern::new("session.*"), listener).await.expect("listening");
    let ended = message("session.ended", 1);
    publish(engine, &[message("user.created", 0), ended.clone()]).await;
    let hear = || async { heard.lock().first().cloned() };
    assert_eq!(eventually("the message to be heard", hear).await, ended);
}

async fn a_stopped_engine_still_publishes(engine: &dyn Engine) {
    engine.stop().await;
    publish(engine, &numbered(0..2)).await;
}

macro_rules! promises_of_every_engine {
    ($($promise:ident),* $(,)?) => {
        mod in_process {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(&super::InProcess::default()).await;
            })*
        }

        mod mirrored_on_nats {
            $(#[tokio::test]
            async fn $promise() {
                let broker = super::Broker::new();
                super::$promise(&super::Mirrored::new(broker.connect().await)).await;
                broker.delete().await;
            })*
        }

        mod nats {
            $(#[tokio::test]
            async fn $promise() {
                let broker = super::Broker::new();
                super::$promise(&broker.connect().await).await;
                broker.delete().await;
            })*
        }
    };
}

promises_of_every_engine!(
    everybody_gets_what_matches_in_order,
    an_inbox_that_fails_gets_the_message_again_and_in_order,
    listeners_hear,
    a_stopped_engine_still_publishes,
);

#[tokio::test]
async fn in_process_nobody_wants_what_nobody_subscribed_to() {
    let engine = InProcess::default();
    assert!(!engine.wants("user.created"));
    subscribe(&engine, "a.user", "user.*", &Arc::default()).await;
    assert!(engine.wants("user.created") && !engine.wants("ticket.issued"));
}

#[tokio::test]
async fn mirrored_on_nats_programs_outside_have_what_the_services_here_have() {
    let broker = Broker::new();
    let engine = Mirrored::new(broker.connect().await);
    let inbox = Memory::failing_at([1]);
    subscribe(&engine, "a.here", "thing.*", &inbox).await;
    let messages = numbered(0..3);
    // The inbox refuses once: what the broker has already is published again, and is there once.
    publish(&engine, &messages).await;
    inbox.wait_for("a.here", &[&messages[..1], &messages].concat()).await;
    let outside = Arc::new(Memory::default());
    subscribe(&broker.connect().await, "program", "#", &outside).await;
    outside.wait_for("program", &messages).await;
    assert!(engine.wants("nobody.subscribed"));
    broker.delete().await;
}

#[tokio::test]
async fn on_nats_a_new_consumer_starts_from_the_beginning() {
    let broker = Broker::new();
    let engine = broker.connect().await;
    let messages = numbered(0..5);
    publish(&engine, &messages).await;
    let inbox = Arc::new(Memory::default());
    subscribe(&engine, "a.new", "thing.*", &inbox).await;
    inbox.wait_for("a.new", &messages).await;
    broker.delete().await;
}

#[tokio::test]
async fn on_nats_a_consumer_goes_on_where_it_stopped() {
    let broker = Broker::new();
    let messages = numbered(0..6);
    let inbox = Arc::new(Memory::default());
    let before = broker.connect().await;
    subscribe(&before, "a.durable", "#", &inbox).await;
    publish(&before, &messages[..3]).await;
    inbox.wait_for("a.durable", &messages[..3]).await;
    before.stop().await;
    publish(&before, &messages[3..]).await;
    let after = broker.connect().await;
    subscribe(&after, "a.durable", "#", &inbox).await;
    inbox.wait_for("a.durable", &messages).await;
    broker.delete().await;
}

#[tokio::test]
async fn on_nats_replicas_share_a_consumer_and_keep_its_order() {
    let broker = Broker::new();
    let inbox = Memory::failing_at([20, 50]);
    let replicas = [broker.connect().await, broker.connect().await];
    for replica in &replicas {
        subscribe(replica, "a.shared", "#", &inbox).await;
    }
    let messages = numbered(0..100);
    for chunk in messages.chunks(10) {
        publish(&replicas[0], chunk).await;
    }
    inbox.wait_for("a.shared", &messages).await;
    broker.delete().await;
}

#[tokio::test]
async fn on_nats_a_message_published_twice_arrives_once() {
    let broker = Broker::new();
    let engine = broker.connect().await;
    let inbox = Arc::new(Memory::default());
    subscribe(&engine, "a.once", "#", &inbox).await;
    let messages = numbered(0..3);
    publish(&engine, &messages[..2]).await;
    publish(&engine, &messages).await;
    inbox.wait_for("a.once", &messages).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    inbox.wait_for("a.once", &messages).await;
    broker.delete().await;
}

#[tokio::test]
async fn on_nats_a_listener_hears_also_what_was_said_a_moment_before() {
    let broker = Broker::new();
    let engine = broker.connect().await;
    let ended = message("session.ended", 1);
    publish(&engine, std::slice::from_ref(&ended)).await;
    let heard = Arc::new(Mutex::new(vec![]));
    let hears = heard.clone();
    let listener = Arc::new(move |message: &Message| hears.lock().push(message.clone()));
    engine.listen(Pattern::new("session.*"), listener).await.expect("listening");
    let hear = || async { heard.lock().first().cloned() };
    assert_eq!(eventually("the message to be heard", hear).await, ended);
    broker.delete().await;
}

#[tokio::test]
async fn on_nats_what_is_not_a_message_of_ours_is_passed_over() {
    let broker = Broker::new();
    let engine = broker.connect().await;
    let inbox = Arc::new(Memory::default());
    subscribe(&engine, "a.strict", "#", &inbox).await;
    let stranger = async_nats::connect(BROKER).await.expect("a connection");
    let subject = format!("{}.thing.changed", broker.config.prefix);
    stranger.publish(subject, "not JSON".into()).await.expect("published");
    stranger.flush().await.expect("flushed");
    let messages = numbered(0..1);
    publish(&engine, &messages).await;
    inbox.wait_for("a.strict", &messages).await;
    broker.delete().await;
}

#[tokio::test]
async fn on_nats_a_report_has_the_stream_and_how_far_its_consumers_are() {
    let broker = Broker::new();
    let engine = broker.connect().await;
    // Never gets beyond the second one.
    let inbox = Memory::failing_at([1; 10_000]);
    subscribe(&engine, "a.consumer", "#", &inbox).await;
    publish(&engine, &numbered(0..4)).await;
    let own = broker.config.stream_name();
    let consumer = eventually("a message that is sent again", || async {
        let report = engine.report().await.expect("a report");
        let stream = report.streams.iter().find(|stream| stream.name == own).expect("the stream");
        assert_eq!((stream.messages, stream.bytes.is_some()), (4, true));
        assert!(stream.oldest.is_some() && stream.oldest <= stream.newest, "{stream:?}");
        let found = report.consumers.into_iter().find(|consumer| consumer.stream == own);
        found.filter(|consumer| consumer.redelivered > 0)
    })
    .await;
    let counts = (consumer.waiting, consumer.unacknowledged);
    assert_eq!((consumer.name.as_str(), counts), ("a_consumer", (2, 1)));
    broker.delete().await;
}
