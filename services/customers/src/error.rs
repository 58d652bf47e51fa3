//! What can go wrong with customers.

use contracts::ids::CustomerId;
use service_kit::{FieldErrors, Kind, ServiceError};

use crate::domain::FOUNDED_MAX;

/// The result of everything in this service.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every error of this service; its kind becomes an HTTP status and a gRPC code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no customer `{0}`")]
    NotFound(CustomerId),
    #[error(
        "a customer with this organisation number already exists; ask who runs it to let you in"
    )]
    OrgNumberTaken,
    #[error(
        "you have founded {FOUNDED_MAX} customers, which is the most; ask an administrator to enter it"
    )]
    TooManyFounded,
    #[error("customers are entered by administrators here; ask one of them")]
    FoundingClosed,
    #[error(transparent)]
    Platform(#[from] service_kit::Error),
}

service_kit::platform_errors!(Error);

impl ServiceError for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::NotFound(_) => Kind::NotFound,
            Self::OrgNumberTaken | Self::TooManyFounded => Kind::Conflict,
            Self::FoundingClosed => Kind::NotPermitted,
            Self::Platform(error) => error.kind(),
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::NotFound(_) => "customer_not_found",
            Self::OrgNumberTaken => "org_number_taken",
            Self::TooManyFounded => "too_many_customers",
            Self::FoundingClosed => "founding_closed",
            Self::Platform(error) => error.code(),
        }
    }

    fn fields(&self) -> Option<&FieldErrors> {
        match self {
            Self::Platform(error) => error.fields(),
            _ => None,
        }
    }
}
