//! How fast it is; run by hand, in a release build.

use std::time::Instant;

use futures::StreamExt;

use crate::support::{TestBroker, durable};

const MESSAGES: usize = 100_000;
/// How many publications are on their way at a time.
const ON_THE_WAY: usize = 1000;

#[ignore = "a measurement"]
#[tokio::test(flavor = "multi_thread")]
async fn messages_are_kept_and_delivered_fast() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let body: bytes::Bytes = vec![b'x'; 256].into();
    let start = Instant::now();
    let context = &broker.context;
    let publications = futures::stream::iter(0..MESSAGES).map(|_| {
        let body = body.clone();
        async move { context.publish("orders.a", body).await.expect("sent").await.expect("kept") }
    });
    publications.buffer_unordered(ON_THE_WAY).for_each(|_| async {}).await;
    report("published", MESSAGES, start);

    let consumer = stream.create_consumer(durable("c")).await.expect("a consumer");
    let start = Instant::now();
    let mut messages = consumer.messages().await.expect("messages").take(MESSAGES);
    while let Some(message) = messages.next().await {
        message.expect("a message").ack().await.expect("sent");
    }
    report("received and acknowledged", MESSAGES, start);

    let start = Instant::now();
    for _ in 0..5000 {
        broker.publish("orders.a", "x").await;
    }
    report("published one after the other", 5000, start);
}

fn report(what: &str, count: usize, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    println!("{what}: {:.0} a second", count as f64 / seconds);
}
