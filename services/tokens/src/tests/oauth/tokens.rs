//! What clients do with tokens, and what is not good for anything.

use futures::future::join_all;
use http::Method;
use serde_json::json;
use testkit::Caller;

use super::{Party, claims, expect_error, web_client};
use crate::store::refresh_tokens::find_refresh_token;
use crate::tests::{EMAIL, node, validate};

#[tokio::test]
async fn c08_a_spent_refresh_token_ends_its_session_with_all_its_tokens() {
    let mut party = Party::new().await;
    let first = party.tokens().await;
    let second = party.refresh(first.text("refresh_token")).await.expect(200);
    let third = party.refresh(second.text("refresh_token")).await.expect(200);
    expect_error(party.refresh(first.text("refresh_token")).await, 400, "invalid_grant");
    expect_error(party.refresh(third.text("refresh_token")).await, 400, "invalid_grant");
    party.userinfo(third.text("access_token")).await.expect(401);
    // The browser's own session is another one.
    assert_eq!(party.authorize(&[]).await.status, 303);
}

#[tokio::test]
async fn c09_of_thirty_two_refreshes_at_once_none_logs_the_user_out() {
    let mut party = Party::new().await;
    let tokens = party.tokens().await;
    let token = tokens.text("refresh_token");
    let answers = join_all((0..32).map(|_| party.refresh(token))).await;
    let mut successors: Vec<_> =
        answers.into_iter().map(|a| a.expect(200).text("refresh_token").to_owned()).collect();
    successors.dedup();
    assert_eq!(successors.len(), 1, "all get the same successor");
    party.refresh(&successors[0]).await.expect(200);
}

#[tokio::test]
async fn c10_a_refresh_token_ends_with_its_session_however_often_it_is_renewed() {
    let node = crate::tests::node_with_stopped_clock().await;
    let mut party = Party::on(node, web_client()).await;
    let mut token = party.tokens().await.text("refresh_token").to_owned();
    for _ in 0..6 {
        party.node.context().clock.advance(jiff::SignedDuration::from_hours(24));
        token = party.refresh(&token).await.expect(200).text("refresh_token").to_owned();
    }
    party.node.context().clock.advance(jiff::SignedDuration::from_hours(25));
    expect_error(party.refresh(&token).await, 400, "invalid_grant");
    let stored = |text: &str| {
        let (database, text) = (party.node.database().clone(), text.to_owned());
        async move { find_refresh_token(database.read(), &text).await.expect("a query").is_some() }
    };
    assert!(stored(&stdx::secret::digest(&token)).await, "what is kept is the digest");
    assert!(!stored(&token).await, "and not the token");
}

#[tokio::test]
async fn c11_a_refresh_token_is_its_clients_and_never_widens() {
    let mut party = Party::new().await;
    let tokens = party.tokens().await;
    let other = Party::on(node().await, web_client()).await;
    let mine = party.node.post(&party.admin(), "/oauth/register", web_client()).await.expect(201);
    let stolen = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.text("refresh_token")),
        ("client_id", mine.text("client_id")),
        ("client_secret", mine.text("client_secret")),
    ];
    let body = super::form(&stolen);
    expect_error(party.send(Method::POST, "/oauth/token", &body, &[]).await, 400, "invalid_grant");
    drop(other);
    let wide = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.text("refresh_token")),
        ("scope", "openid roles api"),
    ];
    let narrow = party.post("/oauth/token", &wide).await.expect(200);
    assert_eq!(narrow.text("scope"), "openid");
    // A token of our own web interface is not for a client, and the other way round.
    let own = json!({ "refreshToken": narrow.text("refresh_token") });
    party.node.post(&Caller::anonymous(), "/api/v1/auth/refresh", own).await.expect(401);
}

#[tokio::test]
async fn c13_revoking_is_said_to_work_whatever_the_token_is() {
    let mut party = Party::new().await;
    let tokens = party.tokens().await;
    for token in ["garbage", tokens.text("access_token"), tokens.text("access_token")] {
        party.post("/oauth/revoke", &[("token", token)]).await.expect(200);
    }
    party.userinfo(tokens.text("access_token")).await.expect(401);
    expect_error(party.refresh(tokens.text("refresh_token")).await, 400, "invalid_grant");
    assert_eq!(party.node.published_kinds().await, ["session.ended"]);
}

#[tokio::test]
async fn c13_a_client_cannot_revoke_the_token_of_another_one() {
    let mut party = Party::new().await;
    let tokens = party.tokens().await;
    let other = party.node.post(&party.admin(), "/oauth/register", web_client()).await.expect(201);
    let pairs = [
        ("token", tokens.text("refresh_token")),
        ("client_id", other.text("client_id")),
        ("client_secret", other.text("client_secret")),
    ];
    party.send(Method::POST, "/oauth/revoke", &super::form(&pairs), &[]).await.expect(200);
    party.refresh(tokens.text("refresh_token")).await.expect(200);
}

#[tokio::test]
async fn c15_introspection_tells_nothing_of_what_is_not_good_or_not_theirs() {
    let mut party = Party::new().await;
    let tokens = party.tokens().await;
    let good = party.post("/oauth/introspect", &[("token", tokens.text("access_token"))]).await;
    assert_eq!(
        (&good.body["active"], &good.body["client_id"]),
        (&true.into(), &party.client_id.as_str().into())
    );
    let refresh = party.post("/oauth/introspect", &[("token", tokens.text("refresh_token"))]).await;
    assert_eq!(refresh.body["active"], true);
    let nothing = json!({ "active": false });
    let own = crate::tests::sign_in(&party.node).await;
    for token in ["garbage", "a.b.c", own.text("accessToken"), own.text("refreshToken")] {
        let answer = party.post("/oauth/introspect", &[("token", token)]).await.expect(200);
        assert_eq!(answer.body, nothing, "{token}");
    }
    party.post("/oauth/revoke", &[("token", tokens.text("refresh_token"))]).await.expect(200);
    let answer = party.post("/oauth/introspect", &[("token", tokens.text("access_token"))]).await;
    assert_eq!(answer.body, nothing);
    let nobody = party.post_as("", "/oauth/introspect", &[("token", "x")]).await;
    expect_error(nobody, 401, "invalid_client");
}

#[tokio::test]
async fn c17_c18_a_token_without_the_scope_api_is_no_key_to_the_api() {
    let mut party = Party::new().await;
    let tokens = party.tokens().await;
    let access = claims(tokens.text("access_token"));
    let header = jsonwebtoken::decode_header(tokens.text("access_token")).expect("a header");
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    for claim in ["iss", "aud", "exp", "iat", "jti", "client_id", "sub", "scope"] {
        assert!(access.get(claim).is_some(), "{claim}");
    }
    assert_ne!(access["aud"], "backline");
    assert_eq!(access["roles"], json!([]));
    for token in [tokens.text("access_token"), tokens.text("id_token")] {
        assert_eq!(validate(&party.node, token).await.text("reason"), "INVALID");
        let caller = Caller { token: Some(token.to_owned()), ..Caller::anonymous() };
        party.node.get(&caller, "/api/v1/auth/sessions").await.expect_problem(401, "token_invalid");
    }
    party.userinfo(tokens.text("id_token")).await.expect(401);
}

#[tokio::test]
async fn a_client_with_the_scope_api_acts_for_its_user() {
    let registration = json!({
        "client_name": "Phone app",
        "redirect_uris": ["org.example.app:/back", super::CALLBACK],
        "token_endpoint_auth_method": "none",
        "scope": "openid api",
    });
    let mut party = Party::on(node().await, registration).await;
    let id = party.client_id.clone();
    let scope = [("scope", "openid api")];
    party.sign_in(&scope).await.expect(200);
    let back = party.allow(&scope).await.expect(303);
    let code = super::query_of(super::location(&back), "code").expect("a code");
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", super::CALLBACK),
        ("code_verifier", super::VERIFIER),
        ("client_id", &id),
    ];
    let tokens =
        party.send(Method::POST, "/oauth/token", &super::form(&pairs), &[]).await.expect(200);
    assert_eq!(tokens.body.get("refresh_token"), None, "offline_access was not asked for");
    let validation = validate(&party.node, tokens.text("access_token")).await;
    assert_eq!((validation.text("email"), &validation.body["roles"]), (EMAIL, &json!(["member"])));
}

#[tokio::test]
async fn c20_tokens_are_not_kept_by_caches_and_not_taken_from_the_query() {
    let mut party = Party::new().await;
    let tokens = party.tokens().await;
    let token = tokens.text("access_token");
    let path = format!("/oauth/userinfo?access_token={token}");
    let refused = party.send(Method::GET, &path, "", &[]).await;
    let refused = expect_error(refused, 401, "invalid_token");
    assert!(refused.headers["www-authenticate"].to_str().expect("text").starts_with("Bearer"));
    let body = super::form(&[("access_token", token)]);
    let info = party.send(Method::POST, "/oauth/userinfo", &body, &[]).await.expect(200);
    assert_eq!(info.headers["cache-control"], "no-store");
    let forged = format!("{}x", token);
    for bad in ["", "garbage", forged.as_str()] {
        expect_error(party.userinfo(bad).await, 401, "invalid_token");
    }
}

#[tokio::test]
async fn what_is_no_form_is_refused_in_the_words_of_the_rfc() {
    let party = Party::new().await;
    let as_json = [("content-type", "application/json")];
    for path in ["/oauth/token", "/oauth/introspect", "/oauth/revoke", "/oauth/par"] {
        let refused = party.send(Method::POST, path, "", &as_json).await;
        expect_error(refused, 400, "invalid_request");
        let twice = party.send(Method::POST, path, "token=a&token=b", &[]).await;
        expect_error(twice, 400, "invalid_request");
    }
}
