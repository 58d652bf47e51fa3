//! Signing in on a device without a browser (RFC 8628). Pure rules.

use std::collections::BTreeSet;

use contracts::ids::SessionId;
use jiff::{SignedDuration, Timestamp};

use super::client::Scope;

/// How long a device waits for its user.
pub const DEVICE_CODE_LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// How often a device may ask, at first.
pub const POLL_INTERVAL_SECONDS: i64 = 5;
/// What is added for each time it asked too often.
const SLOW_DOWN_SECONDS: i64 = 5;
/// Consonants without those that are mistaken for others: no word comes of them.
const USER_CODE_ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const USER_CODE_LENGTH: usize = 8;

/// What becomes of a device code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceState {
    Waiting,
    Allowed,
    Denied,
    /// The device has its tokens.
    Spent,
}

impl DeviceState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Spent => "spent",
        }
    }

    /// Reads what is stored; what cannot be read is good for nothing any more.
    pub fn parse(text: &str) -> Self {
        let all = [Self::Waiting, Self::Allowed, Self::Denied];
        all.into_iter().find(|state| state.as_str() == text).unwrap_or(Self::Spent)
    }
}

/// A device that waits for its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCode {
    pub digest: String,
    /// What the user types, without the hyphen.
    pub user_code: String,
    pub client_id: String,
    pub scopes: BTreeSet<Scope>,
    pub state: DeviceState,
    /// The session of whoever allowed it.
    pub session_id: Option<SessionId>,
    pub polled_at: Timestamp,
    pub interval_seconds: i64,
    pub expires_at: Timestamp,
}

impl DeviceCode {
    /// How long the device has to wait from now on, and whether it asked too soon.
    pub fn poll(&self, now: Timestamp) -> (i64, bool) {
        let waited = now.duration_since(self.polled_at);
        let is_too_soon = waited < SignedDuration::from_secs(self.interval_seconds);
        let added = if is_too_soon { SLOW_DOWN_SECONDS } else { 0 };
        (self.interval_seconds + added, is_too_soon)
    }
}

/// A code to type: eight letters, 34 bits.
pub fn user_code(random: u64) -> String {
    let base = USER_CODE_ALPHABET.len() as u64;
    let letter = |place: u32| USER_CODE_ALPHABET[((random / base.pow(place)) % base) as usize];
    (0..USER_CODE_LENGTH as u32).map(|place| char::from(letter(place))).collect()
}

/// Reads a code as somebody typed it: case, spaces and hyphens do not matter.
pub fn parse_user_code(text: &str) -> Option<String> {
    let letters = text.chars().filter(|c| !matches!(c, ' ' | '-'));
    let code: String = letters.map(|c| c.to_ascii_uppercase()).take(USER_CODE_LENGTH + 1).collect();
    let is_ours = code.len() == USER_CODE_LENGTH
        && code.bytes().all(|letter| USER_CODE_ALPHABET.contains(&letter));
    is_ours.then_some(code)
}

/// A code as it is shown: `WDJB-MJHT`.
pub fn shown(user_code: &str) -> String {
    let (first, second) = user_code.split_at(user_code.len() / 2);
    format!("{first}-{second}")
}
