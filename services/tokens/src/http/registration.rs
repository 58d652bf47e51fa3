//! `/oauth/register`: client registrations (RFC 7591 and RFC 7592), for whoever may manage them. Names are those of
//! the RFCs; what is Backline's own begins with `backline_`. Members that are not known are left out, as RFC 7591
//! (section 2) wants it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use contracts::ids::CustomerId;
use identity::SigningAlgorithm;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service_kit::http::{Identity, Json, Path};
use service_kit::{FieldErrors, Problem};

use super::oauth::OAuthError;
use crate::Tokens;
use crate::domain::client::{
    Authentication, Client, ClientId, GrantType, Metadata, Scope, join_scopes, parse_scopes,
};
use crate::error::Error;

/// Until when the secret that was replaced is good.
const OLD_SECRET_UNTIL: HeaderName = HeaderName::from_static("old-secret-until");
const NO_STORE: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

/// The URLs of this file.
pub fn router() -> Router<Arc<Tokens>> {
    Router::new()
        .route("/oauth/register", post(register).get(list))
        .route("/oauth/register/{client_id}", get(find).put(update).delete(delete))
        .route("/oauth/register/{client_id}/secret", post(rotate_secret))
}

/// Client metadata as it is sent.
#[derive(Deserialize)]
struct Registration {
    client_name: Option<String>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    scope: Option<String>,
    #[serde(default)]
    redirect_uris: Vec<String>,
    #[serde(default)]
    post_logout_redirect_uris: Vec<String>,
    backchannel_logout_uri: Option<String>,
    #[serde(default)]
    backchannel_logout_session_required: bool,
    #[serde(default)]
    dpop_bound_access_tokens: bool,
    id_token_signed_response_alg: Option<String>,
    jwks: Option<Value>,
    jwks_uri: Option<String>,
    #[serde(default)]
    backline_permissions: BTreeSet<String>,
    backline_customer_id: Option<CustomerId>,
    #[serde(default)]
    backline_first_party: bool,
    backline_active: Option<bool>,
}

impl Registration {
    fn parse(self) -> Result<Metadata, FieldErrors> {
        let mut errors = FieldErrors::new();
        let method = self.token_endpoint_auth_method.as_deref().unwrap_or("client_secret_basic");
        let authentication = Authentication::parse(method).ok_or("is not supported");
        let authentication = errors.check("token_endpoint_auth_method", authentication);
        let algorithm = self.id_token_signed_response_alg.as_deref().unwrap_or("RS256");
        let algorithm = SigningAlgorithm::parse(algorithm).ok_or("must be RS256, ES256 or EdDSA");
        let algorithm = errors.check("id_token_signed_response_alg", algorithm);
        let grants = errors.check("grant_types", grants(self.grant_types.as_deref()));
        if self.response_types.is_some_and(|types| types.iter().any(|kind| kind != "code")) {
            errors.add("response_types", "only `code` is given");
        }
        if self.jwks_uri.is_some() {
            errors.add("jwks_uri", "is not fetched; send the keys as `jwks`");
        }
        let scopes = self.scope.as_deref().map_or_else(usual_scopes, parse_scopes);
        let parsed = authentication.zip(algorithm).zip(grants);
        errors.finish(parsed.map(|((authentication, id_token_algorithm), grants)| Metadata {
            name: self.client_name.unwrap_or_default().trim().to_owned(),
            authentication,
            grants,
            scopes,
            redirect_uris: self.redirect_uris,
            post_logout_redirect_uris: self.post_logout_redirect_uris,
            backchannel_logout_uri: self.backchannel_logout_uri,
            backchannel_logout_session_required: self.backchannel_logout_session_required,
            is_bound_to_key: self.dpop_bound_access_tokens,
            id_token_algorithm,
            key_set: self.jwks.map(|keys| keys.to_string()),
            permissions: self.backline_permissions,
            customer_id: self.backline_customer_id,
            is_first_party: self.backline_first_party,
            is_active: self.backline_active.unwrap_or(true),
        }))
    }
}

fn grants(names: Option<&[String]>) -> Result<BTreeSet<GrantType>, String> {
    let Some(names) = names else { return Ok(BTreeSet::from([GrantType::AuthorizationCode])) };
    let grant =
        |name: &String| GrantType::parse(name).ok_or_else(|| format!("`{name}` is not supported"));
    names.iter().map(grant).collect()
}

/// What a client may ask for when its registration does not say: to know who signed in, and no more.
fn usual_scopes() -> BTreeSet<Scope> {
    BTreeSet::from([Scope::OpenId, Scope::Profile, Scope::Email])
}

/// A registration as it is shown.
#[derive(Serialize)]
struct RegistrationView {
    client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    /// 0: the secret does not run out.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret_expires_at: Option<i64>,
    client_id_issued_at: i64,
    registration_client_uri: String,
    client_name: String,
    token_endpoint_auth_method: &'static str,
    grant_types: Vec<&'static str>,
    response_types: Vec<&'static str>,
    scope: String,
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backchannel_logout_uri: Option<String>,
    backchannel_logout_session_required: bool,
    dpop_bound_access_tokens: bool,
    id_token_signed_response_alg: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks: Option<Value>,
    backline_permissions: BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backline_customer_id: Option<CustomerId>,
    backline_first_party: bool,
    backline_active: bool,
}

impl RegistrationView {
    fn new(client: Client, secret: Option<String>, public_url: &str) -> Self {
        let Client { id, metadata, created_at, .. } = client;
        let signs_in = metadata.has(GrantType::AuthorizationCode);
        Self {
            client_id: id.to_string(),
            client_secret_expires_at: secret.is_some().then_some(0),
            client_secret: secret,
            client_id_issued_at: created_at.as_second(),
            registration_client_uri: format!("{public_url}/oauth/register/{id}"),
            token_endpoint_auth_method: metadata.authentication.as_str(),
            grant_types: metadata.grants.iter().map(|grant| grant.as_str()).collect(),
            response_types: signs_in.then_some("code").into_iter().collect(),
            scope: join_scopes(&metadata.scopes),
            id_token_signed_response_alg: metadata.id_token_algorithm.as_str(),
            jwks: metadata.key_set.and_then(|keys| serde_json::from_str(&keys).ok()),
            client_name: metadata.name,
            redirect_uris: metadata.redirect_uris,
            post_logout_redirect_uris: metadata.post_logout_redirect_uris,
            backchannel_logout_uri: metadata.backchannel_logout_uri,
            backchannel_logout_session_required: metadata.backchannel_logout_session_required,
            dpop_bound_access_tokens: metadata.is_bound_to_key,
            backline_permissions: metadata.permissions,
            backline_customer_id: metadata.customer_id,
            backline_first_party: metadata.is_first_party,
            backline_active: metadata.is_active,
        }
    }
}

#[derive(Serialize)]
struct ListView {
    items: Vec<RegistrationView>,
}

async fn register(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    Json(request): Json<Registration>,
) -> Result<Response, OAuthError> {
    let metadata = request.parse().map_err(Error::InvalidMetadata)?;
    let (client, secret) = tokens.register_client(&actor, metadata).await?;
    let view = RegistrationView::new(client, secret, &tokens.ctx.public_url);
    Ok((StatusCode::CREATED, NO_STORE, Json(view)).into_response())
}

async fn list(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
) -> Result<Json<ListView>, Problem> {
    let clients = tokens.list_clients(&actor).await?;
    let view = |client| RegistrationView::new(client, None, &tokens.ctx.public_url);
    Ok(Json(ListView { items: clients.into_iter().map(view).collect() }))
}

async fn find(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let client = tokens.find_client(&actor, client_id(&id)?).await?;
    let view = RegistrationView::new(client, None, &tokens.ctx.public_url);
    Ok((NO_STORE, Json(view)).into_response())
}

async fn update(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    Path(id): Path<String>,
    Json(request): Json<Registration>,
) -> Result<Response, OAuthError> {
    let metadata = request.parse().map_err(Error::InvalidMetadata)?;
    let client = tokens.update_client(&actor, client_id(&id)?, metadata).await?;
    let view = RegistrationView::new(client, None, &tokens.ctx.public_url);
    Ok((NO_STORE, Json(view)).into_response())
}

async fn delete(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    tokens.delete_client(&actor, client_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A new secret beside the one there is, which stays good for a day.
async fn rotate_secret(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    Path(id): Path<String>,
) -> Result<Response, OAuthError> {
    let (client, until, secret) = tokens.rotate_client_secret(&actor, client_id(&id)?).await?;
    let view = RegistrationView::new(client, Some(secret), &tokens.ctx.public_url);
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(until) = HeaderValue::try_from(until.to_string()) {
        headers.insert(OLD_SECRET_UNTIL, until);
    }
    Ok((headers, Json(view)).into_response())
}

fn client_id(text: &str) -> Result<ClientId, Error> {
    ClientId::parse(text).ok_or(Error::ClientNotFound)
}
