use contracts::audit::{AuditRecorded, Party};
use serde_json::{Value, json};
use testkit::TestNode;

use super::{administrator, done, node, wait_for};

const EXPORT: &str = "/api/v1/audit/export";

async fn with_entries(node: &TestNode, count: usize) {
    for number in 0..count {
        node.deliver(&done("roles:assign").detail("number", number)).await;
    }
    wait_for(node, "limit=200", count.min(200)).await;
}

fn text(body: &Value) -> &str {
    body.as_str().expect("text")
}

#[tokio::test]
async fn an_export_has_every_entry_once_over_all_its_pages() {
    let node = node().await;
    with_entries(&node, 3).await;
    let admin = administrator(&node);
    let last = node.deliver(&done("users:delete")).await;
    wait_for(&node, "action=users:", 1).await;
    let answer = node.get(&admin, &format!("{EXPORT}?format=jsonl")).await.expect(200);
    assert_eq!(answer.headers["content-type"], "application/jsonl");
    assert_eq!(answer.headers["content-disposition"], "attachment; filename=\"audit.jsonl\"");
    let lines: Vec<Value> =
        text(&answer.body).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0]["id"], json!(last.id), "the latest first");
    let filtered = node.get(&admin, &format!("{EXPORT}?format=jsonl&action=users:")).await;
    let entry = filtered.expect(200).body;
    assert_eq!(entry["action"], "users:delete", "one line is one document");
}

#[tokio::test]
async fn a_csv_file_cannot_make_a_spreadsheet_calculate() {
    let node = node().await;
    let formula = "=HYPERLINK(\"http://evil.example\")";
    let by = Party { agent: Some(formula.into()), ..Party::user("1", formula) };
    node.deliver(&AuditRecorded::done(by, "users:update").on("Account", "+1")).await;
    wait_for(&node, "", 1).await;
    let answer = node.get(&administrator(&node), EXPORT).await.expect(200);
    assert!(answer.headers["content-type"].to_str().expect("text").starts_with("text/csv"));
    let mut lines = text(&answer.body).split("\r\n");
    let head = lines.next().expect("a head");
    assert!(head.starts_with("at,firstAt,service,action,outcome,count,actorKind"), "{head}");
    let row = lines.next().expect("a row");
    assert!(row.contains("\"'=HYPERLINK(\"\"http://evil.example\"\")\""), "{row}");
    assert!(row.contains(",'+1,") && !row.contains(",="), "{row}");
}

#[tokio::test]
async fn that_somebody_took_the_log_away_is_in_the_log() {
    let node = node().await;
    let admin = administrator(&node);
    node.get(&admin, &format!("{EXPORT}?outcome=denied&service=events")).await.expect(200);
    let told = node.audited().await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].action.as_str(), told[0].by.id.clone()),
        ("audit:export", Some(admin.user_id.to_string()))
    );
    assert_eq!(told[0].details["filteredBy"], json!(["outcome", "service"]));
}

#[tokio::test]
async fn only_who_reads_the_log_exports_it_and_only_in_a_known_format() {
    let node = node().await;
    let organiser = node.caller(&[("organiser-admin", Some(contracts::ids::CustomerId::new()))]);
    node.get(&organiser, EXPORT).await.expect_problem(403, "not_permitted");
    let admin = administrator(&node);
    node.get(&admin, &format!("{EXPORT}?format=xml")).await.expect_problem(422, "invalid_values");
    assert!(node.audited().await.iter().all(|record| record.action != "audit:export"));
}
