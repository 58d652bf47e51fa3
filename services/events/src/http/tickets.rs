//! `/api/v1/tickets`, and tickets bought singly.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use contracts::ids::{EventId, OrderId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service_kit::http::{IdempotencyKey, Identity, IfMatch, Json, Path, Query, Versioned};
use service_kit::paging::{Page, PageQuery, Paged};
use service_kit::{FieldErrors, Problem};
use stdx::Money;

use super::orders::{person, wanted_event};
use crate::Events;
use crate::domain::order::{NewOrder, Wish};
use crate::domain::ticket::{CheckIn, Ticket, TicketCode, TicketFilter, TicketStatus};
use crate::error::Error;
use crate::store::ticket::TicketCursor;

/// What becomes of a ticket.
#[derive(utoipa::ToSchema)]
#[schema(as = TicketStatus, rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the texts that the domain gives")]
pub enum TicketStatusView {
    Valid,
    CheckedIn,
    Cancelled,
}

/// The right to one seat.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Ticket)]
pub struct TicketView {
    /// What is printed; as input, case, spaces and hyphens do not matter.
    #[schema(example = "7KQ2-M9XD-4TBA-PR3W")]
    code: String,
    order_id: OrderId,
    event_id: EventId,
    /// Packets are not sold yet: always `null`.
    #[schema(required, value_type = Option<String>, format = Uuid)]
    packet_id: Option<EventId>,
    owner_id: UserId,
    holder_name: String,
    #[schema(value_type = TicketStatusView)]
    status: &'static str,
    price: Money,
    #[schema(value_type = String, format = DateTime)]
    issued_at: Timestamp,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    checked_in_at: Option<Timestamp>,
    #[schema(required)]
    checked_in_by: Option<UserId>,
}

impl From<&Ticket> for TicketView {
    fn from(ticket: &Ticket) -> Self {
        Self {
            code: ticket.code.to_string(),
            order_id: ticket.order_id,
            event_id: ticket.event_id,
            packet_id: None,
            owner_id: ticket.owner_id,
            holder_name: ticket.holder_name.clone(),
            status: ticket.status.as_str(),
            price: ticket.price,
            issued_at: ticket.issued_at,
            checked_in_at: ticket.checked_in_at,
            checked_in_by: ticket.checked_in_by,
        }
    }
}

fn versioned(ticket: &Ticket) -> Versioned<TicketView> {
    Versioned { version: ticket.version(), body: ticket.into() }
}

/// Which ticket is bought.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = BuyTicket)]
pub struct BuyTicketRequest {
    event_id: Option<EventId>,
    /// Packets are not sold yet.
    #[schema(value_type = Option<String>, format = Uuid)]
    packet_id: Option<Value>,
}

impl BuyTicketRequest {
    fn parse(&self, buyer_id: UserId) -> Result<NewOrder, FieldErrors> {
        let event_id = wanted_event(self.event_id, self.packet_id.as_ref());
        let event_id = event_id.map_err(|(field, what)| FieldErrors::one(field, what))?;
        Ok(NewOrder { buyer_id, buyer: None, wishes: vec![Wish { event_id, quantity: 1 }] })
    }
}

/// At which door, and when.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CheckIn)]
pub struct CheckInRequest {
    /// The event of the door; any event of the ticket's organiser when absent.
    event_id: Option<EventId>,
    /// When the ticket was scanned, for a scan that is sent later; a time in the future counts as now.
    #[schema(value_type = Option<String>, format = DateTime)]
    scanned_at: Option<Timestamp>,
}

impl From<CheckInRequest> for CheckIn {
    fn from(request: CheckInRequest) -> Self {
        Self { event_id: request.event_id, scanned_at: request.scanned_at }
    }
}

/// Which tickets are wanted.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct TicketsQuery {
    /// All of this event that one may see; one's own of any event when absent.
    event_id: Option<EventId>,
    status: Option<String>,
}

impl TicketsQuery {
    fn parse(self) -> Result<TicketFilter, FieldErrors> {
        let status = self.status.map(|status| TicketStatus::parse(&status)).transpose();
        let status = status.map_err(|error| FieldErrors::one("status", error))?;
        Ok(TicketFilter { event_id: self.event_id, status })
    }
}

/// Reads a code in a path: one that no ticket can have is the code of no ticket.
fn code_in_path(code: &str) -> Result<TicketCode, Error> {
    TicketCode::parse(code).ok_or(Error::TicketNotFound)
}

/// A forged cursor must not carry into the database what no code can have.
fn check_cursor(page: &Page<TicketCursor>) -> Result<(), service_kit::Error> {
    let is_forged = page.after.as_ref().is_some_and(|(_, code)| TicketCode::parse(code).is_none());
    let forged = || service_kit::Error::Malformed("`cursor` is not one this list has given".into());
    if is_forged { Err(forged()) } else { Ok(()) }
}

/// Buy one ticket for a client
#[utoipa::path(post, path = "/api/v1/clients/{id}/tickets", request_body = BuyTicketRequest,
    params(("id" = UserId, Path), ("Idempotency-Key" = Option<String>, Header,
        min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, body = TicketView)))]
pub async fn buy_ticket(
    State(events): State<Arc<Events>>,
    Identity(actor): Identity,
    Path(client_id): Path<UserId>,
    key: Option<IdempotencyKey>,
    Json(request): Json<BuyTicketRequest>,
) -> Result<(StatusCode, Versioned<TicketView>), Problem> {
    person(&actor).map_err(Error::from)?;
    let order = events.place_order(&actor, key, request.parse(client_id)?).await?;
    let ticket = order.tickets.first().ok_or(Error::TicketNotFound)?;
    Ok((StatusCode::CREATED, versioned(ticket)))
}

/// List tickets, the latest first
#[utoipa::path(get, path = "/api/v1/tickets", params(TicketsQuery, PageQuery),
    responses((status = 200, body = Paged<TicketView>)))]
pub async fn list_tickets(
    State(events): State<Arc<Events>>,
    Identity(actor): Identity,
    Query(query): Query<TicketsQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Paged<TicketView>>, Problem> {
    let (filter, page) = (query.parse()?, page.page()?);
    check_cursor(&page)?;
    let rows = events.list_tickets(&actor, &filter, &page).await?;
    let key =
        |ticket: &Ticket| (ticket.issued_at.as_millisecond(), ticket.code.as_str().to_owned());
    Ok(Json(Paged::new(rows, page.limit, key, |ticket| TicketView::from(&ticket))))
}

/// One ticket
#[utoipa::path(get, path = "/api/v1/tickets/{code}", params(("code" = String, Path)),
    responses((status = 200, body = TicketView)))]
pub async fn find_ticket(
    State(events): State<Arc<Events>>,
    Identity(actor): Identity,
    Path(code): Path<String>,
) -> Result<Versioned<TicketView>, Problem> {
    Ok(versioned(&events.find_ticket(&actor, code_in_path(&code)?).await?))
}

/// Give a ticket back; its seat is free again
#[utoipa::path(delete, path = "/api/v1/tickets/{code}", params(("code" = String, Path)),
    responses((status = 204)))]
pub async fn cancel_ticket(
    State(events): State<Arc<Events>>,
    Identity(actor): Identity,
    Path(code): Path<String>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    events.cancel_ticket(&actor, code_in_path(&code)?, if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let the holder of a ticket in, once
///
/// A ticket for another event than `eventId` is refused and not used: 409 `ticket_of_other_event`.
#[utoipa::path(post, path = "/api/v1/tickets/{code}/check-in", params(("code" = String, Path)),
    request_body = Option<CheckInRequest>,
    responses((status = 200, body = TicketView)))]
pub async fn check_in(
    State(events): State<Arc<Events>>,
    Identity(actor): Identity,
    Path(code): Path<String>,
    request: Option<Json<CheckInRequest>>,
) -> Result<Versioned<TicketView>, Problem> {
    let check_in = request.map(|Json(request)| request.into()).unwrap_or_default();
    Ok(versioned(&events.check_in(&actor, code_in_path(&code)?, check_in).await?))
}
