//! The pages: what they let through and what they show.

use http::Method;

use super::{CALLBACK, ISSUER, Party, claims, form, location, query_of};
use crate::tests::{CREDENTIAL, EMAIL, PASSWORD};

#[tokio::test]
async fn c21_the_cookie_is_out_of_reach_of_scripts_and_new_at_each_sign_in() {
    let party = Party::new().await;
    let goes_on = party.authorize_path(&[]);
    let pairs = [("continue", goes_on.as_str()), ("email", EMAIL), ("password", PASSWORD)];
    let mut values = vec![];
    for _ in 0..2 {
        let answer = party.submit("/oauth/sign-in", &pairs).await.expect(303);
        let cookie = answer.headers["set-cookie"].to_str().expect("text").to_owned();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        values.push(cookie.split(';').next().expect("a value").to_owned());
    }
    assert_ne!(values[0], values[1]);
    assert!(values[0].len() > 40);
}

#[tokio::test]
async fn c22_a_form_of_another_site_does_nothing_and_no_page_can_be_framed() {
    let mut party = Party::new().await;
    let goes_on = party.authorize_path(&[]);
    let pairs = [("continue", goes_on.as_str()), ("email", EMAIL), ("password", PASSWORD)];
    for headers in [
        [("origin", "https://evil.example"), ("accept", "*/*")],
        [("origin", "null"), ("accept", "*/*")],
        [("origin", ISSUER), ("sec-fetch-site", "cross-site")],
    ] {
        let refused = party.send(Method::POST, "/oauth/sign-in", &form(&pairs), &headers).await;
        assert!(!refused.expect(400).headers.contains_key("set-cookie"));
    }
    party.sign_in(&[]).await.expect(200);
    let consent = [("continue", goes_on.as_str()), ("decision", "allow")];
    let elsewhere = [("origin", "https://evil.example")];
    party.send(Method::POST, "/oauth/consent", &form(&consent), &elsewhere).await.expect(400);
    let page = party.authorize(&[]).await.expect(200);
    let policy = page.headers["content-security-policy"].to_str().expect("text");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"));
    assert!(policy.contains("form-action 'self' https://rp.example"), "{policy}");
    assert_eq!(page.headers["x-frame-options"], "DENY");
}

#[tokio::test]
async fn a_wrong_password_shows_the_page_again_without_the_password() {
    let party = Party::new().await;
    let goes_on = party.authorize_path(&[]);
    let wrong = [("continue", goes_on.as_str()), ("email", EMAIL), ("password", "nearly-right")];
    let page = party.submit("/oauth/sign-in", &wrong).await.expect(401);
    let page = page.body.as_str().expect("HTML");
    assert!(page.contains(EMAIL) && page.contains("role=\"alert\""), "{page}");
    assert!(!page.contains("nearly-right"));
}

#[tokio::test]
async fn what_others_write_is_shown_as_text() {
    let party = Party::new().await;
    let hint = "\"><script>alert(1)</script>";
    let page = party.authorize(&[("login_hint", hint), ("state", hint)]).await.expect(200);
    let page = page.body.as_str().expect("HTML");
    assert!(!page.contains("<script>"), "{page}");
}

#[tokio::test]
async fn a_page_goes_on_nowhere_but_to_another_one() {
    let party = Party::new().await;
    for goes_on in
        ["", "https://evil.example/", "//evil.example", "/api/v1/users", "/oauth/authorize.evil?x"]
    {
        let pairs = [("continue", goes_on), ("email", EMAIL), ("password", PASSWORD)];
        let answer = party.submit("/oauth/sign-in", &pairs).await.expect(400);
        assert!(!answer.headers.contains_key("location"), "{goes_on}");
    }
}

#[tokio::test]
async fn c28_a_passkey_goes_the_way_of_the_password_and_the_id_token_says_so() {
    let mut party = Party::new().await;
    let goes_on = party.authorize_path(&[]);
    let wrong = [("continue", goes_on.as_str()), ("passkey", "{}")];
    let page = party.submit("/oauth/sign-in", &wrong).await.expect(401);
    assert!(!page.headers.contains_key("set-cookie"));
    assert!(page.body.as_str().expect("HTML").contains("role=\"alert\""));
    let elsewhere = [("origin", "https://evil.example")];
    let pairs = [("continue", goes_on.as_str()), ("passkey", CREDENTIAL)];
    let forged = party.send(Method::POST, "/oauth/sign-in", &form(&pairs), &elsewhere).await;
    assert!(!forged.expect(400).headers.contains_key("set-cookie"));

    let answer = party.submit("/oauth/sign-in", &pairs).await.expect(303);
    let cookie = answer.headers["set-cookie"].to_str().expect("text");
    let value = cookie.strip_prefix("backline_browser=").and_then(|rest| rest.split(';').next());
    party.cookie = value.map(str::to_owned);
    party.send(Method::GET, location(&answer), "", &[]).await.expect(200);
    let allowed = party.allow(&[]).await.expect(303);
    assert!(location(&allowed).starts_with(CALLBACK));
    let code = query_of(location(&allowed), "code").expect("a code");
    let tokens = party.exchange(&code).await.expect(200);
    let said = claims(tokens.text("id_token"));
    assert_eq!(said["amr"], serde_json::json!(["swk", "user", "mfa"]));
    assert_eq!(said["acr"], "urn:backline:two-factors");
}

/// Its one file, from here; every other page runs nothing.
#[tokio::test]
async fn only_the_page_to_sign_in_has_a_script() {
    let mut party = Party::new().await;
    let page = party.authorize(&[]).await.expect(200);
    let policy = page.headers["content-security-policy"].to_str().expect("text");
    assert!(policy.contains("script-src 'self'; connect-src 'self';"), "{policy}");
    let html = page.body.as_str().expect("HTML");
    assert_eq!(html.matches("<script").count(), 1, "{html}");
    assert!(html.contains("<div id=\"passkey\" hidden>"), "without the script nothing is shown");
    let script = party.send(Method::GET, "/oauth/passkey.js", "", &[]).await.expect(200);
    assert_eq!(script.headers["content-type"], "text/javascript; charset=utf-8");
    let consent = party.sign_in(&[]).await.expect(200);
    let policy = consent.headers["content-security-policy"].to_str().expect("text");
    assert!(!policy.contains("script-src"), "{policy}");
    assert!(!consent.body.as_str().expect("HTML").contains("<script"));
}
