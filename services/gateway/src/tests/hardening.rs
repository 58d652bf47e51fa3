use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Topology, World};

/// Everything the server says to these bytes until it hangs up or is silent.
async fn say(address: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(bytes.as_bytes()).await.expect("sent");
    let mut heard = Vec::new();
    let reading = stream.read_to_end(&mut heard);
    drop(tokio::time::timeout(Duration::from_millis(500), reading).await);
    String::from_utf8_lossy(&heard).into_owned()
}

/// The status codes in what the server said.
fn statuses(heard: &str) -> Vec<&str> {
    let lines = heard
        .lines()
        .filter_map(|line| line.strip_prefix("HTTP/1.1 ").or(line.strip_prefix("HTTP/1.0 ")));
    lines.map(|line| &line[..3]).collect()
}

#[tokio::test]
async fn requests_that_could_be_read_in_two_ways_are_refused() {
    let world = World::new(Topology::Network).await;
    let address = world.listen().await;
    let get = "GET /api/v1/events HTTP/1.1\r\n";
    let post = "POST /api/v1/events HTTP/1.1\r\nHost: a\r\n";
    for (what, bytes) in [
        ("no host", format!("{get}\r\n")),
        ("an empty host", format!("{get}Host:\r\n\r\n")),
        ("two hosts", format!("{get}Host: a\r\nHost: b\r\n\r\n")),
        ("two hosts alike", format!("{get}Host: a\r\nHost: a\r\n\r\n")),
        ("another host in the line", "GET http://b/api/v1/events HTTP/1.1\r\nHost: a\r\n\r\n".into()),
        ("two lengths", format!("{post}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab")),
        ("a length with a sign", format!("{post}Content-Length: +1\r\n\r\na")),
        ("an unknown coding", format!("{post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n")),
        ("chunked not last", format!("{post}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n")),
        ("a space before the colon", format!("{post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n")),
        ("chunks in HTTP/1.0", "POST /api/v1/events HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into()),
        ("a folded line", format!("{get}Host: a\r\nX-A: b\r\n c\r\n\r\n")),
        ("a NUL", format!("{get}Host: a\r\nX-A: b\0c\r\n\r\n")),
        ("dots", "GET /api/v1/../v1/events HTTP/1.1\r\nHost: a\r\n\r\n".into()),
        ("encoded dots", "GET /api/v1/%2e%2e/v1/events HTTP/1.1\r\nHost: a\r\n\r\n".into()),
        ("an encoded slash", "GET /api/v1/events%2f7 HTTP/1.1\r\nHost: a\r\n\r\n".into()),
    ] {
        let heard = say(address, &bytes).await;
        assert_eq!(statuses(&heard).first(), Some(&"400"), "{what}: {heard}");
    }
    assert_eq!(world.seen(), 0, "none has come through");
}

#[tokio::test]
async fn a_length_beside_chunks_smuggles_nothing() {
    let world = World::new(Topology::Network).await;
    let address = world.listen().await;
    let hidden = "GET /api/v1/events/hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    for lengths in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
    ] {
        let before = world.seen();
        let bytes = format!(
            "POST /api/v1/events HTTP/1.1\r\nHost: a\r\n{lengths}\r\n\r\n0\r\n\r\n{hidden}"
        );
        let heard = say(address, &bytes).await;
        assert_eq!(
            statuses(&heard).len(),
            1,
            "hyper counts the chunks, answers and hangs up: {heard}"
        );
        assert!(!heard.contains("\"content-length\":\"5\""), "{heard}");
        assert!(world.seen() <= before + 1, "the hidden request has not come through");
    }
}

#[tokio::test]
async fn ordinary_requests_of_old_and_new_clients_come_through() {
    let world = World::new(Topology::Network).await;
    let address = world.listen().await;
    for bytes in [
        "GET /api/v1/events HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /api/v1/events HTTP/1.0\r\n\r\n",
        "GET http://a/api/v1/events HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ] {
        let heard = say(address, bytes).await;
        assert_eq!(statuses(&heard), ["200"], "{heard}");
    }
    let chunked = "POST /api/v1/events HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
                   Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let heard = say(address, chunked).await;
    assert!(heard.contains("\"bytes\":3"), "{heard}");
}

#[tokio::test]
async fn identity_headers_named_in_connection_are_no_way_around() {
    let world = World::new(Topology::Network).await;
    let address = world.listen().await;
    let bytes = "GET /api/v1/events HTTP/1.1\r\nHost: a\r\nX-User-Id: 1\r\nX_User_Id: 1\r\n\
                 Connection: close, X-User-Id\r\n\r\n";
    let heard = say(address, bytes).await;
    assert!(
        !heard.to_lowercase().contains("\"x-user-id\"") && !heard.contains("x_user_id"),
        "{heard}"
    );
    assert!(heard.contains("\"user\":\"anonymous\""), "{heard}");
}
