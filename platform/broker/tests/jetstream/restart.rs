//! What is there after the broker was stopped and started again.

use std::time::Duration;

use async_nats::jetstream::consumer::{PullConsumer, pull};
use serde_json::json;

use crate::support::{TestBroker, durable, fetch, next, texts};

#[tokio::test(flavor = "multi_thread")]
async fn streams_consumers_and_acknowledgements_are_still_there() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let config = pull::Config { ack_wait: Duration::from_secs(3), ..durable("c") };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    for body in ["one", "two", "three", "four"] {
        broker.publish("orders.a", body).await;
    }
    next(&consumer).await.ack().await.expect("sent");
    next(&consumer).await;
    next(&consumer).await.double_ack().await.expect("acknowledged");
    let before = broker.ask("CONSUMER.INFO.ORDERS.c", json!(null)).await;

    let broker = broker.restart().await;
    assert_eq!(broker.broker.recovered()[0].recovery.entries, 4);
    let after = broker.ask("CONSUMER.INFO.ORDERS.c", json!(null)).await;
    for field in ["config", "created", "num_ack_pending", "num_pending"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    for field in ["delivered", "ack_floor"] {
        for count in ["consumer_seq", "stream_seq"] {
            assert_eq!(after[field][count], before[field][count], "{field}");
        }
    }
    let consumer: PullConsumer =
        broker.context.get_consumer_from_stream("c", "ORDERS").await.expect("the consumer");
    assert_eq!(texts(&fetch(&consumer, 1).await), ["four"]);
    let again = next(&consumer).await;
    assert_eq!((&again.payload[..], again.info().expect("info").delivered), (&b"two"[..], 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_removed_stays_removed() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    for body in ["one", "two", "three"] {
        broker.publish("orders.a", body).await;
    }
    stream.delete_message(2).await.expect("deleted");
    stream.purge().sequence(2).await.expect("purged");
    let broker = broker.restart().await;
    let info = broker.ask("STREAM.INFO.ORDERS", json!(null)).await;
    assert_eq!((&info["state"]["messages"], &info["state"]["first_seq"]), (&json!(1), &json!(3)));
    assert_eq!(broker.publish("orders.a", "four").await, 4);
}
