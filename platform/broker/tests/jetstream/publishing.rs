//! Publications: what is kept, what is refused, and what the publisher hears.

use async_nats::jetstream::stream;
use futures::StreamExt;
use serde_json::{Value, json};

use crate::support::{TestBroker, durable, orders};

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_is_acknowledged_with_its_number() {
    let broker = TestBroker::start().await;
    broker.orders().await;
    assert_eq!(broker.publish("orders.new", "one").await, 1);
    assert_eq!(broker.publish("orders.new", "two").await, 2);
    let answer = broker.publish_raw("orders.new", &[]).await;
    assert_eq!(answer, json!({ "stream": "ORDERS", "seq": 3 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_publications_on_their_way_are_all_acknowledged_in_order() {
    let broker = TestBroker::start().await;
    broker.orders().await;
    let mut acknowledgements = Vec::new();
    for number in 0..2000 {
        let sent = broker.context.publish("orders.new", number.to_string().into()).await;
        acknowledgements.push(sent.expect("sent"));
    }
    for (place, acknowledgement) in acknowledgements.into_iter().enumerate() {
        assert_eq!(acknowledgement.await.expect("kept").sequence, place as u64 + 1);
    }
}

/// One that is alone is answered by the thread that writes, the others by the stream's.
#[tokio::test(flavor = "multi_thread")]
async fn answers_come_in_the_order_of_the_publications_alone_or_together() {
    let broker = TestBroker::start().await;
    broker.orders().await;
    let mut answers = broker.client.subscribe("answers.*").await.expect("subscribed");
    let mut last = 0;
    for burst in [1, 1, 2, 50, 1, 3, 1, 1, 200, 1].repeat(20) {
        for number in 0..burst {
            let (subject, reply) = ("orders.new", format!("answers.{number}"));
            let sent = broker.client.publish_with_reply(subject, reply, "x".into()).await;
            sent.expect("sent");
        }
        for number in 0..burst {
            let answer = answers.next().await.expect("an answer");
            assert_eq!(answer.subject.as_str(), format!("answers.{number}"));
            let answer: Value = serde_json::from_slice(&answer.payload).expect("JSON");
            last += 1;
            assert_eq!(answer, json!({ "stream": "ORDERS", "seq": last }));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_told_that_a_message_is_kept_finds_it_kept() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let consumer = stream.create_consumer(durable("c")).await.expect("a consumer");
    for number in 1..=200 {
        assert_eq!(broker.publish("orders.new", "x").await, number);
        assert_eq!(consumer.get_info().await.expect("info").num_pending, number);
        assert_eq!(stream.get_info().await.expect("info").state.last_sequence, number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_that_is_sent_again_is_kept_once() {
    let broker = TestBroker::start().await;
    broker.orders().await;
    let id = [("Nats-Msg-Id", "a")];
    assert_eq!(
        broker.publish_raw("orders.new", &id).await,
        json!({ "stream": "ORDERS", "seq": 1 })
    );
    let again = broker.publish_raw("orders.new", &id).await;
    assert_eq!(again, json!({ "stream": "ORDERS", "seq": 1, "duplicate": true }));
    let broker = broker.restart().await;
    let after_restart = broker.publish_raw("orders.new", &id).await;
    assert_eq!(after_restart["duplicate"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_may_say_what_it_expects() {
    let broker = TestBroker::start().await;
    broker.orders().await;
    broker.publish_raw("orders.a", &[("Nats-Msg-Id", "first")]).await;
    let refused =
        async |name: &str, value: &str| broker.refused("orders.a", &[(name, value)]).await;
    assert_eq!(refused("Nats-Expected-Stream", "OTHER").await, 10060);
    assert_eq!(refused("Nats-Expected-Last-Sequence", "7").await, 10071);
    assert_eq!(refused("Nats-Expected-Last-Subject-Sequence", "0").await, 10071);
    assert_eq!(refused("Nats-Expected-Last-Msg-Id", "other").await, 10070);
    let all_right = [
        ("Nats-Expected-Stream", "ORDERS"),
        ("Nats-Expected-Last-Sequence", "1"),
        ("Nats-Expected-Last-Subject-Sequence", "1"),
        ("Nats-Expected-Last-Msg-Id", "first"),
    ];
    assert_eq!(broker.publish_raw("orders.a", &all_right).await["seq"], 2);
    let other_subject = [("Nats-Expected-Last-Subject-Sequence", "0")];
    assert_eq!(broker.publish_raw("orders.b", &other_subject).await["seq"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_offered_is_refused() {
    let broker = TestBroker::start().await;
    broker.orders().await;
    assert_eq!(broker.refused("orders.a", &[("Nats-Incr", "1")]).await, 10003);
    let refused = broker.ask("STREAM.SNAPSHOT.ORDERS", json!({})).await;
    assert_eq!(refused["error"]["err_code"], 10003);
    let mirror = json!({ "name": "M", "mirror": { "name": "ORDERS" } });
    let refused = broker.ask("STREAM.CREATE.M", mirror).await;
    assert_eq!(refused["error"]["description"], "not supported by this broker: mirror");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_give_way_at_the_limits() {
    let broker = TestBroker::start().await;
    let config = stream::Config { max_messages: 3, max_messages_per_subject: 2, ..orders() };
    let mut stream = broker.stream(config).await;
    for subject in ["orders.a", "orders.a", "orders.a", "orders.b", "orders.c"] {
        broker.publish(subject, "x").await;
    }
    let state = stream.info().await.expect("info").state.clone();
    assert_eq!((state.messages, state.first_sequence, state.last_sequence), (3, 3, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn new_messages_give_way_if_the_stream_says_so() {
    let broker = TestBroker::start().await;
    let config = stream::Config {
        max_messages: 2,
        max_message_size: 4,
        discard: stream::DiscardPolicy::New,
        ..orders()
    };
    broker.stream(config).await;
    broker.publish("orders.a", "1").await;
    let large = broker.context.publish("orders.a", "12345".into()).await.expect("sent").await;
    assert!(large.is_err());
    broker.publish("orders.a", "2").await;
    assert_eq!(broker.refused("orders.a", &[]).await, 10077);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_may_replace_those_before_it() {
    let broker = TestBroker::start().await;
    let mut stream = broker.stream(stream::Config { allow_rollup: true, ..orders() }).await;
    for subject in ["orders.a", "orders.a", "orders.b"] {
        broker.publish(subject, "x").await;
    }
    broker.publish_raw("orders.a", &[("Nats-Rollup", "sub")]).await;
    let state = stream.info().await.expect("info").state.clone();
    assert_eq!((state.messages, state.first_sequence, state.last_sequence), (2, 3, 4));
    broker.publish_raw("orders.b", &[("Nats-Rollup", "all")]).await;
    assert_eq!(stream.info().await.expect("info").state.messages, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_hears_that_a_stream_cannot_keep_up() {
    let broker = TestBroker::with(|settings| settings.jetstream.publication_bytes_max = 10).await;
    broker.orders().await;
    assert_eq!(broker.publish("orders.a", "short").await, 1);
    let long =
        broker.client.request("orders.a", "longer than ten".into()).await.expect("an answer");
    let answer: serde_json::Value = serde_json::from_slice(&long.payload).expect("JSON");
    assert_eq!(
        (&answer["error"]["code"], &answer["error"]["err_code"]),
        (&json!(503), &json!(10023))
    );
    assert_eq!(broker.publish("orders.a", "again").await, 2);
}
