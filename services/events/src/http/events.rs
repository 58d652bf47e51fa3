//! `/api/v1/events`

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use contracts::ids::{CustomerId, EventId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service_kit::http::{Identity, IfMatch, Json, Patch, Path, Query, Versioned};
use service_kit::paging::{PageQuery, Paged};
use service_kit::{FieldErrors, Problem};
use stdx::Money;

use crate::Events;
use crate::app::events::EventPatch;
use crate::domain::event::{
    Details, Event, EventChange, EventFilter, EventPlan, EventStatus, Period, parse_crew_slots,
    parse_description, parse_event_type, parse_location, parse_name, parse_price, parse_search,
    parse_seats, parse_time_zone,
};

/// What becomes of an event.
#[derive(utoipa::ToSchema)]
#[schema(as = EventStatus, rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the texts that the domain gives")]
pub enum EventStatusView {
    Draft,
    Published,
    Cancelled,
    Completed,
}

/// An event.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Event)]
pub struct EventView {
    id: EventId,
    customer_id: CustomerId,
    name: String,
    description: String,
    #[schema(value_type = String, format = DateTime)]
    start_date: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    end_date: Timestamp,
    /// IANA name of the zone in which the event takes place.
    #[schema(example = "Europe/Stockholm")]
    time_zone: String,
    location: String,
    #[schema(example = "concert")]
    event_type: String,
    #[schema(value_type = EventStatusView)]
    status: &'static str,
    seats: i64,
    /// Seats that can be bought now. Counts no change in `ETag`.
    seats_left: i64,
    price: Money,
    crew_slots: i64,
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    details: Value,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        let plan = event.plan;
        Self {
            id: event.id,
            customer_id: event.customer_id,
            name: plan.name,
            description: plan.description,
            start_date: plan.period.start,
            end_date: plan.period.end,
            time_zone: plan.time_zone,
            location: plan.location,
            event_type: plan.event_type,
            status: event.status.as_str(),
            seats: plan.seats,
            seats_left: event.seats_left,
            price: plan.price,
            crew_slots: plan.crew_slots,
            details: serde_json::from_str(plan.details.as_json()).unwrap_or_default(),
            created_at: event.created_at,
            updated_at: event.updated_at,
        }
    }
}

fn versioned(event: Event) -> Versioned<EventView> {
    Versioned { version: event.version, body: event.into() }
}

/// What a new event is made of.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CreateEvent)]
pub struct CreateEventRequest {
    customer_id: CustomerId,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[serde(default)]
    #[schema(max_length = 10000)]
    description: String,
    #[schema(value_type = String, format = DateTime)]
    start_date: Timestamp,
    /// After the start, by at most 366 days.
    #[schema(value_type = String, format = DateTime)]
    end_date: Timestamp,
    #[schema(example = "Europe/Stockholm")]
    time_zone: String,
    #[schema(max_length = 300)]
    location: String,
    /// Lower-case words joined by hyphens.
    #[schema(min_length = 1, max_length = 50, example = "concert")]
    event_type: String,
    #[schema(minimum = 0, maximum = 10_000_000)]
    seats: i64,
    price: Money,
    #[serde(default)]
    #[schema(minimum = 0, maximum = 100_000)]
    crew_slots: i64,
    /// At most 16 KiB.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    details: Map<String, Value>,
}

impl CreateEventRequest {
    fn parse(self) -> Result<(CustomerId, EventPlan), FieldErrors> {
        let mut errors = FieldErrors::new();
        let name = errors.check("name", parse_name(&self.name));
        let description = errors.check("description", parse_description(&self.description));
        let period = errors.check("endDate", Period::new(self.start_date, self.end_date));
        let time_zone = errors.check("timeZone", parse_time_zone(&self.time_zone));
        let location = errors.check("location", parse_location(&self.location));
        let event_type = errors.check("eventType", parse_event_type(&self.event_type));
        let seats = errors.check("seats", parse_seats(self.seats));
        let price = errors.check("price", parse_price(self.price));
        let crew_slots = errors.check("crewSlots", parse_crew_slots(self.crew_slots));
        let details = Details::parse(Value::Object(self.details).to_string());
        let details = errors.check("details", details);
        let plan = || {
            Some(EventPlan {
                name: name?,
                description: description?,
                period: period?,
                time_zone: time_zone?,
                location: location?,
                event_type: event_type?,
                seats: seats?,
                price: price?,
                crew_slots: crew_slots?,
                details: details?,
            })
        };
        errors.finish(plan()).map(|plan| (self.customer_id, plan))
    }
}

/// What changes about an event (JSON Merge Patch).
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = UpdateEvent)]
pub struct UpdateEventRequest {
    #[serde(default)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 200)]
    name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = String, required = false, max_length = 10000)]
    description: Patch<String>,
    #[serde(default)]
    #[schema(value_type = String, required = false, format = DateTime)]
    start_date: Patch<Timestamp>,
    #[serde(default)]
    #[schema(value_type = String, required = false, format = DateTime)]
    end_date: Patch<Timestamp>,
    #[serde(default)]
    #[schema(value_type = String, required = false)]
    time_zone: Patch<String>,
    #[serde(default)]
    #[schema(value_type = String, required = false, max_length = 300)]
    location: Patch<String>,
    #[serde(default)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 50)]
    event_type: Patch<String>,
    /// Not below what is sold.
    #[serde(default)]
    #[schema(value_type = i64, required = false, minimum = 0, maximum = 10_000_000)]
    seats: Patch<i64>,
    /// Stays once a ticket is sold.
    #[serde(default)]
    #[schema(value_type = Money, required = false)]
    price: Patch<Money>,
    #[serde(default)]
    #[schema(value_type = i64, required = false, minimum = 0, maximum = 100_000)]
    crew_slots: Patch<i64>,
    /// Merged into the present ones: `null` removes a member.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, Value>, required = false)]
    details: Patch<Map<String, Value>>,
    /// `draft` to `published`, `published` to `cancelled` or `completed`, `draft` to `cancelled`.
    #[serde(default)]
    #[schema(value_type = String, required = false)]
    status: Patch<String>,
}

impl UpdateEventRequest {
    fn parse(self) -> Result<EventPatch, FieldErrors> {
        let mut errors = FieldErrors::new();
        let status = |text: String| EventStatus::parse(&text);
        let change = EventChange {
            name: change("name", self.name, |text| parse_name(&text), &mut errors),
            description: change(
                "description",
                self.description,
                |text| parse_description(&text),
                &mut errors,
            ),
            start: self.start_date.required("startDate", &mut errors),
            end: self.end_date.required("endDate", &mut errors),
            time_zone: change(
                "timeZone",
                self.time_zone,
                |text| parse_time_zone(&text),
                &mut errors,
            ),
            location: change("location", self.location, |text| parse_location(&text), &mut errors),
            event_type: change(
                "eventType",
                self.event_type,
                |text| parse_event_type(&text),
                &mut errors,
            ),
            seats: change("seats", self.seats, parse_seats, &mut errors),
            price: change("price", self.price, parse_price, &mut errors),
            crew_slots: change("crewSlots", self.crew_slots, parse_crew_slots, &mut errors),
            details: None,
            status: change("status", self.status, status, &mut errors),
        };
        let details = self.details.required("details", &mut errors).map(Value::Object);
        errors.finish(Some(EventPatch { change, details }))
    }
}

/// A member of a patch, parsed if it is there. What is wrong with it is noted, and the request refused for it.
fn change<T, U, E: std::fmt::Display>(
    field: &str,
    patch: Patch<T>,
    parse: impl FnOnce(T) -> Result<U, E>,
    errors: &mut FieldErrors,
) -> Option<U> {
    let value = patch.required(field, errors)?;
    errors.check(field, parse(value))
}

/// Which events are wanted.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Events that start at this time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Events that start at this time or earlier.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Words in the name, location or type, whatever their case.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Words in the location, whatever their case.
    #[param(max_length = 200)]
    location: Option<String>,
    event_type: Option<String>,
    customer_id: Option<CustomerId>,
    status: Option<String>,
}

impl EventsQuery {
    fn parse(self) -> Result<EventFilter, FieldErrors> {
        let mut errors = FieldErrors::new();
        let mut search = |field, text: Option<String>| {
            let text = errors.check_optional(field, text.map(|text| parse_search(&text)));
            text.flatten().filter(|text| !text.is_empty())
        };
        let (text, location) = (search("q", self.q), search("location", self.location));
        let event_type = search("eventType", self.event_type);
        let status = self.status.map(|status| EventStatus::parse(&status));
        let status = errors.check_optional("status", status);
        errors.finish(status.map(|status| EventFilter {
            from: self.from,
            to: self.to,
            text,
            location,
            event_type,
            customer_id: self.customer_id,
            status,
        }))
    }
}

/// Plan an event, as a draft
#[utoipa::path(post, path = "/api/v1/events", request_body = CreateEventRequest,
    responses((status = 201, body = EventView)))]
pub async fn create_event(
    State(events): State<Arc<Events>>,
    Identity(actor): Identity,
    Json(request): Json<CreateEventRequest>,
) -> Result<(StatusCode, Versioned<EventView>), Problem> {
    let (customer_id, plan) = request.parse()?;
    let event = events.create_event(&actor, customer_id, plan).await?;
    Ok((StatusCode::CREATED, versioned(event)))
}

/// List events, by start: what is public, and what else one may see
#[utoipa::path(get, path = "/api/v1/events", params(EventsQuery, PageQuery),
    responses((status = 200, body = Paged<EventView>)))]
pub async fn list_events(
    State(events): State<Arc<Events>>,
    Identity(actor): Identity,
    Query(query): Query<EventsQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Paged<EventView>>, Problem> {
    let (filter, page) = (query.parse()?, page.page()?);
    let rows = events.list_events(&actor, &filter, &page).await?;
    let key = |event: &Event| (event.plan.period.start.as_millisecond(), event.id);
    Ok(Json(Paged::new(rows, page.limit, key, EventView::from)))
}

/// One event
#[utoipa::path(get, path = "/api/v1/events/{id}", params(("id" = EventId, Path)),
    responses((status = 200, body = EventView)))]
pub async fn find_event(
    State(events): State<Arc<Events>>,
    Identity(actor): Identity,
    Path(event_id): Path<EventId>,
) -> Result<Versioned<EventView>, Problem> {
    Ok(versioned(events.find_event(&actor, event_id).await?))
}

/// Change, publish, cancel or complete an event
#[utoipa::path(patch, path = "/api/v1/events/{id}", params(("id" = EventId, Path)),
    request_body = UpdateEventRequest, responses((status = 200, body = EventView)))]
pub async fn update_event(
    State(events): State<Arc<Events>>,
    Identity(actor): Identity,
    Path(event_id): Path<EventId>,
    if_match: IfMatch,
    Json(request): Json<UpdateEventRequest>,
) -> Result<Versioned<EventView>, Problem> {
    let event = events.update_event(&actor, event_id, if_match, request.parse()?).await?;
    Ok(versioned(event))
}

/// Delete an event for which no ticket was ever sold
#[utoipa::path(delete, path = "/api/v1/events/{id}", params(("id" = EventId, Path)),
    responses((status = 204)))]
pub async fn delete_event(
    State(events): State<Arc<Events>>,
    Identity(actor): Identity,
    Path(event_id): Path<EventId>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    events.delete_event(&actor, event_id, if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}
