//! The endpoints of OAuth 2.1 and OpenID Connect that programs call. Answers are JSON.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Form, FromRequest, Request, State};
use axum::http::header::HeaderName;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use policies::Actor;
use serde::Serialize;
use serde_json::json;
use service_kit::http::Identity;
use service_kit::{Kind, Problem, ServiceError};

use super::{authorization, shown_token};
use crate::Tokens;
use crate::app::clients::ClientProof;
use crate::app::grants::Granted;
use crate::app::possession::ShownToken;
use crate::domain::authorization::{PUSHED_REQUEST_LIFETIME, Parameters, Repeated};
use crate::domain::device::{self, DEVICE_CODE_LIFETIME};
use crate::error::{Error, Result};

/// A form is a few parameters and an assertion.
pub const FORM_BYTES_MAX: usize = 64 * 1024;
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const USERINFO: &str = "/oauth/userinfo";
const NO_STORE: [(HeaderName, &str); 2] =
    [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];

/// A form or a query as it came.
pub type Pairs = Vec<(String, String)>;

/// The URLs of this file.
pub fn router() -> Router<Arc<Tokens>> {
    Router::new()
        .route("/oauth/par", post(push_request))
        .route("/oauth/token", post(token))
        .route(USERINFO, get(userinfo).post(userinfo_by_form))
        .route("/oauth/introspect", post(introspect))
        .route("/oauth/revoke", post(revoke))
        .route("/oauth/device_authorization", post(begin_device))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}

/// An error in the words of RFC 6749, section 5.2.
pub struct OAuthError(Error);

impl<E: Into<Error>> From<E> for OAuthError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

#[derive(Serialize)]
struct ErrorView<'e> {
    error: &'e str,
    error_description: String,
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        // What any service may answer, such as that something is away, is a problem document as everywhere.
        if let Error::Platform(_) = self.0 {
            return Problem::from(self.0).into_response();
        }
        let status = match self.0.kind() {
            Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
            Kind::NotPermitted => StatusCode::FORBIDDEN,
            Kind::NotFound => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_REQUEST,
        };
        let view = ErrorView { error: self.0.code(), error_description: describe(&self.0) };
        let mut answer = (status, NO_STORE, Json(view)).into_response();
        if let Some(challenge) = challenge(&self.0) {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        answer
    }
}

fn describe(error: &Error) -> String {
    let Error::InvalidMetadata(fields) = error else { return error.to_string() };
    let words = fields.as_slice().iter().map(|error| format!("{}: {}", error.field, error.message));
    words.collect::<Vec<_>>().join("; ")
}

fn challenge(error: &Error) -> Option<HeaderValue> {
    let text = match error {
        Error::InvalidClient => "Basic realm=\"backline\"",
        Error::InvalidToken => "Bearer realm=\"backline\", error=\"invalid_token\"",
        Error::UnprovedToken(_) | Error::InvalidBoundToken => {
            return HeaderValue::try_from(identity::challenge(error.code())).ok();
        }
        Error::InsufficientScope => "Bearer error=\"insufficient_scope\", scope=\"openid\"",
        _ => return None,
    };
    Some(HeaderValue::from_static(text))
}

/// Parameters, each at most once.
pub fn parameters(pairs: Pairs) -> Result<Parameters> {
    Parameters::new(pairs)
        .map_err(|Repeated(_)| Error::InvalidRequest("a parameter must not come twice"))
}

/// What a program sends, and who it says it is.
struct FromProgram {
    parameters: Parameters,
    proof: ClientProof,
}

impl<S: Send + Sync> FromRequest<S> for FromProgram {
    type Rejection = OAuthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, OAuthError> {
        let headers = request.headers().clone();
        let actor = request.extensions().get::<Actor>();
        let origin = actor.map(|actor| actor.origin().clone()).unwrap_or_default();
        let form = Form::<Pairs>::from_request(request, state).await;
        let words = "send the parameters as application/x-www-form-urlencoded";
        let Form(pairs) = form.map_err(|_| Error::InvalidRequest(words))?;
        let parameters = parameters(pairs)?;
        let proof = ClientProof { origin, ..proof(&headers, &parameters)? };
        Ok(Self { parameters, proof })
    }
}

impl FromProgram {
    /// The token that is asked about.
    fn token(&self) -> Result<&str> {
        self.parameters.get("token").ok_or(Error::InvalidRequest("`token` is missing"))
    }
}

/// Who a program says it is, in the header or in the body, but not in both.
fn proof(headers: &HeaderMap, parameters: &Parameters) -> Result<ClientProof> {
    let possession = identity::proof_of(headers).map_err(Error::InvalidProof)?;
    let possession = possession.map(str::to_owned);
    let get = |name| parameters.get(name).map(str::to_owned);
    let assertion = assertion(parameters)?;
    // An assertion names its client; the parameter may be left out (RFC 7521, section 4.2).
    let said = get("client_id").or_else(|| assertion.as_deref().and_then(subject));
    let in_body = ClientProof {
        client_id: said.unwrap_or_default(),
        secret: get("client_secret"),
        assertion,
        possession: possession.clone(),
        ..ClientProof::default()
    };
    let basic = authorization(headers).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let Some((_, encoded)) = basic else { return Ok(in_body) };
    if in_body.secret.is_some() || in_body.assertion.is_some() {
        return Err(Error::InvalidRequest("prove who the client is in one way, not in several"));
    }
    let (client_id, secret) = read_basic(encoded).ok_or(Error::InvalidClient)?;
    if !in_body.client_id.is_empty() && in_body.client_id != client_id {
        return Err(Error::InvalidClient);
    }
    Ok(ClientProof { client_id, secret: Some(secret), possession, ..ClientProof::default() })
}

fn assertion(parameters: &Parameters) -> Result<Option<String>> {
    match (parameters.get("client_assertion_type"), parameters.get("client_assertion")) {
        (None, None) => Ok(None),
        (Some(ASSERTION_TYPE), Some(assertion)) => Ok(Some(assertion.to_owned())),
        _ => Err(Error::InvalidRequest("`client_assertion_type` or `client_assertion` is wrong")),
    }
}

/// Whom an assertion names; whether that is so is checked later.
fn subject(assertion: &str) -> Option<String> {
    let payload = assertion.split('.').nth(1)?;
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    claims["sub"].as_str().map(str::to_owned)
}

/// Both halves are form-encoded first (RFC 6749, section 2.3.1).
fn read_basic(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |text: &str| {
        let pair = format!("{text}=");
        form_urlencoded::parse(pair.as_bytes()).next().map(|(name, _)| name.into_owned())
    };
    Some((decode(id)?, decode(secret)?))
}

#[derive(Serialize)]
struct GrantedView {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    scope: String,
}

impl From<Granted> for GrantedView {
    fn from(granted: Granted) -> Self {
        let Granted { access_token, refresh_token, id_token, expires_in, scope, is_bound } =
            granted;
        let token_type = if is_bound { "DPoP" } else { "Bearer" };
        Self { access_token, token_type, expires_in, refresh_token, id_token, scope }
    }
}

async fn token(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    sent: FromProgram,
) -> Result<Response, OAuthError> {
    let granted = tokens.grant(&actor, &sent.proof, &sent.parameters).await?;
    Ok((NO_STORE, Json(GrantedView::from(granted))).into_response())
}

async fn push_request(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    sent: FromProgram,
) -> Result<Response, OAuthError> {
    let request_uri = tokens.push_request(&actor, &sent.proof, &sent.parameters).await?;
    let expires_in = PUSHED_REQUEST_LIFETIME.as_secs();
    let view = json!({ "request_uri": request_uri, "expires_in": expires_in });
    Ok((StatusCode::CREATED, NO_STORE, Json(view)).into_response())
}

async fn userinfo(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, OAuthError> {
    let claims = tokens.userinfo(&actor, &shown_token(&headers, &method, USERINFO)).await?;
    Ok((NO_STORE, Json(claims)).into_response())
}

/// The token may also come in the body (RFC 6750, section 2.2); in the query it may not.
async fn userinfo_by_form(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Result<Response, OAuthError> {
    let parameters = parameters(form_urlencoded::parse(&body).into_owned().collect())?;
    let in_header = shown_token(&headers, &Method::POST, USERINFO);
    let in_body = parameters.get("access_token").filter(|_| in_header.token.is_empty());
    let shown = in_body.map_or(in_header, ShownToken::bearer);
    let claims = tokens.userinfo(&actor, &shown).await?;
    Ok((NO_STORE, Json(claims)).into_response())
}

async fn introspect(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    sent: FromProgram,
) -> Result<Response, OAuthError> {
    let facts = tokens.introspect(&actor, &sent.proof, sent.token()?).await?;
    let view = facts.map_or_else(|| json!({ "active": false }), Into::into);
    Ok((NO_STORE, Json(view)).into_response())
}

async fn revoke(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    sent: FromProgram,
) -> Result<Response, OAuthError> {
    tokens.revoke(&actor, &sent.proof, sent.token()?).await?;
    Ok((StatusCode::OK, NO_STORE).into_response())
}

async fn begin_device(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    sent: FromProgram,
) -> Result<Response, OAuthError> {
    let (device_code, code) = tokens.begin_device(&actor, &sent.proof, &sent.parameters).await?;
    let user_code = device::shown(&code.user_code);
    let page = format!("{}/oauth/device", tokens.ctx.public_url);
    let view = json!({
        "device_code": device_code,
        "verification_uri_complete": format!("{page}?user_code={user_code}"),
        "verification_uri": page,
        "user_code": user_code,
        "expires_in": DEVICE_CODE_LIFETIME.as_secs(),
        "interval": code.interval_seconds,
    });
    Ok((NO_STORE, Json(view)).into_response())
}
