//! What a session is. Pure rules; those of clients and what they ask for are in the files below.

pub mod authorization;
pub mod client;
pub mod demands;
pub mod device;
pub mod logout;

use std::collections::BTreeSet;

use contracts::ids::{CustomerId, SessionId, UserId};
use contracts::messages::HeldRole;
use jiff::{SignedDuration, Timestamp};

use client::Scope;
use demands::SingleClaims;

/// The client of tokens for our own web interface and programs that sign in like it.
pub const OWN_CLIENT: &str = "backline";
/// A refresh token that was spent this short a time ago gives the same successor again: of several requests of
/// one program at once, and of one whose answer was lost, none is taken for a thief's.
pub const SPENT_TOKEN_GRACE: SignedDuration = SignedDuration::from_secs(10);
/// Short, because a token cannot be called back from whoever has stopped listening.
pub const ACCESS_TOKEN_LIFETIME: SignedDuration = SignedDuration::from_mins(15);
/// From the sign-in, however often it is refreshed.
pub const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long what was revoked is told to others: longer than an access token lives.
pub const REVOCATION_TOLD: SignedDuration = SignedDuration::from_mins(30);
const USER_AGENT_LENGTH_MAX: usize = 300;

/// Who signed in, as far as tokens say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub user_id: UserId,
    pub email: String,
    pub customer_id: Option<CustomerId>,
    pub roles: Vec<HeldRole>,
    pub first_name: String,
    pub last_name: String,
    pub email_verified: bool,
}

/// What one sign-in began: the family of all refresh tokens that follow from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub account: Account,
    /// The moment up to which the account's roles are known.
    pub roles_as_of: Timestamp,
    /// The browser or program, as it names itself.
    pub user_agent: String,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    pub expires_at: Timestamp,
    /// Whose tokens it has: [`OWN_CLIENT`] or the id of a registered one.
    pub client_id: String,
    /// The browser's session that this one follows from, and ends with.
    pub parent_id: Option<SessionId>,
    pub scopes: BTreeSet<Scope>,
    /// When the user last proved who it is.
    pub authenticated_at: Timestamp,
    /// By what (RFC 8176): `pwd`, `otp`, `mfa`, `swk`, `user`; and `email`, which has no name there.
    pub amr: Vec<String>,
    /// What its client asked for beside the scopes.
    pub single_claims: SingleClaims,
    /// The thumbprint of the key without which its refresh tokens are no good. Those of a client that proves who it is
    /// are bound to that already (RFC 9449, section 5).
    pub key_thumbprint: Option<String>,
}

impl Session {
    /// A session that begins now. `roles_as_of` is when the account was asked for.
    pub fn begin(
        account: Account,
        roles_as_of: Timestamp,
        amr: Vec<String>,
        user_agent: &str,
        now: Timestamp,
    ) -> Self {
        Self {
            id: SessionId::new(),
            account,
            roles_as_of,
            user_agent: readable(user_agent),
            created_at: now,
            last_used_at: now,
            expires_at: now + SESSION_LIFETIME,
            client_id: OWN_CLIENT.to_owned(),
            parent_id: None,
            scopes: BTreeSet::from([Scope::Api]),
            authenticated_at: now,
            amr,
            single_claims: SingleClaims::default(),
            key_thumbprint: None,
        }
    }

    /// The session of a client's tokens, which follows from this one.
    pub fn grant(
        &self,
        id: SessionId,
        client_id: &str,
        scopes: BTreeSet<Scope>,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            client_id: client_id.to_owned(),
            parent_id: Some(self.id),
            scopes,
            created_at: now,
            last_used_at: now,
            ..self.clone()
        }
    }

    /// Whether its refresh tokens are good for who proves to have this key.
    pub fn is_held_by(&self, key_thumbprint: Option<&str>) -> bool {
        self.key_thumbprint.as_deref().is_none_or(|bound| Some(bound) == key_thumbprint)
    }

    /// The session as relying parties know it (`sid`): the browser's.
    pub fn browser_id(&self) -> SessionId {
        self.parent_id.unwrap_or(self.id)
    }
}

/// What a header may be shown as: no control characters, not too long.
fn readable(user_agent: &str) -> String {
    user_agent.chars().filter(|c| !c.is_control()).take(USER_AGENT_LENGTH_MAX).collect()
}

/// What a sign-in or a refresh gives.
#[derive(Clone, Debug)]
pub struct TokenPair {
    pub access_token: String,
    pub refresh_token: String,
    /// When the refresh token, and the session, end.
    pub session_expires_at: Timestamp,
}

/// What others must know to verify tokens by themselves.
#[derive(Clone, Debug, Default)]
pub struct Revocations {
    pub ended_sessions: Vec<(SessionId, Timestamp)>,
    pub revoked_users: Vec<(UserId, Timestamp)>,
    pub changed_roles: Vec<(UserId, Timestamp, Vec<HeldRole>)>,
}
