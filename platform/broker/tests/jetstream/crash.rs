//! The broker is killed while messages are published and acknowledged, `BROKER_CRASH_ROUNDS` times or a few.

mod dead;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer::{PullConsumer, pull};
use broker::{Broker, BrokerSettings};
use futures::StreamExt;

use crate::support::{PATIENCE, durable, orders, read_all, text};

/// How often the broker is killed when the environment does not say.
const ROUNDS: usize = 4;
/// A broker that says nothing for so long is gone.
const SILENCE: Duration = Duration::from_millis(700);
/// Between two groups of publications, so that a long run does not spend its time on reading them again.
const PUBLISH_PAUSE: Duration = Duration::from_millis(3);
/// What the child says before its address.
const LISTENING: &str = "listening on ";

/// No test: the other process, which reads a folder and says its address.
#[ignore = "run by the test that kills it"]
#[tokio::test(flavor = "multi_thread")]
async fn serves_until_it_is_killed() {
    let mut folder = String::new();
    std::io::stdin().read_line(&mut folder).expect("a folder");
    let broker = Broker::start(BrokerSettings::new(folder.trim())).await.expect("a broker");
    println!("\n{LISTENING}{}", broker.address());
    std::future::pending::<()>().await;
}

/// The other process, ended with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[allow(clippy::disallowed_methods, reason = "a test has no settings")]
fn rounds() -> usize {
    let given = std::env::var("BROKER_CRASH_ROUNDS").ok();
    given.map_or(ROUNDS, |given| given.parse().expect("BROKER_CRASH_ROUNDS is a number"))
}

/// How long the broker may live: between starting up and a quarter of a second of work.
fn lifetime(round: usize) -> Duration {
    Duration::from_millis(150 + (round * 137 % 400) as u64)
}

/// Starts the other process and says where it listens.
fn start(folder: &Path) -> (Process, String) {
    let program = std::env::current_exe().expect("this program");
    let mut child = Command::new(program)
        .args(["--ignored", "--exact", "crash::serves_until_it_is_killed", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let mut input = child.stdin.take().expect("its input");
    writeln!(input, "{}", folder.display()).expect("written");
    let output = BufReader::new(child.stdout.take().expect("its output"));
    let mut lines = output.lines().map(|line| line.expect("a line"));
    let address = lines.find_map(|line| line.strip_prefix(LISTENING).map(str::to_owned));
    (Process(child), address.expect("an address"))
}

/// Publishes until the broker is gone, and says what was acknowledged.
async fn publish(address: &str, round: usize) -> BTreeMap<u64, String> {
    let mut kept = BTreeMap::new();
    // On a busy machine it is killed before anybody has connected.
    let Ok(client) = async_nats::connect(address).await else { return kept };
    let context = jetstream::new(client);
    for number in 0.. {
        let body = format!("{round}-{number}");
        let mut sent = Vec::new();
        tokio::time::sleep(PUBLISH_PAUSE).await;
        for part in 0..20 {
            let body = format!("{body}-{part}");
            match context.publish("orders.a", body.clone().into()).await {
                Ok(acknowledgement) => sent.push((body, acknowledgement)),
                Err(_) => return kept,
            }
        }
        for (body, acknowledgement) in sent {
            let answer = tokio::time::timeout(SILENCE, acknowledgement.into_future());
            match answer.await {
                Ok(Ok(answer)) => drop(kept.insert(answer.sequence, body)),
                _ => return kept,
            }
        }
    }
    kept
}

/// What became of the acknowledgements.
#[derive(Default)]
struct Settled {
    confirmed: BTreeSet<u64>,
    /// Sent, and the broker was killed before it answered: they may be on disk or not.
    in_doubt: BTreeSet<u64>,
}

async fn receive(address: &str) -> Option<pull::Stream> {
    let context = jetstream::new(async_nats::connect(address).await.ok()?);
    let found = tokio::time::timeout(SILENCE, context.get_consumer_from_stream("c", "ORDERS"));
    let consumer: PullConsumer = found.await.ok()?.ok()?;
    consumer.messages().await.ok()
}

/// Acknowledges until the broker is gone.
async fn settle(address: &str, mut settled: Settled) -> Settled {
    let Some(mut messages) = receive(address).await else { return settled };
    while let Ok(Some(Ok(message))) = tokio::time::timeout(SILENCE, messages.next()).await {
        let sequence = message.info().expect("info").stream_sequence;
        assert!(!settled.confirmed.contains(&sequence), "{} came again", text(&message));
        match tokio::time::timeout(SILENCE, message.double_ack()).await {
            Ok(Ok(())) => drop(settled.confirmed.insert(sequence)),
            _ => {
                settled.in_doubt.insert(sequence);
                break;
            }
        }
    }
    settled
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_acknowledged_is_lost_in_a_crash() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut kept = BTreeMap::new();
    let mut settled = Settled::default();
    for round in 0..rounds() {
        let (child, address) = start(folder.path());
        prepare(&address).await;
        let publishing = tokio::spawn({
            let address = address.clone();
            async move { publish(&address, round).await }
        });
        let settling = tokio::spawn(async move { settle(&address, settled).await });
        tokio::time::sleep(lifetime(round)).await;
        drop(child);
        kept.append(&mut publishing.await.expect("published"));
        settled = settling.await.expect("settled");
    }
    assert!(kept.len() > 20 && !settled.confirmed.is_empty(), "nothing happened");
    let (published, acknowledged) = (kept.len(), settled.confirmed.len());
    println!("{} kills, {published} published, {acknowledged} acknowledged", rounds());
    check(folder.path(), &kept, &settled).await;
}

async fn prepare(address: &str) {
    let client = async_nats::connect(address).await.expect("a connection");
    let stream = jetstream::new(client).get_or_create_stream(orders()).await.expect("a stream");
    let config =
        pull::Config { ack_wait: Duration::from_secs(1), max_ack_pending: -1, ..durable("c") };
    stream.get_or_create_consumer("c", config).await.expect("a consumer");
}

/// By another client, with what the publisher and the receiver wrote down.
async fn check(folder: &Path, kept: &BTreeMap<u64, String>, settled: &Settled) {
    let broker = Broker::start(BrokerSettings::new(folder)).await.expect("a broker");
    let context = jetstream::new(crate::support::connect(&broker).await);
    let found = read_all(&context).await;
    for (sequence, body) in kept {
        assert_eq!(found.get(sequence), Some(body), "{sequence} was acknowledged");
    }
    // Published one after the other on one connection, none twice.
    let order: Vec<Vec<u64>> = found.values().map(|body| numbers(body)).collect();
    assert!(order.is_sorted_by(|one, next| one < next), "the order is not that of the publisher");
    let consumer: PullConsumer =
        context.get_consumer_from_stream("c", "ORDERS").await.expect("the consumer");
    let is_open = |it: &u64| !settled.confirmed.contains(it) && !settled.in_doubt.contains(it);
    let mut open: BTreeSet<u64> = kept.keys().copied().filter(is_open).collect();
    let mut messages = consumer.messages().await.expect("messages");
    while !open.is_empty() {
        let next = tokio::time::timeout(PATIENCE, messages.next()).await;
        let next = next.unwrap_or_else(|_| panic!("these never came: {open:?}"));
        let message = next.expect("a message").expect("a message");
        let sequence = message.info().expect("info").stream_sequence;
        assert!(!settled.confirmed.contains(&sequence), "{} came again", text(&message));
        open.remove(&sequence);
        message.ack().await.expect("sent");
    }
}

fn numbers(body: &str) -> Vec<u64> {
    body.split('-').map(|number| number.parse().expect("a number")).collect()
}
