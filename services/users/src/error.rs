//! What can go wrong with accounts.

use contracts::ids::{PasskeyId, UserId};
use jiff::SignedDuration;
use service_kit::{FieldErrors, Kind, ServiceError};

use crate::domain::{PASSKEYS_MAX, RoleName};

/// The result of everything in this service.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every error of this service; its kind becomes an HTTP status and a gRPC code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no account `{0}`")]
    NotFound(UserId),
    #[error("there is no active account like that")]
    NoneLikeThat,
    #[error("an account with this e-mail address already exists; sign in, or use another address")]
    EmailTaken,
    #[error("e-mail address and password do not belong together, or the account is disabled")]
    BadCredentials,
    #[error("this is the last active administrator; make another one first")]
    LastAdministrator,
    #[error("the account does not hold the role `{0}` there")]
    RoleNotHeld(String),
    #[error(
        "not permitted: giving `{role}` needs all that it permits, and you do not hold `{permission}` here"
    )]
    BeyondOwnPermissions { role: RoleName, permission: String },
    #[error("this link has been used, or is not the latest one; restart the server for a new one")]
    SetupClosed,
    #[error("this link has been used, is too old, or a newer one was sent; ask for another one")]
    LinkNotValid,
    #[error("this link has been used, is too old, or a newer one was sent; ask for another one")]
    SignInLinkNotValid,
    #[error(
        "passkeys need a site with a name and https, or http://localhost; have `node.public_url` set to such an address"
    )]
    PasskeysUnavailable,
    #[error(
        "this passkey opens no account here, or it took too long; try again, or use another way"
    )]
    BadPasskey,
    #[error("no passkey waits to be added, or it took longer than five minutes; begin anew")]
    PasskeyNotStarted,
    #[error("there is no passkey `{0}`")]
    PasskeyNotFound(PasskeyId),
    #[error("this passkey opens an account already")]
    PasskeyTaken,
    #[error("an account has at most {PASSKEYS_MAX} passkeys; take one away first")]
    TooManyPasskeys,
    #[error("the first step is right; the account also wants a code of its authenticator")]
    SecondFactorRequired,
    #[error("this code is wrong or was used before; wait for the next one, or use a recovery code")]
    BadSecondFactor,
    #[error("there is an authenticator already; take it away first")]
    TotpActive,
    #[error("no authenticator waits to be confirmed; begin anew")]
    TotpNotStarted,
    #[error("too many wrong tries; try again in {seconds} s")]
    TooManyAttempts { seconds: u32 },
    #[error("too many passwords are being checked at this moment")]
    TooManyPasswords,
    #[error(transparent)]
    Platform(#[from] service_kit::Error),
}

service_kit::platform_errors!(Error);

impl ServiceError for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::NotFound(_)
            | Self::NoneLikeThat
            | Self::RoleNotHeld(_)
            | Self::TotpNotStarted
            | Self::PasskeyNotStarted
            | Self::PasskeyNotFound(_) => Kind::NotFound,
            Self::EmailTaken
            | Self::LastAdministrator
            | Self::TotpActive
            | Self::PasskeysUnavailable
            | Self::PasskeyTaken
            | Self::TooManyPasskeys => Kind::Conflict,
            Self::BadCredentials
            | Self::BadPasskey
            | Self::SignInLinkNotValid
            | Self::SecondFactorRequired
            | Self::BadSecondFactor => Kind::Unauthenticated,
            Self::BeyondOwnPermissions { .. } | Self::SetupClosed | Self::LinkNotValid => {
                Kind::NotPermitted
            }
            Self::TooManyAttempts { .. } => Kind::TooMany,
            Self::TooManyPasswords => Kind::Unavailable,
            Self::Platform(error) => error.kind(),
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::NotFound(_) => "user_not_found",
            Self::NoneLikeThat => "no_such_user",
            Self::EmailTaken => "email_taken",
            Self::BadCredentials => "bad_credentials",
            Self::LastAdministrator => "last_administrator",
            Self::RoleNotHeld(_) => "role_not_held",
            Self::SetupClosed => "setup_closed",
            Self::LinkNotValid | Self::SignInLinkNotValid => "link_not_valid",
            Self::PasskeysUnavailable => "passkeys_unavailable",
            Self::BadPasskey => "bad_passkey",
            Self::PasskeyNotStarted => "passkey_not_started",
            Self::PasskeyNotFound(_) => "passkey_not_found",
            Self::PasskeyTaken => "passkey_taken",
            Self::TooManyPasskeys => "too_many_passkeys",
            Self::SecondFactorRequired => "second_factor_required",
            Self::BadSecondFactor => "bad_second_factor",
            Self::TotpActive => "totp_active",
            Self::TotpNotStarted => "totp_not_started",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::BeyondOwnPermissions { .. } | Self::TooManyPasswords => self.kind().code(),
            Self::Platform(error) => error.code(),
        }
    }

    fn fields(&self) -> Option<&FieldErrors> {
        match self {
            Self::Platform(error) => error.fields(),
            _ => None,
        }
    }

    fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::TooManyAttempts { seconds } => Some(*seconds),
            Self::Platform(error) => error.retry_after_seconds(),
            _ => None,
        }
    }
}

impl Error {
    /// The caller has to wait: whole seconds, at least one.
    pub fn too_many_attempts(wait: SignedDuration) -> Self {
        let seconds = (wait.as_millis() + 999) / 1000;
        Self::TooManyAttempts { seconds: u32::try_from(seconds.max(1)).unwrap_or(u32::MAX) }
    }
}

/// Why [`crate::create_user`] made no account.
#[derive(Debug, thiserror::Error)]
pub enum CreateUserError {
    /// The e-mail address, the password or the role cannot be taken.
    #[error("{0}")]
    Invalid(#[from] FieldErrors),
    /// There is an account with this e-mail address.
    #[error("an account with this e-mail address already exists; use another address")]
    EmailTaken,
    /// The database, or a fault of ours.
    #[error("{0}")]
    Failed(String),
}

impl From<Error> for CreateUserError {
    fn from(error: Error) -> Self {
        match error {
            Error::EmailTaken => Self::EmailTaken,
            other => Self::Failed(other.to_string()),
        }
    }
}
