//! What an access token says.

use jiff::Timestamp;
use policies::Grant;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::dpop::Confirmation;

/// Who access tokens are for: the services of this installation.
pub const AUDIENCE: &str = "backline";
/// RFC 9068, section 2.1: keeps ID tokens and others from being taken for access tokens.
pub(crate) const TYPE: &str = "at+jwt";

/// The claims of an access token (RFC 9068, section 2.2; `roles`, `customer`, `permissions` and `client_name` are
/// ours).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    /// The installation's public address.
    pub iss: String,
    /// See [`AUDIENCE`].
    pub aud: String,
    /// The user, or the client that acts on its own behalf.
    pub sub: Uuid,
    /// The session that the token belongs to and dies with.
    pub sid: Uuid,
    /// The token. A UUID v7: it also says to the millisecond when the token was issued.
    pub jti: Uuid,
    /// Issued at, seconds.
    pub iat: i64,
    /// Expires at, seconds.
    pub exp: i64,
    /// The client that the token was issued to.
    pub client_id: String,
    /// What the token may be used for, words in a row (RFC 9068, section 2.2.3).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// The user's e-mail address; empty for a client that acts on its own behalf.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// The user's main customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Uuid>,
    /// The roles the user held when the token was issued.
    #[serde(default)]
    pub roles: Vec<Grant>,
    /// What a client that acts on its own behalf may do; such a token has no roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<String>>,
    /// What such a client is called, for the audit log; empty for a user.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client_name: String,
    /// The key that the token is bound to: whoever shows it has to prove to have that key (RFC 9449, section 6.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

impl Claims {
    /// When the token was issued, milliseconds since the epoch.
    pub fn issued_at_ms(&self) -> i64 {
        let (seconds, nanoseconds) =
            self.jti.get_timestamp().map(|time| time.to_unix()).unwrap_or_default();
        i64::try_from(seconds).unwrap_or(0) * 1000 + i64::from(nanoseconds / 1_000_000)
    }

    /// When the token ends.
    pub fn expires_at(&self) -> Timestamp {
        Timestamp::from_second(self.exp).unwrap_or(Timestamp::MIN)
    }
}
