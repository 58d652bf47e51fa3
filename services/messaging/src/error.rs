//! What can go wrong with looking at messages.

use messages::DeadLetterError;
use service_kit::{FieldErrors, Kind, ServiceError};

/// The result of everything in this service.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every error of this service; its kind becomes an HTTP status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no such dead letter; it may have been replayed or dropped already")]
    NoDeadLetter,
    #[error(transparent)]
    AtBroker(#[from] DeadLetterError),
    #[error(transparent)]
    Platform(#[from] service_kit::Error),
}

service_kit::platform_errors!(Error);

impl ServiceError for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::NoDeadLetter => Kind::NotFound,
            Self::AtBroker(DeadLetterError::NotKept) => Kind::Conflict,
            Self::AtBroker(DeadLetterError::NoConsumer | DeadLetterError::NoDeadLetter) => {
                Kind::NotFound
            }
            Self::AtBroker(DeadLetterError::Broker(_)) => Kind::Unavailable,
            Self::Platform(error) => error.kind(),
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::NoDeadLetter | Self::AtBroker(DeadLetterError::NoDeadLetter) => "no_dead_letter",
            Self::AtBroker(DeadLetterError::NotKept) => "dead_letters_not_kept",
            Self::AtBroker(DeadLetterError::NoConsumer) => "no_consumer",
            Self::AtBroker(DeadLetterError::Broker(_)) => self.kind().code(),
            Self::Platform(error) => error.code(),
        }
    }

    fn fields(&self) -> Option<&FieldErrors> {
        match self {
            Self::NoDeadLetter | Self::AtBroker(_) => None,
            Self::Platform(error) => error.fields(),
        }
    }

    fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::NoDeadLetter | Self::AtBroker(_) => None,
            Self::Platform(error) => error.retry_after_seconds(),
        }
    }
}
