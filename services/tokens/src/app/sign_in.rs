//! Signing in: by a password, a passkey or a link that was sent. The users service knows whether what is shown is right;
//! what follows from it is the same.

use contracts::audit::AuditRecorded;
use contracts::grpc::users::{
    AuthenticateLinkRequest, AuthenticatePasskeyRequest, AuthenticateRequest, BeginPasskeyRequest,
    User,
};
use contracts::messages::HeldRole;
use jiff::Timestamp;
use policies::{Actor, Resource};
use serde_json::Value;
use stdx::secret;

use super::owner;
use crate::Tokens;
use crate::domain::{Account, Session, TokenPair};
use crate::error::Result;
use crate::store;

/// Who signs in, where, and what they show.
pub struct SignIn<'r> {
    pub proof: Proof<'r>,
    /// Where it comes from, as the gateway knows it.
    pub client_address: &'r str,
    pub user_agent: &'r str,
    /// Whether a browser signs in, which is to be known at the sign-in pages.
    pub in_browser: bool,
    /// What the browser is known by from an earlier sign-in.
    pub browser_cookie: Option<&'r str>,
}

/// What somebody shows to sign in. A second factor is a code of the authenticator or a recovery code; empty when none
/// has been asked for.
#[derive(Clone, Copy)]
pub enum Proof<'r> {
    Password {
        email: &'r str,
        password: &'r str,
        second_factor: &'r str,
    },
    /// What an authenticator answered to a challenge: JSON as WebAuthn has it.
    Passkey {
        credential: &'r str,
    },
    /// The token of a link that was sent to the account's address.
    EmailLink {
        token: &'r str,
        second_factor: &'r str,
    },
}

/// What a sign-in gives.
pub struct SignedIn {
    /// By which the browser is known at the sign-in pages from now on.
    pub browser_cookie: Option<String>,
    pub pair: TokenPair,
}

impl Tokens {
    /// Signs in. A browser that shows the cookie of a live session of the same user goes on with
    /// that; otherwise a session begins.
    pub async fn sign_in(&self, actor: &Actor, sign_in: SignIn<'_>) -> Result<SignedIn> {
        self.require(actor, "sessions:create", &Resource::any("Session"))?;
        let known = self.find_browser_session(sign_in.browser_cookie).await?;
        let (proved, roles_as_of) = self.authenticate(&sign_in).await?;
        let (account, amr) = account(proved)?;
        let now = self.clock.now();
        let tx = self.database.begin().await?;
        let session = match known.filter(|known| known.account.user_id == account.user_id) {
            Some(known) => {
                let renewed = Session { account, amr, authenticated_at: now, ..known };
                store::renew_authentication(&tx, &renewed).await?;
                renewed
            }
            None => {
                let session = Session::begin(account, roles_as_of, amr, sign_in.user_agent, now);
                store::insert_session(&tx, &session).await?;
                session
            }
        };
        // A new one at each sign-in: whoever knew the old one is out.
        let browser_cookie = sign_in.in_browser.then(secret::random_token);
        if let Some(cookie) = &browser_cookie {
            store::set_cookie_digest(&tx, session.id, &secret::digest(cookie)).await?;
        }
        let refresh_token = self.insert_refresh_token(&tx, session.id).await?;
        let record = AuditRecorded::done(owner(actor, &session), "sessions:create");
        let record = record.on("Session", session.id).customer(session.account.customer_id);
        tx.publish(record.detail("methods", session.amr.clone())).await?;
        tx.commit().await?;
        let pair = self.pair(&session, refresh_token).await?;
        Ok(SignedIn { browser_cookie, pair })
    }

    /// Begins a sign-in by passkey: what the browser is to ask its authenticators.
    pub async fn begin_passkey(&self, actor: &Actor) -> Result<Value> {
        self.require(actor, "sessions:create", &Resource::any("Session"))?;
        let request = self.ctx.on_own_behalf(BeginPasskeyRequest {});
        let challenge = self.users.clone().begin_passkey(request).await?.into_inner();
        let options = serde_json::from_str(&challenge.options_json);
        Ok(options.map_err(service_kit::Error::internal)?)
    }

    async fn authenticate(&self, sign_in: &SignIn<'_>) -> Result<(User, Timestamp)> {
        // Noted before asking: a change of roles that happens meanwhile is newer than the answer.
        let roles_as_of = self.clock.now();
        let mut users = self.users.clone();
        let client_address = sign_in.client_address.to_owned();
        let answer = match sign_in.proof {
            Proof::Password { email, password, second_factor } => {
                let request = self.ctx.on_own_behalf(AuthenticateRequest {
                    email: email.to_owned(),
                    password: password.to_owned(),
                    second_factor: second_factor.to_owned(),
                    client_address,
                });
                users.authenticate(request).await?
            }
            Proof::Passkey { credential } => {
                let credential_json = credential.to_owned();
                let request = AuthenticatePasskeyRequest { credential_json, client_address };
                users.authenticate_passkey(self.ctx.on_own_behalf(request)).await?
            }
            Proof::EmailLink { token, second_factor } => {
                let request = self.ctx.on_own_behalf(AuthenticateLinkRequest {
                    token: token.to_owned(),
                    second_factor: second_factor.to_owned(),
                    client_address,
                });
                users.authenticate_link(request).await?
            }
        };
        Ok((answer.into_inner(), roles_as_of))
    }
}

fn account(user: User) -> Result<(Account, Vec<String>)> {
    let held = |grant: contracts::grpc::users::Grant| HeldRole {
        role: grant.role,
        customer_id: grant.customer_id.parse().ok(),
    };
    let account = Account {
        user_id: user.id.parse().map_err(service_kit::Error::internal)?,
        email: user.email,
        customer_id: user.customer_id.parse().ok(),
        roles: user.roles.into_iter().map(held).collect(),
        first_name: user.first_name,
        last_name: user.last_name,
        email_verified: user.email_verified,
    };
    Ok((account, user.amr))
}
