//! `/api/v1/users/{id}/roles`: who holds which role.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use contracts::ids::{CustomerId, UserId};
use serde::Deserialize;
use service_kit::http::{Identity, Json, Path, Query, Versioned};
use service_kit::{FieldErrors, Problem};

use super::{UserView, versioned};
use crate::Users;
use crate::domain::{Grant, RoleName, parse_customer};
use crate::error::Error;

/// Which role, and where.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = GiveRole)]
pub struct GiveRoleRequest {
    #[schema(max_length = 50, example = "organiser-member")]
    role: String,
    /// The customer it is limited to; everywhere when absent.
    customer_id: Option<CustomerId>,
}

impl GiveRoleRequest {
    fn parse(self) -> Result<Grant, FieldErrors> {
        let mut errors = FieldErrors::new();
        let role = errors.check("role", RoleName::parse(&self.role));
        let customer = errors.check_optional("customerId", self.customer_id.map(parse_customer));
        errors.finish(role.zip(customer).map(|(role, customer)| Grant::new(role, customer)))
    }
}

/// `?customerId=` of one role.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct TakeRoleQuery {
    /// The customer it is limited to; everywhere when absent.
    customer_id: Option<CustomerId>,
}

impl TakeRoleQuery {
    fn parse(&self) -> Result<Option<CustomerId>, FieldErrors> {
        let mut errors = FieldErrors::new();
        let customer = errors.check_optional("customerId", self.customer_id.map(parse_customer));
        errors.finish(customer)
    }
}

/// Reads a name in a path: one that no role can have is held by nobody.
fn role_in_path(name: &str) -> Result<RoleName, Error> {
    RoleName::parse(name).map_err(|_| Error::RoleNotHeld(name.to_owned()))
}

/// Give a role; nobody gives what they do not hold
#[utoipa::path(post, path = "/api/v1/users/{id}/roles", params(("id" = UserId, Path)),
    request_body = GiveRoleRequest, responses((status = 200, body = UserView)))]
pub async fn give_role(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Path(id): Path<UserId>,
    Json(request): Json<GiveRoleRequest>,
) -> Result<Versioned<UserView>, Problem> {
    Ok(versioned(users.give_role(&actor, id, request.parse()?).await?))
}

/// Take a role
#[utoipa::path(delete, path = "/api/v1/users/{id}/roles/{role}",
    params(("id" = UserId, Path), ("role" = String, Path), TakeRoleQuery),
    responses((status = 204)))]
pub async fn take_role(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Path((id, role)): Path<(UserId, String)>,
    Query(query): Query<TakeRoleQuery>,
) -> Result<StatusCode, Problem> {
    let grant = Grant::new(role_in_path(&role)?, query.parse()?);
    users.take_role(&actor, id, grant).await?;
    Ok(StatusCode::NO_CONTENT)
}
