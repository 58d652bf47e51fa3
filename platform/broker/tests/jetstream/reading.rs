//! Reading and removing single messages, and descriptions of streams and consumers.

use async_nats::jetstream::stream;
use serde_json::json;

use crate::support::{TestBroker, durable, orders};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_can_be_read_in_two_ways() {
    let broker = TestBroker::start().await;
    let stream = broker.stream(stream::Config { allow_direct: true, ..orders() }).await;
    broker.publish("orders.a", "one").await;
    broker.publish("orders.b", "two").await;
    let wrapped = stream.get_raw_message(2).await.expect("a message");
    assert_eq!((wrapped.subject.as_str(), &wrapped.payload[..]), ("orders.b", &b"two"[..]));
    let direct = stream.direct_get(1).await.expect("a message");
    assert_eq!((direct.subject.as_str(), &direct.payload[..]), ("orders.a", &b"one"[..]));
    let last = stream.direct_get_last_for_subject("orders.b").await.expect("a message");
    assert_eq!(last.sequence, 2);
    let next = stream.direct_get_next_for_subject("orders.b", Some(1)).await.expect("a message");
    assert_eq!(next.sequence, 2);
    assert!(stream.direct_get(3).await.is_err());
    assert!(stream.get_raw_message(3).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_can_be_deleted_and_purged() {
    let broker = TestBroker::start().await;
    let mut stream = broker.orders().await;
    for subject in ["orders.a", "orders.b", "orders.a", "orders.a"] {
        broker.publish(subject, "x").await;
    }
    assert!(stream.delete_message(2).await.expect("deleted"));
    let info = broker.ask("STREAM.INFO.ORDERS", json!({ "deleted_details": true })).await;
    assert_eq!(info["state"]["deleted"], json!([2]));
    assert_eq!(stream.purge().filter("orders.a").keep(1).await.expect("purged").purged, 2);
    let state = stream.info().await.expect("info").state.clone();
    assert_eq!((state.messages, state.first_sequence, state.last_sequence), (1, 4, 4));
    assert_eq!(stream.purge().await.expect("purged").purged, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_and_consumers_are_listed_and_deleted() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    stream.create_consumer(durable("one")).await.expect("a consumer");
    stream.create_consumer(durable("two")).await.expect("a consumer");
    let names = broker.ask("CONSUMER.NAMES.ORDERS", json!({})).await;
    assert_eq!(names["consumers"], json!(["one", "two"]));
    stream.delete_consumer("one").await.expect("deleted");
    assert!(stream.delete_consumer("one").await.is_err());
    let list = broker.ask("CONSUMER.LIST.ORDERS", json!({})).await;
    assert_eq!((&list["total"], &list["consumers"][0]["name"]), (&json!(1), &json!("two")));
    let found = broker.ask("STREAM.NAMES", json!({ "subject": "orders.x" })).await;
    assert_eq!(found["streams"], json!(["ORDERS"]));
    broker.context.delete_stream("ORDERS").await.expect("deleted");
    assert_eq!(broker.ask("STREAM.NAMES", json!({})).await["total"], 0);
    // The name and its subjects are free again, and nothing of the old one is left.
    let mut again = broker.orders().await;
    assert_eq!(again.info().await.expect("info").state.consumer_count, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_streams_keep_the_same_subject() {
    let broker = TestBroker::start().await;
    broker.orders().await;
    let other = json!({ "name": "OTHER", "subjects": ["orders.*"] });
    assert_eq!(broker.ask("STREAM.CREATE.OTHER", other).await["error"]["err_code"], 10065);
    let different = json!({ "name": "ORDERS", "subjects": ["orders.*"] });
    assert_eq!(broker.ask("STREAM.CREATE.ORDERS", different).await["error"]["err_code"], 10058);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_can_be_changed() {
    let broker = TestBroker::start().await;
    broker.orders().await;
    for _ in 0..3 {
        broker.publish("orders.a", "x").await;
    }
    let config = stream::Config {
        max_messages: 2,
        subjects: vec!["orders.>".into(), "refunds.>".into()],
        ..orders()
    };
    let info = broker.context.update_stream(config).await.expect("changed");
    assert_eq!((info.state.messages, info.config.subjects.len()), (2, 2));
    assert_eq!(broker.publish("refunds.a", "x").await, 4);
}
