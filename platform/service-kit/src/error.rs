//! Errors of services: each has a kind, from which the HTTP status and the gRPC code follow.

use std::fmt;

use ::http::StatusCode;
use policies::Denied;
use tonic::Code;

use crate::validation::FieldErrors;

/// What a caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be read: write it differently.
    Malformed,
    /// Sign in, or sign in again.
    Unauthenticated,
    /// Not permitted to this actor.
    NotPermitted,
    /// There is no such thing.
    NotFound,
    /// In conflict with the present state.
    Conflict,
    /// `If-Match` named a version that is not the present one: read again.
    Stale,
    /// Readable, but with values that are not allowed.
    Invalid,
    /// Too many requests; later.
    TooMany,
    /// Something needed is away; later.
    Unavailable,
    /// A fault of ours. Logged, never explained to the caller.
    Internal,
}

impl Kind {
    /// The status of an HTTP answer.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::NotPermitted => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Stale => StatusCode::PRECONDITION_FAILED,
            Self::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The code of a gRPC answer.
    pub fn grpc(self) -> Code {
        match self {
            Self::Malformed | Self::Invalid => Code::InvalidArgument,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::NotPermitted => Code::PermissionDenied,
            Self::NotFound => Code::NotFound,
            Self::Conflict => Code::FailedPrecondition,
            Self::Stale => Code::Aborted,
            Self::TooMany => Code::ResourceExhausted,
            Self::Unavailable => Code::Unavailable,
            Self::Internal => Code::Internal,
        }
    }

    fn of_grpc(code: Code) -> Self {
        match code {
            Code::InvalidArgument => Self::Invalid,
            Code::Unauthenticated => Self::Unauthenticated,
            Code::PermissionDenied => Self::NotPermitted,
            Code::NotFound => Self::NotFound,
            Code::FailedPrecondition | Code::AlreadyExists => Self::Conflict,
            Code::Aborted => Self::Stale,
            Code::ResourceExhausted => Self::TooMany,
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Self::Unavailable,
            _ => Self::Internal,
        }
    }

    /// The stable code of an error that has no better one.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed_request",
            Self::Unauthenticated => "unauthenticated",
            Self::NotPermitted => "not_permitted",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Stale => "stale_version",
            Self::Invalid => "invalid_values",
            Self::TooMany => "too_many_requests",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal_error",
        }
    }
}

/// A service's error type. Its `Display` is for the person who called: lower case, no full stop, says what to do.
pub trait ServiceError: std::error::Error + Send + Sync + 'static {
    /// What the caller can do about it.
    fn kind(&self) -> Kind;

    /// Stable, lower snake case: programs decide by it.
    fn code(&self) -> &str {
        self.kind().code()
    }

    /// Which fields are wrong, for [`Kind::Invalid`].
    fn fields(&self) -> Option<&FieldErrors> {
        None
    }

    /// How long to wait before trying again, where that is known.
    fn retry_after_seconds(&self) -> Option<u32> {
        None
    }

    /// Further members of the problem document.
    fn extensions(&self) -> serde_json::Map<String, serde_json::Value> {
        serde_json::Map::new()
    }
}

/// The errors that any service may have.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No policy permits it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Values out of range.
    #[error("some values are not allowed")]
    Invalid(#[from] FieldErrors),
    /// The path, query or header cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// `If-Match` does not name the present version.
    #[error("somebody else has changed this meanwhile; read it again and repeat the change")]
    Stale,
    /// The database.
    #[error(transparent)]
    Database(#[from] database::Error),
    /// An answer of another service.
    #[error("{message}")]
    Remote {
        /// What the caller can do about it.
        kind: Kind,
        /// The code the other service gave.
        code: String,
        /// Its words.
        message: String,
        /// How long it wants the caller to wait.
        retry_after_seconds: Option<u32>,
    },
    /// A fault of ours.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// A fault of ours, from whatever explains it.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::Internal(cause.to_string())
    }
}

impl ServiceError for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Denied(Denied::Anonymous) => Kind::Unauthenticated,
            Self::Denied(Denied::NotPermitted(_)) => Kind::NotPermitted,
            Self::Invalid(_) => Kind::Invalid,
            Self::Malformed(_) => Kind::Malformed,
            Self::Stale => Kind::Stale,
            Self::Database(database::Error::Unavailable(_)) => Kind::Unavailable,
            Self::Database(_) | Self::Internal(_) => Kind::Internal,
            Self::Remote { kind, .. } => *kind,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::Remote { code, .. } => code,
            other => other.kind().code(),
        }
    }

    fn fields(&self) -> Option<&FieldErrors> {
        match self {
            Self::Invalid(fields) => Some(fields),
            _ => None,
        }
    }

    fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::Remote { retry_after_seconds, .. } => *retry_after_seconds,
            _ => None,
        }
    }
}

impl ServiceError for FieldErrors {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn fields(&self) -> Option<&FieldErrors> {
        Some(self)
    }
}

/// Carries an error's stable code over gRPC.
pub(crate) const CODE_METADATA: &str = "backline-code";
/// Carries over gRPC how long to wait.
pub(crate) const RETRY_AFTER_METADATA: &str = "backline-retry-after";

impl From<tonic::Status> for Error {
    fn from(status: tonic::Status) -> Self {
        let kind = Kind::of_grpc(status.code());
        let said = |name| status.metadata().get(name).and_then(|value| value.to_str().ok());
        Self::Remote {
            kind,
            code: said(CODE_METADATA).unwrap_or(kind.code()).to_owned(),
            message: status.message().to_owned(),
            retry_after_seconds: said(RETRY_AFTER_METADATA).and_then(|text| text.parse().ok()),
        }
    }
}

/// Gives a service's error enum, which has a variant `Platform(service_kit::Error)`, the conversions of
/// what `?` meets in use cases and store.
#[macro_export]
macro_rules! platform_errors {
    ($error:ty) => {
        $crate::platform_errors!($error; $crate::DbErr => |e| ::database::Error::from(e).into());
        $crate::platform_errors!($error; ::database::Error => |e| e.into());
        $crate::platform_errors!($error; ::policies::Denied => |e| e.into());
        $crate::platform_errors!($error; $crate::FieldErrors => |e| e.into());
        $crate::platform_errors!($error; ::tonic::Status => |e| e.into());
    };
    ($error:ty; $cause:ty => |$e:ident| $convert:expr) => {
        impl From<$cause> for $error {
            fn from($e: $cause) -> Self {
                Self::Platform($convert)
            }
        }
    };
}
