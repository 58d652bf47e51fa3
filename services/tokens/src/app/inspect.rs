//! What is asked about tokens by those who have them: userinfo, introspection, revocation, log-out.

use contracts::audit::{AuditRecorded, Party};
use contracts::ids::SessionId;
use identity::{AUDIENCE, Claims};
use policies::{Actor, Resource};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use stdx::secret;

use super::grants::user_claims;
use super::{ACCESS_TOKEN_TYPE, owner, userinfo_audience};
use crate::Tokens;
use crate::app::clients::{ClientProof, is_of};
use crate::app::possession::ShownToken;
use crate::domain::authorization::Parameters;
use crate::domain::client::{Client, ClientId, Scope, join_scopes, parse_scopes};
use crate::domain::{OWN_CLIENT, Session};
use crate::error::{Error, Result};
use crate::store;

/// Lets a client ask about tokens that are not its own.
const INTROSPECT_ANY: &str = "tokens:introspect";

/// What becomes of a request to sign out.
#[derive(Debug)]
pub enum Logout {
    /// The session is over; the browser goes here.
    Return(String),
    /// The session is over, or there was none.
    Done,
    /// Nobody proves that the user wants it: ask.
    Confirm,
}

/// What an ID token says of the session it was made in.
#[derive(Deserialize)]
struct IdTokenHint {
    aud: String,
    sid: Option<String>,
}

impl Tokens {
    /// What a token lets its holder know of the user (OpenID Connect Core, section 5.3).
    pub async fn userinfo(
        &self,
        actor: &Actor,
        shown: &ShownToken<'_>,
    ) -> Result<Map<String, Value>> {
        self.require(actor, "tokens:inspect", &Resource::any("Client"))?;
        let found = self.find_alive(shown.token).await?;
        let (claims, session) = found.ok_or(match shown.is_as_bound {
            true => Error::InvalidBoundToken,
            false => Error::InvalidToken,
        })?;
        self.check_shown(&claims, shown)?;
        let scopes = parse_scopes(&claims.scope);
        if !scopes.contains(&Scope::OpenId) {
            return Err(Error::InsufficientScope);
        }
        Ok(user_claims(&session, &scopes, &session.single_claims.userinfo))
    }

    /// Whether a token is good, for its client and for those who may ask about any (RFC 7662). `None`: it is not,
    /// or is none of theirs.
    pub async fn introspect(
        &self,
        actor: &Actor,
        proof: &ClientProof,
        token: &str,
    ) -> Result<Option<Map<String, Value>>> {
        self.require(actor, "tokens:inspect", &Resource::any("Client"))?;
        let endpoint = format!("{}/oauth/introspect", self.ctx.public_url);
        let client = self.authenticate_client(proof, &endpoint).await?;
        if let Some((claims, _)) = self.find_alive(token).await? {
            let may_know = may_ask_about(&client, &claims.client_id);
            return Ok(may_know.then(|| access_token_facts(&claims)));
        }
        let session = self.find_by_refresh_token(token).await?;
        let session = session.filter(|session| may_ask_about(&client, &session.client_id));
        Ok(session.map(|session| refresh_token_facts(&session, &self.ctx.public_url)))
    }

    /// Ends the session that a token of the client belongs to. What is no token of the client's is no error
    /// (RFC 7009, section 2.2).
    pub async fn revoke(&self, actor: &Actor, proof: &ClientProof, token: &str) -> Result<()> {
        self.require(actor, "tokens:inspect", &Resource::any("Client"))?;
        let endpoint = format!("{}/oauth/revoke", self.ctx.public_url);
        let client = self.authenticate_client(proof, &endpoint).await?;
        let session_id = match self.find_alive(token).await? {
            Some((claims, session)) => is_of(&client, &claims).then_some(session.id),
            None => {
                let session = self.find_by_refresh_token(token).await?;
                let session = session.filter(|s| s.client_id == client.id.to_string());
                session.map(|session| session.id)
            }
        };
        if let Some(session_id) = session_id {
            let by = Party::client(client.id, &client.metadata.name).from_origin(actor.origin());
            let tx = self.database.begin().await?;
            tx.publish(AuditRecorded::done(by, "sessions:end").on("Session", session_id)).await?;
            self.end(tx, session_id).await?;
        }
        Ok(())
    }

    /// Signs the browser's user out, at the wish of a client (OpenID Connect RP-Initiated Logout). An ID token of the
    /// session, or the user's own word, is what it takes.
    pub async fn logout(
        &self,
        actor: &Actor,
        parameters: &Parameters,
        browser_cookie: Option<&str>,
        is_confirmed: bool,
    ) -> Result<Logout> {
        self.require(actor, "tokens:inspect", &Resource::any("Client"))?;
        let hint = parameters.get("id_token_hint");
        let hint = hint.map(|hint| self.decode::<IdTokenHint>(hint, "JWT", &[])).transpose();
        let hint = hint.map_err(|_| Error::InvalidRequest("the ID token is not one of ours"))?;
        let session = self.find_browser_session(browser_cookie).await?;
        let hinted = hint.as_ref().and_then(|hint| hint.sid.as_deref()?.parse().ok());
        let named: Option<SessionId> = hinted.filter(|id| {
            // An old ID token of another session in this browser must not end the present one unasked.
            session.as_ref().is_none_or(|session| session.id == *id)
        });
        if session.is_some() && named.is_none() && !is_confirmed {
            return Ok(Logout::Confirm);
        }
        let back = self.find_way_back(parameters, hint.as_ref()).await?;
        let by = session.as_ref().map_or(Party::ANONYMOUS, |session| owner(actor, session));
        let by = by.from_origin(actor.origin());
        if let Some(id) = named.or(session.map(|session| session.id)) {
            let tx = self.database.begin().await?;
            tx.publish(AuditRecorded::done(by, "sessions:end").on("Session", id)).await?;
            self.end(tx, id).await?;
        }
        Ok(back.map_or(Logout::Done, Logout::Return))
    }

    /// Where the browser goes after signing out: only to an address of the client that is certain.
    async fn find_way_back(
        &self,
        parameters: &Parameters,
        hint: Option<&IdTokenHint>,
    ) -> Result<Option<String>> {
        let Some(wanted) = parameters.get("post_logout_redirect_uri") else { return Ok(None) };
        let said = parameters.get("client_id");
        if let (Some(said), Some(hint)) = (said, hint)
            && said != hint.aud
        {
            return Err(Error::InvalidRequest("`client_id` is not that of the ID token"));
        }
        let id = said.or(hint.map(|hint| hint.aud.as_str())).and_then(ClientId::parse);
        let unknown = Error::InvalidRequest("the program that sent you here is not known");
        let Some(id) = id else {
            // Nobody says whose address it is: signing out is the user's wish, going there is nobody's
            // (RP-Initiated Logout, section 3).
            return if said.is_none() && hint.is_none() { Ok(None) } else { Err(unknown) };
        };
        let client = store::clients::find_client(self.database.read(), id).await?.ok_or(unknown)?;
        if !client.metadata.post_logout_redirect_uris.iter().any(|known| known == wanted) {
            let words = "the address to go to is not one that the program is registered with";
            return Err(Error::InvalidRequest(words));
        }
        let state = parameters.get("state").map(|state| ("state", state));
        let Some(state) = state else { return Ok(Some(wanted.to_owned())) };
        Ok(Some(super::authorize::with_query(wanted, &[state])))
    }

    /// What an access token says and its session, if both are alive.
    async fn find_alive(&self, token: &str) -> Result<Option<(Claims, Session)>> {
        let (question, now) = (secret::digest(token), self.moment());
        if let Some((claims, session)) = self.recently_alive.get(&question, now) {
            let is_alive = claims.exp > now.at.as_second() && session.expires_at > now.at;
            return Ok(is_alive.then_some((claims, session)));
        }
        let found = self.look_whether_alive(token).await?;
        if let Some(found) = &found {
            self.recently_alive.put(question, now, found.clone());
        }
        Ok(found)
    }

    async fn look_whether_alive(&self, token: &str) -> Result<Option<(Claims, Session)>> {
        let userinfo = userinfo_audience(&self.ctx.public_url);
        let claims: Claims = match self.decode(token, ACCESS_TOKEN_TYPE, &[AUDIENCE, &userinfo]) {
            Ok(claims) => claims,
            Err(_) => return Ok(None),
        };
        let now = self.clock.now();
        if claims.exp <= now.as_second() {
            return Ok(None);
        }
        let db = self.database.read();
        let user_id = contracts::ids::UserId(claims.sub);
        let session = store::find_live_session(db, SessionId(claims.sid), now).await?;
        let Some(session) = session else { return Ok(None) };
        let is_revoked = store::is_user_revoked(db, user_id, claims.issued_at_ms()).await?;
        Ok((!is_revoked).then_some((claims, session)))
    }

    /// The live session of a refresh token that has not been spent.
    async fn find_by_refresh_token(&self, token: &str) -> Result<Option<Session>> {
        let db = self.database.read();
        let stored = store::refresh_tokens::find_refresh_token(db, &secret::digest(token)).await?;
        let Some(stored) = stored.filter(|stored| stored.spent.is_none()) else { return Ok(None) };
        store::find_live_session(db, stored.session_id, self.clock.now()).await
    }
}

fn may_ask_about(client: &Client, client_id: &str) -> bool {
    client_id == client.id.to_string() || client.metadata.permissions.contains(INTROSPECT_ANY)
}

fn access_token_facts(claims: &Claims) -> Map<String, Value> {
    let mut facts = Map::from_iter([
        ("active".to_owned(), json!(true)),
        ("token_type".to_owned(), json!(if claims.cnf.is_some() { "DPoP" } else { "Bearer" })),
        ("iss".to_owned(), json!(claims.iss)),
        ("aud".to_owned(), json!(claims.aud)),
        ("sub".to_owned(), json!(claims.sub.to_string())),
        ("sid".to_owned(), json!(claims.sid.to_string())),
        ("jti".to_owned(), json!(claims.jti.to_string())),
        ("iat".to_owned(), json!(claims.iat)),
        ("exp".to_owned(), json!(claims.exp)),
        ("client_id".to_owned(), json!(claims.client_id)),
        ("scope".to_owned(), json!(claims.scope)),
    ]);
    if !claims.email.is_empty() {
        facts.insert("username".to_owned(), json!(claims.email));
    }
    if let Some(bound) = &claims.cnf {
        facts.insert("cnf".to_owned(), json!(bound));
    }
    facts
}

fn refresh_token_facts(session: &Session, issuer: &str) -> Map<String, Value> {
    debug_assert_ne!(session.client_id, OWN_CLIENT, "only registered clients ask");
    let mut facts = Map::from_iter([
        ("active".to_owned(), json!(true)),
        ("iss".to_owned(), json!(issuer)),
        ("sub".to_owned(), json!(session.account.user_id.to_string())),
        ("exp".to_owned(), json!(session.expires_at.as_second())),
        ("client_id".to_owned(), json!(session.client_id)),
        ("scope".to_owned(), json!(join_scopes(&session.scopes))),
    ]);
    if let Some(thumbprint) = &session.key_thumbprint {
        facts.insert("cnf".to_owned(), json!({ "jkt": thumbprint }));
    }
    facts
}
