//! Registering clients, and finding out which one sends a request.

use std::collections::HashSet;

use contracts::audit::{AuditRecorded, Party};
use contracts::permissions::PERMISSIONS;
use identity::Claims;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use policies::{Actor, Origin, Permission, Resource};
use serde::Deserialize;
use service_kit::{Error as PlatformError, FieldErrors};
use stdx::secret;
use uuid::Uuid;

use crate::Tokens;
use crate::domain::client::{Authentication, Client, ClientId, Metadata};
use crate::domain::logout::LogoutReach;
use crate::error::{Error, Result};
use crate::store;

/// Clients shown; an installation has a handful.
const CLIENTS_SHOWN_MAX: u64 = 500;
/// How long a secret stays good after it was replaced: as long as it takes to bring the new one to every copy of the program.
const SECRET_OVERLAP: SignedDuration = SignedDuration::from_hours(24);
/// An assertion is made for one request; nobody needs one that lives long.
const ASSERTION_LIFETIME_MAX: SignedDuration = SignedDuration::from_mins(10);
/// How far the clocks of client and server may be apart.
const CLOCKS_APART_MAX: SignedDuration = SignedDuration::from_secs(30);
/// No symmetric one: the keys are public.
const ASSERTION_ALGORITHMS: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::RS512,
    Algorithm::EdDSA,
];

/// What a request shows of its client.
#[derive(Clone, Debug, Default)]
pub struct ClientProof {
    pub client_id: String,
    pub secret: Option<String>,
    /// A signed assertion (RFC 7523).
    pub assertion: Option<String>,
    /// That it has a key (RFC 9449). Beside the others: it does not say who the client is.
    pub possession: Option<String>,
    /// Where the request came from, for the audit log.
    pub origin: Origin,
}

/// What an assertion says (RFC 7523, section 3).
#[derive(Deserialize)]
struct Assertion {
    iss: String,
    sub: String,
    exp: i64,
    jti: String,
}

impl Tokens {
    /// Registers a client. The secret, if it has one, is shown this once.
    pub async fn register_client(
        &self,
        actor: &Actor,
        metadata: Metadata,
    ) -> Result<(Client, Option<String>)> {
        self.require(actor, "oauth-clients:manage", &Resource::any("Client"))?;
        let metadata = check(actor, metadata, self.logout_reach)?;
        let now = self.clock.now();
        let client =
            Client { id: ClientId::new(), metadata, created_at: now, updated_at: now, version: 1 };
        let made = client.metadata.authentication.has_secret().then(secret::random_token);
        let tx = self.database.begin().await?;
        store::clients::insert_client(&tx, &client).await?;
        if let Some(secret) = &made {
            store::clients::insert_secret(&tx, client.id, &secret::digest(secret), now).await?;
        }
        tx.publish(on_record(actor, "oauth-clients:register", &client)).await?;
        tx.commit().await?;
        Ok((client, made))
    }

    /// Every client, the latest first.
    pub async fn list_clients(&self, actor: &Actor) -> Result<Vec<Client>> {
        self.require(actor, "oauth-clients:read", &Resource::any("Client"))?;
        store::clients::list_clients(self.database.read(), CLIENTS_SHOWN_MAX).await
    }

    /// One client.
    pub async fn find_client(&self, actor: &Actor, id: ClientId) -> Result<Client> {
        self.require(actor, "oauth-clients:read", &Resource::new("Client", id))?;
        let found = store::clients::find_client(self.database.read(), id).await?;
        found.ok_or(Error::ClientNotFound)
    }

    /// Replaces what a registration says. A client that may less than before loses the tokens it has.
    pub async fn update_client(
        &self,
        actor: &Actor,
        id: ClientId,
        metadata: Metadata,
    ) -> Result<Client> {
        self.require(actor, "oauth-clients:manage", &Resource::new("Client", id))?;
        let metadata = check(actor, metadata, self.logout_reach)?;
        let tx = self.database.begin().await?;
        let known = store::clients::find_client(&tx, id).await?.ok_or(Error::ClientNotFound)?;
        let (updated_at, version) = (self.clock.now(), known.version + 1);
        let client = Client { metadata, updated_at, version, ..known.clone() };
        if !store::clients::update_client(&tx, &client, known.version).await? {
            return Err(PlatformError::Stale.into());
        }
        let loses = !client.metadata.is_active
            || !known.metadata.permissions.is_subset(&client.metadata.permissions)
            || !known.metadata.scopes.is_subset(&client.metadata.scopes)
            || known.metadata.customer_id != client.metadata.customer_id;
        if loses {
            self.end_sessions_of_client(&tx, id).await?;
        }
        tx.publish(on_record(actor, "oauth-clients:update", &client)).await?;
        tx.commit().await?;
        Ok(client)
    }

    /// Gives a client another secret; the one it has stays good for a day.
    pub async fn rotate_client_secret(
        &self,
        actor: &Actor,
        id: ClientId,
    ) -> Result<(Client, Timestamp, String)> {
        self.require(actor, "oauth-clients:manage", &Resource::new("Client", id))?;
        let now = self.clock.now();
        let tx = self.database.begin().await?;
        let client = store::clients::find_client(&tx, id).await?.ok_or(Error::ClientNotFound)?;
        if !client.metadata.authentication.has_secret() {
            return Err(Error::InvalidRequest("this client has no secret"));
        }
        let (made, until) = (secret::random_token(), now + SECRET_OVERLAP);
        store::clients::expire_secrets(&tx, id, until).await?;
        store::clients::insert_secret(&tx, id, &secret::digest(&made), now).await?;
        tx.publish(on_record(actor, "oauth-clients:rotate-secret", &client)).await?;
        tx.commit().await?;
        Ok((client, until, made))
    }

    /// Removes a client; its tokens are dead everywhere, and what users allowed it is forgotten.
    pub async fn delete_client(&self, actor: &Actor, id: ClientId) -> Result<()> {
        self.require(actor, "oauth-clients:manage", &Resource::new("Client", id))?;
        let tx = self.database.begin().await?;
        let client = store::clients::find_client(&tx, id).await?.ok_or(Error::ClientNotFound)?;
        self.end_sessions_of_client(&tx, id).await?;
        store::grants::delete_consents_of_client(&tx, &id.to_string()).await?;
        store::clients::delete_client(&tx, id).await?;
        tx.publish(on_record(actor, "oauth-clients:remove", &client)).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn end_sessions_of_client(&self, tx: &database::Tx, id: ClientId) -> Result<()> {
        let now = self.clock.now();
        let sessions = store::list_live_sessions_of_client(tx, &id.to_string(), None, now).await?;
        for session in &sessions {
            super::end_one(tx, session, now).await?;
        }
        Ok(())
    }

    /// The client that sends a request, if it has proved who it is in the way it is registered with.
    ///
    /// `endpoint` is what an assertion may be made for, beside the issuer.
    pub(crate) async fn authenticate_client(
        &self,
        proof: &ClientProof,
        endpoint: &str,
    ) -> Result<Client> {
        let id = ClientId::parse(&proof.client_id).ok_or(Error::InvalidClient)?;
        let (question, now) = (question_of(proof), self.moment());
        let known = question.as_deref().and_then(|it| self.recently_proved.get(it, now));
        if let Some(client) = known {
            return Ok(client);
        }
        let found = store::clients::find_client(self.database.read(), id).await?;
        let client = found.filter(|client| client.metadata.is_active);
        let client = client.ok_or(Error::InvalidClient)?;
        let is_proved = match (client.metadata.authentication, &proof.secret, &proof.assertion) {
            (Authentication::None, None, None) => true,
            (method, Some(secret), None) if method.has_secret() => {
                let (db, now) = (self.database.read(), self.clock.now());
                store::clients::has_secret(db, id, &secret::digest(secret), now).await?
            }
            (Authentication::PrivateKeyJwt, None, Some(assertion)) => {
                self.check_assertion(&client, assertion, endpoint).await?
            }
            _ => false,
        };
        if is_proved {
            if let Some(question) = question {
                self.recently_proved.put(question, now, client.clone());
            }
            return Ok(client);
        }
        let by = Party::client(id, &client.metadata.name).from_origin(&proof.origin);
        let reason = "the client did not prove who it is";
        let record = AuditRecorded::failed(by, "oauth-clients:authenticate", reason);
        self.ctx.trail.note(record.on("Client", id));
        Err(Error::InvalidClient)
    }

    async fn check_assertion(
        &self,
        client: &Client,
        assertion: &str,
        endpoint: &str,
    ) -> Result<bool> {
        let audiences = [self.ctx.public_url.as_str(), endpoint];
        let Some(claims) = read_assertion(client, assertion, &audiences) else { return Ok(false) };
        let now = self.clock.now();
        let id = client.id.to_string();
        let Ok(expires_at) = Timestamp::from_second(claims.exp) else { return Ok(false) };
        let is_alive = expires_at + CLOCKS_APART_MAX > now;
        let is_short = expires_at < now + ASSERTION_LIFETIME_MAX;
        if claims.iss != id || claims.sub != id || !is_alive || !is_short {
            return Ok(false);
        }
        let digest = secret::digest(&format!("{id} {}", claims.jti));
        let tx = self.database.begin().await?;
        let is_first =
            store::grants::use_assertion(&tx, &digest, expires_at + CLOCKS_APART_MAX).await?;
        tx.commit().await?;
        Ok(is_first)
    }
}

/// What is asked about a client that shows a secret and nothing else: whether it is that client's.
fn question_of(proof: &ClientProof) -> Option<String> {
    let shown = proof.secret.as_ref().filter(|_| proof.assertion.is_none())?;
    Some(format!("{} {}", proof.client_id, secret::digest(shown)))
}

fn read_assertion(client: &Client, assertion: &str, audiences: &[&str]) -> Option<Assertion> {
    let header = jsonwebtoken::decode_header(assertion).ok()?;
    if !ASSERTION_ALGORITHMS.contains(&header.alg) {
        return None;
    }
    let keys: JwkSet = serde_json::from_str(client.metadata.key_set.as_deref()?).ok()?;
    let mut validation = Validation::new(header.alg);
    validation.set_audience(audiences);
    // Checked against our own clock.
    validation.validate_exp = false;
    let fits = |key: &&jsonwebtoken::jwk::Jwk| {
        header.kid.is_none() || key.common.key_id.is_none() || key.common.key_id == header.kid
    };
    keys.keys.iter().filter(fits).find_map(|key| {
        let key = DecodingKey::from_jwk(key).ok()?;
        let decoded = jsonwebtoken::decode::<Assertion>(assertion, &key, &validation);
        decoded.ok().map(|data| data.claims)
    })
}

/// Nobody gives a program what they do not have themselves.
fn check(actor: &Actor, metadata: Metadata, reach: LogoutReach) -> Result<Metadata> {
    let mut errors = FieldErrors::new();
    let known: HashSet<&str> = PERMISSIONS.iter().map(|(name, _)| *name).collect();
    for text in &metadata.permissions {
        let field = "backline_permissions";
        match text.parse::<Permission>() {
            Ok(permission) if !known.contains(permission.name.as_str()) => {
                errors.add(field, format!("there is no permission `{text}`"));
            }
            Ok(permission) => {
                let customer = metadata.customer_id.map(Uuid::from);
                if !actor.holdings().contain(&permission, customer) {
                    errors.add(field, format!("you do not hold `{text}` yourself"));
                }
            }
            Err(error) => errors.add(field, error),
        }
    }
    if metadata.key_set.as_deref().is_some_and(|text| serde_json::from_str::<JwkSet>(text).is_err())
    {
        errors.add("jwks", "is not a set of keys (RFC 7517)");
    }
    errors.finish(Some(())).map_err(Error::InvalidMetadata)?;
    metadata.check(reach).map_err(Error::InvalidMetadata)
}

fn on_record(actor: &Actor, action: &str, client: &Client) -> AuditRecorded {
    AuditRecorded::done(actor, action)
        .on("Client", client.id)
        .customer(client.metadata.customer_id)
        .detail("name", client.metadata.name.as_str())
        .detail("permissions", client.metadata.permissions.iter().cloned().collect::<Vec<_>>())
        .detail("isActive", client.metadata.is_active)
}

/// Whose token it is, as far as its client goes.
pub(crate) fn is_of(client: &Client, claims: &Claims) -> bool {
    claims.client_id == client.id.to_string()
}
