//! What users have allowed clients: to be seen, and to be withdrawn.

use contracts::audit::AuditRecorded;
use policies::{Actor, Resource};

use super::signed_in;
use crate::Tokens;
use crate::domain::authorization::Consent;
use crate::error::{Error, Result};
use crate::store;

/// Consents shown to their user; nobody has more.
const CONSENTS_SHOWN_MAX: u64 = 200;

impl Tokens {
    /// What the actor has allowed, the latest first.
    pub async fn list_own_consents(&self, actor: &Actor) -> Result<Vec<Consent>> {
        let (user_id, _) = signed_in(actor)?;
        self.require(actor, "consents:manage", &Resource::any("Consent").owner(user_id))?;
        store::grants::list_consents(self.database.read(), user_id, CONSENTS_SHOWN_MAX).await
    }

    /// Withdraws what the actor has allowed a client; the tokens that the client has for the actor are dead.
    pub async fn withdraw_consent(&self, actor: &Actor, client_id: &str) -> Result<()> {
        let (user_id, _) = signed_in(actor)?;
        let resource = Resource::new("Consent", client_id).owner(user_id);
        self.require(actor, "consents:manage", &resource)?;
        let now = self.clock.now();
        let tx = self.database.begin().await?;
        if !store::grants::delete_consent(&tx, user_id, client_id).await? {
            return Err(Error::ConsentNotFound);
        }
        let sessions =
            store::list_live_sessions_of_client(&tx, client_id, Some(user_id), now).await?;
        for session in &sessions {
            super::end_one(&tx, session, now).await?;
        }
        tx.publish(AuditRecorded::done(actor, "consents:withdraw").on("Client", client_id)).await?;
        tx.commit().await?;
        Ok(())
    }
}
