//! `/api/v1/users/me/…`: what keeps the own account safe.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service_kit::http::{Identity, Json};
use service_kit::{FieldErrors, Problem};

use crate::Users;
use crate::domain::Email;

/// How safe the own account is.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Security)]
pub struct SecurityView {
    email_verified: bool,
    /// Whether signing in takes a code.
    has_totp: bool,
    recovery_codes_left: u64,
    #[schema(value_type = String, format = DateTime)]
    password_changed_at: Timestamp,
    /// Scheme, host and port of the address at which passkeys can be used; `null` where there can be none.
    #[schema(required, example = "https://tickets.example.org")]
    passkey_origin: Option<String>,
}

/// The present password and the one to come.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ChangePassword)]
pub struct ChangePasswordRequest {
    current_password: String,
    #[schema(min_length = 10, max_length = 128)]
    new_password: String,
}

/// The address to come.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ChangeEmail)]
pub struct ChangeEmailRequest {
    password: String,
    /// The present one has its link sent once more.
    #[schema(max_length = 254, example = "ada@example.org")]
    new_email: String,
}

impl ChangeEmailRequest {
    fn parse(&self) -> Result<Email, FieldErrors> {
        Email::parse(&self.new_email).map_err(|message| FieldErrors::one("newEmail", message))
    }
}

/// Shows once more that it is the account's owner.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = OwnPassword)]
pub struct OwnPasswordRequest {
    pub(super) password: String,
}

/// What an authenticator is set up with.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewTotp)]
pub struct NewTotpView {
    /// For typing in: base32.
    secret: String,
    /// For a QR code.
    otpauth_uri: String,
}

/// The code that the authenticator shows.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ConfirmTotp)]
pub struct ConfirmTotpRequest {
    #[schema(example = "123456")]
    code: String,
}

/// What opens the account when the authenticator is lost: each once. Shown now and never again.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RecoveryCodes)]
pub struct RecoveryCodesView {
    recovery_codes: Vec<String>,
}

/// How safe the own account is
#[utoipa::path(get, path = "/api/v1/users/me/security",
    responses((status = 200, body = SecurityView)))]
pub async fn find_security(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
) -> Result<Json<SecurityView>, Problem> {
    let security = users.find_security(&actor).await?;
    Ok(Json(SecurityView {
        email_verified: security.is_email_verified,
        has_totp: security.has_totp,
        recovery_codes_left: security.recovery_codes_left,
        password_changed_at: security.password_changed_at,
        passkey_origin: security.passkey_origin,
    }))
}

/// Change the own password; every other session ends
#[utoipa::path(post, path = "/api/v1/users/me/password", request_body = ChangePasswordRequest,
    responses((status = 204)))]
pub async fn change_password(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Json(request): Json<ChangePasswordRequest>,
) -> Result<StatusCode, Problem> {
    let ChangePasswordRequest { current_password, new_password } = request;
    users.change_password(&actor, &current_password, &new_password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Change the own e-mail address; it counts as soon as the link that is sent there is opened
#[utoipa::path(post, path = "/api/v1/users/me/email", request_body = ChangeEmailRequest,
    responses((status = 202)))]
pub async fn change_email(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Json(request): Json<ChangeEmailRequest>,
) -> Result<StatusCode, Problem> {
    users.change_email(&actor, &request.password, &request.parse()?).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Begin to set up an authenticator
#[utoipa::path(post, path = "/api/v1/users/me/totp", request_body = OwnPasswordRequest,
    responses((status = 200, body = NewTotpView)))]
pub async fn start_totp(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Json(request): Json<OwnPasswordRequest>,
) -> Result<Json<NewTotpView>, Problem> {
    let totp = users.start_totp(&actor, &request.password).await?;
    Ok(Json(NewTotpView { secret: totp.secret, otpauth_uri: totp.uri }))
}

/// Take the authenticator away
#[utoipa::path(delete, path = "/api/v1/users/me/totp", request_body = OwnPasswordRequest,
    responses((status = 204)))]
pub async fn stop_totp(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Json(request): Json<OwnPasswordRequest>,
) -> Result<StatusCode, Problem> {
    users.stop_totp(&actor, &request.password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make the authenticator count, with the first code it shows
#[utoipa::path(post, path = "/api/v1/users/me/totp/confirm", request_body = ConfirmTotpRequest,
    responses((status = 200, body = RecoveryCodesView)))]
pub async fn confirm_totp(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Json(request): Json<ConfirmTotpRequest>,
) -> Result<Json<RecoveryCodesView>, Problem> {
    let recovery_codes = users.confirm_totp(&actor, &request.code).await?;
    Ok(Json(RecoveryCodesView { recovery_codes }))
}
