//! Links that sign in: sent to the account's address, good once and for minutes.

use contracts::audit::Party;
use contracts::ids::UserId;
use policies::{Actor, Resource};
use stdx::secret;

use super::letters::BATCH;
use super::on_record;
use super::sign_in::{SignedIn, origin};
use crate::Users;
use crate::domain::{Email, LetterKind, Link, Proof, Purpose, User, counted_address};
use crate::error::{Error, Result};
use crate::store;

impl Users {
    /// Has a link to sign in with sent to an address, if it has an account.
    ///
    /// Only writes down that somebody asked, as [`Users::forgot_password`] does and for the same reason.
    pub async fn ask_for_sign_in_link(&self, actor: &Actor, email: &Email) -> Result<()> {
        self.require(actor, "users:use-link", &Resource::any("Account"))?;
        let now = self.clock.now();
        let tx = self.database.begin().await?;
        if store::claim_letter(&tx, email, LetterKind::SignIn, now).await? {
            store::insert_sign_in_request(&tx, email, now).await?;
        }
        self.commit_with_letters(tx).await
    }

    /// Answers those who asked for a link to sign in: a letter if there is such an account, nothing if not.
    pub async fn answer_sign_in_requests(&self) -> Result<()> {
        for email in store::sign_in_requests(self.database.read(), BATCH).await? {
            let tx = self.database.begin().await?;
            if !store::take_sign_in_request(&tx, &email).await? {
                continue;
            }
            let known = store::find_credentials(&tx, &email).await?;
            if let Some(known) = known.filter(|known| known.is_active) {
                let link = Link::new(known.user_id, Purpose::SignIn, email, self.clock.now());
                self.send_link(&tx, &link).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// Spends a link: the account it was sent to, and a second factor where it has one. Asking for the second factor,
    /// and a wrong one, do not use the link up. Whoever has it reads what arrives at the address, so that is
    /// confirmed as well.
    pub async fn authenticate_link(
        &self,
        actor: &Actor,
        token: &str,
        second_factor: &str,
        client_address: &str,
    ) -> Result<SignedIn> {
        self.require(actor, "users:authenticate", &Resource::any("Account"))?;
        let digest = secret::digest(token);
        let (id, email) = self.find_sign_in_link(&digest).await?;
        let by = Party::user(id, email.as_str()).from_origin(&origin(client_address));
        let has_second_factor = self.require_second_factor(id, &by, second_factor).await;
        if let Err(Error::BadSecondFactor) = has_second_factor {
            let reason = "a good link, and a wrong second factor";
            self.note_failed_sign_in(email.as_str(), client_address, reason);
        }
        let has_second_factor = has_second_factor?;
        let user = self.spend_sign_in_link(&by, id, &digest).await?;
        self.note_address(user.id, &counted_address(client_address)).await;
        let proof = if has_second_factor { Proof::EmailLinkAndCode } else { Proof::EmailLink };
        Ok(SignedIn { user, proof })
    }

    async fn find_sign_in_link(&self, digest: &str) -> Result<(UserId, Email)> {
        let (db, now) = (self.database.read(), self.clock.now());
        let link = store::find_link(db, Purpose::SignIn, digest, now).await?;
        let link = link.ok_or(Error::SignInLinkNotValid)?;
        let user = store::find_user(db, link.user_id).await?;
        let user = user.filter(|user| opens(&link.email, user));
        user.map(|user| (user.id, user.email)).ok_or(Error::SignInLinkNotValid)
    }

    async fn spend_sign_in_link(&self, by: &Party, id: UserId, digest: &str) -> Result<User> {
        let now = self.clock.now();
        let tx = self.database.begin().await?;
        let user = store::lock_user(&tx, id).await?.ok_or(Error::SignInLinkNotValid)?;
        // Read once more under the lock: the account may have been disabled, or moved to another address.
        let link = store::find_link(&tx, Purpose::SignIn, digest, now).await?;
        let is_good = link.is_some_and(|link| opens(&link.email, &user));
        if !is_good || !store::spend_link(&tx, Purpose::SignIn, digest, now).await? {
            return Err(Error::SignInLinkNotValid);
        }
        if user.email_verified_at.is_none() {
            tx.publish(on_record(by, "users:verify-email", &user)).await?;
        }
        let user = self.confirm_address(&tx, user).await?;
        tx.commit().await?;
        Ok(user)
    }
}

fn opens(sent_to: &Email, user: &User) -> bool {
    user.is_active && user.email == *sent_to
}
