//! REST: translates, decides nothing. One file for each group of URLs.

mod accounts;
mod crew;
mod explanation;
mod links;
mod passkeys;
mod roles;
mod security;
mod setup;

use std::sync::Arc;

use contracts::ids::{CustomerId, UserId};
use jiff::Timestamp;
use policies::Reach;
use serde::Serialize;
use serde_json::{Map, Value};
use service_kit::FieldErrors;
use service_kit::http::Versioned;
use utoipa::openapi::{Object, ObjectBuilder, Type};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Users;
use crate::domain::{
    Crew, Email, Grant, NewUser, Password, User, UserType, parse_customer, parse_name,
};

/// The URLs of this service.
pub fn router(users: Arc<Users>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(accounts::list_users, accounts::create_user)) // /api/v1/users
        .routes(routes!(accounts::find_me)) //                          /api/v1/users/me
        .routes(routes!(accounts::find_random_user)) //                 /api/v1/users/random
        .routes(routes!(accounts::find_user, accounts::update_user, accounts::delete_user)) // /api/v1/users/{id}
        .routes(routes!(roles::give_role)) //                           /api/v1/users/{id}/roles
        .routes(routes!(roles::take_role)) //                           /api/v1/users/{id}/roles/{role}
        .routes(routes!(explanation::explain_permission)) //            /api/v1/users/{id}/permissions/explanation
        .routes(routes!(crew::save_crew)) //                            /api/v1/users/{id}/crew
        .routes(routes!(security::find_security)) //                    /api/v1/users/me/security
        .routes(routes!(security::change_password)) //                  /api/v1/users/me/password
        .routes(routes!(security::change_email)) //                     /api/v1/users/me/email
        .routes(routes!(security::start_totp, security::stop_totp)) //  /api/v1/users/me/totp
        .routes(routes!(security::confirm_totp)) //                     /api/v1/users/me/totp/confirm
        .routes(routes!(passkeys::list_passkeys, passkeys::add_passkey)) // /api/v1/users/me/passkeys
        .routes(routes!(passkeys::begin_passkey)) //                    /api/v1/users/me/passkeys/challenge
        .routes(routes!(passkeys::rename_passkey, passkeys::remove_passkey)) // /api/v1/users/me/passkeys/{id}
        .routes(routes!(links::ask_for_sign_in_link)) //                /api/v1/auth/email-link
        .routes(routes!(links::verify_email)) //                        /api/v1/auth/verify-email
        .routes(routes!(links::forgot_password)) //                     /api/v1/auth/forgot-password
        .routes(routes!(links::reset_password)) //                      /api/v1/auth/reset-password
        .routes(routes!(setup::find_setup, setup::complete_setup)) //   /api/v1/setup
        .with_state(users)
}

/// An account.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User)]
struct UserView {
    id: UserId,
    #[schema(example = "ada@example.org")]
    email: String,
    /// Whether the account's owner has shown that the address is theirs.
    email_verified: bool,
    first_name: String,
    last_name: String,
    /// 1 administrator, 2 customer user, 3 crew.
    #[schema(schema_with = user_type_schema)]
    user_type: i64,
    /// Disabled accounts cannot sign in.
    is_active: bool,
    /// The main customer.
    #[schema(required)]
    customer_id: Option<CustomerId>,
    /// The default role arrives a moment after signing up.
    roles: Vec<HeldRoleView>,
    #[schema(required)]
    crew: Option<CrewView>,
    /// A free JSON object.
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    profile: Map<String, Value>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            email: user.email.to_string(),
            email_verified: user.email_verified_at.is_some(),
            first_name: user.first_name,
            last_name: user.last_name,
            user_type: user.user_type.number(),
            is_active: user.is_active,
            customer_id: user.customer_id,
            roles: user.roles.iter().map(HeldRoleView::from).collect(),
            crew: user.crew.map(CrewView::from),
            // Always an object; the domain keeps it as text.
            profile: serde_json::from_str(user.profile.as_str()).unwrap_or_default(),
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

fn versioned(user: User) -> Versioned<UserView> {
    Versioned { version: user.version, body: user.into() }
}

/// A role that an account holds.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HeldRole)]
struct HeldRoleView {
    role: String,
    /// The customer it is limited to; `null` when it is not.
    #[schema(required)]
    customer_id: Option<CustomerId>,
}

impl From<&Grant> for HeldRoleView {
    fn from(grant: &Grant) -> Self {
        Self { role: grant.role().to_string(), customer_id: grant.customer() }
    }
}

/// The own account.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Me)]
struct MeView {
    #[serde(flatten)]
    user: UserView,
    /// What all roles together permit, for programs to show only what can be done.
    permissions: Vec<HeldPermissionView>,
}

/// A permission, and how far it reaches.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HeldPermission)]
struct HeldPermissionView {
    /// `resource:action`; `*:*` is everything.
    #[schema(example = "events:update")]
    permission: String,
    everywhere: bool,
    /// The customers inside which it holds.
    customer_ids: Vec<CustomerId>,
    /// Whether it holds for what is the account's own.
    itself: bool,
}

impl From<(&str, Reach)> for HeldPermissionView {
    fn from((permission, reach): (&str, Reach)) -> Self {
        let Reach { everywhere, customers, itself } = reach;
        let customer_ids = customers.into_iter().map(CustomerId).collect();
        Self { permission: permission.to_owned(), everywhere, customer_ids, itself }
    }
}

/// What makes an account a crew member.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Crew)]
struct CrewView {
    category: String,
    /// In the order in which tariffs are looked for.
    skills: Vec<String>,
    #[schema(required)]
    phone: Option<String>,
    is_active: bool,
}

impl From<Crew> for CrewView {
    fn from(crew: Crew) -> Self {
        let Crew { category, skills, phone, is_active } = crew;
        Self { category, skills, phone, is_active }
    }
}

/// Whose account is to be made: what signing up and the first administrator have in common.
struct NewAccount<'a> {
    email: &'a str,
    password: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    customer_id: Option<CustomerId>,
    user_type: UserType,
}

impl NewAccount<'_> {
    fn parse(self) -> Result<(NewUser, Password), FieldErrors> {
        let mut errors = FieldErrors::new();
        let email = errors.check("email", Email::parse(self.email));
        let first_name = errors.check("firstName", parse_name(self.first_name));
        let last_name = errors.check("lastName", parse_name(self.last_name));
        let customer_id = errors.check_optional("customerId", self.customer_id.map(parse_customer));
        // What a password may be depends on the address; without one there is enough to put right already.
        let password = email.as_ref().map(|email| Password::parse(self.password, email));
        let password = password.and_then(|password| errors.check("password", password));
        let user_type = self.user_type;
        let all = email.zip(password).zip(first_name.zip(last_name)).zip(customer_id);
        errors.finish(all.map(|(((email, password), (first_name, last_name)), customer_id)| {
            (NewUser { email, first_name, last_name, user_type, customer_id }, password)
        }))
    }
}

/// The numbers that stand for user types.
fn user_type_schema() -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([1, 2, 3])).build()
}
