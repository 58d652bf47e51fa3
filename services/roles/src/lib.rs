//! Roles: named sets of permissions, those built in and those that administrators define.
//!
//! Owns the database `roles`; no other service reads it.
//! Publishes `RoleCreated`, `RoleUpdated`, `RoleDeleted`. Consumes `RoleAssigned`, `RoleRevoked`.
//! Invariants: a role's name is unique; it lists only permissions that exist; built-in roles never change;
//! a role that somebody holds cannot be deleted.
//! Who holds which role is kept by `users`, with the account.

mod app;
mod consumers;
mod domain;
mod error;
mod grpc;
mod http;
mod migrations;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use database::Database;
use policies::Policies;
use service_kit::{Context, Service, StartError};
use stdx::Clock;

pub use migrations::MIGRATIONS;

/// Builds the service.
pub fn start(ctx: &Context) -> Result<Service, StartError> {
    let policies = ctx.policies(
        include_str!("../policies/roles.cedarschema"),
        include_str!("../policies/roles.cedar"),
    )?;
    let database = ctx.database.clone();
    let roles = Arc::new(Roles { database, policies, clock: ctx.clock.clone() });
    Ok(Service::new("roles")
        .http(http::router(roles.clone()))
        .grpc(grpc::routes(roles.clone()))
        .consumer("roles.count_holder", &roles, consumers::count_holder)
        .consumer("roles.discount_holder", &roles, consumers::discount_holder)
        .prepare(app::seed_built_in_roles(roles)))
}

/// What every request needs. Shared by all of them; holds nothing of any one.
struct Roles {
    database: Database,
    policies: Policies,
    clock: Clock,
}
