//! Links that work once.

use contracts::ids::UserId;
use jiff::{SignedDuration, Timestamp};

use super::Email;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    VerifyEmail,
    ResetPassword,
    SignIn,
}

impl Purpose {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify-email",
            Self::ResetPassword => "reset-password",
            Self::SignIn => "sign-in",
        }
    }

    /// How long a link is good. Whoever reads the mailbox later must not get in with an old one.
    pub fn lifetime(self) -> SignedDuration {
        match self {
            Self::VerifyEmail => SignedDuration::from_hours(24),
            Self::ResetPassword => SignedDuration::from_hours(1),
            Self::SignIn => SignedDuration::from_mins(10),
        }
    }
}

/// A link that was sent. Its token is not here: only the letter has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub user_id: UserId,
    pub purpose: Purpose,
    /// Where it was sent to: whoever has the token reads what arrives there.
    pub email: Email,
    pub expires_at: Timestamp,
}

impl Link {
    /// A link as of now.
    pub fn new(user_id: UserId, purpose: Purpose, email: Email, now: Timestamp) -> Self {
        Self { user_id, purpose, email, expires_at: now + purpose.lifetime() }
    }
}
