//! What the monitoring sees of streams and consumers.

use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;

use crate::support::{TestBroker, durable, next, until};

/// One thread, because a recorder of its own is one of its thread.
#[tokio::test]
async fn numbers_of_streams_and_durable_consumers_are_measured() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let config =
        pull::Config { max_deliver: 1, ack_wait: Duration::from_millis(50), ..durable("c") };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    stream.create_consumer(pull::Config::default()).await.expect("an ephemeral consumer");
    for body in ["one", "two", "three"] {
        broker.publish("orders.a", body).await;
    }
    next(&consumer).await;
    next(&consumer).await;
    let expected = [
        r#"backline_broker_stream_messages{stream="ORDERS"} 3"#,
        r#"backline_broker_stream_failed{stream="ORDERS"} 0"#,
        r#"backline_broker_consumer_waiting{stream="ORDERS",consumer="c"} 1"#,
        r#"backline_broker_consumer_unacknowledged{stream="ORDERS",consumer="c"} 0"#,
        r#"backline_broker_consumer_redelivered{stream="ORDERS",consumer="c"} 0"#,
        r#"backline_broker_consumer_dead_letters{stream="ORDERS",consumer="c"} 2"#,
    ];
    until(async || expected.iter().all(|line| handle.render().contains(line))).await;
    let consumers = handle.render().matches("backline_broker_consumer_waiting{").count();
    assert_eq!(consumers, 1, "an ephemeral consumer is measured");
    broker.ask("CONSUMER.DELETE.ORDERS.c", json!(null)).await;
    let gone = r#"backline_broker_consumer_dead_letters{stream="ORDERS",consumer="c"} 0"#;
    until(async || handle.render().contains(gone)).await;
}
