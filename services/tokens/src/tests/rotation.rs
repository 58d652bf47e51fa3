//! Signing keys: replaced without anybody being turned away.

use identity::SigningAlgorithm;
use jiff::SignedDuration;
use policies::Actor;
use serde_json::Value;
use testkit::{Backend, TestNode};

use super::{EMAIL, PASSWORD, node_on, refresh, sign_in, tokens_on, validate};
use crate::Tokens;
use crate::app::possession::ShownToken;
use crate::app::{Proof, SignIn};

async fn keys(node: &TestNode) -> Vec<Value> {
    let nobody = testkit::Caller::anonymous();
    let set = node.get(&nobody, "/oauth/jwks").await.expect(200);
    set.body["keys"].as_array().expect("keys").clone()
}

fn kid_of(token: &str) -> String {
    jsonwebtoken::decode_header(token).expect("a header").kid.expect("a kid")
}

async fn sign_in_at(tokens: &Tokens) -> String {
    let sign_in = SignIn {
        proof: Proof::Password { email: EMAIL, password: PASSWORD, second_factor: "" },
        client_address: "",
        user_agent: "",
        in_browser: false,
        browser_cookie: None,
    };
    tokens.sign_in(&Actor::anonymous(), sign_in).await.expect("signed in").pair.access_token
}

async fn c19_old_tokens_stay_good_when_the_key_is_replaced(backend: Backend) {
    let node = node_on(backend).await;
    let before = sign_in(&node).await;
    let known: Vec<_> = keys(&node).await.iter().map(|key| key["kid"].clone()).collect();
    let other = tokens_on(&node);
    other.prepare_keys().await.expect("prepared");
    other.follow_keys(SignedDuration::from_hours(-1)).await.expect("rotated");
    // This process has not heard of it yet and signs with the old key; after it has, with the one that was next.
    let meanwhile = refresh(&node, before.text("refreshToken")).await.expect(200);
    assert_eq!(kid_of(meanwhile.text("accessToken")), kid_of(before.text("accessToken")));
    let signed = sign_in_at(&other).await;
    assert_ne!(kid_of(&signed), kid_of(before.text("accessToken")));
    assert!(
        known.contains(&Value::from(kid_of(&signed))),
        "the next key was known before it signed"
    );
    for token in [before.text("accessToken"), meanwhile.text("accessToken"), signed.as_str()] {
        assert_eq!(validate(&node, token).await.body["isValid"], true);
    }
    let shown = ShownToken::bearer(before.text("accessToken"));
    let judged = other.validate(&Actor::anonymous(), &shown).await;
    assert!(judged.expect("judged").is_ok(), "the process that rotated knows the old key");
    node.stop().await;
}

#[tokio::test]
async fn c19_old_tokens_stay_good_when_the_key_is_replaced_on_sqlite() {
    c19_old_tokens_stay_good_when_the_key_is_replaced(Backend::Sqlite).await;
}

#[tokio::test]
async fn c19_old_tokens_stay_good_when_the_key_is_replaced_on_postgres() {
    c19_old_tokens_stay_good_when_the_key_is_replaced(Backend::Postgres).await;
}

#[tokio::test]
async fn a_key_that_has_not_signed_long_enough_stays() {
    let node = node_on(Backend::Sqlite).await;
    let before = keys(&node).await;
    let other = tokens_on(&node);
    other.follow_keys(SignedDuration::from_hours(1)).await.expect("followed");
    assert_eq!(keys(&node).await, before);
}

#[tokio::test]
async fn c19_the_set_has_keys_that_relying_parties_know_and_nothing_private() {
    let node = node_on(Backend::Sqlite).await;
    let keys = keys(&node).await;
    let algorithms: Vec<_> = keys.iter().map(|key| key["alg"].as_str().expect("alg")).collect();
    assert!(algorithms.contains(&SigningAlgorithm::Rs256.as_str()), "{algorithms:?}");
    for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
        assert!(keys.iter().all(|key| key.get(private).is_none()), "{private}");
    }
}
