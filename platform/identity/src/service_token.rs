//! How one of our services proves to another that it is one.

use std::collections::HashMap;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use service_kit::calls::ServiceTokens;
use stdx::Clock;

pub(crate) const TYPE: &str = "svc+jwt";
const AUDIENCE: &str = "backline-services";
const LIFETIME_SECONDS: i64 = 60;
/// Keeps a voucher from being taken for the token of a service.
const VOUCHER_AUDIENCE: &str = "backline-voucher";

#[derive(Serialize, Deserialize)]
struct ServiceClaims {
    sub: String,
    aud: String,
    exp: i64,
}

/// What one process says to another of a token that is bound to a key: that it has seen the proof. It is good with that
/// token only, so whoever it is shown to can do nothing more with it than with the token itself.
#[derive(Serialize, Deserialize)]
struct VoucherClaims {
    /// The digest of the token.
    ath: String,
    aud: String,
    exp: i64,
}

/// The secret that all processes of an installation share. Within one process it is random.
pub struct NodeSecret {
    encoding: EncodingKey,
    decoding: DecodingKey,
    clock: Clock,
    /// Service → its token and when a new one is made.
    made: Mutex<HashMap<String, (String, i64)>>,
}

impl NodeSecret {
    /// From the configured secret, or a random one when services need not recognise each other over the network.
    pub fn new(secret: Option<&str>, clock: Clock) -> Self {
        let random = stdx::secret::random_bytes::<32>();
        let secret = secret.map_or(&random[..], str::as_bytes);
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            clock,
            made: Mutex::default(),
        }
    }

    /// The service that a token proves, and when the token ends (seconds since the epoch).
    pub(crate) fn verify(&self, token: &str) -> Option<(String, i64)> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[AUDIENCE]);
        // The time is checked against our own clock by the caller.
        validation.validate_exp = false;
        let claims =
            jsonwebtoken::decode::<ServiceClaims>(token, &self.decoding, &validation).ok()?.claims;
        Some((claims.sub, claims.exp))
    }

    /// Whether a process of ours has seen the proof for this token just now.
    pub(crate) fn vouches_for(&self, token: &str, voucher: &str) -> bool {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[VOUCHER_AUDIENCE]);
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<VoucherClaims>(voucher, &self.decoding, &validation);
        let Ok(claims) = claims.map(|data| data.claims) else { return false };
        claims.exp > self.clock.now().as_second() && claims.ath == stdx::secret::digest(token)
    }

    fn make(&self, name: &str, now: i64) -> String {
        let exp = now + LIFETIME_SECONDS;
        let claims = ServiceClaims { sub: name.to_owned(), aud: AUDIENCE.to_owned(), exp };
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(TYPE.into());
        self.sign(&header, &claims)
    }

    fn sign(&self, header: &Header, claims: &impl Serialize) -> String {
        // Signing with a shared secret has no way to fail; an empty token would be refused.
        jsonwebtoken::encode(header, claims, &self.encoding).unwrap_or_default()
    }
}

impl ServiceTokens for NodeSecret {
    fn voucher_for(&self, token: &str) -> String {
        let exp = self.clock.now().as_second() + LIFETIME_SECONDS;
        let ath = stdx::secret::digest(token);
        let claims = VoucherClaims { ath, aud: VOUCHER_AUDIENCE.to_owned(), exp };
        self.sign(&Header::new(Algorithm::HS256), &claims)
    }

    fn token_for(&self, name: &str) -> String {
        let now = self.clock.now().as_second();
        let mut made = self.made.lock();
        match made.get(name) {
            Some((token, renew_at)) if *renew_at > now => token.clone(),
            _ => {
                let token = self.make(name, now);
                made.insert(name.to_owned(), (token.clone(), now + LIFETIME_SECONDS / 2));
                token
            }
        }
    }
}
