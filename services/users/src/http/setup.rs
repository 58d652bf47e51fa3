//! `/api/v1/setup`: the first administrator.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use service_kit::http::{Identity, Json, Versioned};
use service_kit::{FieldErrors, Problem};

use super::{NewAccount, UserView, versioned};
use crate::Users;
use crate::domain::{NewUser, Password, UserType};

/// Whether the first administrator can be made.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SetupStatus)]
pub struct SetupView {
    is_open: bool,
}

/// The first administrator, and the token of the link that the server printed when it started.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CompleteSetup)]
pub struct CompleteSetupRequest {
    token: String,
    #[schema(max_length = 254, example = "ada@example.org")]
    email: String,
    #[schema(min_length = 10, max_length = 128)]
    password: String,
    #[schema(min_length = 1, max_length = 100)]
    first_name: String,
    #[schema(min_length = 1, max_length = 100)]
    last_name: String,
}

impl CompleteSetupRequest {
    fn parse(&self) -> Result<(NewUser, Password), FieldErrors> {
        let new_account = NewAccount {
            email: &self.email,
            password: &self.password,
            first_name: &self.first_name,
            last_name: &self.last_name,
            customer_id: None,
            user_type: UserType::Administrator,
        };
        new_account.parse()
    }
}

/// Whether the first administrator can be made
#[utoipa::path(get, path = "/api/v1/setup", responses((status = 200, body = SetupView)))]
pub async fn find_setup(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
) -> Result<Json<SetupView>, Problem> {
    Ok(Json(SetupView { is_open: users.is_setup_open(&actor).await? }))
}

/// Make the first administrator, once
#[utoipa::path(post, path = "/api/v1/setup", request_body = CompleteSetupRequest,
    responses((status = 201, body = UserView)))]
pub async fn complete_setup(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Json(request): Json<CompleteSetupRequest>,
) -> Result<(StatusCode, Versioned<UserView>), Problem> {
    let (new_user, password) = request.parse()?;
    let user = users.complete_setup(&actor, &request.token, new_user, password).await?;
    Ok((StatusCode::CREATED, versioned(user)))
}
