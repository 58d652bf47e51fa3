//! Rows and queries of tickets.

use contracts::ids::{CustomerId, EventId, OrderId, UserId};
use database::Tx;
use jiff::Timestamp;
use policies::Reach;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, SelectStatement};
use sea_orm::{Condition, QueryOrder, QuerySelect, QueryTrait};
use serde::Serialize;
use service_kit::paging::Page;

use super::insert::{Kind, insert_rows};
use super::{event, money, time, unreadable};
use crate::domain::ticket::{Ticket, TicketCode, TicketFilter, TicketStatus};
use crate::error::{Error, Result};

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "ticket")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub code: String,
        pub order_id: Uuid,
        pub event_id: Uuid,
        pub customer_id: Uuid,
        pub owner_id: Uuid,
        pub holder_name: String,
        pub status: String,
        pub price_minor: i64,
        pub currency: String,
        pub issued_at: i64,
        pub checked_in_at: Option<i64>,
        pub checked_in_by: Option<Uuid>,
        pub cancelled_at: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::Model;
pub(super) use row::{Column, Entity};

const COLUMNS: &[(&str, Kind)] = &[
    ("code", Kind::Text),
    ("order_id", Kind::Uuid),
    ("event_id", Kind::Uuid),
    ("customer_id", Kind::Uuid),
    ("owner_id", Kind::Uuid),
    ("holder_name", Kind::Text),
    ("status", Kind::Text),
    ("price_minor", Kind::Whole),
    ("currency", Kind::Text),
    ("issued_at", Kind::Whole),
];

/// Where a page of tickets begins: after this time of issue and, among those, this code.
pub type TicketCursor = (i64, String);

/// Inserts new tickets: nobody has come in with them yet.
pub async fn insert_tickets<'a>(tx: &Tx, tickets: impl Iterator<Item = &'a Ticket>) -> Result<()> {
    let rows: Vec<_> = tickets.map(values).collect();
    Ok(insert_rows(tx, "ticket", COLUMNS, &rows).await?)
}

pub async fn find_ticket(db: &impl ConnectionTrait, code: TicketCode) -> Result<Ticket> {
    let found = Entity::find_by_id(code.as_str()).one(db).await?;
    domain(found.ok_or(Error::TicketNotFound)?)
}

pub async fn find_tickets_of_orders(
    db: &impl ConnectionTrait,
    order_ids: Vec<Uuid>,
) -> Result<Vec<Ticket>> {
    let query = Entity::find().filter(Column::OrderId.is_in(order_ids)).order_by_asc(Column::Code);
    query.all(db).await?.into_iter().map(domain).collect()
}

/// Tickets that the actor may see, the latest first, one more than the page has.
pub async fn list_tickets(
    db: &impl ConnectionTrait,
    seen_by: (&Reach, Uuid),
    filter: &TicketFilter,
    page: &Page<TicketCursor>,
) -> Result<Vec<Ticket>> {
    let (reach, actor_id) = seen_by;
    let mut query = Entity::find();
    match filter.event_id {
        Some(event_id) => query = query.filter(Column::EventId.eq(event_id.0)),
        None => query = query.filter(Column::OwnerId.eq(actor_id)),
    }
    if !reach.everywhere {
        query = query.filter(visible(reach, actor_id));
    }
    if let Some(status) = filter.status {
        query = query.filter(Column::Status.eq(status.as_str()));
    }
    if let Some((issued_at, code)) = &page.after {
        let earlier = Condition::any()
            .add(Column::IssuedAt.lt(*issued_at))
            .add(Column::IssuedAt.eq(*issued_at).and(Column::Code.lt(code)));
        // The first condition says nothing new, but tells the database where in the index to begin.
        query = query.filter(Column::IssuedAt.lte(*issued_at)).filter(earlier);
    }
    let rows = query
        .order_by_desc(Column::IssuedAt)
        .order_by_desc(Column::Code)
        .limit(page.limit + 1)
        .all(db)
        .await?;
    rows.into_iter().map(domain).collect()
}

fn visible(reach: &Reach, actor_id: Uuid) -> Condition {
    let mut visible = Condition::any();
    if !reach.customers.is_empty() {
        visible = visible.add(Column::CustomerId.is_in(reach.customers.iter().copied()));
    }
    if reach.itself {
        visible = visible.add(Column::OwnerId.eq(actor_id));
    }
    visible
}

/// Lets the holder of a valid ticket in; `false` if it is not valid any more. The database decides who is first.
pub async fn check_in(
    tx: &Tx,
    code: TicketCode,
    by: Option<UserId>,
    at: Timestamp,
) -> Result<bool> {
    let updated = Entity::update_many()
        .col_expr(Column::Status, TicketStatus::CheckedIn.as_str().into())
        .col_expr(Column::CheckedInAt, Expr::value(at.as_millisecond()))
        .col_expr(Column::CheckedInBy, Expr::value(by.map(Uuid::from)))
        .filter(Column::Code.eq(code.as_str()))
        .filter(Column::Status.eq(TicketStatus::Valid.as_str()))
        .exec(tx)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Cancels a valid ticket of an event that is not over; `false` if either is not so any more.
pub async fn cancel_ticket(tx: &Tx, code: TicketCode, now: Timestamp) -> Result<bool> {
    let updated = Entity::update_many()
        .col_expr(Column::Status, TicketStatus::Cancelled.as_str().into())
        .col_expr(Column::CancelledAt, Expr::value(now.as_millisecond()))
        .filter(Column::Code.eq(code.as_str()))
        .filter(Column::Status.eq(TicketStatus::Valid.as_str()))
        .filter(Expr::exists(event::not_over((Entity, Column::EventId), now)))
        .exec(tx)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// The tickets of an order that are not cancelled, for a condition.
pub fn not_cancelled_of(order_id: OrderId) -> SelectStatement {
    Entity::find()
        .select_only()
        .column(Column::Code)
        .filter(Column::OrderId.eq(order_id.0))
        .filter(Column::Status.ne(TicketStatus::Cancelled.as_str()))
        .into_query()
}

/// Forgets the names on somebody's tickets; they stay as valid as they were.
pub async fn forget_holder(tx: &Tx, user_id: UserId) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::HolderName, "".into())
        .filter(Column::OwnerId.eq(user_id.0))
        .exec(tx)
        .await?;
    Ok(())
}

fn values(ticket: &Ticket) -> impl Serialize {
    (
        ticket.code.as_str(),
        ticket.order_id,
        ticket.event_id,
        ticket.customer_id,
        ticket.owner_id,
        &ticket.holder_name,
        ticket.status.as_str(),
        ticket.price.amount_minor,
        ticket.price.currency.code(),
        ticket.issued_at.as_millisecond(),
    )
}

fn domain(row: Model) -> Result<Ticket> {
    Ok(Ticket {
        code: TicketCode::parse(&row.code).ok_or_else(|| unreadable("ticket code"))?,
        order_id: OrderId(row.order_id),
        event_id: EventId(row.event_id),
        customer_id: CustomerId(row.customer_id),
        owner_id: UserId(row.owner_id),
        holder_name: row.holder_name,
        status: TicketStatus::parse(&row.status).map_err(|_| unreadable("status of a ticket"))?,
        price: money(row.price_minor, &row.currency)?,
        issued_at: time(row.issued_at)?,
        checked_in_at: row.checked_in_at.map(time).transpose()?,
        checked_in_by: row.checked_in_by.map(UserId),
        cancelled_at: row.cancelled_at.map(time).transpose()?,
    })
}
