//! Orders on one hot event on PostgreSQL, beside a plain transaction for each order and beside `pgbench`.

use std::process::Command;
use std::time::Instant;

use futures::future::try_join_all;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use testkit::postgres::{ServiceDatabases, TestDatabase};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::orders::sell;
use crate::plain_store::{PlainOrder, schema};
use crate::process::installed;
use crate::report::{Outcome, Row, histogram, per_second};
use crate::stage::Stage;
use crate::{Plan, Result};

const SERVER: &str = "127.0.0.1:5432";
const SERVICES: [&str; 7] =
    ["roles", "users", "tokens", "customers", "events", "audit", "messaging"];
const CLIENTS: usize = 64;

/// Nothing, and a word about it, when no server answers.
pub async fn measure(plan: &Plan) -> Result<Vec<Row>> {
    if TcpStream::connect(SERVER).await.is_err() {
        println!("left out: orders on PostgreSQL, because nothing answers at {SERVER}");
        return Ok(vec![]);
    }
    let ours = ours(plan).await?;
    let plain = plain(plan).await?;
    let row = |reference: String, theirs: f64, aim| Row {
        what: format!("orders on one event, {CLIENTS} clients, PostgreSQL"),
        figure: per_second(ours.per_second),
        latency: ours.latency(),
        reference,
        ratio: Some(ours.per_second / theirs),
        aim,
    };
    let figure = per_second(plain.per_second);
    let reference =
        format!("plain transaction an order, {CLIENTS} connections {figure} ({})", plain.latency());
    let mut rows = vec![row(reference, plain.per_second, "≥ 5")];
    match installed("pgbench") {
        None => println!("left out: pgbench, because it is not installed"),
        Some(_) => {
            let theirs = pgbench(plan).await?;
            let reference = format!("pgbench -N -c 16 {}", per_second(theirs));
            rows.push(row(reference, theirs, "≥ 1"));
        }
    }
    Ok(rows)
}

async fn ours(plan: &Plan) -> Result<Outcome> {
    let databases = ServiceDatabases::create(&SERVICES).await;
    let outcome = async {
        let url = databases.url();
        let stage = Stage::open(plan, &[("BACKLINE_DATABASE__URL", &url)]).await?;
        let sold = sell(plan, &stage, CLIENTS).await?;
        stage.program.stop().await?;
        Ok(sold)
    };
    let outcome = outcome.await;
    databases.drop_now().await;
    outcome
}

/// What a service does that takes the hot row in each order's own transaction.
async fn plain(plan: &Plan) -> Result<Outcome> {
    let database = TestDatabase::create().await;
    let pool =
        PgPoolOptions::new().max_connections(CLIENTS as u32).connect(&database.url()).await?;
    let outcome = plain_with(plan, &pool).await;
    pool.close().await;
    database.drop_now().await;
    outcome
}

async fn plain_with(plan: &Plan, pool: &PgPool) -> Result<Outcome> {
    sqlx::raw_sql(schema()).execute(pool).await?;
    let event_id = Uuid::now_v7();
    let sql = "insert into event values ($1, 10000000, 10000000, 0)";
    sqlx::query(sql).bind(event_id).execute(pool).await?;
    let begin = Instant::now() + plan.warm_up;
    let end = begin + plan.measured;
    let clients =
        (0..CLIENTS).map(|_| tokio::spawn(order_until(pool.clone(), event_id, begin, end)));
    let (mut finished, mut latencies) = (0, histogram());
    for counted in try_join_all(clients).await? {
        let (count, seen) = counted?;
        finished += count;
        latencies.add(seen)?;
    }
    Ok(Outcome::new(finished, latencies, plan.measured))
}

async fn order_until(
    pool: PgPool,
    event_id: Uuid,
    begin: Instant,
    end: Instant,
) -> Result<(u64, hdrhistogram::Histogram<u64>)> {
    let buyer_id = Uuid::now_v7();
    let (mut finished, mut latencies) = (0, histogram());
    while Instant::now() < end {
        let sent = Instant::now();
        place(&pool, &PlainOrder::new(buyer_id, event_id)).await?;
        finished += 1;
        if sent >= begin && Instant::now() < end {
            latencies.saturating_record(sent.elapsed().as_micros() as u64);
        }
    }
    Ok((finished, latencies))
}

async fn place(pool: &PgPool, order: &PlainOrder) -> Result<()> {
    let mut tx = pool.begin().await?;
    let sql = "update event set seats_left = seats_left - 1, tickets_issued = tickets_issued + 1
        where event_id = $1 and seats_left >= 1";
    let taken = sqlx::query(sql).bind(order.event_id).execute(&mut *tx).await?;
    if taken.rows_affected() != 1 {
        return Err("sold out".into());
    }
    let sql = "insert into orders values ($1, $2, null, null, $3, 'confirmed', 45000, 'SEK', 1780000000000)";
    let query = sqlx::query(sql).bind(order.order_id).bind(order.buyer_id).bind(order.event_id);
    query.execute(&mut *tx).await?;
    let sql = "insert into order_line values ($1, 0, $2, 1, 45000)";
    sqlx::query(sql).bind(order.order_id).bind(order.event_id).execute(&mut *tx).await?;
    let sql = "insert into ticket values ($1, $2, $3, $3, $4, '', 'valid', 45000, 'SEK',
        1780000000000, null, null, null)";
    let query = sqlx::query(sql).bind(order.code()).bind(order.order_id);
    query.bind(order.event_id).bind(order.buyer_id).execute(&mut *tx).await?;
    let [(placed, placed_id, placed_text), (issued, issued_id, issued_text)] = order.messages();
    let sql = "insert into outbox values ($1, $2, $3), ($4, $5, $6)";
    let query = sqlx::query(sql).bind(placed_id).bind(placed).bind(placed_text);
    query.bind(issued_id).bind(issued).bind(issued_text).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

/// Its figure for small transactions that meet on no row.
async fn pgbench(plan: &Plan) -> Result<f64> {
    let database = TestDatabase::create().await;
    let figure = pgbench_at(plan, &database.url());
    database.drop_now().await;
    figure
}

fn pgbench_at(plan: &Plan, url: &str) -> Result<f64> {
    let program = installed("pgbench").ok_or("pgbench is gone")?;
    let made = Command::new(&program).args(["-i", "-q", "-s", "16", url]).output()?;
    if !made.status.success() {
        return Err(String::from_utf8_lossy(&made.stderr).into_owned().into());
    }
    // Below this, a busy machine may not have opened its connections before its time is over.
    let seconds = plan.measured.as_secs().max(4).to_string();
    let run = ["-N", "-c", "16", "-j", "2", "-T", &seconds, url];
    let output = Command::new(&program).args(run).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let tps = text.lines().find_map(|line| line.strip_prefix("tps = "));
    let tps = tps.and_then(|tps| tps.split(' ').next()).ok_or_else(|| text.clone())?;
    Ok(tps.parse()?)
}
