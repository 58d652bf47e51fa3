//! The limit: SQLite without HTTP, without tokens, without a product. One thread with `rusqlite` groups what waits.
//!
//! It writes the rows that the program writes for an order of one ticket, into the same tables with the same indexes:
//! the order, its line, the ticket and two messages in the outbox. It does not deliver those messages.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::report::{Outcome, histogram};
use crate::{Plan, Result};

/// Orders of one transaction, as at the program's order desk.
const GROUP_ORDERS_MAX: usize = 256;
const SEATS: i64 = 10_000_000;
const SCHEMA: &str = "
    create table event (event_id uuid not null primary key, seats bigint not null,
        seats_left bigint not null, tickets_issued bigint not null,
        check (seats_left >= 0 and seats_left <= seats));
    create table orders (order_id uuid not null primary key, buyer_id uuid not null,
        buyer_name text, buyer_email text, customer_id uuid, status text not null,
        total_minor bigint not null, currency text not null, created_at bigint not null);
    create index orders_buyer on orders (buyer_id, order_id);
    create index orders_customer on orders (customer_id, order_id);
    create table order_line (order_id uuid not null, line bigint not null, event_id uuid not null,
        quantity bigint not null, unit_price_minor bigint not null, primary key (order_id, line));
    create table ticket (code text not null primary key, order_id uuid not null,
        event_id uuid not null, customer_id uuid not null, owner_id uuid not null,
        holder_name text not null, status text not null, price_minor bigint not null,
        currency text not null, issued_at bigint not null, checked_in_at bigint,
        checked_in_by uuid, cancelled_at bigint);
    create index ticket_event on ticket (event_id, issued_at, code);
    create index ticket_owner on ticket (owner_id, issued_at, code);
    create index ticket_order on ticket (order_id);
    create table outbox (message_id uuid not null primary key, kind text not null,
        envelope text not null);
";

/// The rows of one order of one ticket, whatever database they go to.
#[derive(Clone, Copy, Debug)]
pub struct PlainOrder {
    /// Of the order.
    pub order_id: Uuid,
    /// Who buys; the organiser too, for want of one.
    pub buyer_id: Uuid,
    /// For what.
    pub event_id: Uuid,
}

impl PlainOrder {
    /// A new one.
    pub fn new(buyer_id: Uuid, event_id: Uuid) -> Self {
        Self { order_id: Uuid::now_v7(), buyer_id, event_id }
    }

    /// Sixteen characters that no other order has.
    pub fn code(&self) -> String {
        self.order_id.simple().to_string()[16..].to_owned()
    }

    /// Kind and text of its two messages, as long as the program's.
    pub fn messages(&self) -> [(&'static str, Uuid, String); 2] {
        let (order_id, buyer_id, event_id) = (self.order_id, self.buyer_id, self.event_id);
        let price = r#"{"amountMinor":45000,"currency":"SEK"}"#;
        let placed = format!(
            r#"{{"orderId":"{order_id}","buyerId":"{buyer_id}","total":{price},"tickets":["{}"]}}"#,
            self.code()
        );
        let issued = format!(
            r#"{{"code":"{}","orderId":"{order_id}","eventId":"{event_id}","customerId":"{event_id}","ownerId":"{buyer_id}","price":{price}}}"#,
            self.code()
        );
        [("order.placed", placed), ("ticket.issued", issued)].map(|(kind, data)| {
            let id = Uuid::now_v7();
            let text = format!(
                r#"{{"specversion":"1.0","id":"{id}","type":"{kind}","source":"events","subject":"{order_id}","time":"2026-06-01T12:00:00.000000Z","datacontenttype":"application/json","data":{data},"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}"#
            );
            (kind, id, text)
        })
    }
}

struct Waiting {
    order: PlainOrder,
    answer: oneshot::Sender<()>,
}

/// So many tasks wait for one writing thread.
pub async fn grouped_orders(plan: &Plan, folder: &Path, clients: usize) -> Result<Outcome> {
    let event_id = Uuid::now_v7();
    let connection = open(&folder.join(format!("plain-{clients}.db")), event_id)?;
    let (sender, receiver) = mpsc::channel(4096);
    let writer = std::thread::spawn(move || write_groups(connection, receiver));
    let begin = Instant::now() + plan.warm_up;
    let end = begin + plan.measured;
    let client = |_| tokio::spawn(order_until(sender.clone(), event_id, begin, end));
    let tasks: Vec<_> = (0..clients).map(client).collect();
    drop(sender);
    let (mut finished, mut latencies) = (0, histogram());
    for task in tasks {
        let (count, seen) = task.await??;
        finished += count;
        latencies.add(seen)?;
    }
    writer.join().map_err(|_| "the writing thread panicked")??;
    Ok(Outcome::new(finished, latencies, plan.measured))
}

/// Check-ins a second of one thread that commits each: the ticket and its message.
pub fn single_check_ins(folder: &Path, count: usize) -> Result<f64> {
    let event_id = Uuid::now_v7();
    let mut connection = open(&folder.join("plain-check-ins.db"), event_id)?;
    let orders: Vec<_> = (0..count).map(|_| PlainOrder::new(Uuid::now_v7(), event_id)).collect();
    for group in orders.chunks(GROUP_ORDERS_MAX) {
        write_group(&mut connection, group)?;
    }
    let begin = Instant::now();
    for order in &orders {
        check_in(&mut connection, order)?;
    }
    Ok(count as f64 / begin.elapsed().as_secs_f64())
}

async fn order_until(
    desk: mpsc::Sender<Waiting>,
    event_id: Uuid,
    begin: Instant,
    end: Instant,
) -> Result<(u64, hdrhistogram::Histogram<u64>)> {
    let buyer_id = Uuid::now_v7();
    let (mut finished, mut latencies) = (0, histogram());
    while Instant::now() < end {
        let sent = Instant::now();
        let (answer, answered) = oneshot::channel();
        desk.send(Waiting { order: PlainOrder::new(buyer_id, event_id), answer }).await?;
        answered.await?;
        finished += 1;
        if sent >= begin && Instant::now() < end {
            latencies.saturating_record(sent.elapsed().as_micros() as u64);
        }
    }
    Ok((finished, latencies))
}

fn open(path: &Path, event_id: Uuid) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.execute_batch(SCHEMA)?;
    let event = params![event_id.as_bytes(), SEATS];
    connection.execute("insert into event values (?1, ?2, ?2, 0)", event)?;
    Ok(connection)
}

fn write_groups(mut connection: Connection, mut desk: mpsc::Receiver<Waiting>) -> Result<()> {
    let mut waiting = Vec::with_capacity(GROUP_ORDERS_MAX);
    while desk.blocking_recv_many(&mut waiting, GROUP_ORDERS_MAX) > 0 {
        let orders: Vec<PlainOrder> = waiting.iter().map(|waiting| waiting.order).collect();
        write_group(&mut connection, &orders)?;
        for waiting in waiting.drain(..) {
            // Who has gone away needs no answer.
            let _ = waiting.answer.send(());
        }
    }
    Ok(())
}

fn write_group(connection: &mut Connection, orders: &[PlainOrder]) -> Result<()> {
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for order in orders {
        insert(&tx, order)?;
    }
    Ok(tx.commit()?)
}

fn insert(tx: &Connection, order: &PlainOrder) -> Result<()> {
    let (order_id, buyer_id, event_id) =
        (order.order_id.as_bytes(), order.buyer_id.as_bytes(), order.event_id.as_bytes());
    let taken = tx
        .prepare_cached(
            "update event set seats_left = seats_left - 1, tickets_issued = tickets_issued + 1
             where event_id = ?1 and seats_left >= 1",
        )?
        .execute([event_id])?;
    if taken != 1 {
        return Err("sold out".into());
    }
    tx.prepare_cached(
        "insert into orders values (?1, ?2, null, null, ?3, 'confirmed', 45000, 'SEK', 1780000000000)",
    )?
    .execute([order_id, buyer_id, event_id])?;
    tx.prepare_cached("insert into order_line values (?1, 0, ?2, 1, 45000)")?
        .execute([order_id, event_id])?;
    tx.prepare_cached(
        "insert into ticket values (?1, ?2, ?3, ?3, ?4, '', 'valid', 45000, 'SEK', 1780000000000,
             null, null, null)",
    )?
    .execute(params![order.code(), order_id, event_id, buyer_id])?;
    let mut outbox = tx.prepare_cached("insert into outbox values (?1, ?2, ?3)")?;
    for (kind, id, text) in order.messages() {
        outbox.execute(params![id.as_bytes(), kind, text])?;
    }
    Ok(())
}

fn check_in(connection: &mut Connection, order: &PlainOrder) -> Result<()> {
    let [_, (_, id, text)] = order.messages();
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let changed = tx
        .prepare_cached(
            "update ticket set status = 'checkedIn', checked_in_at = 1780000000000,
                 checked_in_by = ?2
             where code = ?1 and status = 'valid'",
        )?
        .execute(params![order.code(), order.buyer_id.as_bytes()])?;
    if changed != 1 {
        return Err("no such ticket".into());
    }
    tx.prepare_cached("insert into outbox values (?1, 'ticket.checked_in', ?2)")?
        .execute(params![id.as_bytes(), text])?;
    Ok(tx.commit()?)
}

/// The schema for the other database, whose types have the same names here.
pub fn schema() -> &'static str {
    SCHEMA
}
