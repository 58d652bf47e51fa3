//! What can go wrong with the audit log.

use service_kit::{FieldErrors, Kind, ServiceError};

/// The result of everything in this service.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every error of this service; its kind becomes an HTTP status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("more than {max} entries match; choose a shorter time or fewer actions")]
    TooManyEntries { max: u64 },
    #[error(transparent)]
    Platform(#[from] service_kit::Error),
}

service_kit::platform_errors!(Error);

impl ServiceError for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::TooManyEntries { .. } => Kind::Invalid,
            Self::Platform(error) => error.kind(),
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::TooManyEntries { .. } => "too_many_entries",
            Self::Platform(error) => error.code(),
        }
    }

    fn fields(&self) -> Option<&FieldErrors> {
        match self {
            Self::TooManyEntries { .. } => None,
            Self::Platform(error) => error.fields(),
        }
    }
}
