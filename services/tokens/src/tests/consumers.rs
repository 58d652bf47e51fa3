use contracts::messages::{
    HeldRole, RoleAssigned, RoleRevoked, UserDeleted, UserPasswordChanged, UserUpdated,
};
use serde_json::json;
use testkit::{TestNode, eventually};

use super::{EMAIL, USER_ID, refresh, sign_in, validate};

fn held(role: &str) -> HeldRole {
    HeldRole { role: role.into(), customer_id: None }
}

async fn wait_for_roles(node: &TestNode, roles: serde_json::Value) {
    eventually("the roles in a new token", || async {
        let tokens = sign_in_then_refresh(node).await;
        (validate(node, &tokens).await.body["roles"] == roles).then_some(())
    })
    .await;
}

/// A session that began before the message, refreshed after it.
async fn sign_in_then_refresh(node: &TestNode) -> String {
    let tokens = sign_in(node).await;
    let user_id = USER_ID.parse().expect("an id");
    let roles = vec![held("member"), held("door")];
    let assigned = RoleAssigned { user_id, granted: held("door"), roles };
    node.deliver(&assigned).await;
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    refresh(node, tokens.text("refreshToken")).await.expect(200).text("accessToken").to_owned()
}

#[tokio::test]
async fn a_new_role_is_in_the_next_token_of_a_running_session() {
    let node = super::node().await;
    wait_for_roles(&node, json!(["door", "member"])).await;
}

#[tokio::test]
async fn a_role_that_was_taken_is_told_to_other_processes_and_an_older_message_changes_nothing() {
    let node = super::node().await;
    let user_id = USER_ID.parse().expect("an id");
    let assigned = RoleAssigned { user_id, granted: held("door"), roles: vec![held("door")] };
    let older = node.deliver(&assigned).await;
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    node.deliver(&RoleRevoked { user_id, revoked: held("door"), roles: vec![] }).await;
    // The same content under another id: the inbox cannot recognise it, its time can.
    node.redeliver(&messages::Message { id: uuid::Uuid::now_v7(), ..older }).await;
    eventually("both messages", || async {
        let changed = super::grpc::snapshot(&node).await.changed_roles;
        (changed.len() == 1 && changed[0].roles.is_empty()).then_some(())
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(super::grpc::snapshot(&node).await.changed_roles[0].roles.is_empty());
}

#[tokio::test]
async fn c29_a_disabled_or_deleted_account_is_signed_out_everywhere() {
    let user_id = USER_ID.parse().expect("an id");
    let disabled = UserUpdated {
        user_id,
        email: EMAIL.into(),
        first_name: "Ada".into(),
        last_name: "Byron".into(),
        customer_id: None,
        is_active: false,
    };
    let node = super::node().await;
    let tokens = sign_in(&node).await;
    node.deliver(&disabled).await;
    wait_for_refusal(&node, tokens.text("refreshToken"), tokens.text("accessToken")).await;

    let node = super::node().await;
    let tokens = sign_in(&node).await;
    node.deliver(&UserDeleted { user_id }).await;
    wait_for_refusal(&node, tokens.text("refreshToken"), tokens.text("accessToken")).await;
}

#[tokio::test]
async fn a_changed_password_ends_every_session_but_the_one_it_was_changed_in() {
    let node = super::node().await;
    let (kept, other) = (sign_in(&node).await, sign_in(&node).await);
    let sid = super::oauth::claims(kept.text("accessToken"))["sid"].clone();
    let keep_session_id = sid.as_str().and_then(|text| text.parse().ok());
    let user_id = USER_ID.parse().expect("an id");
    node.deliver(&UserPasswordChanged { user_id, keep_session_id }).await;
    eventually("the end of the other session", || async {
        let validation = validate(&node, other.text("accessToken")).await;
        (validation.body["reason"] == "REVOKED").then_some(())
    })
    .await;
    refresh(&node, kept.text("refreshToken")).await.expect(200);
    node.deliver(&UserPasswordChanged { user_id, keep_session_id: None }).await;
    wait_for_end(&node, kept.text("accessToken")).await;
}

async fn wait_for_end(node: &TestNode, access_token: &str) {
    eventually("the end of the session", || async {
        let validation = validate(node, access_token).await;
        (validation.body["reason"] == "REVOKED").then_some(())
    })
    .await;
}

async fn wait_for_refusal(node: &TestNode, refresh_token: &str, access_token: &str) {
    eventually("the end of the sessions", || async {
        let validation = validate(node, access_token).await;
        (validation.body["reason"] == "REVOKED").then_some(())
    })
    .await;
    refresh(node, refresh_token).await.expect_problem(401, "bad_refresh_token");
    assert_eq!(node.published_kinds().await.last().map(String::as_str), Some("token.revoked"));
}
