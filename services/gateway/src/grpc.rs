//! gRPC for programs outside: `backline.idm.v1.Auth`, the standard health service, and reflection of both.
//!
//! Translates, decides nothing: a call becomes the request to `/api/idm/auth/*` that it stands for and goes the way of
//! every request, [`Gateway::handle`]. So routes, limits, the count of wrong passwords, time-outs, access log and
//! metrics are those of REST, wherever the services run. A problem document becomes a status with the details of
//! `google.rpc`. Promises: health says SERVING only while `/ready` would answer 200.

mod status;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use contracts::grpc::idm::auth_server::{Auth, AuthServer};
use contracts::grpc::idm::{
    self, LoginRequest, LoginResponse, LogoutRequest, LogoutResponse, RegisterRequest,
    RegisterResponse, User, VerifyRequest, VerifyResponse,
};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Version};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use service_kit::StartError;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::app::Gateway;
use crate::http::bodies;

const REGISTER: &str = "/api/idm/auth/register";
const LOGIN: &str = "/api/idm/auth/login";
const LOGOUT: &str = "/api/idm/auth/logout";
const VERIFY: &str = "/api/idm/auth/verify";
/// A name and a password are short; the largest thing here is an access token.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// How long health may say what is not true any more.
const HEALTH_EVERY: Duration = Duration::from_secs(1);
/// The name under which health tells of [`Auth`]; the empty name stands for the whole process.
const SERVICE: &str = "backline.idm.v1.Auth";
/// What a call says of its way here, in the words of HTTP. What is believed of it is decided as for any request.
const PASSED_ON: [HeaderName; 7] = [
    header::USER_AGENT,
    header::FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("traceparent"),
];

/// What programs outside reach over gRPC.
pub struct Outside {
    /// To be served over sockets that tell who is at the other end.
    pub routes: Routes,
    health: HealthReporter,
    gateway: Arc<Gateway>,
}

impl Outside {
    /// Over a gateway that also serves REST. Not ready until [`Outside::follow_readiness`] has seen that it is.
    pub async fn new(gateway: Arc<Gateway>) -> Result<Self, StartError> {
        let (health, health_server) = tonic_health::server::health_reporter();
        let auth = AuthServer::new(Rpc(gateway.clone()));
        let mut routes = Routes::new(auth.max_decoding_message_size(MESSAGE_BYTES_MAX));
        routes = routes.add_service(health_server);
        // Both: many programs still ask in the older one.
        routes = routes.add_service(reflected().build_v1().map_err(unreadable)?);
        routes = routes.add_service(reflected().build_v1alpha().map_err(unreadable)?);
        let outside = Self { routes, health, gateway };
        outside.tell(ServingStatus::NotServing).await;
        Ok(outside)
    }

    /// Lets health say whether the process is ready, until `stopping`.
    pub fn follow_readiness(
        &self,
        stopping: CancellationToken,
    ) -> impl Future<Output = ()> + use<> {
        let follower =
            Follower { health: self.health.clone(), gateway: self.gateway.clone(), stopping };
        follower.run()
    }

    async fn tell(&self, status: ServingStatus) {
        tell(&self.health, status).await;
    }
}

struct Follower {
    health: HealthReporter,
    gateway: Arc<Gateway>,
    stopping: CancellationToken,
}

impl Follower {
    async fn run(self) {
        while !self.stopping.is_cancelled() {
            let is_ready = self.gateway.is_ready().await;
            let status = if is_ready { ServingStatus::Serving } else { ServingStatus::NotServing };
            tell(&self.health, status).await;
            self.stopping.run_until_cancelled(tokio::time::sleep(HEALTH_EVERY)).await;
        }
        tell(&self.health, ServingStatus::NotServing).await;
    }
}

async fn tell(health: &HealthReporter, status: ServingStatus) {
    for name in ["", SERVICE] {
        health.set_service_status(name, status).await;
    }
}

fn reflected() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(idm::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

fn unreadable(error: tonic_reflection::server::Error) -> StartError {
    StartError::Settings { service: "gateway".into(), reason: format!("gRPC reflection: {error}") }
}

struct Rpc(Arc<Gateway>);

#[tonic::async_trait]
impl Auth for Rpc {
    async fn register(
        &self,
        request: Request<RegisterRequest>,
    ) -> Result<Response<RegisterResponse>, Status> {
        let call = Call::of(&request).with_authorization(&request);
        let user: UserView = self.ask(call, REGISTER, account(request.into_inner())).await?;
        Ok(Response::new(RegisterResponse { user: Some(user.into()) }))
    }

    async fn login(
        &self,
        request: Request<LoginRequest>,
    ) -> Result<Response<LoginResponse>, Status> {
        // An access token that came along has nothing to do with it.
        let call = Call::of(&request);
        let LoginRequest { email, password, second_factor } = request.into_inner();
        let body = json!({ "email": email, "password": password, "secondFactor": second_factor });
        let tokens: TokensView = self.ask(call, LOGIN, body).await?;
        let TokensView { access_token, refresh_token, expires_in, token_type } = tokens;
        let tokens = LoginResponse { access_token, refresh_token, expires_in, token_type };
        Ok(Response::new(tokens))
    }

    async fn logout(
        &self,
        request: Request<LogoutRequest>,
    ) -> Result<Response<LogoutResponse>, Status> {
        let call = Call::of(&request).with_authorization(&request);
        self.send(call, LOGOUT, Body::empty()).await?;
        Ok(Response::new(LogoutResponse {}))
    }

    async fn verify(
        &self,
        request: Request<VerifyRequest>,
    ) -> Result<Response<VerifyResponse>, Status> {
        let call = Call::of(&request);
        let call = match request.get_ref().access_token.as_str() {
            "" => call.with_authorization(&request),
            token => call.with_token(token),
        };
        let bytes = self.send(call, VERIFY, Body::empty()).await?;
        let verified: VerificationView = parse(&bytes)?;
        Ok(Response::new(verified.into()))
    }
}

impl Rpc {
    async fn ask<A: DeserializeOwned>(
        &self,
        call: Call,
        path: &str,
        body: Value,
    ) -> Result<A, Status> {
        parse(&self.send(call, path, body.to_string().into()).await?)
    }

    /// The body of a good answer; another one as a status.
    async fn send(&self, call: Call, path: &str, body: Body) -> Result<Bytes, Status> {
        let response = self.0.handle(call.request(path, body)?).await;
        let (parts, body) = response.into_parts();
        let bytes = bodies::read(body, ANSWER_BYTES_MAX).await;
        let bytes = bytes.map_err(|_| Status::unavailable("the answer broke off; try again"))?;
        if parts.status.is_success() {
            return Ok(bytes);
        }
        Err(status::of_problem(parts.status, &parts.headers, &bytes))
    }
}

/// Where a call comes from and what it says of itself, as a request's headers.
struct Call {
    headers: HeaderMap,
    peer: Option<SocketAddr>,
}

impl Call {
    fn of<T>(request: &Request<T>) -> Self {
        let mut headers = HeaderMap::new();
        let said = request.metadata().clone().into_headers();
        for name in PASSED_ON {
            // Proxies add to these by adding another one.
            for value in said.get_all(&name) {
                headers.append(name.clone(), value.clone());
            }
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { headers, peer: request.remote_addr() }
    }

    fn with_authorization<T>(mut self, request: &Request<T>) -> Self {
        if let Some(value) = authorization(request.metadata()) {
            self.headers.insert(header::AUTHORIZATION, value);
        }
        self
    }

    /// What cannot stand in a header is no token, and told to be none.
    fn with_token(mut self, token: &str) -> Self {
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        let value = value.unwrap_or(HeaderValue::from_static("Bearer -"));
        self.headers.insert(header::AUTHORIZATION, value);
        self
    }

    fn request(self, path: &str, body: Body) -> Result<axum::extract::Request, Status> {
        let request = http::Request::builder().method(Method::POST).uri(path);
        // As over HTTP/2, where the host is no header.
        let request = request.version(Version::HTTP_2).body(body);
        let mut request = request.map_err(|error| internal(&error.to_string()))?;
        *request.headers_mut() = self.headers;
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        Ok(request)
    }
}

fn authorization(metadata: &MetadataMap) -> Option<HeaderValue> {
    let value = metadata.get("authorization")?;
    HeaderValue::from_bytes(value.as_encoded_bytes()).ok()
}

fn account(request: RegisterRequest) -> Value {
    let RegisterRequest { email, password, first_name, last_name, customer_id } = request;
    let mut body = json!({
        "email": email, "password": password, "firstName": first_name, "lastName": last_name,
    });
    if !customer_id.is_empty() {
        body["customerId"] = customer_id.into();
    }
    body
}

fn parse<A: DeserializeOwned>(bytes: &[u8]) -> Result<A, Status> {
    // Where it could not be read, and not what stands there: that may be a token.
    serde_json::from_slice(bytes)
        .map_err(|error| internal(&format!("line {}, column {}", error.line(), error.column())))
}

/// What went wrong inside is for the log.
fn internal(reason: &str) -> Status {
    tracing::error!(reason, "a call over gRPC could not be translated");
    Status::internal("something went wrong on our side; try again, and report it if it stays")
}

/// An account as REST shows it; what is not said here is left out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserView {
    id: String,
    email: String,
    first_name: String,
    last_name: String,
    customer_id: Option<String>,
    email_verified: bool,
}

impl From<UserView> for User {
    fn from(view: UserView) -> Self {
        let UserView { id, email, first_name, last_name, customer_id, email_verified } = view;
        let customer_id = customer_id.unwrap_or_default();
        Self { id, email, first_name, last_name, customer_id, email_verified }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokensView {
    access_token: String,
    refresh_token: String,
    expires_in: i64,
    token_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct VerificationView {
    is_valid: bool,
    reason: String,
    user_id: String,
    email: String,
    roles: Vec<String>,
    customer_id: Option<String>,
    expires_at: Option<Timestamp>,
}

impl From<VerificationView> for VerifyResponse {
    fn from(view: VerificationView) -> Self {
        let VerificationView { is_valid, reason, user_id, email, roles, .. } = view;
        let customer_id = view.customer_id.unwrap_or_default();
        let expires_at_ms = view.expires_at.map_or(0, Timestamp::as_millisecond);
        Self { is_valid, reason, user_id, email, roles, customer_id, expires_at_ms }
    }
}
