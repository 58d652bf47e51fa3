//! What the server answers to exact bytes.

use crate::support::TestServer;

const QUIET: &str = "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\n";

/// What comes back for some bytes while the connection goes on.
async fn answer(server: &TestServer, connect: &str, sent: &[u8]) -> String {
    let mut raw = server.raw().await;
    raw.send(connect).await;
    raw.send(sent).await;
    raw.all().await
}

#[tokio::test]
async fn the_greeting_says_what_the_server_can_do() {
    let server = TestServer::start().await;
    let mut raw = crate::support::Raw::connect_unread(server.address()).await;
    let line = raw.line().await;
    let json = line.strip_prefix("INFO ").expect("INFO");
    let info: serde_json::Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(info["version"], "2.10.22");
    assert_eq!(info["max_payload"], 1024 * 1024);
    assert_eq!(info["port"], server.address().port());
    assert_eq!(info["client_ip"], "127.0.0.1");
    for (name, value) in [("headers", true), ("jetstream", true)] {
        assert_eq!(info[name], value, "{name}");
    }
    assert!(info["client_id"].as_u64().is_some_and(|id| id > 0));
    assert!(info.get("auth_required").is_none() && info.get("nonce").is_none());
}

#[tokio::test]
async fn a_verbose_client_hears_of_each_operation() {
    let server = TestServer::start().await;
    let answered = answer(
        &server,
        "CONNECT {\"verbose\":true,\"pedantic\":true}\r\n",
        b"SUB a 1\r\nPUB a 2\r\nhi\r\nUNSUB 1\r\nUNSUB 77\r\n",
    );
    assert_eq!(answered.await, "+OK\r\n+OK\r\n+OK\r\nMSG a 1 2\r\nhi\r\n+OK\r\n+OK\r\n");
}

#[tokio::test]
async fn a_pedantic_client_is_served_like_the_others() {
    let server = TestServer::start().await;
    let connect = "CONNECT {\"verbose\":false,\"pedantic\":true}\r\n";
    let answered = answer(&server, connect, b"SUB a.* 1\r\nSUB a..b 2\r\nPUB a.b 2\r\nhi\r\n");
    assert_eq!(answered.await, "-ERR 'Invalid Subject'\r\nMSG a.b 1 2\r\nhi\r\n");
}

#[tokio::test]
async fn hostile_subjects_are_refused_and_the_connection_goes_on() {
    let server = TestServer::start().await;
    for subject in ["a..b", ".a", "a.", "a.*", ">", "*", "a\u{1}b", "a\u{7f}", "a.>.b"] {
        let sent = format!("SUB > 1\r\nPUB {subject} 1\r\nx\r\nPUB ok 1\r\ny\r\n");
        let answered = answer(&server, QUIET, sent.as_bytes()).await;
        let expected = "-ERR 'Invalid Publish Subject'\r\nMSG ok 1 1\r\ny\r\n";
        assert_eq!(answered, expected, "{subject:?}");
    }
    for filter in ["a..b", ".a", "a.", ">.a", "a.>.b", "a\u{1}b"] {
        let answered = answer(&server, QUIET, format!("SUB {filter} 1\r\n").as_bytes()).await;
        assert_eq!(answered, "-ERR 'Invalid Subject'\r\n", "{filter:?}");
    }
    let not_utf8 = answer(&server, QUIET, b"SUB \xff 1\r\nPUB \xfe 1\r\nx\r\n").await;
    assert_eq!(not_utf8, "-ERR 'Invalid Subject'\r\n-ERR 'Invalid Publish Subject'\r\n");
    let bad_reply = answer(&server, QUIET, b"PUB a b.* 1\r\nx\r\n").await;
    assert_eq!(bad_reply, "-ERR 'Invalid Publish Subject'\r\n");
}

#[tokio::test]
async fn an_operation_may_come_in_pieces() {
    let server = TestServer::start().await;
    let mut raw = server.raw().await;
    let sent = b"CONNECT {\"verbose\":false,\"headers\":true}\r\nsub a 1\r\nHPUB a b 14 16\r\nNATS/1.0\r\n\r\n\r\nhi\r\n";
    for byte in sent {
        raw.send([*byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(raw.all().await, "HMSG a 1 b 14 16\r\nNATS/1.0\r\n\r\n\r\nhi\r\n");
}

#[tokio::test]
async fn half_a_line_at_the_end_harms_nobody() {
    let server = TestServer::start().await;
    for half in ["PU", "PUB a 5", "PUB a 5\r\nhel", "SUB a"] {
        let mut raw = server.raw().await;
        raw.send(half).await;
        drop(raw);
    }
    assert_eq!(answer(&server, QUIET, b"SUB a 1\r\nPUB a 1\r\nx\r\n").await, "MSG a 1 1\r\nx\r\n");
}

#[tokio::test]
async fn a_line_has_four_kibibytes_at_most() {
    let server = TestServer::start().await;
    let sid = "s".repeat(4096 - 2);
    assert_eq!(answer(&server, QUIET, format!("SUB a {sid}\r\n").as_bytes()).await, "");
    for too_long in [format!("SUB a {sid}s\r\n"), "SUB ".to_owned() + &"a".repeat(10_000)] {
        let mut raw = server.raw().await;
        raw.send(QUIET.to_owned() + &too_long).await;
        assert_eq!(raw.rest().await, "-ERR 'maximum control line exceeded'\r\n");
    }
}

#[tokio::test]
async fn a_payload_that_is_too_large_ends_that_connection_only() {
    let server = TestServer::start().await;
    let (mut large, mut other) = (server.raw().await, server.raw().await);
    other.send(QUIET.to_owned() + "SUB > 1\r\n").await;
    assert_eq!(other.all().await, "");
    large.send(QUIET.to_owned() + "PUB a 1048577\r\n").await;
    assert_eq!(large.rest().await, "-ERR 'Maximum Payload Violation'\r\n");
    other.send("PUB b 1\r\nx\r\n").await;
    assert_eq!(other.all().await, "MSG b 1 1\r\nx\r\n");
}

#[tokio::test]
async fn what_a_client_publishes_itself_does_not_come_back_if_it_says_so() {
    let server = TestServer::start().await;
    let connect =
        "CONNECT {\"verbose\":false,\"echo\":false,\"headers\":true,\"no_responders\":true}\r\n";
    let sent = b"SUB a 1\r\nSUB a q 2\r\nPUB a 1\r\nx\r\nSUB in 3\r\nPUB a in 1\r\nx\r\n";
    let expected = "HMSG in 3 16 16\r\nNATS/1.0 503\r\n\r\n\r\n";
    assert_eq!(answer(&server, connect, sent).await, expected);
}

#[tokio::test]
async fn a_client_without_headers_receives_the_body() {
    let server = TestServer::start().await;
    let mut plain = server.raw().await;
    plain.send("CONNECT {\"verbose\":false}\r\nSUB a 1\r\n").await;
    assert_eq!(plain.all().await, "");
    answer(&server, QUIET, b"HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n").await;
    assert_eq!(plain.all().await, "MSG a 1 2\r\nhi\r\n");
    plain.send("HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n").await;
    assert_eq!(plain.rest().await, "");
}

#[tokio::test]
async fn a_server_that_stops_says_so_and_sends_what_is_waiting() {
    let server = TestServer::start().await;
    let mut raw = server.raw().await;
    let mut old = server.raw().await;
    old.send(QUIET).await;
    assert_eq!(old.all().await, "");
    raw.send("CONNECT {\"verbose\":false,\"protocol\":1}\r\nSUB a 1\r\n").await;
    assert_eq!(raw.all().await, "");
    let message = broker::Message {
        subject: broker::subject::Subject::parse("a").expect("a subject"),
        reply: None,
        headers: bytes::Bytes::new(),
        payload: "x".repeat(1000).into(),
    };
    for _ in 0..1000 {
        assert_eq!(server.router.publish(&message, None), 1);
    }
    let stopping = server.server.stop();
    let (rest, ()) = tokio::join!(raw.rest(), stopping);
    assert_eq!(rest.matches("MSG a 1 1000\r\n").count(), 1000);
    let info = rest.rsplit("INFO ").next().expect("INFO");
    let info: serde_json::Value = serde_json::from_str(info.trim()).expect("JSON");
    assert_eq!(info["ldm"], true);
    assert_eq!(
        old.rest().await,
        "",
        "a client of the first protocol does not expect a second INFO"
    );
    assert!(tokio::net::TcpStream::connect(server.address()).await.is_err());
}
