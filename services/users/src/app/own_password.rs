//! The own password: changed by who knows it, or by who reads what arrives at the account's address.

use contracts::audit::AuditRecorded;
use contracts::ids::SessionId;
use contracts::messages::UserPasswordChanged;
use database::Tx;
use policies::{Actor, Principal, Resource};
use service_kit::FieldErrors;
use stdx::secret;

use super::{lock_user, on_record, owner, user_updated};
use crate::Users;
use crate::domain::{Email, LetterKind, Password, Purpose, User, letters};
use crate::error::{Error, Result};
use crate::store::{self, Credentials};

/// What tries from inside a session are counted under: they make nobody wait who signs in.
const OWN_SESSION: &str = "own session";

impl Users {
    /// Changes the own password. Every other session of the account ends.
    pub async fn change_password(&self, actor: &Actor, present: &str, new: &str) -> Result<()> {
        let user = self.own_account(actor).await?;
        let new = parse_new(new, &user.email)?;
        let credentials = self.require_password(actor, &user, "currentPassword", present).await?;
        let hash = self.passwords.hash(new).await?;
        let now = self.clock.now();

        let tx = self.database.begin().await?;
        let user = lock_user(&tx, user.id).await?;
        let known = Some(credentials.password_hash.as_str());
        if !store::update_password(&tx, user.id, known, &hash, now).await? {
            return Err(wrong("currentPassword"));
        }
        tx.publish(on_record(actor, "users:change-password", &user)).await?;
        self.announce_password(&tx, &user, session_of(actor)).await?;
        self.commit_with_letters(tx).await
    }

    /// Has a link for a new password sent to an address, if it has an account.
    ///
    /// Only writes down that somebody asked; whether there is an account is looked up later, by nobody who is
    /// waiting. So answer and work are the same for every address.
    pub async fn forgot_password(&self, actor: &Actor, email: &Email) -> Result<()> {
        self.require(actor, "users:use-link", &Resource::any("Account"))?;
        let now = self.clock.now();
        let tx = self.database.begin().await?;
        if store::claim_letter(&tx, email, LetterKind::Link, now).await? {
            store::insert_reset_request(&tx, email, now).await?;
        }
        self.commit_with_letters(tx).await
    }

    /// Spends a link: the account has a new password, and all its sessions end. Whoever has the link reads what
    /// arrives at the address, so that is confirmed as well.
    pub async fn reset_password(&self, actor: &Actor, token: &str, new: &str) -> Result<()> {
        self.require(actor, "users:use-link", &Resource::any("Account"))?;
        let (digest, now) = (secret::digest(token), self.clock.now());
        let purpose = Purpose::ResetPassword;
        let link = store::find_link(self.database.read(), purpose, &digest, now).await?;
        let link = link.ok_or(Error::LinkNotValid)?;
        // A password that will not do does not spend the link.
        let new = parse_new(new, &link.email)?;
        let hash = self.passwords.hash(new).await?;

        let tx = self.database.begin().await?;
        let user = store::lock_user(&tx, link.user_id).await?.ok_or(Error::LinkNotValid)?;
        let is_spent = store::spend_link(&tx, purpose, &digest, now).await?;
        if !is_spent || user.email != link.email {
            return Err(Error::LinkNotValid);
        }
        store::update_password(&tx, user.id, None, &hash, now).await?;
        let user = self.confirm_address(&tx, user).await?;
        tx.publish(on_record(owner(actor, &user), "users:reset-password", &user)).await?;
        self.announce_password(&tx, &user, None).await?;
        self.commit_with_letters(tx).await
    }

    /// Notes that the account's owner has shown that the address is theirs.
    pub(super) async fn confirm_address(&self, tx: &Tx, user: User) -> Result<User> {
        if user.email_verified_at.is_some() {
            return Ok(user);
        }
        let email = user.email.clone();
        let user = user.with_verified_email(email, self.clock.now());
        store::update_user(tx, &user).await?;
        tx.publish(user_updated(&user)).await?;
        Ok(user)
    }

    /// Tells the other services and the account's owner, and makes links and challenges from before dead.
    async fn announce_password(
        &self,
        tx: &Tx,
        user: &User,
        keep_session_id: Option<SessionId>,
    ) -> Result<()> {
        store::delete_stale_links(tx, user.id, &user.email).await?;
        store::delete_ceremony_of(tx, user.id).await?;
        tx.publish(UserPasswordChanged { user_id: user.id, keep_session_id }).await?;
        self.notify(tx, &user.email, letters::password_changed(&self.ctx.public_url)).await
    }

    /// Whether the actor knows the password of the own account; tries are counted as at sign-in, so that a stolen
    /// session is no place to guess it.
    pub(super) async fn require_password(
        &self,
        actor: &Actor,
        user: &User,
        field: &str,
        password: &str,
    ) -> Result<Credentials> {
        let credentials = store::find_credentials_of(self.database.read(), user.id).await?;
        let credentials = credentials.ok_or(Error::NotFound(user.id))?;
        let attempt = self.guard.admit(user.email.as_str(), OWN_SESSION, true, self.clock.now())?;
        let verdict = self.passwords.verify(password, Some(&credentials.password_hash)).await?;
        if !verdict.is_right {
            attempt.failed(self.clock.now());
            let record = AuditRecorded::failed(actor, "users:secure", "wrong password");
            self.ctx.trail.note(record.on("Account", user.id));
            return Err(wrong(field));
        }
        attempt.succeeded();
        Ok(credentials)
    }
}

fn parse_new(password: &str, email: &Email) -> Result<Password> {
    let parsed = Password::parse(password, email);
    Ok(parsed.map_err(|message| FieldErrors::one("newPassword", message))?)
}

fn wrong(field: &str) -> Error {
    FieldErrors::one(field, "is not the password of this account").into()
}

fn session_of(actor: &Actor) -> Option<SessionId> {
    match actor.principal() {
        Principal::User { session, .. } => Some(SessionId(*session)),
        _ => None,
    }
}
