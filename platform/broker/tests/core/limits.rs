//! What one client may cost, and that the others do not notice.

use std::sync::Arc;
use std::time::Duration;

use broker::Message;
use broker::server::{Everything, Router, Server, Settings};
use broker::subject::Subject;
use bytes::Bytes;

use crate::support::{Raw, TestServer, eventually};

const QUIET: &str = "CONNECT {\"verbose\":false}\r\n";

fn message(subject: &'static str, bytes: usize) -> Message {
    Message {
        subject: Subject::parse(subject).expect("a subject"),
        reply: None,
        headers: Bytes::new(),
        payload: vec![b'x'; bytes].into(),
    }
}

#[tokio::test]
async fn a_slow_consumer_is_cut_off_while_another_goes_on() {
    let settings = Settings {
        pending_bytes_max: 256 * 1024,
        write_deadline: Duration::from_secs(1),
        ..Settings::default()
    };
    let server = TestServer::with(settings).await;
    let (mut slow, mut quick) = (server.raw().await, server.raw().await);
    for raw in [&mut slow, &mut quick] {
        raw.send(QUIET.to_owned() + "SUB a 1\r\n").await;
        assert_eq!(raw.all().await, "");
    }
    // The operating system takes some megabytes before anything waits with us.
    let message = message("a", 64 * 1024);
    let mut rounds = 0;
    while server.server.connections().len() == 2 {
        assert!(server.router.publish(&message, None) >= 1);
        assert!(quick.all().await.starts_with("MSG a 1 65536\r\n"));
        rounds += 1;
        assert!(rounds < 10_000, "never cut off");
    }
    assert_eq!(server.router.publish(&message, None), 1);
    assert!(quick.all().await.starts_with("MSG a 1 65536\r\n"));
    slow.rest().await;
}

#[tokio::test]
async fn a_slow_consumer_that_reads_again_hears_why_it_was_cut_off() {
    let settings = Settings { pending_bytes_max: 1024, ..Settings::default() };
    let server = TestServer::with(settings).await;
    let mut slow = server.raw().await;
    slow.send(QUIET.to_owned() + "SUB a 1\r\n").await;
    assert_eq!(slow.all().await, "");
    assert_eq!(server.router.publish(&message("a", 2000), None), 0);
    assert_eq!(slow.rest().await, "-ERR 'Slow Consumer'\r\n");
    eventually("the connection is forgotten", || server.server.connections().is_empty()).await;
}

#[tokio::test]
async fn a_client_too_many_is_turned_away() {
    let server = TestServer::with(Settings { max_connections: 2, ..Settings::default() }).await;
    let (mut first, second) = (server.raw().await, server.raw().await);
    let mut third = server.raw().await;
    assert_eq!(third.rest().await, "-ERR 'maximum connections exceeded'\r\n");
    drop(second);
    eventually("one has gone", || server.server.connections().len() == 1).await;
    let mut fourth = server.raw().await;
    fourth.send(QUIET).await;
    assert_eq!(fourth.all().await, "");
    first.send(QUIET).await;
    assert_eq!(first.all().await, "");
}

#[tokio::test]
async fn a_subscription_too_many_is_refused() {
    let settings = Settings { max_subscriptions_per_connection: 2, ..Settings::default() };
    let server = TestServer::with(settings).await;
    let mut raw = server.raw().await;
    raw.send(QUIET.to_owned() + "SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nUNSUB 1\r\nSUB d 4\r\n").await;
    raw.send("PUB c 1\r\nx\r\nPUB d 1\r\ny\r\n").await;
    let expected = "-ERR 'maximum subscriptions exceeded'\r\nMSG d 4 1\r\ny\r\n";
    assert_eq!(raw.all().await, expected);
}

#[tokio::test]
async fn a_client_that_gives_no_sign_of_life_is_disconnected() {
    let settings = Settings { ping_interval: Duration::from_millis(50), ..Settings::default() };
    let server = TestServer::with(settings).await;
    let (mut dead, mut alive) = (server.raw().await, server.raw().await);
    let answering = tokio::spawn(async move {
        for _ in 0..10 {
            assert_eq!(alive.line().await, "PING");
            alive.send("PONG\r\n").await;
        }
    });
    assert_eq!(dead.rest().await, "PING\r\nPING\r\n-ERR 'Stale Connection'\r\n");
    answering.await.expect("still connected");
}

#[tokio::test]
async fn a_thousand_idle_connections_do_not_hurt() {
    let server = TestServer::start().await;
    let mut idle = vec![];
    for number in 0..1000 {
        let mut raw = server.raw().await;
        raw.send(format!("{QUIET}SUB idle.{number}.* 1\r\n")).await;
        idle.push(raw);
    }
    eventually("all have subscribed", || {
        server.server.connections().iter().all(|connection| connection.subscriptions == 1)
    })
    .await;
    assert_eq!(server.server.connections().len(), 1000);
    for (number, raw) in idle.iter_mut().enumerate() {
        raw.send(format!("PUB idle.{}.x 1\r\ny\r\n", (number + 1) % 1000)).await;
    }
    for raw in &mut idle {
        assert!(raw.line().await.ends_with(".x 1 1"));
    }
    drop(idle);
    eventually("all have gone", || server.server.connections().is_empty()).await;
    let subject = Subject::parse("idle.7.x").expect("a subject");
    assert!(!server.router.has_interest(&subject));
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error_and_a_dropped_server_frees_it() {
    let first = TestServer::start().await;
    let listen = first.address();
    let settings = Settings { listen, ..Settings::default() };
    let start = || Server::start(settings.clone(), Router::new(), Arc::new(Everything));
    assert!(start().await.is_err());
    let mut raw = Raw::connect(listen).await;
    drop(first);
    assert_eq!(raw.rest().await, "");
    let mut second = start().await;
    while second.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
        second = start().await;
    }
}
