use contracts::audit::{AuditRecorded, Party};
use contracts::ids::CustomerId;
use insta::assert_json_snapshot;
use testkit::Caller;

use super::{AUDIT, actions, ada, administrator, done, node, wait_for};

#[tokio::test]
async fn an_entry_says_who_did_what_to_what_and_from_where() {
    let node = node().await;
    node.deliver(&done("roles:assign")).await;
    let entries = wait_for(&node, "", 1).await;
    assert_json_snapshot!(entries[0], { ".id" => "[id]", ".at" => "[time]" }, @r#"
    {
      "id": "[id]",
      "at": "[time]",
      "firstAt": null,
      "service": "test",
      "action": "roles:assign",
      "outcome": "done",
      "actor": {
        "kind": "user",
        "id": "ada-1",
        "label": "ada@example.org"
      },
      "on": {
        "kind": "Account",
        "id": "ben-1"
      },
      "customerId": null,
      "address": null,
      "agent": null,
      "details": {
        "role": "door"
      },
      "count": 1
    }
    "#);
}

#[tokio::test]
async fn the_log_is_filtered_by_everything_it_says() {
    let node = node().await;
    let customer = CustomerId::new();
    node.deliver(&done("roles:assign").customer(customer)).await;
    node.deliver(&AuditRecorded::denied(ada(), "events:update").on("Event", "7")).await;
    let by = Party::service("users");
    node.deliver(&AuditRecorded::failed(by, "users:secure", "wrong password")).await;
    wait_for(&node, "", 3).await;
    let admin = administrator(&node);
    let (past, future) = ("2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z");
    for (query, expected) in [
        ("actor=ada-1".to_owned(), vec!["events:update", "roles:assign"]),
        ("actor=Ada@example.org&outcome=done".into(), vec!["roles:assign"]),
        ("actor=users".into(), vec!["users:secure"]),
        ("action=users:".into(), vec!["users:secure"]),
        ("action=u".into(), vec!["users:secure"]),
        ("outcome=denied".into(), vec!["events:update"]),
        ("service=test&outcome=failed".into(), vec!["users:secure"]),
        ("service=events".into(), vec![]),
        ("onKind=Event".into(), vec!["events:update"]),
        ("onKind=Event&onId=8".into(), vec![]),
        ("onId=ben-1".into(), vec!["roles:assign"]),
        (format!("customerId={customer}"), vec!["roles:assign"]),
        (format!("from={future}"), vec![]),
        (format!("to={past}"), vec![]),
        (format!("from={past}&to={future}&action=events:update"), vec!["events:update"]),
    ] {
        let found = node.get(&admin, &format!("{AUDIT}?{query}")).await.expect(200);
        assert_eq!(actions(&found), expected, "{query}");
    }
}

#[tokio::test]
async fn the_log_is_read_page_by_page_the_latest_first() {
    let node = node().await;
    let mut delivered = vec![];
    for _ in 0..7 {
        delivered.push(node.deliver(&done("roles:assign")).await.id.to_string());
    }
    wait_for(&node, "", 7).await;
    let admin = administrator(&node);
    let mut read = vec![];
    let mut path = format!("{AUDIT}?limit=3");
    loop {
        let page = node.get(&admin, &path).await.expect(200);
        read.extend(page.items().iter().map(|e| e["id"].as_str().expect("an id").to_owned()));
        let Some(cursor) = page.body["nextCursor"].as_str() else { break };
        path = format!("{AUDIT}?limit=3&cursor={cursor}");
    }
    delivered.reverse();
    assert_eq!(read, delivered);
}

#[tokio::test]
async fn wrong_questions_are_explained() {
    let node = node().await;
    let admin = administrator(&node);
    for wrong in ["outcome=maybe", "action=%25", "actor=", "limit=0", "service=%00"] {
        let path = format!("{AUDIT}?{wrong}");
        node.get(&admin, &path).await.expect_problem(422, "invalid_values");
    }
    // A time that is beyond all calendars: [999999999999999999,"0193e4b2-…"]
    let beyond =
        "cursor=Wzk5OTk5OTk5OTk5OTk5OTk5OSwiMDE5M2U0YjItMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAwIl0";
    for wrong in ["from=yesterday", "customerId=7", "cursor=x", beyond] {
        let path = format!("{AUDIT}?{wrong}");
        node.get(&admin, &path).await.expect_problem(400, "malformed_request");
    }
}

#[tokio::test]
async fn nobody_but_the_administrator_reads_the_log_and_nobody_changes_it() {
    let node = node().await;
    node.get(&Caller::anonymous(), AUDIT).await.expect_problem(401, "unauthenticated");
    let customer = CustomerId::new();
    for role in ["organiser-admin", "crew-admin", "door"] {
        let caller = node.caller(&[(role, Some(customer))]);
        node.get(&caller, AUDIT).await.expect_problem(403, "not_permitted");
        // Not even what is about the own customer.
        let own = format!("{AUDIT}?customerId={}", customer);
        node.get(&caller, &own).await.expect_problem(403, "not_permitted");
    }
    for role in ["member", "manager", "accountant"] {
        let caller = node.caller(&[(role, None)]);
        node.get(&caller, AUDIT).await.expect_problem(403, "not_permitted");
    }
    let admin = administrator(&node);
    node.delete(&admin, AUDIT).await.expect(405);
    node.post(&admin, AUDIT, serde_json::json!({})).await.expect(405);
}
