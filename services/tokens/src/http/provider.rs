//! What the provider says of itself: the discovery document and the keys (OpenID Connect Discovery, RFC 8414).

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, HeaderName};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use identity::SigningAlgorithm;
use serde_json::{Value, json};

use super::oauth::OAuthError;
use crate::Tokens;
use crate::domain::client::{Authentication, GrantType, Scope};
use crate::domain::demands::Assurance;

/// How long others may keep what is said here.
const CACHE_FIVE_MINUTES: [(HeaderName, &str); 1] = [(CACHE_CONTROL, "public, max-age=300")];

/// The URLs of this file.
pub fn router() -> Router<Arc<Tokens>> {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/.well-known/oauth-authorization-server", get(discovery))
        .route("/oauth/jwks", get(keys))
}

async fn discovery(State(tokens): State<Arc<Tokens>>) -> Response {
    (CACHE_FIVE_MINUTES, Json(document(&tokens.ctx.public_url))).into_response()
}

fn document(issuer: &str) -> Value {
    let at = |path: &str| format!("{issuer}/oauth/{path}");
    let methods = Authentication::ALL.map(Authentication::as_str);
    let with_proof = &methods[..methods.len() - 1];
    let assertions = ["RS256", "PS256", "ES256", "ES384", "RS512", "EdDSA"];
    let of_id_tokens = [SigningAlgorithm::Rs256, SigningAlgorithm::Es256, SigningAlgorithm::EdDsa];
    json!({
        "issuer": issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "userinfo_endpoint": at("userinfo"),
        "jwks_uri": at("jwks"),
        "registration_endpoint": at("register"),
        "introspection_endpoint": at("introspect"),
        "revocation_endpoint": at("revoke"),
        "end_session_endpoint": at("logout"),
        "device_authorization_endpoint": at("device_authorization"),
        "pushed_authorization_request_endpoint": at("par"),
        "scopes_supported": Scope::ALL.map(Scope::as_str),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": GrantType::ALL.map(GrantType::as_str),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": of_id_tokens.map(SigningAlgorithm::as_str),
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": assertions,
        "introspection_endpoint_auth_methods_supported": with_proof,
        "introspection_endpoint_auth_signing_alg_values_supported": assertions,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": assertions,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "acr_values_supported": Assurance::ALL.map(Assurance::as_str),
        "dpop_signing_alg_values_supported": identity::PROOF_ALGORITHMS,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "claim_types_supported": ["normal"],
        "claims_supported": ["sub", "iss", "aud", "azp", "exp", "iat", "auth_time", "nonce", "sid",
            "acr", "amr", "at_hash", "name", "given_name", "family_name", "email", "email_verified",
            "roles"],
        "claims_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
        "service_documentation": format!("{issuer}/docs"),
        "ui_locales_supported": ["en"],
        "display_values_supported": ["page"],
    })
}

async fn keys(State(tokens): State<Arc<Tokens>>) -> Result<Response, OAuthError> {
    let keys = tokens.public_keys().await?;
    Ok((CACHE_FIVE_MINUTES, Json(json!({ "keys": keys }))).into_response())
}
