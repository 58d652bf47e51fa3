//! The way of a request: checked, routed, identified, counted, answered, written down.

mod build;
mod exchange;
mod identify;
mod limits;
mod remote;
mod sessions;
mod settings;
mod upstream;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::extract::Request;
use axum::response::Response;
use futures::FutureExt;
use http::header::{self, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode};
use policies::Actor;
use stdx::Clock;

use crate::domain::{self, Found, LOGINS, Miss, Network, RouteTable, SIGN_INS};
use crate::error::{Error, Result};
use crate::http::bodies::Intake;
use crate::http::{self as wire, Cors, Page, Pages, RefreshCookie, Secured, Web, headers};
use exchange::{Exchange, Meters};
use identify::Caller;
use limits::{InFlight, Limits};
use sessions::Sessions;
use upstream::Upstream;

pub use build::Parts;
pub use settings::{
    BreakerSettings, MetricsSettings, RateLimitSettings, RemoteSettings, RouteSettings, Settings,
};

/// How the tokens service hands a refresh token to the gateway, which makes the cookie of it.
const REFRESH_TOKEN: HeaderName = HeaderName::from_static("x-backline-refresh-token");
const REFRESH_EXPIRES_IN: HeaderName = HeaderName::from_static("x-backline-refresh-expires-in");

/// What every request needs. Shared by all of them; holds nothing of any one.
pub struct Gateway {
    routes: ArcSwap<RouteTable<Destination>>,
    upstreams: build::Upstreams,
    verifier: Arc<identity::Verifier>,
    proofs: identity::Proofs,
    /// Without a slash at the end.
    public_url: String,
    /// Nobody in particular, made once.
    anonymous: Actor,
    sessions: Sessions,
    cookie: RefreshCookie,
    cors: Cors,
    clock: Clock,
    limits: Limits,
    in_flight: Arc<InFlight>,
    proxies: Vec<Network>,
    secured: Secured,
    body_bytes_max: usize,
    patience: Duration,
    pages: Pages,
    web: Web,
    own: OwnMeters,
}

/// Where a route leads.
#[derive(Clone)]
pub struct Destination {
    upstream: Arc<Upstream>,
    meters: Arc<Meters>,
}

/// What is counted under no route of the table.
struct OwnMeters {
    gateway: Arc<Meters>,
    web: Arc<Meters>,
    none: Arc<Meters>,
}

impl Gateway {
    /// Answers a request, whatever happens.
    pub async fn handle(&self, mut request: Request) -> Response {
        let mut exchange = Exchange::begin(&mut request, &self.proxies, self.clock.now());
        let answer = AssertUnwindSafe(self.answer(&mut exchange, request)).catch_unwind().await;
        // The panic itself has been written to the log by the hook, with its place.
        let answer = answer.unwrap_or(Err(Error::Panicked));
        let response = answer.unwrap_or_else(|error| error.into_response(exchange.id()));
        let response = self.finish(&mut exchange, response);
        exchange.end(response)
    }

    /// Whether the process can serve.
    pub async fn is_ready(&self) -> bool {
        self.pages.is_ready().await
    }

    async fn answer(&self, exchange: &mut Exchange, mut request: Request) -> Result<Response> {
        exchange.meters = Some(self.own.none.clone());
        headers::check(&request)?;
        headers::complete_host(&mut request);
        check_method(request.method())?;
        if let Some(answer) = self.cors.preflight(&request) {
            return answer;
        }
        if let Some(page) = Page::at(exchange.uri.path()) {
            exchange.meters = Some(self.own.gateway.clone());
            let client = exchange.client.certain_address();
            return self.pages.answer(page, request.method(), request.headers(), client).await;
        }
        let found = match self.find(&request) {
            Err(Error::RouteNotFound) if domain::may_be_page(exchange.uri.path()) => {
                exchange.meters = Some(self.own.web.clone());
                let path = exchange.uri.path();
                return self.web.answer(request.method(), path, request.headers()).await;
            }
            found => found?,
        };
        let destination = found.route.target.clone();
        exchange.meters = Some(destination.meters.clone());
        exchange.place = Some(self.in_flight.enter()?);
        rewrite(&mut request, &found)?;
        headers::strip_request(request.headers_mut());
        let intake = Intake::cap(&mut request, self.body_bytes_max)?;
        let judges_token = found.route.rule.judges_token;
        match self.identify(exchange, &mut request, judges_token).await? {
            Caller::Answered(response) => Ok(response),
            Caller::Is(actor) => {
                self.dispatch(exchange, &destination, request, actor, &intake).await
            }
        }
    }

    fn find(&self, request: &Request) -> Result<Found<Destination>> {
        let method = request.method();
        self.routes.load().find(request.uri().path(), method).map_err(|miss| match miss {
            Miss::Path => Error::RouteNotFound,
            Miss::Method(allow) => Error::MethodNotAllowed { method: method.clone(), allow },
        })
    }

    /// Sends the request on as whoever the caller is.
    async fn dispatch(
        &self,
        exchange: &mut Exchange,
        destination: &Destination,
        mut request: Request,
        actor: Actor,
        intake: &Intake,
    ) -> Result<Response> {
        let is_login = LOGINS.iter().any(|path| is_post_to(&request, path));
        let counts_tries = SIGN_INS.contains(&request.uri().path());
        let headers = request.headers_mut();
        let is_remote = destination.upstream.is_remote();
        if counts_tries || is_remote {
            headers::add_client_address(headers, exchange.client.address);
        }
        self.cookie.remove_from(headers);
        let is_https = self.secured.0 || exchange.client.is_https;
        headers::add_forwarded(headers, &exchange.client.chain(), is_https);
        if is_remote {
            headers::add_identity(headers, &actor);
        } else {
            let origin = exchange.client.origin(headers);
            request.extensions_mut().insert(actor.from_origin(origin));
        }
        let patience = self.patience.saturating_sub(exchange.started.elapsed());
        let mut response = destination.upstream.send(request, intake, patience).await?;
        exchange.is_streamed = is_remote;
        if is_login {
            self.take_refresh_token(exchange, response.headers())?;
        }
        headers::strip_response(response.headers_mut());
        Ok(wire::as_problem(response, &exchange.method, exchange.id()).await)
    }

    /// Makes the cookie of the refresh token that the tokens service hands over, when one was asked for.
    fn take_refresh_token(&self, exchange: &mut Exchange, answered: &HeaderMap) -> Result<()> {
        let text = |name: HeaderName| answered.get(name).and_then(|value| value.to_str().ok());
        let Some(refresh_token) = text(REFRESH_TOKEN) else { return Ok(()) };
        let lifetime = text(REFRESH_EXPIRES_IN).and_then(|text| text.parse().ok()).unwrap_or(0);
        let cookie = self.cookie.set(refresh_token, lifetime)?;
        exchange.extra.append(header::SET_COOKIE, cookie);
        Ok(())
    }

    /// Adds what every answer carries.
    fn finish(&self, exchange: &mut Exchange, mut response: Response) -> Response {
        let answered = response.headers_mut();
        for (name, value) in std::mem::take(&mut exchange.extra) {
            // `Set-Cookie` may be there several times; of the others ours count.
            match name {
                Some(header::SET_COOKIE) => drop(answered.append(header::SET_COOKIE, value)),
                Some(name) => drop(answered.insert(name, value)),
                None => drop(answered.append(header::SET_COOKIE, value)),
            }
        }
        answered.insert(headers::REQUEST_ID, exchange.id.clone());
        wire::secure(answered, self.secured);
        self.cors.add(exchange.uri.path(), exchange.origin.as_ref(), answered);
        response
    }
}

fn check_method(method: &Method) -> Result<()> {
    if exchange::is_common(method) {
        return Ok(());
    }
    let allow = exchange::COMMON_METHODS.to_vec();
    Err(Error::MethodNotAllowed { method: method.clone(), allow })
}

/// Changes the path to the one the target knows.
fn rewrite(request: &mut Request, found: &Found<Destination>) -> Result<()> {
    let Some(path) = found.rewritten(request.uri().path()) else { return Ok(()) };
    let path = match request.uri().query() {
        Some(query) => [&path, "?", query].concat(),
        None => path,
    };
    let unfit = |_| Error::Malformed("the path cannot be read");
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path).map_err(unfit)?);
    *request.uri_mut() =
        http::Uri::from_parts(parts).map_err(|_| Error::Malformed("the path cannot be read"))?;
    Ok(())
}

fn is_post_to(request: &Request, path: &str) -> bool {
    request.method() == Method::POST && request.uri().path() == path
}

/// An answer without content.
fn no_content() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
