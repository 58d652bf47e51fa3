//! Sign-in for a client and the way back with a code.

use futures::future::join_all;
use http::Method;
use jiff::SignedDuration;
use testkit::Backend;

use super::{
    CALLBACK, ISSUER, Party, challenge, claims, expect_error, form, location, query_of, web_client,
};
use crate::tests::{USER_ID, node_on, node_with_stopped_clock};

#[tokio::test]
async fn a_user_signs_in_allows_and_the_client_knows_who_it_is() {
    let mut party = Party::new().await;
    let page = party.authorize(&[]).await.expect(200);
    assert!(page.body.as_str().expect("HTML").contains("Box office"));
    let consent = party.sign_in(&[]).await.expect(200);
    assert!(consent.body.as_str().expect("HTML").contains("asks for access"));
    let back = party.allow(&[]).await.expect(303);
    let address = location(&back);
    assert!(address.starts_with(CALLBACK), "{address}");
    assert_eq!(query_of(address, "state").as_deref(), Some("s1"));
    assert_eq!(query_of(address, "iss").as_deref(), Some(ISSUER));
    let tokens = party.exchange(&query_of(address, "code").expect("a code")).await.expect(200);
    assert_eq!(tokens.headers["cache-control"], "no-store");
    assert_eq!((tokens.text("token_type"), &tokens.body["expires_in"]), ("Bearer", &900.into()));
    let id = claims(tokens.text("id_token"));
    assert_eq!(
        (&id["sub"], &id["nonce"], &id["iss"]),
        (&USER_ID.into(), &"n1".into(), &ISSUER.into())
    );
    assert_eq!(id["aud"], party.client_id);
    assert_eq!(id["name"], "Ada Byron");
    assert!(id["auth_time"].is_i64() && id["at_hash"].is_string() && id["sid"].is_string());
    let info = party.userinfo(tokens.text("access_token")).await.expect(200);
    assert_eq!((info.text("sub"), info.text("email")), (USER_ID, "ada@example.org"));
    assert!(info.body.get("roles").is_none(), "roles were not asked for");
}

#[tokio::test]
async fn who_is_signed_in_and_has_allowed_is_not_asked_again() {
    let mut party = Party::new().await;
    party.tokens().await;
    let back = party.authorize(&[]).await.expect(303);
    assert!(query_of(location(&back), "code").is_some());
    let silent = party.authorize(&[("prompt", "none")]).await.expect(303);
    assert!(query_of(location(&silent), "code").is_some());
    party.authorize(&[("scope", "openid roles")]).await.expect(200);
    party.authorize(&[("prompt", "consent")]).await.expect(200);
}

#[tokio::test]
async fn c01_a_redirect_uri_is_compared_character_by_character() {
    let party = Party::new().await;
    for wrong in [
        "https://rp.example/callback/",
        "https://rp.example/callback?x=1",
        "https://rp.example.evil.example/callback",
        "https://evil.example",
        "http://rp.example/callback",
    ] {
        let page = party.authorize(&[("redirect_uri", wrong)]).await.expect(400);
        assert!(!page.headers.contains_key("location"), "{wrong}");
    }
    party.authorize(&[("redirect_uri", "")]).await.expect(400);
    party.authorize(&[("client_id", "0192f000-0000-7000-8000-00000000000f")]).await.expect(400);
}

#[tokio::test]
async fn c02_there_is_neither_an_implicit_nor_a_password_grant() {
    let party = Party::new().await;
    for kind in ["token", "id_token", "code token", "id_token token"] {
        let back = party.authorize(&[("response_type", kind)]).await.expect(303);
        let error = query_of(location(&back), "error");
        assert_eq!(error.as_deref(), Some("unsupported_response_type"));
    }
    let password = [("grant_type", "password"), ("username", "a"), ("password", "b")];
    expect_error(party.post("/oauth/token", &password).await, 400, "unsupported_grant_type");
    let document = party.send(Method::GET, "/.well-known/openid-configuration", "", &[]).await;
    assert_eq!(document.body["response_types_supported"], serde_json::json!(["code"]));
    assert!(!document.body["grant_types_supported"].to_string().contains("password"));
}

#[tokio::test]
async fn c03_every_request_needs_pkce_with_s256() {
    let party = Party::new().await;
    for changes in [
        [("code_challenge_method", "plain"), ("state", "s1")],
        [("code_challenge_method", ""), ("state", "s1")],
        [("code_challenge", ""), ("state", "s1")],
        [("code_challenge", "too-short"), ("state", "s1")],
    ] {
        let back = party.authorize(&changes).await.expect(303);
        assert_eq!(query_of(location(&back), "error").as_deref(), Some("invalid_request"));
        assert_eq!(query_of(location(&back), "iss").as_deref(), Some(ISSUER));
    }
}

#[tokio::test]
async fn c04_a_code_needs_the_verifier_of_its_challenge() {
    let mut party = Party::new().await;
    let code = party.code().await;
    for wrong in ["", "short", &challenge(), &"x".repeat(50)] {
        let refused = party.exchange_with(&code, &[("code_verifier", wrong)]).await;
        expect_error(refused, 400, "invalid_grant");
    }
    let refused = party.exchange_with(&code, &[("redirect_uri", "https://rp.example/x")]).await;
    expect_error(refused, 400, "invalid_grant");
    party.exchange(&code).await.expect(200);
}

async fn c05_a_code_is_good_once_and_a_second_use_kills_its_tokens(backend: Backend) {
    let mut party = Party::on(node_on(backend).await, web_client()).await;
    let code = party.code().await;
    let answers = join_all((0..8).map(|_| party.exchange(&code))).await;
    let good: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(good.len(), 1, "one of eight");
    assert!(answers.iter().all(|answer| [200, 400].contains(&answer.status.as_u16())));
    party.userinfo(good[0].text("access_token")).await.expect(401);
    expect_error(party.refresh(good[0].text("refresh_token")).await, 400, "invalid_grant");
    party.node.stop().await;
}

#[tokio::test]
async fn c05_a_code_is_good_once_and_a_second_use_kills_its_tokens_on_sqlite() {
    c05_a_code_is_good_once_and_a_second_use_kills_its_tokens(Backend::Sqlite).await;
}

#[tokio::test]
async fn c05_a_code_is_good_once_and_a_second_use_kills_its_tokens_on_postgres() {
    c05_a_code_is_good_once_and_a_second_use_kills_its_tokens(Backend::Postgres).await;
}

#[tokio::test]
async fn c06_a_code_lives_a_minute_and_is_its_clients() {
    let mut party = Party::on(node_with_stopped_clock().await, web_client()).await;
    let code = party.code().await;
    let other = party.node.post(&party.admin(), "/oauth/register", web_client()).await.expect(201);
    let (id, secret) = (other.text("client_id"), other.text("client_secret"));
    let stolen = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("client_id", id),
        ("client_secret", secret),
    ];
    let body = form(&stolen);
    let refused = party.send(Method::POST, "/oauth/token", &body, &[]).await;
    expect_error(refused, 400, "invalid_grant");
    party.node.context().clock.advance(SignedDuration::from_secs(61));
    expect_error(party.exchange(&code).await, 400, "invalid_grant");
}

#[tokio::test]
async fn c07_every_answer_says_who_answers() {
    let mut party = Party::new().await;
    let error = party.authorize(&[("prompt", "none")]).await.expect(303);
    assert_eq!(query_of(location(&error), "iss").as_deref(), Some(ISSUER));
    assert_eq!(query_of(location(&error), "error").as_deref(), Some("login_required"));
    party.sign_in(&[]).await.expect(200);
    let goes_on = party.authorize_path(&[]);
    let denied = [("continue", goes_on.as_str()), ("decision", "deny")];
    let denied = party.submit("/oauth/consent", &denied).await.expect(303);
    assert_eq!(query_of(location(&denied), "error").as_deref(), Some("access_denied"));
    assert_eq!(query_of(location(&denied), "iss").as_deref(), Some(ISSUER));
}

#[tokio::test]
async fn c24_prompt_and_max_age_are_kept() {
    let mut party = Party::on(node_with_stopped_clock().await, web_client()).await;
    party.tokens().await;
    party.node.context().clock.advance(SignedDuration::from_mins(10));
    party.authorize(&[("max_age", "3600")]).await.expect(303);
    party.authorize(&[("max_age", "60")]).await.expect(200);
    let silent = party.authorize(&[("max_age", "60"), ("prompt", "none")]).await.expect(303);
    assert_eq!(query_of(location(&silent), "error").as_deref(), Some("login_required"));
    let page = party.authorize(&[("prompt", "login")]).await.expect(200);
    assert!(page.body.as_str().expect("HTML").contains("password"));
    let before = party.node.context().clock.now().as_second();
    let back = party.sign_in(&[("prompt", "login")]).await.expect(303);
    let code = query_of(location(&back), "code").expect("a code");
    let id = claims(party.exchange(&code).await.expect(200).text("id_token"));
    assert!(id["auth_time"].as_i64().expect("seconds") >= before);
    let both = party.authorize(&[("prompt", "none login")]).await.expect(303);
    assert_eq!(query_of(location(&both), "error").as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn a_hint_that_names_somebody_else_needs_a_sign_in() {
    let mut party = Party::new().await;
    let tokens = party.tokens().await;
    let hint = tokens.text("id_token").to_owned();
    let back = party.authorize(&[("id_token_hint", &hint), ("prompt", "none")]).await.expect(303);
    assert!(query_of(location(&back), "code").is_some());
    let back = party.authorize(&[("id_token_hint", "x.y.z"), ("prompt", "none")]).await;
    assert_eq!(query_of(location(&back), "error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn a_parameter_that_comes_twice_and_request_objects_are_refused() {
    let party = Party::new().await;
    let twice = format!("{}&state=s2", party.authorize_path(&[]));
    party.send(Method::GET, &twice, "", &[]).await.expect(400);
    let back = party.authorize(&[("request", "e30.e30.")]).await.expect(303);
    assert_eq!(query_of(location(&back), "error").as_deref(), Some("request_not_supported"));
}

#[tokio::test]
async fn a_request_can_be_pushed_and_leads_to_one_code() {
    let mut party = Party::new().await;
    party.tokens().await;
    let path = party.authorize_path(&[]);
    let query = path.split_once('?').expect("a query").1;
    let pairs: Vec<(String, String)> =
        form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let pushed = party.post("/oauth/par", &pairs).await.expect(201);
    let uri = pushed.text("request_uri");
    let short = format!(
        "/oauth/authorize?{}",
        form(&[("client_id", &party.client_id), ("request_uri", uri)])
    );
    let back = party.send(Method::GET, &short, "", &[]).await.expect(303);
    assert!(query_of(location(&back), "code").is_some());
    party.send(Method::GET, &short, "", &[]).await.expect(400);
    let mut wrong = pairs.clone();
    wrong.retain(|(name, _)| *name != "redirect_uri");
    wrong.push(("redirect_uri", "https://evil.example"));
    expect_error(party.post("/oauth/par", &wrong).await, 400, "invalid_request");
    expect_error(party.post_as("Basic eDp5", "/oauth/par", &pairs).await, 401, "invalid_client");
}
