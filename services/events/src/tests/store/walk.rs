use contracts::ids::CustomerId;
use serde_json::json;
use testkit::{Backend, Caller};

use crate::tests::stage::{EVENTS, ORDERS, Stage, TICKETS, codes};

/// The same walk through every query, on both databases.
async fn everything_is_stored_and_found_again(backend: Backend) {
    let stage = Stage::on(backend).await;
    let node = &stage.node;
    let event =
        stage.draft(json!({ "details": { "doors": { "opens": "17:00", "at": [1, 2] } } })).await;
    let path = format!("{EVENTS}/{event}");
    let change =
        json!({ "status": "published", "seats": 40, "details": { "doors": { "at": null } } });
    let published = stage.change(&event, change).await.expect(200);
    assert_eq!(node.get(&Caller::anonymous(), &path).await.expect(200).body, published.body);
    assert_eq!(published.body["details"], json!({ "doors": { "opens": "17:00" } }));

    let foreign = CustomerId::new();
    for query in [
        "q=moonlight",
        "location=STOCKHOLM",
        "eventType=concert",
        "status=published",
        "from=2020-01-01T00:00:00Z",
        "to=2090-01-01T00:00:00Z",
        "q=%25&limit=1",
        "q=_'%22",
        &format!("customerId={}", stage.customer_id),
        &format!("customerId={foreign}"),
    ] {
        let list = node.get(&stage.organiser, &format!("{EVENTS}?{query}")).await.expect(200);
        let finds_it = !query.contains("q=%25")
            && !query.contains("q=_")
            && !query.contains(&foreign.to_string());
        assert_eq!(list.items().len(), usize::from(finds_it), "{query}");
    }

    let bought = stage.buy(&stage.member, &event, 20).await.expect(201);
    let found =
        node.get(&stage.member, &format!("{ORDERS}/{}", bought.text("id"))).await.expect(200);
    assert_eq!(
        (found.body["total"].clone(), codes(&found).len()),
        (bought.body["total"].clone(), 20)
    );
    let of_customer = format!("{ORDERS}?customerId={}&limit=1", stage.customer_id);
    assert_eq!(node.get(&stage.organiser, &of_customer).await.expect(200).items().len(), 1);
    let [first, second] = [0, 1].map(|place| format!("{TICKETS}/{}", codes(&bought)[place]));
    node.delete(&stage.member, &first).await.expect(204);
    node.post(&stage.with_role("door"), &format!("{second}/check-in"), json!({})).await.expect(200);
    assert_eq!(node.get(&stage.member, &second).await.expect(200).text("status"), "checkedIn");
    node.delete(&stage.member, &second).await.expect_problem(409, "already_checked_in");
    let page =
        node.get(&stage.member, &format!("{TICKETS}?eventId={event}&status=valid&limit=10")).await;
    let page = page.expect(200);
    let rest = format!("{TICKETS}?eventId={event}&status=valid&cursor={}", page.text("nextCursor"));
    assert_eq!(node.get(&stage.organiser, &rest).await.expect(200).items().len(), 8);

    for bucket in ["hour", "day"] {
        let sales =
            node.get(&stage.organiser, &format!("{path}/sales?bucket={bucket}")).await.expect(200);
        assert_eq!(sales.body["ticketsSold"], 19);
        assert_eq!(sales.body["revenue"]["amountMinor"], 19 * 45000);
        assert_eq!(sales.body["points"][0]["tickets"], 19);
    }
    stage.change(&event, json!({ "seats": 18 })).await.expect_problem(409, "seats_below_sold");
    node.delete(&stage.organiser, &path).await.expect_problem(409, "event_has_orders");
    let unsold = format!("{EVENTS}/{}", stage.draft(json!({})).await);
    node.delete(&stage.organiser, &unsold).await.expect(204);
    stage.check_invariants().await;
    stage.node.stop().await;
}

#[tokio::test]
async fn everything_is_stored_and_found_again_on_sqlite() {
    everything_is_stored_and_found_again(Backend::Sqlite).await;
}

#[tokio::test]
async fn everything_is_stored_and_found_again_on_postgres() {
    everything_is_stored_and_found_again(Backend::Postgres).await;
}
