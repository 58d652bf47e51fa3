//! The client's side: how a program that holds a key makes its proofs.

use serde::Serialize;
use serde_json::{Map, Value, json};
use stdx::Clock;
use uuid::Uuid;

use super::TYPE;
use crate::KeyPair;

/// A key, and the proofs that a client makes with it.
pub struct ProofMaker {
    key: KeyPair,
    clock: Clock,
}

impl ProofMaker {
    /// Proves to have this key.
    pub fn new(key: KeyPair, clock: Clock) -> Self {
        Self { key, clock }
    }

    /// What a token says that is bound to the key (RFC 7638, SHA-256).
    pub fn thumbprint(&self) -> String {
        let thumbprint = self.key.jwk().thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256);
        // Every kind of key that we make has one.
        thumbprint.unwrap_or_default()
    }

    /// A proof for one request, made now.
    pub fn make(&self, method: &str, uri: &str, access_token: Option<&str>) -> String {
        self.sign(&self.header(), &self.claims(method, uri, access_token))
    }

    /// The header of a proof: its type and the public key (RFC 9449, section 4.2).
    pub fn header(&self) -> Value {
        let key = self.key.jwk();
        let mut public = json!(key);
        if let Some(members) = public.as_object_mut() {
            members.retain(|name, _| ["kty", "crv", "x", "y", "n", "e"].contains(&name.as_str()));
        }
        json!({ "typ": TYPE, "alg": self.key.algorithm().as_str(), "jwk": public })
    }

    /// The claims of a proof.
    pub fn claims(
        &self,
        method: &str,
        uri: &str,
        access_token: Option<&str>,
    ) -> Map<String, Value> {
        let mut claims = Map::from_iter([
            ("jti".to_owned(), json!(Uuid::now_v7())),
            ("htm".to_owned(), json!(method)),
            ("htu".to_owned(), json!(uri)),
            ("iat".to_owned(), json!(self.clock.now().as_second())),
        ]);
        if let Some(token) = access_token {
            claims.insert("ath".to_owned(), json!(stdx::secret::digest(token)));
        }
        claims
    }

    /// Signs any header and claims.
    pub fn sign(&self, header: &impl Serialize, claims: &impl Serialize) -> String {
        // A key that could be made can sign; an empty proof would be refused.
        self.key.sign_with(header, claims).unwrap_or_default()
    }
}
