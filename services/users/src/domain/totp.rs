//! Time-based one-time passwords (RFC 6238): six digits, SHA-1, 30 seconds, as every authenticator makes them.

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sha1::Sha1;

use super::Email;

const STEP_SECONDS: i64 = 30;
const CODES: u32 = 1_000_000;
/// A code of the step before or after is good too: clocks differ, and typing takes time.
const STEPS_ASIDE: i64 = 1;
/// 160 bits, as RFC 4226 recommends.
pub const SECRET_BYTES: usize = 20;
/// 80 bits: more than anybody guesses or finds from the digest.
const RECOVERY_BYTES: usize = 10;
/// How many recovery codes somebody gets.
pub const RECOVERY_CODES: usize = 10;
const RECOVERY_CHARACTERS: usize = 16;

/// Wrong tries before waiting begins.
const TRIES_FREE: i64 = 6;
/// Fewer wrong tries than those that make one wait are forgotten after this time without another.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// Once they made one wait, they are remembered longer: otherwise six tries in every five minutes would be free.
const FORGIVEN_AFTER: SignedDuration = SignedDuration::from_hours(24);
const WAIT_FIRST: SignedDuration = SignedDuration::from_secs(30);
const WAIT_LONGEST: SignedDuration = SignedDuration::from_hours(1);

/// What an account shares with its owner's authenticator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totp {
    pub secret: TotpSecret,
    pub is_confirmed: bool,
    pub wrong: WrongTries,
}

/// A shared secret. Cannot be printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret(Vec<u8>);

impl std::fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpSecret")
    }
}

impl TotpSecret {
    /// From random bytes.
    pub fn new(random: &[u8; SECRET_BYTES]) -> Self {
        Self(random.to_vec())
    }

    /// From the text that the database holds.
    pub fn stored(text: &str) -> Option<Self> {
        from_base32(text).map(Self)
    }

    /// For typing in, and for the database.
    pub fn to_base32(&self) -> String {
        to_base32(&self.0)
    }

    /// What an authenticator reads from a QR code.
    pub fn uri(&self, email: &Email) -> String {
        let account = percent_encoded(email.as_str());
        let secret = self.to_base32();
        format!(
            "otpauth://totp/Backline:{account}?secret={secret}&issuer=Backline&algorithm=SHA1&digits=6&period=30"
        )
    }

    /// The step whose code this is, if it is one of those that are good now.
    pub fn step_of(&self, code: &str, now: Timestamp) -> Option<i64> {
        let present = now.as_second() / STEP_SECONDS;
        let mut found = None;
        // All of them, so that the time it takes does not tell which.
        for step in present - STEPS_ASIDE..=present + STEPS_ASIDE {
            if self.code(step) == code {
                found = Some(step);
            }
        }
        found
    }

    /// The code of a step (RFC 4226, section 5.3).
    pub fn code(&self, step: i64) -> String {
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(&step.to_be_bytes());
        let digest = mac.finalize().into_bytes();
        let offset = usize::from(digest[19] & 0x0f);
        let bytes =
            [digest[offset] & 0x7f, digest[offset + 1], digest[offset + 2], digest[offset + 3]];
        format!("{:06}", u32::from_be_bytes(bytes) % CODES)
    }
}

/// What somebody typed as their second factor.
#[derive(Debug, PartialEq, Eq)]
pub enum SecondFactor {
    /// Six digits.
    Code(String),
    /// In the form of which the digest is kept.
    Recovery(String),
}

impl SecondFactor {
    /// Reads it, however it is grouped; nothing if it can be neither.
    pub fn parse(typed: &str) -> Option<Self> {
        let is_filling = |c: char| c == '-' || c.is_whitespace();
        // More than this is neither, and not worth looking at.
        let text: String =
            typed.chars().filter(|c| !is_filling(*c)).take(RECOVERY_CHARACTERS + 1).collect();
        if text.len() == 6 && text.chars().all(|c| c.is_ascii_digit()) {
            return Some(Self::Code(text));
        }
        let text = text.to_ascii_lowercase();
        let is_recovery = text.chars().count() == RECOVERY_CHARACTERS && text.is_ascii();
        is_recovery.then_some(Self::Recovery(text))
    }
}

/// A recovery code as its owner keeps it: `abcd-efgh-ijkl-mnop`.
pub fn recovery_code(random: &[u8; RECOVERY_BYTES]) -> String {
    let text = to_base32(random).to_ascii_lowercase();
    let groups: Vec<&str> = (0..4).map(|group| &text[group * 4..group * 4 + 4]).collect();
    groups.join("-")
}

/// Wrong second factors since the last right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongTries {
    pub count: i64,
    pub last_at: Timestamp,
}

impl WrongTries {
    /// None yet.
    pub const NONE: Self = Self { count: 0, last_at: Timestamp::UNIX_EPOCH };

    /// With one more.
    pub fn and_another(self, now: Timestamp) -> Self {
        let count = if self.is_forgotten(now) { 1 } else { self.count.saturating_add(1) };
        Self { count, last_at: now }
    }

    /// How long the next try has to wait.
    pub fn wait(self, now: Timestamp) -> Option<SignedDuration> {
        let doublings = self.count.checked_sub(TRIES_FREE).filter(|beyond| *beyond >= 0)?;
        let factor = 1i32 << doublings.min(16);
        let wait = WAIT_FIRST.saturating_mul(factor).min(WAIT_LONGEST);
        let left = wait - now.duration_since(self.last_at);
        left.is_positive().then_some(left)
    }

    fn is_forgotten(self, now: Timestamp) -> bool {
        let kept = if self.count < TRIES_FREE { FORGOTTEN_AFTER } else { FORGIVEN_AFTER };
        now.duration_since(self.last_at) > kept
    }
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// RFC 4648 without padding; whole groups of five bytes only, which is all there is here.
fn to_base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 8 / 5);
    for group in bytes.chunks_exact(5) {
        let bits = group.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        for place in (0..8).rev() {
            text.push(char::from(BASE32[(bits >> (5 * place) & 31) as usize]));
        }
    }
    text
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = vec![];
    for group in text.as_bytes().chunks(8) {
        let mut bits = 0u64;
        for c in group {
            bits = bits << 5 | BASE32.iter().position(|known| known == c)? as u64;
        }
        if group.len() != 8 {
            return None;
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[3..]);
    }
    Some(bytes)
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}
