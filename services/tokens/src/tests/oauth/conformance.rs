//! The modules of the OpenID Foundation's test plan for Basic OPs, under their names. What a module shows is in the
//! standards; here is that it holds. PKCE is in every request, because this provider wants it.

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::Answer;

use super::{CALLBACK, ISSUER, Party, claims, expect_error, form, location, query_of, web_client};
use crate::tests::{EMAIL, USER_ID, node, node_with_stopped_clock};

impl Party {
    /// A user who has signed in and allowed the client everything that these tests ask for.
    async fn signed_in() -> Self {
        Self::signed_in_on(Self::new().await).await
    }

    async fn signed_in_on(mut party: Self) -> Self {
        let all = [("scope", "openid profile email roles offline_access")];
        party.sign_in(&all).await.expect(200);
        party.allow(&all).await.expect(303);
        party
    }

    /// Asks with these changes; the answer has to be a code without any page.
    async fn code_at_once(&self, changes: &[(&str, &str)]) -> String {
        let back = self.authorize(changes).await.expect(303);
        query_of(location(&back), "code").unwrap_or_else(|| panic!("{}", location(&back)))
    }

    /// The tokens of a request with these changes.
    async fn tokens_for(&self, changes: &[(&str, &str)]) -> Answer {
        self.exchange(&self.code_at_once(changes).await).await.expect(200)
    }

    async fn error_for(&self, changes: &[(&str, &str)]) -> String {
        let back = self.authorize(changes).await.expect(303);
        assert_eq!(query_of(location(&back), "state").as_deref(), Some("s1"));
        assert_eq!(query_of(location(&back), "code"), None);
        query_of(location(&back), "error").expect("an error")
    }
}

fn id_of(tokens: &Answer) -> Value {
    claims(tokens.text("id_token"))
}

async fn claims_of_scope(scope: &str) -> Value {
    let party = Party::signed_in().await;
    let tokens = party.tokens_for(&[("scope", scope)]).await;
    party.userinfo(tokens.text("access_token")).await.expect(200).body
}

#[tokio::test]
async fn oidcc_server() {
    let party = Party::signed_in().await;
    let tokens = party.tokens_for(&[]).await;
    assert_eq!(tokens.text("token_type"), "Bearer");
    let id = id_of(&tokens);
    assert_eq!((&id["iss"], &id["aud"]), (&json!(ISSUER), &json!(party.client_id)));
    assert_eq!((&id["nonce"], &id["sub"]), (&json!("n1"), &json!(USER_ID)));
    assert!(id["exp"].as_i64() > id["iat"].as_i64() && id["at_hash"].is_string());
    let header = jsonwebtoken::decode_header(tokens.text("id_token")).expect("a header");
    assert_eq!(header.alg, jsonwebtoken::Algorithm::RS256);
    let info = party.userinfo(tokens.text("access_token")).await.expect(200);
    assert_eq!(info.text("sub"), USER_ID);
}

#[tokio::test]
async fn oidcc_response_type_missing() {
    let party = Party::signed_in().await;
    assert_eq!(party.error_for(&[("response_type", "")]).await, "invalid_request");
}

#[tokio::test]
async fn oidcc_userinfo_get() {
    assert_eq!(claims_of_scope("openid").await, json!({ "sub": USER_ID }));
}

async fn userinfo_by_post(in_header: bool) {
    let party = Party::signed_in().await;
    let tokens = party.tokens_for(&[("scope", "openid")]).await;
    let token = tokens.text("access_token");
    let answer = if in_header {
        let bearer = format!("Bearer {token}");
        party.send(Method::POST, "/oauth/userinfo", "", &[("x-backline-token", &bearer)]).await
    } else {
        let body = form(&[("access_token", token)]);
        party.send(Method::POST, "/oauth/userinfo", &body, &[]).await
    };
    assert_eq!(answer.expect(200).body, json!({ "sub": USER_ID }));
}

#[tokio::test]
async fn oidcc_userinfo_post_header() {
    userinfo_by_post(true).await;
}

#[tokio::test]
async fn oidcc_userinfo_post_body() {
    userinfo_by_post(false).await;
}

#[tokio::test]
async fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow() {
    let party = Party::signed_in().await;
    let id = id_of(&party.tokens_for(&[("nonce", "")]).await);
    assert_eq!(id.get("nonce"), None);
}

#[tokio::test]
async fn oidcc_scope_profile() {
    let expected =
        json!({ "sub": USER_ID, "name": "Ada Byron", "given_name": "Ada", "family_name": "Byron" });
    assert_eq!(claims_of_scope("openid profile").await, expected);
}

#[tokio::test]
async fn oidcc_scope_email() {
    let expected = json!({ "sub": USER_ID, "email": EMAIL, "email_verified": true });
    assert_eq!(claims_of_scope("openid email").await, expected);
}

/// Scopes that this provider does not have are left out, and the rest is given.
#[tokio::test]
async fn oidcc_scope_address_and_phone() {
    for scope in ["openid address", "openid phone"] {
        assert_eq!(claims_of_scope(scope).await, json!({ "sub": USER_ID }));
    }
}

#[tokio::test]
async fn oidcc_scope_all() {
    let info = claims_of_scope("openid profile email address phone").await;
    assert_eq!((&info["name"], &info["email"]), (&json!("Ada Byron"), &json!(EMAIL)));
}

#[tokio::test]
async fn oidcc_ensure_other_scope_order_succeeds() {
    let info = claims_of_scope("email openid").await;
    assert_eq!(info["email"], EMAIL);
}

async fn display(how: &str) {
    let party = Party::new().await;
    let page = party.authorize(&[("display", how)]).await.expect(200);
    assert!(page.body.as_str().expect("HTML").contains("Sign in"));
    Party::signed_in_on(party).await.tokens_for(&[("display", how)]).await;
}

#[tokio::test]
async fn oidcc_display_page() {
    display("page").await;
}

#[tokio::test]
async fn oidcc_display_popup() {
    display("popup").await;
}

#[tokio::test]
async fn oidcc_prompt_login() {
    let party = Party::on(node_with_stopped_clock().await, web_client()).await;
    let mut party = Party::signed_in_on(party).await;
    let before = id_of(&party.tokens_for(&[]).await);
    party.node.context().clock.advance(SignedDuration::from_secs(2));
    let page = party.authorize(&[("prompt", "login")]).await.expect(200);
    assert!(page.body.as_str().expect("HTML").contains("Sign in"));
    let back = party.sign_in(&[("prompt", "login")]).await.expect(303);
    let code = query_of(location(&back), "code").expect("a code");
    let after = id_of(&party.exchange(&code).await.expect(200));
    assert_eq!(before["sub"], after["sub"]);
    assert!(after["auth_time"].as_i64() > before["auth_time"].as_i64());
}

#[tokio::test]
async fn oidcc_prompt_none_not_logged_in() {
    let party = Party::new().await;
    assert_eq!(party.error_for(&[("prompt", "none")]).await, "login_required");
}

#[tokio::test]
async fn oidcc_prompt_none_logged_in() {
    let party = Party::signed_in().await;
    let (first, silent) =
        (party.tokens_for(&[]).await, party.tokens_for(&[("prompt", "none")]).await);
    for claim in ["sub", "auth_time"] {
        assert_eq!(id_of(&first)[claim], id_of(&silent)[claim], "{claim}");
    }
}

#[tokio::test]
async fn oidcc_max_age_1() {
    let party = Party::on(node_with_stopped_clock().await, web_client()).await;
    let mut party = Party::signed_in_on(party).await;
    let before = id_of(&party.tokens_for(&[]).await);
    party.node.context().clock.advance(SignedDuration::from_secs(2));
    party.authorize(&[("max_age", "1")]).await.expect(200);
    let back = party.sign_in(&[("max_age", "1")]).await.expect(303);
    let code = query_of(location(&back), "code").expect("a code");
    let after = id_of(&party.exchange(&code).await.expect(200));
    assert!(after["auth_time"].as_i64() > before["auth_time"].as_i64());
}

#[tokio::test]
async fn oidcc_max_age_10000() {
    let party = Party::signed_in().await;
    let (first, second) =
        (party.tokens_for(&[]).await, party.tokens_for(&[("max_age", "10000")]).await);
    assert_eq!(id_of(&first)["auth_time"], id_of(&second)["auth_time"]);
}

#[tokio::test]
async fn oidcc_ensure_request_with_unknown_parameter_succeeds() {
    Party::signed_in().await.tokens_for(&[("extra", "foobar")]).await;
}

#[tokio::test]
async fn oidcc_id_token_hint() {
    let party = Party::signed_in().await;
    let first = party.tokens_for(&[]).await;
    let hint = [("prompt", "none"), ("id_token_hint", first.text("id_token"))];
    assert_eq!(id_of(&party.tokens_for(&hint).await)["sub"], id_of(&first)["sub"]);
}

#[tokio::test]
async fn oidcc_login_hint() {
    let party = Party::new().await;
    let page = party.authorize(&[("login_hint", "buffy@example.org")]).await.expect(200);
    assert!(page.body.as_str().expect("HTML").contains("value=\"buffy@example.org\""));
    Party::signed_in_on(party).await.tokens_for(&[("login_hint", EMAIL)]).await;
}

#[tokio::test]
async fn oidcc_ui_locales() {
    Party::signed_in().await.tokens_for(&[("ui_locales", "se de fr-CA")]).await;
}

#[tokio::test]
async fn oidcc_claims_locales() {
    Party::signed_in().await.tokens_for(&[("claims_locales", "se")]).await;
}

#[tokio::test]
async fn oidcc_ensure_request_with_acr_values_succeeds() {
    let party = Party::signed_in().await;
    for wish in ["urn:backline:two-factors", "1 2", "urn:backline:one-factor"] {
        let id = id_of(&party.tokens_for(&[("acr_values", wish)]).await);
        assert_eq!(id["acr"], "urn:backline:one-factor");
    }
}

#[tokio::test]
async fn oidcc_codereuse() {
    let party = Party::signed_in().await;
    let code = party.code_at_once(&[]).await;
    party.exchange(&code).await.expect(200);
    expect_error(party.exchange(&code).await, 400, "invalid_grant");
}

#[tokio::test]
async fn oidcc_codereuse_30seconds() {
    let party = Party::on(node_with_stopped_clock().await, web_client()).await;
    let party = Party::signed_in_on(party).await;
    let code = party.code_at_once(&[]).await;
    let tokens = party.exchange(&code).await.expect(200);
    party.userinfo(tokens.text("access_token")).await.expect(200);
    party.node.context().clock.advance(SignedDuration::from_secs(30));
    expect_error(party.exchange(&code).await, 400, "invalid_grant");
    party.userinfo(tokens.text("access_token")).await.expect(401);
}

#[tokio::test]
async fn oidcc_ensure_registered_redirect_uri() {
    let party = Party::signed_in().await;
    let other = format!("{CALLBACK}/unregistered");
    let page = party.authorize(&[("redirect_uri", &other)]).await.expect(400);
    assert!(!page.headers.contains_key("location"));
}

#[tokio::test]
async fn oidcc_ensure_post_request_succeeds() {
    let party = Party::signed_in().await;
    let path = party.authorize_path(&[]);
    let body = path.split_once('?').expect("a query").1;
    // As a page of the client sends it.
    let headers = [("origin", "https://rp.example"), ("sec-fetch-site", "cross-site")];
    let back = party.send(Method::POST, "/oauth/authorize", body, &headers).await.expect(303);
    let code = query_of(location(&back), "code").expect("a code");
    party.exchange(&code).await.expect(200);
}

#[tokio::test]
async fn oidcc_server_client_secret_post() {
    let mut registration = web_client();
    registration["token_endpoint_auth_method"] = json!("client_secret_post");
    let party = Party::signed_in_on(Party::on(node().await, registration).await).await;
    let code = party.code_at_once(&[]).await;
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", super::VERIFIER),
        ("client_id", &party.client_id),
        ("client_secret", &party.secret),
    ];
    party.send(Method::POST, "/oauth/token", &form(&pairs), &[]).await.expect(200);
}

/// Request objects are not taken, and whoever sends one is told so in the words of the standard.
#[tokio::test]
async fn oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported() {
    let party = Party::signed_in().await;
    let error = party.error_for(&[("request", "eyJhbGciOiJub25lIn0.e30.")]).await;
    assert_eq!(error, "request_not_supported");
}

#[tokio::test]
async fn oidcc_ensure_request_object_with_redirect_uri() {
    let party = Party::signed_in().await;
    // {"redirect_uri":"https://evil.example"}: what is in it counts for nothing.
    let object = "eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwczovL2V2aWwuZXhhbXBsZSJ9.";
    let back = party.authorize(&[("request", object)]).await.expect(303);
    assert!(location(&back).starts_with(CALLBACK));
    assert_eq!(query_of(location(&back), "error").as_deref(), Some("request_not_supported"));
}

#[tokio::test]
async fn oidcc_claims_essential() {
    let party = Party::signed_in().await;
    let wanted = json!({ "userinfo": { "name": { "essential": true } } }).to_string();
    let tokens = party.tokens_for(&[("scope", "openid"), ("claims", &wanted)]).await;
    let info = party.userinfo(tokens.text("access_token")).await.expect(200);
    assert_eq!(info.body, json!({ "sub": USER_ID, "name": "Ada Byron" }));
}

#[tokio::test]
async fn oidcc_refresh_token() {
    let party = Party::signed_in().await;
    let first = party.tokens_for(&[]).await;
    let second = party.refresh(first.text("refresh_token")).await.expect(200);
    assert_ne!(first.text("access_token"), second.text("access_token"));
    for claim in ["iss", "sub", "aud", "auth_time", "azp"] {
        assert_eq!(id_of(&first)[claim], id_of(&second)[claim], "{claim}");
    }
    assert!(id_of(&second)["iat"].as_i64() >= id_of(&first)["iat"].as_i64());
    // Another client has no use for it.
    let other = party.node.post(&party.admin(), "/oauth/register", web_client()).await.expect(201);
    let pairs = [
        ("grant_type", "refresh_token"),
        ("refresh_token", second.text("refresh_token")),
        ("client_id", other.text("client_id")),
        ("client_secret", other.text("client_secret")),
    ];
    let stolen = party.send(Method::POST, "/oauth/token", &form(&pairs), &[]).await;
    expect_error(stolen, 400, "invalid_grant");
}

#[tokio::test]
async fn oidcc_ensure_request_with_valid_pkce_succeeds() {
    let party = Party::signed_in().await;
    let code = party.code_at_once(&[]).await;
    let wrong = "another-verifier-that-is-at-least-forty-three-letters";
    let refused = party.exchange_with(&code, &[("code_verifier", wrong)]).await;
    expect_error(refused, 400, "invalid_grant");
    party.exchange(&code).await.expect(200);
}
