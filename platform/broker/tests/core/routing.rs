//! The router as the rest of the process uses it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use broker::Message;
use broker::server::{ClientId, Handler, Publisher, Router};
use broker::subject::{Filter, Subject};
use bytes::Bytes;
use parking_lot::Mutex;

use crate::support::{PATIENCE, TestServer, eventually};

const QUIET: &str = "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\n";

fn subject(text: &str) -> Subject {
    Subject::parse(text.to_owned()).expect("a subject")
}

fn filter(text: &str) -> Filter {
    Filter::parse(text.to_owned()).expect("a filter")
}

fn message(to: &str, payload: &'static str) -> Message {
    Message { subject: subject(to), reply: None, headers: Bytes::new(), payload: payload.into() }
}

/// Keeps what it receives.
#[derive(Default)]
struct Keeper(Mutex<Vec<(String, Bytes, Option<ClientId>)>>);

impl Handler for Keeper {
    fn handle(&self, message: &Message, from: Option<&Publisher>) {
        self.0.lock().push((
            message.subject.to_string(),
            message.payload.clone(),
            from.map(|it| it.id),
        ));
    }
}

/// Answers through the router, from within the call.
struct Echo(Router);

impl Handler for Echo {
    fn handle(&self, message: &Message, _: Option<&Publisher>) {
        if let Some(reply) = &message.reply {
            let answer = Message { subject: reply.clone(), reply: None, ..message.clone() };
            self.0.publish(&answer, None);
        }
    }
}

#[tokio::test]
async fn a_handler_receives_what_clients_publish_until_it_is_dropped() {
    let server = TestServer::start().await;
    let keeper = Arc::new(Keeper::default());
    let registration = server.router.handle(filter("a.>"), keeper.clone());
    let mut raw = server.raw().await;
    raw.send(QUIET.to_owned() + "SUB in 1\r\nPUB a.b in 1\r\nx\r\n").await;
    assert_eq!(raw.all().await, "");
    drop(registration);
    raw.send("PUB a.b in 1\r\ny\r\n").await;
    assert_eq!(raw.all().await, "HMSG in 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
    let id = server.server.connections()[0].id;
    assert_eq!(*keeper.0.lock(), [("a.b".to_owned(), "x".into(), Some(id))]);
}

/// Has a defect.
struct Defective;

impl Handler for Defective {
    fn handle(&self, _: &Message, _: Option<&Publisher>) {
        panic!("on purpose");
    }
}

#[tokio::test]
async fn a_handler_with_a_defect_costs_one_connection_only() {
    let server = TestServer::start().await;
    let _defective = server.router.handle(filter("defective"), Arc::new(Defective));
    let (mut one, mut other) = (server.raw().await, server.raw().await);
    for raw in [&mut one, &mut other] {
        raw.send(QUIET.to_owned() + "SUB a 1\r\n").await;
        assert_eq!(raw.all().await, "");
    }
    one.send("PUB defective 0\r\n\r\n").await;
    assert_eq!(one.rest().await, "");
    assert_eq!(server.server.connections().len(), 1);
    other.send("PUB a 1\r\nx\r\n").await;
    assert_eq!(other.all().await, "MSG a 1 1\r\nx\r\n");
}

#[tokio::test]
async fn a_handler_may_answer_at_once() {
    let server = TestServer::start().await;
    let _echo = server.router.handle(filter("echo"), Arc::new(Echo(server.router.clone())));
    let client = server.client().await;
    for _ in 0..100 {
        assert_eq!(client.request("echo", "hi".into()).await.expect("an answer").payload, "hi");
    }
}

#[tokio::test]
async fn what_is_delivered_keeps_its_own_subject_for_clients() {
    let server = TestServer::start().await;
    let keeper = Arc::new(Keeper::default());
    let _registration = server.router.handle(filter("inbox.*"), keeper.clone());
    let mut raw = server.raw().await;
    raw.send(QUIET.to_owned() + "SUB inbox.* 1\r\n").await;
    assert_eq!(raw.all().await, "");
    let stored = Message { reply: Some(subject("$JS.ACK.x")), ..message("orders.new", "x") };
    assert_eq!(server.router.deliver(&subject("inbox.1"), &stored), 2);
    assert_eq!(server.router.deliver(&subject("orders.new"), &stored), 0);
    assert_eq!(raw.all().await, "MSG orders.new 1 $JS.ACK.x 1\r\nx\r\n");
    assert_eq!(*keeper.0.lock(), [("inbox.1".to_owned(), "x".into(), None)]);
}

#[tokio::test]
async fn interest_comes_and_goes_with_subscriptions_and_connections() {
    let server = TestServer::start().await;
    let inbox = subject("_INBOX.a.b");
    let mut changes = server.router.changes();
    assert!(!server.router.has_interest(&inbox));
    let mut raw = server.raw().await;
    raw.send(QUIET.to_owned() + "SUB _INBOX.a.* 1\r\n").await;
    tokio::time::timeout(PATIENCE, changes.changed()).await.expect("in time").expect("a change");
    assert!(server.router.has_interest(&inbox));
    raw.send("UNSUB 1\r\n").await;
    assert_eq!(raw.all().await, "");
    assert!(!server.router.has_interest(&inbox));
    raw.send("SUB _INBOX.a.b q 2\r\n").await;
    assert_eq!(raw.all().await, "");
    assert!(server.router.has_interest(&inbox));
    drop(raw);
    eventually("the connection's interest has gone", || !server.router.has_interest(&inbox)).await;
    assert!(changes.has_changed().expect("there is a router"));
}

#[tokio::test]
async fn a_number_can_be_used_again_after_its_subscription_has_ended() {
    let server = TestServer::start().await;
    let mut raw = server.raw().await;
    raw.send(QUIET.to_owned() + "SUB a 1\r\nUNSUB 1 1\r\n").await;
    raw.send("PUB a 1\r\nx\r\nPUB a 1\r\ny\r\nSUB b 1\r\nPUB a 1\r\nx\r\nPUB b 1\r\nz\r\n").await;
    assert_eq!(raw.all().await, "MSG a 1 1\r\nx\r\nMSG b 1 1\r\nz\r\n");
}

#[tokio::test]
async fn a_group_falls_back_to_a_member_that_can_be_reached() {
    let server = TestServer::start().await;
    let mut silent = server.raw().await;
    silent.send("CONNECT {\"verbose\":false,\"echo\":false}\r\nSUB a q 1\r\n").await;
    assert_eq!(silent.all().await, "");
    let mut other = server.raw().await;
    other.send(QUIET.to_owned() + "SUB * q 1\r\n").await;
    assert_eq!(other.all().await, "");
    // The publisher itself is a member, but wants no echo: all goes to the other one.
    for _ in 0..50 {
        silent.send("PUB a 0\r\n\r\n").await;
    }
    assert_eq!(silent.all().await, "");
    assert_eq!(other.all().await, "MSG a 1 0\r\n\r\n".repeat(50));
}

#[tokio::test]
async fn ten_thousand_subscriptions_do_not_slow_publishing() {
    let router = Router::new();
    let keeper = Arc::new(Keeper::default());
    let mut registrations = vec![];
    let publishing = |count: usize| {
        let begin = Instant::now();
        for _ in 0..count {
            assert_eq!(router.publish(&message("orders.7.new", "x"), None), 2);
        }
        begin.elapsed()
    };
    for text in ["orders.7.new", "orders.*.new"] {
        registrations.push(router.handle(filter(text), keeper.clone()));
    }
    let few = publishing(2000);
    for number in 0..10_000 {
        let text = match number % 3 {
            0 => format!("orders.{number}1.*"),
            1 => format!("other.*.{number}.>"),
            _ => format!("exact.{number}"),
        };
        registrations.push(router.handle(filter(&text), keeper.clone()));
    }
    let many = publishing(2000);
    // A search through all of them would take a hundred times as long; what is allowed here is noise.
    assert!(many < few * 10 + Duration::from_millis(50), "{few:?} became {many:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn subscriptions_that_come_and_go_at_once_leave_nothing_behind() {
    let server = TestServer::start().await;
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..8 {
        let mut raw = server.raw().await;
        clients.spawn(async move {
            raw.send(QUIET).await;
            for round in 0..200 {
                let (sid, filter) = (round % 5, ["a.*", "a.b", ">", "a.b.>"][round % 4]);
                raw.send(format!("SUB {filter} {sid}\r\nUNSUB {sid} {}\r\n", round % 3 + 1)).await;
                raw.send(format!("PUB a.b 1\r\n{client}\r\nPUB a.b.c 1\r\n{client}\r\n")).await;
                raw.send(if round % 2 == 0 { format!("UNSUB {sid}\r\n") } else { String::new() })
                    .await;
                raw.send("PING\r\n").await;
                while raw.line().await != "PONG" {}
            }
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended.expect("no panic");
    }
    eventually("all have gone", || server.server.connections().is_empty()).await;
    for left in ["a.b", "a.b.c", "x"] {
        assert!(!server.router.has_interest(&subject(left)), "{left}");
        assert_eq!(server.router.publish(&message(left, "x"), None), 0);
    }
}
