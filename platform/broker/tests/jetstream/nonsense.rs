//! Whatever is asked: there is an answer, and the broker goes on.

use serde_json::Value;

use crate::support::{TestBroker, durable, next, text};

const REQUESTS: &[&str] = &[
    "INFO",
    "STREAM.CREATE.NEW",
    "STREAM.CREATE.a*b",
    "STREAM.UPDATE.ORDERS",
    "STREAM.INFO.ORDERS",
    "STREAM.PURGE.ORDERS",
    "STREAM.MSG.GET.ORDERS",
    "STREAM.MSG.DELETE.ORDERS",
    "STREAM.NAMES",
    "STREAM.LIST",
    "STREAM.DELETE.MISSING",
    "STREAM.SNAPSHOT.ORDERS",
    "STREAM.PEER.REMOVE.ORDERS",
    "CONSUMER.CREATE.ORDERS",
    "CONSUMER.CREATE.ORDERS.new",
    "CONSUMER.CREATE.ORDERS.new.orders.a",
    "CONSUMER.DURABLE.CREATE.ORDERS.new",
    "CONSUMER.INFO.ORDERS.c",
    "CONSUMER.PAUSE.ORDERS.missing",
    "CONSUMER.DEAD.LIST.ORDERS.c",
    "CONSUMER.DEAD.REPLAY.ORDERS.c",
    "CONSUMER.DEAD.DROP.ORDERS.c",
    "CONSUMER.DEAD.DROP.ORDERS.missing",
    "CONSUMER.NAMES.ORDERS",
    "CONSUMER.LIST.ORDERS",
    "CONSUMER.DELETE.ORDERS.missing",
    "CONSUMER.LEADER.STEPDOWN.ORDERS.c",
    "META.LEADER.STEPDOWN",
    "WHAT",
];

const BODIES: &[&str] = &[
    "",
    "{}",
    "null",
    "[]",
    "{",
    "\"text\"",
    "-1",
    r#"{"seq":-1}"#,
    r#"{"seq":18446744073709551615,"keep":18446744073709551615}"#,
    r#"{"name":"NEW","max_age":-9223372036854775808}"#,
    r#"{"name":"NEW","subjects":["orders.>"]}"#,
    r#"{"stream_name":"ORDERS","config":{"ack_wait":-5,"ack_policy":"explicit"}}"#,
    r#"{"stream_name":"ORDERS","config":{"name":"new","deliver_subject":"x","idle_heartbeat":-5}}"#,
    r#"{"stream_name":"ORDERS","config":{"name":"../x"}}"#,
    r#"{"offset":18446744073709551615}"#,
    r#"{"subject":"a..b"}"#,
];

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_answered() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let consumer = stream.create_consumer(durable("c")).await.expect("a consumer");
    for request in REQUESTS {
        for body in BODIES {
            let asked = broker.client.request(format!("$JS.API.{request}"), (*body).into()).await;
            let answer = asked.unwrap_or_else(|error| panic!("{request} {body}: {error}"));
            let answer: Value = serde_json::from_slice(&answer.payload).expect("JSON");
            assert!(answer["type"].is_string(), "{request} {body}: {answer}");
        }
    }
    broker.publish("orders.a", "still there").await;
    assert_eq!(text(&next(&consumer).await), "still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledgements_of_nothing_do_no_harm() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let consumer = stream.create_consumer(durable("c")).await.expect("a consumer");
    for subject in [
        "$JS.ACK.ORDERS.c.1.1.1.1.1",
        "$JS.ACK.ORDERS.c.1.0.0.0.0",
        "$JS.ACK.ORDERS.c.1.18446744073709551615.1.1.1",
        "$JS.ACK.ORDERS.missing.1.1.1.1.1",
        "$JS.ACK.MISSING.c.1.1.1.1.1",
        "$JS.ACK.ORDERS",
        "$JS.FC.ORDERS.c.x",
    ] {
        for body in ["", "+ACK", "-NAK", "-NAK {\"delay\":-5}", "+WPI", "+TERM", "+NXT {", "what"] {
            broker.client.publish(subject, body.into()).await.expect("sent");
        }
    }
    broker.publish("orders.a", "still there").await;
    assert_eq!(text(&next(&consumer).await), "still there");
}
