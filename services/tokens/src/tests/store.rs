use serde_json::json;
use testkit::{Backend, eventually};

use super::{USER_ID, caller, node_on, refresh, sign_in, validate};
use contracts::messages::{HeldRole, RoleAssigned};

/// The same walk through every query, on both databases.
async fn a_session_lives_and_ends(backend: Backend) {
    let node = node_on(backend).await;
    let first = sign_in(&node).await;
    let second = refresh(&node, first.text("refreshToken")).await.expect(200);
    let user_id = USER_ID.parse().expect("an id");
    let door = HeldRole { role: "door".into(), customer_id: None };
    node.deliver(&RoleAssigned { user_id, granted: door.clone(), roles: vec![door] }).await;
    eventually("the change of roles", || async {
        (super::grpc::snapshot(&node).await.changed_roles.len() == 1).then_some(())
    })
    .await;
    let third = refresh(&node, second.text("refreshToken")).await.expect(200);
    assert_eq!(validate(&node, third.text("accessToken")).await.body["roles"], json!(["door"]));
    node.send(&caller(&third), http::Method::POST, "/api/v1/auth/logout", None, &[])
        .await
        .expect(204);
    assert_eq!(super::grpc::snapshot(&node).await.ended_sessions.len(), 1);
    assert_eq!(validate(&node, third.text("accessToken")).await.text("reason"), "REVOKED");
    assert_eq!(node.published_kinds().await, ["session.ended"]);
    node.stop().await;
}

#[tokio::test]
async fn a_session_lives_and_ends_on_sqlite() {
    a_session_lives_and_ends(Backend::Sqlite).await;
}

#[tokio::test]
async fn a_session_lives_and_ends_on_postgres() {
    a_session_lives_and_ends(Backend::Postgres).await;
}
