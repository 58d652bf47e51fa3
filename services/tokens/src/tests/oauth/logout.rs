//! Signing out at the wish of a client, and consents.

use http::Method;
use serde_json::json;

use super::{Party, form, location, web_client};
use crate::tests::{USER_ID, validate};

#[tokio::test]
async fn c23_an_id_token_signs_out_and_leads_back_to_a_known_address_only() {
    let mut party = Party::new().await;
    let tokens = party.tokens().await;
    let hint = tokens.text("id_token").to_owned();
    let path = |uri: &str| {
        let pairs =
            [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", uri), ("state", "x y")];
        format!("/oauth/logout?{}", form(&pairs))
    };
    party.send(Method::GET, &path("https://evil.example/"), "", &[]).await.expect(400);
    party.userinfo(tokens.text("access_token")).await.expect(200);
    let back = party.send(Method::GET, &path("https://rp.example/bye"), "", &[]).await.expect(303);
    assert_eq!(location(&back), "https://rp.example/bye?state=x+y");
    assert!(back.headers["set-cookie"].to_str().expect("text").contains("Max-Age=0"));
    party.userinfo(tokens.text("access_token")).await.expect(401);
    super::expect_error(party.refresh(tokens.text("refresh_token")).await, 400, "invalid_grant");
    party.authorize(&[]).await.expect(200);
    // Once more does no harm: the session is over.
    party.send(Method::GET, &path("https://rp.example/bye"), "", &[]).await.expect(303);
}

#[tokio::test]
async fn c23_without_an_id_token_the_user_is_asked() {
    let mut party = Party::new().await;
    let tokens = party.tokens().await;
    let page = party.send(Method::GET, "/oauth/logout", "", &[]).await.expect(200);
    assert!(page.body.as_str().expect("HTML").contains("Sign out?"));
    let elsewhere = [("origin", "https://evil.example")];
    party.send(Method::POST, "/oauth/logout", "confirm=yes", &elsewhere).await.expect(200);
    party.userinfo(tokens.text("access_token")).await.expect(200);
    party.submit("/oauth/logout", &[("confirm", "yes")]).await.expect(200);
    party.userinfo(tokens.text("access_token")).await.expect(401);
    let forged = format!("/oauth/logout?id_token_hint={}", "e30.e30.e30");
    party.send(Method::GET, &forged, "", &[]).await.expect(400);
}

#[tokio::test]
async fn ending_the_browsers_session_ends_what_clients_have_of_it() {
    let mut party = Party::new().await;
    let tokens = party.tokens().await;
    let user = party.node.caller_with_id(USER_ID.parse().expect("an id"), &[("member", None)]);
    let sessions = party.node.get(&user, "/api/v1/auth/sessions").await.expect(200);
    assert_eq!(sessions.items().len(), 1, "one sign-in is one session to its user");
    let id = sessions.items()[0]["id"].as_str().expect("an id").to_owned();
    party.node.delete(&user, &format!("/api/v1/auth/sessions/{id}")).await.expect(204);
    party.userinfo(tokens.text("access_token")).await.expect(401);
    assert_eq!(party.node.published_kinds().await, ["session.ended", "session.ended"]);
    party.authorize(&[]).await.expect(200);
}

#[tokio::test]
async fn a_consent_is_listed_and_withdrawn_with_the_tokens_it_gave() {
    let mut party = Party::new().await;
    let tokens = party.tokens().await;
    let user = party.node.caller_with_id(USER_ID.parse().expect("an id"), &[("member", None)]);
    let consents = "/api/v1/auth/consents";
    let listed = party.node.get(&user, consents).await.expect(200);
    assert_eq!(listed.items()[0]["clientName"], "Box office");
    assert_eq!(
        listed.items()[0]["scopes"],
        json!(["openid", "profile", "email", "offline_access"])
    );
    let other = party.node.caller(&[("member", None)]);
    let path = format!("{consents}/{}", party.client_id);
    party.node.delete(&other, &path).await.expect_problem(404, "consent_not_found");
    party.node.delete(&user, &path).await.expect(204);
    party.userinfo(tokens.text("access_token")).await.expect(401);
    party.authorize(&[]).await.expect(200);
    party
        .node
        .get(&testkit::Caller::anonymous(), consents)
        .await
        .expect_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_client_of_the_installation_itself_asks_for_no_consent() {
    let mut registration = web_client();
    registration["backline_first_party"] = json!(true);
    let mut party = Party::on(crate::tests::node().await, registration).await;
    party.sign_in(&[]).await.expect(303);
}

#[tokio::test]
async fn signing_in_again_in_the_same_browser_goes_on_with_its_session() {
    let mut party = Party::new().await;
    party.sign_in(&[]).await.expect(200);
    let first = party.cookie.clone();
    party.sign_in(&[("prompt", "login")]).await.expect(200);
    assert_ne!(party.cookie, first, "the cookie is a new one at each sign-in");
    let user = party.node.caller_with_id(USER_ID.parse().expect("an id"), &[("member", None)]);
    let sessions = party.node.get(&user, "/api/v1/auth/sessions").await.expect(200);
    assert_eq!(sessions.items().len(), 1);
    let tokens = crate::tests::sign_in(&party.node).await;
    assert_eq!(validate(&party.node, tokens.text("accessToken")).await.body["isValid"], true);
    let sessions = party.node.get(&user, "/api/v1/auth/sessions").await.expect(200);
    assert_eq!(sessions.items().len(), 2, "a program without the cookie has one of its own");
}
