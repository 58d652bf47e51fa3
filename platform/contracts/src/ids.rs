//! Typed ids: UUID v7, so that they sort by time of creation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! define_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
        )]
        #[serde(transparent)]
        #[schema(value_type = Uuid)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id.
            #[allow(clippy::new_without_default, reason = "every call makes another one")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Ok(Self(text.parse()?))
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

define_id!(
    /// An account.
    UserId
);
define_id!(
    /// An organiser or a crew company.
    CustomerId
);
define_id!(
    /// A signed-in session: the family of refresh tokens that one sign-in began.
    SessionId
);
define_id!(
    /// A passkey of an account.
    PasskeyId
);
define_id!(
    /// A concert, a festival day: what tickets are sold for.
    EventId
);
define_id!(
    /// A purchase of one or more tickets.
    OrderId
);
