//! Orders on one hot event, from HTTP to disk, beside a bare writer of the same rows.

use http::StatusCode;
use serde_json::Value;

use crate::http_load::{repeat, request};
use crate::plain_store::grouped_orders;
use crate::report::{Outcome, Row, per_second};
use crate::stage::{Stage, order};
use crate::{Plan, Result};

/// How many, and whether every message also goes to the embedded broker.
const CLIENTS: [(usize, bool); 3] = [(64, true), (256, true), (256, false)];
const SEATS: u64 = 10_000_000;

/// On SQLite, in one process.
pub async fn measure(plan: &Plan) -> Result<Vec<Row>> {
    let mut rows = vec![];
    for (clients, broker) in CLIENTS {
        let settings: &[_] = if broker { &[] } else { &[("BACKLINE_BROKER__LISTEN", "")] };
        let stage = Stage::open(plan, settings).await?;
        let ours = sell(plan, &stage, clients).await?;
        let folder = stage.folder();
        stage.program.stop().await?;
        let bare = grouped_orders(plan, &folder, clients).await?;
        rows.push(Row {
            what: format!(
                "orders on one event, {clients} clients, SQLite{}",
                if broker { "" } else { ", no broker" }
            ),
            figure: per_second(ours.per_second),
            latency: ours.latency(),
            reference: format!(
                "bare grouping writer {} ({})",
                per_second(bare.per_second),
                bare.latency()
            ),
            ratio: Some(ours.per_second / bare.per_second),
            aim: "10,000/s; ≥ 0.33",
        });
    }
    Ok(rows)
}

/// Sells one ticket at a time to so many clients, and counts the seats afterwards.
pub async fn sell(plan: &Plan, stage: &Stage, clients: usize) -> Result<Outcome> {
    let event_id = stage.publish_event(SEATS).await?;
    let token = Some(stage.organiser.as_str());
    let request = request("POST", "/api/v1/orders", token, Some(&order(&event_id, 1)));
    let sold = repeat(plan, stage.program.address, clients, request, StatusCode::CREATED).await?;
    check_seats(stage, &event_id, sold.finished).await?;
    Ok(sold)
}

/// Every answered order has its seat, and no seat was sold twice.
async fn check_seats(stage: &Stage, event_id: &str, sold: u64) -> Result<()> {
    let path = format!("/api/v1/events/{event_id}/sales");
    let sales = stage.connect().await?.get(&path, Some(&stage.organiser)).await?;
    let sales = sales.expect(StatusCode::OK)?;
    let count = |member: &str| sales[member].as_u64().ok_or_else(|| missing(member, &sales));
    let (left, tickets) = (count("seatsLeft")?, count("ticketsSold")?);
    if left + tickets == SEATS && tickets == sold {
        return Ok(());
    }
    Err(format!(
        "{sold} orders were answered, but {tickets} tickets sold and {left} of {SEATS} seats left"
    )
    .into())
}

fn missing(member: &str, found: &Value) -> String {
    format!("no `{member}` in {found}")
}
