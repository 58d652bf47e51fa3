//! Requests per second of the gateway's own processor time, every feature on, with a token it has seen before.
//!
//! In process: a small resource of a service beside it. Remote: a route to a server in another process, beside HAProxy
//! when it is installed and beside a bare proxy of the same libraries. A bare server that answers the same bytes shows
//! what is left when nothing is done.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use http::StatusCode;

use crate::http_load::{repeat, request};
use crate::process::{BARE_PROXY, BARE_SERVER, Process, free_address, installed};
use crate::report::{Row, thousands};
use crate::stage::Stage;
use crate::{Plan, Result};

const CLIENTS: usize = 64;
const RESOURCE: &str = "/api/v1/permissions";
const ROUTE: &str = "/api/v1/echo";
const REMOTE_BYTES: &str = "1024";
/// The aims are multiples of HAProxy, of which a bare proxy makes 0.88 (64,000 of 72,700, measured beside it).
const AIM_IN_PROCESS: &str = "≥ 1.7 (1.5 × HAProxy)";
const AIM_REMOTE: &str = "≥ 1.02 (0.9 × HAProxy)";

/// Both, beside everything there is.
pub async fn measure(plan: &Plan) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let origin = Process::role(plan, BARE_SERVER, folder.path(), &[REMOTE_BYTES]).await?;
    let proxy =
        Process::role(plan, BARE_PROXY, folder.path(), &[&origin.address.to_string()]).await?;
    let bare_proxy = per_cpu_second(plan, &proxy, ROUTE, None).await?;
    let haproxy = haproxy(plan, folder.path(), origin.address).await?;
    let stage = Stage::open(plan, &[]).await?;
    let in_process = per_cpu_second(plan, &stage.program, RESOURCE, Some(&stage.admin)).await?;
    let length = stage.connect().await?.get(RESOURCE, Some(&stage.admin)).await?.body.len();
    let server = Process::role(plan, BARE_SERVER, folder.path(), &[&length.to_string()]).await?;
    let bare_server = per_cpu_second(plan, &server, RESOURCE, None).await?;
    drop(stage);
    let remote = remote(plan, origin.address).await?;
    let mut rows = vec![
        row("in process", in_process, "bare proxy", bare_proxy, AIM_IN_PROCESS),
        row(
            "in process",
            in_process,
            &format!("bare server of the same {length} bytes"),
            bare_server,
            "",
        ),
        row("remote", remote, "bare proxy", bare_proxy, AIM_REMOTE),
    ];
    if let Some(haproxy) = haproxy {
        rows.push(row("in process", in_process, "HAProxy", haproxy, "≥ 1.5"));
        rows.push(row("remote", remote, "HAProxy", haproxy, "≥ 0.9"));
    }
    Ok(rows)
}

fn row(what: &str, ours: f64, beside: &str, theirs: f64, aim: &'static str) -> Row {
    Row {
        what: format!("gateway, {what}, warm token, {CLIENTS} clients"),
        figure: format!("{} a CPU-second", thousands(ours)),
        reference: format!("{beside} {}", thousands(theirs)),
        ratio: Some(ours / theirs),
        aim,
        ..Row::default()
    }
}

/// An installation of its own, with one more route.
async fn remote(plan: &Plan, origin: SocketAddr) -> Result<f64> {
    let route = format!("[[gateway.routes]]\npath = \"{ROUTE}\"\ntarget = \"http://{origin}\"\n");
    let stage = Stage::open_with_file(plan, &[], &route).await?;
    per_cpu_second(plan, &stage.program, ROUTE, Some(&stage.admin)).await
}

async fn per_cpu_second(
    plan: &Plan,
    process: &Process,
    path: &str,
    token: Option<&str>,
) -> Result<f64> {
    let request = request("GET", path, token, None);
    let before = process.cpu_seconds()?;
    let outcome = repeat(plan, process.address, CLIENTS, request, StatusCode::OK).await?;
    // A run of a moment may be shorter than one tick of the kernel's clock.
    let spent = (process.cpu_seconds()? - before).max(0.01);
    Ok(outcome.finished as f64 / spent)
}

/// One thread, without logs, as in the measurements the aims come from.
async fn haproxy(plan: &Plan, folder: &Path, origin: SocketAddr) -> Result<Option<f64>> {
    let Some(program) = installed("haproxy") else {
        println!("left out: HAProxy, because it is not installed; a bare proxy stands for it");
        return Ok(None);
    };
    let address = free_address()?;
    let file = folder.join("haproxy.cfg");
    let text = format!(
        "global\n  nbthread 1\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n\
         listen bench\n  bind {address}\n  http-reuse always\n  server origin {origin}\n"
    );
    std::fs::write(&file, text)?;
    let mut command = Command::new(program);
    command.arg("-db").arg("-f").arg(&file);
    let process = Process::foreign(command, address, folder, "/").await?;
    Ok(Some(per_cpu_second(plan, &process, ROUTE, None).await?))
}
