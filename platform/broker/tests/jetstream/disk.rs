//! A disk that fails below a stream: what its clients are told, and that the others do not notice.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, Context, stream};
use broker::jetstream::FailedStream;
use broker::log::OpenFiles;
use broker::log::faults::FaultyFiles;
use broker::{Broker, BrokerSettings};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::support::{TestBroker, ask, connect, durable, next, orders, text, until};

/// The disks of streams, by name.
#[derive(Clone, Default)]
struct Disks(Arc<Mutex<BTreeMap<String, FaultyFiles>>>);

impl Disks {
    /// That of the stream of orders.
    fn orders(&self) -> FaultyFiles {
        self.of("ORDERS")
    }

    fn of(&self, stream: &str) -> FaultyFiles {
        self.0.lock().entry(stream.to_owned()).or_default().clone()
    }

    fn opener(&self) -> OpenFiles {
        let disks = self.clone();
        OpenFiles::new(move |folder: &Path| {
            let stream = folder.parent().and_then(Path::file_name).and_then(|name| name.to_str());
            Ok(Arc::new(disks.of(stream.expect("a stream's folder"))))
        })
    }

    async fn broker(&self) -> TestBroker {
        TestBroker::with(|settings| settings.jetstream.files = self.opener()).await
    }
}

async fn publish(context: &Context, body: &str) -> Result<u64, String> {
    let sent = context.publish("orders.a", body.to_owned().into()).await.expect("sent");
    sent.await.map(|kept| kept.sequence).map_err(|error| format!("{error:?}"))
}

async fn info(broker: &TestBroker, stream: &str) -> Value {
    broker.ask(&format!("STREAM.INFO.{stream}"), json!(null)).await
}

/// The messages of a broker that finds this disk.
async fn found(disk: FaultyFiles) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let disks = Disks::default();
    let mut settings = BrokerSettings::new(folder.path());
    settings.jetstream.files = disks.opener();
    disks.0.lock().insert("ORDERS".into(), disk);
    let broker = Broker::start(settings).await.expect("a broker");
    let client = connect(&broker).await;
    let context = jetstream::new(client.clone());
    let stream = context.create_stream(orders()).await.expect("a stream");
    let mut bodies = Vec::new();
    for seq in 1..=stream.get_info().await.expect("info").state.last_sequence {
        if let Ok(message) = stream.get_raw_message(seq).await {
            bodies.push(String::from_utf8(message.payload.to_vec()).expect("text"));
        }
    }
    let kept = publish(&context, "after").await;
    assert!(kept.is_ok(), "it does not go on: {kept:?}");
    assert!(ask(&client, "STREAM.INFO.ORDERS", json!(null)).await["failure"].is_null());
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_publications_until_there_is_room() {
    let disks = Disks::default();
    let broker = disks.broker().await;
    let consumer = broker.orders().await.create_consumer(durable("c")).await.expect("a consumer");
    assert_eq!(publish(&broker.context, "one").await, Ok(1));
    disks.orders().set_capacity(Some(0));
    // More than what the file has been extended by ahead.
    let large = "refused".repeat(10_000);
    for _ in 0..3 {
        let refused = publish(&broker.context, &large).await.expect_err("kept on a full disk");
        assert!(refused.contains("10077") && refused.contains("the disk is full"), "{refused}");
    }
    let message = next(&consumer).await;
    assert_eq!(text(&message), "one");
    message.double_ack().await.expect("acknowledged");
    let shown = info(&broker, "ORDERS").await;
    assert_eq!((&shown["state"]["messages"], &shown["failure"]), (&json!(1), &json!(null)));

    disks.orders().set_capacity(None);
    publish(&broker.context, "two").await.expect("there is room again");
    assert_eq!(text(&next(&consumer).await), "two");
    assert_eq!(broker.broker.failed_streams().await, []);
    assert_eq!(found(disks.orders().after_kill()).await, ["one", "two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failed_sync_a_stream_takes_nothing_and_says_so() {
    let disks = Disks::default();
    let broker = disks.broker().await;
    let consumer = broker.orders().await.create_consumer(durable("c")).await.expect("a consumer");
    let others = stream::Config {
        name: "OTHERS".into(),
        subjects: vec!["others.>".into()],
        ..stream::Config::default()
    };
    broker.stream(others).await;
    assert_eq!(publish(&broker.context, "one").await, Ok(1));
    disks.orders().fail_sync(1);
    // The disk works again after the first one: that is not tried.
    for _ in 0..3 {
        let refused = publish(&broker.context, "refused").await.expect_err("kept without a sync");
        assert!(refused.contains("10077") && refused.contains("the log stopped"), "{refused}");
    }
    let failure = info(&broker, "ORDERS").await["failure"].clone();
    let reason = failure.as_str().unwrap_or_default().to_owned();
    assert!(reason.contains("cannot sync"), "{failure}");
    let failed = FailedStream { stream: "ORDERS".into(), reason };
    assert_eq!(broker.broker.failed_streams().await, [failed]);

    let message = next(&consumer).await;
    assert_eq!(text(&message), "one");
    // Whether the consumer's file relies on something that is not on disk is not known any more.
    let acknowledged = tokio::time::timeout(Duration::from_millis(300), message.double_ack()).await;
    assert!(acknowledged.is_err(), "{acknowledged:?}");
    assert_eq!(broker.publish("others.a", "fine").await, 1);
    assert!(info(&broker, "OTHERS").await["failure"].is_null());
    assert!(found(disks.orders().after_power_loss(7)).await.contains(&"one".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_write_is_not_acknowledged_by_anybody_in_the_same_batch() {
    let disks = Disks::default();
    let broker = disks.broker().await;
    broker.orders().await;
    assert_eq!(publish(&broker.context, "one").await, Ok(1));
    disks.orders().hold_syncs(true);
    disks.orders().fail_sync(2);
    let mut sent = Vec::new();
    for number in 0..50 {
        let body = number.to_string();
        sent.push((
            body.clone(),
            broker.context.publish("orders.a", body.into()).await.expect("sent"),
        ));
    }
    broker.client.flush().await.expect("flushed");
    until(async || disks.orders().counts().writes >= 2).await;
    disks.orders().hold_syncs(false);
    let mut kept = vec!["one".to_owned()];
    for (body, answer) in sent {
        kept.extend(answer.await.is_ok().then_some(body));
    }
    assert!(kept.len() < 51, "nothing failed");
    let found = found(disks.orders().after_power_loss(3)).await;
    assert!(kept.iter().all(|body| found.contains(body)), "{kept:?} {found:?}");
}
