//! E-mail addresses: shown to be one's own, and changed.

use policies::{Actor, Resource};
use stdx::secret;

use super::{lock_user, on_record, owner, user_updated};
use crate::Users;
use crate::domain::{Email, Purpose, letters};
use crate::error::{Error, Result};
use crate::store;

impl Users {
    /// Spends a link: the address it was sent to belongs to the account, and becomes its address if it is another.
    pub async fn verify_email(&self, actor: &Actor, token: &str) -> Result<()> {
        self.require(actor, "users:use-link", &Resource::any("Account"))?;
        let (digest, now) = (secret::digest(token), self.clock.now());
        let purpose = Purpose::VerifyEmail;
        let link = store::find_link(self.database.read(), purpose, &digest, now).await?;
        let link = link.ok_or(Error::LinkNotValid)?;

        let tx = self.database.begin().await?;
        let user = store::lock_user(&tx, link.user_id).await?.ok_or(Error::LinkNotValid)?;
        if !store::spend_link(&tx, purpose, &digest, now).await? {
            return Err(Error::LinkNotValid);
        }
        let was = user.email.to_string();
        let user = user.with_verified_email(link.email, now);
        store::update_user(&tx, &user).await?;
        // A link for a new password that went to the old address opens nothing any more.
        store::delete_stale_links(&tx, user.id, &user.email).await?;
        tx.publish(user_updated(&user)).await?;
        let record = on_record(owner(actor, &user), "users:verify-email", &user);
        tx.publish(if was == user.email.as_str() { record } else { record.detail("was", was) })
            .await?;
        Ok(tx.commit().await?)
    }

    /// Begins to change the own address: it counts as soon as the link that is sent there is opened. With the
    /// present address the link is sent once more, as long as it is not confirmed.
    ///
    /// That somebody else has the new address is told to who reads what arrives there, and to nobody here.
    pub async fn change_email(&self, actor: &Actor, password: &str, new: &Email) -> Result<()> {
        let user = self.own_account(actor).await?;
        self.require_password(actor, &user, "password", password).await?;
        if user.email == *new && user.email_verified_at.is_some() {
            return Ok(());
        }
        let tx = self.database.begin().await?;
        let user = lock_user(&tx, user.id).await?;
        self.ask_to_verify(&tx, user.id, new).await?;
        let record = on_record(actor, "users:change-email", &user);
        tx.publish(record.detail("asksFor", new.as_str())).await?;
        if user.email != *new {
            let notice = letters::email_changing(&self.ctx.public_url, new);
            self.notify(&tx, &user.email, notice).await?;
        }
        self.commit_with_letters(tx).await
    }
}
