//! Letters: written in the transaction of the change they tell of, sent after it.

use contracts::ids::UserId;
use database::Tx;
use jiff::{SignedDuration, Timestamp};
use mail::{Letter, SendError};
use stdx::secret;
use tokio_util::sync::CancellationToken;

use crate::Users;
use crate::domain::{Email, LetterKind, LetterText, Link, Purpose, letters};
use crate::error::Result;
use crate::store::{self, WaitingLetter};

/// Letters and requests taken up in one round.
pub(super) const BATCH: u64 = 20;
/// A letter that was taken and not heard of again is tried anew after this time, which is longer than sending takes.
const LEASE: SignedDuration = SignedDuration::from_secs(2 * mail::SEND_TIMEOUT.as_secs() as i64);
/// Then somebody has to look at the mail server; with the delays between them it has been away for a day.
const TRIES_MAX: i64 = 12;
const RETRY_FIRST: SignedDuration = SignedDuration::from_secs(30);
const RETRY_LONGEST: SignedDuration = SignedDuration::from_hours(4);

impl Users {
    /// Writes a letter with a link that shows that `email` belongs to the account.
    pub(super) async fn ask_to_verify(&self, tx: &Tx, id: UserId, email: &Email) -> Result<()> {
        let link = Link::new(id, Purpose::VerifyEmail, email.clone(), self.clock.now());
        if store::claim_letter(tx, email, LetterKind::Link, self.clock.now()).await? {
            self.send_link(tx, &link).await?;
        }
        Ok(())
    }

    /// Writes a letter with a link, in place of any other one of this account and purpose.
    pub(super) async fn send_link(&self, tx: &Tx, link: &Link) -> Result<()> {
        let token = secret::random_token();
        store::replace_link(tx, link, &secret::digest(&token)).await?;
        let url = &self.ctx.public_url;
        let letter = match link.purpose {
            Purpose::VerifyEmail => letters::verify_email(url, &token),
            Purpose::ResetPassword => letters::reset_password(url, &token),
            Purpose::SignIn => letters::sign_in(url, &token),
        };
        store::insert_letter(tx, &link.email, letter, self.clock.now()).await
    }

    /// Writes a letter that tells somebody what was done to the account.
    pub(super) async fn notify(&self, tx: &Tx, email: &Email, letter: LetterText) -> Result<()> {
        let now = self.clock.now();
        if store::claim_letter(tx, email, LetterKind::Notice, now).await? {
            store::insert_letter(tx, email, letter, now).await?;
        }
        Ok(())
    }

    /// Commits, and has the letters sent at once.
    pub(super) async fn commit_with_letters(&self, tx: Tx) -> Result<()> {
        tx.commit().await?;
        self.letters_waiting.notify_one();
        Ok(())
    }

    /// Answers those who asked for a new password: a letter if there is such an account, nothing if not.
    pub async fn answer_reset_requests(&self) -> Result<()> {
        for email in store::reset_requests(self.database.read(), BATCH).await? {
            let tx = self.database.begin().await?;
            if !store::take_reset_request(&tx, &email).await? {
                continue;
            }
            let known = store::find_credentials(&tx, &email).await?;
            if let Some(known) = known.filter(|known| known.is_active) {
                let now = self.clock.now();
                let link = Link::new(known.user_id, Purpose::ResetPassword, email, now);
                self.send_link(&tx, &link).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// Sends the letters that are due, one after the other, until there are none or `stopping`.
    pub async fn send_due_letters(&self, stopping: &CancellationToken) -> Result<()> {
        let due = store::due_letters(self.database.read(), self.clock.now(), BATCH).await?;
        for mut letter in due {
            if stopping.is_cancelled() {
                break;
            }
            if self.take_letter(&mut letter).await? {
                let outcome = self.hand_in(&letter).await;
                self.write_down(&letter, outcome).await?;
            }
        }
        Ok(())
    }

    async fn take_letter(&self, letter: &mut WaitingLetter) -> Result<bool> {
        let tx = self.database.begin().await?;
        let is_mine = store::take_letter(&tx, letter, self.clock.now() + LEASE).await?;
        tx.commit().await?;
        Ok(is_mine)
    }

    async fn hand_in(&self, waiting: &WaitingLetter) -> Result<(), SendError> {
        let WaitingLetter { id, recipient, subject, body, .. } = waiting;
        let letter = Letter::new(*id, recipient, subject, body);
        let letter = letter.map_err(|error| SendError::Unaddressable(error.to_string()))?;
        self.ctx.mail.send(&letter).await
    }

    async fn write_down(
        &self,
        letter: &WaitingLetter,
        outcome: Result<(), SendError>,
    ) -> Result<()> {
        let now = self.clock.now();
        let WaitingLetter { id, recipient, tries, .. } = letter;
        let tx = self.database.begin().await?;
        match outcome {
            Ok(()) => store::finish_letter(&tx, letter, Some(now)).await?,
            Err(SendError::NotTaken(reason)) if *tries < TRIES_MAX => {
                tracing::warn!(%id, recipient, tries, reason, "a letter waits to be sent");
                store::postpone_letter(&tx, letter, next_try(*tries, now)).await?;
            }
            Err(error) => {
                tracing::error!(%id, recipient, tries, %error, "a letter was given up");
                store::finish_letter(&tx, letter, None).await?;
            }
        }
        Ok(tx.commit().await?)
    }
}

/// After so many tries: half a minute, one, two, four, …
fn next_try(tries: i64, now: Timestamp) -> Timestamp {
    let factor = 1i32 << (tries - 1).clamp(0, 16);
    now + RETRY_FIRST.saturating_mul(factor).min(RETRY_LONGEST)
}
