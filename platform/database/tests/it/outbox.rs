use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use database::{Database, OutboxStanding};
use messages::{Engine, Error, Listener, Message, Pattern, Report, Subscription};
use parking_lot::Mutex;
use testkit::{Backend, eventually};
use tokio_util::sync::CancellationToken;

use crate::{Place, changed, count_waiting, on_both_databases};

on_both_databases!(
    messages_are_published_in_the_order_they_were_written,
    a_broker_that_is_away_gets_the_messages_when_it_is_back,
    a_crash_between_publishing_and_forgetting_publishes_again,
    what_nobody_wants_is_forgotten,
    an_outbox_says_how_it_stands,
);

/// How a [`Script`] answers one call.
#[derive(Clone, Copy)]
enum Outcome {
    Refused,
    /// The messages are taken, and the publisher does not hear of it.
    TakenUnheard,
}

/// An engine that answers as it is told, and then well.
#[derive(Default)]
struct Script {
    outcomes: Mutex<Vec<Outcome>>,
    taken: Mutex<Vec<Message>>,
}

impl Script {
    fn of(outcomes: &[Outcome]) -> Arc<Self> {
        Arc::new(Self { outcomes: Mutex::new(outcomes.to_vec()), taken: Mutex::default() })
    }

    fn numbers(&self) -> Vec<i64> {
        let number = |message: &Message| message.data["number"].as_i64().expect("a number");
        self.taken.lock().iter().map(number).collect()
    }
}

#[async_trait]
impl Engine for Script {
    async fn publish(&self, messages: &[Message]) -> Result<(), Error> {
        let outcome = self.outcomes.lock().pop();
        // Long enough for another relay to come between, if it could.
        tokio::time::sleep(Duration::from_millis(1)).await;
        if !matches!(outcome, Some(Outcome::Refused)) {
            self.taken.lock().extend_from_slice(messages);
        }
        outcome.map_or(Ok(()), |_| Err(Error::Broker("away".into())))
    }

    async fn subscribe(&self, _: Subscription) -> Result<(), Error> {
        Ok(())
    }

    async fn listen(&self, _: Pattern, _: Listener) -> Result<(), Error> {
        Ok(())
    }

    fn wants(&self, kind: &str) -> bool {
        kind != "thing.ignored"
    }

    fn ready(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn report(&self) -> Result<Report, Error> {
        Ok(Report::default())
    }

    async fn stop(&self) {}
}

async fn write(database: &Database, numbers: std::ops::Range<i64>) {
    let tx = database.begin().await.expect("a transaction");
    let messages: Vec<_> =
        numbers.map(|number| tx.message(&changed("one", number)).expect("a message")).collect();
    tx.publish_all(&messages).await.expect("published");
    tx.commit().await.expect("committed");
}

async fn messages_are_published_in_the_order_they_were_written(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    // More than one batch, and more than fits into one statement.
    write(&database, 0..6000).await;
    for number in 6000..6010 {
        write(&database, number..number + 1).await;
    }
    let engine = Script::of(&[]);
    database.relay(engine.clone()).empty().await.expect("an empty outbox");
    assert!(engine.numbers().into_iter().eq(0..6010));
    assert_eq!(count_waiting(&database).await, 0);
    place.remove([database]).await;
}

async fn a_broker_that_is_away_gets_the_messages_when_it_is_back(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    write(&database, 0..3).await;
    let engine = Script::of(&[Outcome::Refused; 4]);
    let relay = database.relay(engine.clone());
    assert!(relay.empty().await.is_err());
    assert_eq!(count_waiting(&database).await, 3);
    let stopping = CancellationToken::new();
    let running = tokio::spawn(relay.run(stopping.clone()));
    let taken = || async { (!engine.numbers().is_empty()).then_some(()) };
    eventually("the messages to be taken", taken).await;
    write(&database, 3..5).await;
    let forgotten = || async { (count_waiting(&database).await == 0).then_some(()) };
    eventually("an empty outbox", forgotten).await;
    assert_eq!(engine.numbers(), [0, 1, 2, 3, 4]);
    stopping.cancel();
    running.await.expect("stopped");
    place.remove([database]).await;
}

async fn a_crash_between_publishing_and_forgetting_publishes_again(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    write(&database, 0..2).await;
    let engine = Script::of(&[Outcome::TakenUnheard]);
    assert!(database.relay(engine.clone()).empty().await.is_err());
    // As after a restart: another relay, on another connection.
    let again = place.things().await;
    again.relay(engine.clone()).empty().await.expect("an empty outbox");
    assert_eq!(engine.numbers(), [0, 1, 0, 1]);
    let ids: Vec<_> = engine.taken.lock().iter().map(|message| message.id).collect();
    assert_eq!(ids[..2], ids[2..], "the same messages, so that an inbox knows them");
    place.remove([database, again]).await;
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Ignored;

impl messages::Payload for Ignored {
    const TYPE: &'static str = "thing.ignored";

    fn subject(&self) -> String {
        "one".into()
    }
}

async fn what_nobody_wants_is_forgotten(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let tx = database.begin().await.expect("a transaction");
    tx.publish(Ignored).await.expect("published");
    tx.publish(changed("one", 1)).await.expect("published");
    tx.commit().await.expect("committed");
    let engine = Script::of(&[]);
    database.relay(engine.clone()).empty().await.expect("an empty outbox");
    assert_eq!((engine.numbers(), count_waiting(&database).await), (vec![1], 0));
    place.remove([database]).await;
}

async fn an_outbox_says_how_it_stands(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let standing = || async { database.outbox_standing().await.expect("a standing") };
    assert_eq!(standing().await, OutboxStanding::default());
    // The time in an id is the machine's.
    let before = testkit::now().as_millisecond();
    write(&database, 0..3).await;
    let OutboxStanding { waiting, oldest_at } = standing().await;
    let written = before..=testkit::now().as_millisecond();
    assert!(oldest_at.is_some_and(|at| written.contains(&at)), "{oldest_at:?} in {written:?}");
    assert_eq!(waiting, 3);
    database.relay(Script::of(&[])).empty().await.expect("an empty outbox");
    assert_eq!(standing().await, OutboxStanding::default());
    place.remove([database]).await;
}

#[tokio::test]
async fn two_replicas_do_not_mix_up_the_order() {
    let place = Place::on(Backend::Postgres).await;
    let replicas = [place.things().await, place.things().await];
    let (engine, stopping) = (Script::of(&[]), CancellationToken::new());
    let running = replicas
        .each_ref()
        .map(|replica| tokio::spawn(replica.relay(engine.clone()).run(stopping.clone())));
    for number in 0..200 {
        write(&replicas[usize::from(number % 2 == 0)], number..number + 1).await;
    }
    let all = || async { (count_waiting(&replicas[0]).await == 0).then_some(()) };
    eventually("an empty outbox", all).await;
    stopping.cancel();
    for relay in running {
        relay.await.expect("stopped");
    }
    assert_eq!(engine.numbers(), (0..200).collect::<Vec<_>>());
    place.remove(replicas).await;
}
