//! An authenticator made of software, with the browser around it: what WebAuthn (level 3) has them send.
//!
//! It does what it is told, also what no good one would: [`Answering`] says how it is to differ.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const HAS_CREDENTIAL: u8 = 0x40;

/// One key for one account, as a phone or a password manager has it.
pub struct Authenticator {
    key: EcdsaKeyPair,
    credential_id: String,
    /// What the site calls the account; learned when the key is made.
    user_handle: String,
    counter: u32,
}

/// How an answer is made.
#[derive(Clone, Debug)]
pub struct Answering<'a> {
    /// The page that asks.
    pub origin: &'a str,
    /// The site whose key is asked for; nothing: the one that the challenge names.
    pub rp_id: Option<&'a str>,
    /// Whether finger, face or PIN were asked for.
    pub is_user_verified: bool,
}

impl<'a> Answering<'a> {
    /// As a good one does, on a page of this origin.
    pub fn at(origin: &'a str) -> Self {
        Self { origin, rp_id: None, is_user_verified: true }
    }
}

impl Default for Authenticator {
    fn default() -> Self {
        Self::new()
    }
}

impl Authenticator {
    /// A new one, with a key of its own that nobody knows yet.
    pub fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let credential_id = URL_SAFE_NO_PAD.encode(stdx::secret::random_bytes::<16>());
        Self { key, credential_id, user_handle: String::new(), counter: 0 }
    }

    /// How often it has signed, as it says. Zero for ever is what those say that keep a key in several places.
    pub fn set_counter(&mut self, counter: u32) {
        self.counter = counter;
    }

    /// What the key is called.
    pub fn credential_id(&self) -> &str {
        &self.credential_id
    }

    /// Calls the key something else, without being another one.
    pub fn set_credential_id(&mut self, credential_id: &str) {
        self.credential_id = credential_id.to_owned();
    }

    /// Says that the key belongs to another account.
    pub fn set_user_handle(&mut self, user_handle: &str) {
        self.user_handle = user_handle.to_owned();
    }

    /// The answer to `navigator.credentials.create`: `RegistrationResponseJSON`.
    pub fn create(&mut self, options: &Value, answering: &Answering<'_>) -> Value {
        self.user_handle = text(&options["user"]["id"]);
        let site = answering.rp_id.map_or_else(|| text(&options["rp"]["id"]), str::to_owned);
        let client_data = client_data("webauthn.create", options, answering);
        let mut data = self.data(&site, answering, HAS_CREDENTIAL);
        data.extend(self.attested_credential());
        json!({
            "id": self.credential_id,
            "rawId": self.credential_id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "response": {
                "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
                "attestationObject": URL_SAFE_NO_PAD.encode(attestation_object(&data)),
                "transports": ["internal", "hybrid"],
            },
            "clientExtensionResults": { "credProps": { "rk": true } },
        })
    }

    /// The answer to `navigator.credentials.get`: `AuthenticationResponseJSON`.
    pub fn get(&self, options: &Value, answering: &Answering<'_>) -> Value {
        let site = answering.rp_id.map_or_else(|| text(&options["rpId"]), str::to_owned);
        let client_data = client_data("webauthn.get", options, answering);
        let data = self.data(&site, answering, 0);
        let signed = [data.as_slice(), &Sha256::digest(&client_data)].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).expect("a signature");
        json!({
            "id": self.credential_id,
            "rawId": self.credential_id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "response": {
                "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
                "authenticatorData": URL_SAFE_NO_PAD.encode(data),
                "signature": URL_SAFE_NO_PAD.encode(signature.as_ref()),
                "userHandle": self.user_handle,
            },
            "clientExtensionResults": {},
        })
    }

    /// Authenticator data (section 6.1), up to what only a new key has.
    fn data(&self, site: &str, answering: &Answering<'_>, flags: u8) -> Vec<u8> {
        let verified = if answering.is_user_verified { USER_VERIFIED } else { 0 };
        let mut data = Sha256::digest(site.as_bytes()).to_vec();
        data.push(USER_PRESENT | verified | flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// A kind of authenticator that says nothing of itself, the key's name, and the key: COSE, ES256 on P-256.
    fn attested_credential(&self) -> Vec<u8> {
        let id = URL_SAFE_NO_PAD.decode(&self.credential_id).expect("base64url");
        let length = u16::try_from(id.len()).expect("a short name");
        let point = self.key.public_key().as_ref();
        let mut credential = vec![0; 16];
        credential.extend(length.to_be_bytes());
        credential.extend(id);
        credential.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        credential.extend(&point[1..33]);
        credential.extend([0x22, 0x58, 0x20]);
        credential.extend(&point[33..65]);
        credential
    }
}

fn client_data(kind: &str, options: &Value, answering: &Answering<'_>) -> Vec<u8> {
    let (challenge, origin) = (&options["challenge"], answering.origin);
    json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false })
        .to_string()
        .into_bytes()
}

/// `{"fmt": "none", "attStmt": {}, "authData": …}` in CBOR.
fn attestation_object(data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(data.len()).expect("short data");
    let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
    object.push(length);
    object.extend(data);
    object
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}
