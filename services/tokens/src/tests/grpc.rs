use contracts::grpc::tokens::tokens_client::TokensClient;
use contracts::grpc::tokens::{RefreshRequest, SnapshotRequest, SnapshotResponse};
use testkit::{Caller, TestNode};
use tonic::Code;

use super::{caller, node, sign_in};

pub async fn snapshot(node: &TestNode) -> SnapshotResponse {
    let identity = node.service_caller("identity");
    let request = node.grpc_request(&identity, SnapshotRequest { since_ms: 0 });
    TokensClient::new(node.channel()).snapshot(request).await.expect("a snapshot").into_inner()
}

#[tokio::test]
async fn a_snapshot_has_the_key_and_what_was_revoked() {
    let node = node().await;
    let tokens = sign_in(&node).await;
    assert_eq!(snapshot(&node).await.ended_sessions.len(), 0);
    let owner = caller(&tokens);
    node.send(&owner, http::Method::POST, "/api/v1/auth/logout", None, &[]).await.expect(204);
    let after = snapshot(&node).await;
    assert_eq!(
        (after.keys.len(), after.ended_sessions.len()),
        (2, 1),
        "the key that signs and the next"
    );
}

#[tokio::test]
async fn a_snapshot_since_a_moment_has_what_came_after_it_and_all_keys() {
    let node = node().await;
    let tokens = sign_in(&node).await;
    let owner = caller(&tokens);
    node.send(&owner, http::Method::POST, "/api/v1/auth/logout", None, &[]).await.expect(204);
    let identity = node.service_caller("identity");
    let mut client = TokensClient::new(node.channel());
    let now = testkit::now().as_millisecond();
    for (since_ms, ended) in [(now - 60_000, 1), (now + 1, 0)] {
        let request = node.grpc_request(&identity, SnapshotRequest { since_ms });
        let snapshot = client.snapshot(request).await.expect("a snapshot").into_inner();
        assert_eq!((snapshot.keys.len(), snapshot.ended_sessions.len()), (2, ended));
    }
    let request = node.grpc_request(&identity, SnapshotRequest { since_ms: i64::MAX });
    let refused = client.snapshot(request).await.expect_err("no time");
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn only_processes_get_a_snapshot() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let mut client = TokensClient::new(node.channel());
    for (caller, code) in [
        (Caller::anonymous(), Code::Unauthenticated),
        (node.caller(&[("member", None)]), Code::PermissionDenied),
        (node.service_caller("events"), Code::PermissionDenied),
    ] {
        let refused =
            client.snapshot(node.grpc_request(&caller, SnapshotRequest { since_ms: 0 })).await;
        assert_eq!(refused.expect_err("refused").code(), code);
    }
    assert!(
        client.snapshot(node.grpc_request(&admin, SnapshotRequest { since_ms: 0 })).await.is_ok()
    );
}

#[tokio::test]
async fn refreshing_over_grpc_spends_the_token() {
    let node = node().await;
    let tokens = sign_in(&node).await;
    let refresh_token = tokens.text("refreshToken").to_owned();
    let gateway = node.service_caller("gateway");
    let mut client = TokensClient::new(node.channel());
    let request = |refresh_token| node.grpc_request(&gateway, RefreshRequest { refresh_token });
    let pair = client.refresh(request(refresh_token.clone())).await.expect("a pair").into_inner();
    assert_eq!(pair.expires_in, 900);
    assert!((604_790..=604_800).contains(&pair.refresh_expires_in));
    client.refresh(request(pair.refresh_token)).await.expect("another pair");
    let again = client.refresh(request(refresh_token)).await.expect_err("spent");
    assert_eq!(again.code(), Code::Unauthenticated);
}
