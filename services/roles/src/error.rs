//! What can go wrong with roles.

use service_kit::{FieldErrors, Kind, ServiceError};

use crate::domain::RoleName;

/// The result of everything in this service.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every error of this service; its kind becomes an HTTP status and a gRPC code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no role `{0}`")]
    NotFound(String),
    #[error("a role named `{0}` already exists; choose another name")]
    NameTaken(RoleName),
    #[error("`{0}` is a built-in role and cannot be changed; define a role of your own instead")]
    BuiltIn(RoleName),
    #[error("`{name}` is given {holders} times; take it from everybody first")]
    InUse { name: RoleName, holders: i64 },
    #[error(transparent)]
    Platform(#[from] service_kit::Error),
}

service_kit::platform_errors!(Error);

impl ServiceError for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::NotFound(_) => Kind::NotFound,
            Self::NameTaken(_) | Self::BuiltIn(_) | Self::InUse { .. } => Kind::Conflict,
            Self::Platform(error) => error.kind(),
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::NotFound(_) => "role_not_found",
            Self::NameTaken(_) => "role_name_taken",
            Self::BuiltIn(_) => "role_built_in",
            Self::InUse { .. } => "role_in_use",
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
