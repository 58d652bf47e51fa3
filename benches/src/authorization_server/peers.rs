//! The others, as they are installed in `benches/peers`: `oidc-provider` by `npm ci`, Issuerd by
//! `cargo install issuerd --version 0.1.24 --root .`, which needs Debian's libkrb5-dev and libclang-dev.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Figures;
use super::load::{self, Client, Paths, REFRESHING, Rest, form};
use crate::http_load::Connection;
use crate::process::{Process, free_address};
use crate::stage::text;
use crate::{Plan, Result};

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");

/// With a resource it signs a token with EdDSA as ours does; without, the token is one it can be asked about.
const OIDC_PROVIDER: Paths = Paths {
    token: "/token",
    introspection: "/token/introspection",
    key_set: "/jwks",
    measured_token: "&scope=api&resource=urn:bench:api",
    introspected_token: "&scope=api",
};

const ISSUERD: Paths = Paths {
    token: "/realms/master/protocol/openid-connect/token",
    introspection: "/realms/master/protocol/openid-connect/token/introspect",
    key_set: "/realms/master/protocol/openid-connect/certs",
    measured_token: "",
    introspected_token: "",
};
const ISSUERD_USER_INFO: &str = "/realms/master/protocol/openid-connect/userinfo";
const CLIENTS: &str = "/admin/realms/master/clients";
const ADMIN: &str = "grant_type=password&client_id=admin-cli&scope=openid&username=admin&password=";
const SECRET: &str = "a-secret-of-the-bench";

/// `oidc-provider` for Node.js. What needs a user needs a browser's part there and is not asked for.
pub async fn oidc_provider(plan: &Plan) -> Result<Option<Figures>> {
    let folder = Path::new(PEERS);
    if !folder.join("node_modules").is_dir() {
        println!("left out: oidc-provider, because it is not installed in benches/peers");
        return Ok(None);
    }
    let (address, logs) = (free_address()?, tempfile::tempdir()?);
    let mut command = Command::new("node");
    command.arg(folder.join("oidc-provider.mjs")).arg(address.port().to_string());
    command.env("NODE_ENV", "production");
    let server = Process::foreign(command, address, logs.path(), "/").await?;
    tokio::time::sleep(plan.settle).await;
    let idle_mib = server.resident_mib()?;
    let client = Client { id: "bench".to_owned(), secret: SECRET.to_owned() };
    let asked = load::ask(plan, address, &client, OIDC_PROVIDER).await?;
    let loaded_mib = server.resident_mib()?;
    let rest = Rest { refreshes: None, user_infos: None, loaded_mib };
    Ok(Some(asked.into_figures("oidc-provider", server.start, idle_mib, rest)))
}

/// Issuerd.
pub async fn issuerd(plan: &Plan) -> Result<Option<Figures>> {
    let program = Path::new(PEERS).join("bin/issuerd");
    if !program.exists() {
        println!("left out: Issuerd, because it is not installed in benches/peers");
        return Ok(None);
    }
    let (address, folder) = (free_address()?, tempfile::tempdir()?);
    let command = issuerd_at(&program, address, &folder)?;
    let server = Process::foreign(command, address, folder.path(), ISSUERD.key_set).await?;
    tokio::time::sleep(plan.settle).await;
    let idle_mib = server.resident_mib()?;
    let client = register(address).await?;
    let asked = load::ask(plan, address, &client, ISSUERD).await?;
    let mut tokens = vec![];
    for _ in 0..REFRESHING {
        tokens.push(text(&sign_in(address).await?, "refresh_token")?);
    }
    let token = text(&sign_in(address).await?, "access_token")?;
    let user_infos = load::user_infos(plan, address, ISSUERD_USER_INFO, &token).await?;
    let refreshes = load::refresh(plan, address, tokens, ask_for_next, "refresh_token").await?;
    let loaded_mib = server.resident_mib()?;
    let (refreshes, user_infos) = (Some(refreshes), Some(user_infos));
    let rest = Rest { refreshes, user_infos, loaded_mib };
    Ok(Some(asked.into_figures("Issuerd", server.start, idle_mib, rest)))
}

fn issuerd_at(program: &Path, address: SocketAddr, folder: &TempDir) -> Result<Command> {
    let settings = folder.path().join("issuerd.toml");
    std::fs::write(&settings, "")?;
    let mut command = Command::new(program);
    command.args(["daemon", "--config"]).arg(settings).current_dir(folder.path());
    command.env("ISSUERD_BIND", address.ip().to_string());
    command.env("ISSUERD_PORT", address.port().to_string());
    command.env("ISSUERD_ISSUER_URL", format!("http://{address}"));
    command.env("ISSUERD_LOGGING__LEVEL", "error");
    command.env("ISSUERD_BOOTSTRAP_ADMIN_PASSWORD", SECRET);
    Ok(command)
}

/// A service account in its first realm, whose tokens are signed as ours are.
async fn register(address: SocketAddr) -> Result<Client> {
    let admin = text(&sign_in(address).await?, "access_token")?;
    let mut connection = Connection::open(address).await?;
    let client = json!({
        "client_id": "bench", "secret": SECRET, "public_client": false,
        "service_accounts_enabled": true,
    });
    let made = connection.post(CLIENTS, Some(&admin), &client).await?;
    if made.status != 201 {
        return Err(format!("{}: {}", made.status, String::from_utf8_lossy(&made.body)).into());
    }
    Ok(Client { id: "bench".to_owned(), secret: SECRET.to_owned() })
}

async fn sign_in(address: SocketAddr) -> Result<Value> {
    let question = form(ISSUERD.token, &format!("{ADMIN}{SECRET}"));
    Connection::open(address).await?.send(&question).await?.expect(StatusCode::OK)
}

fn ask_for_next(token: &str) -> Vec<u8> {
    let body = format!("grant_type=refresh_token&client_id=admin-cli&refresh_token={token}");
    form(ISSUERD.token, &body)
}
