use serde_json::json;
use testkit::{Backend, TestNode};

/// The same walk through every query, on both databases.
async fn everything_is_stored_and_found_again(backend: Backend) {
    let node =
        TestNode::builder("roles", crate::start, crate::MIGRATIONS).on(backend).start().await;
    let admin = node.caller(&[("admin", None)]);
    let role = json!({ "name": "stage-hand", "permissions": ["events:read:own", "users:read"] });
    let created = node.post(&admin, "/api/v1/roles", role.clone()).await.expect(201);
    let path = "/api/v1/roles/stage-hand";
    assert_eq!(node.get(&admin, path).await.expect(200).body, created.body);
    node.post(&admin, "/api/v1/roles", role).await.expect_problem(409, "role_name_taken");
    let change = json!({ "permissions": ["events:read"] });
    let changed = node.patch(&admin, path, change).await.expect(200);
    assert_eq!(node.get(&admin, path).await.expect(200).body, changed.body);
    assert_eq!(node.published_kinds().await, ["role.created", "role.updated"]);
    node.delete(&admin, path).await.expect(204);
    node.get(&admin, path).await.expect(404);
    node.stop().await;
}

#[tokio::test]
async fn everything_is_stored_and_found_again_on_sqlite() {
    everything_is_stored_and_found_again(Backend::Sqlite).await;
}

#[tokio::test]
async fn everything_is_stored_and_found_again_on_postgres() {
    everything_is_stored_and_found_again(Backend::Postgres).await;
}
