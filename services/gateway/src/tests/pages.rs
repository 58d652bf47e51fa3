use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use ::http::Method;
use axum::extract::ConnectInfo;
use insta::assert_json_snapshot;
use serde_json::json;

use super::{Topology, World, request};

async fn world() -> World {
    World::new(Topology::OneProcess).await
}

#[tokio::test]
async fn health_and_readiness_are_told() {
    let world = world().await;
    assert_json_snapshot!(world.get("/health").await.expect(200).body, @r#"
    {
      "status": "up"
    }
    "#);
    let ready = world.get("/ready").await.expect(503);
    assert_eq!(ready.headers["cache-control"], "no-store");
    assert_json_snapshot!(ready.body, @r#"
    {
      "status": "down",
      "checks": [
        {
          "name": "database",
          "status": "up"
        },
        {
          "name": "messages",
          "status": "down",
          "detail": "no connection"
        },
        {
          "name": "revocations",
          "status": "up",
          "detail": "redis is away"
        }
      ]
    }
    "#);
    world.services.is_ready.store(true, Ordering::SeqCst);
    let ready = world.get("/ready").await.expect(200);
    assert_eq!(ready.body["checks"][2]["detail"], "redis is away", "a remark is no reason");
    let answer = world.send(request(Method::POST, "/health", &[])).await;
    let answer = answer.expect_problem(405, "method_not_allowed");
    assert_eq!(answer.headers["allow"], "GET, HEAD");
}

#[tokio::test]
async fn metrics_are_for_this_machine_unless_made_public() {
    let world = world().await;
    let from = |address: &str, headers: &[(&str, &str)]| {
        let mut request = request(Method::GET, "/metrics", headers);
        let address: SocketAddr = address.parse().expect("an address");
        request.extensions_mut().insert(ConnectInfo(address));
        request
    };
    let near = world.send(from("[::1]:1", &[])).await.expect(200);
    assert_eq!(near.body, "backline_up 1\n");
    assert!(near.headers["content-type"].to_str().expect("text").starts_with("text/plain"));
    let far = world.send(from("10.0.0.1:1", &[])).await;
    far.expect_problem(403, "metrics_not_public");
    let proxied = [("x-forwarded-for", "203.0.113.1")];
    let through = world.send(from("127.0.0.1:1", &proxied)).await;
    through.expect_problem(403, "metrics_not_public");
    let settings = json!({ "metrics": { "public": true } });
    let open = World::with(Topology::OneProcess, settings).await;
    open.send(from("10.0.0.1:1", &[])).await.expect(200);
}

#[tokio::test]
async fn the_description_of_the_api_is_read_once() {
    let world = world().await;
    let path = "/api/v1/openapi.json";
    let first = world.get(path).await.expect(200);
    assert_eq!(first.body["openapi"], "3.1.0");
    let known = [("if-none-match", first.etag())];
    let second = world.send(request(Method::GET, path, &known)).await.expect(304);
    assert_eq!(second.etag(), first.etag());
}

#[tokio::test]
async fn every_path_of_the_web_ui_is_its_one_page() {
    let world = world().await;
    for path in ["/", "/sign-in", "/tickets/7KQ2-M9XD-4TBA-PR3W", "/index.html"] {
        let page =
            world.send(request(Method::GET, path, &[("accept", "text/html,*/*;q=0.8")])).await;
        let page = page.expect(200);
        assert!(page.body.as_str().expect("text").contains("<title>Backline"), "{path}");
        assert_eq!(page.headers["cache-control"], "no-cache");
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    }
    world.get("/assets/gone.js").await.expect_problem(404, "route_not_found");
    let data = request(Method::GET, "/sign-in", &[("accept", "application/json")]);
    world.send(data).await.expect_problem(404, "route_not_found");
    world
        .send(request(Method::POST, "/sign-in", &[]))
        .await
        .expect_problem(405, "method_not_allowed");
}

#[tokio::test]
async fn pages_are_guarded() {
    let page = world().await.get("/").await.expect(200);
    let text = |name: &str| page.headers[name].to_str().expect("text");
    let policy = text("content-security-policy");
    for part in [
        "default-src 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert_eq!(text("x-content-type-options"), "nosniff");
    assert_eq!(text("referrer-policy"), "same-origin");
    assert_eq!(text("permissions-policy"), "camera=(self)");
    assert_eq!(text("cross-origin-opener-policy"), "same-origin");
    assert!(!page.headers.contains_key("strict-transport-security"), "not over plain HTTP");
}

#[tokio::test]
async fn files_are_compressed_and_kept_by_the_browser() {
    let world = world().await;
    let path = "/assets/index-abc.js";
    let plain = world.get(path).await.expect(200);
    assert_eq!(plain.headers["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(plain.headers["vary"], "accept-encoding");
    assert!(!plain.headers.contains_key("content-encoding"));
    let accepting = [("accept-encoding", "br, gzip;q=0.8")];
    let get = || world.send_unread(request(Method::GET, path, &accepting));
    let first = get().await;
    assert_eq!(first.headers()["content-encoding"], "gzip");
    assert_ne!(first.headers()["etag"], plain.headers["etag"]);
    let read = |response| async { axum::body::to_bytes(response, 9999).await.expect("a body") };
    let first = read(first.into_body()).await;
    assert_eq!(&first[..2], &[0x1f, 0x8b], "the mark of gzip");
    assert_eq!(read(get().await.into_body()).await, first);
    let known = [("if-none-match", plain.etag())];
    world.send(request(Method::GET, path, &known)).await.expect(304);
    let refusing = [("accept-encoding", "gzip;q=0")];
    let answer = world.send(request(Method::GET, path, &refusing)).await.expect(200);
    assert!(!answer.headers.contains_key("content-encoding"));
}

#[tokio::test]
async fn without_the_web_ui_the_page_says_what_to_do() {
    let web = crate::http::Web::of(|_| None);
    let page = web.answer(&Method::GET, "/", &::http::HeaderMap::new()).await.expect("a page");
    let page = super::setup::read(page).await.expect(404);
    assert!(page.body.as_str().expect("text").contains("make run"));
}

#[tokio::test]
async fn pages_of_listed_origins_may_call() {
    let settings = json!({ "allowed_origins": ["https://app.example.org"] });
    let world = World::with(Topology::OneProcess, settings).await;
    let preflight = |origin| {
        let asks = [("origin", origin), ("access-control-request-method", "PATCH")];
        world.send(request(Method::OPTIONS, "/api/v1/events/7", &asks))
    };
    let listed = preflight("https://app.example.org").await.expect(204);
    assert_eq!(listed.headers["access-control-allow-origin"], "https://app.example.org");
    assert_eq!(listed.headers["access-control-allow-credentials"], "true");
    assert!(
        listed.headers["access-control-allow-methods"].to_str().expect("text").contains("PATCH")
    );
    assert_eq!(listed.headers["vary"], "origin");
    let other = preflight("https://evil.example").await.expect_problem(403, "origin_not_allowed");
    assert!(!other.headers.contains_key("access-control-allow-origin"));
    assert_eq!(world.seen(), 0);
    let call = request(Method::GET, "/api/v1/events", &[("origin", "https://app.example.org")]);
    let answer = world.send(call).await.expect(200);
    let exposed = answer.headers["access-control-expose-headers"].to_str().expect("text");
    for name in ["x-request-id", "x-access-token", "etag", "retry-after"] {
        assert!(exposed.contains(name), "{exposed}");
    }
    let call = request(Method::GET, "/api/v1/nothing", &[("origin", "https://app.example.org")]);
    let answer = world.send(call).await.expect(404);
    assert!(answer.headers.contains_key("access-control-allow-origin"), "errors can be read too");
}

#[tokio::test]
async fn any_origin_may_call_without_credentials_when_so_set() {
    let settings = json!({ "allowed_origins": ["*"] });
    let world = World::with(Topology::OneProcess, settings).await;
    let call = request(Method::GET, "/api/v1/events", &[("origin", "https://other.example")]);
    let answer = world.send(call).await.expect(200);
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert!(!answer.headers.contains_key("access-control-allow-credentials"));
}

#[tokio::test]
async fn without_origins_listed_nobody_else_may_read() {
    let world = world().await;
    let call = request(Method::GET, "/api/v1/events", &[("origin", "https://other.example")]);
    let answer = world.send(call).await.expect(200);
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn any_page_may_read_what_programs_in_browsers_ask_of_the_authorization_server() {
    let world = world().await;
    let from_elsewhere = ("origin", "https://spa.example");
    for path in ["/.well-known/openid-configuration", "/oauth/jwks", "/oauth/token"] {
        let asks = [from_elsewhere, ("access-control-request-method", "POST")];
        let preflight = world.send(request(Method::OPTIONS, path, &asks)).await.expect(204);
        assert_eq!(preflight.headers["access-control-allow-origin"], "*", "{path}");
        let allowed = preflight.headers["access-control-allow-headers"].to_str().expect("text");
        assert!(allowed.contains("dpop") && allowed.contains("authorization"), "{allowed}");
        let answer = world.send(request(Method::GET, path, &[from_elsewhere])).await;
        assert_eq!(answer.headers["access-control-allow-origin"], "*", "{path}");
        assert!(!answer.headers.contains_key("access-control-allow-credentials"), "{path}");
    }
    for path in ["/oauth/authorize", "/oauth/introspect", "/oauth/register", "/api/v1/users/me"] {
        let asks = [from_elsewhere, ("access-control-request-method", "GET")];
        let refused = world.send(request(Method::OPTIONS, path, &asks)).await;
        refused.expect_problem(403, "origin_not_allowed");
        let answer = world.send(request(Method::GET, path, &[from_elsewhere])).await;
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{path}");
    }
}
