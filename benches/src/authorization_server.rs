//! What programs ask of an authorization server, beside `oidc-provider`, a certified library for Node.js that keeps
//! everything in memory. Ours keeps it on disk, and every answer looks at what was revoked.
//!
//! The peer is measured when its packages are installed: `npm ci` in `benches/peers`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use http::StatusCode;
use serde_json::{Value, json};

use crate::http_load::{Connection, chain, repeat, request};
use crate::process::{Process, free_address};
use crate::report::{Outcome, Row, per_second};
use crate::stage::{ORGANISER, PASSWORD, Stage, text};
use crate::{Plan, Result};

const CLIENTS: usize = 64;
/// Each refreshes its own session, one token after the other.
const REFRESHING: usize = 16;

/// What is measured of both.
struct Figures {
    client_credentials: Outcome,
    introspections: Outcome,
    key_sets: Outcome,
    resident_mib: f64,
}

/// Ours beside the peer's, and what only ours is asked.
pub async fn measure(plan: &Plan) -> Result<Vec<Row>> {
    let stage = Stage::open(plan, &[]).await?;
    let client = register(&stage).await?;
    let ours = figures(plan, &stage.program, &client, OURS).await?;
    let refreshes = refreshes(plan, &stage).await?;
    // The peer has the cores for itself, as ours had.
    drop(stage);
    let peer = peer(plan).await?;
    let beside = |of: fn(&Figures) -> &Outcome| peer.as_ref().map(|peer| of(peer).per_second);
    Ok(vec![
        row(
            "client credentials (EdDSA)",
            &ours.client_credentials,
            beside(|f| &f.client_credentials),
            "≥ 1.3",
        ),
        row("introspections", &ours.introspections, beside(|f| &f.introspections), "≥ 2"),
        row("key sets", &ours.key_sets, beside(|f| &f.key_sets), ""),
        Row {
            what: format!("refreshes, {REFRESHING} sessions, each on disk"),
            figure: per_second(refreshes.per_second),
            latency: refreshes.latency(),
            ..Row::default()
        },
        Row {
            what: "memory of the authorization server under this load".to_owned(),
            figure: format!("{:.1} MiB", ours.resident_mib),
            reference: peer.as_ref().map_or_else(
                || MISSING.to_owned(),
                |peer| format!("oidc-provider {:.1} MiB", peer.resident_mib),
            ),
            ratio: peer.as_ref().map(|peer| ours.resident_mib / peer.resident_mib),
            aim: "flat",
            ..Row::default()
        },
    ])
}

const MISSING: &str = "oidc-provider is not installed (npm ci in benches/peers)";

fn row(what: &str, ours: &Outcome, theirs: Option<f64>, aim: &'static str) -> Row {
    Row {
        what: format!("{what}, {CLIENTS} clients"),
        figure: per_second(ours.per_second),
        latency: ours.latency(),
        reference: theirs.map_or_else(
            || MISSING.to_owned(),
            |theirs| format!("oidc-provider, in memory {}", per_second(theirs)),
        ),
        ratio: theirs.map(|theirs| ours.per_second / theirs),
        aim,
    }
}

/// Where a server is asked.
struct Paths {
    token: &'static str,
    introspection: &'static str,
    key_set: &'static str,
    /// What the token request says beside the grant.
    token_parameters: &'static str,
}

const OURS: Paths = Paths {
    token: "/oauth/token",
    introspection: "/oauth/introspect",
    key_set: "/oauth/jwks",
    token_parameters: "&scope=api",
};
/// With a resource the peer signs a token with EdDSA as ours does; without, the token is one it can be asked about.
const PEERS: Paths = Paths {
    token: "/token",
    introspection: "/token/introspection",
    key_set: "/jwks",
    token_parameters: "&scope=api&resource=urn:bench:api",
};

/// A registered client.
struct Client {
    id: String,
    secret: String,
}

impl Client {
    fn form(&self, path: &str, parameters: &str) -> Vec<u8> {
        let Self { id, secret } = self;
        let body = format!("client_id={id}&client_secret={secret}&{parameters}");
        let length = body.len();
        let form = "application/x-www-form-urlencoded";
        format!(
            "POST {path} HTTP/1.1\r\nhost: bench.example\r\ncontent-type: {form}\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

async fn figures(plan: &Plan, server: &Process, client: &Client, paths: Paths) -> Result<Figures> {
    let address = server.address;
    let grant = "grant_type=client_credentials";
    let token = client.form(paths.token, &format!("{grant}{}", paths.token_parameters));
    let client_credentials = repeat(plan, address, CLIENTS, token, StatusCode::OK).await?;
    let token = client.form(paths.token, &format!("{grant}&scope=api"));
    let granted = Connection::open(address).await?.send(&token).await?.expect(StatusCode::OK)?;
    let token = format!("token={}", text(&granted, "access_token")?);
    let question = client.form(paths.introspection, &token);
    let answer = Connection::open(address).await?.send(&question).await?.expect(StatusCode::OK)?;
    if answer["active"] != json!(true) {
        return Err(format!("the token in question should be good: {answer}").into());
    }
    let introspections = repeat(plan, address, CLIENTS, question, StatusCode::OK).await?;
    let key_set = request("GET", paths.key_set, None, None);
    let key_sets = repeat(plan, address, CLIENTS, key_set, StatusCode::OK).await?;
    let resident_mib = server.resident_mib()?;
    Ok(Figures { client_credentials, introspections, key_sets, resident_mib })
}

/// A service account of ours.
async fn register(stage: &Stage) -> Result<Client> {
    let metadata = json!({
        "client_name": "Bench", "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["client_credentials"], "response_types": [], "scope": "api",
        "backline_permissions": ["events:read"],
    });
    let mut connection = stage.connect().await?;
    let answer = connection.post("/oauth/register", Some(&stage.admin), &metadata).await?;
    let registered = answer.expect(StatusCode::CREATED)?;
    Ok(Client { id: text(&registered, "client_id")?, secret: text(&registered, "client_secret")? })
}

async fn refreshes(plan: &Plan, stage: &Stage) -> Result<Outcome> {
    let login = json!({ "email": ORGANISER, "password": PASSWORD });
    let mut connection = stage.connect().await?;
    let mut tokens = vec![];
    for _ in 0..REFRESHING {
        let pair = connection.post("/api/v1/auth/login", None, &login).await?;
        tokens.push(text(&pair.expect(StatusCode::OK)?, "refreshToken")?);
    }
    chain(plan, stage.program.address, tokens, ask_for_next, next_token).await
}

fn ask_for_next(token: &str) -> Vec<u8> {
    request("POST", "/api/v1/auth/refresh", None, Some(&json!({ "refreshToken": token })))
}

fn next_token(pair: &Value) -> Result<String> {
    text(pair, "refreshToken")
}

async fn peer(plan: &Plan) -> Result<Option<Figures>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    if !folder.join("node_modules").is_dir() {
        return Ok(None);
    }
    let address = free_address()?;
    let logs = tempfile::tempdir()?;
    let server =
        Process::foreign(node(&folder.join("oidc-provider.mjs"), address), address, logs.path());
    let client = Client { id: "bench".to_owned(), secret: "a-secret-of-the-bench".to_owned() };
    Ok(Some(figures(plan, &server.await?, &client, PEERS).await?))
}

fn node(script: &PathBuf, address: SocketAddr) -> Command {
    let mut command = Command::new("node");
    command.arg(script).arg(address.port().to_string()).env("NODE_ENV", "production");
    command
}
