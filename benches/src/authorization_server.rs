//! What programs ask of an authorization server, beside two others that keep everything in memory: `oidc-provider`, a
//! certified library for Node.js, and Issuerd, a certified server in Rust. Ours keeps it on disk, and every answer
//! looks at what was revoked.
//!
//! A peer is measured when it is installed (see [`peers`]).

mod load;
mod peers;
mod walk;

use std::time::Duration;

use http::StatusCode;
use serde_json::json;

use crate::report::{Outcome, Row, per_second};
use crate::stage::{ORGANISER, PASSWORD, Stage, text};
use crate::{Plan, Result};
use load::{CLIENTS, Client, Paths, REFRESHING, Rest};

/// What is measured of each.
struct Figures {
    name: &'static str,
    /// From its start to its first answer, on no data.
    start: Duration,
    /// Before anything was asked.
    idle_mib: f64,
    client_credentials: Outcome,
    introspections: Outcome,
    key_sets: Outcome,
    refreshes: Option<Outcome>,
    user_infos: Option<Outcome>,
    /// After all that.
    loaded_mib: f64,
}

/// Ours beside each peer that is installed; one server at a time, so that each has the cores for itself.
pub async fn measure(plan: &Plan) -> Result<Vec<Row>> {
    let ours = ours(plan).await?;
    let peers = [peers::oidc_provider(plan).await?, peers::issuerd(plan).await?];
    let mut table = Table { ours, peers: peers.into_iter().flatten().collect(), rows: vec![] };
    table.rate("client credentials (EdDSA)", CLIENTS, "≥ 1.3", |of| Some(&of.client_credentials));
    table.rate("introspections", CLIENTS, "≥ 2", |of| Some(&of.introspections));
    table.rate("user infos", CLIENTS, "≥ 2", |of| of.user_infos.as_ref());
    table.rate("refreshes", REFRESHING, "", |of| of.refreshes.as_ref());
    table.rate("key sets", CLIENTS, "", |of| Some(&of.key_sets));
    table.size("MiB before this load", "≤ 60", |of| of.idle_mib);
    table.size("MiB after this load", "flat", |of| of.loaded_mib);
    table.size("seconds from the first start to ready", "", |of| of.start.as_secs_f64());
    Ok(table.rows)
}

/// What was measured, and what is made of it.
struct Table {
    ours: Figures,
    peers: Vec<Figures>,
    rows: Vec<Row>,
}

impl Table {
    fn rate(
        &mut self,
        what: &str,
        clients: usize,
        aim: &'static str,
        of: fn(&Figures) -> Option<&Outcome>,
    ) {
        let Some(ours) = of(&self.ours) else { return };
        let row = Row {
            what: format!("{what}, {clients} clients"),
            figure: per_second(ours.per_second),
            latency: ours.latency(),
            aim,
            ..Row::default()
        };
        let ours = ours.per_second;
        self.add(row, |peer| {
            let theirs = of(peer)?.per_second;
            Some((per_second(theirs), ours / theirs))
        });
    }

    fn size(&mut self, what: &str, aim: &'static str, of: fn(&Figures) -> f64) {
        let ours = of(&self.ours);
        let row =
            Row { what: what.to_owned(), figure: format!("{ours:.2}"), aim, ..Row::default() };
        self.add(row, |peer| Some((format!("{:.2}", of(peer)), ours / of(peer))));
    }

    /// The row once for each peer that has such a figure; alone when none has.
    fn add(&mut self, row: Row, theirs: impl Fn(&Figures) -> Option<(String, f64)>) {
        let with = |peer: &Figures| {
            let (figure, ratio) = theirs(peer)?;
            let reference = format!("{}, in memory {figure}", peer.name);
            Some(Row { reference, ratio: Some(ratio), ..row.clone() })
        };
        let rows: Vec<Row> = self.peers.iter().filter_map(with).collect();
        self.rows.extend(if rows.is_empty() { vec![row] } else { rows });
    }
}

async fn ours(plan: &Plan) -> Result<Figures> {
    let stage = Stage::open(plan, &[]).await?;
    tokio::time::sleep(plan.settle).await;
    let idle_mib = stage.program.resident_mib()?;
    let client = register(&stage).await?;
    let asked = load::ask(plan, stage.program.address, &client, OURS).await?;
    let token = walk::user_token(&stage).await?;
    let user_infos = load::user_infos(plan, stage.program.address, USER_INFO, &token).await?;
    let refreshes = refreshes(plan, &stage).await?;
    let loaded_mib = stage.program.resident_mib()?;
    let (start, refreshes) = (stage.program.start, Some(refreshes));
    let user_infos = Some(user_infos);
    Ok(asked.into_figures("Backline", start, idle_mib, Rest { refreshes, user_infos, loaded_mib }))
}

const USER_INFO: &str = "/oauth/userinfo";

const OURS: Paths = Paths {
    token: "/oauth/token",
    introspection: "/oauth/introspect",
    key_set: "/oauth/jwks",
    measured_token: "&scope=api",
    introspected_token: "&scope=api",
};

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
    load::refresh(plan, stage.program.address, tokens, ask_for_next, "refreshToken").await
}

fn ask_for_next(token: &str) -> Vec<u8> {
    let body = json!({ "refreshToken": token });
    crate::http_load::request("POST", "/api/v1/auth/refresh", None, Some(&body))
}
