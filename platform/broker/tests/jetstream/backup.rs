//! A copy that is made while the broker writes is one that a broker can start on, with all that was acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_nats::jetstream::Context;
use broker::jetstream::backup;
use broker::{Broker, BrokerSettings};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::{connect, durable, next, text, until};

/// Files are sealed all the time.
const SEGMENT_BYTES: u64 = 32 * 1024;
const COPIES: usize = 12;
/// Between two copies.
const PUBLISHED_BETWEEN: u64 = 150;

/// Publishes one after the other, and counts what was acknowledged.
fn publish_until(
    stopping: CancellationToken,
    context: Context,
    acknowledged: Arc<AtomicU64>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        while !stopping.is_cancelled() {
            let number = acknowledged.load(Ordering::Acquire) + 1;
            let body = format!("{number:0>300}");
            let sent = context.publish("orders.a", body.into()).await.expect("sent");
            assert_eq!(sent.await.expect("kept").sequence, number);
            acknowledged.store(number, Ordering::Release);
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_made_under_way_has_all_that_was_acknowledged_before_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = BrokerSettings::new(folder.path());
    settings.jetstream.log.segment_bytes = SEGMENT_BYTES;
    let broker = Broker::start(settings).await.expect("a broker");
    let context = async_nats::jetstream::new(connect(&broker).await);
    let stream = context.create_stream(crate::support::orders()).await.expect("a stream");
    let consumer = stream.create_consumer(durable("packer")).await.expect("a consumer");
    let (stopping, acknowledged) = (CancellationToken::new(), Arc::new(AtomicU64::new(0)));
    let publisher = publish_until(stopping.clone(), context, acknowledged.clone());
    for round in 1..=COPIES as u64 {
        until(|| async { acknowledged.load(Ordering::Acquire) >= round * PUBLISHED_BETWEEN }).await;
        next(&consumer).await.double_ack().await.expect("acknowledged");
        let before = acknowledged.load(Ordering::Acquire);
        let copy = tempfile::tempdir().expect("a folder");
        assert_eq!(backup::copy(folder.path(), copy.path()).expect("a copy"), ["ORDERS"]);
        check(copy, before, round).await;
    }
    stopping.cancel();
    publisher.await.expect("published");
    broker.stop().await;
}

/// Everything up to `before` is there, in order, and the consumer goes on where it was or a little before.
async fn check(copy: tempfile::TempDir, before: u64, delivered: u64) {
    let broker = Broker::start(BrokerSettings::new(copy.path())).await.expect("a broker");
    let context = async_nats::jetstream::new(connect(&broker).await);
    let stream = context.get_stream("ORDERS").await.expect("the stream");
    let state = stream.get_info().await.expect("answered").state;
    assert!(state.last_sequence >= before, "{} of {before}", state.last_sequence);
    assert_eq!((state.first_sequence, state.messages), (1, state.last_sequence));
    let last = stream.get_raw_message(before).await.expect("the last one");
    assert_eq!(last.payload, format!("{before:0>300}"));
    let consumer = stream.get_consumer("packer").await.expect("the consumer");
    let message = next(&consumer).await;
    let number: u64 = text(&message).parse().expect("a number");
    assert!((1..=delivered + 1).contains(&number), "{number} after {delivered}");
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_deleted_meanwhile_is_whole_in_the_copy_or_not_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start(BrokerSettings::new(folder.path())).await.expect("a broker");
    let context = async_nats::jetstream::new(connect(&broker).await);
    let stopping = CancellationToken::new();
    let maker = tokio::spawn(make_and_delete_until(stopping.clone(), context));
    let mut copied = 0;
    for _ in 0..30 {
        let copy = tempfile::tempdir().expect("a folder");
        let names = backup::copy(folder.path(), copy.path()).expect("a copy");
        let there = std::fs::read_dir(copy.path().join("streams")).expect("listed").count();
        assert_eq!(names.len(), there, "nothing is left of one that is gone");
        let restored = Broker::start(BrokerSettings::new(copy.path())).await.expect("a broker");
        for found in restored.recovered() {
            assert_eq!((&found.recovery.torn, found.recovery.damaged.len()), (&None, 0));
            copied += 1;
        }
        restored.stop().await;
    }
    stopping.cancel();
    maker.await.expect("made and deleted");
    assert!(copied > 0, "none was there when a copy was made");
    broker.stop().await;
}

async fn make_and_delete_until(stopping: CancellationToken, context: Context) {
    while !stopping.is_cancelled() {
        let stream = context.create_stream(crate::support::orders()).await.expect("a stream");
        stream.create_consumer(durable("packer")).await.expect("a consumer");
        for _ in 0..20 {
            let sent = context.publish("orders.a", "x".into()).await.expect("sent");
            sent.await.expect("kept");
        }
        context.delete_stream("ORDERS").await.expect("deleted");
    }
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let (from, to) =
        (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    std::fs::create_dir_all(to.path().join("streams/OTHER")).expect("made");
    let refused = backup::copy(from.path(), to.path()).expect_err("refused");
    assert_eq!(refused.kind(), std::io::ErrorKind::DirectoryNotEmpty);
}
