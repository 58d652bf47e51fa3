use ::http::Method;
use serde_json::json;

use super::{Topology, World, on_both_targets, request};

on_both_targets!(
    other_systems_paths_lead_to_ours,
    what_is_not_there_is_a_problem_document,
    problems_of_services_name_the_request,
    internal_headers_stay_inside,
);

async fn other_systems_paths_lead_to_ours(topology: Topology) {
    let world = World::new(topology).await;
    for (path, service, seen) in [
        ("/api/events/7?a=b", "events", "/api/v1/events/7"),
        ("/api/event-manager/tickets", "events", "/api/v1/tickets"),
        ("/api/user-manager/users/7", "users", "/api/v1/users/7"),
        ("/users", "users", "/api/v1/users"),
        ("/api/v1/customers", "customers", "/api/v1/customers"),
    ] {
        let answer = world.get(path).await.expect(200);
        assert_eq!((answer.text("service"), answer.text("path")), (service, seen));
    }
    let answer = world.get("/api/events/7?a=b").await;
    assert_eq!(answer.text("query"), "a=b");
    let register = request(Method::POST, "/api/idm/auth/register", &[]);
    assert_eq!(world.send(register).await.text("path"), "/api/v1/users");
}

async fn what_is_not_there_is_a_problem_document(topology: Topology) {
    let world = World::new(topology).await;
    for path in
        ["/api", "/api/v1/nothing", "/api/v2/events", "/.well-known/x", "/api/v1/events/nowhere"]
    {
        let answer = world.get(path).await.expect_problem(404, "route_not_found");
        assert_eq!(answer.text("traceId"), answer.headers["x-request-id"]);
    }
    let answer =
        world.get("/api/v1/events/read-only").await.expect_problem(405, "method_not_allowed");
    assert_eq!(answer.headers["allow"], "GET");
    let odd = request(Method::TRACE, "/api/v1/events", &[]);
    let answer = world.send(odd).await.expect_problem(405, "method_not_allowed");
    assert!(answer.headers.contains_key("allow"));
}

async fn problems_of_services_name_the_request(topology: Topology) {
    let world = World::new(topology).await;
    let named = request(Method::GET, "/api/v1/events/problem", &[("x-request-id", "my-request.7")]);
    let answer = world.send(named).await.expect_problem(404, "event_not_found");
    assert_eq!(answer.headers["x-request-id"], "my-request.7");
    assert_eq!(answer.text("traceId"), "my-request.7");
    let insane = request(Method::GET, "/api/v1/events/problem", &[("x-request-id", "<script>")]);
    let answer = world.send(insane).await;
    assert_eq!(answer.text("traceId").len(), 36, "a name of ours instead");
}

async fn internal_headers_stay_inside(topology: Topology) {
    let world = World::new(topology).await;
    let answer = world.get("/api/v1/events/internal").await.expect(200);
    assert!(!answer.headers.contains_key("x-backline-secret"));
    assert_eq!(answer.headers["x-kept"], "1");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn requests_are_named_and_traced() {
    let world = World::new(Topology::OneProcess).await;
    let answer = world.get("/api/v1/events").await;
    let id = answer.headers["x-request-id"].to_str().expect("text").to_owned();
    let seen = &answer.body["headers"];
    assert_eq!(seen["x-request-id"], json!(id));
    let made = seen["traceparent"].as_str().expect("a traceparent");
    assert_eq!((made.len(), &made[..3]), (55, "00-"));
    assert_eq!(made[3..35], id.replace('-', ""), "one name for log and trace");
    let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer =
        world.send(request(Method::GET, "/api/v1/events", &[("traceparent", given)])).await;
    assert_eq!(answer.body["headers"]["traceparent"], given);
    let wrong = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
    let answer =
        world.send(request(Method::GET, "/api/v1/events", &[("traceparent", wrong)])).await;
    assert_ne!(answer.body["headers"]["traceparent"], wrong);
}

#[tokio::test]
async fn routes_of_the_settings_add_and_replace() {
    let settings = json!({ "routes": [
        { "path": "/shop", "target": "events", "rewrite": "/api/v1/orders", "methods": ["GET"] },
        { "path": "/api/v1/customers", "target": "users" },
    ]});
    let world = World::with(Topology::OneProcess, settings).await;
    assert_eq!(world.get("/shop/7").await.text("path"), "/api/v1/orders/7");
    assert_eq!(world.get("/api/v1/customers").await.text("service"), "users");
    assert_eq!(world.get("/api/v1/events").await.text("service"), "events");
    let refused = world.send(request(Method::POST, "/shop", &[])).await;
    let refused = refused.expect_problem(405, "method_not_allowed");
    assert_eq!(refused.headers["allow"], "GET");
}

#[tokio::test]
async fn routes_change_while_the_gateway_runs() {
    let world = World::new(Topology::OneProcess).await;
    let settings =
        json!({ "default_routes": false, "routes": [{ "path": "/shop", "target": "events" }] });
    world.gateway.reload_routes(&settings).expect("changed");
    assert_eq!(world.get("/shop").await.expect(200).text("service"), "events");
    world.get("/api/v1/events").await.expect_problem(404, "route_not_found");
    let wrong = json!({ "routes": [{ "path": "shop", "target": "events" }] });
    assert!(world.gateway.reload_routes(&wrong).is_err());
    world.get("/shop").await.expect(200);
}

#[tokio::test]
async fn a_route_may_lead_to_an_address() {
    let other = World::new(Topology::OneProcess).await.listen().await;
    let target = format!("http://{other}/api/v1");
    let settings =
        json!({ "routes": [{ "path": "/there", "target": target, "rewrite": "/events" }] });
    let world = World::with(Topology::OneProcess, settings).await;
    let answer = world.get("/there/7?a=b").await.expect(200);
    assert_eq!((answer.text("path"), answer.text("query")), ("/api/v1/events/7", "a=b"));
}

#[tokio::test]
async fn wrong_settings_are_refused_at_the_start() {
    for (wrong, word) in [
        (json!({ "alowed_origins": [] }), "alowed_origins"),
        (json!({ "allowed_origins": ["example.org"] }), "allowed_origins"),
        (json!({ "trusted_proxies": ["proxy"] }), "proxy"),
        (json!({ "routes": [{ "path": "/x", "target": "evnts" }] }), "evnts"),
        (
            json!({ "routes": [{ "path": "/x", "target": "https://a.example" }] }),
            "https://a.example",
        ),
        (json!({ "routes": [{ "path": "/x", "target": "events", "methods": ["get"] }] }), "get"),
        (json!({ "rate_limit": { "burst": 0 } }), "rate_limit"),
    ] {
        let refused = World::try_at(super::setup::PUBLIC_URL, Topology::OneProcess, wrong).await;
        let reason = refused.err().expect("refused");
        assert!(reason.contains(word), "{reason}");
    }
}
