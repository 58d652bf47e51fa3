use http::Method;
use serde_json::json;
use testkit::Backend;

use crate::tests::stage::{ORDERS, Stage, TICKETS, codes};

#[tokio::test]
async fn a_cancelled_ticket_gives_its_seat_back() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.event_with_seats(2).await;
    let bought = stage.buy(&stage.member, &event, 2).await.expect(201);
    let [first, second] = codes(&bought).try_into().expect("two tickets");
    let order = format!("{ORDERS}/{}", bought.text("id"));
    stage.node.delete(&stage.member, &format!("{TICKETS}/{first}")).await.expect(204);
    assert_eq!(stage.seats_left(&event).await, 1);
    assert_eq!(stage.node.get(&stage.member, &order).await.expect(200).text("status"), "confirmed");
    let again = stage.node.delete(&stage.member, &format!("{TICKETS}/{first}")).await;
    again.expect_problem(409, "ticket_cancelled");
    let stale = [("if-match", "\"9\"")];
    let path = format!("{TICKETS}/{second}");
    let answer = stage.node.send(&stage.member, Method::DELETE, &path, None, &stale).await;
    answer.expect_problem(412, "stale_version");
    stage.node.delete(&stage.member, &path).await.expect(204);
    let order = stage.node.get(&stage.member, &order).await.expect(200);
    assert_eq!((order.text("status"), order.etag()), ("cancelled", "\"3\""));
    assert_eq!(stage.seats_left(&event).await, 2);
    stage.check_invariants().await;
    let kinds = stage.node.published_kinds().await;
    assert_eq!(kinds[5..], ["ticket.cancelled", "ticket.cancelled"]);
}

#[tokio::test]
async fn a_ticket_lets_somebody_in_once() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.event_with_seats(2).await;
    let [code, cancelled] = stage.tickets(&event, 2).await.try_into().expect("two tickets");
    let door = stage.with_role("door");
    let typed = code.to_lowercase().replace('-', "");
    let path = format!("{TICKETS}/{typed}/check-in");
    let checked_in = stage.node.post(&door, &path, json!({})).await.expect(200);
    assert_eq!((checked_in.text("status"), checked_in.text("code")), ("checkedIn", &code[..]));
    assert_eq!(checked_in.text("checkedInBy"), door.user_id.to_string());
    let again = stage.node.post(&stage.with_role("door"), &path, json!({})).await;
    let again = again.expect_problem(409, "already_checked_in");
    assert_eq!(again.text("checkedInAt"), checked_in.text("checkedInAt"));
    assert_eq!(again.text("checkedInBy"), door.user_id.to_string());
    let ticket = format!("{TICKETS}/{code}");
    assert_eq!(stage.node.get(&stage.member, &ticket).await.expect(200).body, checked_in.body);
    stage.node.delete(&stage.member, &ticket).await.expect_problem(409, "already_checked_in");

    stage.node.delete(&stage.member, &format!("{TICKETS}/{cancelled}")).await.expect(204);
    let path = format!("{TICKETS}/{cancelled}/check-in");
    stage.node.post(&door, &path, json!({})).await.expect_problem(409, "ticket_cancelled");
    assert_eq!(stage.node.published_kinds().await[5..], ["ticket.checked_in", "ticket.cancelled"]);
    stage.check_invariants().await;
}

#[tokio::test]
async fn a_ticket_for_another_event_is_refused_and_not_used() {
    let stage = Stage::on(Backend::Sqlite).await;
    let (here, there) = (stage.event_with_seats(1).await, stage.event_with_seats(1).await);
    let code = stage.tickets(&there, 1).await.remove(0);
    let door = stage.with_role("door");
    let path = format!("{TICKETS}/{code}/check-in");
    let refused = stage.node.post(&door, &path, json!({ "eventId": here })).await;
    let refused = refused.expect_problem(409, "ticket_of_other_event");
    assert_eq!(refused.text("eventId"), there);
    let wrong = [json!({ "eventId": 1 }), json!({ "event": here }), json!({ "scannedAt": "x" })];
    for body in wrong {
        stage.node.post(&door, &path, body).await.expect_problem(400, "malformed_request");
    }
    let ticket = stage.node.get(&stage.member, &format!("{TICKETS}/{code}")).await.expect(200);
    assert_eq!(ticket.text("status"), "valid");
    stage.node.post(&door, &path, json!({ "eventId": there })).await.expect(200);
}

#[tokio::test]
async fn a_scan_that_is_sent_later_counts_from_when_it_was_made() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.event_with_seats(3).await;
    let door = stage.with_role("door");
    let scan = async |code: &str, at: &str| {
        let path = format!("{TICKETS}/{code}/check-in");
        stage.node.post(&door, &path, json!({ "scannedAt": at })).await.expect(200)
    };
    let [first, second, third] = stage.tickets(&event, 3).await.try_into().expect("three");
    let before_issue = scan(&first, "2001-01-01T00:00:00Z").await;
    let issued_at = before_issue.text("issuedAt").to_owned();
    assert_eq!(before_issue.text("checkedInAt"), issued_at);
    assert_eq!(scan(&second, &issued_at).await.text("checkedInAt"), issued_at);
    assert!(scan(&third, "9000-01-01T00:00:00Z").await.text("checkedInAt") < "8999");
}

#[tokio::test]
async fn a_code_that_is_none_is_not_found() {
    let stage = Stage::on(Backend::Sqlite).await;
    let door = stage.with_role("door");
    for code in ["0000-0000-0000-0000", "x", "%00", "7KQ2-M9XD-4TBA-PR3U", "%F0%9F%8E%B7"] {
        let path = format!("{TICKETS}/{code}");
        stage.node.get(&door, &path).await.expect_problem(404, "ticket_not_found");
        stage.node.delete(&door, &path).await.expect_problem(404, "ticket_not_found");
        let check_in = format!("{path}/check-in");
        stage.node.post(&door, &check_in, json!({})).await.expect_problem(404, "ticket_not_found");
    }
}

#[tokio::test]
async fn after_the_event_tickets_are_not_taken_back() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.event_with_seats(2).await;
    let code = stage.tickets(&event, 1).await.remove(0);
    let past = json!({ "startDate": "2001-01-01T00:00:00Z", "endDate": "2001-01-01T02:00:00Z" });
    stage.change(&event, past).await.expect(200);
    stage
        .node
        .delete(&stage.member, &format!("{TICKETS}/{code}"))
        .await
        .expect_problem(409, "event_over");
    assert_eq!(stage.seats_left(&event).await, 1);
}

#[tokio::test]
async fn tickets_are_listed_page_by_page_and_by_status() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.event_with_seats(20).await;
    let mut bought = stage.tickets(&event, 5).await;
    stage.node.delete(&stage.member, &format!("{TICKETS}/{}", bought[0])).await.expect(204);
    let mut listed = vec![];
    let mut path = format!("{TICKETS}?limit=2");
    loop {
        let page = stage.node.get(&stage.member, &path).await.expect(200);
        listed.extend(codes(&testkit::Answer { body: json!({ "tickets": page.items() }), ..page }));
        let page = stage.node.get(&stage.member, &path).await.expect(200);
        let Some(cursor) = page.body["nextCursor"].as_str() else { break };
        path = format!("{TICKETS}?limit=2&cursor={cursor}");
    }
    bought.sort();
    listed.sort();
    assert_eq!(listed, bought);
    for (query, count) in [("status=valid", 4), ("status=cancelled", 1), ("status=checkedIn", 0)] {
        let path = format!("{TICKETS}?eventId={event}&{query}");
        assert_eq!(stage.node.get(&stage.member, &path).await.expect(200).items().len(), count);
    }
    let wrong = format!("{TICKETS}?status=lost");
    stage.node.get(&stage.member, &wrong).await.expect_problem(422, "invalid_values");
    // [1, "\u0000"] and [1, "'"]: well-formed cursors that no list has given.
    for forged in ["WzEsICJcdTAwMDAiXQ", "WzEsICInIl0", "eventId=1"] {
        let path = format!("{TICKETS}?cursor={forged}");
        stage.node.get(&stage.member, &path).await.expect_problem(400, "malformed_request");
    }
}
