use std::net::SocketAddr;

use ::http::{Method, Request};
use axum::body::Body;
use axum::extract::ConnectInfo;
use serde_json::json;
use uuid::Uuid;

use super::setup::{bearer, request_with};
use super::{Topology, World, on_both_targets, request};

on_both_targets!(a_body_too_large_is_refused, a_body_too_large_in_chunks_is_refused);

async fn a_body_too_large_is_refused(topology: Topology) {
    let world = World::with(topology, json!({ "body_bytes_max": 1000 })).await;
    let post = |size: usize| {
        request_with(Method::POST, "/api/v1/events", &[], Body::from("x".repeat(size)))
    };
    assert_eq!(world.send(post(1000)).await.expect(200).body["bytes"], 1000);
    world.send(post(1001)).await.expect_problem(413, "body_too_large");
    assert_eq!(world.seen(), 1);
}

async fn a_body_too_large_in_chunks_is_refused(topology: Topology) {
    let world = World::with(topology, json!({ "body_bytes_max": 1000 })).await;
    let chunks =
        || futures::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>("x".repeat(100))));
    let post = request_with(Method::POST, "/api/v1/events", &[], Body::from_stream(chunks()));
    let answer = world.send(post).await.expect_problem(413, "body_too_large");
    assert!(answer.text("detail").contains("1000 bytes"));
}

fn from(address: &str, mut request: Request<Body>) -> Request<Body> {
    let address: SocketAddr = address.parse().expect("an address");
    request.extensions_mut().insert(ConnectInfo(address));
    request
}

#[tokio::test]
async fn a_client_that_asks_too_much_waits_and_others_do_not() {
    let limit = json!({ "rate_limit": { "requests_per_second": 1, "burst": 3 } });
    let world = World::with(Topology::OneProcess, limit).await;
    let get = || request(Method::GET, "/api/v1/events", &[]);
    for _ in 0..3 {
        world.send(from("10.0.0.1:1", get())).await.expect(200);
    }
    let refused = world.send(from("10.0.0.1:2", get())).await;
    let refused = refused.expect_problem(429, "too_many_requests");
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(refused.headers["ratelimit"], "\"client\";r=0;t=1");
    assert_eq!(refused.headers["ratelimit-policy"], "\"client\";q=3;w=3");
    world.send(from("10.0.0.2:1", get())).await.expect(200);
    let token = bearer(&world.token(Uuid::now_v7()));
    let signed_in = || request(Method::GET, "/api/v1/events", &[("authorization", &token)]);
    for address in ["10.0.0.1:1", "10.0.0.3:1", "10.0.0.4:1"] {
        world.send(from(address, signed_in())).await.expect(200);
    }
    let elsewhere = world.send(from("10.0.0.5:1", signed_in())).await;
    elsewhere.expect_problem(429, "too_many_requests");
    world.send(from("10.0.0.1:1", request(Method::GET, "/health", &[]))).await.expect(200);
}

#[tokio::test]
async fn an_ipv6_customer_is_one_client() {
    let limit = json!({ "rate_limit": { "requests_per_second": 1, "burst": 1 } });
    let world = World::with(Topology::OneProcess, limit).await;
    let get = || request(Method::GET, "/api/v1/events", &[]);
    world.send(from("[2001:db8::1]:1", get())).await.expect(200);
    world.send(from("[2001:db8::2]:1", get())).await.expect(429);
    world.send(from("[2001:db8:0:1::1]:1", get())).await.expect(200);
}

#[tokio::test]
async fn passwords_are_not_tried_quickly() {
    let limit = json!({ "rate_limit": { "sign_ins_per_second": 1, "sign_ins_burst": 2 } });
    let world = World::with(Topology::OneProcess, limit).await;
    let paths = [
        "/api/v1/auth/login",
        "/api/auth/register",
        "/api/v1/users",
        "/api/v1/setup",
        "/api/v1/auth/passkey",
        "/api/auth/passkey/challenge",
        "/api/v1/auth/email-link",
        "/api/idm/auth/email-link/redeem",
    ];
    for path in &paths[..2] {
        world.send(request(Method::POST, path, &[])).await.expect(200);
    }
    for path in paths {
        let refused = world.send(request(Method::POST, path, &[])).await;
        let refused = refused.expect_problem(429, "too_many_requests");
        assert_eq!(refused.headers["ratelimit-policy"], "\"sign-in\";q=2;w=2");
    }
    world.get("/api/v1/users").await.expect(200);
}

#[tokio::test]
async fn behind_a_proxy_the_client_is_counted_and_not_the_proxy() {
    let settings = json!({
        "trusted_proxies": ["10.0.0.1"],
        "rate_limit": { "requests_per_second": 1, "burst": 1 },
    });
    let world = World::with(Topology::OneProcess, settings).await;
    let behind = |peer: &str, client: &str| {
        from(peer, request(Method::GET, "/api/v1/events", &[("x-forwarded-for", client)]))
    };
    world.send(behind("10.0.0.1:1", "203.0.113.1")).await.expect(200);
    world.send(behind("10.0.0.1:1", "203.0.113.2")).await.expect(200);
    world.send(behind("10.0.0.1:1", "6.6.6.6, 203.0.113.1")).await.expect(429);
    world.send(behind("10.0.0.9:1", "203.0.113.3")).await.expect(200);
    world.send(behind("10.0.0.9:1", "203.0.113.4")).await.expect(429);
}

#[tokio::test]
async fn without_limits_nobody_waits() {
    let limit = json!({ "rate_limit": { "enabled": false, "burst": 1 } });
    let world = World::with(Topology::OneProcess, limit).await;
    for _ in 0..50 {
        world.get("/api/v1/events").await.expect(200);
    }
}

#[tokio::test]
async fn what_is_too_much_at_once_is_refused_and_the_rest_answered() {
    let settings = json!({ "in_flight_max": 1, "answer_timeout_ms": 300 });
    let world = World::with(Topology::OneProcess, settings).await;
    let at_work = world.send(request(Method::GET, "/api/v1/events/slow", &[]));
    let refused = async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        world.get("/health").await.expect(200);
        world.get("/api/v1/events").await
    };
    let (at_work, refused) = tokio::join!(at_work, refused);
    at_work.expect(504);
    let refused = refused.expect_problem(503, "server_busy");
    assert_eq!(refused.headers["retry-after"], "1");
    world.get("/api/v1/events").await.expect(200);
    let streamed = world.send_unread(request(Method::GET, "/api/v1/events/stream", &[])).await;
    world.get("/api/v1/events").await.expect(503);
    drop(streamed);
    world.get("/api/v1/events").await.expect(200);
}
