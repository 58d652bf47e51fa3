//! What can go wrong with events, orders and tickets.

use contracts::ids::{EventId, OrderId, UserId};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use service_kit::{FieldErrors, Kind, ServiceError};

use crate::domain::event::EventStatus;

/// The result of everything in this service.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every error of this service; its kind becomes an HTTP status and a gRPC code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no event `{0}`")]
    EventNotFound(EventId),
    #[error("the event has been {}; it cannot become {} any more", .from.as_str(), .to.as_str())]
    StatusConflict { from: EventStatus, to: EventStatus },
    #[error("the event is over; move its end into the future first")]
    EventOver,
    #[error("{sold} seats are sold; the event needs at least as many")]
    SeatsBelowSold { sold: i64 },
    #[error(
        "tickets have been sold for this event; cancel it instead, or leave its price as it is"
    )]
    EventHasOrders,

    #[error("there is no order `{0}`")]
    OrderNotFound(OrderId),
    #[error("event `{0}` has not enough seats left for this order")]
    EventSoldOut(EventId),
    #[error("event `{0}` is not on sale")]
    EventNotOnSale(EventId),
    #[error("this key was used for another request; use a new one for a new order")]
    KeyReused(FieldErrors),
    #[error("too many orders are waiting; try again in a moment")]
    OrderDeskFull,
    #[error("the order was not answered in time; repeat it with the same idempotency key")]
    OrderDeskSlow,
    /// The stock was not what a locked read had said. Never seen by a caller unless it happens twice.
    #[error("the stock of event `{0}` moved")]
    StockMoved(EventId),

    #[error("there is no such ticket; check the code")]
    TicketNotFound,
    #[error("this ticket has been cancelled")]
    TicketCancelled,
    #[error("this ticket was checked in at {at}")]
    AlreadyCheckedIn { at: Timestamp, by: Option<UserId> },
    #[error("this ticket is for another event, `{0}`; it has not been used")]
    TicketOfOtherEvent(EventId),
    #[error("the event is over; its tickets cannot be given back any more")]
    TooLateToCancel,

    #[error(transparent)]
    Platform(#[from] service_kit::Error),
}

service_kit::platform_errors!(Error);

impl ServiceError for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::EventNotFound(_) | Self::OrderNotFound(_) | Self::TicketNotFound => {
                Kind::NotFound
            }
            Self::KeyReused(_) => Kind::Invalid,
            Self::OrderDeskFull | Self::OrderDeskSlow | Self::StockMoved(_) => Kind::Unavailable,
            Self::Platform(error) => error.kind(),
            _ => Kind::Conflict,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::EventNotFound(_) => "event_not_found",
            Self::StatusConflict { .. } => "event_status_conflict",
            Self::EventOver | Self::TooLateToCancel => "event_over",
            Self::SeatsBelowSold { .. } => "seats_below_sold",
            Self::EventHasOrders => "event_has_orders",
            Self::OrderNotFound(_) => "order_not_found",
            Self::EventSoldOut(_) => "event_sold_out",
            Self::EventNotOnSale(_) => "event_not_on_sale",
            Self::KeyReused(_) => "idempotency_key_reused",
            Self::OrderDeskFull => "order_desk_full",
            Self::OrderDeskSlow => "order_desk_slow",
            Self::StockMoved(_) => "stock_moved",
            Self::TicketNotFound => "ticket_not_found",
            Self::TicketCancelled => "ticket_cancelled",
            Self::AlreadyCheckedIn { .. } => "already_checked_in",
            Self::TicketOfOtherEvent(_) => "ticket_of_other_event",
            Self::Platform(error) => error.code(),
        }
    }

    fn fields(&self) -> Option<&FieldErrors> {
        match self {
            Self::KeyReused(fields) => Some(fields),
            Self::Platform(error) => error.fields(),
            _ => None,
        }
    }

    fn extensions(&self) -> Map<String, Value> {
        match self {
            Self::AlreadyCheckedIn { at, by } => Map::from_iter([
                ("checkedInAt".to_owned(), json!(at)),
                ("checkedInBy".to_owned(), json!(by)),
            ]),
            Self::EventSoldOut(event_id)
            | Self::EventNotOnSale(event_id)
            | Self::TicketOfOtherEvent(event_id) => {
                Map::from_iter([("eventId".to_owned(), json!(event_id))])
            }
            _ => Map::new(),
        }
    }
}

impl Error {
    /// The request with this key was another one.
    pub fn key_reused() -> Self {
        Self::KeyReused(FieldErrors::one("Idempotency-Key", "was used for another request"))
    }

    /// Whether the database was away: what was done in it may or may not have come to pass.
    pub fn is_database_away(&self) -> bool {
        let Self::Platform(service_kit::Error::Database(cause)) = self else { return false };
        matches!(cause, database::Error::Unavailable(_))
    }
}
