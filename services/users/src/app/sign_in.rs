//! Whether somebody is who they say.

use contracts::audit::{AuditRecorded, Party};
use contracts::ids::UserId;
use jiff::Timestamp;
use policies::{Actor, Origin, Resource};
use stdx::secret;

use super::guard::Attempt;
use crate::Users;
use crate::domain::{Email, Proof, User, counted_address};
use crate::error::{Error, Result};
use crate::store::{self, Credentials};

/// What somebody says who signs in, and where from.
pub struct SignIn {
    pub email: String,
    pub password: String,
    /// Empty when the person has not been asked for it.
    pub second_factor: String,
    /// As the gateway knows it.
    pub client_address: String,
}

/// Somebody who is who they say.
pub struct SignedIn {
    pub user: User,
    pub proof: Proof,
}

impl Users {
    /// The account to which an e-mail address and a password belong, and a second factor where it has one.
    ///
    /// An unknown address, a wrong password and a disabled account cost the same work, give the same answer and
    /// are counted alike: nobody learns from outside who has an account. That an account has a second factor is
    /// told only to who knows the password.
    pub async fn authenticate(&self, actor: &Actor, sign_in: SignIn) -> Result<SignedIn> {
        self.require(actor, "users:authenticate", &Resource::any("Account"))?;
        let outcome = self.check(&sign_in).await;
        if let Err(error) = &outcome {
            self.note_failure(&sign_in, error);
        }
        outcome
    }

    async fn check(&self, sign_in: &SignIn) -> Result<SignedIn> {
        let SignIn { email, password, second_factor, client_address } = sign_in;
        let address = counted_address(client_address);
        let attempt = self.admit(email, &address).await?;
        let known = self.find_credentials(email).await?;
        let stored = known.as_ref().map(|credentials| credentials.password_hash.as_str());
        let verdict = self.passwords.verify(password, stored).await?;
        let Some(credentials) = known.filter(|known| known.is_active && verdict.is_right) else {
            attempt.failed(self.clock.now());
            return Err(Error::BadCredentials);
        };
        let id = credentials.user_id;
        // Who only knows the password has not shown that the account is theirs: wrong ones are not made good, and
        // the address is not the owner's.
        let by = Party::user(id, email).from_origin(&origin(client_address));
        let has_second_factor = self.require_second_factor(id, &by, second_factor).await?;
        let is_first = attempt.succeeded();
        if verdict.is_outdated {
            self.renew_hash(&credentials, password).await;
        }
        if is_first {
            self.note_address(id, &address).await;
        }
        let user = store::find_user(self.database.read(), id).await?;
        let proof = if has_second_factor { Proof::PasswordAndCode } else { Proof::Password };
        Ok(SignedIn { user: user.ok_or(Error::BadCredentials)?, proof })
    }

    /// Puts a try in vain on record, with the account that was meant and where it came from. It is the same work
    /// whether there is such an account or not. What is no address may be a password in the wrong field: left out.
    fn note_failure(&self, sign_in: &SignIn, error: &Error) {
        let reason = match error {
            Error::BadCredentials => "wrong e-mail address or password, or the account is disabled",
            Error::BadSecondFactor => "wrong second factor",
            Error::TooManyAttempts { .. } => "too many tries before",
            _ => return,
        };
        let meant = Email::parse(&sign_in.email);
        let meant = meant.as_ref().map_or("*", Email::as_str);
        self.note_failed_sign_in(meant, &sign_in.client_address, reason);
    }

    /// Puts a try in vain on record.
    pub(super) fn note_failed_sign_in(&self, meant: &str, client_address: &str, reason: &str) {
        let by = Party::ANONYMOUS.from_origin(&origin(client_address));
        let record = AuditRecorded::failed(by, "sessions:create", reason);
        self.ctx.trail.note(record.on("Account", meant));
    }

    /// Counts a try to sign in, before anything is looked up.
    async fn admit(&self, email: &str, address: &str) -> Result<Attempt> {
        let now = self.clock.now();
        let parsed = Email::parse(email).ok();
        let account = parsed.as_ref().map_or(email, Email::as_str);
        let is_known = match &parsed {
            Some(email) if self.guard.is_spread(account, now) => {
                let digest = secret::digest(address);
                store::is_known_address(self.database.read(), email, &digest).await?
            }
            _ => false,
        };
        self.guard.admit(account, address, is_known, now)
    }

    /// Remembers where the owner signs in from. If that fails, next time.
    pub(super) async fn note_address(&self, id: UserId, address: &str) {
        let now: Timestamp = self.clock.now();
        let note = async || -> Result<()> {
            let tx = self.database.begin().await?;
            let digest = secret::digest(address);
            store::note_address(&tx, id, &digest, now).await?;
            Ok(tx.commit().await?)
        };
        if let Err(error) = note().await {
            tracing::warn!(user_id = %id, %error, "an address was not remembered");
        }
    }

    async fn find_credentials(&self, email: &str) -> Result<Option<Credentials>> {
        match Email::parse(email) {
            Ok(email) => store::find_credentials(self.database.read(), &email).await,
            Err(_) => Ok(None),
        }
    }

    /// Brings a hash from former times up to what a new one takes to guess. If that fails, next time.
    async fn renew_hash(&self, credentials: &Credentials, password: &str) {
        let renew = async || -> Result<()> {
            let hash = self.passwords.hash_again(password).await?;
            let tx = self.database.begin().await?;
            store::replace_password_hash(&tx, credentials, &hash).await?;
            Ok(tx.commit().await?)
        };
        if let Err(error) = renew().await {
            tracing::warn!(user_id = %credentials.user_id, %error, "an old password hash was not renewed");
        }
    }
}

/// Where somebody signs in from, as the gateway told `tokens`.
pub(super) fn origin(client_address: &str) -> Origin {
    Origin { address: client_address.parse().ok(), agent: None }
}
