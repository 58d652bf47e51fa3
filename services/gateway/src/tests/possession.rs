//! Tokens that are bound to a key (RFC 9449): good with a proof for this very request, and once.

use ::http::Method;
use ::identity::{KeyPair, ProofMaker, SigningAlgorithm};
use jiff::SignedDuration;
use serde_json::json;
use testkit::Answer;
use uuid::Uuid;

use super::setup::{PUBLIC_URL, bearer};
use super::{Topology, World, on_both_targets, request};

on_both_targets!(
    a_bound_token_with_its_proof_names_its_user,
    a_bound_token_without_its_proof_is_refused_and_reaches_nobody,
    a_proof_is_for_the_path_that_was_called,
);

const EVENTS: &str = "http://127.0.0.1:5000/api/v1/events";

/// A client with a key, and a token that is bound to it.
struct Holder {
    world: World,
    user: Uuid,
    maker: ProofMaker,
    token: String,
}

impl Holder {
    async fn new(topology: Topology) -> Self {
        let world = World::new(topology).await;
        let key = KeyPair::generate(SigningAlgorithm::Es256).expect("a key");
        let maker = ProofMaker::new(key, world.clock.clone());
        let user = Uuid::now_v7();
        let token = world.bound_token(user, maker.thumbprint());
        Self { world, user, maker, token }
    }

    fn proof(&self) -> String {
        self.maker.make("GET", EVENTS, Some(&self.token))
    }

    async fn get(&self, path: &str, authorization: &str, proofs: &[&str]) -> Answer {
        let mut headers = vec![("authorization", authorization)];
        headers.extend(proofs.iter().map(|proof| ("dpop", *proof)));
        self.world.send(request(Method::GET, path, &headers)).await
    }

    async fn show(&self, proof: &str) -> Answer {
        self.get("/api/v1/events", &format!("DPoP {}", self.token), &[proof]).await
    }
}

#[track_caller]
fn expect_challenge(answer: Answer, code: &str, error: &str) {
    let answer = answer.expect_problem(401, code);
    let challenge = answer.headers["www-authenticate"].to_str().expect("text");
    let expected = format!("error=\"{error}\", algs=\"ES256 EdDSA RS256\"");
    assert!(challenge.starts_with("DPoP ") && challenge.ends_with(&expected), "{challenge}");
}

async fn a_bound_token_with_its_proof_names_its_user(topology: Topology) {
    let holder = Holder::new(topology).await;
    let answer = holder.show(&holder.proof()).await.expect(200);
    assert_eq!(answer.body["user"], json!(holder.user));
    let seen = &answer.body["headers"];
    assert_eq!(seen["authorization"], bearer(&holder.token), "as services know it");
    assert!(seen.get("dpop").is_none(), "the proof was for the gateway");
    assert_ne!(seen["x-backline-voucher"], json!(null));
}

async fn a_bound_token_without_its_proof_is_refused_and_reaches_nobody(topology: Topology) {
    let holder = Holder::new(topology).await;
    let token = holder.token.clone();
    let (as_bearer, as_bound) = (bearer(&token), format!("DPoP {token}"));
    let get = async |authorization: &str, proofs: &[&str]| {
        holder.get("/api/v1/events", authorization, proofs).await
    };
    let proof = holder.proof();
    expect_challenge(get(&as_bearer, &[]).await, "token_unproved", "invalid_token");
    expect_challenge(get(&as_bearer, &[&proof]).await, "token_unproved", "invalid_token");
    let bad = ("dpop_proof_invalid", "invalid_dpop_proof");
    expect_challenge(get(&as_bound, &[]).await, bad.0, bad.1);
    expect_challenge(get(&as_bound, &["x"]).await, bad.0, bad.1);
    expect_challenge(get(&as_bound, &[&proof, &proof]).await, bad.0, bad.1);
    for wrong in [
        holder.maker.make("POST", EVENTS, Some(&token)),
        holder.maker.make("GET", "http://127.0.0.1:5000/api/v1/orders", Some(&token)),
        holder.maker.make("GET", EVENTS, Some("another token")),
        holder.maker.make("GET", EVENTS, None),
    ] {
        expect_challenge(get(&as_bound, &[&wrong]).await, bad.0, bad.1);
    }
    let stranger = KeyPair::generate(SigningAlgorithm::Es256).expect("a key");
    let stranger = ProofMaker::new(stranger, holder.world.clock.clone());
    let stolen = stranger.make("GET", EVENTS, Some(&token));
    expect_challenge(get(&as_bound, &[&stolen]).await, bad.0, "invalid_token");
    // A token that is bound to nothing proves nothing by a proof.
    let unbound = holder.world.token(holder.user);
    let proof = stranger.make("GET", EVENTS, Some(&unbound));
    let unbound = format!("DPoP {unbound}");
    expect_challenge(get(&unbound, &[&proof]).await, "token_invalid", "invalid_token");
    // Nobody vouches for themselves.
    let vouched = [("authorization", as_bearer.as_str()), ("x-backline-voucher", "x.y.z")];
    let vouched = holder.world.send(request(Method::GET, "/api/v1/events", &vouched)).await;
    expect_challenge(vouched, "token_unproved", "invalid_token");
    assert_eq!(holder.world.seen(), 0);
}

async fn a_proof_is_for_the_path_that_was_called(topology: Topology) {
    let holder = Holder::new(topology).await;
    let as_bound = format!("DPoP {}", holder.token);
    let called = format!("{PUBLIC_URL}/api/event-manager/events/7");
    let proof = holder.maker.make("GET", &called, Some(&holder.token));
    let answer = holder.get("/api/event-manager/events/7?q=x", &as_bound, &[&proof]).await;
    assert_eq!(answer.expect(200).text("path"), "/api/v1/events/7");
    let rewritten = format!("{PUBLIC_URL}/api/v1/events/7");
    let proof = holder.maker.make("GET", &rewritten, Some(&holder.token));
    let refused = holder.get("/api/event-manager/events/7", &as_bound, &[&proof]).await;
    expect_challenge(refused, "dpop_proof_invalid", "invalid_dpop_proof");
}

#[tokio::test]
async fn a_proof_is_taken_once_and_not_late() {
    let holder = Holder::new(Topology::OneProcess).await;
    let proof = holder.proof();
    holder.show(&proof).await.expect(200);
    expect_challenge(holder.show(&proof).await, "dpop_proof_invalid", "invalid_dpop_proof");
    let late = holder.proof();
    holder.world.clock.advance(SignedDuration::from_secs(61));
    expect_challenge(holder.show(&late).await, "dpop_proof_invalid", "invalid_dpop_proof");
    holder.show(&holder.proof()).await.expect(200);
}

#[tokio::test]
async fn a_bound_token_that_has_expired_is_not_renewed_by_the_cookie() {
    let holder = Holder::new(Topology::OneProcess).await;
    let (_, cookie) = holder.world.expired_session(holder.user);
    let (authorization, proof) = (format!("DPoP {}", holder.token), holder.proof());
    let headers = [("authorization", &*authorization), ("dpop", &*proof), ("cookie", &*cookie)];
    let answer = holder.world.send(request(Method::GET, "/api/v1/events", &headers)).await;
    expect_challenge(answer, "token_expired", "invalid_token");
    assert_eq!(holder.world.seen(), 0);
}
