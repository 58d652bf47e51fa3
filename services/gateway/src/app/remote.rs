//! Services over HTTP/1.1: pooled connections, time-outs, and repetition where it can do no harm.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Uri, Version, header};
use hyper::body::Body as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::Mutex;

use super::settings::RemoteSettings;
use super::upstream::{Fault, is_failure};
use crate::domain::RetryBudget;
use crate::http::bodies;

/// A body up to this size is kept until the answer is there, so that it can be sent again.
const KEPT_BYTES_MAX: u64 = 64 * 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Shorter than what servers commonly wait, so that we are the ones who hang up.
const IDLE: Duration = Duration::from_secs(30);

/// A target over the network.
pub struct Remote {
    client: Client<HttpConnector, Body>,
    authority: Authority,
    /// Of the target's address, without a slash at the end.
    base: String,
    answer_timeout: Duration,
    retries_max: u32,
    budget: Mutex<RetryBudget>,
}

enum KeptBody {
    /// Can be sent any number of times.
    Whole(Bytes),
    /// Can be sent once.
    Stream(Option<Body>),
}

impl Remote {
    /// `address` is like `http://10.0.0.7:8080`.
    pub fn new(address: &str, settings: &RemoteSettings) -> Result<Self, String> {
        let wrong = || format!("`{address}` is not an address like `http://10.0.0.7:8080`");
        let uri: Uri = address.parse().map_err(|_| wrong())?;
        let authority = uri.authority().cloned();
        let authority =
            authority.filter(|_| uri.scheme() == Some(&Scheme::HTTP)).ok_or_else(wrong)?;
        if uri.query().is_some() {
            return Err(wrong());
        }
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_millis(settings.connect_timeout_ms)));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(settings.idle_connections_max)
            .build(connector);
        Ok(Self {
            client,
            authority,
            base: uri.path().trim_end_matches('/').to_owned(),
            answer_timeout: Duration::from_millis(settings.answer_timeout_ms),
            retries_max: settings.retries_max,
            budget: Mutex::new(RetryBudget::new(settings.retry_budget_percent)),
        })
    }

    /// Sends a request, and again after a pause when it failed and a repetition does no harm.
    pub async fn send(&self, request: Request) -> Result<Response, Fault> {
        let (mut parts, body) = request.into_parts();
        self.aim(&mut parts)?;
        let mut body = keep(body).await?;
        self.budget.lock().deposit();
        let mut attempt = 0;
        loop {
            let Some(next) = next_body(&mut body) else {
                return Err(Fault::Broken("the body cannot be sent again".to_owned()));
            };
            let outcome = self.attempt(parts.clone(), next).await;
            let can_repeat = matches!(body, KeptBody::Whole(_))
                && attempt < self.retries_max
                && wants_repetition(&outcome, &parts);
            if !can_repeat || !self.budget.lock().withdraw() {
                return outcome.map_err(|(fault, _)| fault);
            }
            tokio::time::sleep(stdx::backoff::delay(attempt, FIRST_PAUSE, LONGEST_PAUSE)).await;
            attempt += 1;
        }
    }

    /// Changes the request so that it is for the target.
    fn aim(&self, parts: &mut Parts) -> Result<(), Fault> {
        let unfit = |error: http::Error| Fault::Broken(error.to_string());
        let path = parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        let path = if self.base.is_empty() {
            path
        } else {
            let path = [self.base.as_str(), path.as_str()].concat();
            PathAndQuery::try_from(path).map_err(|error| unfit(error.into()))?
        };
        let uri = Uri::builder().scheme(Scheme::HTTP).authority(self.authority.clone());
        parts.uri = uri.path_and_query(path).build().map_err(unfit)?;
        parts.version = Version::HTTP_11;
        parts.headers.remove(header::HOST);
        // Ours are about this connection and this process.
        parts.extensions.clear();
        Ok(())
    }

    async fn attempt(&self, parts: Parts, body: Body) -> Result<Response, (Fault, Reached)> {
        let request = Request::from_parts(parts, body);
        match tokio::time::timeout(self.answer_timeout, self.client.request(request)).await {
            Ok(Ok(response)) => Ok(response.map(Body::new)),
            Ok(Err(error)) => {
                let reached = if error.is_connect() { Reached::Never } else { Reached::Perhaps };
                Err((Fault::Broken(chain(&error)), reached))
            }
            Err(_) => Err((Fault::TimedOut, Reached::Perhaps)),
        }
    }
}

/// Whether any of a request may have come to the target.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reached {
    Never,
    Perhaps,
}

fn wants_repetition(outcome: &Result<Response, (Fault, Reached)>, parts: &Parts) -> bool {
    match outcome {
        Err((_, Reached::Never)) => true,
        Err((_, Reached::Perhaps)) => is_repeatable(parts),
        Ok(response) => {
            let asks_for_more_time = response
                .headers()
                .get(header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.parse::<u64>().ok())
                .is_some_and(|seconds| seconds > LONGEST_PAUSE.as_secs());
            is_failure(response.status()) && is_repeatable(parts) && !asks_for_more_time
        }
    }
}

/// Whether doing it twice is the same as doing it once.
fn is_repeatable(parts: &Parts) -> bool {
    let is_idempotent = matches!(
        parts.method,
        Method::GET | Method::HEAD | Method::PUT | Method::DELETE | Method::OPTIONS
    );
    is_idempotent || parts.headers.contains_key("idempotency-key")
}

/// Keeps a body whose size is known and small; the rest is never held in memory.
async fn keep(body: Body) -> Result<KeptBody, Fault> {
    if body.is_end_stream() {
        return Ok(KeptBody::Whole(Bytes::new()));
    }
    match body.size_hint().exact() {
        Some(size) if size <= KEPT_BYTES_MAX => {
            let whole = bodies::read(body, KEPT_BYTES_MAX as usize).await;
            whole.map(KeptBody::Whole).map_err(|error| Fault::Broken(error.to_string()))
        }
        _ => Ok(KeptBody::Stream(Some(body))),
    }
}

fn next_body(body: &mut KeptBody) -> Option<Body> {
    match body {
        KeptBody::Whole(bytes) if bytes.is_empty() => Some(Body::empty()),
        KeptBody::Whole(bytes) => Some(Body::from(bytes.clone())),
        KeptBody::Stream(body) => body.take(),
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
