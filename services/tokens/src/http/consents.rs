//! `/api/v1/auth/consents`: what the user has allowed other programs.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use service_kit::Problem;
use service_kit::http::{Identity, Json, Path};
use service_kit::paging::Paged;
use uuid::Uuid;

use crate::Tokens;
use crate::domain::authorization::Consent;

/// What the user has allowed a program.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Consent)]
pub struct ConsentView {
    client_id: String,
    client_name: String,
    /// `openid`, `profile`, `email`, `roles`, `offline_access`, `api`.
    scopes: Vec<&'static str>,
    #[schema(value_type = String, format = DateTime)]
    given_at: Timestamp,
}

impl From<Consent> for ConsentView {
    fn from(consent: Consent) -> Self {
        Self {
            scopes: consent.scopes.iter().map(|scope| scope.as_str()).collect(),
            client_id: consent.client_id,
            client_name: consent.client_name,
            given_at: consent.given_at,
        }
    }
}

/// List what the user has allowed other programs
#[utoipa::path(get, path = "/api/v1/auth/consents",
    responses((status = 200, body = Paged<ConsentView>)))]
pub async fn list_consents(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
) -> Result<Json<Paged<ConsentView>>, Problem> {
    let consents = tokens.list_own_consents(&actor).await?;
    Ok(Json(Paged::whole(consents.into_iter().map(ConsentView::from).collect())))
}

/// Withdraw what the user has allowed a program; its tokens are dead
#[utoipa::path(delete, path = "/api/v1/auth/consents/{clientId}",
    params(("clientId" = Uuid, Path)), responses((status = 204)))]
pub async fn withdraw_consent(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    Path(client_id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    tokens.withdraw_consent(&actor, &client_id.to_string()).await?;
    Ok(StatusCode::NO_CONTENT)
}
