//! Every route, asked by everybody.

use http::Method;
use serde_json::{Value, json};
use testkit::{Backend, Caller};

use crate::tests::stage::{EVENTS, ORDERS, Stage, TICKETS, order};

/// Sends one request as each kind of caller; the statuses, in the order of [`CALLERS`].
async fn statuses(stage: &Stage, method: Method, path: &str, body: Option<Value>) -> Vec<u16> {
    let mut statuses = vec![];
    for caller in callers(stage) {
        let answer = stage.node.send(&caller, method.clone(), path, body.clone(), &[]).await;
        statuses.push(answer.status.as_u16());
    }
    statuses
}

/// Nobody, a member, a member of another organiser, its admin, the organiser's door, its member and its admin,
/// the installation's admin. The last two may change things, so they come last.
fn callers(stage: &Stage) -> Vec<Caller> {
    let elsewhere = Some(contracts::ids::CustomerId::new());
    vec![
        Caller::anonymous(),
        stage.other_member(),
        stage.node.caller(&[("organiser-member", elsewhere)]),
        stage.node.caller(&[("organiser-admin", elsewhere)]),
        stage.with_role("door"),
        stage.with_role("organiser-member"),
        stage.with_role("organiser-admin"),
        stage.node.caller(&[("admin", None)]),
    ]
}

#[tokio::test]
async fn drafts_are_the_organisers_and_published_events_everybodys() {
    let stage = Stage::on(Backend::Sqlite).await;
    let draft = format!("{EVENTS}/{}", stage.draft(json!({})).await);
    let own_people = [401, 403, 403, 403, 200, 200, 200, 200];
    assert_eq!(statuses(&stage, Method::GET, &draft, None).await, own_people);
    let published = format!("{EVENTS}/{}", stage.event_with_seats(1).await);
    assert_eq!(statuses(&stage, Method::GET, &published, None).await, [200; 8]);
    assert_eq!(statuses(&stage, Method::GET, EVENTS, None).await, [200; 8]);
    let cancelled = stage.draft(json!({})).await;
    stage.change(&cancelled, json!({ "status": "cancelled" })).await.expect(200);
    let cancelled = format!("{EVENTS}/{cancelled}");
    assert_eq!(statuses(&stage, Method::GET, &cancelled, None).await, own_people);
}

#[tokio::test]
async fn a_list_has_what_one_may_see() {
    let stage = Stage::on(Backend::Sqlite).await;
    stage.draft(json!({})).await;
    stage.event_with_seats(1).await;
    let mut counts = vec![];
    for caller in callers(&stage) {
        counts.push(stage.node.get(&caller, EVENTS).await.expect(200).items().len());
    }
    assert_eq!(counts, [1, 1, 1, 1, 2, 2, 2, 2]);
}

#[tokio::test]
async fn only_the_organisers_admins_plan_change_and_delete() {
    let stage = Stage::on(Backend::Sqlite).await;
    let plan = stage.plan_of(stage.customer_id, json!({}));
    let admins = |done| vec![401, 403, 403, 403, 403, 403, done, done];
    assert_eq!(statuses(&stage, Method::POST, EVENTS, Some(plan)).await, admins(201));
    let event = format!("{EVENTS}/{}", stage.draft(json!({})).await);
    let change = Some(json!({ "name": "Late Show" }));
    assert_eq!(statuses(&stage, Method::PATCH, &event, change).await, admins(200));
    let sales = format!("{event}/sales");
    assert_eq!(statuses(&stage, Method::GET, &sales, None).await, admins(200));
    let deleted = [401, 403, 403, 403, 403, 403, 204, 404];
    assert_eq!(statuses(&stage, Method::DELETE, &event, None).await, deleted);
}

#[tokio::test]
async fn members_buy_for_themselves_and_administrators_for_anybody() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.event_with_seats(100).await;
    let bought = [401, 201, 403, 403, 403, 403, 403, 201];
    assert_eq!(statuses(&stage, Method::POST, ORDERS, Some(order(&event, 1))).await, bought);
    let client = format!("/api/v1/clients/{}/tickets", stage.member.user_id);
    let ticket = json!({ "eventId": event });
    let for_another = [401, 403, 403, 403, 403, 403, 403, 201];
    assert_eq!(statuses(&stage, Method::POST, &client, Some(ticket.clone())).await, for_another);
    let own = stage.node.post(&stage.member, &client, ticket).await.expect(201);
    assert_eq!(own.text("ownerId"), stage.member.user_id.to_string());
    let events = stage.node.service_caller("bookings");
    stage.node.post(&events, ORDERS, order(&event, 1)).await.expect_problem(403, "not_permitted");
}

#[tokio::test]
async fn an_order_is_its_buyers_and_its_organisers() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.event_with_seats(100).await;
    let bought = stage.buy(&stage.member, &event, 1).await.expect(201);
    let path = format!("{ORDERS}/{}", bought.text("id"));
    let readers = [401, 403, 403, 403, 403, 403, 200, 200];
    assert_eq!(statuses(&stage, Method::GET, &path, None).await, readers);
    stage.node.get(&stage.member, &path).await.expect(200);
    let of_customer = format!("{ORDERS}?customerId={}", stage.customer_id);
    assert_eq!(statuses(&stage, Method::GET, &of_customer, None).await, readers);
    let own = [401, 200, 403, 403, 403, 403, 403, 200];
    assert_eq!(statuses(&stage, Method::GET, ORDERS, None).await, own);
}

#[tokio::test]
async fn an_order_with_events_of_two_organisers_is_its_buyers_alone() {
    let stage = Stage::on(Backend::Sqlite).await;
    let own = stage.event_with_seats(10).await;
    let admin = stage.node.caller(&[("admin", None)]);
    let elsewhere = stage.plan_of(contracts::ids::CustomerId::new(), json!({}));
    let foreign = stage.node.post(&admin, EVENTS, elsewhere).await.expect(201);
    let foreign = foreign.text("id");
    let publish = json!({ "status": "published" });
    stage.node.patch(&admin, &format!("{EVENTS}/{foreign}"), publish).await.expect(200);
    let lines = [(&own[..], 1), (foreign, 1)];
    let lines = lines.map(|(id, quantity)| json!({ "eventId": id, "quantity": quantity }));
    let bought =
        stage.node.post(&stage.member, ORDERS, json!({ "lines": lines })).await.expect(201);
    let path = format!("{ORDERS}/{}", bought.text("id"));
    stage.node.get(&stage.member, &path).await.expect(200);
    stage.node.get(&admin, &path).await.expect(200);
    stage.node.get(&stage.organiser, &path).await.expect_problem(403, "not_permitted");
    let of_customer = format!("{ORDERS}?customerId={}", stage.customer_id);
    assert!(stage.node.get(&stage.organiser, &of_customer).await.expect(200).items().is_empty());
}

#[tokio::test]
async fn tickets_are_their_owners_and_their_organisers() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.event_with_seats(100).await;
    let codes = stage.tickets(&event, 3).await;
    let path = format!("{TICKETS}/{}", codes[0]);
    let readers = [401, 403, 403, 403, 403, 403, 200, 200];
    assert_eq!(statuses(&stage, Method::GET, &path, None).await, readers);
    stage.node.get(&stage.member, &path).await.expect(200);
    let cancelled = [401, 403, 403, 403, 403, 403, 204, 409];
    assert_eq!(statuses(&stage, Method::DELETE, &path, None).await, cancelled);
    let check_in = format!("{TICKETS}/{}/check-in", codes[1]);
    let checked_in = [401, 403, 403, 403, 200, 403, 409, 409];
    assert_eq!(statuses(&stage, Method::POST, &check_in, None).await, checked_in);
    let own_check_in = stage.node.post(&stage.member, &check_in, json!({})).await;
    own_check_in.expect_problem(403, "not_permitted");
}

#[tokio::test]
async fn a_list_of_tickets_has_ones_own_or_those_of_an_event_one_may_see() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.event_with_seats(100).await;
    stage.tickets(&event, 2).await;
    stage.buy(&stage.organiser, &event, 1).await.expect(201);
    let of_event = format!("{TICKETS}?eventId={event}");
    let lists = [401, 200, 403, 200, 403, 403, 200, 200];
    assert_eq!(statuses(&stage, Method::GET, &of_event, None).await, lists);
    assert_eq!(statuses(&stage, Method::GET, TICKETS, None).await, lists);
    let count = |caller: Caller, path: String| {
        let node = &stage.node;
        async move { node.get(&caller, &path).await.expect(200).items().len() }
    };
    assert_eq!(count(stage.member.clone(), of_event.clone()).await, 2, "own ones of the event");
    assert_eq!(count(stage.organiser.clone(), of_event.clone()).await, 3, "all of the event");
    assert_eq!(count(stage.organiser.clone(), TICKETS.into()).await, 1, "own ones");
    assert_eq!(count(stage.other_member(), of_event.clone()).await, 0);
    let foreign =
        stage.node.caller(&[("organiser-admin", Some(contracts::ids::CustomerId::new()))]);
    assert_eq!(count(foreign, of_event).await, 0);
}
