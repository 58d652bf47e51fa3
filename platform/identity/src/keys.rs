//! The keys that sign tokens: Ed25519 for access tokens, for ID tokens also RSA and P-256, because many
//! relying parties know nothing else.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::Serialize;
use uuid::Uuid;

use crate::Claims;
use crate::claims::TYPE;

/// How a key signs (RFC 7518, section 3.1; RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SigningAlgorithm {
    /// Ed25519.
    EdDsa,
    /// RSA, 2048 bits.
    Rs256,
    /// The curve P-256.
    Es256,
}

impl SigningAlgorithm {
    /// Every one there is.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Rs256, Self::Es256];

    /// Its name in `alg`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }

    /// The one of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    fn as_jwt(self) -> Algorithm {
        match self {
            Self::EdDsa => Algorithm::EdDSA,
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
        }
    }
}

/// A key that signs.
pub struct KeyPair {
    algorithm: SigningAlgorithm,
    private: EncodingKey,
    /// PKCS #8 DER, as it is stored.
    pkcs8: Vec<u8>,
    public: Jwk,
    verifying: DecodingKey,
    kid: String,
}

/// A key cannot be made, or the stored one cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("signing key `{kid}` cannot be read: {reason}")]
pub struct KeyError {
    kid: String,
    reason: String,
}

impl KeyPair {
    /// Reads a key from its PKCS #8 DER form.
    pub fn from_pkcs8(
        kid: &str,
        algorithm: SigningAlgorithm,
        pkcs8: &[u8],
    ) -> Result<Self, KeyError> {
        let fail = |reason: String| KeyError { kid: kid.to_owned(), reason };
        let private = encoding_key(algorithm, pkcs8).map_err(|error| fail(error.to_string()))?;
        let mut public = Jwk::from_encoding_key(&private, algorithm.as_jwt())
            .map_err(|error| fail(error.to_string()))?;
        public.common.key_id = Some(kid.to_owned());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        let verifying = DecodingKey::from_jwk(&public).map_err(|error| fail(error.to_string()))?;
        let (kid, pkcs8) = (kid.to_owned(), pkcs8.to_vec());
        Ok(Self { algorithm, private, pkcs8, public, verifying, kid })
    }

    /// A new random key. An RSA key takes a good part of a second.
    pub fn generate(algorithm: SigningAlgorithm) -> Result<Self, KeyError> {
        let kid = Uuid::now_v7().to_string();
        let fail = |_| KeyError { kid: kid.clone(), reason: "no key could be made".into() };
        let pkcs8 = match algorithm {
            SigningAlgorithm::EdDsa => ed25519_pkcs8(stdx::secret::random_bytes()),
            SigningAlgorithm::Rs256 => {
                let made = RsaKeyPair::generate(KeySize::Rsa2048).map_err(fail)?;
                made.as_der().map_err(fail)?.as_ref().to_vec()
            }
            SigningAlgorithm::Es256 => {
                let random = SystemRandom::new();
                let curve = &ECDSA_P256_SHA256_FIXED_SIGNING;
                EcdsaKeyPair::generate_pkcs8(curve, &random).map_err(fail)?.as_ref().to_vec()
            }
        };
        Self::from_pkcs8(&kid, algorithm, &pkcs8)
    }

    /// Names the key in token headers.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// How it signs.
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// The public half, as it stands in a key set (RFC 7517).
    pub fn jwk(&self) -> &Jwk {
        &self.public
    }

    /// The `x` of the JWK of an Ed25519 key; nothing for another one.
    pub fn public(&self) -> &str {
        match &self.public.algorithm {
            AlgorithmParameters::OctetKeyPair(parameters) => &parameters.x,
            _ => "",
        }
    }

    /// The private key, to be stored and never shown.
    pub fn pkcs8_base64(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.pkcs8)
    }

    /// Signs an access token.
    pub fn sign(&self, claims: &Claims) -> Result<String, jsonwebtoken::errors::Error> {
        self.sign_as(TYPE, claims)
    }

    /// Signs a token of a type (`typ`): `JWT` for an ID token, `logout+jwt` for a log-out token.
    pub fn sign_as(
        &self,
        typ: &str,
        claims: &impl Serialize,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let mut header = Header::new(self.algorithm.as_jwt());
        header.typ = Some(typ.into());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.private)
    }

    /// Signs with a header of one's own, whatever it says.
    pub(crate) fn sign_with(
        &self,
        header: &impl Serialize,
        claims: &impl Serialize,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let encode = |part: Vec<u8>| URL_SAFE_NO_PAD.encode(part);
        let (header, claims) = (serde_json::to_vec(header)?, serde_json::to_vec(claims)?);
        let message = [encode(header), encode(claims)].join(".");
        let algorithm = self.algorithm.as_jwt();
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.private, algorithm)?;
        Ok([message, signature].join("."))
    }

    pub(crate) fn verifying(&self) -> (&DecodingKey, Algorithm) {
        (&self.verifying, self.algorithm.as_jwt())
    }
}

/// PKCS #8 version 1 (RFC 8410, section 7) is a fixed prefix and the 32-byte seed.
fn ed25519_pkcs8(seed: [u8; 32]) -> Vec<u8> {
    const PREFIX: [u8; 16] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    [&PREFIX[..], &seed].concat()
}

fn encoding_key(
    algorithm: SigningAlgorithm,
    pkcs8: &[u8],
) -> Result<EncodingKey, jsonwebtoken::errors::Error> {
    match algorithm {
        SigningAlgorithm::EdDsa => Ok(EncodingKey::from_ed_der(pkcs8)),
        SigningAlgorithm::Es256 => Ok(EncodingKey::from_ec_der(pkcs8)),
        // The only form in which PKCS #8 is taken for RSA.
        SigningAlgorithm::Rs256 => EncodingKey::from_rsa_pem(pem(pkcs8).as_bytes()),
    }
}

fn pem(pkcs8: &[u8]) -> String {
    const LINE: usize = 64;
    let text = STANDARD.encode(pkcs8);
    let lines = text.as_bytes().chunks(LINE).map(String::from_utf8_lossy);
    let body: Vec<_> = lines.collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", body.join("\n"))
}

/// The verifying half of an Ed25519 key, from the `x` of its JWK.
pub(crate) fn verifying_key(x: &str) -> Option<DecodingKey> {
    DecodingKey::from_ed_components(x).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_key_is_stored_read_and_verifies_what_it_signs() {
        for algorithm in SigningAlgorithm::ALL {
            let made = KeyPair::generate(algorithm).expect("a key");
            let pkcs8 = URL_SAFE_NO_PAD.decode(made.pkcs8_base64()).expect("base64");
            let read = KeyPair::from_pkcs8(made.kid(), algorithm, &pkcs8).expect("read");
            assert_eq!(read.jwk(), made.jwk());
            let claims = serde_json::json!({ "sub": "ada", "exp": 9_999_999_999_u64 });
            let token = made.sign_as("JWT", &claims).expect("signed");
            let (key, as_jwt) = read.verifying();
            let decoded = jsonwebtoken::decode::<serde_json::Value>(
                &token,
                key,
                &jsonwebtoken::Validation::new(as_jwt),
            );
            assert_eq!(decoded.expect("good").claims, claims);
            let public = serde_json::to_value(made.jwk()).expect("JSON");
            for private in ["d", "p", "q", "k"] {
                assert_eq!(public.get(private), None, "{algorithm:?}");
            }
        }
    }
}
