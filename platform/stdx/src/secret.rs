//! Random secrets, and the form in which they are kept.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A new secret of 256 random bits, base64url.
pub fn random_token() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes::<32>())
}

/// The SHA-256 of a secret, base64url: what a database keeps instead of the secret itself.
///
/// Good for random secrets only; a password needs a slow hash.
pub fn digest(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret.as_bytes()))
}

/// As many random bytes as are wanted.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    rand::random()
}
