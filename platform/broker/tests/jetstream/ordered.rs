//! The ordered consumer of the client library: it makes a new one whenever something is missing.

use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use futures::StreamExt;

use crate::support::{PATIENCE, TestBroker, ago, text};

#[tokio::test(flavor = "multi_thread")]
async fn an_ordered_consumer_goes_on_across_a_restart() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    broker.publish("orders.a", "before").await;
    let start = ago(Duration::from_secs(60));
    let config = pull::OrderedConfig {
        filter_subject: "orders.>".into(),
        deliver_policy: DeliverPolicy::ByStartTime { start_time: start },
        ..pull::OrderedConfig::default()
    };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let mut messages = consumer.messages().await.expect("messages");
    let mut next = async || {
        let next = tokio::time::timeout(PATIENCE, messages.next()).await.expect("in time");
        text(&next.expect("a message").expect("a message"))
    };
    assert_eq!(next().await, "before");
    broker.publish("orders.a", "while it runs").await;
    assert_eq!(next().await, "while it runs");
    let broker = broker.replace().await;
    broker.publish("orders.a", "after the restart").await;
    assert_eq!(next().await, "after the restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordered_consumer_sees_everything_in_order() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let config = pull::OrderedConfig::default();
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let mut messages = consumer.messages().await.expect("messages");
    for number in 0..1000 {
        broker.context.publish("orders.a", number.to_string().into()).await.expect("sent");
    }
    for number in 0..1000 {
        let message = messages.next().await.expect("a message").expect("a message");
        assert_eq!(text(&message), number.to_string());
    }
}
