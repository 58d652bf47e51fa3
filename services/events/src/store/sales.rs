//! Sums over the tickets of an event, made by the database.

use contracts::ids::EventId;
use iso_currency::Currency;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{QueryOrder, QuerySelect};
use stdx::Money;

use super::ticket::{Column, Entity};
use super::time;
use crate::domain::sales::{Bucket, SalesPoint, TicketCounts};
use crate::domain::ticket::TicketStatus;
use crate::error::Result;

/// Points of one answer: more than a year of hours. The first ones are kept.
const POINTS_MAX: u64 = 10_000;

/// The tickets of an event by what became of them.
pub async fn count_tickets(db: &impl ConnectionTrait, event_id: EventId) -> Result<TicketCounts> {
    let rows: Vec<(String, i64, i64)> = Entity::find()
        .select_only()
        .column(Column::Status)
        .column_as(Column::Code.count(), "tickets")
        .column_as(revenue(), "revenue")
        .filter(Column::EventId.eq(event_id.0))
        .group_by(Column::Status)
        .into_tuple()
        .all(db)
        .await?;
    let mut counts = TicketCounts::default();
    for (status, tickets, revenue) in rows {
        match TicketStatus::parse(&status) {
            Ok(TicketStatus::Valid) => counts.valid = tickets,
            Ok(TicketStatus::CheckedIn) => counts.checked_in = tickets,
            _ => counts.cancelled = tickets,
        }
        if status != TicketStatus::Cancelled.as_str() {
            counts.revenue_minor += revenue;
        }
    }
    Ok(counts)
}

/// What was sold and not cancelled, by time of sale.
pub async fn sum_sales(
    db: &impl ConnectionTrait,
    event_id: EventId,
    bucket: Bucket,
    currency: Currency,
) -> Result<Vec<SalesPoint>> {
    let length = bucket.milliseconds();
    // Whole numbers divide to whole numbers on both databases. Named, because to PostgreSQL the same expression
    // with another parameter is another expression.
    let place = || Expr::col("place");
    let rows: Vec<(i64, i64, i64)> = Entity::find()
        .select_only()
        .column_as(Expr::col(Column::IssuedAt).div(length), "place")
        .column_as(Column::Code.count(), "tickets")
        .column_as(revenue(), "revenue")
        .filter(Column::EventId.eq(event_id.0))
        .filter(Column::Status.ne(TicketStatus::Cancelled.as_str()))
        .group_by(place())
        .order_by_asc(place())
        .limit(POINTS_MAX)
        .into_tuple()
        .all(db)
        .await?;
    let point = |(place, tickets, revenue): (i64, i64, i64)| {
        let revenue = Money::new(revenue, currency);
        Ok(SalesPoint { start: time(place * length)?, tickets, revenue })
    };
    rows.into_iter().map(point).collect()
}

/// PostgreSQL sums whole numbers to a decimal.
fn revenue() -> Expr {
    Expr::col(Column::PriceMinor).sum().cast_as("bigint")
}
