//! Registrations, how clients prove who they are, and clients that act on their own behalf.

use contracts::audit::Outcome;
use http::Method;
use identity::{KeyPair, SigningAlgorithm};
use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::Caller;

use super::{CALLBACK, ISSUER, Party, claims, expect_error, form, web_client};
use crate::tests::{node, node_with_stopped_clock, validate};

fn service_account(permissions: &[&str]) -> Value {
    json!({
        "client_name": "Till",
        "grant_types": ["client_credentials"],
        "backline_permissions": permissions,
    })
}

const OWN_BEHALF: [(&str, &str); 1] = [("grant_type", "client_credentials")];

#[tokio::test]
async fn c12_a_client_proves_who_it_is_everywhere_in_either_way() {
    let party = Party::on(node().await, service_account(&["events:read"])).await;
    let (id, secret) = (party.client_id.clone(), party.secret.clone());
    let by_post = |secret: &str| {
        form(&[
            ("grant_type", "client_credentials"),
            ("token", "x"),
            ("client_id", &id),
            ("client_secret", secret),
        ])
    };
    party.post("/oauth/token", &OWN_BEHALF).await.expect(200);
    party.send(Method::POST, "/oauth/token", &by_post(&secret), &[]).await.expect(200);
    for path in ["/oauth/token", "/oauth/introspect", "/oauth/revoke"] {
        for body in
            [by_post("wrong"), form(&[("client_id", &id), ("token", "x")]), form(&[("token", "x")])]
        {
            let refused = party.send(Method::POST, path, &body, &[]).await;
            let refused = expect_error(refused, 401, "invalid_client");
            assert_eq!(refused.headers["www-authenticate"], "Basic realm=\"backline\"");
        }
    }
    let twice = [("grant_type", "client_credentials"), ("client_secret", secret.as_str())];
    expect_error(party.post("/oauth/token", &twice).await, 400, "invalid_request");
}

#[tokio::test]
async fn a_service_account_may_do_what_its_registration_lists_and_nothing_else() {
    let party = Party::on(node().await, service_account(&["oauth-clients:read"])).await;
    let tokens = party.post("/oauth/token", &OWN_BEHALF).await.expect(200);
    assert_eq!(tokens.body.get("refresh_token"), None);
    let says = claims(tokens.text("access_token"));
    assert_eq!(
        (&says["sub"], &says["client_id"]),
        (&party.client_id.as_str().into(), &party.client_id.as_str().into())
    );
    let caller = Caller { token: Some(tokens.text("access_token").into()), ..Caller::anonymous() };
    party.node.get(&caller, "/oauth/register").await.expect(200);
    let refused = party.node.post(&caller, "/oauth/register", web_client()).await;
    refused.expect_problem(403, "not_permitted");
    let denied = party.node.wait_for_audited("oauth-clients:manage", Outcome::Denied).await;
    assert_eq!(denied.by.id.as_deref(), Some(party.client_id.as_str()));
    assert_eq!(denied.by.label.as_deref(), Some("Till"));
    party.node.get(&caller, "/api/v1/auth/sessions").await.expect_problem(401, "unauthenticated");
    expect_error(
        party.post("/oauth/token", &[OWN_BEHALF[0], ("scope", "openid")]).await,
        400,
        "invalid_scope",
    );
}

#[tokio::test]
async fn a_client_that_may_less_loses_the_tokens_it_has() {
    let party =
        Party::on(node().await, service_account(&["oauth-clients:read", "events:read"])).await;
    let tokens = party.post("/oauth/token", &OWN_BEHALF).await.expect(200);
    let path = format!("/oauth/register/{}", party.client_id);
    party.node.put(&party.admin(), &path, service_account(&["events:read"])).await.expect(200);
    let caller = Caller { token: Some(tokens.text("access_token").into()), ..Caller::anonymous() };
    assert_eq!(party.node.published_kinds().await, ["session.ended"]);
    party.node.get(&caller, "/oauth/register").await.expect_problem(401, "token_revoked");
    assert_eq!(validate(&party.node, tokens.text("access_token")).await.text("reason"), "REVOKED");
    party.node.delete(&party.admin(), &path).await.expect(204);
    expect_error(party.post("/oauth/token", &OWN_BEHALF).await, 401, "invalid_client");
    party.node.get(&party.admin(), &path).await.expect_problem(404, "client_not_found");
}

#[tokio::test]
async fn a_secret_is_replaced_with_overlap() {
    let node = node_with_stopped_clock().await;
    let mut party = Party::on(node, service_account(&[])).await;
    let path = format!("/oauth/register/{}/secret", party.client_id);
    let replaced = party.node.post(&party.admin(), &path, json!({})).await.expect(200);
    party.post("/oauth/token", &OWN_BEHALF).await.expect(200);
    let old = std::mem::replace(&mut party.secret, replaced.text("client_secret").to_owned());
    party.post("/oauth/token", &OWN_BEHALF).await.expect(200);
    party.node.context().clock.advance(SignedDuration::from_hours(25));
    party.post("/oauth/token", &OWN_BEHALF).await.expect(200);
    party.secret = old;
    expect_error(party.post("/oauth/token", &OWN_BEHALF).await, 401, "invalid_client");
}

#[tokio::test]
async fn a_client_proves_who_it_is_by_a_signed_assertion_once() {
    let key = KeyPair::generate(SigningAlgorithm::Es256).expect("a key");
    let registration = json!({
        "client_name": "Bank",
        "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": { "keys": [key.jwk()] },
    });
    let party = Party::on(node().await, registration).await;
    let id = party.client_id.clone();
    let now = party.node.context().clock.now().as_second();
    let good = json!({ "iss": id, "sub": id, "aud": format!("{ISSUER}/oauth/token"), "exp": now + 60, "jti": "1" });
    let send = async |claims: &Value, key: &KeyPair| {
        let assertion = key.sign_as("JWT", claims).expect("signed");
        let body = form(&[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
        ]);
        party.send(Method::POST, "/oauth/token", &body, &[]).await
    };
    send(&good, &key).await.expect(200);
    expect_error(send(&good, &key).await, 401, "invalid_client");
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims["jti"] = json!(name);
        claims[name] = value;
        claims
    };
    for wrong in [
        with("aud", json!("https://other.example")),
        with("exp", json!(now - 60)),
        with("exp", json!(now + 86_400)),
        with("iss", json!("somebody")),
    ] {
        expect_error(send(&wrong, &key).await, 401, "invalid_client");
    }
    let other = KeyPair::generate(SigningAlgorithm::Es256).expect("a key");
    expect_error(send(&with("jti", json!("2")), &other).await, 401, "invalid_client");
    send(&with("jti", json!("3")), &key).await.expect(200);
    // A symmetric signature with the public key as its secret has no way in.
    let public = key.jwk().to_owned();
    let secret = serde_json::to_vec(&public).expect("JSON");
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    let forged = jsonwebtoken::encode(
        &header,
        &with("jti", json!("4")),
        &jsonwebtoken::EncodingKey::from_secret(&secret),
    );
    let body = form(&[
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &forged.expect("signed")),
    ]);
    expect_error(party.send(Method::POST, "/oauth/token", &body, &[]).await, 401, "invalid_client");
}

#[tokio::test]
async fn a_registration_that_makes_no_sense_is_refused_with_words() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let with = |name: &str, value: Value| {
        let mut registration = web_client();
        registration[name] = value;
        registration
    };
    for wrong in [
        with("client_name", json!("")),
        with("redirect_uris", json!([])),
        with("redirect_uris", json!(["https://rp.example/cb#x"])),
        with("redirect_uris", json!(["https://*.rp.example/cb"])),
        with("redirect_uris", json!(["http://rp.example/cb"])),
        with("redirect_uris", json!(["javascript:alert(1)"])),
        with("redirect_uris", json!(["https://user@rp.example/"])),
        with("grant_types", json!(["password"])),
        with("response_types", json!(["token"])),
        with("token_endpoint_auth_method", json!("tls_client_auth")),
        with("token_endpoint_auth_method", json!("private_key_jwt")),
        with("id_token_signed_response_alg", json!("none")),
        with("jwks_uri", json!("https://rp.example/jwks")),
        with("backline_permissions", json!(["events:read"])),
    ] {
        let refused = node.post(&admin, "/oauth/register", wrong.clone()).await;
        expect_error(refused, 400, "invalid_client_metadata");
    }
    let unknown = service_account(&["events:fly"]);
    expect_error(
        node.post(&admin, "/oauth/register", unknown).await,
        400,
        "invalid_client_metadata",
    );
    let everything = json!({ "client_name": "X", "grant_types": ["client_credentials"], "token_endpoint_auth_method": "none" });
    expect_error(
        node.post(&admin, "/oauth/register", everything).await,
        400,
        "invalid_client_metadata",
    );
    assert_eq!(node.get(&admin, "/oauth/register").await.expect(200).items().len(), 0);
    for local in [
        "http://localhost:8080/cb",
        "http://127.0.0.1/cb",
        "http://[::1]:9/cb",
        "org.example.app:/cb",
    ] {
        node.post(&admin, "/oauth/register", with("redirect_uris", json!([local])))
            .await
            .expect(201);
    }
}

#[tokio::test]
async fn only_who_may_manages_clients() {
    let party = Party::new().await;
    let path = format!("/oauth/register/{}", party.client_id);
    for role in ["member", "organiser-admin", "door", "manager"] {
        let caller = party.node.caller(&[(role, None)]);
        for answer in [
            party.node.get(&caller, "/oauth/register").await,
            party.node.get(&caller, &path).await,
            party.node.post(&caller, "/oauth/register", web_client()).await,
            party.node.put(&caller, &path, web_client()).await,
            party.node.delete(&caller, &path).await,
            party.node.post(&caller, &format!("{path}/secret"), json!({})).await,
        ] {
            answer.expect_problem(403, "not_permitted");
        }
    }
    party.node.get(&Caller::anonymous(), &path).await.expect_problem(401, "unauthenticated");
    let shown = party.node.get(&party.admin(), &path).await.expect(200);
    assert_eq!(shown.body.get("client_secret"), None);
    assert_eq!(shown.body["redirect_uris"], json!([CALLBACK]));
}

#[tokio::test]
async fn every_algorithm_of_id_tokens_verifies_with_the_published_key() {
    for algorithm in SigningAlgorithm::ALL {
        let mut registration = web_client();
        registration["id_token_signed_response_alg"] = json!(algorithm.as_str());
        let mut party = Party::on(node().await, registration).await;
        let tokens = party.tokens().await;
        let header = jsonwebtoken::decode_header(tokens.text("id_token")).expect("a header");
        let keys = party.send(Method::GET, "/oauth/jwks", "", &[]).await.expect(200);
        let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_value(keys.body).expect("keys");
        let key = keys.find(header.kid.as_deref().expect("a kid")).expect("published");
        let key = jsonwebtoken::DecodingKey::from_jwk(key).expect("a key");
        let mut validation = jsonwebtoken::Validation::new(header.alg);
        validation.set_audience(&[&party.client_id]);
        jsonwebtoken::decode::<Value>(tokens.text("id_token"), &key, &validation).expect("good");
        assert_eq!(format!("{:?}", header.alg).to_uppercase(), algorithm.as_str().to_uppercase());
    }
}
