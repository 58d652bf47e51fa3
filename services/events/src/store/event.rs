//! Rows and queries of events, and of the stock in them.

use std::collections::{BTreeMap, HashMap};

use contracts::ids::{CustomerId, EventId, UserId};
use database::{Error as DatabaseError, Tx};
use jiff::Timestamp;
use policies::Reach;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, IntoColumnRef, LikeExpr, SelectStatement};
use sea_orm::{
    Condition, FromQueryResult, QueryOrder, QuerySelect, QueryTrait, Select, UpdateMany,
};
use service_kit::paging::Page;

use super::{money, time, unreadable};
use crate::domain::allotment::Stock;
use crate::domain::event::{Details, Event, EventFilter, EventPlan, EventStatus, Period, fold};
use crate::error::{Error, Result};

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "event")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub event_id: Uuid,
        pub customer_id: Uuid,
        pub created_by: Option<Uuid>,
        pub name: String,
        pub description: String,
        pub start_at: i64,
        pub end_at: i64,
        pub time_zone: String,
        pub location: String,
        pub event_type: String,
        pub status: String,
        pub is_public: bool,
        pub seats: i64,
        pub seats_left: i64,
        pub tickets_issued: i64,
        pub price_minor: i64,
        pub currency: String,
        pub crew_slots: i64,
        pub details: Json,
        pub search_text: String,
        pub search_location: String,
        pub version: i64,
        pub created_at: i64,
        pub updated_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity, Model};

/// Where a page of events begins: after this start and, among those, this id.
pub type EventCursor = (i64, EventId);

pub async fn insert_event(tx: &Tx, event: &Event) -> Result<()> {
    Entity::insert(row_of(event)?).exec_without_returning(tx).await?;
    Ok(())
}

pub async fn find_event(db: &impl ConnectionTrait, event_id: EventId) -> Result<Event> {
    let found = Entity::find_by_id(event_id.0).one(db).await?;
    domain(found.ok_or(Error::EventNotFound(event_id))?)
}

/// Events that the actor may see, by start, one more than the page has.
pub async fn list_events(
    db: &impl ConnectionTrait,
    seen_by: (&Reach, Option<Uuid>),
    filter: &EventFilter,
    page: &Page<EventCursor>,
) -> Result<Vec<Event>> {
    let mut query = filtered(Entity::find(), filter);
    let (reach, actor_id) = seen_by;
    if !reach.everywhere {
        query = query.filter(visible(reach, actor_id));
    }
    if let Some((start_at, EventId(event_id))) = page.after {
        let later = Condition::any()
            .add(Column::StartAt.gt(start_at))
            .add(Column::StartAt.eq(start_at).and(Column::EventId.gt(event_id)));
        // The first condition says nothing new, but tells the database where in the index to begin.
        query = query.filter(Column::StartAt.gte(start_at)).filter(later);
    }
    let rows = query
        .order_by_asc(Column::StartAt)
        .order_by_asc(Column::EventId)
        .limit(page.limit + 1)
        .all(db)
        .await?;
    rows.into_iter().map(domain).collect()
}

fn visible(reach: &Reach, actor_id: Option<Uuid>) -> Condition {
    let mut visible = Condition::any().add(Column::IsPublic.eq(true));
    if !reach.customers.is_empty() {
        visible = visible.add(Column::CustomerId.is_in(reach.customers.iter().copied()));
    }
    if let Some(actor_id) = actor_id.filter(|_| reach.itself) {
        visible = visible.add(Column::CreatedBy.eq(actor_id));
    }
    visible
}

fn filtered(mut query: Select<Entity>, filter: &EventFilter) -> Select<Entity> {
    // What is still going on belongs to the days asked for.
    if let Some(from) = filter.from {
        query = query.filter(Column::EndAt.gte(from.as_millisecond()));
    }
    if let Some(to) = filter.to {
        query = query.filter(Column::StartAt.lte(to.as_millisecond()));
    }
    if let Some(customer_id) = filter.customer_id {
        query = query.filter(Column::CustomerId.eq(customer_id.0));
    }
    if let Some(status) = filter.status {
        query = query.filter(Column::Status.eq(status.as_str()));
    }
    if let Some(event_type) = &filter.event_type {
        query = query.filter(Column::EventType.eq(event_type));
    }
    if let Some(text) = &filter.text {
        query = query.filter(contains(Column::SearchText, text));
    }
    if let Some(location) = &filter.location {
        query = query.filter(contains(Column::SearchLocation, location));
    }
    query
}

fn contains(column: Column, text: &str) -> Expr {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    Expr::col(column).like(LikeExpr::new(pattern).escape('\\'))
}

/// Writes a changed event, unless somebody else changed it since or the sales forbid it: then `None`. The seats
/// left and what forbids it are taken from the row as it is at that moment, in this one statement.
pub async fn update_event(tx: &Tx, event: &Event) -> Result<Option<Event>> {
    let Event { plan, .. } = event;
    let more_seats = || Expr::val(plan.seats).sub(Expr::col(Column::Seats));
    let seats_left = || Expr::col(Column::SeatsLeft).add(more_seats());
    let same_price = Column::PriceMinor
        .eq(plan.price.amount_minor)
        .and(Column::Currency.eq(plan.price.currency.code()));
    let ActiveModel { details, search_text, search_location, .. } = row_of(event)?;
    let update = Entity::update_many()
        .set(ActiveModel { details, search_text, search_location, ..Default::default() })
        .col_expr(Column::Name, plan.name.clone().into())
        .col_expr(Column::Description, plan.description.clone().into())
        .col_expr(Column::StartAt, plan.period.start.as_millisecond().into())
        .col_expr(Column::EndAt, plan.period.end.as_millisecond().into())
        .col_expr(Column::TimeZone, plan.time_zone.clone().into())
        .col_expr(Column::Location, plan.location.clone().into())
        .col_expr(Column::EventType, plan.event_type.clone().into())
        .col_expr(Column::Status, event.status.as_str().into())
        .col_expr(Column::IsPublic, event.is_public.into())
        .col_expr(Column::Seats, plan.seats.into())
        .col_expr(Column::SeatsLeft, seats_left())
        .col_expr(Column::PriceMinor, plan.price.amount_minor.into())
        .col_expr(Column::Currency, plan.price.currency.code().into())
        .col_expr(Column::CrewSlots, plan.crew_slots.into())
        .col_expr(Column::Version, event.version.into())
        .col_expr(Column::UpdatedAt, event.updated_at.as_millisecond().into())
        .filter(Column::EventId.eq(event.id.0))
        .filter(Column::Version.eq(event.version - 1))
        .filter(seats_left().gte(0))
        .filter(Condition::any().add(same_price).add(Column::TicketsIssued.eq(0)));
    Ok(update_returning(tx, update).await?.into_iter().next())
}

/// Deletes an event for which no ticket was ever sold; `false` if one was, or it is gone.
pub async fn delete_unsold_event(tx: &Tx, event_id: EventId) -> Result<bool> {
    let deleted = Entity::delete_many()
        .filter(Column::EventId.eq(event_id.0))
        .filter(Column::TicketsIssued.eq(0))
        .exec(tx)
        .await?;
    Ok(deleted.rows_affected == 1)
}

/// The stock of events, locked until the end of the transaction where locks are needed. In the order of their
/// ids, so that two who take several never wait for each other.
pub async fn lock_stock(
    tx: &Tx,
    event_ids: impl IntoIterator<Item = EventId>,
    now: Timestamp,
) -> Result<HashMap<EventId, Stock>> {
    type Row = (Uuid, Uuid, String, i64, i64, i64, String);
    let rows: Vec<Row> = Entity::find()
        .select_only()
        .columns([Column::EventId, Column::CustomerId, Column::Status, Column::EndAt])
        .columns([Column::SeatsLeft, Column::PriceMinor, Column::Currency])
        .filter(Column::EventId.is_in(event_ids.into_iter().map(Uuid::from)))
        .order_by_asc(Column::EventId)
        // SQLite has one writer and no such words; the query goes without them there.
        .lock_exclusive()
        .into_tuple()
        .all(tx)
        .await?;
    let stock = |(id, customer_id, status, end_at, seats_left, price_minor, currency): Row| {
        let is_on_sale = status == EventStatus::Published.as_str() && end_at > now.as_millisecond();
        let price = money(price_minor, &currency)?;
        let customer_id = CustomerId(customer_id);
        Ok((EventId(id), Stock { customer_id, price, seats_left, is_on_sale }))
    };
    rows.into_iter().map(stock).collect()
}

/// Takes seats out of the stock of each event, if they are there and it is on sale.
pub async fn take_seats(tx: &Tx, seats: &BTreeMap<EventId, i64>) -> Result<()> {
    for (&event_id, &count) in seats {
        let updated = Entity::update_many()
            .col_expr(Column::SeatsLeft, Expr::col(Column::SeatsLeft).sub(count))
            .col_expr(Column::TicketsIssued, Expr::col(Column::TicketsIssued).add(count))
            .filter(Column::EventId.eq(event_id.0))
            .filter(Column::SeatsLeft.gte(count))
            .filter(Column::Status.eq(EventStatus::Published.as_str()))
            .exec(tx)
            .await?;
        if updated.rows_affected != 1 {
            return Err(Error::StockMoved(event_id));
        }
    }
    Ok(())
}

/// Gives a seat back to the stock of an event.
pub async fn give_seat_back(tx: &Tx, event_id: EventId) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::SeatsLeft, Expr::col(Column::SeatsLeft).add(1))
        .filter(Column::EventId.eq(event_id.0))
        .exec(tx)
        .await?;
    Ok(())
}

/// The event that another table's row names, if it is not over yet; for a condition.
pub fn not_over(named_by: impl IntoColumnRef, now: Timestamp) -> SelectStatement {
    Entity::find()
        .select_only()
        .column(Column::EventId)
        .filter(Expr::col((Entity, Column::EventId)).equals(named_by))
        .filter(Column::EndAt.gt(now.as_millisecond()))
        .into_query()
}

/// Cancels what a customer still plans or sells.
pub async fn cancel_events_of(tx: &Tx, customer: CustomerId, now: Timestamp) -> Result<Vec<Event>> {
    let open = [EventStatus::Draft.as_str(), EventStatus::Published.as_str()];
    let open = Column::CustomerId.eq(customer.0).and(Column::Status.is_in(open));
    set_status(tx, open, EventStatus::Cancelled, now).await
}

/// Completes at most `limit` published events that ended before a moment.
pub async fn complete_events_ended_before(
    tx: &Tx,
    moment: Timestamp,
    limit: u64,
    now: Timestamp,
) -> Result<Vec<Event>> {
    let is_past = || {
        let is_published = Column::Status.eq(EventStatus::Published.as_str());
        is_published.and(Column::EndAt.lt(moment.as_millisecond()))
    };
    let first = Entity::find()
        .select_only()
        .column(Column::EventId)
        .filter(is_past())
        .limit(limit)
        .into_query();
    let past = Column::EventId.in_subquery(first).and(is_past());
    set_status(tx, past, EventStatus::Completed, now).await
}

async fn set_status(tx: &Tx, of: Expr, status: EventStatus, now: Timestamp) -> Result<Vec<Event>> {
    let update = Entity::update_many()
        .col_expr(Column::Status, status.as_str().into())
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, now.as_millisecond().into())
        .filter(of);
    update_returning(tx, update).await
}

/// The events as an update leaves them. SeaORM's own way refuses SQLite, which can do it since 3.35.
async fn update_returning(tx: &Tx, update: UpdateMany<Entity>) -> Result<Vec<Event>> {
    let mut update = update.into_query();
    update.returning_all();
    let rows = tx.query_all(&update).await?;
    rows.iter().map(|row| domain(Model::from_query_result(row, "")?)).collect()
}

/// Forgets who planned these events.
pub async fn forget_creator(tx: &Tx, user_id: UserId) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::CreatedBy, Expr::value(None::<Uuid>))
        .filter(Column::CreatedBy.eq(user_id.0))
        .exec(tx)
        .await?;
    Ok(())
}

fn row_of(event: &Event) -> Result<ActiveModel> {
    let Event { plan, .. } = event;
    let details =
        serde_json::from_str(plan.details.as_json()).map_err(service_kit::Error::internal)?;
    let searched = format!("{}\n{}\n{}", plan.name, plan.location, plan.event_type);
    Ok(ActiveModel {
        event_id: Set(event.id.0),
        customer_id: Set(event.customer_id.0),
        created_by: Set(event.created_by.map(Uuid::from)),
        name: Set(plan.name.clone()),
        description: Set(plan.description.clone()),
        start_at: Set(plan.period.start.as_millisecond()),
        end_at: Set(plan.period.end.as_millisecond()),
        time_zone: Set(plan.time_zone.clone()),
        location: Set(plan.location.clone()),
        event_type: Set(plan.event_type.clone()),
        status: Set(event.status.as_str().to_owned()),
        is_public: Set(event.is_public),
        seats: Set(plan.seats),
        seats_left: Set(event.seats_left),
        tickets_issued: Set(event.tickets_issued),
        price_minor: Set(plan.price.amount_minor),
        currency: Set(plan.price.currency.code().to_owned()),
        crew_slots: Set(plan.crew_slots),
        details: Set(details),
        search_text: Set(fold(&searched)),
        search_location: Set(fold(&plan.location)),
        version: Set(event.version),
        created_at: Set(event.created_at.as_millisecond()),
        updated_at: Set(event.updated_at.as_millisecond()),
    })
}

fn domain(row: Model) -> Result<Event> {
    let plan = EventPlan {
        period: Period { start: time(row.start_at)?, end: time(row.end_at)? },
        price: money(row.price_minor, &row.currency)?,
        name: row.name,
        description: row.description,
        time_zone: row.time_zone,
        location: row.location,
        event_type: row.event_type,
        seats: row.seats,
        crew_slots: row.crew_slots,
        details: Details::stored(row.details.to_string()),
    };
    Ok(Event {
        id: EventId(row.event_id),
        customer_id: CustomerId(row.customer_id),
        created_by: row.created_by.map(UserId),
        plan,
        status: status(&row.status)?,
        is_public: row.is_public,
        seats_left: row.seats_left,
        tickets_issued: row.tickets_issued,
        version: row.version,
        created_at: time(row.created_at)?,
        updated_at: time(row.updated_at)?,
    })
}

fn status(text: &str) -> Result<EventStatus, DatabaseError> {
    EventStatus::parse(text).map_err(|_| unreadable("status of an event"))
}
