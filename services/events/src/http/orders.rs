//! `/api/v1/orders`

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use contracts::ids::{CustomerId, EventId, OrderId, UserId};
use jiff::Timestamp;
use policies::{Actor, Denied};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service_kit::http::{IdempotencyKey, Identity, Json, Path, Query, Versioned};
use service_kit::paging::{PageQuery, Paged};
use service_kit::{Error, FieldErrors, Problem};
use stdx::Money;

use super::tickets::TicketView;
use crate::Events;
use crate::domain::order::{
    Buyer, NewOrder, Order, OrderLine, parse_buyer_email, parse_buyer_name, parse_wishes,
};

/// What becomes of an order.
#[derive(utoipa::ToSchema)]
#[schema(as = OrderStatus, rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the texts that the domain gives")]
pub enum OrderStatusView {
    Confirmed,
    Cancelled,
}

/// Tickets bought together.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Order)]
pub struct OrderView {
    id: OrderId,
    #[schema(value_type = OrderStatusView)]
    status: &'static str,
    buyer_id: UserId,
    #[schema(required)]
    buyer: Option<BuyerView>,
    lines: Vec<OrderLineView>,
    total: Money,
    tickets: Vec<TicketView>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// Who bought, as it stands on the tickets.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Buyer)]
pub struct BuyerView {
    name: String,
    #[schema(required)]
    email: Option<String>,
}

/// Tickets of one event in an order.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderLine)]
pub struct OrderLineView {
    event_id: EventId,
    /// Packets are not sold yet: always `null`.
    #[schema(required, value_type = Option<String>, format = Uuid)]
    packet_id: Option<EventId>,
    quantity: u32,
    unit_price: Money,
}

impl From<&Order> for OrderView {
    fn from(order: &Order) -> Self {
        Self {
            id: order.id,
            status: order.status.as_str(),
            buyer_id: order.buyer_id,
            buyer: order.buyer.as_ref().map(BuyerView::from),
            lines: order.lines.iter().map(OrderLineView::from).collect(),
            total: order.total,
            tickets: order.tickets.iter().map(TicketView::from).collect(),
            created_at: order.created_at,
        }
    }
}

impl From<&Buyer> for BuyerView {
    fn from(buyer: &Buyer) -> Self {
        Self { name: buyer.name.clone(), email: buyer.email.clone() }
    }
}

impl From<&OrderLine> for OrderLineView {
    fn from(line: &OrderLine) -> Self {
        let OrderLine { event_id, quantity, unit_price } = *line;
        Self { event_id, packet_id: None, quantity, unit_price }
    }
}

fn versioned(order: &Order) -> Versioned<OrderView> {
    Versioned { version: order.version(), body: order.into() }
}

/// What somebody wants to buy: 1 to 20 tickets.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PlaceOrder)]
pub struct PlaceOrderRequest {
    #[schema(min_items = 1, max_items = 20)]
    lines: Vec<OrderLineRequest>,
    #[schema(nullable)]
    buyer: Option<BuyerRequest>,
}

/// So many tickets of one event.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PlaceOrderLine)]
pub struct OrderLineRequest {
    event_id: Option<EventId>,
    /// Packets are not sold yet.
    #[schema(value_type = Option<String>, format = Uuid)]
    packet_id: Option<Value>,
    #[schema(minimum = 1, maximum = 20)]
    quantity: i64,
}

/// Who buys, as it is to stand on the tickets.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PlaceOrderBuyer)]
pub struct BuyerRequest {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[schema(max_length = 254)]
    email: Option<String>,
}

impl PlaceOrderRequest {
    fn parse(self, buyer_id: UserId) -> Result<NewOrder, FieldErrors> {
        let mut lines = vec![];
        for (place, line) in self.lines.iter().enumerate() {
            let event_id = wanted_event(line.event_id, line.packet_id.as_ref());
            let event_id = event_id.map_err(|(field, what)| {
                FieldErrors::one(format!("lines[{place}].{field}"), what)
            })?;
            lines.push((event_id, line.quantity));
        }
        let wishes = parse_wishes(&lines)?;
        let buyer = self.buyer.map(BuyerRequest::parse).transpose()?;
        Ok(NewOrder { buyer_id, buyer, wishes })
    }
}

impl BuyerRequest {
    fn parse(self) -> Result<Buyer, FieldErrors> {
        let mut errors = FieldErrors::new();
        let name = errors.check("buyer.name", parse_buyer_name(&self.name));
        let email = self.email.map(|email| parse_buyer_email(&email));
        let email = errors.check_optional("buyer.email", email);
        errors.finish(name.zip(email).map(|(name, email)| Buyer { name, email }))
    }
}

/// The event that is bought, or which field is wrong and why: packets are not sold here yet.
pub fn wanted_event(
    event_id: Option<EventId>,
    packet_id: Option<&Value>,
) -> Result<EventId, (&'static str, &'static str)> {
    if packet_id.is_some() {
        return Err(("packetId", "packets are not on sale yet; order their events"));
    }
    event_id.ok_or(("eventId", "must name the event"))
}

/// Only a person buys.
pub fn person(actor: &Actor) -> Result<UserId, Denied> {
    let user_id = actor.user_id().map(UserId);
    user_id.ok_or_else(|| match actor.is_anonymous() {
        true => Denied::Anonymous,
        false => Denied::NotPermitted("orders:create".into()),
    })
}

/// Which orders are wanted.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct OrdersQuery {
    /// Those of this customer's events alone; one's own when absent.
    customer_id: Option<CustomerId>,
}

/// Buy tickets: all of the order, or none
///
/// With an `Idempotency-Key` the same order, sent again, answers the order that was placed.
#[utoipa::path(post, path = "/api/v1/orders", request_body = PlaceOrderRequest,
    params(("Idempotency-Key" = Option<String>, Header,
        min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, body = OrderView)))]
pub async fn place_order(
    State(events): State<Arc<Events>>,
    Identity(actor): Identity,
    key: Option<IdempotencyKey>,
    Json(request): Json<PlaceOrderRequest>,
) -> Result<(StatusCode, Versioned<OrderView>), Problem> {
    let new_order = request.parse(person(&actor).map_err(Error::from)?)?;
    let order = events.place_order(&actor, key, new_order).await?;
    Ok((StatusCode::CREATED, versioned(&order)))
}

/// List orders, the latest first
#[utoipa::path(get, path = "/api/v1/orders", params(OrdersQuery, PageQuery),
    responses((status = 200, body = Paged<OrderView>)))]
pub async fn list_orders(
    State(events): State<Arc<Events>>,
    Identity(actor): Identity,
    Query(query): Query<OrdersQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Paged<OrderView>>, Problem> {
    let page = page.page()?;
    let rows = events.list_orders(&actor, query.customer_id, &page).await?;
    Ok(Json(Paged::new(rows, page.limit, |order| order.id, |order| OrderView::from(&order))))
}

/// One order
#[utoipa::path(get, path = "/api/v1/orders/{id}", params(("id" = OrderId, Path)),
    responses((status = 200, body = OrderView)))]
pub async fn find_order(
    State(events): State<Arc<Events>>,
    Identity(actor): Identity,
    Path(order_id): Path<OrderId>,
) -> Result<Versioned<OrderView>, Problem> {
    Ok(versioned(&events.find_order(&actor, order_id).await?))
}
