//! Which pages of other origins may call (CORS), and which may use the refresh cookie.

use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, StatusCode};

use crate::error::{Error, Result};

const ALLOWED_METHODS: HeaderValue =
    HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, dpop, if-match, if-none-match, idempotency-key, x-request-id, traceparent",
);
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "x-request-id, x-access-token, x-token-expires-in, etag, retry-after, location, ratelimit, ratelimit-policy, www-authenticate",
);
/// How long a browser remembers a preflight.
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("600");
const TRUE: HeaderValue = HeaderValue::from_static("true");
const ANY: &str = "*";
/// What programs in browsers ask of the authorization server. Any page may read the answers: none of these looks at
/// a cookie, and whoever asks shows a token, a code or a secret of its own.
const OPEN_TO_ANY_PAGE: [&str; 8] = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/oauth/jwks",
    "/oauth/par",
    "/oauth/token",
    "/oauth/userinfo",
    "/oauth/revoke",
    "/oauth/device_authorization",
];

/// Who may call. Without any origin listed: pages of our own origin only, and any page what is open to all.
#[derive(Debug)]
pub struct Cors {
    allowed: Vec<String>,
    /// Of the public address.
    own: String,
    /// Origins that are not listed may call, but never with cookies.
    any: bool,
}

impl Cors {
    /// Checks what the settings list; `own` is the installation's public address.
    pub fn new(allowed: &[String], own: &str) -> Result<Self, String> {
        let any = allowed.iter().any(|origin| origin == ANY);
        let allowed: Vec<String> =
            allowed.iter().filter(|origin| *origin != ANY).cloned().collect();
        for origin in &allowed {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            if !host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' '])) {
                return Err(format!(
                    "`allowed_origins`: `{origin}` must be like `https://app.example.org`"
                ));
            }
        }
        Ok(Self { allowed, own: own.to_owned(), any })
    }

    /// The answer to a browser that asks before it sends the real request.
    pub fn preflight<B>(&self, request: &Request<B>) -> Option<Result<Response>> {
        let headers = request.headers();
        let asks = request.method() == Method::OPTIONS
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let origin = headers.get(header::ORIGIN).filter(|_| asks)?;
        let is_allowed = self.is_open(request.uri().path()) || self.is_listed(origin);
        if !is_allowed && !self.is_own(headers, origin) {
            return Some(Err(Error::OriginNotAllowed));
        }
        let mut response = StatusCode::NO_CONTENT.into_response();
        let answers = response.headers_mut();
        answers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS);
        answers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
        answers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS);
        Some(Ok(response))
    }

    /// Lets the page that sent the request for this path read the answer.
    pub fn add(&self, path: &str, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        let is_open = self.is_open(path);
        if self.allowed.is_empty() && !is_open {
            return;
        }
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        let Some(origin) = origin else { return };
        if self.is_listed(origin) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        } else if is_open {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static(ANY));
        } else {
            return;
        }
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
    }

    /// Whether the page that sent this may have the cookie used for it: one of ours, a listed one, or no
    /// page at all. A browser always names the origin of a request that could be forged.
    pub fn check_cookie_use(&self, headers: &HeaderMap) -> Result<()> {
        match headers.get(header::ORIGIN) {
            Some(origin) if !self.is_own(headers, origin) && !self.is_listed(origin) => {
                Err(Error::OriginNotAllowed)
            }
            _ => Ok(()),
        }
    }

    /// Whether any page may call, without cookies.
    fn is_open(&self, path: &str) -> bool {
        self.any || OPEN_TO_ANY_PAGE.contains(&path)
    }

    fn is_listed(&self, origin: &HeaderValue) -> bool {
        self.allowed.iter().any(|allowed| origin.as_bytes() == allowed.as_bytes())
    }

    /// The public address, or the host the browser itself has asked (the same machine has several names).
    fn is_own(&self, headers: &HeaderMap, origin: &HeaderValue) -> bool {
        if origin.as_bytes() == self.own.as_bytes() {
            return true;
        }
        let Some((_, host)) = origin.to_str().ok().and_then(|origin| origin.split_once("://"))
        else {
            return false;
        };
        headers.get(header::HOST).is_some_and(|asked| asked.as_bytes() == host.as_bytes())
    }
}
