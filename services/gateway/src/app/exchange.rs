//! What is known of one request while it is answered, and what is written down when it is over.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use hyper::body::Body as _;
use jiff::Timestamp;
use metrics::{Counter, Histogram};
use parking_lot::RwLock;
use policies::Origin;
use service_kit::http::agent;
use uuid::Uuid;

use super::limits::Place;
use crate::domain::Network;
use crate::http::{bodies, headers};

/// When a request did not come over a socket.
const NOWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

/// One request and its answer.
pub struct Exchange {
    /// `X-Request-Id`.
    pub id: HeaderValue,
    pub method: Method,
    pub uri: Uri,
    pub origin: Option<HeaderValue>,
    pub client: Client,
    pub started: Instant,
    /// Who is signed in.
    pub user: Option<Uuid>,
    /// Counted under the name of its route.
    pub meters: Option<Arc<Meters>>,
    /// Further headers of the answer, whatever it will be.
    pub extra: HeaderMap,
    pub place: Option<Place>,
    /// Whether the answer comes piece by piece.
    pub is_streamed: bool,
}

impl Exchange {
    pub fn begin(request: &mut Request, proxies: &[Network], now: Timestamp) -> Self {
        let id = headers::name_request(request.headers_mut(), now);
        Self {
            id,
            method: request.method().clone(),
            uri: request.uri().clone(),
            origin: request.headers().get(header::ORIGIN).cloned(),
            client: Client::of(request, proxies),
            started: Instant::now(),
            user: None,
            meters: None,
            extra: HeaderMap::new(),
            place: None,
            is_streamed: false,
        }
    }

    /// The request's name as text.
    pub fn id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }

    /// Writes down how it ended, when the last byte is out.
    pub fn end(mut self, response: Response) -> Response {
        let status = response.status().as_u16();
        if let Some(meters) = &self.meters {
            meters.count(&self.method, status, self.started);
        }
        match response.body().size_hint().exact().filter(|_| !self.is_streamed) {
            Some(bytes) => {
                self.log(status, bytes);
                response
            }
            None => response.map(|body| {
                bodies::measured(body, move |bytes| {
                    self.log(status, bytes);
                    // Only now is it no longer at work.
                    drop(self.place.take());
                })
            }),
        }
    }

    /// Neither query nor headers: there are tokens in them.
    fn log(&self, status: u16, bytes: u64) {
        if !tracing::enabled!(target: "access", tracing::Level::INFO) {
            return;
        }
        tracing::info!(
            target: "access",
            method = self.method.as_str(),
            path = self.uri.path(),
            route = self.meters.as_ref().map_or("", |meters| &*meters.route),
            status,
            duration_ms = self.started.elapsed().as_secs_f64() * 1e3,
            bytes,
            request_id = self.id(),
            user_id = self.user.map(tracing::field::display),
            peer = %self.client.address,
            "request"
        );
    }
}

/// Where a request came from.
#[derive(Clone, Debug)]
pub struct Client {
    /// The client's address, as far as proxies that we trust tell it.
    pub address: IpAddr,
    /// Whether somebody we do not trust says that it passes on for another.
    pub is_doubtful: bool,
    /// The last proxy's word on whether the client uses HTTPS.
    pub is_https: bool,
    /// `X-Forwarded-For` for the next one.
    chain: Option<String>,
}

impl Client {
    fn of(request: &Request, proxies: &[Network]) -> Self {
        let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = info.map_or(NOWHERE, |ConnectInfo(peer)| peer.ip().to_canonical());
        let is_trusted = |address: IpAddr| proxies.iter().any(|proxy| proxy.contains(address));
        let said = |name: &str| request.headers().contains_key(name);
        if !is_trusted(peer) {
            let is_doubtful = said("x-forwarded-for") || said("forwarded") || said("x-real-ip");
            return Self { address: peer, is_doubtful, is_https: false, chain: None };
        }
        let chain = joined(request.headers(), "x-forwarded-for");
        let is_https = joined(request.headers(), "x-forwarded-proto").eq_ignore_ascii_case("https");
        // From the near end: the first that is no proxy of ours is the client; what is beyond is its own word.
        let mut address = peer;
        let mut is_doubtful = false;
        for hop in chain.rsplit(',').map(str::trim).filter(|hop| !hop.is_empty()) {
            let Ok(hop) = hop.parse::<IpAddr>() else {
                is_doubtful = true;
                break;
            };
            address = hop.to_canonical();
            if !is_trusted(address) {
                break;
            }
        }
        let chain = if chain.is_empty() { peer.to_string() } else { format!("{chain}, {peer}") };
        Self { address, is_doubtful, is_https, chain: Some(chain) }
    }

    /// Every address on the way here.
    pub fn chain(&self) -> String {
        self.chain.clone().unwrap_or_else(|| self.address.to_string())
    }

    /// Where a request of this client's comes from, for the audit log.
    pub fn origin(&self, headers: &HeaderMap) -> Origin {
        Origin { address: Some(self.address), agent: agent(headers) }
    }

    /// The address, if nobody doubtful has had a hand in it.
    pub fn certain_address(&self) -> Option<IpAddr> {
        Some(self.address).filter(|_| !self.is_doubtful)
    }
}

fn joined(headers: &HeaderMap, name: &str) -> String {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(", ")
}

/// The metrics of one route. Looking a metric up by its labels costs more than answering from memory does,
/// so the handles are kept.
pub struct Meters {
    pub route: String,
    handles: RwLock<Vec<(Method, u16, Counter, Histogram)>>,
}

impl Meters {
    pub fn new(route: &str) -> Arc<Self> {
        Arc::new(Self { route: route.to_owned(), handles: RwLock::default() })
    }

    fn count(&self, method: &Method, status: u16, started: Instant) {
        // Anybody can make up methods; they must not make up metrics.
        let method = if is_common(method) { method } else { &Method::TRACE };
        let seconds = started.elapsed().as_secs_f64();
        let known = self.handles.read();
        let found = known.iter().find(|(m, s, ..)| *s == status && m == method);
        if let Some((_, _, count, duration)) = found {
            count.increment(1);
            duration.record(seconds);
            return;
        }
        drop(known);
        let (count, duration) = self.handles_of(method, status);
        count.increment(1);
        duration.record(seconds);
        self.handles.write().push((method.clone(), status, count, duration));
    }

    fn handles_of(&self, method: &Method, status: u16) -> (Counter, Histogram) {
        let method = if *method == Method::TRACE { "OTHER" } else { method.as_str() };
        let (route, method, status) = (self.route.clone(), method.to_owned(), status.to_string());
        let duration = metrics::histogram!(
            "backline_http_request_duration_seconds", "route" => route.clone(), "method" => method.clone()
        );
        let count = metrics::counter!(
            "backline_http_requests_total", "route" => route, "method" => method, "status" => status
        );
        (count, duration)
    }
}

/// Whether it is a method that our services may have.
pub fn is_common(method: &Method) -> bool {
    COMMON_METHODS.contains(method)
}

pub const COMMON_METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];
