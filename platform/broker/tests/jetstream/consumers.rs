//! The life of consumers: who makes them, changes them, and when they end.

use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream;
use futures::StreamExt;
use serde_json::{Value, json};

use crate::support::{TestBroker, durable, next, orders, text, until};

fn create(config: Value) -> Value {
    json!({ "stream_name": "ORDERS", "config": config })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_without_clients_is_deleted_after_its_time() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let config =
        pull::Config { inactive_threshold: Duration::from_millis(300), ..pull::Config::default() };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let name = consumer.cached_info().name.clone();
    let mut messages = consumer.messages().await.expect("messages");
    // As long as somebody waits for messages, it stays.
    for _ in 0..3 {
        tokio::time::timeout(Duration::from_millis(300), messages.next()).await.expect_err("none");
    }
    broker.publish("orders.a", "one").await;
    messages.next().await.expect("a message").expect("a message").ack().await.expect("sent");
    drop(messages);
    let request = format!("CONSUMER.INFO.ORDERS.{name}");
    until(|| async { broker.ask(&request, json!(null)).await["error"]["err_code"] == 10014 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_interest_a_consumer_takes_what_only_it_wanted_along() {
    let broker = TestBroker::start().await;
    let retention = stream::RetentionPolicy::Interest;
    let mut stream = broker.stream(stream::Config { retention, ..orders() }).await;
    let one = stream.create_consumer(durable("one")).await.expect("a consumer");
    stream.create_consumer(durable("two")).await.expect("a consumer");
    for body in ["a", "b", "c"] {
        broker.publish("orders.a", body).await;
    }
    next(&one).await.double_ack().await.expect("acknowledged");
    next(&one).await;
    stream.delete_consumer("two").await.expect("deleted");
    let state = stream.info().await.expect("info").state.clone();
    assert_eq!((state.messages, state.first_sequence), (2, 2));
    stream.delete_consumer("one").await.expect("deleted");
    assert_eq!(stream.info().await.expect("info").state.messages, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_can_rest_for_a_while() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let consumer = stream.create_consumer(durable("c")).await.expect("a consumer");
    broker.publish("orders.a", "one").await;
    let later = stdx::Clock::system().now() + Duration::from_millis(500);
    let paused = broker.ask("CONSUMER.PAUSE.ORDERS.c", json!({ "pause_until": later })).await;
    assert_eq!(paused["paused"], true);
    assert_eq!(text(&next(&consumer).await), "one");
    assert!(stdx::Clock::system().now() >= later, "too early");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_may_have_several_filters() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let config = json!({
        "name": "c", "ack_policy": "explicit", "filter_subjects": ["orders.a", "orders.b.*"],
    });
    let made = broker.ask("CONSUMER.CREATE.ORDERS.c", create(config)).await;
    assert_eq!(made["config"]["filter_subjects"], json!(["orders.a", "orders.b.*"]));
    for subject in ["orders.a", "orders.b", "orders.b.c", "orders.c"] {
        broker.publish(subject, subject).await;
    }
    let consumer = stream.get_consumer("c").await.expect("the consumer");
    assert_eq!(text(&next(&consumer).await), "orders.a");
    assert_eq!(text(&next(&consumer).await), "orders.b.c");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_say_whether_they_make_or_change_a_consumer() {
    let broker = TestBroker::start().await;
    broker.orders().await;
    let ask = async |action: &str, pending: u32| {
        let config =
            json!({ "durable_name": "c", "ack_policy": "explicit", "max_ack_pending": pending });
        let body = json!({ "stream_name": "ORDERS", "config": config, "action": action });
        let answer = broker.ask("CONSUMER.CREATE.ORDERS.c", body).await;
        match answer["error"]["err_code"].as_u64() {
            Some(number) => number,
            None => answer["config"]["max_ack_pending"].as_u64().expect("a number"),
        }
    };
    assert_eq!(ask("update", 5).await, 10149);
    assert_eq!(ask("create", 5).await, 5);
    assert_eq!(ask("create", 5).await, 5);
    assert_eq!(ask("create", 6).await, 10148);
    assert_eq!(ask("update", 6).await, 6);
    assert_eq!(ask("", 7).await, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_not_changed_below_its_consumers() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    stream.create_consumer(durable("c")).await.expect("a consumer");
    let limited = |max_ack_pending: i64| {
        json!({
            "name": "ORDERS", "subjects": ["orders.>"],
            "consumer_limits": { "max_ack_pending": max_ack_pending },
        })
    };
    let refused = broker.ask("STREAM.UPDATE.ORDERS", limited(10)).await;
    assert_eq!(refused["error"]["err_code"], 10121);
    let updated = broker.ask("STREAM.UPDATE.ORDERS", limited(1000)).await;
    assert_eq!(updated["config"]["consumer_limits"]["max_ack_pending"], 1000);
}
