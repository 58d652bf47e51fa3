//! Durable publications and deliveries at the embedded broker, beside NATS with and without a sync for each message,
//! RabbitMQ, and a bare loop that appends and syncs. Every broker keeps what it acknowledges in files on the same disk;
//! the load, in this process, is each one's official client.
//!
//! A peer is measured when it is installed (see [`peers`]).

mod bare;
mod nats;
mod peers;
mod rabbitmq;

use std::path::Path;
use std::time::{Duration, Instant};

use broker::{Broker, BrokerSettings};
use futures::StreamExt;
use futures::stream::FuturesUnordered;

use crate::process::{EMBEDDED_BROKER, Process, free_address};
use crate::report::{Outcome, Row, histogram, per_second};
use crate::{Plan, Result};

/// What a message carries.
const PAYLOAD_BYTES: usize = 256;
/// Publications that wait for their acknowledgements at the same time.
const IN_FLIGHT: usize = 1_000;

/// What is measured of each.
struct Figures {
    name: String,
    /// Each publication is sent when the one before is acknowledged.
    one_by_one: Outcome,
    /// So many at a time.
    pipelined: Outcome,
    /// Published, received by a durable consumer, acknowledged; as many as it takes.
    received: Outcome,
    /// From the publication to its receipt, one at a time.
    receipt: Outcome,
}

/// Ours beside each peer; one server at a time, so that each has the cores for itself.
pub async fn measure(plan: &Plan) -> Result<Vec<Row>> {
    let ours = ours(plan).await?;
    let mut peers = peers::nats(plan).await?;
    peers.extend(peers::rabbitmq(plan).await?);
    let bare = bare::append_and_sync(plan).await?;
    let mut rows = vec![];
    let mut beside = |what: &str, aim: &'static str, of: fn(&Figures) -> &Outcome| {
        rows.extend(peers.iter().map(|peer| row(what, aim, &ours, peer, of)));
    };
    beside("publish, 1 in flight, 256 bytes, synced", "≥ 1.3 × NATS `always`", |it| {
        &it.one_by_one
    });
    beside("publish, 1,000 in flight", "≥ NATS default", |it| &it.pipelined);
    beside("one at a time, to its receipt", "", |it| &it.receipt);
    beside("publish, receive, acknowledge", "≥ NATS default", |it| &it.received);
    rows.push(floor(&ours, &bare));
    Ok(rows)
}

fn floor(ours: &Figures, bare: &Outcome) -> Row {
    let floor = format!("bare append and fdatasync {}", per_second(bare.per_second));
    Row {
        what: "publish, 1 in flight, 256 bytes, synced".into(),
        figure: per_second(ours.one_by_one.per_second),
        latency: ours.one_by_one.latency(),
        reference: format!("{floor} ({})", bare.latency()),
        ratio: Some(ours.one_by_one.per_second / bare.per_second),
        aim: "",
    }
}

fn row(
    what: &str,
    aim: &'static str,
    ours: &Figures,
    peer: &Figures,
    of: fn(&Figures) -> &Outcome,
) -> Row {
    let (our, their) = (of(ours), of(peer));
    Row {
        what: what.to_owned(),
        figure: per_second(our.per_second),
        latency: our.latency(),
        reference: format!("{} {} {}", peer.name, per_second(their.per_second), their.latency()),
        ratio: Some(our.per_second / their.per_second),
        aim,
    }
}

/// Keeps so many publications under way, each of which says how long it took.
async fn keep_in_flight<F: Future<Output = Result<Duration>>>(
    plan: &Plan,
    in_flight: usize,
    publish_one: impl Fn() -> F,
) -> Result<Outcome> {
    let begin = Instant::now() + plan.warm_up;
    let end = begin + plan.measured;
    let mut waiting: FuturesUnordered<_> = (0..in_flight).map(|_| publish_one()).collect();
    let (mut finished, mut latencies) = (0, histogram());
    while let Some(latency) = waiting.next().await {
        let (latency, now) = (latency?, Instant::now());
        finished += 1;
        if now >= begin && now < end {
            latencies.saturating_record(latency.as_micros() as u64);
        }
        if now < end {
            waiting.push(publish_one());
        }
    }
    Ok(Outcome::new(finished, latencies, plan.measured))
}

async fn ours(plan: &Plan) -> Result<Figures> {
    let (folder, listen) = (tempfile::tempdir()?, free_address()?);
    let data = folder.path().to_string_lossy().into_owned();
    let arguments = [listen.to_string(), data];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let server = Process::role(plan, EMBEDDED_BROKER, folder.path(), &arguments).await?;
    let figures = nats::measure(plan, "Backline", &listen.to_string()).await;
    server.stop().await?;
    figures
}

/// The embedded broker alone, which everybody may use, until it is killed. Arguments: where it says that it is ready,
/// where it listens, its folder.
pub async fn serve(arguments: &[String]) -> Result<()> {
    let [ready, listen, folder] = arguments else { return Err("three arguments, please".into()) };
    let mut settings = BrokerSettings::new(Path::new(folder).join("broker"));
    settings.server.listen = listen.parse()?;
    let _broker = Broker::start(settings).await?;
    crate::bare::serve(&[ready.clone(), "2".to_owned()]).await
}
