//! Messages that say themselves how long they live.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::support::{TestBroker, durable, fetch, orders, texts, until};

/// The stream of orders where messages may end; made or changed.
async fn mortal(broker: &TestBroker, what: &str, max_age: Duration) {
    let config = json!({
        "name": "ORDERS", "subjects": ["orders.>"], "allow_msg_ttl": true,
        "max_age": max_age.as_nanos() as u64,
    });
    let view = broker.ask(&format!("STREAM.{what}.ORDERS"), config).await;
    assert_eq!(view["config"]["allow_msg_ttl"], true, "{view}");
}

async fn messages(broker: &TestBroker) -> u64 {
    let info = broker.ask("STREAM.INFO.ORDERS", json!(null)).await;
    info["state"]["messages"].as_u64().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_leaves_when_its_time_is_over() {
    let broker = TestBroker::start().await;
    mortal(&broker, "CREATE", Duration::ZERO).await;
    let stream = broker.context.get_stream("ORDERS").await.expect("the stream");
    let consumer = stream.create_consumer(durable("c")).await.expect("a consumer");
    let begun = Instant::now();
    broker.publish_raw("orders.a", &[("Nats-TTL", "1s")]).await;
    broker.publish_raw("orders.a", &[("Nats-TTL", "3600")]).await;
    broker.publish_raw("orders.a", &[("Nats-TTL", "never")]).await;
    broker.publish("orders.a", "stays").await;
    assert_eq!(messages(&broker).await, 4);
    until(async || messages(&broker).await == 3).await;
    assert!(begun.elapsed() >= Duration::from_secs(1), "it left too early");
    assert_eq!(texts(&fetch(&consumer, 4).await), ["x", "x", "stays"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_goes_on_while_the_broker_is_down() {
    let broker = TestBroker::start().await;
    mortal(&broker, "CREATE", Duration::ZERO).await;
    broker.publish_raw("orders.a", &[("Nats-TTL", "1s")]).await;
    broker.publish_raw("orders.a", &[("Nats-TTL", "1h")]).await;
    let broker = broker.restart().await;
    until(async || messages(&broker).await == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_to_live_is_refused_where_it_would_have_no_effect() {
    let broker = TestBroker::start().await;
    broker.orders().await;
    assert_eq!(broker.refused("orders.a", &[("Nats-TTL", "1s")]).await, 10166);
    mortal(&broker, "UPDATE", Duration::ZERO).await;
    for wrong in ["", "-1", "10ms", "soon"] {
        assert_eq!(broker.refused("orders.a", &[("Nats-TTL", wrong)]).await, 10165, "{wrong}");
    }
    mortal(&broker, "UPDATE", Duration::from_secs(600)).await;
    assert_eq!(broker.refused("orders.a", &[("Nats-TTL", "never")]).await, 10003);
    assert!(broker.context.update_stream(orders()).await.is_err());
}
