use contracts::audit::AuditRecorded;
use policies::Origin;
use serde_json::json;
use testkit::eventually;

use super::{AUDIT, ada, administrator, done, node, wait_for};

#[tokio::test]
async fn an_entry_is_there_once_however_often_its_message_comes() {
    let node = node().await;
    let message = node.deliver(&done("roles:assign")).await;
    wait_for(&node, "", 1).await;
    node.redeliver(&message).await;
    // The one after it has been written, so the second delivery has been worked off as well.
    node.deliver(&done("roles:revoke")).await;
    let entries = wait_for(&node, "", 2).await;
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[1]["id"], json!(message.id));
}

#[tokio::test]
async fn what_several_messages_counted_is_one_entry_with_its_times() {
    let node = node().await;
    let (first, last) = (testkit::now(), testkit::now() + jiff::SignedDuration::from_secs(3));
    let denied = AuditRecorded {
        count: 40,
        first_at: Some(first),
        last_at: Some(last),
        ..AuditRecorded::denied(ada(), "events:update").on("Event", "7")
    };
    node.deliver(&denied).await;
    let entries = wait_for(&node, "outcome=denied", 1).await;
    assert_eq!(entries[0]["count"], 40);
    assert_eq!(entries[0]["firstAt"], json!(first));
    assert_eq!(entries[0]["at"], json!(last));
}

#[tokio::test]
async fn details_that_are_too_long_are_left_out_and_the_entry_says_so() {
    let node = node().await;
    // Past what a service can put in by itself: every text of it is cut there.
    let mut record = done("roles:assign");
    record.details.insert("flood".into(), json!("x".repeat(100_000)));
    node.deliver(&record).await;
    let entries = wait_for(&node, "", 1).await;
    assert_eq!(entries[0]["details"], json!({ "leftOut": "the details were too long to keep" }));
    assert_eq!(entries[0]["action"], "roles:assign");
}

#[tokio::test]
async fn where_it_came_from_is_kept() {
    let node = node().await;
    let origin = Origin {
        address: Some([203, 0, 113, 9].into()),
        agent: Some("Harbour browser 1.0".into()),
    };
    let record = AuditRecorded::done(ada().from_origin(&origin), "users:update");
    node.deliver(&record).await;
    let entries = wait_for(&node, "", 1).await;
    assert_eq!(entries[0]["address"], "203.0.113.9");
    assert_eq!(entries[0]["agent"], "Harbour browser 1.0");
    assert_eq!(entries[0]["on"], json!(null));
}

#[tokio::test]
async fn a_denial_at_the_log_itself_is_in_the_log() {
    let node = node().await;
    let member = node.caller(&[("member", None)]);
    node.get(&member, AUDIT).await.expect_problem(403, "not_permitted");
    let admin = administrator(&node);
    let denied = eventually("the denial", || async {
        node.audited().await; // hands over what is in the outbox
        let found = node.get(&admin, &format!("{AUDIT}?action=audit:read")).await.expect(200);
        found.items().first().cloned()
    })
    .await;
    assert_eq!(denied["outcome"], "denied");
    assert_eq!(denied["actor"]["id"], json!(member.user_id));
    assert_eq!(denied["service"], "audit");
    assert_eq!(denied["details"]["needs"], "audit:read");
    assert_eq!(denied["details"]["forbiddenBy"], json!(["the-log-is-read-as-a-whole"]));
}
