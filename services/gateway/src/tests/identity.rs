use ::http::Method;
use axum::body::Body;
use jiff::SignedDuration;
use serde_json::json;
use uuid::Uuid;

use super::setup::{bearer, request_with};
use super::{Topology, World, on_both_targets, request};

on_both_targets!(
    nobody_is_nobody,
    a_good_token_names_its_user,
    claims_of_the_client_are_not_believed,
    bad_tokens_are_refused_and_reach_nobody,
    a_token_in_question_is_passed_on_as_one,
    what_is_for_one_connection_goes_no_further,
    the_client_address_is_passed_on,
);

async fn nobody_is_nobody(topology: Topology) {
    let world = World::new(topology).await;
    let answer = world.get("/api/v1/events?q=jazz").await.expect(200);
    assert_eq!(answer.body["user"], "anonymous");
    assert_eq!(answer.body["query"], "q=jazz");
}

async fn a_good_token_names_its_user(topology: Topology) {
    let world = World::new(topology).await;
    let user = Uuid::now_v7();
    let token = bearer(&world.token(user));
    let answer =
        world.send(request(Method::GET, "/api/v1/events", &[("authorization", &token)])).await;
    assert_eq!(answer.body["user"], json!(user));
    let headers = &answer.body["headers"];
    assert_eq!(headers["authorization"], token, "the token is what services trust");
    if topology == Topology::Network {
        assert_eq!(headers["x-user-id"], json!(user));
        assert_eq!(headers["x-user-roles"], "member,organiser-admin");
        assert_eq!(headers["x-user-customerid"], json!(Uuid::from_u128(7)));
    }
}

async fn claims_of_the_client_are_not_believed(topology: Topology) {
    let world = World::new(topology).await;
    let spoofed = [
        ("X-User-Id", "1"),
        ("x_user_id", "1"),
        ("X-User_Id", "1"),
        ("X-USER-ROLES", "admin"),
        ("X-User-CustomerId", "1"),
        ("X-User-Customer-Id", "1"),
        ("x-user-anything", "1"),
        ("X-Backline-Token", "1"),
        ("X_Backline_Refresh_Token", "1"),
    ];
    let answer = world.send(request(Method::GET, "/api/v1/events", &spoofed)).await.expect(200);
    assert_eq!(answer.body["user"], "anonymous");
    for (name, _) in spoofed {
        let name = name.to_lowercase();
        assert!(answer.body["headers"].get(&name).is_none(), "{name} came through");
    }
}

async fn bad_tokens_are_refused_and_reach_nobody(topology: Topology) {
    let world = World::new(topology).await;
    let good = world.token(Uuid::now_v7());
    let forged = [&good[..good.len() - 4], "AAAA"].concat();
    for bad in [bearer(&forged), bearer("x"), bearer(""), "Basic YTpi".to_owned()] {
        let headers = [("authorization", bad.as_str())];
        let answer = world.send(request(Method::GET, "/api/v1/events", &headers)).await;
        let answer = answer.expect_problem(401, "token_invalid");
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"backline\"");
    }
    let good = bearer(&good);
    let headers = [("authorization", good.as_str())];
    world.clock.advance(SignedDuration::from_secs(901));
    let expired = world.send(request(Method::GET, "/api/v1/events", &headers)).await;
    expired.expect_problem(401, "token_expired");
    let user = Uuid::now_v7();
    let token = bearer(&world.token(user));
    let soon = world.clock.now().as_millisecond() + 3_600_000;
    world.knowledge.revoke_user(user, soon);
    let headers = [("authorization", token.as_str())];
    let revoked = world.send(request(Method::GET, "/api/v1/events", &headers)).await;
    revoked.expect_problem(401, "token_revoked");
    assert_eq!(world.seen(), 0);
}

async fn a_token_in_question_is_passed_on_as_one(topology: Topology) {
    let world = World::new(topology).await;
    for path in ["/api/v1/auth/validate", "/api/idm/auth/verify"] {
        let headers = [("authorization", "Bearer forged")];
        let answer = world.send(request(Method::POST, path, &headers)).await.expect(200);
        assert_eq!(answer.body["headers"]["x-backline-token"], "Bearer forged");
        assert!(answer.body["headers"].get("authorization").is_none());
        assert_eq!(answer.body["user"], "anonymous");
    }
}

async fn what_is_for_one_connection_goes_no_further(topology: Topology) {
    let world = World::new(topology).await;
    let user = Uuid::now_v7();
    let token = bearer(&world.token(user));
    let headers = [
        ("authorization", token.as_str()),
        ("connection", "X-User-Id, close, X-Mine"),
        ("x-mine", "1"),
        ("proxy-connection", "keep-alive"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("upgrade", "h2c"),
        ("cookie", "a=1; backline_refresh=secret; b=2"),
    ];
    let answer = world.send(request(Method::GET, "/api/v1/events", &headers)).await.expect(200);
    let seen = &answer.body["headers"];
    for name in ["connection", "x-mine", "proxy-connection", "keep-alive", "te", "upgrade"] {
        assert!(seen.get(name).is_none(), "{name} came through");
    }
    assert_eq!(seen["cookie"], "a=1; b=2");
    if topology == Topology::Network {
        assert_eq!(
            seen["x-user-id"],
            json!(user),
            "added after the strip, so it cannot be stripped"
        );
    }
}

async fn the_client_address_is_passed_on(topology: Topology) {
    let settings = json!({ "trusted_proxies": ["127.0.0.0/8", "10.0.0.0/8"] });
    let world = World::with(topology, settings).await;
    let forwarded =
        [("x-forwarded-for", "6.6.6.6, 203.0.113.9, 10.0.0.1"), ("x-forwarded-proto", "https")];
    let answer = world.send(request(Method::GET, "/api/v1/events", &forwarded)).await;
    let headers = &answer.body["headers"];
    assert_eq!(headers["x-forwarded-for"], "6.6.6.6, 203.0.113.9, 10.0.0.1, 127.0.0.1");
    assert_eq!(headers["x-forwarded-proto"], "https");
    assert_eq!(answer.body["address"], "203.0.113.9");
    let lie = [
        ("x-backline-client-address", "6.6.6.6"),
        ("x_backline_client_address", "6.6.6.6"),
        ("user-agent", "Harbour 1.0"),
    ];
    let answer = world.send(request(Method::GET, "/api/v1/events", &lie)).await;
    assert_eq!((answer.text("address"), answer.text("agent")), ("127.0.0.1", "Harbour 1.0"));
    let stranger = World::new(topology).await;
    let answer = stranger.send(request(Method::GET, "/api/v1/events", &forwarded)).await;
    let headers = &answer.body["headers"];
    assert_eq!(answer.body["address"], "127.0.0.1", "for the audit log as well");
    assert_eq!(headers["x-forwarded-for"], "127.0.0.1", "nobody has asked a stranger");
    assert_eq!(headers["x-forwarded-proto"], "http");
    assert_eq!(headers["x-forwarded-host"], "127.0.0.1:5000");
}

#[tokio::test]
async fn a_body_goes_through_as_it_is() {
    let world = World::new(Topology::Network).await;
    let body = Body::from("0123456789".repeat(50_000));
    let answer =
        world.send(request_with(Method::PUT, "/api/v1/events/7", &[], body)).await.expect(200);
    assert_eq!((answer.body["bytes"].as_u64(), answer.text("method")), (Some(500_000), "PUT"));
}
