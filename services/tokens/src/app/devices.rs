//! Signing in on a device that has no browser (RFC 8628).

use policies::{Actor, Resource};
use stdx::secret;

use super::grants::{Asked, GrantRequest, Granted};
use crate::Tokens;
use crate::app::clients::ClientProof;
use crate::domain::authorization::Parameters;
use crate::domain::client::{Client, ClientId, GrantType, parse_scopes};
use crate::domain::device::{
    self, DEVICE_CODE_LIFETIME, DeviceCode, DeviceState, POLL_INTERVAL_SECONDS,
};
use crate::error::{Error, Result};
use crate::store;

impl Tokens {
    /// Gives a device its two codes: the one it keeps, and the one it shows.
    pub async fn begin_device(
        &self,
        actor: &Actor,
        proof: &ClientProof,
        parameters: &Parameters,
    ) -> Result<(String, DeviceCode)> {
        self.require(actor, "tokens:grant", &Resource::any("Client"))?;
        let endpoint = format!("{}/oauth/device_authorization", self.ctx.public_url);
        let client = self.authenticate_client(proof, &endpoint).await?;
        if !client.metadata.has(GrantType::DeviceCode) {
            return Err(Error::UnauthorizedClient("the client may not use the device grant"));
        }
        let wanted = parse_scopes(parameters.get("scope").unwrap_or_default());
        let kept = secret::random_token();
        let code = DeviceCode {
            digest: secret::digest(&kept),
            user_code: device::user_code(u64::from_le_bytes(secret::random_bytes())),
            client_id: client.id.to_string(),
            scopes: wanted.intersection(&client.metadata.scopes).copied().collect(),
            state: DeviceState::Waiting,
            session_id: None,
            polled_at: jiff::Timestamp::UNIX_EPOCH,
            interval_seconds: POLL_INTERVAL_SECONDS,
            expires_at: self.clock.now() + DEVICE_CODE_LIFETIME,
        };
        let tx = self.database.begin().await?;
        store::grants::insert_device_code(&tx, &code).await?;
        tx.commit().await?;
        Ok((kept, code))
    }

    /// The device that shows a code, and its client; `None` when no device does.
    pub async fn find_device(
        &self,
        actor: &Actor,
        user_code: &str,
    ) -> Result<Option<(DeviceCode, Client)>> {
        self.require(actor, "authorizations:request", &Resource::any("Client"))?;
        let Some(user_code) = device::parse_user_code(user_code) else { return Ok(None) };
        let (db, now) = (self.database.read(), self.clock.now());
        let found = store::grants::find_waiting_device_code(db, &user_code, now).await?;
        let Some(code) = found else { return Ok(None) };
        let Some(id) = ClientId::parse(&code.client_id) else { return Ok(None) };
        let client = store::clients::find_client(db, id).await?;
        let client = client.filter(|client| client.metadata.is_active);
        Ok(client.map(|client| (code, client)))
    }

    /// The signed-in user lets the device in, or does not. `false` when it has been answered meanwhile.
    pub async fn answer_device(
        &self,
        actor: &Actor,
        user_code: &str,
        browser_cookie: Option<&str>,
        is_allowed: bool,
    ) -> Result<bool> {
        let found = self.find_device(actor, user_code).await?;
        let session = self.find_browser_session(browser_cookie).await?.ok_or(Error::NotSignedIn)?;
        let Some((code, client)) = found else { return Ok(false) };
        let to = if is_allowed { DeviceState::Allowed } else { DeviceState::Denied };
        let change = (DeviceState::Waiting, to);
        let tx = self.database.begin().await?;
        let is_first =
            store::grants::change_device_state(&tx, &code.digest, change, Some(session.id)).await?;
        tx.commit().await?;
        if is_first && is_allowed {
            self.remember_consent(actor, &session, &client, &code.scopes).await?;
        }
        Ok(is_first)
    }

    /// A device asks whether its user has decided.
    pub(crate) async fn exchange_device_code(&self, request: GrantRequest<'_>) -> Result<Granted> {
        let GrantRequest { client, parameters, .. } = request;
        let kept = parameters.get("device_code");
        let kept = kept.ok_or(Error::InvalidRequest("`device_code` is missing"))?;
        let now = self.clock.now();
        let tx = self.database.begin().await?;
        let found = store::grants::find_device_code(&tx, &secret::digest(kept)).await?;
        let code = found.filter(|code| code.client_id == client.id.to_string());
        let code = code.ok_or(Error::InvalidGrant("the device code is not known"))?;
        if code.expires_at <= now {
            return Err(Error::ExpiredToken);
        }
        match code.state {
            DeviceState::Waiting => {
                let (interval, is_too_soon) = code.poll(now);
                store::grants::note_poll(&tx, &code.digest, interval, now).await?;
                tx.commit().await?;
                Err(if is_too_soon { Error::SlowDown } else { Error::AuthorizationPending })
            }
            DeviceState::Denied => Err(Error::AccessDenied),
            DeviceState::Spent => Err(Error::InvalidGrant("the device code has been used")),
            DeviceState::Allowed => self.grant_device(tx, request, code).await,
        }
    }

    async fn grant_device(
        &self,
        tx: database::Tx,
        request: GrantRequest<'_>,
        code: DeviceCode,
    ) -> Result<Granted> {
        let now = self.clock.now();
        let change = (DeviceState::Allowed, DeviceState::Spent);
        let used = Error::InvalidGrant("the device code has been used");
        let spent =
            store::grants::change_device_state(&tx, &code.digest, change, code.session_id).await?;
        let session_id = code.session_id.filter(|_| spent).ok_or(used)?;
        let browser = store::find_live_session(&tx, session_id, now).await?;
        let browser = browser.ok_or(Error::AccessDenied)?;
        let id = contracts::ids::SessionId::new();
        let session = browser.grant(id, &code.client_id, code.scopes, now);
        self.begin_grant(tx, request, session, Asked::default()).await
    }
}
