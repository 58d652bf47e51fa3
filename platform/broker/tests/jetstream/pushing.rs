//! Push consumers: the broker sends by itself.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, push};
use futures::StreamExt;

use crate::support::{TestBroker, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_push_consumer_sends_to_those_who_listen() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    broker.publish("orders.a", "one").await;
    let config = push::Config {
        durable_name: Some("c".into()),
        deliver_subject: "to.me".into(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_millis(200),
        idle_heartbeat: Duration::from_millis(200),
        ..push::Config::default()
    };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let mut messages = consumer.messages().await.expect("messages");
    let first = messages.next().await.expect("a message").expect("a message");
    assert_eq!(text(&first), "one");
    let again = messages.next().await.expect("a message").expect("a message");
    assert_eq!(again.info().expect("info").delivered, 2);
    again.ack().await.expect("sent");
    broker.publish("orders.a", "two").await;
    assert_eq!(text(&messages.next().await.expect("a message").expect("a message")), "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordered_push_consumer_is_asked_to_keep_up() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let config = push::OrderedConfig {
        deliver_subject: broker.client.new_inbox(),
        ..push::OrderedConfig::default()
    };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let mut messages = consumer.messages().await.expect("messages");
    let body = "x".repeat(10_000);
    for _ in 0..300 {
        broker.context.publish("orders.a", body.clone().into()).await.expect("sent");
    }
    for number in 1..=300 {
        let message = messages.next().await.expect("a message").expect("a message");
        assert_eq!(message.info().expect("info").stream_sequence, number);
    }
}
