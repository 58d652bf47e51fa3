//! Users: accounts, their passwords, the roles they hold, crew data, and the first administrator.
//!
//! Owns the database `users`; no other service reads it.
//! Publishes `UserCreated`, `UserUpdated`, `UserDeleted`, `CrewCreated`, `CrewUpdated`, `RoleAssigned`,
//! `RoleRevoked`, `UserPasswordChanged`. Consumes `UserCreated`, `CustomerCreated`, `CustomerDeleted`, `RoleDeleted`.
//! Invariants: an e-mail address has one account; a role is held once in each place; nobody gives what they
//! do not hold themselves; once there is an administrator there always is one; a link and a code are good
//! once; a letter is sent if and only if the change it tells of was made.
//! What a role permits is kept by `roles`, sessions and tokens by `tokens`.

mod app;
mod consumers;
mod domain;
mod error;
mod grpc;
mod http;
mod jobs;
mod migrations;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use contracts::permissions::MEMBER;
use database::Database;
use policies::Policies;
use serde::Deserialize;
use service_kit::{Context, Service, StartError};
use stdx::Clock;
use tokio::sync::Notify;

pub use app::{create_user, has_accounts, import_user};
pub use error::CreateUserError;
pub use migrations::MIGRATIONS;

use app::{Guard, Passwords, WebAuthn};
use domain::RoleName;

/// Builds the service.
pub fn start(ctx: &Context) -> Result<Service, StartError> {
    Ok(service(Users::new(ctx, Passwords::for_this_machine())?))
}

fn service(users: Users) -> Service {
    let users = Arc::new(users);
    Service::new("users")
        .http(http::router(users.clone()))
        .grpc(grpc::routes(users.clone()))
        .consumer("users.provision_default_role", &users, consumers::provision_default_role)
        .consumer("users.grant_founder_role", &users, consumers::grant_founder_role)
        .consumer(
            "users.revoke_roles_of_deleted_role",
            &users,
            consumers::revoke_roles_of_deleted_role,
        )
        .consumer(
            "users.revoke_roles_of_deleted_customer",
            &users,
            consumers::revoke_roles_of_deleted_customer,
        )
        .job("users.letters", jobs::send_letters_forever(users.clone()))
        .job("users.sweep", jobs::sweep_forever(users.clone()))
        .prepare(app::seal_secrets(users.clone()))
        .prepare(app::offer_setup(users))
}

/// The section `[users]` of the configuration.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// What every new account is given.
    default_role: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { default_role: MEMBER.to_owned() }
    }
}

/// What every request needs. Shared by all of them; holds nothing of any one.
struct Users {
    database: Database,
    policies: Policies,
    clock: Clock,
    passwords: Passwords,
    guard: Guard,
    /// Nothing where the installation's address cannot have passkeys.
    webauthn: Option<WebAuthn>,
    /// Wakes the job that sends letters.
    letters_waiting: Notify,
    default_role: RoleName,
    /// The way to `roles`, the way out for letters, and where the world reaches this installation.
    ctx: Context,
}

impl Users {
    fn new(ctx: &Context, passwords: Passwords) -> Result<Self, StartError> {
        let policies = ctx.policies(
            include_str!("../policies/users.cedarschema"),
            include_str!("../policies/users.cedar"),
        )?;
        let settings: Settings = ctx.settings()?;
        let default_role =
            RoleName::parse(&settings.default_role).map_err(|reason| StartError::Settings {
                service: ctx.service.to_owned(),
                reason: format!("default_role {reason}"),
            })?;
        let webauthn = WebAuthn::at(&ctx.public_url).map_err(|error| StartError::Settings {
            service: ctx.service.to_owned(),
            reason: format!("the public address cannot have passkeys: {error}"),
        })?;
        let (database, clock, ctx) = (ctx.database.clone(), ctx.clock.clone(), ctx.clone());
        let (guard, letters_waiting) = (Guard::default(), Notify::new());
        Ok(Self {
            database,
            policies,
            clock,
            passwords,
            guard,
            webauthn,
            letters_waiting,
            default_role,
            ctx,
        })
    }
}
