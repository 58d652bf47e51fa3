//! What the official client library can do with the server.

use std::collections::HashSet;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, HeaderMap, RequestErrorKind, Subscriber};
use broker::server::Settings;
use futures::{FutureExt, StreamExt, stream};

use crate::support::{PATIENCE, TestServer, eventually};

/// Waits until the server has so many subscriptions. The library's `flush` does not wait for the server.
async fn subscribed(server: &TestServer, count: usize) {
    eventually("the server has heard of all subscriptions", || {
        let connections = server.server.connections();
        connections.iter().map(|connection| connection.subscriptions).sum::<usize>() == count
    })
    .await;
}

async fn next(subscriber: &mut Subscriber) -> async_nats::Message {
    tokio::time::timeout(PATIENCE, subscriber.next()).await.expect("in time").expect("a message")
}

async fn text(subscriber: &mut Subscriber) -> String {
    String::from_utf8(next(subscriber).await.payload.to_vec()).expect("text")
}

async fn publish(client: &Client, subject: &str, payload: &str) {
    client.publish(subject.to_owned(), payload.to_owned().into()).await.expect("published");
}

#[tokio::test]
async fn what_is_published_arrives_in_order() {
    let server = TestServer::start().await;
    let (publisher, receiver) = (server.client().await, server.client().await);
    let mut subscriber = receiver.subscribe("a.b").await.expect("subscribed");
    subscribed(&server, 1).await;
    for number in 0..10_000 {
        publish(&publisher, "a.b", &number.to_string()).await;
    }
    for number in 0..10_000 {
        assert_eq!(text(&mut subscriber).await, number.to_string());
    }
}

#[tokio::test]
async fn wildcards_stand_for_words() {
    let server = TestServer::start().await;
    let client = server.client().await;
    let mut word = client.subscribe("a.*.c").await.expect("subscribed");
    let mut rest = client.subscribe("a.>").await.expect("subscribed");
    for subject in ["a.b", "a.b.c", "a.x.c", "b.b.c", "a.b.c.d"] {
        publish(&client, subject, subject).await;
    }
    for expected in ["a.b.c", "a.x.c"] {
        assert_eq!(text(&mut word).await, expected);
    }
    for expected in ["a.b", "a.b.c", "a.x.c", "a.b.c.d"] {
        assert_eq!(text(&mut rest).await, expected);
    }
}

#[tokio::test]
async fn a_queue_group_receives_a_message_once() {
    let server = TestServer::start().await;
    let client = server.client().await;
    let mut members = vec![];
    for _ in 0..3 {
        members.push(client.queue_subscribe("work", "group".into()).await.expect("subscribed"));
    }
    let mut other = client.queue_subscribe("work", "other".into()).await.expect("subscribed");
    for number in 0..300 {
        publish(&client, "work", &number.to_string()).await;
    }
    for number in 0..300 {
        assert_eq!(text(&mut other).await, number.to_string());
    }
    let mut received = HashSet::new();
    let mut busy = HashSet::new();
    let numbered = members.into_iter().enumerate();
    let mut all = stream::select_all(
        numbered.map(|(number, member)| member.map(move |message| (number, message.payload))),
    );
    while received.len() < 300 {
        let next = tokio::time::timeout(PATIENCE, all.next()).await.expect("in time");
        let (member, payload) = next.expect("a message");
        assert!(received.insert(payload), "twice");
        busy.insert(member);
    }
    client.flush().await.expect("flushed");
    assert_eq!((busy.len(), all.next().now_or_never()), (3, None));
}

#[tokio::test]
async fn a_request_is_answered() {
    let server = TestServer::start().await;
    let (service, client) = (server.client().await, server.client().await);
    let mut requests = service.subscribe("double").await.expect("subscribed");
    subscribed(&server, 1).await;
    let answering = tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let answer = [&request.payload[..], &request.payload[..]].concat();
            service
                .publish(request.reply.expect("a reply"), answer.into())
                .await
                .expect("answered");
        }
    });
    for number in 0..100 {
        let answer = client.request("double", number.to_string().into()).await.expect("an answer");
        assert_eq!(answer.payload, format!("{number}{number}"));
    }
    answering.abort();
}

#[tokio::test]
async fn a_request_that_nobody_hears_is_answered_at_once() {
    let server = TestServer::start().await;
    let client = server.client().await;
    let error = client.request("nobody", "".into()).await.expect_err("nobody is there");
    assert_eq!(error.kind(), RequestErrorKind::NoResponders);
}

#[tokio::test]
async fn headers_travel_with_the_message() {
    let server = TestServer::start().await;
    let client = server.client().await;
    let mut subscriber = client.subscribe("a").await.expect("subscribed");
    let mut headers = HeaderMap::new();
    headers.append("Nats-Msg-Id", "7");
    headers.append("Many", "1");
    headers.append("Many", "2");
    client.publish_with_headers("a", headers.clone(), "body".into()).await.expect("published");
    let message = next(&mut subscriber).await;
    assert_eq!((message.headers, &message.payload[..]), (Some(headers), &b"body"[..]));
}

#[tokio::test]
async fn a_subscription_ends_after_as_many_messages_as_it_wants() {
    let server = TestServer::start().await;
    let client = server.client().await;
    let mut subscriber = client.subscribe("a").await.expect("subscribed");
    subscriber.unsubscribe_after(3).await.expect("limited");
    for number in 0..5 {
        publish(&client, "a", &number.to_string()).await;
    }
    client.flush().await.expect("flushed");
    let mut received = vec![];
    while let Some(message) =
        tokio::time::timeout(PATIENCE, subscriber.next()).await.expect("an end")
    {
        received.push(message.payload);
    }
    assert_eq!(received, ["0", "1", "2"]);
    eventually("the server has forgotten it", || server.server.connections()[0].subscriptions == 0)
        .await;
}

#[tokio::test]
async fn a_drained_subscription_gives_what_has_arrived_and_ends() {
    let server = TestServer::start().await;
    let client = server.client().await;
    let mut subscriber = client.subscribe("a").await.expect("subscribed");
    let mut marker = client.subscribe("marker").await.expect("subscribed");
    for number in 0..100 {
        publish(&client, "a", &number.to_string()).await;
    }
    // The library does not wait for what is still on its way when it drains.
    publish(&client, "marker", "all is here").await;
    next(&mut marker).await;
    subscriber.drain().await.expect("drained");
    let mut count = 0;
    while tokio::time::timeout(PATIENCE, subscriber.next()).await.expect("an end").is_some() {
        count += 1;
    }
    assert_eq!(count, 100);
    eventually("the server has forgotten it", || server.server.connections()[0].subscriptions == 1)
        .await;
}

#[tokio::test]
async fn clients_come_back_to_a_restarted_server() {
    let first = TestServer::start().await;
    let listen = first.address();
    let client = ConnectOptions::new()
        .reconnect_delay_callback(|_| Duration::from_millis(20))
        .connect(listen.to_string())
        .await
        .expect("a client");
    let mut subscriber = client.subscribe("a").await.expect("subscribed");
    client.flush().await.expect("flushed");
    first.server.stop().await;
    assert!(first.server.connections().is_empty());
    drop(first);

    let second = TestServer::with(Settings { listen, ..Settings::default() }).await;
    eventually("the client is back with its subscription", || {
        second.server.connections().first().is_some_and(|connection| connection.subscriptions == 1)
    })
    .await;
    publish(&client, "a", "again").await;
    assert_eq!(text(&mut subscriber).await, "again");
}

#[tokio::test]
async fn a_large_payload_arrives_whole() {
    let server = TestServer::start().await;
    let client = server.client().await;
    let mut subscriber = client.subscribe("a").await.expect("subscribed");
    let payload: Vec<u8> = (0..1024 * 1024).map(|place| (place % 251) as u8).collect();
    for _ in 0..10 {
        client.publish("a", payload.clone().into()).await.expect("published");
        assert!(next(&mut subscriber).await.payload == payload);
    }
}

#[tokio::test]
async fn the_server_knows_its_connections() {
    let server = TestServer::start().await;
    let client = ConnectOptions::new().name("bookings").connect(server.address().to_string());
    let client = client.await.expect("a client");
    let mut subscriber = client.subscribe("a").await.expect("subscribed");
    publish(&client, "a", "12345").await;
    next(&mut subscriber).await;
    let connections = server.server.connections();
    let [connection] = &connections[..] else { panic!("{connections:?}") };
    assert_eq!((connection.name.as_str(), connection.subscriptions), ("bookings", 1));
    assert_eq!((connection.messages_in, connection.bytes_in), (1, 5));
    assert_eq!((connection.messages_out, connection.bytes_out), (1, 5));
}
