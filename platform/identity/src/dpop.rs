//! Proofs that whoever shows a token has the key it is bound to (DPoP, RFC 9449).
//!
//! A proof is a JWT that the client signs for one request: it names the method, the address, the moment and, beside
//! a token, the token's hash. [`Proofs`] checks all of it and remembers each proof as long as it could be shown
//! again. The memory is this process's own and bounded; see docs/adr/0013.

mod maker;

use std::collections::HashSet;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::uri::{Scheme, Uri};
use http::{HeaderMap, HeaderName, header};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stdx::Clock;

pub use maker::ProofMaker;

/// The algorithms a proof may be signed with, as discovery and challenges name them.
pub const PROOF_ALGORITHMS: [&str; 3] = ["ES256", "EdDSA", "RS256"];
/// The header a proof comes in (RFC 9449, section 4.1).
pub const PROOF_HEADER: HeaderName = HeaderName::from_static("dpop");

const TYPE: &str = "dpop+jwt";
/// How far the clocks of client and server may be apart, and how long a proof may be on its way.
const AGE_MAX: SignedDuration = SignedDuration::from_secs(60);
/// From the first moment at which a proof can be shown to the last.
const SHOWABLE: SignedDuration = SignedDuration::from_secs(2 * AGE_MAX.as_secs());
/// A key of RSA with 8,192 bits takes a quarter of this.
const LENGTH_MAX: usize = 8 * 1024;
const ID_LENGTH_MAX: usize = 256;
/// Proofs remembered at least, of those that can still be shown; 16 bytes each.
pub const PROOFS_REMEMBERED: usize = 100_000;
/// RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1, and RFC 8037: what makes a key private.
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// What a token says of the key it is bound to (RFC 7800; RFC 9449, section 6.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The key's SHA-256 thumbprint (RFC 7638), base64url.
    pub jkt: String,
}

/// Why a proof does not do. The words are for whoever writes the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// There is none, or more than one.
    #[error("send one `DPoP` header with a proof of possession")]
    Missing,
    /// It is not what RFC 9449, section 4.2, describes.
    #[error("the DPoP proof is not good: {0}")]
    Bad(&'static str),
    /// It has been shown before.
    #[error("the DPoP proof has been used before; make a new one for each request")]
    Replayed,
    /// It is another key's.
    #[error("the DPoP proof was made with another key than the one this is bound to")]
    OtherKey,
}

impl ProofFault {
    /// The `error` of RFC 9449: the proof is bad (section 5), or the token is not this client's (section 7.1).
    pub fn error(self) -> &'static str {
        match self {
            Self::OtherKey => "invalid_token",
            Self::Missing | Self::Bad(_) | Self::Replayed => "invalid_dpop_proof",
        }
    }
}

/// `WWW-Authenticate` where a token has to come with a proof (RFC 9449, section 7.1).
pub fn challenge(error: &str) -> String {
    let algorithms = PROOF_ALGORITHMS.join(" ");
    format!("DPoP realm=\"backline\", error=\"{error}\", algs=\"{algorithms}\"")
}

/// The token of `Authorization: DPoP …`.
pub fn bound_token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("dpop").then_some(token.trim())
}

/// What a proof has to be for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'t> {
    /// The request's method.
    pub method: &'t str,
    /// The address the client calls, without query.
    pub uri: &'t str,
    /// The access token that is shown beside it.
    pub access_token: Option<&'t str>,
}

/// Checks proofs, and takes each once. One per process and place.
pub struct Proofs {
    clock: Clock,
    seen: Mutex<Seen>,
}

/// Two halves: when the newer one is full or old enough, the older one is forgotten.
struct Seen {
    newer: HashSet<[u8; 16]>,
    older: HashSet<[u8; 16]>,
    since: Timestamp,
}

#[derive(Deserialize)]
struct ProofClaims {
    jti: String,
    htm: String,
    htu: String,
    /// A number that need not be whole (RFC 7519, section 2).
    iat: f64,
    ath: Option<String>,
}

/// The one proof of a request. `None`: there is none.
pub fn proof_of(headers: &HeaderMap) -> Result<Option<&str>, ProofFault> {
    let mut values = headers.get_all(PROOF_HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ProofFault::Missing);
    }
    value.to_str().map(Some).map_err(|_| ProofFault::Bad("it is not a JWT"))
}

impl Proofs {
    /// Remembers nothing yet.
    pub fn new(clock: Clock) -> Self {
        let since = clock.now();
        let seen = Seen { newer: HashSet::new(), older: HashSet::new(), since };
        Self { clock, seen: Mutex::new(seen) }
    }

    /// The thumbprint of the key that a proof was made with, if the proof is for this request and has not been shown
    /// before (RFC 9449, section 4.3).
    pub fn check(&self, proof: &str, target: &Target<'_>) -> Result<String, ProofFault> {
        let (key, claims) = read(proof)?;
        let now = self.clock.now();
        check_claims(&claims, target, now)?;
        let thumbprint = key.thumbprint(ThumbprintHash::SHA256);
        let thumbprint = thumbprint.map_err(|_| ProofFault::Bad("its key cannot be used"))?;
        let is_new = self.seen.lock().insert(name(&thumbprint, &claims.jti), now);
        if is_new { Ok(thumbprint) } else { Err(ProofFault::Replayed) }
    }

    /// Checks the proof that comes with a token that is bound to `confirmation`.
    pub fn check_bound(
        &self,
        proof: Option<&str>,
        target: &Target<'_>,
        confirmation: &Confirmation,
    ) -> Result<(), ProofFault> {
        let thumbprint = self.check(proof.ok_or(ProofFault::Missing)?, target)?;
        if thumbprint == confirmation.jkt { Ok(()) } else { Err(ProofFault::OtherKey) }
    }
}

impl Seen {
    /// `false` if it is there already.
    fn insert(&mut self, name: [u8; 16], now: Timestamp) -> bool {
        let is_old = now.duration_since(self.since) >= SHOWABLE;
        let is_full = self.newer.len() >= PROOFS_REMEMBERED;
        if is_old || is_full {
            if !is_old {
                tracing::warn!("more DPoP proofs than can be remembered; the oldest are forgotten");
            }
            self.older = std::mem::take(&mut self.newer);
            self.since = now;
        }
        !self.older.contains(&name) && self.newer.insert(name)
    }
}

/// Two clients may choose the same `jti`; it is theirs only together with their key.
fn name(thumbprint: &str, id: &str) -> [u8; 16] {
    let digest = digest(&SHA256, [thumbprint, " ", id].concat().as_bytes());
    let mut name = [0; 16];
    name.copy_from_slice(&digest.as_ref()[..16]);
    name
}

/// The key and the claims of a proof whose signature is good.
fn read(proof: &str) -> Result<(Jwk, ProofClaims), ProofFault> {
    if proof.len() > LENGTH_MAX {
        return Err(ProofFault::Bad("it is too long"));
    }
    let header = jsonwebtoken::decode_header(proof);
    let header = header.map_err(|_| ProofFault::Bad("it is not a JWT with a known `alg`"))?;
    if header.typ.as_deref() != Some(TYPE) {
        return Err(ProofFault::Bad("`typ` must be `dpop+jwt`"));
    }
    if header.crit.is_some() {
        return Err(ProofFault::Bad("`crit` names what is not understood here"));
    }
    let (algorithm, key) = key_of(proof, header)?;
    let decoding = DecodingKey::from_jwk(&key).map_err(|_| ProofFault::Bad("its key is none"))?;
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let decoded = jsonwebtoken::decode::<ProofClaims>(proof, &decoding, &validation);
    let decoded = decoded
        .map_err(|_| ProofFault::Bad("its signature or one of its claims is wrong or missing"))?;
    Ok((key, decoded.claims))
}

/// The public key in the header. A kind of key goes with one algorithm, so that none can be taken for another.
fn key_of(proof: &str, header: Header) -> Result<(Algorithm, Jwk), ProofFault> {
    let key = header.jwk.ok_or(ProofFault::Bad("`jwk` is missing"))?;
    let fits = match (header.alg, &key.algorithm) {
        (Algorithm::ES256, AlgorithmParameters::EllipticCurve(p)) => p.curve == EllipticCurve::P256,
        (Algorithm::EdDSA, AlgorithmParameters::OctetKeyPair(p)) => {
            p.curve == EllipticCurve::Ed25519
        }
        (Algorithm::RS256, AlgorithmParameters::RSA(_)) => true,
        _ => false,
    };
    if !fits {
        return Err(ProofFault::Bad("`alg` must be ES256, EdDSA or RS256 with a key of that kind"));
    }
    if has_private_member(proof) {
        return Err(ProofFault::Bad("`jwk` has a private key, which is now known to others"));
    }
    Ok((header.alg, key))
}

/// The type of the key has the public members only, so the text itself is looked at.
fn has_private_member(proof: &str) -> bool {
    let head = proof.split('.').next().unwrap_or_default();
    let head = URL_SAFE_NO_PAD.decode(head).ok();
    let head: Option<Value> = head.and_then(|head| serde_json::from_slice(&head).ok());
    // What cannot be read here has not been read as a header either.
    head.is_none_or(|head| PRIVATE_MEMBERS.iter().any(|member| head["jwk"].get(member).is_some()))
}

fn check_claims(
    claims: &ProofClaims,
    target: &Target<'_>,
    now: Timestamp,
) -> Result<(), ProofFault> {
    if !(1..=ID_LENGTH_MAX).contains(&claims.jti.len()) {
        return Err(ProofFault::Bad("`jti` must have 1 to 256 characters"));
    }
    if claims.htm != target.method {
        return Err(ProofFault::Bad("`htm` is not the method of this request"));
    }
    if address(&claims.htu).is_none_or(|htu| Some(htu) != address(target.uri)) {
        return Err(ProofFault::Bad("`htu` is not the address of this request"));
    }
    let age = now.as_millisecond() as f64 / 1e3 - claims.iat;
    if !age.is_finite() || age.abs() > AGE_MAX.as_secs_f64() {
        return Err(ProofFault::Bad("`iat` is more than 60 seconds away; check the clock"));
    }
    let wanted = target.access_token.map(stdx::secret::digest);
    if claims.ath != wanted && wanted.is_some() {
        return Err(ProofFault::Bad("`ath` is not the hash of the access token"));
    }
    Ok(())
}

/// Scheme, host with port, and path as they are compared: without query and fragment, the default port left out
/// (RFC 9449, section 4.3; RFC 3986, section 6.2).
fn address(text: &str) -> Option<(Scheme, String, u16, String)> {
    let uri: Uri = text.parse().ok()?;
    let scheme = uri.scheme()?.clone();
    let default_port = if scheme == Scheme::HTTPS { 443 } else { 80 };
    let host = uri.host()?.to_ascii_lowercase();
    let port = uri.port_u16().unwrap_or(default_port);
    Some((scheme, host, port, uri.path().to_owned()))
}

#[cfg(test)]
mod tests;
