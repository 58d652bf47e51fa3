//! `/api/v1/auth/…`: signing in, by a password, a passkey or a link that was sent.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use policies::Actor;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service_kit::Problem;
use service_kit::http::{Identity, Json};

use super::browser::Cookie;
use super::{REFRESH_EXPIRES_IN, REFRESH_TOKEN, TokensView, client_address};
use crate::Tokens;
use crate::app::{Proof, SignIn, SignedIn};

/// An e-mail address and a password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Login)]
pub struct LoginRequest {
    #[schema(example = "ada@example.org")]
    email: String,
    #[schema(format = Password)]
    password: String,
    /// A code of the authenticator, or a recovery code: when the answer without it was `second_factor_required`.
    #[serde(default)]
    #[schema(max_length = 64)]
    second_factor: String,
    /// The refresh token comes as an HTTP-only cookie and not in the body.
    #[serde(default)]
    use_cookie: bool,
}

/// What `navigator.credentials.get` is called with.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PasskeyRequest)]
pub struct PasskeyRequestView {
    /// `PublicKeyCredentialRequestOptionsJSON`.
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    public_key: Value,
}

/// What an authenticator has signed.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PasskeyLogin)]
pub struct PasskeyLoginRequest {
    /// `AuthenticationResponseJSON`.
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    credential: Value,
    /// The refresh token comes as an HTTP-only cookie and not in the body.
    #[serde(default)]
    use_cookie: bool,
}

/// The token of a link that was sent to sign in with.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = EmailLinkLogin)]
pub struct EmailLinkLoginRequest {
    token: String,
    /// A code of the authenticator, or a recovery code: when the answer without it was `second_factor_required`. The
    /// link is as good as before then.
    #[serde(default)]
    #[schema(max_length = 64)]
    second_factor: String,
    /// The refresh token comes as an HTTP-only cookie and not in the body.
    #[serde(default)]
    use_cookie: bool,
}

/// Sign in with a password
#[utoipa::path(post, path = "/api/v1/auth/login", request_body = LoginRequest,
    responses((status = 200, body = TokensView)))]
pub async fn login(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    headers: HeaderMap,
    Json(request): Json<LoginRequest>,
) -> Result<Response, Problem> {
    let LoginRequest { email, password, second_factor, use_cookie } = &request;
    let proof = Proof::Password { email, password, second_factor };
    sign_in(&tokens, &actor, &headers, proof, *use_cookie).await
}

/// Begin to sign in with a passkey; the answer is good for five minutes
#[utoipa::path(post, path = "/api/v1/auth/passkey/challenge",
    responses((status = 200, body = PasskeyRequestView)))]
pub async fn begin_passkey_login(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
) -> Result<Response, Problem> {
    let public_key = tokens.begin_passkey(&actor).await?;
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    Ok((no_store, Json(PasskeyRequestView { public_key })).into_response())
}

/// Sign in with a passkey
#[utoipa::path(post, path = "/api/v1/auth/passkey", request_body = PasskeyLoginRequest,
    responses((status = 200, body = TokensView)))]
pub async fn login_with_passkey(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    headers: HeaderMap,
    Json(request): Json<PasskeyLoginRequest>,
) -> Result<Response, Problem> {
    let credential = request.credential.to_string();
    let proof = Proof::Passkey { credential: &credential };
    sign_in(&tokens, &actor, &headers, proof, request.use_cookie).await
}

/// Sign in with a link that was sent to the account's address
#[utoipa::path(post, path = "/api/v1/auth/email-link/redeem", request_body = EmailLinkLoginRequest,
    responses((status = 200, body = TokensView)))]
pub async fn login_with_email_link(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    headers: HeaderMap,
    Json(request): Json<EmailLinkLoginRequest>,
) -> Result<Response, Problem> {
    let EmailLinkLoginRequest { token, second_factor, use_cookie } = &request;
    let proof = Proof::EmailLink { token, second_factor };
    sign_in(&tokens, &actor, &headers, proof, *use_cookie).await
}

/// Signs in; with `in_browser` the refresh token is for the gateway, which makes a cookie of it.
async fn sign_in(
    tokens: &Tokens,
    actor: &Actor,
    headers: &HeaderMap,
    proof: Proof<'_>,
    in_browser: bool,
) -> Result<Response, Problem> {
    let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let cookie = Cookie::new(&tokens.ctx.public_url);
    let sign_in = SignIn {
        proof,
        client_address: client_address(headers),
        user_agent: user_agent.unwrap_or_default(),
        in_browser,
        browser_cookie: cookie.read(headers).filter(|_| in_browser),
    };
    let SignedIn { browser_cookie, pair } = tokens.sign_in(actor, sign_in).await?;
    let expires_in = pair.session_expires_at.as_second() - tokens.clock.now().as_second();
    let mut view = TokensView::new(pair);
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    let Some(browser_cookie) = browser_cookie else {
        return Ok((no_store, Json(view)).into_response());
    };
    let refresh_token = view.refresh_token.take().unwrap_or_default();
    let for_cookie = [(REFRESH_TOKEN, refresh_token), (REFRESH_EXPIRES_IN, expires_in.to_string())];
    let known_by = [(header::SET_COOKIE, cookie.set(&browser_cookie, expires_in))];
    Ok((no_store, for_cookie, known_by, Json(view)).into_response())
}
