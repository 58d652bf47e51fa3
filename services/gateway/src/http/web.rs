//! The web UI: its files, compiled in, and its one page for every path of its own.

use std::borrow::Cow;
use std::collections::HashMap;
use std::convert::Infallible;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use parking_lot::RwLock;
use rust_embed::{EmbeddedFile, RustEmbed};
use tower::{Layer, ServiceExt};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;

use super::pages::{is_unchanged, require_read};
use crate::error::{Error, Result};

/// As the build leaves them; in a debug build read from disk at each request.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

const INDEX: &str = "index.html";
/// The build puts a hash of the content into the names of these files, so they never change.
const HASHED: &str = "assets/";

const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// What a page of ours may do in a browser: load from its own origin, and run nothing that is written into it.
const PAGE_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
             img-src 'self' data: blob:; connect-src 'self'; worker-src 'self' blob:; media-src 'self' blob:; \
             frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'",
        ),
    ),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("permissions-policy"), HeaderValue::from_static("camera=(self)")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Backline</title>\
    <h1>Backline is running</h1><p>Its web pages have not been built. Run <code>make run</code>, or \
    <code>npm ci &amp;&amp; npm run build</code> in the folder <code>web</code> and build the program again. \
    The API works without them: see <a href=\"/api/v1/openapi.json\">its description</a>.</p></html>";

type Find = fn(&str) -> Option<EmbeddedFile>;

/// The files of the web UI, and their compressed forms once somebody has asked for them.
pub struct Web {
    find: Find,
    compressed: RwLock<HashMap<String, (HeaderValue, Bytes)>>,
}

impl Web {
    /// The files that are compiled in.
    pub fn new() -> Self {
        Self::of(Dist::get)
    }

    /// Other files, for tests.
    pub fn of(find: Find) -> Self {
        Self { find, compressed: RwLock::default() }
    }

    /// The file at `path`; for every other path that a browser wants to show, the one page.
    pub async fn answer(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<Response> {
        require_read(method)?;
        let name = path.trim_start_matches('/');
        let name = if name.is_empty() { INDEX } else { name };
        let (name, file) = match (self.find)(name) {
            Some(file) => (name, file),
            None if name.starts_with(HASHED) || !wants_page(headers) => {
                return Err(Error::RouteNotFound);
            }
            None => match (self.find)(INDEX) {
                Some(file) => (INDEX, file),
                None => return Ok(not_built()),
            },
        };
        let mut response = self.file(name, file, headers).await;
        for (name, value) in PAGE_HEADERS {
            response.headers_mut().insert(name, value);
        }
        Ok(response)
    }

    async fn file(&self, name: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
        let caching = if name.starts_with(HASHED) { IMMUTABLE } else { NO_CACHE };
        let kind = content_type(&file);
        let is_text = is_compressible(&kind);
        let as_gzip = is_text && accepts_gzip(headers);
        let etag = etag(&file, as_gzip);
        let mut common = HeaderMap::new();
        common.insert(header::CACHE_CONTROL, caching);
        common.insert(header::ETAG, etag.clone());
        if is_text {
            common.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        if is_unchanged(headers, &etag) {
            return (StatusCode::NOT_MODIFIED, common).into_response();
        }
        common.insert(header::CONTENT_TYPE, kind.clone());
        let mut content = match file.data {
            Cow::Borrowed(content) => Bytes::from_static(content),
            Cow::Owned(content) => content.into(),
        };
        if as_gzip {
            common.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            content = self.compress(name, &etag, kind, content).await;
        }
        (common, Body::from(content)).into_response()
    }

    /// Compresses each file once.
    async fn compress(
        &self,
        name: &str,
        etag: &HeaderValue,
        kind: HeaderValue,
        content: Bytes,
    ) -> Bytes {
        if let Some((of, compressed)) = self.compressed.read().get(name)
            && of == etag
        {
            return compressed.clone();
        }
        let compressed = gzip(kind, content).await;
        self.compressed.write().insert(name.to_owned(), (etag.clone(), compressed.clone()));
        compressed
    }
}

async fn gzip(kind: HeaderValue, content: Bytes) -> Bytes {
    let plain = tower::service_fn(move |_: Request<()>| {
        let (kind, content) = (kind.clone(), content.clone());
        async move { Ok::<_, Infallible>(([(header::CONTENT_TYPE, kind)], content).into_response()) }
    });
    let layer =
        CompressionLayer::new().quality(CompressionLevel::Best).compress_when(SizeAbove::new(0));
    let request = Request::builder().header(header::ACCEPT_ENCODING, "gzip").body(());
    let answer = layer.layer(plain).oneshot(request.unwrap_or_default()).await;
    let collected = match answer {
        Ok(response) => response.into_body().collect().await,
        Err(never) => match never {},
    };
    collected.map(|body| body.to_bytes()).unwrap_or_default()
}

fn not_built() -> Response {
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, HTML)], NOT_BUILT).into_response()
}

fn wants_page(headers: &HeaderMap) -> bool {
    let Some(accept) = headers.get(header::ACCEPT) else { return true };
    let accept = accept.to_str().unwrap_or_default();
    accept.contains("text/html") || accept.contains("*/*")
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut codings =
        values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let is_refused = matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
        name.trim().eq_ignore_ascii_case("gzip") && !is_refused
    })
}

fn content_type(file: &EmbeddedFile) -> HeaderValue {
    let kind = file.metadata.mimetype();
    let is_text = kind.starts_with("text/") && !kind.contains("charset");
    let kind = if is_text { format!("{kind}; charset=utf-8") } else { kind.to_owned() };
    HeaderValue::try_from(kind).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

fn is_compressible(kind: &HeaderValue) -> bool {
    let kind = kind.to_str().unwrap_or_default();
    let others = ["javascript", "json", "svg", "wasm", "xml"];
    kind.starts_with("text/") || others.iter().any(|other| kind.contains(other))
}

fn etag(file: &EmbeddedFile, is_gzip: bool) -> HeaderValue {
    let hash = file.metadata.sha256_hash();
    let half: u128 = hash.iter().take(16).fold(0, |sum, byte| sum << 8 | u128::from(*byte));
    let suffix = if is_gzip { "-gzip" } else { "" };
    HeaderValue::try_from(format!("\"{half:032x}{suffix}\"")).unwrap_or(NO_CACHE)
}
