//! Secrets at rest: private keys and the like are sealed with a master key that is not in the database, so that a
//! backup or a stolen disk gives nobody the power to sign.
//!
//! A sealed text is `sealed:v1:<id of the master key>:<base64url of nonce, ciphertext, tag>`: AES-256-GCM (NIST SP
//! 800-38D) with a random nonce of 96 bits. Column and row are authenticated with it, so that a sealed text is worth
//! nothing in another place. Promises: without a master key texts stay as they are; a text sealed with a key that is
//! not at hand, changed, or moved is an error and never something else.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// What every sealed text begins with. No base32 or base64 text has a colon.
const SEALED: &str = "sealed:";
const VERSION: &str = "v1";
const KEY_BYTES: usize = 32;
/// Enough to tell the few keys of an installation apart, and no help in guessing one.
const KEY_ID_LENGTH: usize = 12;

/// Why a sealed text cannot be opened, or one cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The master key it was sealed with is neither the present nor the previous one.
    #[error(
        "`{place}` is sealed with the master key {key_id}, which is not at hand; set `node.master_key_file` or \
         `node.previous_master_key_file` to the file that holds it"
    )]
    KeyMissing {
        /// Column and row.
        place: String,
        /// Which key it takes, as [`MasterKey::id`] says it.
        key_id: String,
    },
    /// Not as it was sealed, or not where.
    #[error("`{place}` does not open: it was changed, or moved here; restore it from a backup")]
    Damaged {
        /// Column and row.
        place: String,
    },
    /// Random numbers are missing.
    #[error("`{place}` cannot be sealed")]
    Failed {
        /// Column and row.
        place: String,
    },
}

/// A key that seals others.
pub struct MasterKey {
    key: RandomizedNonceKey,
    id: String,
}

impl MasterKey {
    /// From 32 bytes in base64; `None` when it is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.trim()).ok()?;
        let bytes: [u8; KEY_BYTES] = bytes.try_into().ok()?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).ok()?;
        // A digest of 256 random bits says nothing about them.
        let mut id = stdx::secret::digest(&["backline master key ", text.trim()].concat());
        id.truncate(KEY_ID_LENGTH);
        Some(Self { key, id })
    }

    /// A new random one, as [`MasterKey::parse`] reads it.
    pub fn generate() -> String {
        STANDARD.encode(stdx::secret::random_bytes::<KEY_BYTES>())
    }

    /// What it is called in sealed texts.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// Seals with one master key and opens what that one or the previous one has sealed.
#[derive(Clone, Default)]
pub struct Sealer {
    current: Option<Arc<MasterKey>>,
    previous: Option<Arc<MasterKey>>,
}

impl Sealer {
    /// `current` seals; without it nothing is sealed any more. `previous` opens what it has sealed before.
    pub fn new(current: Option<MasterKey>, previous: Option<MasterKey>) -> Self {
        Self { current: current.map(Arc::new), previous: previous.map(Arc::new) }
    }

    /// The text as it is stored in `row` of `column` (`table.column`).
    pub fn seal(&self, column: &str, row: &str, secret: &str) -> Result<String, SealError> {
        let Some(MasterKey { key, id }) = self.current.as_deref() else {
            return Ok(secret.to_owned());
        };
        let mut text = secret.as_bytes().to_vec();
        let sealed = key.seal_in_place_append_tag(Aad::from(place_data(column, row)), &mut text);
        let nonce = sealed.map_err(|_| SealError::Failed { place: place(column, row) })?;
        let sealed = URL_SAFE_NO_PAD.encode([&nonce.as_ref()[..], &text].concat());
        Ok(format!("{SEALED}{VERSION}:{id}:{sealed}"))
    }

    /// The secret of what is stored in `row` of `column`, sealed or from the time before.
    pub fn open(&self, column: &str, row: &str, stored: &str) -> Result<String, SealError> {
        let Some(sealed) = stored.strip_prefix(SEALED) else { return Ok(stored.to_owned()) };
        let damaged = || SealError::Damaged { place: place(column, row) };
        let mut parts = sealed.split(':');
        let (Some(VERSION), Some(key_id), Some(sealed), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(damaged());
        };
        let key = self.key(key_id).ok_or_else(|| SealError::KeyMissing {
            place: place(column, row),
            key_id: key_id.to_owned(),
        })?;
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| damaged())?;
        let (nonce, text) = bytes.split_at_mut_checked(NONCE_LEN).ok_or_else(damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let opened = key.key.open_in_place(nonce, Aad::from(place_data(column, row)), text);
        String::from_utf8(opened.map_err(|_| damaged())?.to_vec()).map_err(|_| damaged())
    }

    /// What everything begins with that is sealed as it should be; `None` when nothing should be.
    pub fn current_prefix(&self) -> Option<String> {
        let current = self.current.as_deref()?;
        Some(format!("{SEALED}{VERSION}:{}:", current.id))
    }

    /// What everything begins with that is sealed, with whichever key.
    pub fn any_prefix(&self) -> &'static str {
        SEALED
    }

    /// Whether a stored text is as [`Sealer::seal`] would write it now.
    pub fn is_current(&self, stored: &str) -> bool {
        match self.current_prefix() {
            Some(prefix) => stored.starts_with(&prefix),
            None => !stored.starts_with(SEALED),
        }
    }

    fn key(&self, id: &str) -> Option<&MasterKey> {
        let known = [self.current.as_deref(), self.previous.as_deref()];
        known.into_iter().flatten().find(|key| key.id == id)
    }
}

/// What is authenticated beside the text.
fn place_data(column: &str, row: &str) -> Vec<u8> {
    format!("backline {VERSION}\n{column}\n{row}").into_bytes()
}

fn place(column: &str, row: &str) -> String {
    format!("{column} of {row}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMN: &str = "signing_key.private_key";

    fn key() -> (String, MasterKey) {
        let text = MasterKey::generate();
        let key = MasterKey::parse(&text).expect("a key");
        (text, key)
    }

    fn again(text: &str) -> Option<MasterKey> {
        Some(MasterKey::parse(text).expect("a key"))
    }

    #[test]
    fn a_sealed_text_opens_with_the_same_key_and_in_the_same_place_only() {
        let (_, key) = key();
        let sealer = Sealer::new(Some(key), None);
        let sealed = sealer.seal(COLUMN, "a", "secret").expect("sealed");
        assert!(sealer.is_current(&sealed) && !sealed.contains("secret"), "{sealed}");
        assert_eq!(sealer.open(COLUMN, "a", &sealed).expect("opened"), "secret");
        assert_ne!(sealer.seal(COLUMN, "a", "secret").expect("sealed"), sealed, "another nonce");
        for (column, row) in [(COLUMN, "b"), ("totp.secret", "a")] {
            let moved = sealer.open(column, row, &sealed);
            assert!(matches!(moved, Err(SealError::Damaged { .. })), "{moved:?}");
        }
    }

    #[test]
    fn whatever_is_changed_does_not_open() {
        let (_, key) = key();
        let sealer = Sealer::new(Some(key), None);
        let sealed = sealer.seal(COLUMN, "a", "secret").expect("sealed");
        for at in 0..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("text");
            // What does not look sealed any more is taken as it is, and is not the secret.
            let opened = sealer.open(COLUMN, "a", &changed);
            assert!(opened.is_err() || !changed.starts_with(SEALED), "{changed}");
        }
        for cut in ["sealed:", "sealed:v1:", "sealed:v2:x:y", &sealed[..sealed.len() - 4]] {
            assert!(sealer.open(COLUMN, "a", cut).is_err(), "{cut}");
        }
        assert!(sealer.open(COLUMN, "a", &format!("{sealed}:x")).is_err());
    }

    #[test]
    fn without_a_key_texts_stay_as_they_are_and_sealed_ones_are_refused() {
        let plain = Sealer::default();
        assert_eq!(plain.seal(COLUMN, "a", "secret").expect("as it is"), "secret");
        assert_eq!(plain.open(COLUMN, "a", "secret").expect("as it is"), "secret");
        assert!(plain.is_current("secret"));
        let (_, key) = key();
        let id = key.id().to_owned();
        let sealed = Sealer::new(Some(key), None).seal(COLUMN, "a", "secret").expect("sealed");
        let error = plain.open(COLUMN, "a", &sealed).expect_err("refused").to_string();
        assert!(error.contains("node.master_key_file") && error.contains(&id), "{error}");
        assert!(!plain.is_current(&sealed));
    }

    #[test]
    fn a_replaced_key_opens_what_it_has_sealed_and_seals_no_more() {
        let (old_text, old) = key();
        let (_, new) = key();
        let sealed = Sealer::new(Some(old), None).seal(COLUMN, "a", "secret").expect("sealed");
        let both = Sealer::new(Some(new), again(&old_text));
        assert!(!both.is_current(&sealed));
        assert_eq!(both.open(COLUMN, "a", &sealed).expect("opened"), "secret");
        let anew = both.seal(COLUMN, "a", "secret").expect("sealed");
        assert!(both.is_current(&anew));
        let only_old = Sealer::new(again(&old_text), None);
        let error = only_old.open(COLUMN, "a", &anew).expect_err("refused");
        assert!(matches!(error, SealError::KeyMissing { .. }), "{error}");
        let given_up = Sealer::new(None, again(&old_text));
        assert_eq!(given_up.open(COLUMN, "a", &sealed).expect("opened"), "secret");
        assert_eq!(given_up.seal(COLUMN, "a", "secret").expect("as it is"), "secret");
    }

    #[test]
    fn a_master_key_is_32_bytes_in_base64() {
        let text = MasterKey::generate();
        assert!(MasterKey::parse(&format!("{text}\n")).is_some());
        for wrong in ["", "secret", &text[1..], &format!("{text}{text}")] {
            assert!(MasterKey::parse(wrong).is_none(), "{wrong}");
        }
    }
}
