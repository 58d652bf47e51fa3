//! The broker is killed while messages are given up, listed, replayed and dropped.

use std::collections::BTreeSet;

use async_nats::jetstream::{self, AckKind, consumer::PullConsumer};
use async_nats::{Client, Message, RequestError};
use futures::StreamExt;
use serde_json::{Value, json};

use super::{SILENCE, lifetime, prepare, rounds, start};
use crate::support::until;

/// Messages of one round.
const MESSAGES: usize = 20;
/// Of more, all are dropped at once: in a long run the list would be all there is to do.
const DEAD_MAX: usize = 300;

/// What is certain, because the broker said so.
#[derive(Default)]
struct Known {
    dead: BTreeSet<u64>,
    replayed: BTreeSet<u64>,
    dropped: BTreeSet<u64>,
    replays: usize,
}

/// The broker has been killed.
struct Gone;

struct Worker {
    client: Client,
    consumer: PullConsumer,
    known: Known,
}

impl Worker {
    async fn connect(address: &str, known: Known) -> Self {
        let client = async_nats::connect(address).await.expect("a connection");
        let context = jetstream::new(client.clone());
        let consumer = context.get_consumer_from_stream("c", "ORDERS").await.expect("it is there");
        for number in 0..MESSAGES {
            let sent = context.publish("orders.a", number.to_string().into()).await.expect("sent");
            // It does not matter if a busy disk takes longer than the client waits.
            let _ = sent.await;
        }
        Self { client, consumer, known }
    }

    /// Until the broker is gone.
    async fn work(mut self) -> Known {
        while let Ok(()) = self.work_once().await {}
        self.known
    }

    async fn work_once(&mut self) -> Result<(), Gone> {
        self.check_list().await?;
        for _ in 0..3 {
            self.give_up_next().await?;
        }
        if self.known.dead.len() > DEAD_MAX {
            let mut all = std::mem::take(&mut self.known.dead);
            self.ask("DROP", json!({ "all": true })).await?;
            self.known.dropped.append(&mut all);
        }
        let mut dead = self.known.dead.iter().copied();
        let (replayed, dropped) = (dead.next(), dead.next());
        if let Some(seq) = replayed {
            // From now on it may be either.
            self.known.dead.remove(&seq);
            self.ask("REPLAY", json!({ "seq": seq })).await?;
            self.known.replayed.insert(seq);
            self.known.replays += 1;
        }
        if let Some(seq) = dropped {
            self.known.dead.remove(&seq);
            self.ask("DROP", json!({ "seq": seq })).await?;
            self.known.dropped.insert(seq);
        }
        Ok(())
    }

    async fn check_list(&mut self) -> Result<(), Gone> {
        let list = self.list().await?;
        let Known { dead, replayed, dropped, .. } = &mut self.known;
        assert!(dead.is_subset(&list), "dead letters are lost: {dead:?} {list:?}");
        assert!(replayed.is_disjoint(&list), "a replay was forgotten: {replayed:?} {list:?}");
        assert!(dropped.is_disjoint(&list), "a drop was forgotten: {dropped:?} {list:?}");
        *dead = list;
        Ok(())
    }

    async fn list(&self) -> Result<BTreeSet<u64>, Gone> {
        let mut list = BTreeSet::<u64>::new();
        loop {
            let after = list.last().copied().unwrap_or(0);
            let page = self.ask("LIST", json!({ "after": after })).await?;
            let letters = page["dead_letters"].as_array().expect("a list");
            list.extend(letters.iter().filter_map(|letter| letter["stream_seq"].as_u64()));
            if letters.is_empty() {
                return Ok(list);
            }
        }
    }

    async fn ask(&self, what: &str, body: Value) -> Result<Value, Gone> {
        let subject = format!("$JS.API.CONSUMER.DEAD.{what}.ORDERS.c");
        let asked: Result<Result<Message, RequestError>, _> =
            tokio::time::timeout(SILENCE, self.client.request(subject, body.to_string().into()))
                .await;
        let Ok(Ok(message)) = asked else { return Err(Gone) };
        let answer: Value = serde_json::from_slice(&message.payload).expect("JSON");
        assert!(answer["error"].is_null(), "{what} {body}: {answer}");
        Ok(answer)
    }

    async fn give_up_next(&mut self) -> Result<(), Gone> {
        let batch = self.consumer.fetch().max_messages(1).messages();
        let Ok(Ok(mut batch)) = tokio::time::timeout(SILENCE, batch).await else {
            return Err(Gone);
        };
        let Ok(next) = tokio::time::timeout(SILENCE, batch.next()).await else { return Err(Gone) };
        let Some(message) = next else { return Ok(()) };
        let message = message.map_err(|_| Gone)?;
        let seq = message.info().expect("info").stream_sequence;
        assert!(!self.known.dead.contains(&seq), "{seq} came although it is dead");
        assert!(!self.known.dropped.contains(&seq), "{seq} came although it was dropped");
        self.known.replayed.remove(&seq);
        let given_up = message.double_ack_with(AckKind::Term);
        let Ok(Ok(())) = tokio::time::timeout(SILENCE, given_up).await else { return Err(Gone) };
        self.known.dead.insert(seq);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_of_dead_letters_holds_after_a_crash() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut known = Known::default();
    for round in 0..rounds() {
        let (child, address) = start(folder.path());
        prepare(&address).await;
        let working = Worker::connect(&address, known).await;
        let working = tokio::spawn(working.work());
        tokio::time::sleep(lifetime(round)).await;
        drop(child);
        known = working.await.expect("worked");
    }
    assert!(known.replays > 0 && !known.dropped.is_empty(), "nothing happened");
    let (replays, dropped) = (known.replays, known.dropped.len());
    println!("{} kills, {replays} replays, {dropped} dropped", rounds());
    let (_child, address) = start(folder.path());
    let mut last = Worker::connect(&address, known).await;
    assert!(last.check_list().await.is_ok(), "no answer");
    let worker = tokio::sync::Mutex::new(&mut last);
    until(async || {
        let mut worker = worker.lock().await;
        let is_working = worker.give_up_next().await.is_ok();
        is_working && worker.known.replayed.is_empty()
    })
    .await;
}
