//! Before and at the doors: the public event page, the event list, and check-ins.

use http::StatusCode;
use serde_json::Value;

use crate::http_load::{repeat, request, work_off};
use crate::plain_store::single_check_ins;
use crate::process::{BARE_SERVER, Process};
use crate::report::{Outcome, Row, per_second};
use crate::stage::{Stage, order};
use crate::{Plan, Result};

const READERS: usize = 64;
const SCANNERS: usize = 32;
const EVENTS: usize = 25;
const TICKETS_PER_ORDER: usize = 20;

/// All three, on one installation.
pub async fn measure(plan: &Plan) -> Result<Vec<Row>> {
    let stage = Stage::open(plan, &[]).await?;
    let event_id = stage.publish_event(100_000).await?;
    for _ in 1..EVENTS {
        stage.publish_event(100).await?;
    }
    Ok(vec![
        read(plan, &stage, "public event page", &format!("/api/v1/events/{event_id}")).await?,
        read(plan, &stage, "public list of 25 events", "/api/v1/events?limit=25").await?,
        check_in(plan, &stage, &event_id).await?,
    ])
}

async fn read(plan: &Plan, stage: &Stage, what: &str, path: &str) -> Result<Row> {
    let length = stage.connect().await?.get(path, None).await?.body.len();
    let ours = read_from(plan, &stage.program, path).await?;
    let folder = tempfile::tempdir()?;
    let server = Process::role(plan, BARE_SERVER, folder.path(), &[&length.to_string()]).await?;
    let bare = read_from(plan, &server, path).await?;
    let bare_figure = per_second(bare.per_second);
    Ok(Row {
        what: format!("{what}, {READERS} clients, no token"),
        figure: per_second(ours.per_second),
        latency: ours.latency(),
        reference: format!("bare server of the same {length} bytes {bare_figure}"),
        ratio: Some(ours.per_second / bare.per_second),
        aim: "≥ 5,000/s",
    })
}

async fn read_from(plan: &Plan, process: &Process, path: &str) -> Result<Outcome> {
    let request = request("GET", path, None, None);
    repeat(plan, process.address, READERS, request, StatusCode::OK).await
}

async fn check_in(plan: &Plan, stage: &Stage, event_id: &str) -> Result<Row> {
    let codes = buy(stage, event_id, plan.check_ins).await?;
    let scan = |code: &String| {
        let path = format!("/api/v1/tickets/{code}/check-in");
        request("POST", &path, Some(&stage.organiser), None)
    };
    let share = codes.len().div_ceil(SCANNERS);
    let lists = codes.chunks(share).map(|codes| codes.iter().map(scan).collect()).collect();
    let ours = work_off(stage.program.address, lists, StatusCode::OK).await?;
    let bare = single_check_ins(&stage.folder(), plan.check_ins)?;
    Ok(Row {
        what: format!("check-ins of {} tickets, {SCANNERS} clients", codes.len()),
        figure: per_second(ours.per_second),
        latency: ours.latency(),
        reference: format!("bare SQLite, one commit each {}", per_second(bare)),
        ratio: Some(ours.per_second / bare),
        aim: "≥ 2,000/s",
    })
}

/// The codes of so many tickets.
async fn buy(stage: &Stage, event_id: &str, count: usize) -> Result<Vec<String>> {
    let mut connection = stage.connect().await?;
    let mut codes = Vec::with_capacity(count);
    let wish = order(event_id, TICKETS_PER_ORDER as u32);
    while codes.len() < count {
        let sold = connection.post("/api/v1/orders", Some(&stage.organiser), &wish).await?;
        let sold = sold.expect(StatusCode::CREATED)?;
        let tickets = sold["tickets"].as_array().ok_or("an order without tickets")?;
        let code = |ticket: &Value| ticket["code"].as_str().map(str::to_owned);
        codes.extend(tickets.iter().filter_map(code));
    }
    Ok(codes)
}
