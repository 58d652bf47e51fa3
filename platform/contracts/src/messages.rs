//! The messages on the bus: one type each, with the state after the change, so that a consumer needs no call back.

use jiff::Timestamp;
use messages::Payload;
use serde::{Deserialize, Serialize};
use stdx::Money;

use crate::audit::AuditRecorded;
use crate::ids::{CustomerId, EventId, OrderId, SessionId, UserId};

macro_rules! payload {
    ($($name:ident => $kind:literal, |$it:ident| $subject:expr;)*) => {
        $(impl Payload for $name {
            const TYPE: &'static str = $kind;

            fn subject(&self) -> String {
                let $it = self;
                $subject.to_string()
            }
        })*

        /// The type of every message there is.
        pub const TYPES: &[&str] = &[$($kind),*];
    };
}

payload! {
    UserCreated => "user.created", |m| m.user_id;
    UserUpdated => "user.updated", |m| m.user_id;
    UserDeleted => "user.deleted", |m| m.user_id;
    UserPasswordChanged => "user.password_changed", |m| m.user_id;
    CrewCreated => "crew.created", |m| m.user_id;
    CrewUpdated => "crew.updated", |m| m.user_id;
    RoleCreated => "role.created", |m| m.name;
    RoleUpdated => "role.updated", |m| m.name;
    RoleDeleted => "role.deleted", |m| m.name;
    RoleAssigned => "role.assigned", |m| m.user_id;
    RoleRevoked => "role.revoked", |m| m.user_id;
    SessionEnded => "session.ended", |m| m.session_id;
    TokenRevoked => "token.revoked", |m| m.user_id;
    CustomerCreated => "customer.created", |m| m.customer_id;
    CustomerUpdated => "customer.updated", |m| m.customer_id;
    CustomerDeleted => "customer.deleted", |m| m.customer_id;
    EventCreated => "event.created", |m| m.event_id;
    EventUpdated => "event.updated", |m| m.event_id;
    EventDeleted => "event.deleted", |m| m.event_id;
    OrderPlaced => "order.placed", |m| m.order_id;
    TicketIssued => "ticket.issued", |m| m.code;
    TicketCancelled => "ticket.cancelled", |m| m.code;
    TicketCheckedIn => "ticket.checked_in", |m| m.code;
    AuditRecorded => "audit.recorded", |m| m.about();
}

/// Somebody signed up. Roles are not given yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are those of the account")]
pub struct UserCreated {
    pub user_id: UserId,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub customer_id: Option<CustomerId>,
}

/// An account changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are those of the account")]
pub struct UserUpdated {
    pub user_id: UserId,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub customer_id: Option<CustomerId>,
    pub is_active: bool,
}

/// An account is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserDeleted {
    /// Which.
    pub user_id: UserId,
}

/// Somebody has another password: whoever signed in with the one before is to sign in again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserPasswordChanged {
    /// Whose.
    pub user_id: UserId,
    /// The session in which it was changed, which goes on; none when a link was used.
    pub keep_session_id: Option<SessionId>,
}

/// Somebody became a crew member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are those of the crew member")]
pub struct CrewCreated {
    pub user_id: UserId,
    pub category: String,
    pub skills: Vec<String>,
    pub is_active: bool,
}

/// A crew member changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are those of the crew member")]
pub struct CrewUpdated {
    pub user_id: UserId,
    pub category: String,
    pub skills: Vec<String>,
    pub is_active: bool,
}

/// A role was defined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleCreated {
    /// Its name.
    pub name: String,
    /// What it permits.
    pub permissions: Vec<String>,
}

/// A role permits something else now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleUpdated {
    /// Its name.
    pub name: String,
    /// What it permits.
    pub permissions: Vec<String>,
}

/// A role is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleDeleted {
    /// Its name.
    pub name: String,
}

/// A role somebody holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldRole {
    /// The role's name.
    pub role: String,
    /// The customer it is limited to.
    pub customer_id: Option<CustomerId>,
}

/// Somebody was given a role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleAssigned {
    /// To whom.
    pub user_id: UserId,
    /// Which.
    #[serde(flatten)]
    pub granted: HeldRole,
    /// All roles the user has now.
    pub roles: Vec<HeldRole>,
}

/// A role was taken from somebody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleRevoked {
    /// From whom.
    pub user_id: UserId,
    /// Which.
    #[serde(flatten)]
    pub revoked: HeldRole,
    /// All roles the user has now.
    pub roles: Vec<HeldRole>,
}

/// A session is over: its refresh and access tokens are dead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names say it")]
pub struct SessionEnded {
    pub session_id: SessionId,
    pub user_id: UserId,
}

/// Every token a user was issued before a moment is dead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names say it")]
pub struct TokenRevoked {
    pub user_id: UserId,
    pub before: Timestamp,
}

/// An organiser or a crew company was founded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerCreated {
    /// Which.
    pub customer_id: CustomerId,
    /// Its name.
    pub name: String,
    /// `organiser` or `crewCompany`.
    pub customer_type: String,
    /// Who founded it and now runs it; nobody when an administrator entered it for others.
    pub founder_id: Option<UserId>,
    /// The role the founder gets in it.
    pub founder_role: Option<String>,
}

/// A customer changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are those of the customer")]
pub struct CustomerUpdated {
    pub customer_id: CustomerId,
    pub name: String,
    pub customer_type: String,
    pub is_active: bool,
}

/// A customer is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerDeleted {
    /// Which.
    pub customer_id: CustomerId,
}

macro_rules! event_message {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        #[allow(missing_docs, reason = "the fields are those of the event")]
        pub struct $name {
            pub event_id: EventId,
            pub customer_id: CustomerId,
            pub name: String,
            pub start_date: Timestamp,
            pub end_date: Timestamp,
            pub time_zone: String,
            pub location: String,
            pub status: String,
            pub seats: i64,
            pub price: Money,
        }
    };
}

event_message!(
    /// An event was planned.
    EventCreated
);
event_message!(
    /// An event changed: its date, its seats, its status.
    EventUpdated
);

/// An event is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names say it")]
pub struct EventDeleted {
    pub event_id: EventId,
    pub customer_id: CustomerId,
}

/// Somebody bought tickets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderPlaced {
    /// Which order.
    pub order_id: OrderId,
    /// Who bought.
    pub buyer_id: UserId,
    /// What it costs.
    pub total: Money,
    /// The tickets' codes.
    pub tickets: Vec<String>,
}

macro_rules! ticket_message {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        #[allow(missing_docs, reason = "the fields are those of the ticket")]
        pub struct $name {
            pub code: String,
            pub order_id: OrderId,
            pub event_id: EventId,
            pub customer_id: CustomerId,
            pub owner_id: UserId,
            pub price: Money,
        }
    };
}

ticket_message!(
    /// A ticket was sold.
    TicketIssued
);
ticket_message!(
    /// A ticket was given back; its seat is free again.
    TicketCancelled
);
ticket_message!(
    /// Somebody came in with a ticket.
    TicketCheckedIn
);
