use std::sync::atomic::Ordering;

use ::http::Method;
use axum::body::Body;
use jiff::SignedDuration;
use serde_json::json;
use uuid::Uuid;

use super::setup::{COOKIE, PUBLIC_URL, bearer, cookies, request_with};
use super::{Topology, World, on_both_targets, request};

on_both_targets!(
    an_expired_token_is_renewed_and_the_request_answered,
    forty_requests_with_one_cookie_spend_it_once,
    a_late_request_gets_the_same_tokens,
    a_dead_cookie_leaves_the_token_expired,
    signing_in_with_a_cookie_keeps_the_refresh_token_from_the_page,
    signing_out_works_with_the_cookie_alone,
);

fn calls(world: &World) -> usize {
    world.tokens.calls.load(Ordering::SeqCst)
}

async fn an_expired_token_is_renewed_and_the_request_answered(topology: Topology) {
    let world = World::new(topology).await;
    let user = Uuid::now_v7();
    let (token, cookie) = world.expired_session(user);
    let (token, body) = (bearer(&token), "x".repeat(200_000));
    let headers = [("authorization", token.as_str()), ("cookie", cookie.as_str())];
    let order = request_with(Method::POST, "/api/v1/orders?a=b", &headers, Body::from(body));
    let answer = world.send(order).await.expect(200);
    assert_eq!((answer.text("method"), answer.text("query")), ("POST", "a=b"));
    assert_eq!(
        answer.body["bytes"], 200_000,
        "whatever its size, it is sent once, with the new token"
    );
    assert_eq!(answer.body["user"], json!(user));
    let new = answer.headers["x-access-token"].to_str().expect("text");
    assert_eq!(answer.body["headers"]["authorization"], bearer(new));
    assert_eq!(answer.headers["x-token-expires-in"], "900");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let expected = format!("{COOKIE}=spring-2; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800");
    assert_eq!(cookies(&answer), [expected]);
    assert_eq!((world.seen(), calls(&world)), (1, 1));
}

async fn forty_requests_with_one_cookie_spend_it_once(topology: Topology) {
    let world = World::new(topology).await;
    let (token, cookie) = world.expired_session(Uuid::now_v7());
    let token = bearer(&token);
    let headers = [("authorization", token.as_str()), ("cookie", cookie.as_str())];
    let all = (0..40).map(|number| {
        let path = format!("/api/v1/events/{number}");
        world.send(request(Method::GET, &path, &headers))
    });
    let answers = futures::future::join_all(all).await;
    let mut tokens: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.expect(200).headers["x-access-token"].clone())
        .collect();
    assert_eq!((world.seen(), calls(&world)), (40, 1));
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
}

async fn a_late_request_gets_the_same_tokens(topology: Topology) {
    let world = World::new(topology).await;
    let (token, cookie) = world.expired_session(Uuid::now_v7());
    let token = bearer(&token);
    let headers = [("authorization", token.as_str()), ("cookie", cookie.as_str())];
    let send = || world.send(request(Method::GET, "/api/v1/events", &headers));
    let first = send().await.expect(200);
    world.clock.advance(SignedDuration::from_secs(9));
    let late = send().await.expect(200);
    assert_eq!(first.headers["x-access-token"], late.headers["x-access-token"]);
    assert_eq!(calls(&world), 1);
    world.clock.advance(SignedDuration::from_secs(2));
    send().await.expect_problem(401, "token_expired");
    assert_eq!(calls(&world), 2, "after the grace it is a spent token like any other");
}

async fn a_dead_cookie_leaves_the_token_expired(topology: Topology) {
    let world = World::new(topology).await;
    let (token, _) = world.expired_session(Uuid::now_v7());
    let token = bearer(&token);
    let headers = [("authorization", token.as_str()), ("cookie", "backline_refresh=spent")];
    let send = || world.send(request(Method::GET, "/api/v1/events", &headers));
    let answer = send().await.expect_problem(401, "token_expired");
    assert_eq!(
        cookies(&answer),
        [format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")]
    );
    *world.tokens.is_away.lock() = true;
    world.clock.advance(SignedDuration::from_secs(11));
    let answer = send().await.expect_problem(503, "unavailable");
    assert!(cookies(&answer).is_empty(), "it may still be good");
    assert_eq!(world.seen(), 0);
}

async fn signing_in_with_a_cookie_keeps_the_refresh_token_from_the_page(topology: Topology) {
    let world = World::new(topology).await;
    for way in ["login", "passkey", "email-link/redeem"] {
        let path = format!("/api/v1/auth/{way}");
        let answer = world.send(request(Method::POST, &path, &[])).await.expect(200);
        assert_eq!(
            cookies(&answer),
            ["backline_refresh=r-1; Path=/; HttpOnly; SameSite=Strict; Max-Age=600"]
        );
        assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("x-backline-")));
    }
    let elsewhere =
        world.send(request(Method::POST, "/api/v1/events/login", &[])).await.expect(200);
    assert!(cookies(&elsewhere).is_empty(), "no other path may set it");
}

async fn signing_out_works_with_the_cookie_alone(topology: Topology) {
    let world = World::new(topology).await;
    let cleared = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    let (token, cookie) = world.expired_session(Uuid::now_v7());
    let path = "/api/v1/auth/logout";
    let with_cookie = [("cookie", cookie.as_str())];
    let answer = world.send(request(Method::POST, path, &with_cookie)).await.expect(204);
    assert_eq!((cookies(&answer), world.seen()), (vec![cleared.as_str()], 1));
    assert!(!answer.headers.contains_key("x-access-token"));
    let dead =
        world.send(request(Method::POST, path, &[("cookie", "backline_refresh=dead")])).await;
    assert_eq!(cookies(&dead.expect(204)), [cleared.as_str()]);
    assert_eq!(world.seen(), 1);
    let expired = bearer(&token);
    let expired = request(Method::POST, path, &[("authorization", &expired)]);
    world.send(expired).await.expect_problem(401, "token_expired");
    world.send(request(Method::POST, path, &[])).await.expect_problem(401, "unauthenticated");
    let good = bearer(&world.token(Uuid::now_v7()));
    let answer =
        world.send(request(Method::POST, path, &[("authorization", &good)])).await.expect(204);
    assert_eq!(cookies(&answer), [cleared]);
}

#[tokio::test]
async fn a_cookie_alone_proves_nothing() {
    let world = World::new(Topology::OneProcess).await;
    let (_, cookie) = world.expired_session(Uuid::now_v7());
    let order = request(Method::POST, "/api/v1/orders", &[("cookie", &cookie)]);
    assert_eq!(world.send(order).await.expect(200).body["user"], "anonymous");
    assert_eq!(calls(&world), 0);
}

#[tokio::test]
async fn a_token_of_somebody_else_is_not_renewed_into_the_cookies_user() {
    let world = World::new(Topology::OneProcess).await;
    let (token, cookie) = world.expired_session(Uuid::now_v7());
    *world.tokens.user.lock() = Uuid::now_v7();
    let token = bearer(&token);
    let headers = [("authorization", token.as_str()), ("cookie", cookie.as_str())];
    let answer = world.send(request(Method::POST, "/api/v1/orders", &headers)).await;
    let answer = answer.expect_problem(401, "token_expired");
    assert_eq!(world.seen(), 0);
    assert!(
        cookies(&answer)[0].starts_with("backline_refresh=spring-2;"),
        "the spent one is replaced"
    );
}

#[tokio::test]
async fn a_refresh_by_cookie_is_answered_here_and_shared_with_renewals() {
    let world = World::new(Topology::OneProcess).await;
    let (token, cookie) = world.expired_session(Uuid::now_v7());
    let token = bearer(&token);
    let renewal = [("authorization", token.as_str()), ("cookie", cookie.as_str())];
    let by_cookie = [("cookie", cookie.as_str()), ("content-type", "application/json")];
    let refresh = |body: &'static str| {
        let body = Body::from(body);
        world.send(request_with(Method::POST, "/api/auth/refresh", &by_cookie, body))
    };
    let (empty, object, null, renewed) = tokio::join!(
        refresh(""),
        refresh("{}"),
        refresh(r#"{"refreshToken":null}"#),
        world.send(request(Method::GET, "/api/v1/events", &renewal)),
    );
    for answer in [&empty, &object, &null] {
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.text("accessToken"), renewed.headers["x-access-token"]);
        assert_eq!(
            (answer.body["expiresIn"].as_i64(), answer.text("tokenType")),
            (Some(900), "Bearer")
        );
        assert_eq!(answer.body.get("refreshToken"), None);
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(cookies(answer)[0].starts_with("backline_refresh=spring-2;"));
    }
    assert_eq!(calls(&world), 1);
}

#[tokio::test]
async fn a_refresh_with_its_own_token_goes_to_the_tokens_service() {
    let world = World::new(Topology::OneProcess).await;
    let (_, cookie) = world.expired_session(Uuid::now_v7());
    let body = r#"{"refreshToken":"mine"}"#;
    let cookie = ("cookie", cookie.as_str());
    let expired = ("authorization", "Bearer whatever");
    for (headers, body) in [(vec![cookie], body), (vec![], "{}"), (vec![expired], body)] {
        let refresh =
            request_with(Method::POST, "/api/v1/auth/refresh", &headers, Body::from(body));
        let answer = world.send(refresh).await.expect(200);
        assert_eq!((answer.text("body"), answer.text("user")), (body, "anonymous"));
    }
    assert_eq!(calls(&world), 0);
}

#[tokio::test]
async fn a_dead_cookie_is_cleared_by_a_refresh() {
    let world = World::new(Topology::OneProcess).await;
    let headers = [("cookie", "backline_refresh=dead")];
    let answer = world.send(request(Method::POST, "/api/v1/auth/refresh", &headers)).await;
    let answer = answer.expect_problem(401, "unauthenticated");
    assert!(cookies(&answer)[0].contains("Max-Age=0"));
    assert_eq!(answer.text("traceId"), answer.headers["x-request-id"]);
}

#[tokio::test]
async fn a_request_given_up_does_not_take_the_others_tokens_along() {
    let world = World::new(Topology::OneProcess).await;
    let (token, cookie) = world.expired_session(Uuid::now_v7());
    let token = bearer(&token);
    let headers = [("authorization", token.as_str()), ("cookie", cookie.as_str())];
    let first = world.send(request(Method::GET, "/api/v1/events", &headers));
    let given_up = tokio::time::timeout(std::time::Duration::from_millis(10), first).await;
    assert!(given_up.is_err());
    world.send(request(Method::GET, "/api/v1/events", &headers)).await.expect(200);
    assert_eq!(calls(&world), 1);
}

#[tokio::test]
async fn pages_of_other_origins_cannot_have_the_cookie_used() {
    let settings = json!({ "allowed_origins": ["https://app.example.org"] });
    let world = World::with(Topology::OneProcess, settings).await;
    let (token, cookie) = world.expired_session(Uuid::now_v7());
    let token = bearer(&token);
    for origin in
        ["https://evil.example", "null", "http://127.0.0.1:5001", "https://app.example.org.evil"]
    {
        let headers = [("cookie", cookie.as_str()), ("origin", origin)];
        for path in ["/api/v1/auth/refresh", "/api/v1/auth/logout"] {
            let answer = world.send(request(Method::POST, path, &headers)).await;
            answer.expect_problem(403, "origin_not_allowed");
        }
        let headers = [("authorization", token.as_str()), headers[0], headers[1]];
        let answer = world.send(request(Method::GET, "/api/v1/events", &headers)).await;
        answer.expect_problem(403, "origin_not_allowed");
    }
    assert_eq!(calls(&world), 0);
    for origin in ["https://app.example.org", PUBLIC_URL, "https://127.0.0.1:5000"] {
        let headers = [("cookie", cookie.as_str()), ("origin", origin)];
        world.send(request(Method::POST, "/api/v1/auth/refresh", &headers)).await.expect(200);
    }
    assert_eq!(calls(&world), 1);
}

#[tokio::test]
async fn over_https_the_cookie_is_bound_to_this_host() {
    let public_url = "https://backline.example.org";
    let world = World::at(public_url, Topology::OneProcess, json!({})).await;
    let answer = world.send(request(Method::POST, "/api/v1/auth/login", &[])).await.expect(200);
    let expected =
        "__Host-backline_refresh=r-1; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=600";
    assert_eq!(cookies(&answer), [expected]);
    assert_eq!(answer.headers["strict-transport-security"], "max-age=31536000");
    let (_, cookie) = world.expired_session(Uuid::now_v7());
    let refresh =
        |cookie: &str| request(Method::POST, "/api/v1/auth/refresh", &[("cookie", cookie)]);
    let plain = world.send(refresh(&cookie)).await.expect(200);
    assert!(cookies(&plain).is_empty(), "the name without the prefix is not ours here");
    let ours = world.send(refresh(&format!("__Host-{cookie}"))).await.expect(200);
    assert!(cookies(&ours)[0].starts_with("__Host-backline_refresh=spring-2;"));
}
