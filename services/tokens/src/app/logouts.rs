//! Telling clients that a session of theirs has ended (OpenID Connect Back-Channel Logout 1.0): written down in the
//! transaction that ends it, sent after it, tried again until the client has it or a day is over.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use contracts::ids::UserId;
use database::Tx;
use futures::future::BoxFuture;
use http::{Method, Request, Uri, header};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::TokioExecutor;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tower::Service;
use uuid::Uuid;

use crate::Tokens;
use crate::domain::Session;
use crate::domain::client::{ClientId, Scope};
use crate::domain::logout::{LOGOUT_TOKEN_LIFETIME, LogoutNotice, LogoutReach};
use crate::error::Result;
use crate::store;

/// How long a client may take, with looking up its name, connecting and answering.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// A notice that was taken and not heard of again is tried anew after this time, which is longer than calling takes.
const LEASE: SignedDuration = SignedDuration::from_secs(3 * CALL_TIMEOUT.as_secs() as i64);
/// Section 2.4.
const TYPE: &str = "logout+jwt";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Notes that a client is to be told of the end of its session, if it wants to be told and this was its last one
/// below the browser's: what it knows is the browser's.
pub(super) async fn announce(tx: &Tx, session: &Session, now: Timestamp) -> Result<()> {
    // Who was given no ID token knows of no session.
    let Some(id) = ClientId::parse(&session.client_id) else { return Ok(()) };
    if !session.scopes.contains(&Scope::OpenId) || store::has_live_sibling(tx, session, now).await?
    {
        return Ok(());
    }
    let Some(client) = store::clients::find_client(tx, id).await? else { return Ok(()) };
    let Some(uri) = client.metadata.backchannel_logout_uri else { return Ok(()) };
    let notice = LogoutNotice {
        id: Uuid::now_v7(),
        client_id: session.client_id.clone(),
        uri,
        algorithm: client.metadata.id_token_algorithm,
        user_id: session.account.user_id,
        session_id: session.browser_id(),
        created_at: now,
        due_at: now,
    };
    store::logouts::insert_notice(tx, &notice).await
}

/// The same for all sessions of a user that were ended at once at this moment.
pub(crate) async fn announce_all_of_user(tx: &Tx, user_id: UserId, now: Timestamp) -> Result<()> {
    let mut told = BTreeSet::new();
    for session in store::list_sessions_ended_at(tx, user_id, now).await? {
        if told.insert((session.client_id.clone(), session.browser_id().0)) {
            announce(tx, &session, now).await?;
        }
    }
    Ok(())
}

impl Tokens {
    /// Clients that are to be told something now, but for some.
    pub async fn clients_to_tell(
        &self,
        except: impl IntoIterator<Item = &String>,
        limit: u64,
    ) -> Result<Vec<String>> {
        let (db, now) = (self.database.read(), self.clock.now());
        store::logouts::clients_with_due_notices(db, now, except, limit).await
    }

    /// Tells a client of everything whose time has come, one after the other; what does not reach it waits.
    pub async fn tell_client(&self, client_id: &str) -> Result<()> {
        loop {
            let now = self.clock.now();
            let due = store::logouts::find_due_notice(self.database.read(), client_id, now).await?;
            let Some(notice) = due else { return Ok(()) };
            let tx = self.database.begin().await?;
            let is_ours = store::logouts::take_notice(&tx, &notice, now + LEASE).await?;
            tx.commit().await?;
            // Another replica is at it.
            if !is_ours {
                return Ok(());
            }
            let outcome = self.tell(&notice).await?;
            let has_it = outcome.is_ok();
            self.write_down(&notice, outcome).await?;
            if !has_it {
                return Ok(());
            }
        }
    }

    async fn tell(&self, notice: &LogoutNotice) -> Result<Result<(), String>> {
        let key = self.signing_key(notice.algorithm).await?;
        let claims = logout_claims(notice, &self.ctx.public_url, self.clock.now());
        let token = key.sign_as(TYPE, &claims).map_err(service_kit::Error::internal)?;
        Ok(self.logout_caller.call(&notice.uri, &token).await)
    }

    async fn write_down(&self, notice: &LogoutNotice, outcome: Result<(), String>) -> Result<()> {
        let now = self.clock.now();
        let LogoutNotice { id, client_id, .. } = notice;
        let tx = self.database.begin().await?;
        match (outcome, notice.next_try(now)) {
            (Ok(()), _) => {
                tracing::info!(target: "audit", %id, client_id, "a client was told of a log-out");
                store::logouts::delete_notice(&tx, *id).await?;
            }
            (Err(reason), Some(next)) => {
                tracing::warn!(%id, client_id, reason, "a client could not be told of a log-out");
                store::logouts::postpone_notices(&tx, notice, now, next).await?;
            }
            (Err(reason), None) => {
                tracing::error!(target: "audit", %id, client_id, reason,
                    "a client was never told of a log-out");
                store::logouts::delete_notice(&tx, *id).await?;
            }
        }
        Ok(tx.commit().await?)
    }
}

/// Section 2.4. There is no nonce in it, so that it cannot be taken for an ID token.
fn logout_claims(notice: &LogoutNotice, issuer: &str, now: Timestamp) -> Value {
    json!({
        "iss": issuer,
        "aud": notice.client_id,
        "sub": notice.user_id.to_string(),
        "sid": notice.session_id.to_string(),
        "iat": now.as_second(),
        "exp": (now + LOGOUT_TOKEN_LIFETIME).as_second(),
        // Of this try: a client that keeps them has not seen it before.
        "jti": Uuid::now_v7(),
        "events": { EVENT: {} },
    })
}

type Https = HttpClient<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>;

/// Calls clients. Follows no redirect, reads no answer beyond its status, keeps no connection.
pub struct LogoutCaller {
    reach: LogoutReach,
    /// Made when first needed: the trusted certificates are read from files.
    client: OnceCell<Https>,
}

impl LogoutCaller {
    /// Calls what lies within reach.
    pub fn new(reach: LogoutReach) -> Self {
        Self { reach, client: OnceCell::new() }
    }

    /// Brings a log-out token to a client (section 2.5). The error is for the log.
    pub async fn call(&self, uri: &str, token: &str) -> Result<(), String> {
        match tokio::time::timeout(CALL_TIMEOUT, self.send(uri, token)).await {
            Ok(outcome) => outcome,
            Err(_) => Err("no answer in time".to_owned()),
        }
    }

    async fn send(&self, uri: &str, token: &str) -> Result<(), String> {
        let uri: Uri = uri.parse().map_err(|_| "the address cannot be read".to_owned())?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        if !self.reach.allows_host(host) {
            return Err("the address may not be called".to_owned());
        }
        // A JWT has no character that a form would have to encode.
        let form = format!("logout_token={token}");
        let request = Request::builder()
            .method(Method::POST)
            .uri(uri)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(form)))
            .map_err(|error| error.to_string())?;
        let client = self.client.get_or_try_init(|| make_client(self.reach)).await?;
        let answer = client.request(request).await.map_err(|error| chain(&error))?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(format!("it answered {status}")) }
    }
}

async fn make_client(reach: LogoutReach) -> Result<Https, String> {
    let made = tokio::task::spawn_blocking(move || {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let tls = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider)?;
        let mut connector =
            HttpConnector::new_with_resolver(Resolver { reach, dns: GaiResolver::new() });
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let connector = tls.https_or_http().enable_http1().wrap_connector(connector);
        let client = HttpClient::builder(TokioExecutor::new())
            // Calls are rare; an answer that is not read must not hold a connection.
            .pool_max_idle_per_host(0)
            .build(connector);
        Ok::<_, io::Error>(client)
    });
    let made = made.await.map_err(|error| error.to_string())?;
    made.map_err(|error| format!("the trusted certificates cannot be read: {error}"))
}

/// Looks names up and leaves out what may not be called, whatever the name said when it was registered.
#[derive(Clone)]
struct Resolver {
    reach: LogoutReach,
    dns: GaiResolver,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (reach, found) = (self.reach, self.dns.call(name));
        Box::pin(async move {
            let allowed = found.await?.filter(|address| reach.allows(address.ip()));
            let allowed: Vec<SocketAddr> = allowed.collect();
            match allowed.is_empty() {
                true => Err(io::Error::other("its name leads to no address that may be called")),
                false => Ok(allowed.into_iter()),
            }
        })
    }
}

/// The error and what caused it; hyper's own words alone say little.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
