//! The use cases of sessions, here, and of clients and what they are granted, in the files below. REST, gRPC and
//! tests all call these; each authorizes in its first line.

pub mod authorize;
pub mod clients;
pub mod consents;
pub mod demands;
pub mod devices;
pub mod grants;
pub mod inspect;
pub mod keys;
pub mod logouts;
pub mod possession;
pub mod recent;
mod sign_in;

use std::collections::BTreeSet;

use contracts::audit::{AuditRecorded, Party};
use contracts::ids::{SessionId, UserId};
use contracts::messages::{HeldRole, SessionEnded};
use database::Tx;
use identity::{AUDIENCE, Claims, Confirmation, SigningAlgorithm};
use jiff::Timestamp;
use policies::{Actor, Grant, Principal, Resource};
use service_kit::http::TokenFault;
use stdx::secret;
use uuid::Uuid;

use crate::Tokens;
use crate::app::possession::ShownToken;
use crate::domain::client::{Scope, join_scopes};
use crate::domain::{
    ACCESS_TOKEN_LIFETIME, OWN_CLIENT, REVOCATION_TOLD, Revocations, SPENT_TOKEN_GRACE, Session,
    TokenPair,
};
use crate::error::{Error, Result};
use crate::store;

pub use sign_in::{Proof, SignIn, SignedIn};

/// Sessions shown to their owner; nobody has more devices.
const SESSIONS_SHOWN_MAX: u64 = 100;

/// RFC 9068, section 2.1.
pub(crate) const ACCESS_TOKEN_TYPE: &str = "at+jwt";

impl Tokens {
    /// The live session of the browser that shows this cookie.
    pub(crate) async fn find_browser_session(
        &self,
        cookie: Option<&str>,
    ) -> Result<Option<Session>> {
        let Some(cookie) = cookie else { return Ok(None) };
        let digest = secret::digest(cookie);
        store::find_session_of_cookie(self.database.read(), &digest, self.clock.now()).await
    }

    /// Spends a refresh token of our own web interface for a new pair.
    pub async fn refresh(&self, actor: &Actor, refresh_token: &str) -> Result<TokenPair> {
        self.require(actor, "sessions:refresh", &Resource::any("Session"))?;
        let (session, refresh_token) = self.spend(actor, refresh_token, OWN_CLIENT, None).await?;
        self.pair(&session, refresh_token).await
    }

    /// Spends a refresh token of a client that proves to have a key: the session and the token's successor.
    ///
    /// One that was spent before is in the wrong hands, and its session ends; unless that was only a moment ago
    /// and the successor has not been used: then it is the same program that asks again, and gets the same answer.
    pub(crate) async fn spend(
        &self,
        actor: &Actor,
        refresh_token: &str,
        client_id: &str,
        key_thumbprint: Option<&str>,
    ) -> Result<(Session, String)> {
        let now = self.clock.now();
        let digest = secret::digest(refresh_token);
        let salt = secret::random_token();
        let tx = self.database.begin().await?;
        let stored = store::refresh_tokens::find_refresh_token(&tx, &digest).await?;
        let session_id = stored.ok_or(Error::BadRefreshToken)?.session_id;
        let session = store::find_live_session(&tx, session_id, now).await?;
        let is_theirs = |session: &Session| {
            session.client_id == client_id && session.is_held_by(key_thumbprint)
        };
        let session = session.filter(is_theirs).ok_or(Error::BadRefreshToken)?;
        if !store::refresh_tokens::spend_refresh_token(&tx, &digest, &salt, now).await? {
            return self.spend_again(actor, tx, session, refresh_token, &digest).await;
        }
        let successor = successor(refresh_token, &salt);
        store::touch_session(&tx, session_id, now).await?;
        store::refresh_tokens::insert_refresh_token(
            &tx,
            &secret::digest(&successor),
            session_id,
            now,
        )
        .await?;
        tx.commit().await?;
        Ok((session, successor))
    }

    async fn spend_again(
        &self,
        actor: &Actor,
        tx: Tx,
        session: Session,
        refresh_token: &str,
        digest: &str,
    ) -> Result<(Session, String)> {
        // Read now, after whoever spent it has committed.
        let stored = store::refresh_tokens::find_refresh_token(&tx, digest).await?;
        let Some((spent_at, salt)) = stored.and_then(|stored| stored.spent) else {
            return Err(Error::BadRefreshToken);
        };
        let successor = successor(refresh_token, &salt);
        let next =
            store::refresh_tokens::find_refresh_token(&tx, &secret::digest(&successor)).await?;
        let is_unused = next.is_some_and(|next| next.spent.is_none());
        if is_unused && self.clock.now().duration_since(spent_at) <= SPENT_TOKEN_GRACE {
            return Ok((session, successor));
        }
        let reason = "a spent refresh token was used again; its session has ended";
        let by = Party::ANONYMOUS.from_origin(actor.origin());
        tx.publish(of_session(AuditRecorded::failed(by, "sessions:refresh", reason), &session))
            .await?;
        self.end(tx, session.id).await?;
        Err(Error::BadRefreshToken)
    }

    /// Ends the session that the actor's token belongs to.
    pub async fn sign_out(&self, actor: &Actor) -> Result<()> {
        let (user_id, session_id) = signed_in(actor)?;
        self.end_session_of(actor, user_id, session_id).await
    }

    /// Ends any session that the actor may end.
    pub async fn end_session(&self, actor: &Actor, session_id: SessionId) -> Result<()> {
        signed_in(actor)?;
        let session =
            store::find_live_session(self.database.read(), session_id, self.clock.now()).await?;
        // Who may end any session is told that there is none; who may not learns nothing.
        let Some(session) = session else {
            self.require(actor, "sessions:end", &Resource::new("Session", session_id))?;
            return Err(Error::SessionNotFound);
        };
        self.end_session_of(actor, session.account.user_id, session_id).await
    }

    async fn end_session_of(
        &self,
        actor: &Actor,
        owner: UserId,
        session_id: SessionId,
    ) -> Result<()> {
        let resource = Resource::new("Session", session_id).owner(owner);
        self.require(actor, "sessions:end", &resource)?;
        let tx = self.database.begin().await?;
        let record = AuditRecorded::done(actor, "sessions:end").on("Session", session_id);
        tx.publish(record.detail("ownerId", owner.to_string())).await?;
        self.end(tx, session_id).await
    }

    /// Ends a session with those that follow from it, and tells everybody. Ending it twice does nothing more.
    pub(crate) async fn end(&self, tx: Tx, session_id: SessionId) -> Result<()> {
        let now = self.clock.now();
        let mut sessions = store::list_live_children(&tx, session_id, now).await?;
        sessions.extend(store::find_live_session(&tx, session_id, now).await?);
        for session in sessions {
            end_one(&tx, &session, now).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Ends all sessions of a user but one and those that follow from it.
    pub(crate) async fn end_others(
        &self,
        tx: &Tx,
        user_id: UserId,
        keep: Option<SessionId>,
    ) -> Result<()> {
        let now = self.clock.now();
        for session in store::list_live_sessions_of_user(tx, user_id, now).await? {
            if Some(session.browser_id()) != keep {
                end_one(tx, &session, now).await?;
            }
        }
        Ok(())
    }

    /// The live sessions of a user, the actor's own without one; and which of them the actor's token belongs to.
    pub async fn list_sessions(
        &self,
        actor: &Actor,
        user_id: Option<UserId>,
    ) -> Result<(Vec<Session>, SessionId)> {
        let (own, current) = signed_in(actor)?;
        let user_id = user_id.unwrap_or(own);
        self.require(actor, "sessions:list", &Resource::any("Session").owner(user_id))?;
        let (db, now) = (self.database.read(), self.clock.now());
        Ok((store::list_live_sessions(db, user_id, now, SESSIONS_SHOWN_MAX).await?, current))
    }

    /// Ends the sessions of a user, those of other programs too; the actor's own without one, but for the one in use.
    pub async fn end_sessions(&self, actor: &Actor, user_id: Option<UserId>) -> Result<()> {
        let (own, current) = signed_in(actor)?;
        let user_id = user_id.unwrap_or(own);
        self.require(actor, "sessions:end", &Resource::any("Session").owner(user_id))?;
        let tx = self.database.begin().await?;
        let in_use = store::find_live_session(&tx, current, self.clock.now()).await?;
        self.end_others(&tx, user_id, in_use.map(|session| session.browser_id())).await?;
        Ok(tx.commit().await?)
    }

    /// What a token says, or why it is not good; answered from this service's own records.
    pub async fn validate(
        &self,
        actor: &Actor,
        shown: &ShownToken<'_>,
    ) -> Result<Result<Claims, TokenFault>> {
        self.require(actor, "tokens:validate", &Resource::any("Session"))?;
        let Ok(claims) = self.decode::<Claims>(shown.token, ACCESS_TOKEN_TYPE, &[AUDIENCE]) else {
            return Ok(Err(TokenFault::Invalid));
        };
        if self.check_shown(&claims, shown).is_err() {
            return Ok(Err(TokenFault::Unproved));
        }
        if claims.exp <= self.clock.now().as_second() {
            return Ok(Err(TokenFault::Expired));
        }
        Ok(if self.is_revoked(&claims).await? { Err(TokenFault::Revoked) } else { Ok(claims) })
    }

    async fn is_revoked(&self, claims: &Claims) -> Result<bool> {
        let (db, now) = (self.database.read(), self.clock.now());
        let is_over = store::find_live_session(db, SessionId(claims.sid), now).await?.is_none();
        let user_id = UserId(claims.sub);
        Ok(is_over || store::is_user_revoked(db, user_id, claims.issued_at_ms()).await?)
    }

    /// What other processes need to verify tokens by themselves: the names and public halves of the keys of
    /// access tokens, and what was revoked since a moment, as far as it still matters.
    pub async fn snapshot(
        &self,
        actor: &Actor,
        since: Timestamp,
    ) -> Result<(Vec<(String, String)>, Revocations)> {
        self.require(actor, "tokens:snapshot", &Resource::any("Session"))?;
        let since = since.max(self.clock.now() - REVOCATION_TOLD);
        let revocations = store::list_revocations(self.database.read(), since).await?;
        let ring = self.keys.load();
        let of_access =
            |key: &&std::sync::Arc<identity::KeyPair>| key.algorithm() == SigningAlgorithm::EdDsa;
        let keys = ring.known().iter().filter(of_access);
        let keys = keys.map(|key| (key.kid().to_owned(), key.public().to_owned())).collect();
        Ok((keys, revocations))
    }

    pub(crate) async fn insert_refresh_token(
        &self,
        tx: &Tx,
        session_id: SessionId,
    ) -> Result<String> {
        let token = secret::random_token();
        let digest = secret::digest(&token);
        store::refresh_tokens::insert_refresh_token(tx, &digest, session_id, self.clock.now())
            .await?;
        Ok(token)
    }

    async fn pair(&self, session: &Session, refresh_token: String) -> Result<TokenPair> {
        let access_token = self.access_token(session, &session.scopes, None, None).await?;
        Ok(TokenPair { access_token, refresh_token, session_expires_at: session.expires_at })
    }

    /// An access token of a session, for some of its scopes; or, with permissions, of a client on its own behalf.
    /// With a thumbprint it is good for who has that key.
    pub(crate) async fn access_token(
        &self,
        session: &Session,
        scopes: &BTreeSet<Scope>,
        permissions: Option<Vec<String>>,
        key_thumbprint: Option<&str>,
    ) -> Result<String> {
        let issuer = &self.ctx.public_url;
        // The session of a client's own tokens carries its name as an account's.
        let own_name = permissions.as_ref().map(|_| session.account.last_name.clone());
        let claims = Claims {
            permissions,
            client_name: own_name.unwrap_or_default(),
            cnf: key_thumbprint.map(|jkt| Confirmation { jkt: jkt.to_owned() }),
            ..claims(session, scopes, issuer, self.clock.now())
        };
        let key = self.signing_key(SigningAlgorithm::EdDsa).await?;
        Ok(key.sign(&claims).map_err(service_kit::Error::internal)?)
    }

    pub(crate) fn require(&self, actor: &Actor, action: &str, resource: &Resource) -> Result<()> {
        Ok(self.policies.require(actor, action, resource)?)
    }
}

/// The owner of a session, who has shown that they are.
pub(crate) fn owner(actor: &Actor, session: &Session) -> Party {
    Party::user(session.account.user_id, &session.account.email).from_origin(actor.origin())
}

/// Whose session an entry of the audit log is about, and by which program.
pub(crate) fn of_session(record: AuditRecorded, session: &Session) -> AuditRecorded {
    let account = &session.account;
    record
        .on("Session", session.id)
        .customer(account.customer_id)
        .detail("ownerId", account.user_id.to_string())
        .detail("email", account.email.as_str())
        .detail("clientId", session.client_id.as_str())
}

async fn end_one(tx: &Tx, session: &Session, now: Timestamp) -> Result<()> {
    if store::end_session(tx, session.id, now).await? {
        let user_id = session.account.user_id;
        tx.publish(SessionEnded { session_id: session.id, user_id }).await?;
        logouts::announce(tx, session, now).await?;
    }
    Ok(())
}

/// The token that comes after a spent one. It follows from the spent one and the salt, so that only who has the spent
/// one can have it a second time, and the database does not have to keep it.
fn successor(spent: &str, salt: &str) -> String {
    secret::digest(&[salt, spent].concat())
}

pub(crate) fn signed_in(actor: &Actor) -> Result<(UserId, SessionId)> {
    match actor.principal() {
        Principal::User { id, session, .. } => Ok((UserId(*id), SessionId(*session))),
        _ => Err(Error::NotSignedIn),
    }
}

/// A token with the scope `api` is for Backline's own API and carries the roles; one without is for the userinfo
/// endpoint and nothing else, so that signing in to another program gives that program no power here.
fn claims(session: &Session, scopes: &BTreeSet<Scope>, issuer: &str, now: Timestamp) -> Claims {
    let grant = |held: &HeldRole| Grant {
        role: held.role.clone(),
        customer: held.customer_id.map(Uuid::from),
    };
    let is_for_api = scopes.contains(&Scope::Api);
    let account = Some(&session.account).filter(|_| is_for_api);
    Claims {
        iss: issuer.to_owned(),
        aud: if is_for_api { AUDIENCE.to_owned() } else { userinfo_audience(issuer) },
        sub: session.account.user_id.0,
        sid: session.id.0,
        jti: Uuid::now_v7(),
        iat: now.as_second(),
        exp: (now + ACCESS_TOKEN_LIFETIME).as_second(),
        client_id: session.client_id.clone(),
        scope: join_scopes(scopes),
        email: account.map(|account| account.email.clone()).unwrap_or_default(),
        customer: account.and_then(|account| account.customer_id).map(Uuid::from),
        roles: account.map(|a| a.roles.iter().map(grant).collect()).unwrap_or_default(),
        permissions: None,
        client_name: String::new(),
        cnf: None,
    }
}

/// Who a token without the scope `api` is for.
pub(crate) fn userinfo_audience(issuer: &str) -> String {
    format!("{issuer}/oauth/userinfo")
}
