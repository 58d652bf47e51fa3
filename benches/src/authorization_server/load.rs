//! The same questions to each server.

use std::net::SocketAddr;
use std::time::Duration;

use http::StatusCode;
use serde_json::json;

use super::Figures;
use crate::http_load::{Connection, chain, repeat, request};
use crate::report::Outcome;
use crate::stage::text;
use crate::{Plan, Result};

/// Who ask at the same time.
pub const CLIENTS: usize = 64;
/// Each refreshes its own session, one token after the other.
pub const REFRESHING: usize = 16;

/// Where a server is asked, and what a token request says beside the grant.
pub struct Paths {
    pub token: &'static str,
    pub introspection: &'static str,
    pub key_set: &'static str,
    /// When tokens are counted.
    pub measured_token: &'static str,
    /// When one is made to be asked about.
    pub introspected_token: &'static str,
}

/// A registered client.
pub struct Client {
    pub id: String,
    pub secret: String,
}

impl Client {
    fn form(&self, path: &str, parameters: &str) -> Vec<u8> {
        form(path, &format!("client_id={}&client_secret={}&{parameters}", self.id, self.secret))
    }
}

/// A form as it goes over the wire.
pub fn form(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let kind = "application/x-www-form-urlencoded";
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench.example\r\ncontent-type: {kind}\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// What every server was asked.
pub struct Asked {
    client_credentials: Outcome,
    introspections: Outcome,
    key_sets: Outcome,
}

impl Asked {
    pub fn into_figures(
        self,
        name: &'static str,
        start: Duration,
        idle_mib: f64,
        rest: Rest,
    ) -> Figures {
        let Self { client_credentials, introspections, key_sets } = self;
        let Rest { refreshes, user_infos, loaded_mib } = rest;
        Figures {
            name,
            start,
            idle_mib,
            client_credentials,
            introspections,
            key_sets,
            refreshes,
            user_infos,
            loaded_mib,
        }
    }
}

/// What takes a user, whom not every server has here; and what it has come to in the end.
pub struct Rest {
    pub refreshes: Option<Outcome>,
    pub user_infos: Option<Outcome>,
    pub loaded_mib: f64,
}

/// Tokens by client credentials, questions about one of them, key sets.
pub async fn ask(plan: &Plan, at: SocketAddr, client: &Client, paths: Paths) -> Result<Asked> {
    let grant = "grant_type=client_credentials";
    let token = client.form(paths.token, &format!("{grant}{}", paths.measured_token));
    let client_credentials = repeat(plan, at, CLIENTS, token, StatusCode::OK).await?;
    let token = client.form(paths.token, &format!("{grant}{}", paths.introspected_token));
    let granted = Connection::open(at).await?.send(&token).await?.expect(StatusCode::OK)?;
    let token = format!("token={}", text(&granted, "access_token")?);
    let question = client.form(paths.introspection, &token);
    let answer = Connection::open(at).await?.send(&question).await?.expect(StatusCode::OK)?;
    if answer["active"] != json!(true) {
        return Err(format!("the token in question should be good: {answer}").into());
    }
    let introspections = repeat(plan, at, CLIENTS, question, StatusCode::OK).await?;
    let key_set = request("GET", paths.key_set, None, None);
    let key_sets = repeat(plan, at, CLIENTS, key_set, StatusCode::OK).await?;
    Ok(Asked { client_credentials, introspections, key_sets })
}

/// Refresh tokens, each spent for its successor, which stands in the answer under that name.
pub async fn refresh(
    plan: &Plan,
    at: SocketAddr,
    tokens: Vec<String>,
    ask: fn(&str) -> Vec<u8>,
    name: &'static str,
) -> Result<Outcome> {
    chain(plan, at, tokens, ask, move |answer| text(answer, name)).await
}

/// Who the user of a token is.
pub async fn user_infos(plan: &Plan, at: SocketAddr, path: &str, token: &str) -> Result<Outcome> {
    let question = request("GET", path, Some(token), None);
    repeat(plan, at, CLIENTS, question, StatusCode::OK).await
}
