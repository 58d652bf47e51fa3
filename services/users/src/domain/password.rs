//! What a new password must be.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::Email;

/// Shorter ones are guessed.
const LENGTH_MIN: usize = 10;
/// Longer than any that is remembered or kept by a password manager.
pub const LENGTH_MAX: usize = 128;

/// What is tried first by whoever guesses, as far as it is long enough to be a password here.
static COMMON: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// A password good enough to be taken. Cannot be printed.
pub struct Password(String);

impl Password {
    /// Reads a new password for the account with `email`.
    pub fn parse(password: &str, email: &Email) -> Result<Self, String> {
        if !(LENGTH_MIN..=LENGTH_MAX).contains(&password.chars().count()) {
            return Err(format!("must have {LENGTH_MIN} to {LENGTH_MAX} characters"));
        }
        let in_lower_case = password.to_lowercase();
        if in_lower_case == email.as_str() || in_lower_case == email.local_part() {
            return Err("must not be the e-mail address or the name in it".into());
        }
        if COMMON.contains(in_lower_case.as_str()) {
            return Err(
                "is among the most common passwords, which are guessed first; choose another one"
                    .into(),
            );
        }
        Ok(Self(password.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
