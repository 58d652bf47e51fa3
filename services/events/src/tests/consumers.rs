use contracts::ids::CustomerId;
use contracts::messages::{CustomerDeleted, UserDeleted};
use serde_json::json;
use testkit::{Backend, eventually};

use super::stage::{EVENTS, ORDERS, Stage, TICKETS, codes, order};

async fn deleting_a_customer_cancels_its_events(backend: Backend) {
    let stage = Stage::on(backend).await;
    let (draft, event) = (stage.draft(json!({})).await, stage.event_with_seats(5).await);
    let completed = stage.event_with_seats(5).await;
    stage.change(&completed, json!({ "status": "completed" })).await.expect(200);
    let admin = stage.node.caller(&[("admin", None)]);
    let foreign = stage.plan_of(CustomerId::new(), json!({}));
    let foreign = stage.node.post(&admin, EVENTS, foreign).await.expect(201).text("id").to_owned();
    let before = stage.node.published_kinds().await.len();

    let message = stage.node.deliver(&CustomerDeleted { customer_id: stage.customer_id }).await;
    let status = |id: String| {
        let (node, admin) = (&stage.node, &admin);
        async move {
            let answer = node.get(admin, &format!("{EVENTS}/{id}")).await.expect(200);
            answer.text("status").to_owned()
        }
    };
    eventually("cancelled events", || async {
        (status(event.clone()).await == "cancelled").then_some(())
    })
    .await;
    stage.node.redeliver(&message).await;
    let statuses = [status(draft).await, status(completed).await, status(foreign).await];
    assert_eq!(statuses, ["cancelled", "completed", "draft"]);
    stage.buy(&stage.member, &event, 1).await.expect_problem(409, "event_not_on_sale");
    assert_eq!(stage.node.published_kinds().await[before..], ["event.updated", "event.updated"]);
    stage.node.stop().await;
}

#[tokio::test]
async fn deleting_a_customer_cancels_its_events_on_sqlite() {
    deleting_a_customer_cancels_its_events(Backend::Sqlite).await;
}

#[tokio::test]
async fn deleting_a_customer_cancels_its_events_on_postgres() {
    deleting_a_customer_cancels_its_events(Backend::Postgres).await;
}

async fn a_deleted_user_is_forgotten_and_the_tickets_stay_valid(backend: Backend) {
    let stage = Stage::on(backend).await;
    let event = stage.event_with_seats(5).await;
    let mut wanted = order(&event, 1);
    wanted["buyer"] = json!({ "name": "Åsa", "email": "asa@example.org" });
    let bought = stage.node.post(&stage.member, ORDERS, wanted.clone()).await.expect(201);
    let kept = stage.node.post(&stage.other_member(), ORDERS, wanted).await.expect(201);
    let admin = stage.node.caller(&[("admin", None)]);
    let find = |order: &testkit::Answer| {
        let (path, node, admin) = (format!("{ORDERS}/{}", order.text("id")), &stage.node, &admin);
        async move { node.get(admin, &path).await.expect(200) }
    };

    stage.node.deliver(&UserDeleted { user_id: stage.member.user_id }).await;
    stage.node.deliver(&UserDeleted { user_id: stage.organiser.user_id }).await;
    eventually("a forgotten creator", || async {
        let remembered = "select count(*) from event where created_by is not null";
        (stage.count(remembered).await == 0).then_some(())
    })
    .await;
    let forgotten = find(&bought).await;
    assert!(forgotten.body["buyer"].is_null());
    assert_eq!(forgotten.body["tickets"][0]["holderName"], "");
    assert_eq!(find(&kept).await.body["buyer"]["name"], "Åsa");
    let check_in = format!("{TICKETS}/{}/check-in", codes(&bought)[0]);
    stage.node.post(&stage.with_role("door"), &check_in, json!({})).await.expect(200);
    stage.node.stop().await;
}

#[tokio::test]
async fn a_deleted_user_is_forgotten_and_the_tickets_stay_valid_on_sqlite() {
    a_deleted_user_is_forgotten_and_the_tickets_stay_valid(Backend::Sqlite).await;
}

#[tokio::test]
async fn a_deleted_user_is_forgotten_and_the_tickets_stay_valid_on_postgres() {
    a_deleted_user_is_forgotten_and_the_tickets_stay_valid(Backend::Postgres).await;
}
