//! REST: translates, decides nothing.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use contracts::permissions::PERMISSIONS;
use jiff::Timestamp;
use policies::Permission;
use serde::{Deserialize, Serialize};
use service_kit::http::{Identity, IfMatch, Json, Patch, Path, Query, Versioned};
use service_kit::paging::{PageQuery, Paged};
use service_kit::{FieldErrors, Problem};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Roles;
use crate::domain::{NewRole, Role, RoleChange, RoleName, parse_description, parse_permissions};
use crate::error::Error;

/// The URLs of this service.
pub fn router(roles: Arc<Roles>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_roles, create_role)) //       /api/v1/roles
        .routes(routes!(find_role, update_role, delete_role)) // /api/v1/roles/{name}
        .routes(routes!(list_permissions)) //              /api/v1/permissions
        .with_state(roles)
}

/// A role.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Role)]
struct RoleView {
    #[schema(example = "merch-seller")]
    name: String,
    description: String,
    /// `resource:action`, reaching everywhere, or with `:own` or `:self` appended.
    permissions: Vec<String>,
    /// Built-in roles cannot be changed.
    built_in: bool,
    /// How many times the role is given.
    holders: i64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<Role> for RoleView {
    fn from(role: Role) -> Self {
        Self {
            name: role.name.to_string(),
            description: role.description,
            permissions: role.permissions.iter().map(Permission::to_string).collect(),
            built_in: role.built_in,
            holders: role.holders,
            created_at: role.created_at,
            updated_at: role.updated_at,
        }
    }
}

fn versioned(role: Role) -> Versioned<RoleView> {
    Versioned { version: role.version, body: role.into() }
}

/// A permission that a role may list.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Permission)]
struct PermissionView {
    #[schema(example = "events:update")]
    name: &'static str,
    description: &'static str,
}

/// What a new role is made of.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CreateRole)]
struct CreateRoleRequest {
    #[schema(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", max_length = 50, example = "merch-seller")]
    name: String,
    #[serde(default)]
    #[schema(max_length = 500)]
    description: String,
    #[schema(min_items = 1, example = json!(["events:read:own"]))]
    permissions: Vec<String>,
}

impl CreateRoleRequest {
    fn parse(self) -> Result<NewRole, FieldErrors> {
        let mut errors = FieldErrors::new();
        let name = errors.check("name", RoleName::parse(&self.name));
        let description = errors.check("description", parse_description(&self.description));
        let permissions = errors.check("permissions", parse_permissions(&self.permissions));
        let all = name.zip(description).zip(permissions);
        let all = all.map(|((name, description), permissions)| NewRole {
            name,
            description,
            permissions,
        });
        errors.finish(all)
    }
}

/// What changes about a role (JSON Merge Patch).
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = UpdateRole)]
struct UpdateRoleRequest {
    #[serde(default)]
    #[schema(value_type = String, required = false, max_length = 500)]
    description: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Vec<String>, required = false, min_items = 1)]
    permissions: Patch<Vec<String>>,
}

impl UpdateRoleRequest {
    fn parse(self) -> Result<RoleChange, FieldErrors> {
        let mut errors = FieldErrors::new();
        let description = self.description.required("description", &mut errors);
        let description = description.map(|text| parse_description(&text));
        let description = errors.check_optional("description", description);
        let permissions = self.permissions.required("permissions", &mut errors);
        let permissions = permissions.map(|list| parse_permissions(&list));
        let permissions = errors.check_optional("permissions", permissions);
        let all = description.zip(permissions);
        errors.finish(all.map(|(description, permissions)| RoleChange { description, permissions }))
    }
}

/// Reads a name in a path: one that no role can have is the name of no role.
fn name_in_path(name: &str) -> Result<RoleName, Error> {
    RoleName::parse(name).map_err(|_| Error::NotFound(name.to_owned()))
}

/// Define a role
#[utoipa::path(post, path = "/api/v1/roles", request_body = CreateRoleRequest,
    responses((status = 201, body = RoleView)))]
async fn create_role(
    State(roles): State<Arc<Roles>>,
    Identity(actor): Identity,
    Json(request): Json<CreateRoleRequest>,
) -> Result<(StatusCode, Versioned<RoleView>), Problem> {
    let role = roles.create_role(&actor, request.parse()?).await?;
    Ok((StatusCode::CREATED, versioned(role)))
}

/// List roles, by name
#[utoipa::path(get, path = "/api/v1/roles", params(PageQuery),
    responses((status = 200, body = Paged<RoleView>)))]
async fn list_roles(
    State(roles): State<Arc<Roles>>,
    Identity(actor): Identity,
    Query(query): Query<PageQuery>,
) -> Result<Json<Paged<RoleView>>, Problem> {
    let page = query.page()?;
    let rows = roles.list_roles(&actor, &page).await?;
    Ok(Json(Paged::new(rows, page.limit, |role| role.name.to_string(), RoleView::from)))
}

/// One role
#[utoipa::path(get, path = "/api/v1/roles/{name}", params(("name" = String, Path)),
    responses((status = 200, body = RoleView)))]
async fn find_role(
    State(roles): State<Arc<Roles>>,
    Identity(actor): Identity,
    Path(name): Path<String>,
) -> Result<Versioned<RoleView>, Problem> {
    Ok(versioned(roles.find_role(&actor, &name_in_path(&name)?).await?))
}

/// Change a role for everybody who holds it
#[utoipa::path(patch, path = "/api/v1/roles/{name}", params(("name" = String, Path)),
    request_body = UpdateRoleRequest, responses((status = 200, body = RoleView)))]
async fn update_role(
    State(roles): State<Arc<Roles>>,
    Identity(actor): Identity,
    Path(name): Path<String>,
    if_match: IfMatch,
    Json(request): Json<UpdateRoleRequest>,
) -> Result<Versioned<RoleView>, Problem> {
    let name = name_in_path(&name)?;
    let role = roles.update_role(&actor, &name, if_match, request.parse()?).await?;
    Ok(versioned(role))
}

/// Delete a role that nobody holds
#[utoipa::path(delete, path = "/api/v1/roles/{name}", params(("name" = String, Path)),
    responses((status = 204)))]
async fn delete_role(
    State(roles): State<Arc<Roles>>,
    Identity(actor): Identity,
    Path(name): Path<String>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    roles.delete_role(&actor, &name_in_path(&name)?, if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List every permission that a role may list
#[utoipa::path(get, path = "/api/v1/permissions",
    responses((status = 200, body = Paged<PermissionView>)))]
async fn list_permissions(
    State(roles): State<Arc<Roles>>,
    Identity(actor): Identity,
) -> Result<Json<Paged<PermissionView>>, Problem> {
    roles.check_reader(&actor)?;
    let view =
        |(name, description): &(&'static str, &'static str)| PermissionView { name, description };
    Ok(Json(Paged::whole(PERMISSIONS.iter().map(view).collect())))
}
