//! Outbox and inbox on every engine: from one service's transaction to another one's, whatever breaks on the way.

use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use database::{ATTEMPTS_MAX, Database};
use messages::{Engine, Error, Inbox, Message};
use testkit::{Backend, EngineKind, TestBroker, eventually};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::inbox::{
    CONSUMER, Fault, Handler, LATER, dead_letters, drop_letters, replay, wait_for_attempts,
    wait_for_state,
};
use crate::{Place, changed, count_things, count_waiting};

testkit::on_every_engine!(
    what_a_transaction_says_arrives_and_what_was_undone_does_not,
    a_crash_between_effect_and_acknowledgement_is_made_good,
    what_fails_too_often_becomes_a_dead_letter_that_can_be_replayed_and_dropped,
);

/// Publishes a service's messages until it is stopped.
struct Relaying {
    stopping: CancellationToken,
    running: JoinHandle<()>,
}

impl Relaying {
    fn start(database: &Database, engine: &Arc<dyn Engine>) -> Self {
        let stopping = CancellationToken::new();
        let running = tokio::spawn(database.relay(engine.clone()).run(stopping.clone()));
        Self { stopping, running }
    }

    async fn stop(self) {
        self.stopping.cancel();
        self.running.await.expect("stopped");
    }

    /// As a killed process ends: in the middle of whatever it does.
    async fn kill(self) {
        self.running.abort();
        assert!(self.running.await.expect_err("killed").is_cancelled());
    }
}

/// Says a change of `thing` in a transaction.
async fn say(database: &Database, number: i64) -> Message {
    let tx = database.begin().await.expect("a transaction");
    let message = tx.message(&changed("one", number)).expect("a message");
    tx.publish_all(std::slice::from_ref(&message)).await.expect("published");
    tx.commit().await.expect("committed");
    message
}

async fn what_a_transaction_says_arrives_and_what_was_undone_does_not(broker: &TestBroker) {
    let (here, there) = (Place::on(Backend::Sqlite).await, Place::on(Backend::Sqlite).await);
    let (publisher, consumer) = (here.things().await, there.things().await);
    let engine = broker.connect().await;
    broker.subscribe(&*engine, CONSUMER, "thing.*", Arc::new(consumer.inbox())).await;
    let (handler, relaying) = (Handler::default(), Relaying::start(&publisher, &engine));
    let worker = handler.start(&consumer);
    for number in 0..10 {
        let undone = publisher.begin().await.expect("a transaction");
        undone.publish(changed("one", 100 + number)).await.expect("published");
        drop(undone);
        say(&publisher, number).await;
    }
    wait_for_state(&consumer, "done", 10).await;
    relaying.stop().await;
    worker.stop().await;
    assert_eq!(handler.tried(), (0..10).collect::<Vec<_>>());
    assert_eq!((count_things(&consumer).await, count_waiting(&publisher).await), (10, 0));
    here.remove([publisher]).await;
    there.remove([consumer]).await;
}

/// Stores a message and does not come to saying so.
struct Crashing {
    inbox: database::Inbox,
    has_stored: AtomicBool,
}

#[async_trait]
impl Inbox for Crashing {
    async fn accept(&self, consumer: &str, message: &Message) -> Result<(), Error> {
        self.inbox.accept(consumer, message).await?;
        self.has_stored.store(true, Ordering::Release);
        future::pending().await
    }
}

/// Knows how often it was given a message.
struct Counting {
    inbox: database::Inbox,
    is_repeated: AtomicBool,
    message: Message,
}

#[async_trait]
impl Inbox for Counting {
    async fn accept(&self, consumer: &str, message: &Message) -> Result<(), Error> {
        self.inbox.accept(consumer, message).await?;
        self.is_repeated.fetch_or(*message == self.message, Ordering::AcqRel);
        Ok(())
    }
}

async fn a_crash_between_effect_and_acknowledgement_is_made_good(broker: &TestBroker) {
    let (here, there) = (Place::on(Backend::Sqlite).await, Place::on(Backend::Sqlite).await);
    let (publisher, consumer) = (here.things().await, there.things().await);
    let handler = Handler::default();
    let worker = handler.start(&consumer);

    // The first life: the message has its effect, and before anybody is told the process is killed.
    let engine = broker.connect().await;
    let crashing =
        Arc::new(Crashing { inbox: consumer.inbox(), has_stored: AtomicBool::default() });
    broker.subscribe(&*engine, CONSUMER, "thing.*", crashing.clone()).await;
    let relaying = Relaying::start(&publisher, &engine);
    let message = say(&publisher, 1).await;
    let stored = || async { crashing.has_stored.load(Ordering::Acquire).then_some(()) };
    eventually("the message to be stored", stored).await;
    wait_for_state(&consumer, "done", 1).await;
    if matches!(broker.kind(), EngineKind::Nats | EngineKind::Embedded | EngineKind::RabbitMq) {
        // The broker has it, so that it is the broker's to repeat.
        let taken = || async { (count_waiting(&publisher).await == 0).then_some(()) };
        eventually("the broker to take the message over", taken).await;
    }
    broker.cut();
    relaying.kill().await;
    engine.stop().await;
    drop(engine);

    // The second life: it comes again, and has no second effect.
    broker.restore();
    let engine = broker.connect().await;
    let counting =
        Arc::new(Counting { inbox: consumer.inbox(), is_repeated: AtomicBool::default(), message });
    broker.subscribe(&*engine, CONSUMER, "thing.*", counting.clone()).await;
    let relaying = Relaying::start(&publisher, &engine);
    let repeated = || async { counting.is_repeated.load(Ordering::Acquire).then_some(()) };
    eventually("the message to come again", repeated).await;
    say(&publisher, 2).await;
    wait_for_state(&consumer, "done", 2).await;
    relaying.stop().await;
    worker.stop().await;
    assert_eq!(handler.tried(), [1, 2]);
    assert_eq!((count_things(&consumer).await, count_waiting(&publisher).await), (2, 0));
    here.remove([publisher]).await;
    there.remove([consumer]).await;
}

async fn what_fails_too_often_becomes_a_dead_letter_that_can_be_replayed_and_dropped(
    broker: &TestBroker,
) {
    let (here, there) = (Place::on(Backend::Sqlite).await, Place::on(Backend::Sqlite).await);
    let (publisher, consumer) = (here.things().await, there.things().await);
    let engine = broker.connect().await;
    broker.subscribe(&*engine, CONSUMER, "thing.*", Arc::new(consumer.inbox())).await;
    let tries = usize::try_from(ATTEMPTS_MAX).expect("a count");
    let faults = [(1, vec![Fault::Fails; tries]), (2, vec![Fault::Fails; tries])];
    let (handler, relaying) = (Handler::with_faults(faults), Relaying::start(&publisher, &engine));
    let worker = handler.start(&consumer);
    let inbox = consumer.inbox();

    for (number, dead) in [(1, 1), (2, 2)] {
        let message = say(&publisher, number).await;
        wait_for_state(&consumer, "pending", 1).await;
        for attempt in 1..ATTEMPTS_MAX {
            wait_for_attempts(&consumer, &message, attempt).await;
            there.clock.advance(LATER);
            // What is there already only wakes the consumer.
            inbox.accept(CONSUMER, &message).await.expect("accepted");
        }
        wait_for_state(&consumer, "dead", dead).await;
    }
    let letters = dead_letters(&consumer).await;
    let told: Vec<_> = letters.iter().map(|letter| (&*letter.error, letter.attempts)).collect();
    assert_eq!(told, [("told so", ATTEMPTS_MAX); 2]);
    assert_eq!(drop_letters(&consumer, CONSUMER, Some(letters[0].message_id)).await, 1);
    assert_eq!(replay(&consumer, CONSUMER, Some(letters[1].message_id)).await, 1);
    say(&publisher, 3).await;
    wait_for_state(&consumer, "done", 3).await;
    relaying.stop().await;
    worker.stop().await;
    // The replayed one had its effect, the dropped one had none.
    assert_eq!(count_things(&consumer).await, 2);
    here.remove([publisher]).await;
    there.remove([consumer]).await;
}
