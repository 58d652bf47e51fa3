//! A gateway, services that tell what reached them, and a tokens service that counts.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ::http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use ::identity::{AUDIENCE, Claims, KeyPair, Knowledge, NodeSecret, SigningAlgorithm, Verifier};
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use contracts::grpc::tokens::tokens_server::{Tokens, TokensServer};
use contracts::grpc::tokens::{RefreshRequest, SnapshotRequest, SnapshotResponse, TokenPair};
use http_body_util::BodyExt;
use jiff::SignedDuration;
use parking_lot::Mutex;
use policies::{Actor, Grant, Principal};
use rust_embed::{EmbeddedFile, Metadata};
use serde_json::{Value, json};
use service_kit::http::{Authenticate, identify};
use service_kit::{Calls, Kind, Problem};
use stdx::Clock;
use testkit::Answer;
use tonic::Status;
use tonic::service::Routes;
use tower::ServiceExt;
use uuid::Uuid;

use crate::app::Gateway;
use crate::http::Web;
use crate::{Parts, serve};

pub const PUBLIC_URL: &str = "http://127.0.0.1:5000";
pub const COOKIE: &str = "backline_refresh";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    OneProcess,
    Network,
}

/// What a test needs.
pub struct World {
    pub gateway: Arc<Gateway>,
    pub router: Router,
    pub clock: Clock,
    pub knowledge: Arc<Knowledge>,
    pub tokens: Arc<FakeTokens>,
    pub services: Arc<Services>,
    key: Arc<KeyPair>,
    issuer: String,
}

/// What the services have seen.
#[derive(Default)]
pub struct Services {
    /// Requests that came through to one of them.
    pub seen: AtomicUsize,
    /// So many further requests are answered 503.
    pub failing: AtomicUsize,
    /// Whether the process can serve.
    pub is_ready: AtomicBool,
}

impl World {
    pub async fn new(topology: Topology) -> Self {
        Self::with(topology, json!({})).await
    }

    pub async fn with(topology: Topology, settings: Value) -> Self {
        Self::at(PUBLIC_URL, topology, settings).await
    }

    pub async fn at(public_url: &str, topology: Topology, settings: Value) -> Self {
        let built = Self::try_at(public_url, topology, settings).await;
        built.unwrap_or_else(|error| panic!("a gateway: {error}"))
    }

    pub async fn try_at(
        public_url: &str,
        topology: Topology,
        settings: Value,
    ) -> Result<Self, String> {
        #[allow(clippy::disallowed_methods, reason = "the time at which the test begins")]
        let clock = Clock::manual(jiff::Timestamp::now());
        let key = Arc::new(KeyPair::generate(SigningAlgorithm::EdDsa).expect("a key"));
        let knowledge = Arc::new(Knowledge::default());
        knowledge.set_keys([(key.kid(), key.public())]);
        let secret = Arc::new(NodeSecret::new(None, clock.clone()));
        let verifier = Verifier::new(knowledge.clone(), secret.clone(), public_url, clock.clone());
        let verifier = Arc::new(verifier);
        let authenticate: Arc<dyn Authenticate> = verifier.clone();
        let tokens = Arc::new(FakeTokens {
            key: key.clone(),
            issuer: public_url.to_owned(),
            clock: clock.clone(),
            user: Mutex::default(),
            is_away: Mutex::default(),
            calls: AtomicUsize::new(0),
        });
        let calls = Calls::new(&HashMap::new(), secret).expect("calls");
        let grpc = Routes::new(TokensServer::from_arc(tokens.clone())).into_axum_router();
        calls.add_local("tokens", with_identity(grpc, &authenticate));
        let services = Arc::new(Services::default());
        let (mut local, mut remote) = (HashMap::new(), HashMap::new());
        for &name in contracts::SERVICES {
            let router = Router::new().fallback(echo).with_state((name, services.clone()));
            let router = with_identity(router, &authenticate);
            match topology {
                Topology::OneProcess => drop(local.insert(name.to_owned(), router)),
                Topology::Network => {
                    let address = listen(router).await;
                    remote.insert(name.to_owned(), format!("http://{address}"));
                }
            }
        }
        let state = services.clone();
        let parts = Parts {
            settings,
            public_url: public_url.to_owned(),
            verifier,
            calls,
            local,
            remote,
            openapi: Bytes::from_static(b"{\"openapi\":\"3.1.0\"}"),
            readiness: Arc::new(move || {
                let outcomes = readiness(state.is_ready.load(Ordering::SeqCst));
                Box::pin(async { outcomes })
            }),
            metrics: Arc::new(|| "backline_up 1\n".to_owned()),
            clock: clock.clone(),
        };
        let gateway = Arc::new(Gateway::build(parts, Web::of(file))?);
        let router = serve(gateway.clone());
        let issuer = public_url.to_owned();
        Ok(Self { gateway, router, clock, knowledge, tokens, services, key, issuer })
    }

    /// A token of a user, good for a quarter of an hour.
    pub fn token(&self, user: Uuid) -> String {
        sign(&self.key, &self.issuer, &self.clock, user)
    }

    /// A token that is bound to a key.
    pub fn bound_token(&self, user: Uuid, jkt: String) -> String {
        let claims = claims(&self.issuer, &self.clock, user);
        let cnf = Some(::identity::Confirmation { jkt });
        self.key.sign(&Claims { cnf, ..claims }).expect("a token")
    }

    /// A token whose time is over, and a refresh token that gets its user a new one.
    pub fn expired_session(&self, user: Uuid) -> (String, String) {
        let token = self.token(user);
        *self.tokens.user.lock() = user;
        self.clock.advance(SignedDuration::from_secs(901));
        (token, format!("{COOKIE}=spring-1"))
    }

    /// Sends a request as it would come over a socket.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        read(self.send_unread(request).await).await
    }

    pub async fn send_unread(&self, mut request: Request<Body>) -> Response {
        let peer: SocketAddr = "127.0.0.1:40000".parse().expect("an address");
        let extensions = request.extensions_mut();
        if extensions.get::<ConnectInfo<SocketAddr>>().is_none() {
            extensions.insert(ConnectInfo(peer));
        }
        self.router.clone().oneshot(request).await.expect("an answer")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(request(Method::GET, path, &[])).await
    }

    /// Serves the gateway on a socket.
    pub async fn listen(&self) -> SocketAddr {
        listen(self.router.clone()).await
    }

    /// Requests that reached a service.
    pub fn seen(&self) -> usize {
        self.services.seen.load(Ordering::SeqCst)
    }

    /// Lets the next `count` requests to services fail.
    pub fn fail_next(&self, count: usize) {
        self.services.failing.store(count, Ordering::SeqCst);
    }
}

/// A request with headers and no body.
pub fn request(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    request_with(method, path, headers, Body::empty())
}

pub fn request_with(
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Body,
) -> Request<Body> {
    let mut request =
        Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:5000");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).expect("a request")
}

pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

pub async fn read(response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("a whole body").to_bytes();
    let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
    Answer { status: parts.status, headers: parts.headers, body }
}

/// All values of `Set-Cookie`.
pub fn cookies(answer: &Answer) -> Vec<&str> {
    let values = answer.headers.get_all(header::SET_COOKIE).iter();
    values.map(|value| value.to_str().expect("text")).collect()
}

async fn listen(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

fn with_identity(router: Router, authenticate: &Arc<dyn Authenticate>) -> Router {
    router.layer(axum::middleware::from_fn_with_state(authenticate.clone(), identify))
}

fn sign(key: &KeyPair, issuer: &str, clock: &Clock, user: Uuid) -> String {
    key.sign(&claims(issuer, clock, user)).expect("a token")
}

fn claims(issuer: &str, clock: &Clock, user: Uuid) -> Claims {
    let now = clock.now().as_second();
    Claims {
        iss: issuer.to_owned(),
        aud: AUDIENCE.into(),
        sub: user,
        sid: Uuid::now_v7(),
        jti: Uuid::now_v7(),
        iat: now,
        exp: now + 900,
        client_id: "test".into(),
        scope: String::new(),
        permissions: None,
        client_name: String::new(),
        cnf: None,
        email: "ada@example.org".into(),
        customer: Some(Uuid::from_u128(7)),
        roles: ["member", "organiser-admin"]
            .map(|role| Grant { role: role.into(), customer: None })
            .into(),
    }
}

fn readiness(is_ready: bool) -> Vec<(String, Result<Option<String>, String>)> {
    let messages = if is_ready { Ok(None) } else { Err("no connection".into()) };
    let revocations = Ok(Some("redis is away".into()));
    vec![
        ("database".into(), Ok(None)),
        ("messages".into(), messages),
        ("revocations".into(), revocations),
    ]
}

fn file(name: &str) -> Option<EmbeddedFile> {
    let content: &'static [u8] = match name {
        "index.html" => b"<!doctype html><title>Backline</title>",
        "assets/index-abc.js" => {
            b"console.log('a script, and long enough to be made smaller, smaller, smaller')"
        }
        _ => return None,
    };
    let kind = if name.ends_with(".js") { "text/javascript" } else { "text/html" };
    let metadata = Metadata::__rust_embed_new([content.len() as u8; 32], None, None, kind);
    Some(EmbeddedFile { data: content.into(), metadata })
}

type EchoState = State<(&'static str, Arc<Services>)>;

/// Tells what reached it, or does what its path says.
async fn echo(
    State((service, services)): EchoState,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    request: axum::extract::Request,
) -> Response {
    services.seen.fetch_add(1, Ordering::SeqCst);
    let count_down = |left: usize| left.checked_sub(1);
    if services.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, count_down).is_ok() {
        return Problem::new(Kind::Unavailable, "unavailable", "later").into_response();
    }
    let actor = request.extensions().get::<Actor>().cloned().expect("an actor");
    let tail = uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    match tail.as_str() {
        "slow" => tokio::time::sleep(Duration::from_secs(5)).await,
        "panic" => panic!("as the test wants it"),
        "problem" => {
            return Problem::new(Kind::NotFound, "event_not_found", "none").into_response();
        }
        "nowhere" => return StatusCode::NOT_FOUND.into_response(),
        "read-only" => {
            return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET")]).into_response();
        }
        "internal" => return [("x-backline-secret", "1"), ("x-kept", "1")].into_response(),
        "login" | "passkey" | "redeem" => {
            let for_cookie =
                [("x-backline-refresh-token", "r-1"), ("x-backline-refresh-expires-in", "600")];
            return (for_cookie, Json(json!({ "accessToken": "a" }))).into_response();
        }
        "logout" if actor.is_anonymous() => {
            return Problem::new(Kind::Unauthenticated, "unauthenticated", "sign in")
                .into_response();
        }
        "logout" => return StatusCode::NO_CONTENT.into_response(),
        "stream" => return endless().into_response(),
        _ => {}
    }
    let body = match request.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return StatusCode::BAD_REQUEST.into_response(),
    };
    let user = match actor.principal() {
        Principal::User { id, .. } | Principal::Client { id, .. } => json!(id),
        Principal::Anonymous => json!("anonymous"),
        Principal::Service(name) => json!(name),
    };
    let names: serde_json::Map<String, Value> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), json!(String::from_utf8_lossy(value.as_bytes()))))
        .collect();
    Json(json!({
        "service": service, "method": method.as_str(), "path": uri.path(), "query": uri.query(),
        "headers": names, "bytes": body.len(), "body": String::from_utf8_lossy(&body[..body.len().min(100)]),
        "user": user, "address": actor.origin().address, "agent": actor.origin().agent.as_deref(),
    }))
    .into_response()
}

/// A first piece at once and nothing more: a reader that collects would wait for ever.
fn endless() -> Body {
    let first = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"first"))]);
    Body::from_stream(futures::StreamExt::chain(first, futures::stream::pending()))
}

/// Spends refresh tokens as the real one does, and counts.
pub struct FakeTokens {
    key: Arc<KeyPair>,
    issuer: String,
    clock: Clock,
    /// Whose session it is.
    pub user: Mutex<Uuid>,
    pub is_away: Mutex<bool>,
    pub calls: AtomicUsize,
}

#[tonic::async_trait]
impl Tokens for FakeTokens {
    async fn snapshot(
        &self,
        _: tonic::Request<SnapshotRequest>,
    ) -> Result<tonic::Response<SnapshotResponse>, Status> {
        Err(Status::unimplemented("not asked for in these tests"))
    }

    async fn refresh(
        &self,
        request: tonic::Request<RefreshRequest>,
    ) -> Result<tonic::Response<TokenPair>, Status> {
        let before = self.calls.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(50)).await;
        if *self.is_away.lock() {
            return Err(Status::unavailable("away"));
        }
        // Good once: a second call with the same token is a theft.
        if request.into_inner().refresh_token != format!("spring-{}", before + 1) {
            return Err(Status::unauthenticated(
                "the refresh token has been used before; sign in again",
            ));
        }
        let user = *self.user.lock();
        Ok(tonic::Response::new(TokenPair {
            access_token: sign(&self.key, &self.issuer, &self.clock, user),
            refresh_token: format!("spring-{}", before + 2),
            expires_in: 900,
            refresh_expires_in: 604_800,
        }))
    }
}
