//! Passkeys: added and taken away by their owner, and used to sign in without anything else.

use contracts::ids::PasskeyId;
use policies::{Actor, Resource};
use serde_json::Value;
use service_kit::FieldErrors;

use super::sign_in::SignedIn;
use super::webauthn::{Begun, Refused, WebAuthn, read_authentication, read_registration};
use super::{lock_user, on_record};
use crate::Users;
use crate::domain::{Ceremony, PASSKEYS_MAX, Passkey, Proof, User, counted_address, letters};
use crate::error::{Error, Result};
use crate::store;

/// What tries with passkeys are counted under: who tries has not said for which account.
const ANY_PASSKEY: &str = "any passkey";

impl Users {
    /// The own passkeys, the oldest first.
    pub async fn list_passkeys(&self, actor: &Actor) -> Result<Vec<Passkey>> {
        let user = self.own_account(actor).await?;
        store::list_passkeys(self.database.read(), user.id).await
    }

    /// Begins to add a passkey: what the browser asks its authenticators. Takes the password, as everything does that
    /// gives or takes a way in.
    pub async fn begin_passkey(&self, actor: &Actor, password: &str) -> Result<Value> {
        let user = self.own_account(actor).await?;
        let webauthn = self.webauthn()?;
        self.require_password(actor, &user, "password", password).await?;
        let tx = self.database.begin().await?;
        let user = lock_user(&tx, user.id).await?;
        let known = store::list_passkeys(&tx, user.id).await?;
        if known.len() as u64 >= PASSKEYS_MAX {
            return Err(Error::TooManyPasskeys);
        }
        let Begun { options, digest, state } = webauthn.begin_registration(&user, &known)?;
        let ceremony = Ceremony::new(Some(user.id), state, self.clock.now());
        store::replace_ceremony(&tx, &digest, &ceremony).await?;
        tx.commit().await?;
        Ok(options)
    }

    /// Adds the passkey that an authenticator has made.
    pub async fn add_passkey(
        &self,
        actor: &Actor,
        name: String,
        credential: &str,
    ) -> Result<Passkey> {
        let user = self.own_account(actor).await?;
        let webauthn = self.webauthn()?;
        let answer = read_registration(credential)?;
        let state = self.take_ceremony(&answer.digest, Some(&user)).await?;
        let state = state.ok_or(Error::PasskeyNotStarted)?;
        let Ok(made) = webauthn.finish_registration(&answer, &state)? else {
            let words = "does not answer the challenge as it should; begin anew";
            return Err(FieldErrors::one("credential", words).into());
        };
        let passkey = Passkey {
            id: PasskeyId::new(),
            user_id: user.id,
            credential_id: made.id,
            credential: made.text,
            name,
            created_at: self.clock.now(),
            last_used_at: None,
        };
        self.insert_passkey(actor, &passkey).await?;
        Ok(passkey)
    }

    async fn insert_passkey(&self, actor: &Actor, passkey: &Passkey) -> Result<()> {
        let tx = self.database.begin().await?;
        let user = lock_user(&tx, passkey.user_id).await?;
        if store::count_passkeys(&tx, user.id).await? >= PASSKEYS_MAX {
            return Err(Error::TooManyPasskeys);
        }
        store::insert_passkey(&tx, passkey).await?;
        let record = on_record(actor, "users:add-passkey", &user);
        tx.publish(record.detail("passkeyId", passkey.id.to_string())).await?;
        self.notify(&tx, &user.email, letters::passkey_added(&self.ctx.public_url)).await?;
        self.commit_with_letters(tx).await
    }

    /// Calls an own passkey something else.
    pub async fn rename_passkey(
        &self,
        actor: &Actor,
        id: PasskeyId,
        name: &str,
    ) -> Result<Passkey> {
        let user = self.own_account(actor).await?;
        let tx = self.database.begin().await?;
        let renamed = store::rename_passkey(&tx, user.id, id, name).await?;
        tx.commit().await?;
        Ok(renamed)
    }

    /// Takes an own passkey away.
    pub async fn remove_passkey(&self, actor: &Actor, id: PasskeyId, password: &str) -> Result<()> {
        let user = self.own_account(actor).await?;
        self.require_password(actor, &user, "password", password).await?;
        let tx = self.database.begin().await?;
        let user = lock_user(&tx, user.id).await?;
        if !store::delete_passkey(&tx, user.id, id).await? {
            return Err(Error::PasskeyNotFound(id));
        }
        let record = on_record(actor, "users:remove-passkey", &user);
        tx.publish(record.detail("passkeyId", id.to_string())).await?;
        self.notify(&tx, &user.email, letters::passkey_removed(&self.ctx.public_url)).await?;
        self.commit_with_letters(tx).await
    }

    /// Begins a sign-in by passkey: what the browser asks its authenticators.
    pub async fn begin_passkey_sign_in(&self, actor: &Actor) -> Result<Value> {
        self.require(actor, "users:authenticate", &Resource::any("Account"))?;
        let Begun { options, digest, state } = self.webauthn()?.begin_authentication()?;
        let tx = self.database.begin().await?;
        let ceremony = Ceremony::new(None, state, self.clock.now());
        store::replace_ceremony(&tx, &digest, &ceremony).await?;
        tx.commit().await?;
        Ok(options)
    }

    /// The account whose passkey has signed the challenge.
    ///
    /// A challenge that is over, a key that nobody has, a wrong signature and a disabled account get the same
    /// answer and are counted alike, for the network address they come from: there is nothing to guess, but work
    /// to be had.
    pub async fn authenticate_passkey(
        &self,
        actor: &Actor,
        credential: &str,
        client_address: &str,
    ) -> Result<SignedIn> {
        self.require(actor, "users:authenticate", &Resource::any("Account"))?;
        let webauthn = self.webauthn()?;
        let address = counted_address(client_address);
        let attempt = self.guard.admit(ANY_PASSKEY, &address, true, self.clock.now())?;
        match self.check_passkey(webauthn, credential, client_address).await? {
            Some(user) => {
                attempt.succeeded();
                self.note_address(user.id, &address).await;
                Ok(SignedIn { user, proof: Proof::Passkey })
            }
            None => {
                attempt.failed(self.clock.now());
                self.note_failed_sign_in("*", client_address, "a passkey that opens no account");
                Err(Error::BadPasskey)
            }
        }
    }

    async fn check_passkey(
        &self,
        webauthn: &WebAuthn,
        credential: &str,
        client_address: &str,
    ) -> Result<Option<User>> {
        let answer = read_authentication(credential)?;
        // Taken before anything is checked, so that no challenge is good for a second try.
        let Some(state) = self.take_ceremony(&answer.digest, None).await? else { return Ok(None) };
        let Some((credential_id, user_id)) = webauthn.identify(&answer) else { return Ok(None) };
        let db = self.database.read();
        let known = store::find_passkey(db, &credential_id).await?;
        let Some(passkey) = known.filter(|known| known.user_id == user_id) else { return Ok(None) };
        let used = match webauthn.finish_authentication(&answer, &state, &passkey)? {
            Ok(used) => used,
            Err(refused) => {
                self.tell_of_copy(&refused, &passkey, client_address);
                return Ok(None);
            }
        };
        let user = store::find_user(db, user_id).await?.filter(|user| user.is_active);
        let tx = self.database.begin().await?;
        if user.is_none() || !store::note_use(&tx, &passkey, &used, self.clock.now()).await? {
            return Ok(None);
        }
        tx.commit().await?;
        Ok(user)
    }

    async fn take_ceremony(&self, digest: &str, user: Option<&User>) -> Result<Option<String>> {
        let tx = self.database.begin().await?;
        let user_id = user.map(|user| user.id);
        let state = store::take_ceremony(&tx, digest, user_id, self.clock.now()).await?;
        tx.commit().await?;
        Ok(state)
    }

    fn webauthn(&self) -> Result<&WebAuthn> {
        self.webauthn.as_ref().ok_or(Error::PasskeysUnavailable)
    }

    fn tell_of_copy(&self, refused: &Refused, passkey: &Passkey, client_address: &str) {
        if *refused == Refused::CounterWentBack {
            let words = "the counter of a passkey went back, there may be a copy of it";
            let account = passkey.user_id.to_string();
            self.note_failed_sign_in(&account, client_address, words);
            tracing::warn!(user_id = account, passkey_id = %passkey.id, "{words}; it was refused");
        }
    }
}
