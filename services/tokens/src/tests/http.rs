use std::collections::HashSet;

use http::Method;
use jiff::SignedDuration;
use serde_json::json;
use testkit::{Backend, Caller};

use super::{
    EMAIL, PASSWORD, USER_ID, caller, node, node_on, node_with_stopped_clock, refresh, sign_in,
    validate,
};

const SESSIONS: &str = "/api/v1/auth/sessions";

#[tokio::test]
async fn signing_in_gives_a_pair_that_proves_the_user() {
    let node = node().await;
    let tokens = sign_in(&node).await;
    assert_eq!(tokens.body["expiresIn"], 900);
    assert_eq!(tokens.headers["cache-control"], "no-store");
    let validation = validate(&node, tokens.text("accessToken")).await;
    assert_eq!(validation.body["isValid"], true);
    assert_eq!(validation.text("userId"), USER_ID);
    assert_eq!(validation.body["roles"], json!(["member"]));
    let sessions = node.get(&caller(&tokens), SESSIONS).await.expect(200);
    assert_eq!(sessions.items().len(), 1);
    assert_eq!(sessions.items()[0]["isCurrent"], true);
}

#[tokio::test]
async fn an_administrator_sees_and_ends_anybodys_sessions() {
    let node = node().await;
    let (first, second) = (sign_in(&node).await, sign_in(&node).await);
    let of_user = format!("{SESSIONS}?userId={USER_ID}");
    let stranger = node.caller(&[("member", None)]);
    node.get(&stranger, &of_user).await.expect_problem(403, "not_permitted");
    node.delete(&stranger, &of_user).await.expect_problem(403, "not_permitted");

    let admin = node.caller(&[("admin", None)]);
    let listed = node.get(&admin, &of_user).await.expect(200);
    assert_eq!(listed.items().len(), 2);
    assert!(listed.items().iter().all(|session| session["isCurrent"] == false));
    assert_eq!(listed.items()[0]["methods"], json!(["pwd"]));
    node.delete(&admin, &of_user).await.expect(204);
    assert_eq!(node.get(&admin, &of_user).await.expect(200).items().len(), 0);
    for tokens in [first, second] {
        assert_eq!(validate(&node, tokens.text("accessToken")).await.text("reason"), "REVOKED");
    }
}

#[tokio::test]
async fn somebody_signs_out_everywhere_else() {
    let node = node().await;
    let (lost, here) = (sign_in(&node).await, sign_in(&node).await);
    node.delete(&caller(&here), SESSIONS).await.expect(204);
    assert_eq!(validate(&node, here.text("accessToken")).await.body["isValid"], true);
    assert_eq!(validate(&node, lost.text("accessToken")).await.text("reason"), "REVOKED");
    assert_eq!(node.published_kinds().await, ["session.ended"]);
}

#[tokio::test]
async fn a_wrong_password_begins_nothing() {
    let node = node().await;
    let nobody = Caller::anonymous();
    let wrong = json!({ "email": EMAIL, "password": "wrong" });
    node.post(&nobody, "/api/v1/auth/login", wrong).await.expect(401);
    let unknown = json!({ "email": EMAIL, "password": PASSWORD, "admin": true });
    node.post(&nobody, "/api/v1/auth/login", unknown)
        .await
        .expect_problem(400, "malformed_request");
}

#[tokio::test]
async fn with_a_cookie_the_refresh_token_is_for_the_gateway_alone() {
    let node = node_with_stopped_clock().await;
    let login = json!({ "email": EMAIL, "password": PASSWORD, "useCookie": true });
    let tokens = node.post(&Caller::anonymous(), "/api/v1/auth/login", login).await.expect(200);
    assert!(tokens.body.get("refreshToken").is_none());
    let refresh_token = tokens.headers["x-backline-refresh-token"].to_str().expect("text");
    assert_eq!(tokens.headers["x-backline-refresh-expires-in"], "604800");
    refresh(&node, refresh_token).await.expect(200);
}

#[tokio::test]
async fn a_refresh_token_is_spent_once_and_again_ends_its_session() {
    let node = node().await;
    let first = sign_in(&node).await;
    let second = refresh(&node, first.text("refreshToken")).await.expect(200);
    assert_ne!(first.text("refreshToken"), second.text("refreshToken"));
    let third = refresh(&node, second.text("refreshToken")).await.expect(200);
    refresh(&node, first.text("refreshToken")).await.expect_problem(401, "bad_refresh_token");
    refresh(&node, third.text("refreshToken")).await.expect_problem(401, "bad_refresh_token");
    assert_eq!(validate(&node, second.text("accessToken")).await.text("reason"), "REVOKED");
    assert_eq!(node.published_kinds().await, ["session.ended"]);
    node.get(&caller(&second), SESSIONS).await.expect_problem(401, "token_revoked");
}

async fn thirty_two_at_once_get_one_successor(backend: Backend) {
    let node = node_on(backend).await;
    let tokens = sign_in(&node).await;
    let refresh_token = tokens.text("refreshToken");
    let all = (0..32).map(|_| refresh(&node, refresh_token));
    let answers = futures::future::join_all(all).await;
    let successors: HashSet<_> =
        answers.into_iter().map(|a| a.expect(200).text("refreshToken").to_owned()).collect();
    assert_eq!(successors.len(), 1);
    let successor = successors.into_iter().next().expect("one");
    refresh(&node, &successor).await.expect(200);
    refresh(&node, refresh_token).await.expect_problem(401, "bad_refresh_token");
    node.stop().await;
}

#[tokio::test]
async fn thirty_two_at_once_get_one_successor_on_sqlite() {
    thirty_two_at_once_get_one_successor(Backend::Sqlite).await;
}

#[tokio::test]
async fn thirty_two_at_once_get_one_successor_on_postgres() {
    thirty_two_at_once_get_one_successor(Backend::Postgres).await;
}

#[tokio::test]
async fn a_spent_token_that_comes_late_ends_the_session_even_if_its_successor_is_unused() {
    let node = node_with_stopped_clock().await;
    let first = sign_in(&node).await;
    let second = refresh(&node, first.text("refreshToken")).await.expect(200);
    node.context().clock.advance(SignedDuration::from_secs(11));
    refresh(&node, first.text("refreshToken")).await.expect_problem(401, "bad_refresh_token");
    refresh(&node, second.text("refreshToken")).await.expect_problem(401, "bad_refresh_token");
}

#[tokio::test]
async fn signing_out_kills_the_session_and_only_that_one() {
    let node = node().await;
    let (phone, laptop) = (sign_in(&node).await, sign_in(&node).await);
    node.send(&caller(&phone), Method::POST, "/api/v1/auth/logout", None, &[]).await.expect(204);
    node.published().await;
    node.get(&caller(&phone), SESSIONS).await.expect_problem(401, "token_revoked");
    refresh(&node, phone.text("refreshToken")).await.expect_problem(401, "bad_refresh_token");
    assert_eq!(validate(&node, phone.text("accessToken")).await.text("reason"), "REVOKED");
    let left = node.get(&caller(&laptop), SESSIONS).await.expect(200);
    assert_eq!(left.items().len(), 1);
}

#[tokio::test]
async fn c29_a_session_is_ended_by_its_owner_or_an_administrator() {
    let node = node().await;
    let tokens = sign_in(&node).await;
    let sessions = node.get(&caller(&tokens), SESSIONS).await.expect(200);
    let path = format!("{SESSIONS}/{}", sessions.items()[0]["id"].as_str().expect("an id"));
    let stranger = node.caller(&[("member", None)]);
    node.delete(&stranger, &path).await.expect_problem(403, "not_permitted");
    node.delete(&Caller::anonymous(), &path).await.expect_problem(401, "unauthenticated");
    let admin = node.caller(&[("admin", None)]);
    node.delete(&admin, &path).await.expect(204);
    node.delete(&admin, &path).await.expect_problem(404, "session_not_found");
    refresh(&node, tokens.text("refreshToken")).await.expect_problem(401, "bad_refresh_token");
}

#[tokio::test]
async fn garbage_is_invalid_and_not_an_error() {
    let node = node().await;
    for garbage in ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."] {
        let validation = validate(&node, garbage).await;
        assert_eq!(validation.body, json!({ "isValid": false, "reason": "INVALID" }));
        refresh(&node, garbage).await.expect_problem(401, "bad_refresh_token");
    }
}
