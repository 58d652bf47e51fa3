//! `/api/v1/auth/…`: links that were sent by e-mail, and asking for them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use service_kit::http::{Identity, Json};
use service_kit::{FieldErrors, Problem};

use crate::Users;
use crate::domain::Email;

/// The token of a link that shows that an address is one's own.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = VerifyEmail)]
pub struct VerifyEmailRequest {
    token: String,
}

/// Where a link to sign in with is to go.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = AskForEmailLink)]
pub struct AskForEmailLinkRequest {
    #[schema(max_length = 254, example = "ada@example.org")]
    email: String,
}

/// Whose password is forgotten.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ForgotPassword)]
pub struct ForgotPasswordRequest {
    #[schema(max_length = 254, example = "ada@example.org")]
    email: String,
}

fn parse_email(email: &str) -> Result<Email, FieldErrors> {
    Email::parse(email).map_err(|message| FieldErrors::one("email", message))
}

/// A new password, and the token of the link that permits it.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ResetPassword)]
pub struct ResetPasswordRequest {
    token: String,
    #[schema(min_length = 10, max_length = 128)]
    new_password: String,
}

/// Confirm an e-mail address with the link that was sent there
#[utoipa::path(post, path = "/api/v1/auth/verify-email", request_body = VerifyEmailRequest,
    responses((status = 204)))]
pub async fn verify_email(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Json(request): Json<VerifyEmailRequest>,
) -> Result<StatusCode, Problem> {
    users.verify_email(&actor, &request.token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Have a link to sign in with sent; the answer is the same whether there is an account or not
#[utoipa::path(post, path = "/api/v1/auth/email-link", request_body = AskForEmailLinkRequest,
    responses((status = 202)))]
pub async fn ask_for_sign_in_link(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Json(request): Json<AskForEmailLinkRequest>,
) -> Result<StatusCode, Problem> {
    users.ask_for_sign_in_link(&actor, &parse_email(&request.email)?).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Have a link for a new password sent; the answer is the same whether there is an account or not
#[utoipa::path(post, path = "/api/v1/auth/forgot-password", request_body = ForgotPasswordRequest,
    responses((status = 202)))]
pub async fn forgot_password(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Json(request): Json<ForgotPasswordRequest>,
) -> Result<StatusCode, Problem> {
    users.forgot_password(&actor, &parse_email(&request.email)?).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Choose a new password with the link that was sent; every session of the account ends
#[utoipa::path(post, path = "/api/v1/auth/reset-password", request_body = ResetPasswordRequest,
    responses((status = 204)))]
pub async fn reset_password(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Json(request): Json<ResetPasswordRequest>,
) -> Result<StatusCode, Problem> {
    users.reset_password(&actor, &request.token, &request.new_password).await?;
    Ok(StatusCode::NO_CONTENT)
}
