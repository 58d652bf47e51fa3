//! Devices without a browser.

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::Answer;

use super::{Party, expect_error, form};
use crate::tests::{EMAIL, PASSWORD, node_with_stopped_clock};

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn scanner() -> Value {
    json!({
        "client_name": "Door scanner",
        "grant_types": [DEVICE_GRANT, "refresh_token"],
        "token_endpoint_auth_method": "none",
        "scope": "openid offline_access api",
    })
}

async fn party() -> Party {
    Party::on(node_with_stopped_clock().await, scanner()).await
}

async fn begin(party: &Party) -> Answer {
    let body =
        form(&[("client_id", &party.client_id), ("scope", "openid offline_access api roles")]);
    party.send(Method::POST, "/oauth/device_authorization", &body, &[]).await.expect(200)
}

async fn poll(party: &Party, begun: &Answer) -> Answer {
    let code = begun.text("device_code");
    let body = form(&[
        ("grant_type", DEVICE_GRANT),
        ("device_code", code),
        ("client_id", &party.client_id),
    ]);
    party.send(Method::POST, "/oauth/token", &body, &[]).await
}

async fn sign_in(party: &mut Party, begun: &Answer) -> Answer {
    let goes_on = format!("/oauth/device?user_code={}", begun.text("user_code"));
    let pairs = [("continue", goes_on.as_str()), ("email", EMAIL), ("password", PASSWORD)];
    let signed_in = party.submit("/oauth/sign-in", &pairs).await.expect(303);
    let cookie = signed_in.headers["set-cookie"].to_str().expect("text");
    let value = cookie.strip_prefix("backline_browser=").and_then(|rest| rest.split(';').next());
    party.cookie = value.map(str::to_owned);
    party.send(Method::GET, super::location(&signed_in), "", &[]).await
}

#[tokio::test]
async fn c30_a_device_is_let_in_by_its_user_who_sees_what_it_wants() {
    let mut party = party().await;
    let begun = begin(&party).await;
    assert_eq!(begun.text("verification_uri"), "http://127.0.0.1:5000/oauth/device");
    assert_eq!((&begun.body["expires_in"], &begun.body["interval"]), (&600.into(), &5.into()));
    expect_error(poll(&party, &begun).await, 400, "authorization_pending");
    expect_error(poll(&party, &begun).await, 400, "slow_down");
    let page = sign_in(&mut party, &begun).await.expect(200);
    let page = page.body.as_str().expect("HTML");
    assert!(page.contains("Door scanner") && page.contains(begun.text("user_code")), "{page}");
    assert!(page.contains("all that you may do yourself"), "the scopes are named");
    let typed = begun.text("user_code").to_lowercase();
    let answer = [("user_code", typed.as_str()), ("decision", "allow")];
    party.submit("/oauth/device", &answer).await.expect(200);
    party.submit("/oauth/device", &answer).await.expect(400);
    let tokens = poll(&party, &begun).await.expect(200);
    assert_eq!(tokens.text("scope"), "openid offline_access api");
    assert!(tokens.body["refresh_token"].is_string());
    expect_error(poll(&party, &begun).await, 400, "invalid_grant");
}

#[tokio::test]
async fn a_device_that_is_refused_or_forgotten_gets_nothing() {
    let mut party = party().await;
    let begun = begin(&party).await;
    sign_in(&mut party, &begun).await.expect(200);
    let answer = [("user_code", begun.text("user_code")), ("decision", "deny")];
    party.submit("/oauth/device", &answer).await.expect(200);
    expect_error(poll(&party, &begun).await, 400, "access_denied");
    let begun = begin(&party).await;
    party.node.context().clock.advance(SignedDuration::from_mins(11));
    expect_error(poll(&party, &begun).await, 400, "expired_token");
    let late = [("user_code", begun.text("user_code")), ("decision", "allow")];
    party.submit("/oauth/device", &late).await.expect(400);
}

#[tokio::test]
async fn nobody_answers_for_a_user_who_is_not_signed_in_or_from_another_site() {
    let mut party = party().await;
    let begun = begin(&party).await;
    let answer = [("user_code", begun.text("user_code")), ("decision", "allow")];
    party.submit("/oauth/device", &answer).await.expect(401);
    sign_in(&mut party, &begun).await.expect(200);
    let elsewhere = [("origin", "https://evil.example")];
    party.send(Method::POST, "/oauth/device", &form(&answer), &elsewhere).await.expect(400);
    party.node.context().clock.advance(SignedDuration::from_secs(6));
    expect_error(poll(&party, &begun).await, 400, "authorization_pending");
    party.send(Method::GET, "/oauth/device?user_code=BCDF-GHJK", "", &[]).await.expect(400);
    party.send(Method::GET, "/oauth/device", "", &[]).await.expect(200);
}
