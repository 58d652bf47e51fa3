//! What can go wrong with sessions and tokens.

use identity::ProofFault;
use service_kit::{FieldErrors, Kind, ServiceError};

/// The result of everything in this service.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every error of this service; its kind becomes an HTTP status and a gRPC code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the refresh token is not valid any more; sign in again")]
    BadRefreshToken,
    #[error("sign in to do this")]
    NotSignedIn,
    #[error("there is no such session")]
    SessionNotFound,
    #[error("there is no such client")]
    ClientNotFound,
    #[error("nothing has been allowed to this client")]
    ConsentNotFound,

    // What clients are told at the token endpoint and beside it, in the words of RFC 6749, section 5.2, and of the
    // RFCs that add to it. The code is the `error`.
    #[error("{0}")]
    InvalidRequest(&'static str),
    #[error("the client is not known, or has not proved who it is")]
    InvalidClient,
    #[error("{0}")]
    InvalidGrant(&'static str),
    #[error("{0}")]
    UnauthorizedClient(&'static str),
    #[error("this grant type is not supported; see `grant_types_supported`")]
    UnsupportedGrantType,
    #[error("{0}")]
    InvalidScope(&'static str),
    #[error("the token is not good, or not any more")]
    InvalidToken,
    /// At an endpoint for clients.
    #[error("{0}")]
    InvalidProof(ProofFault),
    /// Beside an access token.
    #[error("{0}")]
    UnprovedToken(ProofFault),
    #[error(
        "a token that is bound to a key is sent as `DPoP` with a proof, any other one as `Bearer`"
    )]
    InvalidBoundToken,
    #[error("the token does not have the scope `openid`")]
    InsufficientScope,
    #[error("the user has not decided yet; ask again in a while")]
    AuthorizationPending,
    #[error("ask less often")]
    SlowDown,
    #[error("the user has refused")]
    AccessDenied,
    #[error("the device code has run out; begin again")]
    ExpiredToken,
    #[error("{0}")]
    InvalidMetadata(FieldErrors),
    #[error(transparent)]
    Platform(#[from] service_kit::Error),
}

/// The keys could not be replaced; the text says why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RotateKeysError(String);

impl From<Error> for RotateKeysError {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

service_kit::platform_errors!(Error);

impl ServiceError for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::BadRefreshToken
            | Self::NotSignedIn
            | Self::InvalidClient
            | Self::InvalidToken
            | Self::UnprovedToken(_)
            | Self::InvalidBoundToken => Kind::Unauthenticated,
            Self::SessionNotFound | Self::ClientNotFound | Self::ConsentNotFound => Kind::NotFound,
            Self::InsufficientScope => Kind::NotPermitted,
            Self::Platform(error) => error.kind(),
            _ => Kind::Malformed,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::BadRefreshToken => "bad_refresh_token",
            Self::NotSignedIn => "unauthenticated",
            Self::SessionNotFound => "session_not_found",
            Self::ClientNotFound => "client_not_found",
            Self::ConsentNotFound => "consent_not_found",
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant(_) => "invalid_grant",
            Self::UnauthorizedClient(_) => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope(_) => "invalid_scope",
            Self::InvalidToken | Self::InvalidBoundToken => "invalid_token",
            // A client is told what is wrong with its proof, whatever that is.
            Self::InvalidProof(_) => "invalid_dpop_proof",
            Self::UnprovedToken(fault) => fault.error(),
            Self::InsufficientScope => "insufficient_scope",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::AccessDenied => "access_denied",
            Self::ExpiredToken => "expired_token",
            Self::InvalidMetadata(_) => "invalid_client_metadata",
            Self::Platform(error) => error.code(),
        }
    }

    fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::Platform(error) => error.retry_after_seconds(),
            _ => None,
        }
    }

    fn fields(&self) -> Option<&FieldErrors> {
        match self {
            Self::Platform(error) => error.fields(),
            Self::InvalidMetadata(fields) => Some(fields),
            _ => None,
        }
    }
}
