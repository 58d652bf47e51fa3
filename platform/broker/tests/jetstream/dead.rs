//! Messages that a consumer gave up: listed, replayed, dropped.

use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, PullConsumer, pull, push};
use async_nats::jetstream::stream::{self, RetentionPolicy};
use futures::StreamExt;
use serde_json::{Value, json};

use crate::support::{TestBroker, durable, fetch, next, orders, texts, until};

/// A consumer that gives a message up after two deliveries.
fn impatient() -> pull::Config {
    pull::Config { max_deliver: 2, ack_wait: Duration::from_millis(100), ..durable("c") }
}

async fn dead(broker: &TestBroker) -> Vec<u64> {
    let list = broker.ask("CONSUMER.DEAD.LIST.ORDERS.c", json!(null)).await;
    let letters = list["dead_letters"].as_array().unwrap_or_else(|| panic!("{list}"));
    letters.iter().map(|letter| letter["stream_seq"].as_u64().expect("a number")).collect()
}

/// Publishes, and lets the consumer give everything up.
async fn give_up(broker: &TestBroker, consumer: &PullConsumer, bodies: &[&str]) {
    for body in bodies {
        broker.publish("orders.a", body).await;
    }
    for _ in 0..2 * bodies.len() {
        let message = next(consumer).await;
        message.ack_with(AckKind::Nak(None)).await.expect("sent");
    }
    until(async || dead(broker).await.len() >= bodies.len()).await;
}

async fn with_dead(bodies: &[&str]) -> (TestBroker, PullConsumer) {
    let broker = TestBroker::start().await;
    let consumer = broker.orders().await.create_consumer(impatient()).await.expect("a consumer");
    give_up(&broker, &consumer, bodies).await;
    (broker, consumer)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_acknowledged_is_listed_with_the_reason() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let consumer = stream.create_consumer(impatient()).await.expect("a consumer");
    broker.publish("orders.a", "one").await;
    broker.publish("orders.b", "two").await;
    // The first one is never answered, the second one will never succeed.
    next(&consumer).await;
    let second = next(&consumer).await;
    let reason = "+TERM no such order";
    let to = second.reply.clone().expect("a reply subject");
    broker.client.publish(to, reason.into()).await.expect("sent");
    next(&consumer).await;
    until(async || dead(&broker).await.len() == 2).await;
    let mut list = broker.ask("CONSUMER.DEAD.LIST.ORDERS.c", json!({})).await;
    for letter in list["dead_letters"].as_array_mut().expect("a list") {
        assert!(letter["time"].take().as_str().is_some_and(|time| time.ends_with('Z')));
    }
    let letter = |seq: u64, subject: &str, deliveries: u64, reason: &str| json!({ "stream_seq": seq, "subject": subject, "deliveries": deliveries, "reason": reason, "time": null });
    assert_eq!(
        list,
        json!({
            "type": "io.backline.broker.api.v1.consumer_dead_list_response",
            "total": 2, "limit": 256,
            "dead_letters": [
                letter(1, "orders.a", 2, "not acknowledged after 2 deliveries"),
                letter(2, "orders.b", 1, "no such order"),
            ],
        })
    );
    let second = broker.ask("CONSUMER.DEAD.LIST.ORDERS.c", json!({ "after": 1 })).await;
    assert_eq!(
        (&second["total"], &second["dead_letters"][0]["stream_seq"]),
        (&json!(2), &json!(2))
    );
    // The official library passes over the field that it does not know.
    let info = consumer.get_info().await.expect("info");
    assert_eq!((info.num_ack_pending, info.num_pending), (0, 0));
    assert_eq!(broker.ask("CONSUMER.INFO.ORDERS.c", json!(null)).await["num_dead"], 2);
    assert_eq!(broker.ask("STREAM.INFO.ORDERS", json!(null)).await["state"]["messages"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_consumer_has_dead_letters_too() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let config = push::Config {
        durable_name: Some("c".into()),
        deliver_subject: "to.me".into(),
        ack_policy: AckPolicy::Explicit,
        max_deliver: 1,
        ack_wait: Duration::from_millis(50),
        ..push::Config::default()
    };
    let consumer: Consumer<push::Config> = stream.create_consumer(config).await.expect("created");
    let mut messages = consumer.messages().await.expect("messages");
    broker.publish("orders.a", "one").await;
    messages.next().await.expect("a message").expect("a message");
    until(async || dead(&broker).await == [1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_comes_as_if_it_were_new() {
    let (broker, consumer) = with_dead(&["one", "two", "three"]).await;
    broker.publish("orders.a", "four").await;
    let answer = broker.ask("CONSUMER.DEAD.REPLAY.ORDERS.c", json!({ "all": true })).await;
    let kind = "io.backline.broker.api.v1.consumer_dead_replay_response";
    assert_eq!(answer, json!({ "type": kind, "replayed": 3 }));
    let info = broker.ask("CONSUMER.INFO.ORDERS.c", json!(null)).await;
    assert_eq!((&info["num_dead"], &info["num_pending"]), (&json!(0), &json!(4)));
    let messages = fetch(&consumer, 4).await;
    assert_eq!(texts(&messages), ["one", "two", "three", "four"]);
    assert!(messages.iter().all(|message| message.info().expect("info").delivered == 1));
    for message in &messages[1..] {
        message.double_ack().await.expect("acknowledged");
    }
    // The first one is used up again.
    next(&consumer).await;
    until(async || dead(&broker).await == [1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_dead_letter_is_replayed_or_dropped_by_its_number() {
    let (broker, consumer) = with_dead(&["one", "two", "three"]).await;
    let refused = async |request: &str, body: Value| {
        let answer = broker.ask(&format!("CONSUMER.DEAD.{request}"), body).await;
        answer["error"]["err_code"].as_u64().unwrap_or_else(|| panic!("{answer}"))
    };
    assert_eq!(refused("REPLAY.ORDERS.c", json!({ "seq": 9 })).await, 10043);
    assert_eq!(refused("REPLAY.ORDERS.c", json!({ "seq": 1, "all": true })).await, 10003);
    assert_eq!(refused("DROP.ORDERS.c", json!({})).await, 10003);
    assert_eq!(refused("DROP.ORDERS.c", json!({ "seq": -1 })).await, 10025);
    assert_eq!(refused("LIST.ORDERS.missing", json!(null)).await, 10014);
    assert_eq!(refused("LIST.MISSING.c", json!(null)).await, 10059);

    let dropped = broker.ask("CONSUMER.DEAD.DROP.ORDERS.c", json!({ "seq": 2 })).await;
    assert_eq!(dropped["dropped"], 1);
    let replayed = broker.ask("CONSUMER.DEAD.REPLAY.ORDERS.c", json!({ "seq": 3 })).await;
    assert_eq!(replayed["replayed"], 1);
    assert_eq!(dead(&broker).await, [1]);
    let message = next(&consumer).await;
    assert_eq!(texts(std::slice::from_ref(&message)), ["three"]);
    message.double_ack().await.expect("acknowledged");
    let dropped = broker.ask("CONSUMER.DEAD.DROP.ORDERS.c", json!({ "all": true })).await;
    assert_eq!(dropped["dropped"], 1);
    assert!(fetch(&consumer, 3).await.is_empty());
    assert_eq!(broker.ask("STREAM.INFO.ORDERS", json!(null)).await["state"]["messages"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_succeeds_late_is_no_dead_letter_any_more() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let config = pull::Config { max_deliver: 1, ..impatient() };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    broker.publish("orders.a", "one").await;
    let message = next(&consumer).await;
    until(async || dead(&broker).await == [1]).await;
    message.double_ack().await.expect("acknowledged");
    assert!(dead(&broker).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_and_replays_are_there_after_a_restart() {
    let (broker, _) = with_dead(&["one", "two", "three"]).await;
    broker.ask("CONSUMER.DEAD.REPLAY.ORDERS.c", json!({ "seq": 3 })).await;
    broker.ask("CONSUMER.DEAD.REPLAY.ORDERS.c", json!({ "seq": 2 })).await;
    let broker = broker.restart().await;
    assert_eq!(dead(&broker).await, [1]);
    let consumer: PullConsumer =
        broker.context.get_consumer_from_stream("c", "ORDERS").await.expect("the consumer");
    let messages = fetch(&consumer, 3).await;
    assert_eq!(texts(&messages), ["two", "three"]);
    assert!(messages.iter().all(|message| message.info().expect("info").delivered == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_goes_with_its_message() {
    let (broker, consumer) = with_dead(&["one", "two", "three", "four"]).await;
    broker.ask("CONSUMER.DEAD.REPLAY.ORDERS.c", json!({ "seq": 4 })).await;
    broker.ask("STREAM.MSG.DELETE.ORDERS", json!({ "seq": 2 })).await;
    assert_eq!(dead(&broker).await, [1, 3]);
    broker.ask("STREAM.PURGE.ORDERS", json!({ "seq": 2 })).await;
    assert_eq!(dead(&broker).await, [3]);
    let limited = stream::Config { max_messages: 1, ..orders() };
    broker.context.update_stream(limited).await.expect("updated");
    broker.publish("orders.a", "five").await;
    until(async || dead(&broker).await.is_empty()).await;
    assert_eq!(texts(&fetch(&consumer, 3).await), ["five"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_keeps_what_was_given_up_until_it_is_dropped() {
    let broker = TestBroker::start().await;
    let queue = stream::Config { retention: RetentionPolicy::WorkQueue, ..orders() };
    let stream = broker.stream(queue).await;
    let consumer = stream.create_consumer(impatient()).await.expect("a consumer");
    give_up(&broker, &consumer, &["one", "two"]).await;
    let left =
        async || broker.ask("STREAM.INFO.ORDERS", json!(null)).await["state"]["messages"].clone();
    assert_eq!(left().await, 2);
    broker.ask("CONSUMER.DEAD.DROP.ORDERS.c", json!({ "seq": 1 })).await;
    assert_eq!(left().await, 1);
    broker.ask("CONSUMER.DEAD.REPLAY.ORDERS.c", json!({ "all": true })).await;
    next(&consumer).await.double_ack().await.expect("acknowledged");
    assert_eq!(left().await, 0);
    // One that its receiver never wants again is removed, as nats-server does: nothing is left to be replayed.
    broker.publish("orders.a", "three").await;
    next(&consumer).await.double_ack_with(AckKind::Term).await.expect("terminated");
    assert_eq!((left().await, dead(&broker).await), (json!(0), vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_for_its_consumers_keeps_what_one_of_them_gave_up() {
    let broker = TestBroker::start().await;
    let interest = stream::Config { retention: RetentionPolicy::Interest, ..orders() };
    let stream = broker.stream(interest).await;
    let consumer = stream.create_consumer(impatient()).await.expect("a consumer");
    let other = stream.create_consumer(durable("other")).await.expect("a consumer");
    give_up(&broker, &consumer, &["one"]).await;
    next(&other).await.double_ack().await.expect("acknowledged");
    assert_eq!(dead(&broker).await, [1]);
    broker.ask("CONSUMER.DELETE.ORDERS.c", json!(null)).await;
    assert_eq!(broker.ask("STREAM.INFO.ORDERS", json!(null)).await["state"]["messages"], 0);
}
