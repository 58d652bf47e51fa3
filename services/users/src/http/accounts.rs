//! `/api/v1/users`: accounts.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use contracts::ids::{CustomerId, UserId};
use serde::Deserialize;
use serde_json::{Map, Value};
use service_kit::http::{Identity, IfMatch, Json, Patch, Path, Query, Versioned};
use service_kit::paging::{PageQuery, Paged};
use service_kit::{FieldErrors, Problem};

use super::{HeldPermissionView, MeView, NewAccount, UserView, user_type_schema, versioned};
use crate::Users;
use crate::domain::{
    Email, NewUser, Password, RoleName, UserChange, UserFilter, UserType, parse_customer,
    parse_name,
};

/// What a new account is made of.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CreateUser)]
pub struct CreateUserRequest {
    #[schema(max_length = 254, example = "ada@example.org")]
    email: String,
    #[schema(min_length = 10, max_length = 128)]
    password: String,
    #[schema(min_length = 1, max_length = 100)]
    first_name: String,
    #[schema(min_length = 1, max_length = 100)]
    last_name: String,
    /// The customer it is to belong to, for who may make accounts there.
    customer_id: Option<CustomerId>,
}

impl CreateUserRequest {
    fn parse(&self) -> Result<(NewUser, Password), FieldErrors> {
        let new_account = NewAccount {
            email: &self.email,
            password: &self.password,
            first_name: &self.first_name,
            last_name: &self.last_name,
            customer_id: self.customer_id,
            user_type: UserType::CustomerUser,
        };
        new_account.parse()
    }
}

/// What changes about an account (JSON Merge Patch). The last three are for who may disable accounts.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = UpdateUser)]
pub struct UpdateUserRequest {
    #[serde(default)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 100)]
    first_name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 100)]
    last_name: Patch<String>,
    /// Merged into the present one, member by member; at most 16 KiB after that.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, Value>, required = false)]
    profile: Patch<Map<String, Value>>,
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    is_active: Patch<bool>,
    #[serde(default)]
    #[schema(schema_with = user_type_schema, required = false)]
    user_type: Patch<i64>,
    /// `null` takes the account out of its customer.
    #[serde(default)]
    #[schema(value_type = Option<CustomerId>, required = false)]
    customer_id: Patch<CustomerId>,
}

impl UpdateUserRequest {
    /// The change, but for the profile: what that becomes depends on what it is.
    fn parse(self) -> Result<UserChange, FieldErrors> {
        let mut errors = FieldErrors::new();
        let first_name = self.first_name.required("firstName", &mut errors);
        let first_name =
            errors.check_optional("firstName", first_name.map(|name| parse_name(&name)));
        let last_name = self.last_name.required("lastName", &mut errors);
        let last_name = errors.check_optional("lastName", last_name.map(|name| parse_name(&name)));
        let is_active = self.is_active.required("isActive", &mut errors);
        let user_type = self.user_type.required("userType", &mut errors);
        let user_type = errors.check_optional("userType", user_type.map(UserType::parse));
        let customer_id = self.customer_id.removable();
        let customer_id = customer_id.map(|customer| customer.map(parse_customer).transpose());
        let customer_id = errors.check_optional("customerId", customer_id);
        let all = first_name.zip(last_name).zip(user_type).zip(customer_id);
        errors.finish(all.map(|(((first_name, last_name), user_type), customer_id)| UserChange {
            first_name,
            last_name,
            profile: None,
            is_active,
            user_type,
            customer_id,
        }))
    }
}

/// Which accounts, and how many of them.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ListUsersQuery {
    /// The account with this e-mail address, in small or capital letters.
    email: Option<String>,
    /// Those who hold this role, wherever.
    role: Option<String>,
    /// Those whose main customer it is.
    customer_id: Option<CustomerId>,
    /// 1 administrator, 2 customer user, 3 crew.
    #[param(minimum = 1, maximum = 3)]
    user_type: Option<i64>,
    /// Rows wanted, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

impl ListUsersQuery {
    fn parse(&self) -> Result<UserFilter, FieldErrors> {
        let mut errors = FieldErrors::new();
        let email = errors.check_optional("email", self.email.as_deref().map(Email::parse));
        let role = errors.check_optional("role", self.role.as_deref().map(RoleName::parse));
        let user_type = errors.check_optional("userType", self.user_type.map(UserType::parse));
        let customer_id = self.customer_id;
        let all = email.zip(role).zip(user_type);
        errors.finish(all.map(|((email, role), user_type)| UserFilter {
            email,
            role,
            customer_id,
            user_type,
            is_active: None,
        }))
    }

    fn page_query(self) -> PageQuery {
        PageQuery { limit: self.limit, cursor: self.cursor }
    }
}

/// Among whom to choose.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RandomUserQuery {
    /// Those who hold this role, wherever; everybody when absent.
    role: Option<String>,
}

impl RandomUserQuery {
    fn parse(&self) -> Result<UserFilter, FieldErrors> {
        let mut errors = FieldErrors::new();
        let role = errors.check_optional("role", self.role.as_deref().map(RoleName::parse));
        let is_active = Some(true);
        errors.finish(role.map(|role| UserFilter { role, is_active, ..UserFilter::default() }))
    }
}

/// Sign up, or make an account for a customer
#[utoipa::path(post, path = "/api/v1/users", request_body = CreateUserRequest,
    responses((status = 201, body = UserView)))]
pub async fn create_user(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Json(request): Json<CreateUserRequest>,
) -> Result<(StatusCode, Versioned<UserView>), Problem> {
    let (new_user, password) = request.parse()?;
    let user = users.create_user(&actor, new_user, password).await?;
    Ok((StatusCode::CREATED, versioned(user)))
}

/// List accounts, the oldest first
#[utoipa::path(get, path = "/api/v1/users", params(ListUsersQuery),
    responses((status = 200, body = Paged<UserView>)))]
pub async fn list_users(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Query(query): Query<ListUsersQuery>,
) -> Result<Json<Paged<UserView>>, Problem> {
    let filter = query.parse()?;
    let page = query.page_query().page()?;
    let rows = users.list_users(&actor, &filter, &page).await?;
    Ok(Json(Paged::new(rows, page.limit, |user| user.id, UserView::from)))
}

/// The own account, and what its roles permit
#[utoipa::path(get, path = "/api/v1/users/me", responses((status = 200, body = MeView)))]
pub async fn find_me(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
) -> Result<Versioned<MeView>, Problem> {
    let Versioned { version, body: user } = versioned(users.find_me(&actor).await?);
    let permissions = actor.holdings().list().into_iter().map(HeldPermissionView::from).collect();
    Ok(Versioned { version, body: MeView { user, permissions } })
}

/// Any one active account
#[utoipa::path(get, path = "/api/v1/users/random", params(RandomUserQuery),
    responses((status = 200, body = UserView), (status = 404, body = Problem,
        content_type = "application/problem+json", description = "No account is like that")))]
pub async fn find_random_user(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Query(query): Query<RandomUserQuery>,
) -> Result<Json<UserView>, Problem> {
    Ok(Json(users.find_random_user(&actor, &query.parse()?).await?.into()))
}

/// One account
#[utoipa::path(get, path = "/api/v1/users/{id}", params(("id" = UserId, Path)),
    responses((status = 200, body = UserView)))]
pub async fn find_user(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Path(id): Path<UserId>,
) -> Result<Versioned<UserView>, Problem> {
    Ok(versioned(users.find_user(&actor, id).await?))
}

/// Change an account
#[utoipa::path(patch, path = "/api/v1/users/{id}", params(("id" = UserId, Path)),
    request_body = UpdateUserRequest, responses((status = 200, body = UserView)))]
pub async fn update_user(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Path(id): Path<UserId>,
    if_match: IfMatch,
    Json(mut request): Json<UpdateUserRequest>,
) -> Result<Versioned<UserView>, Problem> {
    let profile = std::mem::take(&mut request.profile);
    let user = users.update_user(&actor, id, if_match, request.parse()?, profile).await?;
    Ok(versioned(user))
}

/// Delete an account, with the roles it holds
#[utoipa::path(delete, path = "/api/v1/users/{id}", params(("id" = UserId, Path)),
    responses((status = 204)))]
pub async fn delete_user(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Path(id): Path<UserId>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    users.delete_user(&actor, id, if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}
