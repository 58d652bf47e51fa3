//! What a proof has to be, and what is refused.

use jsonwebtoken::EncodingKey;
use serde_json::json;

use super::*;
use crate::{KeyPair, ProofMaker, SigningAlgorithm};

const URI: &str = "https://backline.example.org/api/v1/events";

struct Setup {
    clock: Clock,
    proofs: Proofs,
    maker: ProofMaker,
}

fn setup() -> Setup {
    setup_with(SigningAlgorithm::Es256)
}

fn setup_with(algorithm: SigningAlgorithm) -> Setup {
    let clock = Clock::manual(Clock::system().now());
    let proofs = Proofs::new(clock.clone());
    let maker = ProofMaker::new(KeyPair::generate(algorithm).expect("a key"), clock.clone());
    Setup { clock, proofs, maker }
}

fn target(access_token: Option<&str>) -> Target<'_> {
    Target { method: "GET", uri: URI, access_token }
}

/// A good proof with one claim changed; `null` takes it away.
fn with(maker: &ProofMaker, claim: &str, value: Value) -> String {
    let mut claims = maker.claims("GET", URI, Some("token"));
    match value {
        Value::Null => drop(claims.remove(claim)),
        value => drop(claims.insert(claim.to_owned(), value)),
    }
    maker.sign(&maker.header(), &claims)
}

#[test]
fn a_proof_of_every_algorithm_gives_the_thumbprint_of_its_key() {
    for algorithm in SigningAlgorithm::ALL {
        let Setup { proofs, maker, .. } = setup_with(algorithm);
        let proof = maker.make("GET", URI, Some("token"));
        assert_eq!(proofs.check(&proof, &target(Some("token"))), Ok(maker.thumbprint()));
    }
}

#[test]
fn the_thumbprint_is_that_of_rfc_7638() {
    // RFC 8037, appendix A.3.
    let key = json!({
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    });
    let key: Jwk = serde_json::from_value(key).expect("a key");
    let thumbprint = key.thumbprint(ThumbprintHash::SHA256).expect("a thumbprint");
    assert_eq!(thumbprint, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn a_proof_is_for_one_request() {
    let Setup { clock, proofs, maker } = setup();
    let now = clock.now().as_second();
    for (claim, value) in [
        ("htm", json!("POST")),
        ("htm", json!("get")),
        ("htu", json!("https://backline.example.org/api/v1/orders")),
        ("htu", json!("https://evil.example/api/v1/events")),
        ("htu", json!("http://backline.example.org/api/v1/events")),
        ("htu", json!("https://backline.example.org:8443/api/v1/events")),
        ("htu", json!("/api/v1/events")),
        ("ath", json!("x")),
        ("ath", Value::Null),
        ("iat", json!(now - 62)),
        ("iat", json!(now + 62)),
        ("iat", json!("now")),
        ("iat", Value::Null),
        ("jti", json!("")),
        ("jti", json!("x".repeat(257))),
        ("jti", Value::Null),
    ] {
        let proof = with(&maker, claim, value.clone());
        let outcome = proofs.check(&proof, &target(Some("token")));
        assert!(matches!(outcome, Err(ProofFault::Bad(_))), "{claim} {value}: {outcome:?}");
    }
    for (claim, value) in [
        ("htu", json!("HTTPS://Backline.example.org:443/api/v1/events?q=jazz#top")),
        ("iat", json!(now - 59)),
        ("iat", json!(now + 59)),
        ("iat", json!(now as f64 + 0.25)),
    ] {
        let proof = with(&maker, claim, value.clone());
        let outcome = proofs.check(&proof, &target(Some("token")));
        assert!(outcome.is_ok(), "{claim} {value}: {outcome:?}");
    }
}

#[test]
fn c16_what_the_header_says_of_key_and_algorithm_has_to_fit() {
    let Setup { proofs, maker, .. } = setup();
    let claims = maker.claims("GET", URI, None);
    let check = |proof: &str| proofs.check(proof, &target(None));
    let header = |change: &dyn Fn(&mut Value)| {
        let mut header = maker.header();
        change(&mut header);
        maker.sign(&header, &claims)
    };
    for (what, proof) in [
        ("typ", header(&|h| h["typ"] = json!("JWT"))),
        ("no typ", header(&|h| drop(h.as_object_mut().and_then(|h| h.remove("typ"))))),
        ("none", header(&|h| h["alg"] = json!("none"))),
        ("another algorithm", header(&|h| h["alg"] = json!("RS256"))),
        ("crit", header(&|h| h["crit"] = json!(["exp"]))),
        ("no key", header(&|h| drop(h.as_object_mut().and_then(|h| h.remove("jwk"))))),
        ("private key", header(&|h| h["jwk"]["d"] = json!("AAAA"))),
        ("a secret", header(&|h| h["jwk"]["k"] = json!("AAAA"))),
        (
            "another key",
            header(&|h| {
                let other = KeyPair::generate(SigningAlgorithm::Es256).expect("a key");
                h["jwk"] = serde_json::to_value(other.jwk()).expect("JSON");
            }),
        ),
        (
            "a jku beside a broken key",
            header(&|h| {
                h["jku"] = json!("https://evil.example/keys");
                h["jwk"]["x"] = json!("AAAA");
            }),
        ),
        ("no JWT", "x.y.z".to_owned()),
        ("too long", "x".repeat(LENGTH_MAX + 1)),
    ] {
        assert!(matches!(check(&proof), Err(ProofFault::Bad(_))), "{what}");
    }
    let mut symmetric = Header::new(Algorithm::HS256);
    symmetric.typ = Some(TYPE.into());
    symmetric.jwk = serde_json::from_value(maker.header()["jwk"].clone()).ok();
    let secret = EncodingKey::from_secret(maker.thumbprint().as_bytes());
    let forged = jsonwebtoken::encode(&symmetric, &claims, &secret).expect("signed");
    assert!(matches!(check(&forged), Err(ProofFault::Bad(_))));
    assert!(check(&maker.sign(&maker.header(), &claims)).is_ok());
}

#[test]
fn a_proof_is_taken_once_as_long_as_it_could_be_shown() {
    let Setup { clock, proofs, maker } = setup();
    let now = clock.now().as_second();
    let early = with(&maker, "iat", json!(now + 59));
    let other =
        ProofMaker::new(KeyPair::generate(SigningAlgorithm::EdDsa).expect("a key"), clock.clone());
    let check = |proof: &str| proofs.check(proof, &target(Some("token")));
    assert!(check(&early).is_ok());
    let same_id = with(&maker, "jti", json!("1"));
    assert!(check(&same_id).is_ok());
    assert!(check(&with(&other, "jti", json!("1"))).is_ok(), "the id is its key's");
    for _ in 0..3 {
        assert_eq!(check(&early), Err(ProofFault::Replayed));
        clock.advance(SignedDuration::from_secs(39));
    }
    clock.advance(SignedDuration::from_secs(3));
    assert!(matches!(check(&early), Err(ProofFault::Bad(_))), "its time is over");
}

#[test]
fn what_is_remembered_is_bounded_and_the_newest_is_kept() {
    let now = Clock::system().now();
    let mut seen = Seen { newer: HashSet::new(), older: HashSet::new(), since: now };
    let name = |number: usize| name("key", &number.to_string());
    for number in 0..2 * PROOFS_REMEMBERED + 1 {
        assert!(seen.insert(name(number), now));
        assert!(seen.newer.len() + seen.older.len() <= 2 * PROOFS_REMEMBERED);
    }
    for number in PROOFS_REMEMBERED..2 * PROOFS_REMEMBERED + 1 {
        assert!(!seen.insert(name(number), now), "{number}");
    }
    assert!(seen.insert(name(0), now), "the oldest are forgotten");
}

#[test]
fn a_bound_token_needs_its_own_key() {
    let Setup { clock, proofs, maker } = setup();
    let bound = Confirmation { jkt: maker.thumbprint() };
    let target = target(Some("token"));
    let good = maker.make("GET", URI, Some("token"));
    assert_eq!(proofs.check_bound(Some(&good), &target, &bound), Ok(()));
    assert_eq!(proofs.check_bound(None, &target, &bound), Err(ProofFault::Missing));
    let key = KeyPair::generate(SigningAlgorithm::Es256).expect("a key");
    let stranger = ProofMaker::new(key, clock).make("GET", URI, Some("token"));
    let outcome = proofs.check_bound(Some(&stranger), &target, &bound);
    assert_eq!(outcome, Err(ProofFault::OtherKey));
}

#[test]
fn two_proofs_in_one_request_are_none() {
    let mut headers = HeaderMap::new();
    assert_eq!(proof_of(&headers), Ok(None));
    headers.append(PROOF_HEADER, "a".parse().expect("a value"));
    assert_eq!(proof_of(&headers), Ok(Some("a")));
    headers.append(PROOF_HEADER, "b".parse().expect("a value"));
    assert_eq!(proof_of(&headers), Err(ProofFault::Missing));
}
