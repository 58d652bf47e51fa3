//! Verifies tokens, quickly: a token seen before costs a look-up.

use std::sync::Arc;

use contracts::permissions::SERVICE as SERVICE_ROLE;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use policies::{Actor, Holdings, Principal};
use quick_cache::sync::Cache;
use serde::de::DeserializeOwned;
use service_kit::calls::ServiceTokens;
use service_kit::http::{Authenticate, TokenFault};
use stdx::Clock;

use crate::claims::{AUDIENCE, Claims, TYPE};
use crate::keys::KeyPair;
use crate::{Knowledge, NodeSecret, service_token};

/// Verified tokens remembered; about 1 kB each.
const CACHED_TOKENS: usize = 20_000;
/// Longer than any token of ours; the rest is not worth hashing.
const TOKEN_LENGTH_MAX: usize = 16 * 1024;

/// A verified access token.
pub struct Verified {
    /// What it says.
    pub claims: Claims,
    /// The actor it proves, with the roles of now.
    pub actor: Actor,
}

/// Turns tokens into actors. One per process.
pub struct Verifier {
    knowledge: Arc<Knowledge>,
    node_secret: Arc<NodeSecret>,
    issuer: String,
    clock: Clock,
    cache: Cache<Arc<str>, Cached>,
}

#[derive(Clone)]
struct Cached {
    verified: Arc<Verified>,
    /// The state of knowledge the actor was made from.
    generation: u64,
}

impl Verifier {
    /// Verifies tokens of `issuer`, the installation's public address.
    pub fn new(
        knowledge: Arc<Knowledge>,
        node_secret: Arc<NodeSecret>,
        issuer: &str,
        clock: Clock,
    ) -> Self {
        let cache = Cache::new(CACHED_TOKENS);
        Self { knowledge, node_secret, issuer: issuer.to_owned(), clock, cache }
    }

    /// What it knows of keys and revocations.
    pub fn knowledge(&self) -> &Arc<Knowledge> {
        &self.knowledge
    }

    /// Verifies an access token: signature, type, issuer, audience, time and revocation. Whether a token that is
    /// bound to a key comes with a proof is for the caller to check, with [`crate::Proofs`].
    pub fn verify(&self, token: &str) -> Result<Arc<Verified>, TokenFault> {
        if token.len() > TOKEN_LENGTH_MAX {
            return Err(TokenFault::Invalid);
        }
        let generation = self.knowledge.generation();
        let cached = self.cache.get(token);
        let is_fresh = cached.as_ref().is_some_and(|cached| cached.generation == generation);
        let verified = match cached {
            Some(cached) if is_fresh => cached.verified,
            // Something was revoked or changed since: the signature is still good, the actor may not be.
            Some(cached) => self.remember(token, cached.verified.claims.clone(), generation),
            None => self.remember(token, self.decode(token)?, generation),
        };
        if verified.claims.exp <= self.clock.now().as_second() {
            return Err(TokenFault::Expired);
        }
        if !is_fresh && self.knowledge.is_revoked(&verified.claims) {
            // Not remembered, so that the next look checks again.
            self.cache.remove(token);
            return Err(TokenFault::Revoked);
        }
        Ok(verified)
    }

    fn decode(&self, token: &str) -> Result<Claims, TokenFault> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenFault::Invalid)?;
        if header.typ.as_deref() != Some(TYPE) {
            return Err(TokenFault::Invalid);
        }
        let kid = header.kid.ok_or(TokenFault::Invalid)?;
        let key = self.knowledge.key(&kid).ok_or(TokenFault::Invalid)?;
        decode_with(token, &key, Algorithm::EdDSA, &self.issuer, &[AUDIENCE])
    }

    fn remember(&self, token: &str, claims: Claims, generation: u64) -> Arc<Verified> {
        let token: Arc<str> = token.into();
        let actor = match &claims.permissions {
            Some(permissions) => service_account(&claims, permissions, token.clone()),
            None => self.user(&claims, token.clone()),
        };
        let verified = Arc::new(Verified { claims, actor });
        self.cache.insert(token, Cached { verified: verified.clone(), generation });
        verified
    }

    fn user(&self, claims: &Claims, token: Arc<str>) -> Actor {
        let roles = self.knowledge.roles_now(claims);
        let principal = Principal::User {
            id: claims.sub,
            session: claims.sid,
            email: claims.email.clone(),
            customer: claims.customer,
        };
        let mut names: Vec<String> = roles.iter().map(|grant| grant.role.clone()).collect();
        names.sort_unstable();
        names.dedup();
        let holdings = self.knowledge.role_book().holdings(&roles);
        Actor::new(principal, holdings, names, Some(token))
    }

    fn service_actor(&self, token: &str) -> Result<Actor, TokenFault> {
        let (name, exp) = self.node_secret.verify(token).ok_or(TokenFault::Invalid)?;
        if exp <= self.clock.now().as_second() {
            return Err(TokenFault::Expired);
        }
        Ok(Actor::new(Principal::Service(name), Holdings::default(), vec![], Some(token.into())))
    }
}

impl Verifier {
    /// Says to a service in another process that the proof for a bound token has been seen here.
    pub fn voucher_for(&self, token: &str) -> String {
        self.node_secret.voucher_for(token)
    }
}

impl Authenticate for Verifier {
    fn authenticate(&self, token: &str, voucher: Option<&str>) -> Result<Actor, TokenFault> {
        match self.verify(token) {
            Ok(verified) if verified.claims.cnf.is_some() => {
                let is_vouched = voucher.is_some_and(|v| self.node_secret.vouches_for(token, v));
                is_vouched.then(|| verified.actor.clone()).ok_or(TokenFault::Unproved)
            }
            Ok(verified) => Ok(verified.actor.clone()),
            Err(TokenFault::Invalid) if is_service_token(token) => self.service_actor(token),
            Err(fault) => Err(fault),
        }
    }
}

/// What a token of a type (`typ`) signed by `key` by this installation says, for one of these audiences, or for any
/// when none is named. Neither its time nor revocation is looked at.
pub fn decode_signed<C: DeserializeOwned>(
    token: &str,
    typ: &str,
    key: &KeyPair,
    issuer: &str,
    audiences: &[&str],
) -> Result<C, TokenFault> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenFault::Invalid)?;
    if header.typ.as_deref() != Some(typ) || header.kid.as_deref() != Some(key.kid()) {
        return Err(TokenFault::Invalid);
    }
    let (key, algorithm) = key.verifying();
    decode_with(token, key, algorithm, issuer, audiences)
}

fn decode_with<C: DeserializeOwned>(
    token: &str,
    key: &DecodingKey,
    algorithm: Algorithm,
    issuer: &str,
    audiences: &[&str],
) -> Result<C, TokenFault> {
    // One algorithm, whatever the header says: `none` and HS256 with a public key have no way in.
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[issuer]);
    if audiences.is_empty() {
        validation.validate_aud = false;
    } else {
        validation.set_audience(audiences);
    }
    // Checked against our own clock, so that "expired" can be told from "invalid".
    validation.validate_exp = false;
    jsonwebtoken::decode::<C>(token, key, &validation)
        .map(|data| data.claims)
        .map_err(|_| TokenFault::Invalid)
}

/// A client that acts on its own behalf holds what its registration lists, whatever becomes of roles.
fn service_account(claims: &Claims, permissions: &[String], token: Arc<str>) -> Actor {
    let principal = Principal::Client { id: claims.sub, name: claims.client_name.clone() };
    let readable = permissions.iter().filter_map(|text| text.parse().ok());
    let holdings = Holdings::of(readable, claims.customer);
    Actor::new(principal, holdings, vec![SERVICE_ROLE.to_owned()], Some(token))
}

fn is_service_token(token: &str) -> bool {
    let header = jsonwebtoken::decode_header(token);
    header.is_ok_and(|header| header.typ.as_deref() == Some(service_token::TYPE))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::SignedDuration;
    use jsonwebtoken::{EncodingKey, Header};
    use policies::Grant;
    use uuid::Uuid;

    use super::*;
    use crate::{Confirmation, SigningAlgorithm};

    struct Setup {
        verifier: Verifier,
        key: KeyPair,
        clock: Clock,
        claims: Claims,
        secret: Arc<NodeSecret>,
    }

    fn setup() -> Setup {
        let clock = Clock::manual(Clock::system().now());
        let key = KeyPair::generate(SigningAlgorithm::EdDsa).expect("a key");
        let knowledge = Arc::new(Knowledge::default());
        knowledge.set_keys([(key.kid(), key.public())]);
        let secret = Arc::new(NodeSecret::new(None, clock.clone()));
        let verifier = Verifier::new(knowledge, secret.clone(), "http://localhost", clock.clone());
        let claims = Claims {
            iss: "http://localhost".into(),
            aud: AUDIENCE.into(),
            sub: Uuid::now_v7(),
            sid: Uuid::now_v7(),
            jti: Uuid::now_v7(),
            iat: clock.now().as_second(),
            exp: clock.now().as_second() + 900,
            client_id: "web".into(),
            email: "ada@example.org".into(),
            customer: None,
            roles: vec![Grant { role: "member".into(), customer: None }],
            scope: String::new(),
            permissions: None,
            client_name: String::new(),
            cnf: None,
        };
        Setup { verifier, key, clock, claims, secret }
    }

    #[test]
    fn a_good_token_proves_its_user_until_it_expires() {
        let Setup { verifier, key, clock, claims, .. } = setup();
        let token = key.sign(&claims).expect("signed");
        let actor = verifier.authenticate(&token, None).expect("good");
        assert_eq!(actor.user_id(), Some(claims.sub));
        assert!(actor.reach("orders:create").itself);
        clock.advance(SignedDuration::from_secs(901));
        assert_eq!(verifier.verify(&token).err(), Some(TokenFault::Expired));
    }

    #[test]
    fn an_ended_session_kills_its_tokens_also_those_already_seen() {
        let Setup { verifier, key, clock, claims, .. } = setup();
        let token = key.sign(&claims).expect("signed");
        assert!(verifier.verify(&token).is_ok());
        verifier.knowledge().end_session(claims.sid, clock.now().as_millisecond());
        assert_eq!(verifier.verify(&token).err(), Some(TokenFault::Revoked));
        assert_eq!(verifier.verify(&token).err(), Some(TokenFault::Revoked));
    }

    #[test]
    fn revoking_a_user_spares_tokens_issued_later() {
        let Setup { verifier, key, claims, .. } = setup();
        let token = key.sign(&claims).expect("signed");
        verifier.knowledge().revoke_user(claims.sub, claims.issued_at_ms());
        assert!(verifier.verify(&token).is_ok());
        verifier.knowledge().revoke_user(claims.sub, claims.issued_at_ms() + 1);
        assert_eq!(verifier.verify(&token).err(), Some(TokenFault::Revoked));
    }

    #[test]
    fn c14_a_revocation_is_remembered_until_the_token_is_dead_anyway() {
        let Setup { verifier, key, clock, claims, .. } = setup();
        let token = key.sign(&claims).expect("signed");
        verifier.knowledge().end_session(claims.sid, clock.now().as_millisecond());
        let outcomes = [898, 1, 1, 1].map(|seconds| {
            clock.advance(SignedDuration::from_secs(seconds));
            verifier.knowledge().forget_before(clock.now().as_millisecond());
            verifier.verify(&token).err()
        });
        let (revoked, expired) = (Some(TokenFault::Revoked), Some(TokenFault::Expired));
        assert_eq!(outcomes, [revoked, revoked, expired, expired]);
    }

    #[test]
    fn c18_a_token_for_somebody_else_is_refused() {
        let Setup { verifier, key, claims, .. } = setup();
        for audience in
            ["http://localhost/oauth/userinfo", "backline-services", "http://localhost", ""]
        {
            let other = Claims { aud: audience.into(), ..claims.clone() };
            let token = key.sign(&other).expect("signed");
            assert_eq!(verifier.verify(&token).err(), Some(TokenFault::Invalid), "{audience}");
        }
        assert!(verifier.verify(&key.sign(&claims).expect("signed")).is_ok());
    }

    #[test]
    fn a_changed_role_counts_for_tokens_already_issued() {
        let Setup { verifier, key, clock, claims, .. } = setup();
        let token = key.sign(&claims).expect("signed");
        assert!(!verifier.verify(&token).expect("good").actor.reach("roles:create").everywhere);
        let admin = vec![Grant { role: "admin".into(), customer: None }];
        let knowledge = verifier.knowledge();
        knowledge.change_roles(claims.sub, clock.now().as_millisecond(), admin);
        assert!(verifier.verify(&token).expect("good").actor.reach("roles:create").everywhere);
        verifier.knowledge().change_roles(claims.sub, 0, vec![]);
        let actor = verifier.verify(&token).expect("good").actor.clone();
        assert!(actor.reach("roles:create").everywhere, "a late, older change is ignored");
    }

    #[test]
    fn c16_forged_tokens_are_invalid() {
        let Setup { verifier, key, claims, .. } = setup();
        let good = key.sign(&claims).expect("signed");
        let [head, body, signature] =
            good.split('.').collect::<Vec<_>>().try_into().expect("three parts");
        let other_key = KeyPair::generate(SigningAlgorithm::EdDsa)
            .expect("a key")
            .sign(&claims)
            .expect("signed");
        // {"alg":"none","typ":"at+jwt"}
        let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{body}.");
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(TYPE.into());
        header.kid = Some(key.kid().into());
        let public_as_secret = EncodingKey::from_secret(key.public().as_bytes());
        let confused = jsonwebtoken::encode(&header, &claims, &public_as_secret).expect("signed");
        let elsewhere =
            key.sign(&Claims { aud: "other".into(), ..claims.clone() }).expect("signed");
        let foreign =
            key.sign(&Claims { iss: "http://evil".into(), ..claims.clone() }).expect("signed");
        let cut = format!("{head}.{body}.{}", &signature[1..]);
        for forged in ["", "x.y.z", &other_key, &none, &confused, &elsewhere, &foreign, &cut] {
            assert_eq!(verifier.verify(forged).err(), Some(TokenFault::Invalid), "{forged}");
            assert!(verifier.authenticate(forged, None).is_err());
        }
    }

    #[test]
    fn a_bound_token_is_good_only_from_a_process_that_has_seen_the_proof() {
        let Setup { verifier, key, clock, claims, secret } = setup();
        let bound = Claims { cnf: Some(Confirmation { jkt: "x".into() }), ..claims };
        let token = key.sign(&bound).expect("signed");
        let other = key.sign(&Claims { jti: Uuid::now_v7(), ..bound.clone() }).expect("signed");
        let unproved = |voucher: Option<&str>| {
            assert_eq!(verifier.authenticate(&token, voucher).err(), Some(TokenFault::Unproved));
        };
        unproved(None);
        unproved(Some("x.y.z"));
        unproved(Some(&verifier.voucher_for(&other)));
        unproved(Some(&secret.token_for("gateway")));
        unproved(Some(&NodeSecret::new(None, clock.clone()).voucher_for(&token)));
        let voucher = verifier.voucher_for(&token);
        let actor = verifier.authenticate(&token, Some(&voucher)).expect("good");
        assert_eq!(actor.user_id(), Some(bound.sub));
        assert!(verifier.authenticate(&voucher, None).is_err(), "it is no token itself");
        clock.advance(SignedDuration::from_secs(61));
        unproved(Some(&voucher));
    }

    #[test]
    fn a_service_proves_itself_with_the_shared_secret_only() {
        let Setup { verifier, secret, clock, .. } = setup();
        let token = secret.token_for("tokens");
        let actor = verifier.authenticate(&token, None).expect("good");
        assert_eq!(actor.principal(), &Principal::Service("tokens".into()));
        let stranger = NodeSecret::new(None, clock.clone()).token_for("tokens");
        assert!(verifier.authenticate(&stranger, None).is_err());
        clock.advance(SignedDuration::from_secs(61));
        assert_eq!(verifier.authenticate(&token, None).err(), Some(TokenFault::Expired));
    }
}
