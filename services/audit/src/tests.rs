//! Tests of the whole service: the real router, the real database, the real tokens.

mod consumers;
mod domain;
mod export;
mod http;
mod jobs;
mod store;

use contracts::audit::{AuditRecorded, Party};
use serde_json::Value;
use testkit::{Answer, Caller, TestNode, eventually};

const AUDIT: &str = "/api/v1/audit";

async fn node() -> TestNode {
    TestNode::of("audit", crate::start, crate::MIGRATIONS).await
}

fn administrator(node: &TestNode) -> Caller {
    node.caller(&[("admin", None)])
}

fn ada() -> Party {
    Party::user("ada-1", "ada@example.org")
}

fn done(action: &str) -> AuditRecorded {
    AuditRecorded::done(ada(), action).on("Account", "ben-1").detail("role", "door")
}

/// Waits until the log has so many entries that match; those entries.
async fn wait_for(node: &TestNode, query: &str, count: usize) -> Vec<Value> {
    let admin = administrator(node);
    let path = format!("{AUDIT}?{query}");
    eventually("the entries", || async {
        let found = node.get(&admin, &path).await.expect(200);
        (found.items().len() >= count).then(|| found.items().to_vec())
    })
    .await
}

fn actions(answer: &Answer) -> Vec<&str> {
    answer.items().iter().map(|entry| entry["action"].as_str().expect("an action")).collect()
}
