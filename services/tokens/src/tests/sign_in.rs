//! Ways to sign in beside the password: what follows from them is the same.

use serde_json::{Value, json};
use testkit::{Answer, Caller, TestNode};

use super::{CREDENTIAL, LINK, USER_ID, node, refresh, validate};

async fn post(node: &TestNode, path: &str, body: Value) -> Answer {
    node.post(&Caller::anonymous(), &format!("/api/v1/auth/{path}"), body).await
}

fn credential() -> Value {
    serde_json::from_str(CREDENTIAL).expect("JSON")
}

#[tokio::test]
async fn a_passkey_or_a_link_gives_a_pair_that_proves_the_user() {
    let node = node().await;
    let begun = post(&node, "passkey/challenge", json!({})).await.expect(200);
    assert_eq!(begun.body, json!({ "publicKey": { "challenge": "AAAA", "rpId": "localhost" } }));
    assert_eq!(begun.headers["cache-control"], "no-store");
    for (path, body) in [
        ("passkey", json!({ "credential": credential() })),
        ("email-link/redeem", json!({ "token": LINK })),
        ("email-link/redeem", json!({ "token": LINK, "secondFactor": "123456" })),
    ] {
        let tokens = post(&node, path, body).await.expect(200);
        assert_eq!(tokens.headers["cache-control"], "no-store");
        let validation = validate(&node, tokens.text("accessToken")).await;
        assert_eq!(validation.text("userId"), USER_ID);
        refresh(&node, tokens.text("refreshToken")).await.expect(200);
    }
}

#[tokio::test]
async fn with_a_cookie_the_refresh_token_is_for_the_gateway_alone() {
    let node = node().await;
    for (path, body) in [
        ("passkey", json!({ "credential": credential(), "useCookie": true })),
        ("email-link/redeem", json!({ "token": LINK, "useCookie": true })),
    ] {
        let tokens = post(&node, path, body).await.expect(200);
        assert!(tokens.body.get("refreshToken").is_none());
        let refresh_token = tokens.headers["x-backline-refresh-token"].to_str().expect("text");
        refresh(&node, refresh_token).await.expect(200);
        let known_by = tokens.headers["set-cookie"].to_str().expect("text");
        assert!(known_by.starts_with("backline_browser="), "{known_by}");
    }
}

#[tokio::test]
async fn what_opens_nothing_begins_nothing() {
    let node = node().await;
    let wrong = json!({ "credential": { "id": "other" } });
    post(&node, "passkey", wrong).await.expect_problem(401, "unauthenticated");
    post(&node, "email-link/redeem", json!({ "token": "guess" })).await.expect(401);
    for malformed in [json!({}), json!({ "credential": {}, "admin": true })] {
        post(&node, "passkey", malformed).await.expect_problem(400, "malformed_request");
    }
}
