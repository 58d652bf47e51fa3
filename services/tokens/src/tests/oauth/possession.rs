//! Tokens that are bound to a key (RFC 9449).

use http::Method;
use identity::{KeyPair, ProofMaker, SigningAlgorithm};
use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::{Answer, Backend, Caller};

use super::{
    CALLBACK, ISSUER, Party, VERIFIER, claims, expect_error, form, location, query_of, web_client,
};
use crate::tests::{node, node_on, node_with_stopped_clock};

const TOKEN: &str = "http://127.0.0.1:5000/oauth/token";
const USERINFO: &str = "http://127.0.0.1:5000/oauth/userinfo";

fn maker(party: &Party) -> ProofMaker {
    let key = KeyPair::generate(SigningAlgorithm::Es256).expect("a key");
    ProofMaker::new(key, party.node.context().clock)
}

fn phone_app() -> Value {
    json!({
        "client_name": "Phone app",
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
        "scope": "openid profile email offline_access api",
    })
}

impl Party {
    /// A request of a public client with these proofs.
    async fn post_proved(&self, path: &str, pairs: &[(&str, &str)], proofs: &[&str]) -> Answer {
        let mut pairs = pairs.to_vec();
        pairs.push(("client_id", &self.client_id));
        if !self.secret.is_empty() {
            pairs.push(("client_secret", &self.secret));
        }
        let headers: Vec<_> = proofs.iter().map(|proof| ("dpop", *proof)).collect();
        self.send(Method::POST, path, &form(&pairs), &headers).await
    }

    async fn exchange_proved(&self, code: &str, proofs: &[&str]) -> Answer {
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.post_proved("/oauth/token", &pairs, proofs).await
    }

    async fn refresh_proved(&self, token: &str, proofs: &[&str]) -> Answer {
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.post_proved("/oauth/token", &pairs, proofs).await
    }

    /// A code for a request with these changes, of a user who has allowed it.
    async fn code_for(&mut self, changes: &[(&str, &str)]) -> String {
        self.sign_in(changes).await;
        let back = self.allow(changes).await.expect(303);
        query_of(location(&back), "code").expect("a code")
    }

    async fn userinfo_as(&self, authorization: &str, proof: &str) -> Answer {
        let headers = [("x-backline-token", authorization), ("dpop", proof)];
        self.send(Method::GET, "/oauth/userinfo", "", &headers).await
    }
}

#[track_caller]
fn expect_challenge(answer: Answer, error: &str) {
    let answer = expect_error(answer, 401, error);
    let challenge = answer.headers["www-authenticate"].to_str().expect("text");
    assert!(challenge.starts_with("DPoP ") && challenge.contains("algs=\"ES256 EdDSA RS256\""));
    assert!(challenge.contains(&format!("error=\"{error}\"")), "{challenge}");
}

async fn a_code_with_a_proof_gives_tokens_that_are_bound_to_its_key(backend: Backend) {
    let mut party = Party::on(node_on(backend).await, phone_app()).await;
    let maker = maker(&party);
    let proof = || maker.make("POST", TOKEN, None);
    let code = party.code_for(&[]).await;
    let tokens = party.exchange_proved(&code, &[&proof()]).await.expect(200);
    assert_eq!(tokens.text("token_type"), "DPoP");
    let access = tokens.text("access_token");
    assert_eq!(claims(access)["cnf"], json!({ "jkt": maker.thumbprint() }));
    let as_bound = format!("DPoP {access}");
    let good = maker.make("GET", USERINFO, Some(access));
    let info = party.userinfo_as(&as_bound, &good).await.expect(200);
    assert_eq!(info.text("email"), "ada@example.org");
    expect_challenge(party.userinfo_as(&as_bound, &good).await, "invalid_dpop_proof");
    expect_challenge(party.userinfo(access).await, "invalid_token");
    let by_post = maker.make("POST", USERINFO, Some(access));
    expect_challenge(party.userinfo_as(&as_bound, &by_post).await, "invalid_dpop_proof");
    let in_body = form(&[("access_token", access)]);
    let in_body = party.send(Method::POST, "/oauth/userinfo", &in_body, &[]).await;
    expect_challenge(in_body, "invalid_token");

    let refreshed = party.refresh_proved(tokens.text("refresh_token"), &[&proof()]).await;
    let refreshed = refreshed.expect(200);
    assert_eq!(claims(refreshed.text("access_token"))["cnf"]["jkt"], json!(maker.thumbprint()));
    party.node.stop().await;
}

#[tokio::test]
async fn a_code_with_a_proof_gives_tokens_that_are_bound_to_its_key_on_sqlite() {
    a_code_with_a_proof_gives_tokens_that_are_bound_to_its_key(Backend::Sqlite).await;
}

#[tokio::test]
async fn a_code_with_a_proof_gives_tokens_that_are_bound_to_its_key_on_postgres() {
    a_code_with_a_proof_gives_tokens_that_are_bound_to_its_key(Backend::Postgres).await;
}

#[tokio::test]
async fn a_refresh_token_of_a_public_client_is_no_good_without_its_key() {
    let mut party = Party::on(node().await, phone_app()).await;
    let (own, thief) = (maker(&party), maker(&party));
    let code = party.code_for(&[]).await;
    let tokens = party.exchange_proved(&code, &[&own.make("POST", TOKEN, None)]).await.expect(200);
    let refresh_token = tokens.text("refresh_token");
    for proofs in [vec![], vec![thief.make("POST", TOKEN, None)]] {
        let proofs: Vec<&str> = proofs.iter().map(String::as_str).collect();
        let refused = party.refresh_proved(refresh_token, &proofs).await;
        expect_error(refused, 400, "invalid_grant");
    }
    // The thief has not spent it, nor ended the session.
    let proof = own.make("POST", TOKEN, None);
    party.refresh_proved(refresh_token, &[&proof]).await.expect(200);
}

#[tokio::test]
async fn a_client_that_proves_itself_may_change_its_key() {
    let mut party = Party::new().await;
    let (first, second) = (maker(&party), maker(&party));
    let code = party.code().await;
    let tokens =
        party.exchange_proved(&code, &[&first.make("POST", TOKEN, None)]).await.expect(200);
    let proof = second.make("POST", TOKEN, None);
    let bound = party.refresh_proved(tokens.text("refresh_token"), &[&proof]).await.expect(200);
    assert_eq!(claims(bound.text("access_token"))["cnf"]["jkt"], json!(second.thumbprint()));
    let unbound = party.refresh(bound.text("refresh_token")).await.expect(200);
    assert_eq!(unbound.text("token_type"), "Bearer");
    assert_eq!(claims(unbound.text("access_token")).get("cnf"), None);
}

#[tokio::test]
async fn a_proof_that_is_not_good_gives_nothing_and_spends_nothing() {
    let mut party = Party::on(node_with_stopped_clock().await, phone_app()).await;
    let maker = maker(&party);
    let late = maker.make("POST", TOKEN, None);
    party.node.context().clock.advance(SignedDuration::from_secs(61));
    let code = party.code_for(&[]).await;
    let good = maker.make("POST", TOKEN, None);
    let for_get = maker.make("GET", TOKEN, None);
    let elsewhere = maker.make("POST", &format!("{ISSUER}/oauth/par"), None);
    let bad: [&[&str]; 5] = [&["x.y.z"], &[&late], &[&for_get], &[&elsewhere], &[&good, &good]];
    for proofs in bad {
        let refused = party.exchange_proved(&code, proofs).await;
        expect_error(refused, 400, "invalid_dpop_proof");
    }
    party.exchange_proved(&code, &[&good]).await.expect(200);
    let again = party.exchange_proved(&code, &[&good]).await;
    expect_error(again, 400, "invalid_dpop_proof");
}

#[tokio::test]
async fn a_code_is_for_the_key_that_the_request_named() {
    let mut party = Party::on(node().await, phone_app()).await;
    let (own, thief) = (maker(&party), maker(&party));
    let thumbprint = own.thumbprint();
    let code = party.code_for(&[("dpop_jkt", &thumbprint)]).await;
    for proofs in [vec![], vec![thief.make("POST", TOKEN, None)]] {
        let proofs: Vec<&str> = proofs.iter().map(String::as_str).collect();
        expect_error(party.exchange_proved(&code, &proofs).await, 400, "invalid_grant");
    }
    party.exchange_proved(&code, &[&own.make("POST", TOKEN, None)]).await.expect(200);
    let wrong = party.authorize(&[("dpop_jkt", "x")]).await.expect(303);
    assert_eq!(query_of(location(&wrong), "error").as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn a_pushed_request_is_for_the_key_that_pushed_it() {
    let mut party = Party::on(node().await, phone_app()).await;
    let (own, thief) = (maker(&party), maker(&party));
    party.code_for(&[]).await;
    let path = party.authorize_path(&[]);
    let query = path.split_once('?').expect("a query").1;
    let pairs: Vec<(String, String)> =
        form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let pairs = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    let pairs: Vec<(&str, &str)> = pairs.filter(|(name, _)| *name != "client_id").collect();
    let par = format!("{ISSUER}/oauth/par");
    let proof = || own.make("POST", &par, None);
    let other = thief.thumbprint();
    let mut two_keys = pairs.clone();
    two_keys.push(("dpop_jkt", &other));
    let refused = party.post_proved("/oauth/par", &two_keys, &[&proof()]).await;
    expect_error(refused, 400, "invalid_dpop_proof");
    let pushed = party.post_proved("/oauth/par", &pairs, &[&proof()]).await.expect(201);
    let short = [("client_id", &*party.client_id), ("request_uri", pushed.text("request_uri"))];
    let short = format!("/oauth/authorize?{}", form(&short));
    let back = party.send(Method::GET, &short, "", &[]).await.expect(303);
    let code = query_of(location(&back), "code").expect("a code");
    let stolen = thief.make("POST", TOKEN, None);
    expect_error(party.exchange_proved(&code, &[&stolen]).await, 400, "invalid_grant");
    party.exchange_proved(&code, &[&own.make("POST", TOKEN, None)]).await.expect(200);
}

#[tokio::test]
async fn a_client_registered_for_bound_tokens_gets_no_others() {
    let registration = json!({
        "client_name": "Till", "grant_types": ["client_credentials"],
        "dpop_bound_access_tokens": true, "backline_permissions": ["oauth-clients:read"],
    });
    let party = Party::on(node().await, registration).await;
    let maker = maker(&party);
    let own_behalf = [("grant_type", "client_credentials")];
    let refused = party.post_proved("/oauth/token", &own_behalf, &[]).await;
    expect_error(refused, 400, "invalid_dpop_proof");
    let proof = maker.make("POST", TOKEN, None);
    let tokens = party.post_proved("/oauth/token", &own_behalf, &[&proof]).await.expect(200);
    assert_eq!(tokens.text("token_type"), "DPoP");
    // At a service itself such a token is no good: who has seen its proof is the gateway.
    let caller = Caller { token: Some(tokens.text("access_token").into()), ..Caller::anonymous() };
    let refused = party.node.get(&caller, "/oauth/register").await;
    refused.expect_problem(401, "token_unproved");
    let path = format!("/oauth/register/{}", party.client_id);
    let shown = party.node.get(&party.admin(), &path).await.expect(200);
    assert_eq!(shown.body["dpop_bound_access_tokens"], true);
}

#[tokio::test]
async fn introspection_and_validation_know_of_the_key() {
    let mut registration = web_client();
    registration["scope"] = json!("openid profile email offline_access api");
    let mut party = Party::on(node().await, registration).await;
    let maker = maker(&party);
    let scope = [("scope", "openid api")];
    let code = party.code_for(&scope).await;
    let proof = maker.make("POST", TOKEN, None);
    let tokens = party.exchange_proved(&code, &[&proof]).await.expect(200);
    let access = tokens.text("access_token");
    let facts = party.post("/oauth/introspect", &[("token", access)]).await.expect(200);
    assert_eq!(facts.body["cnf"], json!({ "jkt": maker.thumbprint() }));
    assert_eq!(facts.text("token_type"), "DPoP");
    let validate = async |authorization: &str, proof: &str| {
        let headers = [("x-backline-token", authorization), ("dpop", proof)];
        party.send(Method::POST, "/api/v1/auth/validate", "", &headers).await.expect(200).body
    };
    let proof = maker.make("POST", &format!("{ISSUER}/api/v1/auth/validate"), Some(access));
    let refused = json!({ "isValid": false, "reason": "INVALID" });
    assert_eq!(validate(&format!("Bearer {access}"), &proof).await, refused);
    assert_eq!(validate(&format!("DPoP {access}"), &proof).await["isValid"], true);
    assert_eq!(validate(&format!("DPoP {access}"), &proof).await, refused, "a proof is good once");
}
