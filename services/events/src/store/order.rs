//! Rows and queries of orders and their lines.

use std::collections::HashMap;

use contracts::ids::{CustomerId, EventId, OrderId, UserId};
use database::{Error as DatabaseError, Tx};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{QueryOrder, QuerySelect};
use serde::Serialize;
use service_kit::paging::Page;

use super::insert::{Kind, insert_rows};
use super::{money, ticket, time, unreadable};
use crate::domain::order::{Buyer, Order, OrderLine, OrderStatus};
use crate::domain::ticket::Ticket;
use crate::error::{Error, Result};

mod orders {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "orders")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        pub buyer_id: Uuid,
        pub buyer_name: Option<String>,
        pub buyer_email: Option<String>,
        pub customer_id: Option<Uuid>,
        pub status: String,
        pub total_minor: i64,
        pub currency: String,
        pub created_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod order_line {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "order_line")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub line: i64,
        pub event_id: Uuid,
        pub quantity: i64,
        pub unit_price_minor: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use orders::{Column, Entity, Model};

const COLUMNS: &[(&str, Kind)] = &[
    ("order_id", Kind::Uuid),
    ("buyer_id", Kind::Uuid),
    ("buyer_name", Kind::Text),
    ("buyer_email", Kind::Text),
    ("customer_id", Kind::Uuid),
    ("status", Kind::Text),
    ("total_minor", Kind::Whole),
    ("currency", Kind::Text),
    ("created_at", Kind::Whole),
];
const LINE_COLUMNS: &[(&str, Kind)] = &[
    ("order_id", Kind::Uuid),
    ("line", Kind::Whole),
    ("event_id", Kind::Uuid),
    ("quantity", Kind::Whole),
    ("unit_price_minor", Kind::Whole),
];

/// Whose orders somebody looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrdersOf {
    Buyer(UserId),
    /// All of whose events are this customer's.
    Customer(CustomerId),
}

/// Inserts orders with their lines and tickets.
pub async fn insert_orders(tx: &Tx, orders: &[&Order]) -> Result<()> {
    let rows: Vec<_> = orders.iter().map(|order| values(order)).collect();
    insert_rows(tx, "orders", COLUMNS, &rows).await?;
    let lines: Vec<_> = orders.iter().flat_map(|order| line_values(order)).collect();
    insert_rows(tx, "order_line", LINE_COLUMNS, &lines).await?;
    ticket::insert_tickets(tx, orders.iter().flat_map(|order| &order.tickets)).await
}

pub async fn find_order(db: &impl ConnectionTrait, order_id: OrderId) -> Result<Order> {
    let found = find_orders(db, vec![order_id.0]).await?;
    found.into_iter().next().ok_or(Error::OrderNotFound(order_id))
}

/// The orders with these ids, in no order.
pub async fn find_orders(
    db: &impl ConnectionTrait,
    order_ids: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<Order>> {
    let rows = Entity::find().filter(Column::OrderId.is_in(order_ids)).all(db).await?;
    with_contents(db, rows).await
}

/// Orders, the latest first, one more than the page has.
pub async fn list_orders(
    db: &impl ConnectionTrait,
    of: OrdersOf,
    page: &Page<OrderId>,
) -> Result<Vec<Order>> {
    let of = match of {
        OrdersOf::Buyer(user_id) => Column::BuyerId.eq(user_id.0),
        OrdersOf::Customer(customer_id) => Column::CustomerId.eq(customer_id.0),
    };
    let mut query = Entity::find().filter(of).order_by_desc(Column::OrderId).limit(page.limit + 1);
    if let Some(after) = page.after {
        query = query.filter(Column::OrderId.lt(after.0));
    }
    let rows = query.all(db).await?;
    with_contents(db, rows).await
}

/// Makes others that change tickets of this order wait until this transaction ends.
pub async fn lock_order(tx: &Tx, order_id: OrderId) -> Result<()> {
    let query = Entity::find_by_id(order_id.0).select_only().column(Column::OrderId);
    query.lock_exclusive().into_tuple::<Uuid>().one(tx).await?;
    Ok(())
}

/// Cancels an order all of whose tickets are cancelled. Under [`lock_order`], so that none is overlooked.
pub async fn cancel_empty_order(tx: &Tx, order_id: OrderId) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::Status, OrderStatus::Cancelled.as_str().into())
        .filter(Column::OrderId.eq(order_id.0))
        .filter(Expr::exists(ticket::not_cancelled_of(order_id)).not())
        .exec(tx)
        .await?;
    Ok(())
}

/// Forgets the names of who bought; that somebody bought stays.
pub async fn forget_buyer(tx: &Tx, user_id: UserId) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::BuyerName, Expr::value(None::<String>))
        .col_expr(Column::BuyerEmail, Expr::value(None::<String>))
        .filter(Column::BuyerId.eq(user_id.0))
        .exec(tx)
        .await?;
    Ok(())
}

async fn with_contents(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<Vec<Order>> {
    let order_ids: Vec<Uuid> = rows.iter().map(|row| row.order_id).collect();
    let mut lines: HashMap<Uuid, Vec<order_line::Model>> = HashMap::new();
    let line_rows = order_line::Entity::find()
        .filter(order_line::Column::OrderId.is_in(order_ids.iter().copied()))
        .order_by_asc(order_line::Column::OrderId)
        .order_by_asc(order_line::Column::Line)
        .all(db)
        .await?;
    for line in line_rows {
        lines.entry(line.order_id).or_default().push(line);
    }
    let mut tickets: HashMap<OrderId, Vec<Ticket>> = HashMap::new();
    for ticket in ticket::find_tickets_of_orders(db, order_ids).await? {
        tickets.entry(ticket.order_id).or_default().push(ticket);
    }
    let order = |row: Model| {
        let lines = lines.remove(&row.order_id).unwrap_or_default();
        let tickets = tickets.remove(&OrderId(row.order_id)).unwrap_or_default();
        domain(row, lines, tickets)
    };
    rows.into_iter().map(order).collect()
}

fn values(order: &Order) -> impl Serialize {
    let buyer = order.buyer.as_ref();
    (
        order.id,
        order.buyer_id,
        buyer.map(|buyer| &buyer.name),
        buyer.and_then(|buyer| buyer.email.as_ref()),
        order.customer_id,
        order.status.as_str(),
        order.total.amount_minor,
        order.total.currency.code(),
        order.created_at.as_millisecond(),
    )
}

fn line_values(order: &Order) -> impl Iterator<Item = impl Serialize> {
    let lines = order.lines.iter().zip(0i64..);
    lines.map(|(line, place)| {
        (order.id, place, line.event_id, line.quantity, line.unit_price.amount_minor)
    })
}

fn domain(row: Model, lines: Vec<order_line::Model>, tickets: Vec<Ticket>) -> Result<Order> {
    let total = money(row.total_minor, &row.currency)?;
    let line = |line: order_line::Model| {
        Ok(OrderLine {
            event_id: EventId(line.event_id),
            quantity: u32::try_from(line.quantity).map_err(|_| unreadable("quantity"))?,
            unit_price: money(line.unit_price_minor, &row.currency)?,
        })
    };
    Ok(Order {
        id: OrderId(row.order_id),
        buyer_id: UserId(row.buyer_id),
        buyer: row.buyer_name.map(|name| Buyer { name, email: row.buyer_email }),
        customer_id: row.customer_id.map(CustomerId),
        status: OrderStatus::parse(&row.status).map_err(|_| unreadable("status of an order"))?,
        total,
        lines: lines.into_iter().map(line).collect::<Result<_, DatabaseError>>()?,
        tickets,
        created_at: time(row.created_at)?,
    })
}
