//! Every route and every RPC, visited by everybody: nobody, each role in the own customer, and in a foreign one.
//!
//! The table says who may; everybody else must be refused with 401 (nobody signed in) or 403. Who may gets some other
//! answer: the requests are made so that they change nothing that the next visitor needs. A route of the OpenAPI
//! document or an RPC of a contract that is missing here fails the test.

mod support;

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};
use support::client::event;
use support::{Client, Cluster, Topology};

/// Given everywhere.
const EVERYWHERE: &[&str] = &["admin", "member", "worker", "manager", "accountant", "service"];
/// Given inside a customer: the one that the things belong to, and, for the visitors with `@foreign`, another one.
const INSIDE: &[&str] =
    &["organiser-admin", "organiser-member", "crew-admin", "crew-member", "door"];

/// The roles that people hold; `service` is for programs.
const PEOPLE: &[&str] = &[
    "member",
    "worker",
    "manager",
    "accountant",
    "organiser-admin",
    "organiser-member",
    "crew-admin",
    "crew-member",
    "door",
];

const LAG: &str = "/api/v1/admin/messages/lag";
const DEAD_LETTERS: &str = "/api/v1/admin/messages/dead-letters";
const REPLAY: &str = "/api/v1/admin/messages/dead-letters/replay";
const DROP: &str = "/api/v1/admin/messages/dead-letters/drop";
const BROKER_DEAD_LETTERS: &str = "/api/v1/admin/messages/broker/dead-letters";
const BROKER_REPLAY: &str = "/api/v1/admin/messages/broker/dead-letters/replay";
const BROKER_DROP: &str = "/api/v1/admin/messages/broker/dead-letters/drop";

/// Who may use a route.
#[derive(Clone, Copy)]
enum Who {
    /// Also who has not signed in.
    Everybody,
    /// Whoever has signed in, whatever the roles.
    SignedIn,
    /// These roles, in the customer concerned, and the administrator.
    Roles(&'static [&'static str]),
    /// These roles, each seeing what is its own or its customer's, and the administrator.
    Lists(&'static [&'static str]),
}

struct Row {
    method: Method,
    /// As in the OpenAPI document.
    route: &'static str,
    path: String,
    body: Option<Value>,
    if_match: Option<&'static str>,
    who: Who,
}

fn row(method: Method, route: &'static str, path: &str, who: Who) -> Row {
    Row { method, route, path: path.to_owned(), body: None, if_match: None, who }
}

impl Row {
    fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Whoever may is told that the version is stale, and nothing changes.
    fn stale(mut self) -> Self {
        self.if_match = Some("\"999999\"");
        self
    }
}

/// What the visitors find.
struct World {
    customer: String,
    draft: String,
    order: String,
    ticket: String,
    /// Somebody of the customer.
    colleague: String,
}

struct Visitor {
    name: String,
    role: Option<&'static str>,
    is_foreign: bool,
    client: Client,
}

impl Visitor {
    fn may(&self, who: Who) -> bool {
        match (who, self.role) {
            (Who::Everybody, _) => true,
            (_, None) => false,
            (Who::SignedIn, Some(_)) | (_, Some("admin")) => true,
            (Who::Roles(roles), Some(role)) => roles.contains(&role) && !self.is_foreign,
            (Who::Lists(roles), Some(role)) => roles.contains(&role),
        }
    }
}

fn rows(world: &World) -> Vec<Row> {
    let World { customer, draft, order, ticket, colleague } = world;
    let (get, post, patch, put, delete) =
        (Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE);
    let user = format!("/api/v1/users/{colleague}");
    let roles = format!("{user}/roles");
    let registration = format!("/oauth/register/{colleague}");
    let event_path = format!("/api/v1/events/{draft}");
    let ticket_path = format!("/api/v1/tickets/{ticket}");
    let customer_path = format!("/api/v1/customers/{customer}");
    let nobody = uuid::Uuid::now_v7();
    let customer_staff = &["organiser-admin", "crew-admin"][..];
    let letters = json!({ "service": "audit", "consumer": "audit.record" });
    let broker_letters = json!({ "stream": "backline_events", "consumer": "nobody" });
    let account =
        json!({ "email": "not an address", "password": "x", "firstName": "", "lastName": "" });
    let taken = json!({
        "name": "Copy", "orgNumber": "556677-8899", "address": "", "email": "x@example.org", "phone": "1",
        "customerType": "organiser",
    });
    vec![
        // Accounts
        row(post.clone(), "/api/v1/users", "/api/v1/users", Who::Everybody).body(account.clone()),
        row(get.clone(), "/api/v1/users", "/api/v1/users", Who::Lists(customer_staff)),
        row(get.clone(), "/api/v1/users/me", "/api/v1/users/me", Who::SignedIn),
        row(
            get.clone(),
            "/api/v1/users/random",
            "/api/v1/users/random",
            Who::Lists(customer_staff),
        ),
        row(get.clone(), "/api/v1/users/{id}", &user, Who::Roles(customer_staff)),
        row(patch.clone(), "/api/v1/users/{id}", &user, Who::Roles(customer_staff))
            .body(json!({ "firstName": "Vera" }))
            .stale(),
        row(delete.clone(), "/api/v1/users/{id}", &user, Who::Roles(&[])).stale(),
        row(post.clone(), "/api/v1/users/{id}/roles", &roles, Who::Roles(customer_staff))
            .body(json!({ "role": "crew-member", "customerId": customer })),
        row(
            delete.clone(),
            "/api/v1/users/{id}/roles/{role}",
            &format!("{roles}/door?customerId={customer}"),
            Who::Roles(customer_staff),
        ),
        row(
            get.clone(),
            "/api/v1/users/{id}/permissions/explanation",
            &format!("{user}/permissions/explanation?permission=events:update"),
            Who::Roles(&[]),
        ),
        row(
            put.clone(),
            "/api/v1/users/{id}/crew",
            &format!("{user}/crew"),
            Who::Roles(customer_staff),
        )
        .body(
            json!({ "category": "stage", "skills": ["rigging"], "phone": "1", "isActive": true }),
        ),
        row(get.clone(), "/api/v1/setup", "/api/v1/setup", Who::Everybody),
        // The own account. Whoever may is told that the password or the code is wrong.
        row(get.clone(), "/api/v1/users/me/security", "/api/v1/users/me/security", Who::SignedIn),
        row(post.clone(), "/api/v1/users/me/password", "/api/v1/users/me/password", Who::SignedIn)
            .body(
                json!({ "currentPassword": "a wrong password", "newPassword": "another good one" }),
            ),
        row(post.clone(), "/api/v1/users/me/email", "/api/v1/users/me/email", Who::SignedIn)
            .body(json!({ "password": "a wrong password", "newEmail": "x@example.org" })),
        row(post.clone(), "/api/v1/users/me/totp", "/api/v1/users/me/totp", Who::SignedIn)
            .body(json!({ "password": "a wrong password" })),
        row(delete.clone(), "/api/v1/users/me/totp", "/api/v1/users/me/totp", Who::SignedIn)
            .body(json!({ "password": "a wrong password" })),
        row(
            post.clone(),
            "/api/v1/users/me/totp/confirm",
            "/api/v1/users/me/totp/confirm",
            Who::SignedIn,
        )
        .body(json!({ "code": "123456" })),
        row(get.clone(), "/api/v1/users/me/passkeys", "/api/v1/users/me/passkeys", Who::SignedIn),
        row(post.clone(), "/api/v1/users/me/passkeys", "/api/v1/users/me/passkeys", Who::SignedIn)
            .body(json!({ "name": "Phone", "credential": {} })),
        row(
            post.clone(),
            "/api/v1/users/me/passkeys/challenge",
            "/api/v1/users/me/passkeys/challenge",
            Who::SignedIn,
        )
        .body(json!({ "password": "a wrong password" })),
        row(
            patch.clone(),
            "/api/v1/users/me/passkeys/{id}",
            &format!("/api/v1/users/me/passkeys/{nobody}"),
            Who::SignedIn,
        )
        .body(json!({ "name": "Phone" })),
        row(
            delete.clone(),
            "/api/v1/users/me/passkeys/{id}",
            &format!("/api/v1/users/me/passkeys/{nobody}"),
            Who::SignedIn,
        )
        .body(json!({ "password": "a wrong password" })),
        row(post.clone(), "/api/v1/auth/email-link", "/api/v1/auth/email-link", Who::Everybody)
            .body(json!({ "email": "not an address" })),
        row(
            post.clone(),
            "/api/v1/auth/passkey/challenge",
            "/api/v1/auth/passkey/challenge",
            Who::Everybody,
        ),
        row(
            post.clone(),
            "/api/v1/auth/forgot-password",
            "/api/v1/auth/forgot-password",
            Who::Everybody,
        )
        .body(json!({ "email": "not an address" })),
        // Sessions
        row(post.clone(), "/api/v1/auth/login", "/api/v1/auth/login", Who::Everybody)
            .body(json!({ "email": 1 })),
        row(post.clone(), "/api/v1/auth/validate", "/api/v1/auth/validate", Who::Everybody),
        row(post.clone(), "/api/v1/auth/verify", "/api/v1/auth/verify", Who::Everybody),
        row(get.clone(), "/api/v1/auth/sessions", "/api/v1/auth/sessions", Who::Lists(PEOPLE)),
        row(
            delete.clone(),
            "/api/v1/auth/sessions",
            &format!("/api/v1/auth/sessions?userId={nobody}"),
            Who::Roles(&[]),
        ),
        row(
            delete.clone(),
            "/api/v1/auth/sessions/{id}",
            &format!("/api/v1/auth/sessions/{nobody}"),
            Who::Roles(&[]),
        ),
        // What users have allowed programs, and the programs
        row(get.clone(), "/api/v1/auth/consents", "/api/v1/auth/consents", Who::SignedIn),
        row(
            delete.clone(),
            "/api/v1/auth/consents/{clientId}",
            &format!("/api/v1/auth/consents/{nobody}"),
            Who::SignedIn,
        ),
        row(get.clone(), "/oauth/register", "/oauth/register", Who::Roles(&[])),
        row(post.clone(), "/oauth/register", "/oauth/register", Who::Roles(&[]))
            .body(json!({ "client_name": "" })),
        row(get.clone(), "/oauth/register/{id}", &registration, Who::Roles(&[])),
        row(put.clone(), "/oauth/register/{id}", &registration, Who::Roles(&[]))
            .body(json!({ "client_name": "" })),
        row(delete.clone(), "/oauth/register/{id}", &registration, Who::Roles(&[])),
        row(
            post.clone(),
            "/oauth/register/{id}/secret",
            &format!("{registration}/secret"),
            Who::Roles(&[]),
        ),
        // Roles
        row(get.clone(), "/api/v1/roles", "/api/v1/roles", Who::SignedIn),
        row(get.clone(), "/api/v1/permissions", "/api/v1/permissions", Who::SignedIn),
        row(post.clone(), "/api/v1/roles", "/api/v1/roles", Who::Roles(&[]))
            .body(json!({ "name": "member", "permissions": ["events:read"] })),
        row(get.clone(), "/api/v1/roles/{name}", "/api/v1/roles/member", Who::SignedIn),
        row(patch.clone(), "/api/v1/roles/{name}", "/api/v1/roles/member", Who::Roles(&[]))
            .body(json!({ "description": "Changed" })),
        row(delete.clone(), "/api/v1/roles/{name}", "/api/v1/roles/member", Who::Roles(&[])),
        // The audit log
        row(get.clone(), "/api/v1/audit", "/api/v1/audit?limit=1", Who::Roles(&[])),
        row(
            get.clone(),
            "/api/v1/audit/export",
            "/api/v1/audit/export?actor=nobody@example.org",
            Who::Roles(&[]),
        ),
        // Messages. Whoever may act is told that there is no dead letter.
        row(get.clone(), "/api/v1/admin/messages", "/api/v1/admin/messages", Who::Roles(&[])),
        row(get.clone(), LAG, LAG, Who::Roles(&[])),
        row(get.clone(), DEAD_LETTERS, DEAD_LETTERS, Who::Roles(&[])),
        row(post.clone(), REPLAY, REPLAY, Who::Roles(&[])).body(letters.clone()),
        row(post.clone(), DROP, DROP, Who::Roles(&[])).body(letters),
        row(
            get.clone(),
            BROKER_DEAD_LETTERS,
            &format!("{BROKER_DEAD_LETTERS}?stream=backline_events&consumer=nobody"),
            Who::Roles(&[]),
        ),
        row(post.clone(), BROKER_REPLAY, BROKER_REPLAY, Who::Roles(&[]))
            .body(broker_letters.clone()),
        row(post.clone(), BROKER_DROP, BROKER_DROP, Who::Roles(&[])).body(broker_letters),
        // Customers
        row(get.clone(), "/api/v1/customers", "/api/v1/customers", Who::SignedIn),
        row(post.clone(), "/api/v1/customers", "/api/v1/customers", Who::Roles(&["member"]))
            .body(taken),
        row(
            get.clone(),
            "/api/v1/customers/{id}",
            &customer_path,
            Who::Roles(&["organiser-admin", "organiser-member", "crew-admin"]),
        ),
        row(
            patch.clone(),
            "/api/v1/customers/{id}",
            &customer_path,
            Who::Roles(&["organiser-admin"]),
        )
        .body(json!({ "phone": "2" }))
        .stale(),
        row(delete.clone(), "/api/v1/customers/{id}", &customer_path, Who::Roles(&[])).stale(),
        // Events
        row(get.clone(), "/api/v1/events", "/api/v1/events", Who::Everybody),
        row(post.clone(), "/api/v1/events", "/api/v1/events", Who::Roles(&["organiser-admin"]))
            .body(event(customer, 1)),
        row(
            get.clone(),
            "/api/v1/events/{id}",
            &event_path,
            Who::Roles(&["organiser-admin", "organiser-member", "door"]),
        ),
        row(patch.clone(), "/api/v1/events/{id}", &event_path, Who::Roles(&["organiser-admin"]))
            .body(json!({ "name": "Changed" }))
            .stale(),
        row(delete.clone(), "/api/v1/events/{id}", &event_path, Who::Roles(&["organiser-admin"]))
            .stale(),
        row(
            get.clone(),
            "/api/v1/events/{id}/sales",
            &format!("{event_path}/sales"),
            Who::Roles(&["organiser-admin"]),
        ),
        // Orders and tickets
        row(post.clone(), "/api/v1/orders", "/api/v1/orders", Who::Roles(&["member"]))
            .body(json!({ "lines": [{ "eventId": draft, "quantity": 1 }] })),
        row(get.clone(), "/api/v1/orders", "/api/v1/orders", Who::Lists(&["member"])),
        row(
            get.clone(),
            "/api/v1/orders/{id}",
            &format!("/api/v1/orders/{order}"),
            Who::Roles(&["organiser-admin"]),
        ),
        row(
            post.clone(),
            "/api/v1/clients/{id}/tickets",
            &format!("/api/v1/clients/{colleague}/tickets"),
            Who::Roles(&[]),
        )
        .body(json!({ "eventId": draft })),
        row(
            get.clone(),
            "/api/v1/tickets",
            "/api/v1/tickets",
            Who::Lists(&["member", "organiser-admin"]),
        ),
        row(get, "/api/v1/tickets/{code}", &ticket_path, Who::Roles(&["organiser-admin"])),
        // The ticket is cancelled already, so whoever may is told so.
        row(delete, "/api/v1/tickets/{code}", &ticket_path, Who::Roles(&["organiser-admin"])),
        row(
            post,
            "/api/v1/tickets/{code}/check-in",
            &format!("{ticket_path}/check-in"),
            Who::Roles(&["organiser-admin", "door"]),
        ),
    ]
}

/// Routes whose answer does not depend on who asks: a secret in the body decides. Tested with their services.
const DECIDED_BY_A_SECRET: &[(&str, &str)] = &[
    ("post", "/api/v1/auth/refresh"),
    ("post", "/api/v1/setup"),
    ("post", "/api/v1/auth/logout"),
    ("post", "/api/v1/auth/verify-email"),
    ("post", "/api/v1/auth/reset-password"),
    ("post", "/api/v1/auth/passkey"),
    ("post", "/api/v1/auth/email-link/redeem"),
];

async fn build_world(cluster: &Cluster, admin: &Client) -> (World, Vec<Visitor>) {
    let client = cluster.client();
    let organiser = client.new_member("organiser@example.org").await;
    let customer = organiser.found_organiser("556677-8899").await;
    let foreign = client.new_member("rival@example.org").await;
    let foreign_customer = foreign.found_organiser("556677-8800").await;
    let on_sale = organiser.publish_event(&customer, 10).await;
    let buyer = client.new_member("buyer@example.org").await;
    let order = buyer.order(&on_sale, 1).await.expect(201);
    let ticket = order.body["tickets"][0]["code"].as_str().expect("a code").to_owned();
    buyer.delete(&format!("/api/v1/tickets/{ticket}")).await.expect(204);
    let draft = organiser.post("/api/v1/events", event(&customer, 5)).await.expect(201);
    let colleague = json!({
        "email": "colleague@example.org", "password": "a long enough secret", "firstName": "Vera",
        "lastName": "Colleague", "customerId": customer,
    });
    let colleague = organiser.post("/api/v1/users", colleague).await.expect(201);
    let world = World {
        draft: draft.text("id").to_owned(),
        order: order.text("id").to_owned(),
        colleague: colleague.text("id").to_owned(),
        ticket,
        customer,
    };
    let mut visitors = vec![Visitor {
        name: "nobody".into(),
        role: None,
        is_foreign: false,
        client: client.clone(),
    }];
    for role in EVERYWHERE {
        visitors.push(visitor(&client, admin, role, None, false).await);
    }
    for role in INSIDE {
        visitors.push(visitor(&client, admin, role, Some(&world.customer), false).await);
        visitors.push(visitor(&client, admin, role, Some(&foreign_customer), true).await);
    }
    (world, visitors)
}

/// Somebody who holds exactly one role.
async fn visitor(
    client: &Client,
    admin: &Client,
    role: &'static str,
    customer: Option<&str>,
    is_foreign: bool,
) -> Visitor {
    let name = if is_foreign { format!("{role}@foreign") } else { role.to_owned() };
    let email = format!("visitor.{}@example.org", name.replace('@', "."));
    let somebody = client.new_member(&email).await;
    let id = somebody.get("/api/v1/users/me").await.expect(200).text("id").to_owned();
    let roles = format!("/api/v1/users/{id}/roles");
    if role != "member" {
        admin.post(&roles, json!({ "role": role, "customerId": customer })).await.expect(200);
        admin.delete(&format!("{roles}/member")).await.expect(204);
    }
    // The new token carries exactly this role.
    Visitor { name, role: Some(role), is_foreign, client: client.sign_in(&email).await }
}

async fn visit(visitor: &Visitor, row: &Row) -> Option<String> {
    let mut client = visitor.client.clone();
    if let Some(version) = row.if_match {
        client = client.with_header("If-Match", version);
    }
    let answer = client.send(row.method.clone(), &row.path, row.body.clone()).await;
    let status = answer.status.as_u16();
    let refused = if visitor.role.is_none() { 401 } else { 403 };
    let is_right = if visitor.may(row.who) {
        // The login row asks with a wrong body, which is 400 for everybody.
        !matches!(status, 401 | 403) && status < 500
    } else {
        status == refused
    };
    let asked = format!("{} {}", row.method, row.path);
    (!is_right).then(|| format!("{asked} by {}: {status} {}", visitor.name, answer.body))
}

async fn every_route_lets_in_whom_it_should(cluster: &Cluster) {
    let admin = cluster.administrator().await;
    let (world, visitors) = build_world(cluster, &admin).await;
    let mut wrong = vec![];
    for row in rows(&world) {
        for visitor in &visitors {
            wrong.extend(visit(visitor, &row).await);
        }
    }
    assert!(
        wrong.is_empty(),
        "{} answers are not as the table says:\n{}",
        wrong.len(),
        wrong.join("\n")
    );

    let document = admin.get("/api/v1/openapi.json").await.expect(200);
    let mut missing = BTreeSet::new();
    for (path, operations) in document.body["paths"].as_object().expect("paths") {
        for method in operations.as_object().expect("operations").keys() {
            missing.insert((method.clone(), path.clone()));
        }
    }
    for row in rows(&world) {
        missing.remove(&(row.method.as_str().to_lowercase(), row.route.to_owned()));
    }
    for (method, path) in DECIDED_BY_A_SECRET {
        missing.remove(&((*method).to_owned(), (*path).to_owned()));
    }
    assert!(missing.is_empty(), "routes that nobody visited: {missing:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_lets_in_whom_it_should_in_one_process() {
    let cluster = Cluster::start(Topology::OneProcess).await;
    every_route_lets_in_whom_it_should(&cluster).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_lets_in_whom_it_should_split() {
    let cluster = Cluster::start(Topology::Split).await;
    every_route_lets_in_whom_it_should(&cluster).await;
    cluster.stop().await;
}
