//! What this service puts into the audit log.

use contracts::audit::{AuditRecorded, Outcome};
use serde_json::json;
use testkit::Backend;

use super::stage::Stage;

async fn told_of(stage: &Stage, action: &str) -> Vec<AuditRecorded> {
    stage.node.audited().await.into_iter().filter(|record| record.action == action).collect()
}

#[tokio::test]
async fn staff_who_cancel_a_ticket_are_on_record_and_owners_are_not() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.event_with_seats(5).await;
    let codes = stage.tickets(&event, 2).await;
    let path = |code: &String| format!("/api/v1/tickets/{code}");
    stage.node.delete(&stage.member, &path(&codes[0])).await.expect(204);
    let staff = stage.with_role("organiser-admin");
    stage.node.delete(&staff, &path(&codes[1])).await.expect(204);
    let told = told_of(&stage, "tickets:cancel").await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].by.id, Some(staff.user_id.to_string()));
    assert_eq!(told[0].details["ownerId"], json!(stage.member.user_id));
}

#[tokio::test]
async fn no_entry_has_a_code_that_somebody_could_come_in_with() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.event_with_seats(5).await;
    let code = stage.tickets(&event, 1).await.remove(0);
    let stranger = stage.other_member();
    stage.node.get(&stranger, &format!("/api/v1/tickets/{code}")).await.expect(403);
    let denied = stage.node.wait_for_audited("tickets:read", Outcome::Denied).await;
    let on = denied.on.clone().expect("a ticket");
    assert_eq!(on.id, format!("{}…", &code[..4]));
    let entry = serde_json::to_string(&denied).expect("JSON");
    assert!(!entry.contains(&code) && !entry.contains(&code.replace('-', "")), "{entry}");
}

#[tokio::test]
async fn what_becomes_of_an_event_is_on_record_and_how_it_is_described_is_not() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.published(json!({})).await;
    stage.change(&event, json!({ "description": "Another stage" })).await.expect(200);
    stage.change(&event, json!({ "status": "cancelled" })).await.expect(200);
    let told = told_of(&stage, "events:update").await;
    let statuses: Vec<_> = told.iter().map(|record| record.details["status"].clone()).collect();
    assert_eq!(statuses, ["published", "cancelled"]);

    let draft = stage.draft(json!({})).await;
    let organiser = stage.with_role("organiser-admin");
    stage.node.delete(&organiser, &format!("/api/v1/events/{draft}")).await.expect(204);
    let deleted = &told_of(&stage, "events:delete").await[0];
    assert_eq!(deleted.on.as_ref().map(|on| on.id.as_str()), Some(draft.as_str()));
    assert!(deleted.customer_id.is_some());
}
