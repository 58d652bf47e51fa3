use contracts::ids::UserId;
use contracts::messages::{HeldRole, RoleAssigned, RoleRevoked};
use serde_json::json;
use testkit::{TestNode, eventually};

use super::node;

async fn wait_for_holders(node: &TestNode, role: &str, holders: i64) {
    let admin = node.caller(&[("admin", None)]);
    let path = format!("/api/v1/roles/{role}");
    eventually("the count of holders", || async {
        let answer = node.get(&admin, &path).await.expect(200);
        (answer.body["holders"] == holders).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_role_in_use_cannot_be_deleted_until_the_last_holder_is_gone() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let role = json!({ "name": "stage-hand", "permissions": ["events:read:own"] });
    node.post(&admin, "/api/v1/roles", role).await.expect(201);
    let user_id = UserId::new();
    let held = HeldRole { role: "stage-hand".into(), customer_id: None };
    let assigned = RoleAssigned { user_id, granted: held.clone(), roles: vec![held.clone()] };

    let message = node.deliver(&assigned).await;
    node.redeliver(&message).await;
    node.deliver(&assigned).await;
    wait_for_holders(&node, "stage-hand", 2).await;
    node.delete(&admin, "/api/v1/roles/stage-hand").await.expect_problem(409, "role_in_use");

    let revoked = RoleRevoked { user_id, revoked: held, roles: vec![] };
    node.deliver(&revoked).await;
    node.deliver(&revoked).await;
    wait_for_holders(&node, "stage-hand", 0).await;
    node.delete(&admin, "/api/v1/roles/stage-hand").await.expect(204);
    node.get(&admin, "/api/v1/roles/stage-hand").await.expect_problem(404, "role_not_found");
}
