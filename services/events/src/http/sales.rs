//! `/api/v1/events/{id}/sales`

use std::sync::Arc;

use axum::extract::State;
use contracts::ids::EventId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service_kit::http::{Identity, Json, Path, Query};
use service_kit::{FieldErrors, Problem};
use stdx::Money;

use crate::Events;
use crate::domain::sales::{Bucket, Sales, SalesPoint};

/// How an event sells.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Sales)]
pub struct SalesView {
    event_id: EventId,
    seats: i64,
    seats_left: i64,
    /// Without those cancelled.
    tickets_sold: i64,
    tickets_cancelled: i64,
    tickets_checked_in: i64,
    revenue: Money,
    /// By time of sale, the earliest first; where nothing was sold there is no point.
    points: Vec<SalesPointView>,
}

/// What was sold in an hour or a day, and not cancelled since.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SalesPoint)]
pub struct SalesPointView {
    #[schema(value_type = String, format = DateTime)]
    start: Timestamp,
    tickets: i64,
    revenue: Money,
}

impl From<Sales> for SalesView {
    fn from(Sales { event, counts, points }: Sales) -> Self {
        Self {
            event_id: event.id,
            seats: event.plan.seats,
            seats_left: event.seats_left,
            tickets_sold: counts.valid + counts.checked_in,
            tickets_cancelled: counts.cancelled,
            tickets_checked_in: counts.checked_in,
            revenue: Money::new(counts.revenue_minor, event.plan.price.currency),
            points: points.into_iter().map(SalesPointView::from).collect(),
        }
    }
}

impl From<SalesPoint> for SalesPointView {
    fn from(SalesPoint { start, tickets, revenue }: SalesPoint) -> Self {
        Self { start, tickets, revenue }
    }
}

/// How finely sales are counted.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SalesQuery {
    /// `hour` or `day` (of UTC); `day` when absent.
    bucket: Option<String>,
}

impl SalesQuery {
    fn parse(&self) -> Result<Bucket, FieldErrors> {
        let Some(text) = &self.bucket else { return Ok(Bucket::Day) };
        Bucket::parse(text).map_err(|error| FieldErrors::one("bucket", error))
    }
}

/// How an event sells
#[utoipa::path(get, path = "/api/v1/events/{id}/sales",
    params(("id" = EventId, Path), SalesQuery), responses((status = 200, body = SalesView)))]
pub async fn find_sales(
    State(events): State<Arc<Events>>,
    Identity(actor): Identity,
    Path(event_id): Path<EventId>,
    Query(query): Query<SalesQuery>,
) -> Result<Json<SalesView>, Problem> {
    let sales = events.find_sales(&actor, event_id, query.parse()?).await?;
    Ok(Json(sales.into()))
}
