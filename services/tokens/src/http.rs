//! REST: translates, decides nothing. The endpoints and pages of OpenID Connect are in the files below.

mod browser;
mod consents;
mod journeys;
mod oauth;
mod pages;
mod provider;
mod registration;
mod sign_in;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use contracts::ids::{SessionId, UserId};
use identity::Claims;
use jiff::Timestamp;
use policies::Grant;
use serde::{Deserialize, Serialize};
use service_kit::Problem;
use service_kit::http::{Identity, Json, Path, Query, TokenFault};
use service_kit::paging::Paged;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::Tokens;
use crate::app::possession::ShownToken;
use crate::domain::{ACCESS_TOKEN_LIFETIME, Session, TokenPair};

/// The token that is asked about: the gateway passes `Authorization` on under this name, because a token
/// that is no good is a question here and not a refusal.
const TOKEN_IN_QUESTION: &str = "x-backline-token";
/// From the gateway, which takes it from the connection.
const CLIENT_ADDRESS: &str = "x-backline-client-address";
/// For the gateway, which makes the cookie of it and lets neither header out.
const REFRESH_TOKEN: HeaderName = HeaderName::from_static("x-backline-refresh-token");
const REFRESH_EXPIRES_IN: HeaderName = HeaderName::from_static("x-backline-refresh-expires-in");

/// The URLs of this service.
pub fn router(tokens: Arc<Tokens>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(sign_in::login)) //          /api/v1/auth/login
        .routes(routes!(sign_in::begin_passkey_login)) // /api/v1/auth/passkey/challenge
        .routes(routes!(sign_in::login_with_passkey)) // /api/v1/auth/passkey
        .routes(routes!(sign_in::login_with_email_link)) // /api/v1/auth/email-link/redeem
        .routes(routes!(refresh)) //         /api/v1/auth/refresh
        .routes(routes!(logout)) //          /api/v1/auth/logout
        .routes(routes!(validate)) //        /api/v1/auth/validate
        .routes(routes!(verify)) //          /api/v1/auth/verify
        .routes(routes!(list_sessions, end_sessions)) // /api/v1/auth/sessions
        .routes(routes!(end_session)) //     /api/v1/auth/sessions/{id}
        .routes(routes!(consents::list_consents)) //    /api/v1/auth/consents
        .routes(routes!(consents::withdraw_consent)) // /api/v1/auth/consents/{clientId}
        .merge(provider::router().into())
        .merge(oauth::router().into())
        .merge(journeys::router().into())
        .merge(registration::router().into())
        .with_state(tokens)
}

/// A refresh token; absent when it comes as a cookie.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Refresh)]
struct RefreshRequest {
    #[serde(default)]
    refresh_token: Option<String>,
}

/// What a sign-in or a refresh gives.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Tokens)]
struct TokensView {
    /// Sent as `Authorization: Bearer …`.
    access_token: String,
    /// Good once. Absent when it came as a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Seconds the access token lives.
    expires_in: i64,
    #[schema(example = "Bearer")]
    token_type: &'static str,
}

impl TokensView {
    fn new(pair: TokenPair) -> Self {
        Self {
            access_token: pair.access_token,
            refresh_token: Some(pair.refresh_token),
            expires_in: ACCESS_TOKEN_LIFETIME.as_secs(),
            token_type: "Bearer",
        }
    }
}

/// Whether a token is good, and what it says.
#[derive(Serialize, Default, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Validation)]
struct ValidationView {
    is_valid: bool,
    /// `EXPIRED`, `INVALID` or `REVOKED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// Names of roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<String>>,
    /// The user's main customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

impl From<Result<Claims, TokenFault>> for ValidationView {
    fn from(outcome: Result<Claims, TokenFault>) -> Self {
        match outcome {
            Ok(claims) => Self {
                is_valid: true,
                reason: None,
                user_id: Some(claims.sub),
                expires_at: Some(claims.expires_at()),
                email: Some(claims.email),
                roles: Some(names(claims.roles)),
                customer_id: claims.customer,
            },
            Err(TokenFault::Expired) => Self { reason: Some("EXPIRED"), ..Self::default() },
            Err(TokenFault::Invalid | TokenFault::Unproved) => {
                Self { reason: Some("INVALID"), ..Self::default() }
            }
            Err(TokenFault::Revoked) => Self { reason: Some("REVOKED"), ..Self::default() },
        }
    }
}

fn names(grants: Vec<Grant>) -> Vec<String> {
    let mut names: Vec<_> = grants.into_iter().map(|grant| grant.role).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// A place where somebody is signed in.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Session)]
struct SessionView {
    id: SessionId,
    /// The browser or program, as it names itself.
    user_agent: String,
    /// Whether this request belongs to it.
    is_current: bool,
    /// How the user proved who it is (RFC 8176): `pwd`, `otp`, `mfa` and others.
    #[schema(example = json!(["pwd"]))]
    methods: Vec<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Spend a refresh token for a new pair
#[utoipa::path(post, path = "/api/v1/auth/refresh", request_body = RefreshRequest,
    responses((status = 200, body = TokensView)))]
async fn refresh(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    Json(request): Json<RefreshRequest>,
) -> Result<Response, Problem> {
    let refresh_token = request.refresh_token.unwrap_or_default();
    let pair = tokens.refresh(&actor, &refresh_token).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(TokensView::new(pair))).into_response())
}

/// Sign out: the session's tokens are dead everywhere
#[utoipa::path(post, path = "/api/v1/auth/logout", responses((status = 204)))]
async fn logout(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
) -> Result<StatusCode, Problem> {
    tokens.sign_out(&actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether the bearer token is good
#[utoipa::path(post, path = "/api/v1/auth/validate", responses((status = 200, body = ValidationView)))]
async fn validate(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<ValidationView>, Problem> {
    let shown = shown_token(&headers, &Method::POST, uri.path());
    Ok(Json(tokens.validate(&actor, &shown).await?.into()))
}

/// Where the client is, as the gateway knows it.
fn client_address(headers: &HeaderMap) -> &str {
    headers.get(CLIENT_ADDRESS).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The token that is asked about, with the proof that comes with it. An empty one is none.
fn shown_token<'r>(headers: &'r HeaderMap, method: &'r Method, path: &'r str) -> ShownToken<'r> {
    let (scheme, token) = authorization(headers).unwrap_or_default();
    let is_as_bound = scheme.eq_ignore_ascii_case("dpop");
    let is_token = is_as_bound || scheme.eq_ignore_ascii_case("bearer");
    let token = if is_token { token } else { "" };
    ShownToken {
        token,
        is_as_bound,
        proof: identity::proof_of(headers),
        method: method.as_str(),
        path,
    }
}

/// What the request's `Authorization` said: scheme and the rest.
fn authorization(headers: &HeaderMap) -> Option<(&str, &str)> {
    let value = headers.get(TOKEN_IN_QUESTION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    Some((scheme, rest.trim()))
}

/// Whether the bearer token is good (another name for `validate`)
#[utoipa::path(post, path = "/api/v1/auth/verify", responses((status = 200, body = ValidationView)))]
async fn verify(
    state: State<Arc<Tokens>>,
    identity: Identity,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<ValidationView>, Problem> {
    validate(state, identity, uri, headers).await
}

/// Whose sessions.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct SessionsQuery {
    /// The own ones when absent.
    user_id: Option<UserId>,
}

/// List the sessions of a user, the latest first
#[utoipa::path(get, path = "/api/v1/auth/sessions", params(SessionsQuery),
    responses((status = 200, body = Paged<SessionView>)))]
async fn list_sessions(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    Query(query): Query<SessionsQuery>,
) -> Result<Json<Paged<SessionView>>, Problem> {
    let (sessions, current) = tokens.list_sessions(&actor, query.user_id).await?;
    let view = |session: Session| SessionView {
        id: session.id,
        methods: session.amr,
        user_agent: session.user_agent,
        is_current: session.id == current,
        created_at: session.created_at,
        last_used_at: session.last_used_at,
        expires_at: session.expires_at,
    };
    Ok(Json(Paged::whole(sessions.into_iter().map(view).collect())))
}

/// End all sessions of a user but the one in use
#[utoipa::path(delete, path = "/api/v1/auth/sessions", params(SessionsQuery),
    responses((status = 204)))]
async fn end_sessions(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    Query(query): Query<SessionsQuery>,
) -> Result<StatusCode, Problem> {
    tokens.end_sessions(&actor, query.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End a session
#[utoipa::path(delete, path = "/api/v1/auth/sessions/{id}", params(("id" = Uuid, Path)),
    responses((status = 204)))]
async fn end_session(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    Path(id): Path<SessionId>,
) -> Result<StatusCode, Problem> {
    tokens.end_session(&actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
