//! Pull consumers: who gets which message, how often, and when it is settled.

use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::{AckKind, stream};
use futures::StreamExt;
use serde_json::{Value, json};

use crate::support::{TestBroker, ago, durable, fetch, next, orders, text, texts};

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_message_does_not_come_again() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let config = pull::Config { ack_wait: Duration::from_millis(100), ..durable("c") };
    let mut consumer = stream.create_consumer(config).await.expect("a consumer");
    broker.publish("orders.a", "one").await;
    let message = next(&consumer).await;
    assert_eq!(text(&message), "one");
    assert_eq!(message.subject.as_str(), "orders.a");
    message.double_ack().await.expect("acknowledged");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(fetch(&consumer, 5).await.is_empty());
    let info = consumer.info().await.expect("info");
    assert_eq!((info.ack_floor.stream_sequence, info.num_ack_pending, info.num_pending), (1, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_comes_again_when_nobody_acknowledges_it() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let config = pull::Config { ack_wait: Duration::from_millis(150), ..durable("c") };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    broker.publish("orders.a", "one").await;
    let start = Instant::now();
    assert_eq!(next(&consumer).await.info().expect("info").delivered, 1);
    let again = next(&consumer).await;
    assert!(start.elapsed() >= Duration::from_millis(140), "too early");
    let info = again.info().expect("info");
    assert_eq!((info.delivered, info.stream_sequence, info.consumer_sequence), (2, 1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_may_want_a_message_again_later() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let consumer = stream.create_consumer(durable("c")).await.expect("a consumer");
    broker.publish("orders.a", "one").await;
    let start = Instant::now();
    let delay = Duration::from_millis(200);
    next(&consumer).await.ack_with(AckKind::Nak(Some(delay))).await.expect("sent");
    let again = next(&consumer).await;
    assert!(start.elapsed() >= delay, "too early");
    again.ack_with(AckKind::Nak(None)).await.expect("sent");
    assert_eq!(next(&consumer).await.info().expect("info").delivered, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_in_progress_is_not_given_to_others() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let config = pull::Config { ack_wait: Duration::from_millis(400), ..durable("c") };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    broker.publish("orders.a", "one").await;
    let message = next(&consumer).await;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        message.ack_with(AckKind::Progress).await.expect("sent");
        assert!(fetch(&consumer, 1).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_will_never_succeed_is_given_up_and_told() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let told = "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.ORDERS.c";
    let mut advisories = broker.client.subscribe(told).await.expect("subscribed");
    let config = pull::Config { ack_wait: Duration::from_millis(100), ..durable("c") };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    broker.publish("orders.a", "one").await;
    next(&consumer).await.ack_with(AckKind::Term).await.expect("sent");
    let advisory = advisories.next().await.expect("an advisory");
    let body: Value = serde_json::from_slice(&advisory.payload).expect("JSON");
    assert_eq!((&body["stream_seq"], &body["deliveries"]), (&json!(1), &json!(1)));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(fetch(&consumer, 1).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_delivered_so_often_and_no_more_and_that_is_told_once() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let told = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.ORDERS.c";
    let mut advisories = broker.client.subscribe(told).await.expect("subscribed");
    let config = pull::Config {
        max_deliver: 3,
        backoff: vec![Duration::from_millis(50), Duration::from_millis(100)],
        ..durable("c")
    };
    let mut consumer = stream.create_consumer(config).await.expect("a consumer");
    broker.publish("orders.a", "one").await;
    let start = Instant::now();
    for delivered in 1..=3 {
        assert_eq!(next(&consumer).await.info().expect("info").delivered, delivered);
    }
    assert!(start.elapsed() >= Duration::from_millis(145), "too early");
    let advisory = advisories.next().await.expect("an advisory");
    let body: Value = serde_json::from_slice(&advisory.payload).expect("JSON");
    assert_eq!((&body["stream_seq"], &body["deliveries"]), (&json!(1), &json!(3)));
    assert!(fetch(&consumer, 1).await.is_empty());
    let more = tokio::time::timeout(Duration::from_millis(300), advisories.next()).await;
    assert!(more.is_err(), "told twice");
    assert_eq!(consumer.info().await.expect("info").num_ack_pending, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_at_a_time_keeps_the_order() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let config = pull::Config { max_ack_pending: 1, ..durable("c") };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    for number in 0..20 {
        broker.publish("orders.a", &number.to_string()).await;
    }
    let mut messages = consumer.messages().await.expect("messages");
    let mut seen = Vec::new();
    while seen.len() < 20 {
        let message = messages.next().await.expect("a message").expect("a message");
        let is_first = message.info().expect("info").delivered == 1;
        if is_first && message.info().expect("info").stream_sequence % 3 == 0 {
            message.ack_with(AckKind::Nak(Some(Duration::from_millis(20)))).await.expect("sent");
            continue;
        }
        seen.push(text(&message).parse::<u32>().expect("a number"));
        message.ack().await.expect("sent");
    }
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_begins_where_it_is_told() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    for (subject, body) in [("orders.a", "a1"), ("orders.b", "b1"), ("orders.a", "a2")] {
        broker.publish(subject, body).await;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    let middle = ago(Duration::from_millis(5));
    broker.publish("orders.b", "b2").await;
    let cases = [
        (DeliverPolicy::All, vec!["a1", "b1", "a2", "b2"]),
        (DeliverPolicy::Last, vec!["b2"]),
        (DeliverPolicy::New, vec![]),
        (DeliverPolicy::ByStartSequence { start_sequence: 3 }, vec!["a2", "b2"]),
        (DeliverPolicy::ByStartTime { start_time: middle }, vec!["b2"]),
        (DeliverPolicy::LastPerSubject, vec!["a2", "b2"]),
    ];
    for (deliver_policy, expected) in cases {
        let filter_subject = "orders.*".to_owned();
        let config = pull::Config { deliver_policy, filter_subject, ..pull::Config::default() };
        let mut consumer = stream.create_consumer(config).await.expect("a consumer");
        let pending = consumer.info().await.expect("info").num_pending;
        assert_eq!(pending, expected.len() as u64, "{deliver_policy:?}");
        assert_eq!(texts(&fetch(&consumer, 9).await), expected, "{deliver_policy:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_sees_only_what_it_filters() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let filter_subject = "orders.*.paid".to_owned();
    let config = pull::Config { filter_subject, ..durable("c") };
    let mut consumer = stream.create_consumer(config).await.expect("a consumer");
    for subject in ["orders.1.new", "orders.1.paid", "orders.2.new", "orders.2.paid"] {
        broker.publish(subject, subject).await;
    }
    assert_eq!(consumer.info().await.expect("info").num_pending, 2);
    let messages = fetch(&consumer, 9).await;
    assert_eq!(texts(&messages), ["orders.1.paid", "orders.2.paid"]);
    let pending: Vec<u64> = messages.iter().map(|it| it.info().expect("info").pending).collect();
    assert_eq!(pending, [1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_work_queue_keeps_what_is_not_done() {
    let broker = TestBroker::start().await;
    let retention = stream::RetentionPolicy::WorkQueue;
    let mut stream = broker.stream(stream::Config { retention, ..orders() }).await;
    let consumer = stream.create_consumer(durable("c")).await.expect("a consumer");
    assert!(stream.create_consumer(durable("other")).await.is_err());
    for body in ["one", "two"] {
        broker.publish("orders.a", body).await;
    }
    next(&consumer).await.double_ack().await.expect("acknowledged");
    let state = stream.info().await.expect("info").state.clone();
    assert_eq!((state.messages, state.first_sequence), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_interest_a_message_stays_until_all_have_it() {
    let broker = TestBroker::start().await;
    let retention = stream::RetentionPolicy::Interest;
    let mut stream = broker.stream(stream::Config { retention, ..orders() }).await;
    broker.publish("orders.a", "nobody wants it").await;
    assert_eq!(stream.info().await.expect("info").state.messages, 0);
    let one = stream.create_consumer(durable("one")).await.expect("a consumer");
    let filter_subject = "orders.b".to_owned();
    let config = pull::Config { filter_subject, ..durable("other") };
    let other = stream.create_consumer(config).await.expect("a consumer");
    broker.publish("orders.a", "a").await;
    broker.publish("orders.b", "b").await;
    for _ in 0..2 {
        next(&one).await.double_ack().await.expect("acknowledged");
    }
    assert_eq!(stream.info().await.expect("info").state.messages, 1);
    next(&other).await.double_ack().await.expect("acknowledged");
    assert_eq!(stream.info().await.expect("info").state.messages, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_went_away_gets_nothing_any_more() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let config = pull::Config { ack_wait: Duration::from_secs(30), ..durable("c") };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let stranger = crate::support::connect(&broker.broker).await;
    let context = async_nats::jetstream::new(stranger.clone());
    let theirs: async_nats::jetstream::consumer::PullConsumer =
        context.get_consumer_from_stream("c", "ORDERS").await.expect("the consumer");
    let mut waiting = theirs.messages().await.expect("messages");
    let asked = tokio::time::timeout(Duration::from_millis(100), waiting.next()).await;
    assert!(asked.is_err(), "there is nothing yet");
    drop(waiting);
    drop(theirs);
    drop(context);
    stranger.drain().await.expect("drained");
    tokio::time::sleep(Duration::from_millis(100)).await;
    broker.publish("orders.a", "one").await;
    let start = Instant::now();
    assert_eq!(text(&next(&consumer).await), "one");
    assert!(start.elapsed() < Duration::from_secs(5), "it went to somebody who is not there");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_workers_share_a_consumer() {
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let consumer = stream.create_consumer(durable("c")).await.expect("a consumer");
    let (sender, mut done) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..3 {
        let (consumer, sender) = (consumer.clone(), sender.clone());
        tokio::spawn(async move {
            let mut messages = consumer.messages().await.expect("messages");
            while let Some(Ok(message)) = messages.next().await {
                message.ack().await.expect("sent");
                let _ = sender.send(text(&message).parse::<u32>().expect("a number"));
            }
        });
    }
    for number in 0..500 {
        broker.context.publish("orders.a", number.to_string().into()).await.expect("sent");
    }
    let mut seen = Vec::new();
    for _ in 0..500 {
        seen.push(done.recv().await.expect("a message"));
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..500).collect::<Vec<_>>());
}

/// Receives until it has seen so many, with two workers, one message at a time; every seventh fails at first.
async fn serve(stream: stream::Stream, name: String, count: usize) -> Vec<u64> {
    let config = pull::Config {
        max_ack_pending: 1,
        filter_subject: format!("orders.{name}"),
        ..durable(&name)
    };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let one = consumer.messages().await.expect("messages");
    let other = consumer.messages().await.expect("messages");
    let mut messages = futures::stream::select(one, other);
    let mut seen = Vec::new();
    while seen.len() < count {
        let message = messages.next().await.expect("a message").expect("a message");
        let info = message.info().expect("info");
        if info.delivered == 1 && info.stream_sequence % 7 == 0 {
            let delay = Some(Duration::from_millis(5));
            message.ack_with(AckKind::Nak(delay)).await.expect("sent");
            continue;
        }
        seen.push(info.stream_sequence);
        message.ack().await.expect("sent");
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn many_services_each_see_their_messages_in_order() {
    const SERVICES: usize = 10;
    const EACH: usize = 60;
    let broker = TestBroker::start().await;
    let stream = broker.orders().await;
    let services =
        (0..SERVICES).map(|it| tokio::spawn(serve(stream.clone(), it.to_string(), EACH)));
    let services: Vec<_> = services.collect();
    for _ in 0..EACH {
        for service in 0..SERVICES {
            let subject = format!("orders.{service}");
            broker.context.publish(subject, "x".into()).await.expect("sent");
        }
    }
    for (service, seen) in services.into_iter().enumerate() {
        let first = service as u64 + 1;
        let expected: Vec<u64> = (0..EACH as u64).map(|it| first + it * SERVICES as u64).collect();
        assert_eq!(seen.await.expect("served"), expected);
    }
}
