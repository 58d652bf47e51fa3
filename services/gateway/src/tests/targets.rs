use std::time::{Duration, Instant};

use ::http::Method;
use axum::body::Body;
use http_body_util::BodyExt;
use serde_json::json;

use super::setup::{read, request_with};
use super::{Topology, World, on_both_targets, request};

on_both_targets!(
    a_slow_service_is_given_up,
    a_failing_service_takes_only_its_own_routes_along,
    answers_are_passed_on_piece_by_piece,
    a_slow_client_is_not_the_services_fault,
);

async fn a_slow_service_is_given_up(topology: Topology) {
    let world = World::with(topology, json!({ "answer_timeout_ms": 50 })).await;
    let answer = world.get("/api/v1/events/slow").await.expect_problem(504, "gateway_timeout");
    assert_eq!(answer.text("traceId"), answer.headers["x-request-id"]);
}

async fn a_failing_service_takes_only_its_own_routes_along(topology: Topology) {
    let settings = json!({
        "breaker": { "volume_min": 5, "open_ms": 200 },
        "remote": { "retries_max": 0 },
    });
    let world = World::with(topology, settings).await;
    world.fail_next(5);
    for _ in 0..5 {
        world.get("/api/v1/events").await.expect_problem(503, "unavailable");
    }
    let refused = world.get("/api/v1/events").await.expect_problem(503, "service_unavailable");
    assert_eq!(refused.headers["retry-after"], "1");
    assert!(refused.text("detail").contains("try again"), "it says what to do");
    assert_eq!(world.seen(), 5, "the service is left alone");
    world.get("/api/v1/users").await.expect(200);
    tokio::time::sleep(Duration::from_millis(250)).await;
    world.fail_next(1);
    world.get("/api/v1/events").await.expect_problem(503, "unavailable");
    world.get("/api/v1/events").await.expect_problem(503, "service_unavailable");
    tokio::time::sleep(Duration::from_millis(250)).await;
    world.get("/api/v1/events").await.expect(200);
    world.get("/api/v1/events").await.expect(200);
}

async fn answers_are_passed_on_piece_by_piece(topology: Topology) {
    let world = World::new(topology).await;
    let answer = world.send_unread(request(Method::GET, "/api/v1/events/stream", &[])).await;
    let mut body = answer.into_body();
    let first = tokio::time::timeout(Duration::from_secs(2), body.frame()).await;
    let first = first.expect("in time").expect("a piece").expect("good");
    assert_eq!(first.into_data().expect("data"), "first");
}

async fn a_slow_client_is_not_the_services_fault(topology: Topology) {
    let settings = json!({ "answer_timeout_ms": 50, "breaker": { "volume_min": 1 } });
    let world = World::with(topology, settings).await;
    for _ in 0..2 {
        let never = Body::from_stream(futures::stream::pending::<Result<&str, std::io::Error>>());
        let request = request_with(Method::POST, "/api/v1/events", &[], never);
        world.send(request).await.expect_problem(408, "request_timeout");
    }
    world.get("/api/v1/events").await.expect(200);
}

#[tokio::test]
async fn a_panic_is_an_error_of_one_request() {
    let world = World::new(Topology::OneProcess).await;
    let answer = world.get("/api/v1/events/panic").await.expect_problem(500, "internal_error");
    assert_eq!(answer.text("traceId"), answer.headers["x-request-id"]);
    world.get("/api/v1/events").await.expect(200);
}

#[tokio::test]
async fn a_request_without_harm_is_sent_again() {
    let world = World::new(Topology::Network).await;
    world.fail_next(2);
    let started = Instant::now();
    world.get("/api/v1/events").await.expect(200);
    assert_eq!(world.seen(), 3);
    assert!(started.elapsed() >= Duration::from_millis(150), "after growing pauses");
    world.fail_next(1);
    let put = request_with(Method::PUT, "/api/v1/events/7", &[], Body::from("kept"));
    assert_eq!(world.send(put).await.expect(200).text("body"), "kept");
}

#[tokio::test]
async fn a_request_that_changes_something_is_sent_once_unless_it_has_a_key() {
    let world = World::new(Topology::Network).await;
    world.fail_next(1);
    world
        .send(request(Method::POST, "/api/v1/orders", &[]))
        .await
        .expect_problem(503, "unavailable");
    assert_eq!(world.seen(), 1);
    world.fail_next(1);
    let keyed = request(Method::POST, "/api/v1/orders", &[("idempotency-key", "7")]);
    world.send(keyed).await.expect(200);
    assert_eq!(world.seen(), 3);
}

#[tokio::test]
async fn no_more_than_three_times() {
    let world = World::new(Topology::Network).await;
    world.fail_next(10);
    world.get("/api/v1/events").await.expect_problem(503, "unavailable");
    assert_eq!(world.seen(), 4);
}

#[tokio::test]
async fn in_one_process_nothing_is_sent_again() {
    let world = World::new(Topology::OneProcess).await;
    world.fail_next(1);
    world.get("/api/v1/events").await.expect_problem(503, "unavailable");
    assert_eq!(world.seen(), 1);
}

#[tokio::test]
async fn a_service_that_is_not_there_says_so() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let settings = json!({
        "routes": [{ "path": "/api/v1/orders", "target": format!("http://{address}") }],
        "remote": { "retries_max": 1 },
    });
    let world = World::with(Topology::OneProcess, settings).await;
    let order = request_with(Method::POST, "/api/v1/orders", &[], Body::from("{}"));
    let answer = world.send(order).await.expect_problem(503, "service_unavailable");
    assert_eq!(answer.headers["retry-after"], "1");
    world.get("/api/v1/events").await.expect(200);
}

#[tokio::test]
async fn a_connection_refused_is_tried_again_whatever_the_method() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let settings =
        json!({ "routes": [{ "path": "/api/v1/orders", "target": format!("http://{address}") }] });
    let world = World::with(Topology::OneProcess, settings).await;
    let order = request_with(Method::POST, "/api/v1/orders", &[], Body::from("paid"));
    let comes_back = async {
        tokio::time::sleep(Duration::from_millis(120)).await;
        let listener = tokio::net::TcpListener::bind(address).await.expect("the same port");
        let echo = axum::Router::new().fallback(|body: String| async move { body });
        tokio::spawn(async move { axum::serve(listener, echo).await });
    };
    let (answer, ()) = tokio::join!(world.send_unread(order), comes_back);
    assert_eq!(read(answer).await.expect(200).body, "paid");
}
