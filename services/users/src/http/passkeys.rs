//! `/api/v1/users/me/passkeys`: the passkeys that open the own account. What travels between browser and library is
//! JSON as WebAuthn level 3 describes it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use contracts::ids::PasskeyId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service_kit::http::{Identity, Json, Path};
use service_kit::paging::Paged;
use service_kit::{FieldErrors, Problem};

use super::security::OwnPasswordRequest;
use crate::Users;
use crate::domain::{Passkey, parse_passkey_name};

/// A passkey of the own account.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Passkey)]
pub struct PasskeyView {
    id: PasskeyId,
    /// What its owner calls it.
    #[schema(example = "Phone")]
    name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// `null` as long as nobody has signed in with it.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    last_used_at: Option<Timestamp>,
}

impl From<Passkey> for PasskeyView {
    fn from(passkey: Passkey) -> Self {
        let Passkey { id, name, created_at, last_used_at, .. } = passkey;
        Self { id, name, created_at, last_used_at }
    }
}

/// What `navigator.credentials.create` is called with.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PasskeyCreation)]
pub struct PasskeyCreationView {
    /// `PublicKeyCredentialCreationOptionsJSON`.
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    public_key: Value,
}

/// What the authenticator has made.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = AddPasskey)]
pub struct AddPasskeyRequest {
    #[schema(min_length = 1, max_length = 100, example = "Phone")]
    name: String,
    /// `RegistrationResponseJSON`.
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    credential: Value,
}

/// What a passkey is to be called.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RenamePasskey)]
pub struct RenamePasskeyRequest {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

fn parse_name(name: &str) -> Result<String, FieldErrors> {
    parse_passkey_name(name).map_err(|message| FieldErrors::one("name", message))
}

/// List the own passkeys
#[utoipa::path(get, path = "/api/v1/users/me/passkeys",
    responses((status = 200, body = Paged<PasskeyView>)))]
pub async fn list_passkeys(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
) -> Result<Json<Paged<PasskeyView>>, Problem> {
    let passkeys = users.list_passkeys(&actor).await?;
    Ok(Json(Paged::whole(passkeys.into_iter().map(PasskeyView::from).collect())))
}

/// Begin to add a passkey; the answer is good for five minutes
#[utoipa::path(post, path = "/api/v1/users/me/passkeys/challenge", request_body = OwnPasswordRequest,
    responses((status = 200, body = PasskeyCreationView)))]
pub async fn begin_passkey(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Json(request): Json<OwnPasswordRequest>,
) -> Result<Json<PasskeyCreationView>, Problem> {
    let public_key = users.begin_passkey(&actor, &request.password).await?;
    Ok(Json(PasskeyCreationView { public_key }))
}

/// Add the passkey that an authenticator has made
#[utoipa::path(post, path = "/api/v1/users/me/passkeys", request_body = AddPasskeyRequest,
    responses((status = 201, body = PasskeyView)))]
pub async fn add_passkey(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Json(request): Json<AddPasskeyRequest>,
) -> Result<(StatusCode, Json<PasskeyView>), Problem> {
    let name = parse_name(&request.name)?;
    let passkey = users.add_passkey(&actor, name, &request.credential.to_string()).await?;
    Ok((StatusCode::CREATED, Json(passkey.into())))
}

/// Call an own passkey something else
#[utoipa::path(patch, path = "/api/v1/users/me/passkeys/{id}", params(("id" = Uuid, Path)),
    request_body = RenamePasskeyRequest, responses((status = 200, body = PasskeyView)))]
pub async fn rename_passkey(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Path(id): Path<PasskeyId>,
    Json(request): Json<RenamePasskeyRequest>,
) -> Result<Json<PasskeyView>, Problem> {
    let name = parse_name(&request.name)?;
    Ok(Json(users.rename_passkey(&actor, id, &name).await?.into()))
}

/// Take an own passkey away
#[utoipa::path(delete, path = "/api/v1/users/me/passkeys/{id}", params(("id" = Uuid, Path)),
    request_body = OwnPasswordRequest, responses((status = 204)))]
pub async fn remove_passkey(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Path(id): Path<PasskeyId>,
    Json(request): Json<OwnPasswordRequest>,
) -> Result<StatusCode, Problem> {
    users.remove_passkey(&actor, id, &request.password).await?;
    Ok(StatusCode::NO_CONTENT)
}
