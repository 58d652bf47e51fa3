//! The second factor: codes of an authenticator, and recovery codes for when it is lost.

use std::sync::Arc;

use contracts::audit::{AuditRecorded, Party};
use contracts::ids::UserId;
use database::Tx;
use jiff::Timestamp;
use policies::Actor;
use service_kit::FieldErrors;
use stdx::secret;

use super::{lock_user, on_record};
use crate::Users;
use crate::domain::{
    RECOVERY_CODES, SECRET_BYTES, SecondFactor, Totp, TotpSecret, WrongTries, letters,
    recovery_code,
};
use crate::error::{Error, Result};
use crate::store;

/// What an authenticator is set up with.
pub struct NewTotp {
    pub secret: String,
    pub uri: String,
}

/// How safe an account is.
pub struct Security {
    pub is_email_verified: bool,
    pub has_totp: bool,
    pub recovery_codes_left: u64,
    pub password_changed_at: Timestamp,
    /// Where passkeys can be used and added; nowhere when the installation's address cannot have any.
    pub passkey_origin: Option<String>,
}

impl Users {
    /// How safe the own account is.
    pub async fn find_security(&self, actor: &Actor) -> Result<Security> {
        let user = self.own_account(actor).await?;
        let db = self.database.read();
        let totp = store::find_totp(db, self.database.sealer(), user.id).await?;
        let changed_at = store::find_password_changed_at(db, user.id).await?;
        Ok(Security {
            is_email_verified: user.email_verified_at.is_some(),
            has_totp: totp.is_some_and(|totp| totp.is_confirmed),
            recovery_codes_left: store::count_recovery_codes(db, user.id).await?,
            password_changed_at: changed_at.unwrap_or(user.created_at),
            passkey_origin: self.webauthn.as_ref().map(|webauthn| webauthn.origin.clone()),
        })
    }

    /// Makes the secret for an authenticator. It counts when a first code has been right.
    pub async fn start_totp(&self, actor: &Actor, password: &str) -> Result<NewTotp> {
        let user = self.own_account(actor).await?;
        self.require_password(actor, &user, "password", password).await?;
        let secret = TotpSecret::new(&secret::random_bytes::<SECRET_BYTES>());
        let (tx, sealer) = (self.database.begin().await?, self.database.sealer());
        let user = lock_user(&tx, user.id).await?;
        if store::lock_totp(&tx, sealer, user.id).await?.is_some_and(|totp| totp.is_confirmed) {
            return Err(Error::TotpActive);
        }
        store::replace_totp(&tx, sealer, user.id, &secret).await?;
        tx.commit().await?;
        Ok(NewTotp { secret: secret.to_base32(), uri: secret.uri(&user.email) })
    }

    /// Makes the authenticator count: signing in takes a code from now on. The recovery codes are shown this once.
    pub async fn confirm_totp(&self, actor: &Actor, code: &str) -> Result<Vec<String>> {
        let user = self.own_account(actor).await?;
        let now = self.clock.now();
        let tx = self.database.begin().await?;
        let user = lock_user(&tx, user.id).await?;
        let totp = store::lock_totp(&tx, self.database.sealer(), user.id).await?;
        let totp = totp.ok_or(Error::TotpNotStarted)?;
        if totp.is_confirmed {
            return Err(Error::TotpActive);
        }
        if !try_second_factor(&tx, user.id, &totp, code, now).await? {
            // The wrong try stays on record.
            tx.commit().await?;
            return Err(FieldErrors::one("code", "is not the code that is shown now").into());
        }
        store::confirm_totp(&tx, user.id, now).await?;
        let codes: Vec<String> =
            (0..RECOVERY_CODES).map(|_| recovery_code(&secret::random_bytes())).collect();
        let digests: Vec<String> =
            codes.iter().map(|code| recovery_digest(user.id, code)).collect();
        store::replace_recovery_codes(&tx, user.id, &digests).await?;
        let record = on_record(actor, "users:start-totp", &user);
        tx.publish(record.detail("recoveryCodes", codes.len())).await?;
        self.notify(&tx, &user.email, letters::totp_started(&self.ctx.public_url)).await?;
        self.commit_with_letters(tx).await?;
        Ok(codes)
    }

    /// Takes the second factor away. Taking away what is not there changes nothing.
    pub async fn stop_totp(&self, actor: &Actor, password: &str) -> Result<()> {
        let user = self.own_account(actor).await?;
        self.require_password(actor, &user, "password", password).await?;
        let tx = self.database.begin().await?;
        let user = lock_user(&tx, user.id).await?;
        if store::delete_totp(&tx, user.id).await? {
            tx.publish(on_record(actor, "users:stop-totp", &user)).await?;
            self.notify(&tx, &user.email, letters::totp_stopped(&self.ctx.public_url)).await?;
        }
        self.commit_with_letters(tx).await
    }

    /// Whether who signs in has given the second factor of the account; `false` if it has none.
    /// `by` is on record when it was a recovery code, of which there are few.
    pub(super) async fn require_second_factor(
        &self,
        id: UserId,
        by: &Party,
        given: &str,
    ) -> Result<bool> {
        let counts = |totp: &Totp| totp.is_confirmed;
        let sealer = self.database.sealer();
        let totp = store::find_totp(self.database.read(), sealer, id).await?;
        if totp.filter(counts).is_none() {
            return Ok(false);
        }
        if given.is_empty() {
            return Err(Error::SecondFactorRequired);
        }
        let tx = self.database.begin().await?;
        let totp = store::lock_totp(&tx, sealer, id).await?.filter(counts);
        // Taken away at this moment.
        let Some(totp) = totp else { return Ok(false) };
        let is_right = try_second_factor(&tx, id, &totp, given, self.clock.now()).await?;
        if is_right && matches!(SecondFactor::parse(given), Some(SecondFactor::Recovery(_))) {
            let record = AuditRecorded::done(by, "users:use-recovery-code");
            tx.publish(record.on("Account", id)).await?;
        }
        tx.commit().await?;
        if is_right { Ok(true) } else { Err(Error::BadSecondFactor) }
    }
}

/// Sees to it that every secret is sealed with the present master key, or by none if there is none any more.
pub async fn seal_secrets(users: Arc<Users>) -> Result<()> {
    loop {
        let tx = users.database.begin().await?;
        if !store::seal_some(&tx, users.database.sealer()).await? {
            return Ok(());
        }
        tx.commit().await?;
    }
}

/// Uses up what was given, if it is right; writes the try down, if it is wrong. The authenticator is locked, so
/// tries come one after the other and each sees those before it.
async fn try_second_factor(
    tx: &Tx,
    id: UserId,
    totp: &Totp,
    given: &str,
    now: Timestamp,
) -> Result<bool> {
    if let Some(wait) = totp.wrong.wait(now) {
        return Err(Error::too_many_attempts(wait));
    }
    let is_right = match SecondFactor::parse(given) {
        Some(SecondFactor::Code(code)) => match totp.secret.step_of(&code, now) {
            Some(step) => store::use_step(tx, id, step).await?,
            None => false,
        },
        Some(SecondFactor::Recovery(code)) => {
            store::use_recovery_code(tx, id, &recovery_digest(id, &code)).await?
        }
        None => false,
    };
    let wrong = if is_right { WrongTries::NONE } else { totp.wrong.and_another(now) };
    store::update_wrong_tries(tx, id, wrong).await?;
    Ok(is_right)
}

/// Of the letters and digits only; with the account, so that equal codes of two accounts do not look equal.
fn recovery_digest(id: UserId, code: &str) -> String {
    secret::digest(&format!("{id} {}", code.replace('-', "")))
}
