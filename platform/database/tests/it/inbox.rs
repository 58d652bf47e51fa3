use std::collections::HashMap;
use std::sync::Arc;

use database::{
    ATTEMPTS_MAX, ConsumerStanding, Database, DeadLetter, DeadLetters, Delivery, HandlerError,
};
use jiff::SignedDuration;
use messages::{Inbox as _, Message};
use parking_lot::Mutex;
use sea_orm::prelude::Uuid;
use sea_orm::{ConnectionTrait, Statement};
use testkit::{Backend, eventually};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Changed, Place, count, count_things, insert_thing, message, on_both_databases};

pub(crate) const CONSUMER: &str = "test.insert_thing";
/// Longer than any delay between two tries.
pub(crate) const LATER: SignedDuration = SignedDuration::from_mins(10);

on_both_databases!(
    a_message_that_comes_again_is_handled_once,
    a_handler_that_fails_is_tried_again_later_and_in_the_end_no_more,
    a_handler_that_waits_for_something_away_is_tried_for_ever,
    a_failing_message_holds_back_its_subject_and_no_other,
    a_subject_with_many_waiting_messages_holds_back_no_other,
    a_handler_that_fails_after_writing_leaves_nothing,
    a_handler_that_fails_after_committing_has_done_its_work,
    a_handler_that_panics_does_not_end_the_consumer,
    a_message_that_cannot_be_read_becomes_a_dead_letter,
    a_dead_letter_can_be_replayed,
    a_dead_letter_can_be_dropped,
    all_dead_letters_of_a_consumer_are_replayed_or_dropped_at_once,
    dead_letters_are_listed_page_by_page,
    an_inbox_says_how_it_stands,
    what_was_not_handled_is_handled_after_a_restart,
);

/// What the handler is to do with a message, by its number; once for each entry.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    Fails,
    IsUnavailable,
    FailsAfterWriting,
    FailsAfterCommitting,
    Panics,
}

/// A consumer that inserts a thing for every message, and what it did so far.
#[derive(Clone, Default)]
pub(crate) struct Handler {
    tried: Arc<Mutex<Vec<i64>>>,
    faults: Arc<Mutex<HashMap<i64, Vec<Fault>>>>,
}

impl Handler {
    pub(crate) fn with_faults(faults: impl IntoIterator<Item = (i64, Vec<Fault>)>) -> Self {
        Self { tried: Arc::default(), faults: Arc::new(Mutex::new(faults.into_iter().collect())) }
    }

    async fn handle(self, delivery: Delivery<Changed>) -> Result<(), HandlerError> {
        let number = delivery.payload.number;
        self.tried.lock().push(number);
        let fault = self.faults.lock().get_mut(&number).and_then(Vec::pop);
        let failed = |is_unavailable| HandlerError { is_unavailable, reason: "told so".into() };
        match fault {
            Some(Fault::Fails) => return Err(failed(false)),
            Some(Fault::IsUnavailable) => return Err(failed(true)),
            Some(Fault::Panics) => panic!("told so"),
            _ => {}
        }
        let tx = delivery.begin().await.expect("a transaction");
        insert_thing(&tx, number).await.expect("inserted");
        if matches!(fault, Some(Fault::FailsAfterWriting)) {
            return Err(failed(false));
        }
        tx.commit().await.expect("committed");
        if fault.is_some() { Err(failed(false)) } else { Ok(()) }
    }

    pub(crate) fn tried(&self) -> Vec<i64> {
        self.tried.lock().clone()
    }

    /// Works until the returned node is stopped.
    pub(crate) fn start(&self, database: &Database) -> Worker {
        let (handler, stopping) = (self.clone(), CancellationToken::new());
        let handle = move |delivery| handler.clone().handle(delivery);
        let work = database.inbox().work(CONSUMER.into(), handle, stopping.clone());
        Worker { stopping, running: tokio::spawn(work) }
    }
}

pub(crate) struct Worker {
    stopping: CancellationToken,
    running: JoinHandle<()>,
}

impl Worker {
    pub(crate) async fn stop(self) {
        self.stopping.cancel();
        self.running.await.expect("stopped");
    }
}

/// Delivers; a message that is already there only wakes the consumer.
async fn deliver(database: &Database, messages: &[Message]) {
    for message in messages {
        database.inbox().accept(CONSUMER, message).await.expect("accepted");
    }
}

async fn count_in_state(database: &Database, state: &str) -> i64 {
    count(database, "select count(*) from inbox where state = $1", [state.into()]).await
}

pub(crate) async fn wait_for_state(database: &Database, state: &str, expected: i64) {
    let what = format!("{expected} messages to be {state}");
    eventually(&what, || async {
        (count_in_state(database, state).await == expected).then_some(())
    })
    .await;
}

/// Waits until the failed tries of `message` have been noted.
pub(crate) async fn wait_for_attempts(database: &Database, message: &Message, expected: i64) {
    let sql = "select attempts from inbox where message_id = $1";
    let noted =
        || async { (count(database, sql, [message.id.into()]).await == expected).then_some(()) };
    eventually(&format!("{expected} attempts"), noted).await;
}

async fn a_message_that_comes_again_is_handled_once(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let (handler, one) = (Handler::default(), message("one", 1));
    deliver(&database, &[one.clone(), one.clone()]).await;
    let worker = handler.start(&database);
    wait_for_state(&database, "done", 1).await;
    deliver(&database, &[one, message("one", 2)]).await;
    wait_for_state(&database, "done", 2).await;
    worker.stop().await;
    assert_eq!(handler.tried(), [1, 2]);
    assert_eq!(count_things(&database).await, 2);
    place.remove([database]).await;
}

async fn a_handler_that_fails_is_tried_again_later_and_in_the_end_no_more(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let handler = Handler::with_faults([(1, vec![Fault::Fails; 100])]);
    let worker = handler.start(&database);
    let failing = [message("one", 1)];
    deliver(&database, &failing).await;
    for attempt in 1..ATTEMPTS_MAX {
        wait_for_attempts(&database, &failing[0], attempt).await;
        // Not before its time: what is delivered after the wake-up is handled, this one is not tried.
        deliver(&database, &[message("other", 100 + attempt)]).await;
        wait_for_state(&database, "done", attempt).await;
        assert_eq!(count_in_state(&database, "dead").await, 0);
        place.clock.advance(LATER);
        deliver(&database, &failing).await;
    }
    wait_for_state(&database, "dead", 1).await;
    place.clock.advance(LATER);
    deliver(&database, &failing).await;
    deliver(&database, &[message("one", 2)]).await;
    wait_for_state(&database, "done", ATTEMPTS_MAX).await;
    worker.stop().await;
    let tries = handler.tried().into_iter().filter(|number| *number == 1).count();
    assert_eq!(i64::try_from(tries), Ok(ATTEMPTS_MAX));
    place.remove([database]).await;
}

async fn a_handler_that_waits_for_something_away_is_tried_for_ever(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let tries = 2 * ATTEMPTS_MAX;
    let faults = vec![Fault::IsUnavailable; usize::try_from(tries).expect("a count")];
    let handler = Handler::with_faults([(1, faults)]);
    let worker = handler.start(&database);
    let waiting = [message("one", 1)];
    deliver(&database, &waiting).await;
    for attempt in 1..=tries {
        wait_for_attempts(&database, &waiting[0], attempt).await;
        // Soon after it is back, work goes on: the delay does not grow to minutes.
        place.clock.advance(SignedDuration::from_secs(2));
        deliver(&database, &waiting).await;
    }
    wait_for_state(&database, "done", 1).await;
    worker.stop().await;
    assert!(dead_letters(&database).await.is_empty());
    place.remove([database]).await;
}

async fn a_failing_message_holds_back_its_subject_and_no_other(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let handler = Handler::with_faults([(1, vec![Fault::Fails])]);
    let messages = [message("one", 1), message("one", 2), message("two", 3), message("one", 4)];
    deliver(&database, &messages).await;
    let worker = handler.start(&database);
    wait_for_state(&database, "done", 1).await;
    deliver(&database, &[message("two", 5)]).await;
    wait_for_state(&database, "done", 2).await;
    assert_eq!(handler.tried(), [1, 3, 5]);
    place.clock.advance(LATER);
    deliver(&database, &messages).await;
    wait_for_state(&database, "done", 5).await;
    worker.stop().await;
    assert_eq!(handler.tried(), [1, 3, 5, 1, 2, 4]);
    place.remove([database]).await;
}

async fn a_subject_with_many_waiting_messages_holds_back_no_other(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let handler = Handler::with_faults([(0, vec![Fault::IsUnavailable])]);
    // More than are read at once.
    let waiting: Vec<_> = (0..600).map(|number| message("one", number)).collect();
    deliver(&database, &waiting).await;
    deliver(&database, &[message("two", 1000)]).await;
    let worker = handler.start(&database);
    wait_for_state(&database, "done", 1).await;
    assert_eq!(handler.tried(), [0, 1000]);
    worker.stop().await;
    place.remove([database]).await;
}

async fn a_handler_that_fails_after_writing_leaves_nothing(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let handler = Handler::with_faults([(1, vec![Fault::FailsAfterWriting])]);
    let one = [message("one", 1)];
    deliver(&database, &one).await;
    let worker = handler.start(&database);
    wait_for_attempts(&database, &one[0], 1).await;
    assert_eq!((count_things(&database).await, count_in_state(&database, "done").await), (0, 0));
    place.clock.advance(LATER);
    deliver(&database, &one).await;
    wait_for_state(&database, "done", 1).await;
    worker.stop().await;
    assert_eq!((count_things(&database).await, handler.tried()), (1, vec![1, 1]));
    place.remove([database]).await;
}

async fn a_handler_that_fails_after_committing_has_done_its_work(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let handler = Handler::with_faults([(1, vec![Fault::FailsAfterCommitting])]);
    deliver(&database, &[message("one", 1)]).await;
    let worker = handler.start(&database);
    wait_for_state(&database, "done", 1).await;
    place.clock.advance(LATER);
    deliver(&database, &[message("one", 2)]).await;
    wait_for_state(&database, "done", 2).await;
    worker.stop().await;
    assert_eq!(handler.tried(), [1, 2]);
    place.remove([database]).await;
}

async fn a_handler_that_panics_does_not_end_the_consumer(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let handler = Handler::with_faults([(1, vec![Fault::Panics])]);
    let messages = [message("one", 1), message("two", 2)];
    deliver(&database, &messages).await;
    let worker = handler.start(&database);
    wait_for_state(&database, "done", 1).await;
    place.clock.advance(LATER);
    deliver(&database, &messages).await;
    wait_for_state(&database, "done", 2).await;
    worker.stop().await;
    assert_eq!(handler.tried(), [1, 2, 1]);
    place.remove([database]).await;
}

async fn a_message_that_cannot_be_read_becomes_a_dead_letter(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let handler = Handler::default();
    let unreadable = [Message { data: "not a change".into(), ..message("one", 1) }];
    deliver(&database, &unreadable).await;
    let worker = handler.start(&database);
    for attempt in 1..ATTEMPTS_MAX {
        wait_for_attempts(&database, &unreadable[0], attempt).await;
        place.clock.advance(LATER);
        deliver(&database, &unreadable).await;
    }
    wait_for_state(&database, "dead", 1).await;
    worker.stop().await;
    assert!(handler.tried().is_empty());
    place.remove([database]).await;
}

/// A message that has been given up.
async fn dead_letter(place: &Place, database: &Database) -> Message {
    let tries = usize::try_from(ATTEMPTS_MAX).expect("a count");
    let handler = Handler::with_faults([(1, vec![Fault::Fails; tries])]);
    let failing = [message("one", 1)];
    deliver(database, &failing).await;
    let worker = handler.start(database);
    for attempt in 1..ATTEMPTS_MAX {
        wait_for_attempts(database, &failing[0], attempt).await;
        place.clock.advance(LATER);
        deliver(database, &failing).await;
    }
    wait_for_state(database, "dead", 1).await;
    worker.stop().await;
    let [message] = failing;
    message
}

/// Makes messages dead letters, with this error, as if they had been tried long enough.
async fn give_up(database: &Database, consumer: &str, messages: &[Message]) {
    for message in messages {
        database.inbox().accept(consumer, message).await.expect("accepted");
    }
    let sql =
        "update inbox set state = 'dead', attempts = 12, error = 'told so' where consumer = $1";
    let tx = database.begin().await.expect("a transaction");
    let backend = tx.get_database_backend();
    let statement = Statement::from_sql_and_values(backend, sql, [consumer.into()]);
    tx.execute_raw(statement).await.expect("given up");
    tx.commit().await.expect("committed");
}

pub async fn dead_letters(database: &Database) -> Vec<DeadLetter> {
    let all = DeadLetters { limit: 1000, ..DeadLetters::default() };
    database.inbox().dead_letters(&all).await.expect("a list").letters
}

pub async fn replay(database: &Database, consumer: &str, message_id: Option<Uuid>) -> u64 {
    let tx = database.begin().await.expect("a transaction");
    let count = tx.replay_dead_letters(consumer, message_id).await.expect("replayed");
    tx.commit().await.expect("committed");
    count
}

pub async fn drop_letters(database: &Database, consumer: &str, message_id: Option<Uuid>) -> u64 {
    let tx = database.begin().await.expect("a transaction");
    let count = tx.drop_dead_letters(consumer, message_id).await.expect("dropped");
    tx.commit().await.expect("committed");
    count
}

async fn a_dead_letter_can_be_replayed(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let received_at = place.clock.now().as_millisecond();
    let dead = dead_letter(&place, &database).await;
    let letters = dead_letters(&database).await;
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    let envelope: serde_json::Value = serde_json::from_str(&letter.envelope).expect("JSON");
    assert_eq!(envelope, serde_json::to_value(&dead).expect("JSON"));
    let expected = DeadLetter {
        consumer: CONSUMER.into(),
        message_id: dead.id,
        subject: "one".into(),
        envelope: letter.envelope.clone(),
        error: "told so".into(),
        attempts: ATTEMPTS_MAX,
        received_at,
        tried_at: place.clock.now().as_millisecond(),
    };
    assert_eq!(*letter, expected);
    let handler = Handler::default();
    let worker = handler.start(&database);
    assert_eq!(replay(&database, "another.consumer", Some(dead.id)).await, 0);
    assert_eq!(replay(&database, CONSUMER, Some(dead.id)).await, 1);
    wait_for_state(&database, "done", 1).await;
    assert_eq!(replay(&database, CONSUMER, Some(dead.id)).await, 0, "it is none any more");
    worker.stop().await;
    assert_eq!(count_things(&database).await, 1);
    place.remove([database]).await;
}

async fn a_dead_letter_can_be_dropped(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let dead = dead_letter(&place, &database).await;
    assert_eq!(drop_letters(&database, CONSUMER, Some(dead.id)).await, 1);
    assert_eq!(drop_letters(&database, CONSUMER, Some(dead.id)).await, 0);
    assert_eq!(replay(&database, CONSUMER, Some(dead.id)).await, 0);
    assert!(dead_letters(&database).await.is_empty());
    let kept = count(&database, "select count(*) from inbox where envelope <> ''", []).await;
    assert_eq!(kept, 0, "what it said is gone");
    // Also when the broker sends it once more.
    let handler = Handler::default();
    let worker = handler.start(&database);
    deliver(&database, &[dead, message("one", 2)]).await;
    wait_for_state(&database, "done", 2).await;
    worker.stop().await;
    assert_eq!(handler.tried(), [2]);
    place.remove([database]).await;
}

async fn all_dead_letters_of_a_consumer_are_replayed_or_dropped_at_once(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    for consumer in ["test.one", "test.other"] {
        let messages = [message("one", 1), message("two", 2), message("three", 3)];
        give_up(&database, consumer, &messages).await;
    }
    assert_eq!(replay(&database, "test.one", None).await, 3);
    assert_eq!(replay(&database, "test.one", None).await, 0);
    assert_eq!(drop_letters(&database, "test.other", None).await, 3);
    assert!(dead_letters(&database).await.is_empty());
    let counts =
        [count_in_state(&database, "pending").await, count_in_state(&database, "done").await];
    assert_eq!(counts, [3, 3]);
    place.remove([database]).await;
}

async fn dead_letters_are_listed_page_by_page(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    for consumer in ["test.b", "test.a", "test.c"] {
        let messages = [message("one", 1), message("two", 2), message("three", 3)];
        give_up(&database, consumer, &messages).await;
    }
    let inbox = database.inbox();
    let mut wanted = DeadLetters { limit: 2, ..DeadLetters::default() };
    let mut read: Vec<(String, Uuid)> = vec![];
    loop {
        let page = inbox.dead_letters(&wanted).await.expect("a page");
        assert!(page.letters.len() <= 2);
        read.extend(page.letters.into_iter().map(|letter| (letter.consumer, letter.message_id)));
        if !page.has_more {
            break;
        }
        wanted.after = read.last().cloned();
    }
    let mut ordered = read.clone();
    ordered.sort();
    ordered.dedup();
    assert_eq!((read.len(), &read), (9, &ordered));

    let consumer = Some("test.b".to_owned());
    let only = DeadLetters { consumer, after: Some(read[3].clone()), limit: 5 };
    let page = inbox.dead_letters(&only).await.expect("a page");
    let ids: Vec<Uuid> = page.letters.iter().map(|letter| letter.message_id).collect();
    assert_eq!((ids, page.has_more), (vec![read[4].1, read[5].1], false));
    place.remove([database]).await;
}

async fn an_inbox_says_how_it_stands(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    assert!(database.inbox().standing().await.expect("a standing").is_empty());
    let first = place.clock.now().as_millisecond();
    let handler = Handler::with_faults([(1, vec![Fault::Fails])]);
    let failing = message("one", 1);
    deliver(&database, std::slice::from_ref(&failing)).await;
    place.clock.advance(SignedDuration::from_secs(1));
    deliver(&database, &[message("one", 2), message("two", 3)]).await;
    give_up(&database, "test.unused", &[message("one", 1), message("one", 2)]).await;
    let worker = handler.start(&database);
    wait_for_attempts(&database, &failing, 1).await;
    wait_for_state(&database, "done", 1).await;
    worker.stop().await;
    let idle = ConsumerStanding::default();
    let expected = [
        ConsumerStanding {
            name: CONSUMER.into(),
            waiting: 2,
            retrying: 1,
            oldest_at: Some(first),
            ..idle.clone()
        },
        ConsumerStanding { name: "test.unused".into(), dead_letters: 2, ..idle },
    ];
    assert_eq!(database.inbox().standing().await.expect("a standing"), expected);
    place.remove([database]).await;
}

async fn what_was_not_handled_is_handled_after_a_restart(backend: Backend) {
    let place = Place::on(backend).await;
    let before = place.things().await;
    deliver(&before, &[message("one", 1), message("one", 2)]).await;
    before.close().await.expect("closed");
    let after = place.things().await;
    let handler = Handler::default();
    let worker = handler.start(&after);
    wait_for_state(&after, "done", 2).await;
    worker.stop().await;
    assert_eq!(handler.tried(), [1, 2]);
    place.remove([after]).await;
}

#[tokio::test]
async fn two_replicas_handle_every_message_once_and_in_order() {
    let place = Place::on(Backend::Postgres).await;
    let replicas = [place.things().await, place.things().await];
    let handler = Handler::default();
    let workers = replicas.each_ref().map(|replica| handler.start(replica));
    for number in 0..100 {
        let to = &replicas[usize::from(number % 2 == 0)];
        deliver(to, &[message("one", number)]).await;
    }
    wait_for_state(&replicas[0], "done", 100).await;
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(handler.tried(), (0..100).collect::<Vec<_>>());
    place.remove(replicas).await;
}
