//! The gateway's own pages: health, readiness, metrics, the description of the API.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde::Serialize;
use service_kit::http::Json;

use crate::error::{Error, Result};

/// Checks what the process needs to serve: pairs of a name and why it cannot; or, if it can, a remark.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, Vec<Checked>> + Send + Sync>;
type Checked = (String, Result<Option<String>, String>);
/// Writes the metrics as Prometheus text.
pub type MetricsText = Arc<dyn Fn() -> String + Send + Sync>;

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const PROMETHEUS: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What the gateway's own pages are made of.
pub struct Pages {
    readiness: Readiness,
    metrics: MetricsText,
    metrics_are_public: bool,
    openapi: Bytes,
    openapi_etag: HeaderValue,
}

/// One of the gateway's own pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    Health,
    Ready,
    Metrics,
    OpenApi,
}

impl Page {
    /// The page at a path.
    pub fn at(path: &str) -> Option<Self> {
        match path {
            "/health" => Some(Self::Health),
            "/ready" => Some(Self::Ready),
            "/metrics" => Some(Self::Metrics),
            "/api/v1/openapi.json" => Some(Self::OpenApi),
            _ => None,
        }
    }
}

/// `up` or `down`, and of what.
#[derive(Serialize)]
struct Check {
    name: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

#[derive(Serialize)]
struct Report {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Vec<Check>>,
}

impl Pages {
    pub fn new(
        readiness: Readiness,
        metrics: MetricsText,
        metrics_are_public: bool,
        openapi: Bytes,
    ) -> Self {
        let digest = stdx::secret::digest(&String::from_utf8_lossy(&openapi));
        let openapi_etag = HeaderValue::try_from(format!("\"{digest}\"")).unwrap_or(NO_CACHE);
        Self { readiness, metrics, metrics_are_public, openapi, openapi_etag }
    }

    /// Answers one of the pages. `client` is `None` when it is not certain who asks.
    pub async fn answer(
        &self,
        page: Page,
        method: &Method,
        headers: &HeaderMap,
        client: Option<IpAddr>,
    ) -> Result<Response> {
        require_read(method)?;
        match page {
            Page::Health => Ok(report(StatusCode::OK, Report { status: "up", checks: None })),
            Page::Ready => Ok(self.ready().await),
            Page::Metrics => self.metrics(client),
            Page::OpenApi => Ok(self.openapi(headers)),
        }
    }

    /// Whether the process can serve.
    pub async fn is_ready(&self) -> bool {
        (self.readiness)().await.iter().all(|(_, outcome)| outcome.is_ok())
    }

    async fn ready(&self) -> Response {
        let outcomes = (self.readiness)().await;
        let is_ready = outcomes.iter().all(|(_, outcome)| outcome.is_ok());
        let check = |(name, outcome): Checked| Check {
            name,
            status: status(outcome.is_ok()),
            detail: outcome.unwrap_or_else(Some),
        };
        let checks = Some(outcomes.into_iter().map(check).collect());
        let code = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        report(code, Report { status: status(is_ready), checks })
    }

    fn metrics(&self, client: Option<IpAddr>) -> Result<Response> {
        let is_local = client.is_some_and(|client| client.to_canonical().is_loopback());
        if !self.metrics_are_public && !is_local {
            return Err(Error::MetricsNotPublic);
        }
        let headers = [(header::CONTENT_TYPE, PROMETHEUS), (header::CACHE_CONTROL, NO_STORE)];
        Ok((headers, (self.metrics)()).into_response())
    }

    fn openapi(&self, headers: &HeaderMap) -> Response {
        let validators =
            [(header::ETAG, self.openapi_etag.clone()), (header::CACHE_CONTROL, NO_CACHE)];
        if is_unchanged(headers, &self.openapi_etag) {
            return (StatusCode::NOT_MODIFIED, validators).into_response();
        }
        let body = Body::from(self.openapi.clone());
        (validators, [(header::CONTENT_TYPE, JSON)], body).into_response()
    }
}

fn status(is_good: bool) -> &'static str {
    if is_good { "up" } else { "down" }
}

fn report(code: StatusCode, report: Report) -> Response {
    (code, [(header::CACHE_CONTROL, NO_STORE)], Json(report)).into_response()
}

/// Pages are read, not written.
pub fn require_read(method: &Method) -> Result<()> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    Err(Error::MethodNotAllowed { method: method.clone(), allow: vec![Method::GET, Method::HEAD] })
}

/// Whether the caller has this version already.
pub fn is_unchanged(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut known = known.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    known.any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.trim_start_matches("W/").as_bytes() == etag.as_bytes()
    })
}
