//! WebAuthn (level 3), as the library does it and as passkeys want it: the authenticator keeps the key and names the
//! account, has verified its user, and need not say what it is. What goes to and comes from the browser is JSON as
//! browsers write it; what is kept is the library's, as text.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::ids::UserId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stdx::secret;
use webauthn_rs::Webauthn;
use webauthn_rs::prelude::{
    Passkey as Credential, PublicKeyCredential, RegisterPublicKeyCredential, Url, WebauthnBuilder,
    WebauthnError,
};
use webauthn_rs_proto::ResidentKeyRequirement;

use crate::domain::{CEREMONY_LIFETIME, CREDENTIAL_BYTES_MAX, Passkey, RelyingParty, User};
use crate::error::{Error, Result};

/// As browsers show it beside the account's name.
const NAME: &str = "Backline";

/// The installation as browsers and authenticators know it.
pub struct WebAuthn {
    library: Webauthn,
    /// Where passkeys can be used.
    pub origin: String,
}

/// A challenge for a browser.
pub struct Begun {
    /// What `navigator.credentials` is called with, as JSON.
    pub options: Value,
    /// What the ceremony is found by.
    pub digest: String,
    /// What the answer is checked against.
    pub state: String,
}

/// A key that an authenticator has made.
pub struct NewCredential {
    pub id: String,
    pub text: String,
}

/// What an authenticator has signed, read and not yet checked.
pub struct Answer<T> {
    parsed: T,
    /// The digest of the challenge that it says it answers.
    pub digest: String,
}

/// Why an answer was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// The counter of signatures has gone back: there may be a copy of the key.
    CounterWentBack,
    /// Anything else; the library has its reasons.
    NotGood,
}

impl WebAuthn {
    /// For an installation at this address; nothing if there can be no passkeys there.
    pub fn at(public_url: &str) -> Result<Option<Self>, WebauthnError> {
        let Some(RelyingParty { id, origin }) = RelyingParty::of(public_url) else {
            return Ok(None);
        };
        let url = Url::parse(&origin).map_err(|_| WebauthnError::Configuration)?;
        let timeout = Duration::from_secs(CEREMONY_LIFETIME.unsigned_abs().as_secs());
        let library = WebauthnBuilder::new(&id, &url)?.rp_name(NAME).timeout(timeout).build()?;
        Ok(Some(Self { library, origin }))
    }

    /// Asks for a new key for an account, from an authenticator that has none of these yet.
    pub fn begin_registration(&self, user: &User, known: &[Passkey]) -> Result<Begun> {
        let known: Result<Vec<_>> =
            known.iter().map(|passkey| Ok(credential(passkey)?.cred_id().clone())).collect();
        let name = format!("{} {}", user.first_name, user.last_name);
        let email = user.email.as_str();
        let begun = self.library.start_passkey_registration(user.id.0, email, &name, Some(known?));
        let (mut challenge, state) = begun.map_err(service_kit::Error::internal)?;
        // Only a key that the authenticator keeps with the account's name signs in alone.
        if let Some(selection) = &mut challenge.public_key.authenticator_selection {
            selection.resident_key = Some(ResidentKeyRequirement::Required);
            selection.require_resident_key = true;
        }
        begun_with(json(&challenge.public_key)?, &state)
    }

    /// Checks that an authenticator has made the key it was asked for.
    pub fn finish_registration(
        &self,
        answer: &Answer<RegisterPublicKeyCredential>,
        state: &str,
    ) -> Result<Result<NewCredential, Refused>> {
        let state = serde_json::from_str(state).map_err(service_kit::Error::internal)?;
        match self.library.finish_passkey_registration(&answer.parsed, &state) {
            Ok(made) => Ok(Ok(NewCredential { id: base64url(made.cred_id()), text: text(&made)? })),
            Err(error) => Ok(Err(refused(&error))),
        }
    }

    /// Asks any authenticator for any account it has a key of.
    pub fn begin_authentication(&self) -> Result<Begun> {
        let begun = self.library.start_discoverable_authentication();
        let (challenge, state) = begun.map_err(service_kit::Error::internal)?;
        begun_with(json(&challenge.public_key)?, &state)
    }

    /// The key and the account that an answer names, if it names any.
    pub fn identify(&self, answer: &Answer<PublicKeyCredential>) -> Option<(String, UserId)> {
        let named = self.library.identify_discoverable_authentication(&answer.parsed);
        let (user_id, credential_id) = named.ok()?;
        Some((base64url(credential_id), UserId(user_id)))
    }

    /// Checks that a passkey has signed the challenge: the passkey as it is to be kept from now on.
    pub fn finish_authentication(
        &self,
        answer: &Answer<PublicKeyCredential>,
        state: &str,
        passkey: &Passkey,
    ) -> Result<Result<String, Refused>> {
        let state = serde_json::from_str(state).map_err(service_kit::Error::internal)?;
        let mut credential = credential(passkey)?;
        let checked =
            self.library.finish_discoverable_authentication_v2(&answer.parsed, state, &credential);
        match checked {
            Ok(result) => {
                credential.update_credential(&result);
                Ok(Ok(text(&credential)?))
            }
            Err(error) => Ok(Err(refused(&error))),
        }
    }
}

/// Reads what a browser sent to add a passkey.
pub fn read_registration(answer: &str) -> Result<Answer<RegisterPublicKeyCredential>> {
    read(answer, |sent: &RegisterPublicKeyCredential| sent.response.client_data_json.as_ref())
}

/// Reads what a browser sent to sign in.
pub fn read_authentication(answer: &str) -> Result<Answer<PublicKeyCredential>> {
    read(answer, |sent: &PublicKeyCredential| sent.response.client_data_json.as_ref())
}

fn read<T: DeserializeOwned>(answer: &str, client_data: impl Fn(&T) -> &[u8]) -> Result<Answer<T>> {
    #[derive(Deserialize)]
    struct ClientData {
        challenge: String,
    }
    if answer.len() > CREDENTIAL_BYTES_MAX {
        return Err(malformed("it is too long"));
    }
    let parsed: T = serde_json::from_str(answer).map_err(malformed)?;
    let ClientData { challenge } =
        serde_json::from_slice(client_data(&parsed)).map_err(malformed)?;
    Ok(Answer { parsed, digest: secret::digest(&challenge) })
}

fn malformed(reason: impl std::fmt::Display) -> Error {
    service_kit::Error::Malformed(format!("`credential` cannot be read: {reason}")).into()
}

fn begun_with(options: Value, state: &impl Serialize) -> Result<Begun> {
    let challenge = options["challenge"].as_str().unwrap_or_default();
    Ok(Begun { digest: secret::digest(challenge), state: text(state)?, options })
}

fn credential(passkey: &Passkey) -> Result<Credential> {
    Ok(serde_json::from_str(&passkey.credential).map_err(service_kit::Error::internal)?)
}

fn refused(error: &WebauthnError) -> Refused {
    tracing::debug!(%error, "an authenticator's answer was not accepted");
    match error {
        WebauthnError::CredentialPossibleCompromise => Refused::CounterWentBack,
        _ => Refused::NotGood,
    }
}

/// As bytes are in the JSON of browsers.
fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn text(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string(value).map_err(service_kit::Error::internal)?)
}

fn json(value: &impl Serialize) -> Result<Value> {
    Ok(serde_json::to_value(value).map_err(service_kit::Error::internal)?)
}
