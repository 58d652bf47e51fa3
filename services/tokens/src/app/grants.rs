//! What clients get at the token endpoint (RFC 6749, section 3.2; OpenID Connect Core, section 3.1.3).

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::audit::{AuditRecorded, Party};
use contracts::ids::{SessionId, UserId};
use identity::{ProofFault, SigningAlgorithm};
use policies::{Actor, Resource};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use stdx::secret;

use crate::Tokens;
use crate::app::clients::ClientProof;
use crate::domain::authorization::{AuthorizationCode, Parameters};
use crate::domain::client::{Authentication, Client, GrantType, Scope, join_scopes, parse_scopes};
use crate::domain::demands::{Assurance, UserClaim};
use crate::domain::{ACCESS_TOKEN_LIFETIME, Account, SESSION_LIFETIME, Session};
use crate::error::{Error, Result};
use crate::store;

/// RFC 7636, section 4.1.
const VERIFIER_LENGTHS: std::ops::RangeInclusive<usize> = 43..=128;

/// What a client gets.
#[derive(Debug)]
pub struct Granted {
    pub access_token: String,
    pub refresh_token: Option<String>,
    pub id_token: Option<String>,
    /// Seconds the access token lives.
    pub expires_in: i64,
    pub scope: String,
    /// The token is good with a proof only.
    pub is_bound: bool,
}

/// A request at the token endpoint whose client is certain.
#[derive(Clone, Copy)]
pub(crate) struct GrantRequest<'r> {
    pub actor: &'r Actor,
    pub client: &'r Client,
    pub parameters: &'r Parameters,
    /// The thumbprint of the key that the client has proved to have.
    pub key: Option<&'r str>,
}

impl GrantRequest<'_> {
    /// Binds refresh tokens of a client that has nothing else to prove itself with (RFC 9449, section 5).
    fn bind(&self, session: Session) -> Session {
        let is_public = self.client.metadata.authentication == Authentication::None;
        let key_thumbprint = self.key.filter(|_| is_public).map(str::to_owned);
        Session { key_thumbprint, ..session }
    }
}

/// What goes into the first ID token of a sign-in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked<'r> {
    pub nonce: Option<&'r str>,
    /// `None`: whatever the session amounts to.
    pub assurance: Option<Assurance>,
}

impl Tokens {
    /// Answers a request at the token endpoint.
    pub async fn grant(
        &self,
        actor: &Actor,
        proof: &ClientProof,
        parameters: &Parameters,
    ) -> Result<Granted> {
        self.require(actor, "tokens:grant", &Resource::any("Client"))?;
        let endpoint = format!("{}/oauth/token", self.ctx.public_url);
        let client = self.authenticate_client(proof, &endpoint).await?;
        let wanted = parameters.get("grant_type");
        let wanted = wanted.ok_or(Error::InvalidRequest("`grant_type` is missing"))?;
        let grant = GrantType::parse(wanted).ok_or(Error::UnsupportedGrantType)?;
        if !client.metadata.has(grant) {
            return Err(Error::UnauthorizedClient("the client may not use this grant type"));
        }
        let key = self.prove_key(proof, &endpoint)?;
        if key.is_none() && client.metadata.is_bound_to_key {
            return Err(Error::InvalidProof(ProofFault::Missing));
        }
        let request = GrantRequest { actor, client: &client, parameters, key: key.as_deref() };
        match grant {
            GrantType::AuthorizationCode => self.exchange_code(request).await,
            GrantType::RefreshToken => self.refresh_for(request).await,
            GrantType::ClientCredentials => self.act_on_own_behalf(request).await,
            GrantType::DeviceCode => self.exchange_device_code(request).await,
        }
    }

    async fn exchange_code(&self, request: GrantRequest<'_>) -> Result<Granted> {
        let GrantRequest { actor, client, parameters, key } = request;
        let code = parameters.get("code").ok_or(Error::InvalidRequest("`code` is missing"))?;
        let tx = self.database.begin().await?;
        let found = store::grants::find_code(&tx, &secret::digest(code)).await?;
        let unknown = Error::InvalidGrant("the code is not known, was used or has run out");
        let Some((code, granted)) = found.filter(|(c, _)| c.client_id == client.id.to_string())
        else {
            return Err(unknown);
        };
        if let Some(granted) = granted {
            // Somebody else has it too: nothing that came of it is to be trusted (RFC 6749, section 4.1.2).
            tx.publish(code_used_twice(actor, client, granted)).await?;
            self.end(tx, granted).await?;
            return Err(unknown);
        }
        check_code(&code, parameters, key)?;
        let now = self.clock.now();
        let browser = store::find_live_session(&tx, code.session_id, now).await?;
        let browser = browser.filter(|_| code.expires_at > now).ok_or(unknown)?;
        let session_id = SessionId::new();
        if !store::grants::spend_code(&tx, &code.digest, session_id, now).await? {
            let (_, granted) =
                store::grants::find_code(&tx, &code.digest).await?.unwrap_or((code, None));
            if let Some(granted) = granted {
                tx.publish(code_used_twice(actor, client, granted)).await?;
                self.end(tx, granted).await?;
            }
            return Err(Error::InvalidGrant("the code has been used"));
        }
        let session = browser.grant(session_id, &code.client_id, code.scopes.clone(), now);
        let session = Session { single_claims: code.single_claims, ..session };
        let asked = Asked { nonce: code.nonce.as_deref(), assurance: Some(code.assurance) };
        self.begin_grant(tx, request, session, asked).await
    }

    /// Stores a client's session and gives its first tokens.
    pub(crate) async fn begin_grant(
        &self,
        tx: database::Tx,
        request: GrantRequest<'_>,
        session: Session,
        asked: Asked<'_>,
    ) -> Result<Granted> {
        let session = request.bind(session);
        store::insert_session(&tx, &session).await?;
        let gets_refresh_token = session.scopes.contains(&Scope::OfflineAccess)
            && request.client.metadata.has(GrantType::RefreshToken);
        let refresh_token = if gets_refresh_token {
            Some(self.insert_refresh_token(&tx, session.id).await?)
        } else {
            None
        };
        tx.commit().await?;
        self.granted(request, &session, session.scopes.clone(), refresh_token, asked).await
    }

    async fn refresh_for(&self, request: GrantRequest<'_>) -> Result<Granted> {
        let GrantRequest { actor, client, parameters, key } = request;
        let token = parameters.get("refresh_token");
        let token = token.ok_or(Error::InvalidRequest("`refresh_token` is missing"))?;
        let narrowed = parameters.get("scope").map(parse_scopes);
        let (session, successor) = match self.spend(actor, token, &client.id.to_string(), key).await
        {
            Err(Error::BadRefreshToken) => {
                return Err(Error::InvalidGrant("the refresh token is not good any more"));
            }
            outcome => outcome?,
        };
        // It can be narrowed for this access token; widened it cannot be (RFC 6749, section 6).
        let scopes = narrowed.unwrap_or_else(|| session.scopes.clone());
        let scopes: BTreeSet<Scope> = scopes.intersection(&session.scopes).copied().collect();
        self.granted(request, &session, scopes, Some(successor), Asked::default()).await
    }

    /// A token by which the client acts for itself, with what its registration lists.
    async fn act_on_own_behalf(&self, request: GrantRequest<'_>) -> Result<Granted> {
        let GrantRequest { actor, client, parameters, key } = request;
        let wanted = parameters.get("scope").map(parse_scopes);
        if wanted.is_some_and(|wanted| wanted.iter().any(|scope| *scope != Scope::Api)) {
            return Err(Error::InvalidScope("on its own behalf a client gets the scope `api`"));
        }
        let session = self.own_session(client).await?;
        let permissions = client.metadata.permissions.iter().cloned().collect();
        let access_token =
            self.access_token(&session, &session.scopes, Some(permissions), key).await?;
        let by = by_client(actor, client);
        let record = AuditRecorded::done(by, "tokens:issue").on("Client", client.id);
        self.ctx.trail.tally(record.customer(client.metadata.customer_id));
        Ok(Granted {
            access_token,
            refresh_token: None,
            id_token: None,
            expires_in: ACCESS_TOKEN_LIFETIME.as_secs(),
            scope: join_scopes(&session.scopes),
            is_bound: key.is_some(),
        })
    }

    /// The session of a client's own tokens: they die with it, as a user's do. One is made when there is none or
    /// when it would end before the token does.
    async fn own_session(&self, client: &Client) -> Result<Session> {
        let asked = self.moment();
        let now = asked.at;
        let (id, own) = (client.id.to_string(), UserId(client.id.0));
        let outlasts = |session: &Session| session.expires_at > now + ACCESS_TOKEN_LIFETIME;
        if let Some(session) = self.recent_own_sessions.get(&id, asked).filter(outlasts) {
            return Ok(session);
        }
        let known =
            store::list_live_sessions_of_client(self.database.read(), &id, Some(own), now).await?;
        if let Some(session) = known.into_iter().find(outlasts) {
            self.recent_own_sessions.put(id, asked, session.clone());
            return Ok(session);
        }
        let account = Account {
            user_id: own,
            email: String::new(),
            customer_id: client.metadata.customer_id,
            roles: vec![],
            first_name: String::new(),
            last_name: client.metadata.name.clone(),
            email_verified: false,
        };
        let session = Session {
            client_id: id,
            expires_at: now + SESSION_LIFETIME,
            ..Session::begin(account, now, vec![], &client.metadata.name, now)
        };
        let tx = self.database.begin().await?;
        store::insert_session(&tx, &session).await?;
        tx.commit().await?;
        Ok(session)
    }

    async fn granted(
        &self,
        request: GrantRequest<'_>,
        session: &Session,
        scopes: BTreeSet<Scope>,
        refresh_token: Option<String>,
        asked: Asked<'_>,
    ) -> Result<Granted> {
        let GrantRequest { client, key, .. } = request;
        let access_token = self.access_token(session, &scopes, None, key).await?;
        let id_token = if scopes.contains(&Scope::OpenId) {
            Some(self.id_token(client, session, &scopes, asked, &access_token).await?)
        } else {
            None
        };
        let expires_in = ACCESS_TOKEN_LIFETIME.as_secs();
        let scope = join_scopes(&scopes);
        let is_bound = key.is_some();
        Ok(Granted { access_token, refresh_token, id_token, expires_in, scope, is_bound })
    }

    /// OpenID Connect Core, section 2.
    async fn id_token(
        &self,
        client: &Client,
        session: &Session,
        scopes: &BTreeSet<Scope>,
        asked: Asked<'_>,
        access_token: &str,
    ) -> Result<String> {
        let now = self.clock.now();
        let algorithm = client.metadata.id_token_algorithm;
        let assurance = asked.assurance.unwrap_or_else(|| Assurance::of(session));
        let mut claims = user_claims(session, scopes, &session.single_claims.id_token);
        claims.extend([
            ("iss".to_owned(), json!(self.ctx.public_url)),
            ("aud".to_owned(), json!(client.id.to_string())),
            ("azp".to_owned(), json!(client.id.to_string())),
            ("iat".to_owned(), json!(now.as_second())),
            ("exp".to_owned(), json!((now + ACCESS_TOKEN_LIFETIME).as_second())),
            ("auth_time".to_owned(), json!(session.authenticated_at.as_second())),
            ("sid".to_owned(), json!(session.browser_id().to_string())),
            ("amr".to_owned(), json!(session.amr)),
            ("acr".to_owned(), json!(assurance.as_str())),
        ]);
        if let Some(nonce) = asked.nonce {
            claims.insert("nonce".to_owned(), json!(nonce));
        }
        // For Ed25519 there are two readings of which hash it is; left out, nobody trips over it.
        if algorithm != SigningAlgorithm::EdDsa {
            claims.insert("at_hash".to_owned(), json!(token_hash(access_token)));
        }
        let key = self.signing_key(algorithm).await?;
        Ok(key.sign_as("JWT", &claims).map_err(service_kit::Error::internal)?)
    }
}

fn by_client(actor: &Actor, client: &Client) -> Party {
    Party::client(client.id, &client.metadata.name).from_origin(actor.origin())
}

fn code_used_twice(actor: &Actor, client: &Client, session_id: SessionId) -> AuditRecorded {
    let reason = "a code was used a second time; the tokens of the first are dead";
    let record = AuditRecorded::failed(by_client(actor, client), "tokens:grant", reason);
    record.on("Session", session_id)
}

fn check_code(code: &AuthorizationCode, parameters: &Parameters, key: Option<&str>) -> Result<()> {
    if code.key_thumbprint.as_deref().is_some_and(|bound| key != Some(bound)) {
        return Err(Error::InvalidGrant("the code is for another key: `dpop_jkt`"));
    }
    if parameters.get("redirect_uri") != Some(&code.redirect_uri) {
        return Err(Error::InvalidGrant("`redirect_uri` is not the one the code was made for"));
    }
    let verifier = parameters.get("code_verifier").unwrap_or_default();
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    if !VERIFIER_LENGTHS.contains(&verifier.len()) || digest != code.challenge {
        return Err(Error::InvalidGrant("`code_verifier` does not fit the challenge"));
    }
    Ok(())
}

/// What is said of a user, by scope (OpenID Connect Core, section 5.4) and one by one (section 5.5).
pub(crate) fn user_claims(
    session: &Session,
    scopes: &BTreeSet<Scope>,
    single: &BTreeSet<UserClaim>,
) -> Map<String, Value> {
    let subject = json!(session.account.user_id.to_string());
    let is_wanted = |claim: &UserClaim| scopes.contains(&claim.scope()) || single.contains(claim);
    let wanted = UserClaim::ALL.into_iter().filter(is_wanted);
    let named = wanted.map(|claim| (claim.as_str().to_owned(), value(claim, &session.account)));
    [("sub".to_owned(), subject)].into_iter().chain(named).collect()
}

fn value(claim: UserClaim, account: &Account) -> Value {
    match claim {
        UserClaim::Name => {
            json!(format!("{} {}", account.first_name, account.last_name).trim())
        }
        UserClaim::GivenName => json!(account.first_name),
        UserClaim::FamilyName => json!(account.last_name),
        UserClaim::Email => json!(account.email),
        UserClaim::EmailVerified => json!(account.email_verified),
        UserClaim::Roles => {
            let names = account.roles.iter().map(|held| held.role.as_str());
            json!(names.collect::<BTreeSet<&str>>())
        }
    }
}

/// The left half of the hash (OpenID Connect Core, section 3.1.3.6).
fn token_hash(token: &str) -> String {
    let digest = Sha256::digest(token.as_bytes());
    URL_SAFE_NO_PAD.encode(&digest[..digest.len() / 2])
}
