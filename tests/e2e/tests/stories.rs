//! What people do with Backline, from the first sign-up to the door: once in one process, once split.

mod support;

use std::time::{Duration, Instant};

use http::Method;
use serde_json::json;
use support::client::event;
use support::{Cluster, eventually};

stories!(
    a_ticket_is_sold_and_checked_in,
    a_changed_role_counts_within_a_second,
    signing_out_counts_everywhere_within_a_second,
    two_hundred_buyers_share_a_hundred_seats,
    another_customers_things_are_out_of_reach,
    the_paths_of_the_other_systems_lead_here,
    a_token_is_validated,
    an_order_that_is_sent_twice_is_placed_once,
);

async fn a_ticket_is_sold_and_checked_in(cluster: &Cluster) {
    let client = cluster.client();
    let signed_up = json!({
        "email": "Olga@example.org", "password": "a long enough secret", "firstName": "Olga", "lastName": "Ö",
    });
    let created = client.post("/api/v1/users", signed_up).await.expect(201);
    assert_eq!(created.body["roles"], json!([]));

    let organiser = client.new_member("organiser@example.org").await;
    let customer_id = organiser.found_organiser("556677-8899").await;
    let event_id = organiser.publish_event(&customer_id, 2).await;

    let catalogue = client.get("/api/v1/events?q=tides").await.expect(200);
    assert_eq!(catalogue.items()[0]["id"], event_id.as_str());
    let buyer = client.new_member("buyer@example.org").await;
    let order = buyer.order(&event_id, 2).await.expect(201);
    assert_eq!(order.body["total"], json!({ "amountMinor": 90000, "currency": "SEK" }));
    let code = order.body["tickets"][0]["code"].as_str().expect("a code").to_owned();
    buyer.order(&event_id, 1).await.expect_problem(409, "event_sold_out");

    let check_in = format!("/api/v1/tickets/{}/check-in", code.to_lowercase().replace('-', ""));
    buyer.send(Method::POST, &check_in, None).await.expect_problem(403, "not_permitted");
    let checked_in = organiser.send(Method::POST, &check_in, None).await.expect(200);
    assert_eq!(checked_in.text("status"), "checkedIn");
    let again = organiser.send(Method::POST, &check_in, None).await;
    let again = again.expect_problem(409, "already_checked_in");
    assert_eq!(again.body["checkedInAt"], checked_in.body["checkedInAt"]);
    let unknown = "/api/v1/tickets/0000-0000-0000-0000/check-in";
    organiser.send(Method::POST, unknown, None).await.expect_problem(404, "ticket_not_found");

    let sales =
        organiser.get(&format!("/api/v1/events/{event_id}/sales?bucket=hour")).await.expect(200);
    assert_eq!(sales.body["ticketsSold"], 2);
    assert_eq!(sales.body["ticketsCheckedIn"], 1);
    assert_eq!(sales.body["revenue"]["amountMinor"], 90000);
}

async fn a_changed_role_counts_within_a_second(cluster: &Cluster) {
    let admin = cluster.administrator().await;
    let member = cluster.client().new_member("vera@example.org").await;
    let me = member.get("/api/v1/users/me").await.expect(200);
    let roles = format!("/api/v1/users/{}/roles", me.text("id"));
    member.get("/api/v1/users?limit=1").await.expect_problem(403, "not_permitted");

    admin.post(&roles, json!({ "role": "admin" })).await.expect(200);
    within_a_second("the new role", || async {
        (member.get("/api/v1/users?limit=1").await.status == 200).then_some(())
    })
    .await;
    admin.delete(&format!("{roles}/admin")).await.expect(204);
    within_a_second("the end of the role", || async {
        (member.get("/api/v1/users?limit=1").await.status == 403).then_some(())
    })
    .await;
}

async fn signing_out_counts_everywhere_within_a_second(cluster: &Cluster) {
    let client = cluster.client();
    client.new_member("vera@example.org").await;
    let login = json!({ "email": "vera@example.org", "password": "a long enough secret" });
    let tokens = client.post("/api/v1/auth/login", login).await.expect(200);
    let vera = client.with_token(tokens.text("accessToken"));
    // Every service has seen the token and remembers it.
    for path in [
        "/api/v1/users/me",
        "/api/v1/tickets",
        "/api/v1/customers",
        "/api/v1/roles",
        "/api/v1/auth/sessions",
    ] {
        vera.get(path).await.expect(200);
    }
    vera.send(Method::POST, "/api/v1/auth/logout", None).await.expect(204);
    let refresh = json!({ "refreshToken": tokens.text("refreshToken") });
    client.post("/api/v1/auth/refresh", refresh).await.expect_problem(401, "bad_refresh_token");
    for path in ["/api/v1/users/me", "/api/v1/tickets", "/api/v1/customers", "/api/v1/roles"] {
        within_a_second("the end of the session", || async {
            (vera.get(path).await.status == 401).then_some(())
        })
        .await;
    }
}

async fn two_hundred_buyers_share_a_hundred_seats(cluster: &Cluster) {
    let client = cluster.client();
    let organiser = client.new_member("organiser@example.org").await;
    let customer_id = organiser.found_organiser("556677-8899").await;
    let event_id = organiser.publish_event(&customer_id, 100).await;
    // The crowd shares a few accounts: signing up is not what is tried here.
    let mut buyers = vec![];
    for number in 0..4 {
        buyers.push(client.new_member(&format!("buyer{number}@example.org")).await);
    }
    let orders = (0..200).map(|number| {
        let (buyer, event_id) = (buyers[number % buyers.len()].clone(), event_id.clone());
        tokio::spawn(async move { buyer.order(&event_id, 1).await })
    });
    let mut sold = 0;
    for answer in futures::future::join_all(orders).await {
        let answer = answer.expect("an answer");
        if answer.status == 201 {
            sold += 1;
        } else {
            answer.expect_problem(409, "event_sold_out");
        }
    }
    assert_eq!(sold, 100);
    let after = client.get(&format!("/api/v1/events/{event_id}")).await.expect(200);
    assert_eq!(after.body["seatsLeft"], 0);
    let sales = organiser.get(&format!("/api/v1/events/{event_id}/sales")).await.expect(200);
    assert_eq!(sales.body["ticketsSold"], 100);
}

async fn another_customers_things_are_out_of_reach(cluster: &Cluster) {
    let client = cluster.client();
    let (ours, theirs) = (
        client.new_member("ours@example.org").await,
        client.new_member("theirs@example.org").await,
    );
    let our_id = ours.found_organiser("556677-8899").await;
    let their_id = theirs.found_organiser("556677-8800").await;
    let draft = eventually("the right to plan events", || async {
        let answer = ours.post("/api/v1/events", event(&our_id, 10)).await;
        (answer.status == 201).then_some(answer)
    })
    .await;
    let path = format!("/api/v1/events/{}", draft.text("id"));
    theirs.publish_event(&their_id, 1).await;

    theirs.get(&path).await.expect_problem(403, "not_permitted");
    theirs.patch(&path, json!({ "name": "Stolen" })).await.expect_problem(403, "not_permitted");
    theirs.delete(&path).await.expect_problem(403, "not_permitted");
    theirs.post("/api/v1/events", event(&our_id, 10)).await.expect_problem(403, "not_permitted");
    theirs.get(&format!("/api/v1/customers/{our_id}")).await.expect_problem(403, "not_permitted");
    client.get(&path).await.expect_problem(401, "unauthenticated");
    let listed = theirs.get("/api/v1/events").await.expect(200);
    assert!(listed.items().iter().all(|event| event["id"] != draft.body["id"]));
    assert_eq!(ours.get(&path).await.expect(200).text("name"), "Night of the Tides");
    // Naming somebody in a header makes nobody of anybody.
    let me = ours.get("/api/v1/users/me").await.expect(200);
    for name in ["X-User-Id", "x_user_id", "X-USER-ID"] {
        let liar = client.with_header(name, me.text("id")).with_header("X-User-Roles", "admin");
        liar.get(&path).await.expect_problem(401, "unauthenticated");
        liar.get("/api/v1/users/me").await.expect_problem(401, "unauthenticated");
    }
}

async fn the_paths_of_the_other_systems_lead_here(cluster: &Cluster) {
    let client = cluster.client();
    let account = |email: &str| {
        json!({
            "email": email, "password": "a long enough secret", "firstName": "Ada", "lastName": "Byron",
        })
    };
    client.post("/users", account("a@example.org")).await.expect(201);
    client.post("/api/auth/register", account("b@example.org")).await.expect(201);
    client.post("/api/idm/auth/register", account("c@example.org")).await.expect(201);
    client.post("/api/user-manager/users", account("d@example.org")).await.expect(201);
    let login = json!({ "email": "c@example.org", "password": "a long enough secret" });
    let tokens = client.post("/api/idm/auth/login", login).await.expect(200);
    let ada = client.with_token(tokens.text("accessToken"));
    assert_eq!(
        ada.send(Method::POST, "/api/idm/auth/verify", None).await.expect(200).body["isValid"],
        true
    );
    ada.get("/api/event-manager/events").await.expect(200);
    ada.get("/api/events").await.expect(200);
    ada.get("/api/users/me").await.expect(200);
    ada.send(Method::POST, "/api/idm/auth/logout", None).await.expect(204);
    client.get("/api/nothing/here").await.expect_problem(404, "route_not_found");
}

async fn a_token_is_validated(cluster: &Cluster) {
    let client = cluster.client();
    let vera = client.new_member("vera@example.org").await;
    let validate = "/api/v1/auth/validate";
    let good = vera.send(Method::POST, validate, None).await.expect(200);
    assert_eq!(
        (good.body["isValid"].as_bool(), good.text("email")),
        (Some(true), "vera@example.org")
    );
    let invalid = json!({ "isValid": false, "reason": "INVALID" });
    let forged = client.with_token("eyJhbGciOiJub25lIn0.e30.");
    assert_eq!(forged.send(Method::POST, validate, None).await.expect(200).body, invalid);
    assert_eq!(client.send(Method::POST, validate, None).await.expect(200).body, invalid);
    forged.get("/api/v1/users/me").await.expect_problem(401, "token_invalid");
    vera.send(Method::POST, "/api/v1/auth/logout", None).await.expect(204);
    let revoked = json!({ "isValid": false, "reason": "REVOKED" });
    assert_eq!(vera.send(Method::POST, validate, None).await.expect(200).body, revoked);
}

async fn an_order_that_is_sent_twice_is_placed_once(cluster: &Cluster) {
    let client = cluster.client();
    let organiser = client.new_member("organiser@example.org").await;
    let customer_id = organiser.found_organiser("556677-8899").await;
    let event_id = organiser.publish_event(&customer_id, 10).await;
    let buyer =
        client.new_member("buyer@example.org").await.with_header("Idempotency-Key", "cart-1");
    let first = buyer.order(&event_id, 2).await.expect(201);
    let second = buyer.order(&event_id, 2).await.expect(201);
    assert_eq!(first.body, second.body);
    buyer.order(&event_id, 3).await.expect_problem(422, "idempotency_key_reused");
    let after = client.get(&format!("/api/v1/events/{event_id}")).await.expect(200);
    assert_eq!(after.body["seatsLeft"], 8);
}

/// The promise is a second; what is measured includes this machine's load.
async fn within_a_second<T, F: Future<Output = Option<T>>>(what: &str, check: impl Fn() -> F) -> T {
    let began = Instant::now();
    let found = eventually(what, check).await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(1), "{what} took {took:?}");
    found
}
