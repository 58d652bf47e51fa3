//! Customers: the organisers that put on events, and the crew companies that staff them.
//!
//! Owns the database `customers`; no other service reads it.
//! Publishes `CustomerCreated`, `CustomerUpdated`, `CustomerDeleted`. Consumes `UserDeleted`.
//! Invariants: an organisation number belongs to one customer however it is typed; a customer's type never
//! changes; nobody founds more than `FOUNDED_MAX` customers.
//! Who works for a customer, and as what, is kept by `users`, with the account.

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
use serde::Deserialize;
use service_kit::{Context, Service, StartError};
use stdx::Clock;

pub use migrations::MIGRATIONS;

/// Builds the service.
pub fn start(ctx: &Context) -> Result<Service, StartError> {
    let policies = ctx.policies(
        include_str!("../policies/customers.cedarschema"),
        include_str!("../policies/customers.cedar"),
    )?;
    let settings: Settings = ctx.settings()?;
    let (database, clock, ctx) = (ctx.database.clone(), ctx.clock.clone(), ctx.clone());
    let members_may_found = settings.members_may_found;
    let customers = Arc::new(Customers { database, policies, clock, members_may_found, ctx });
    Ok(Service::new("customers")
        .http(http::router(customers.clone()))
        .grpc(grpc::routes(customers.clone()))
        .consumer("customers.forget_deleted_user", &customers, consumers::forget_deleted_user))
}

/// The section `[customers]` of the configuration.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Whether everybody with an account may found a customer and run it.
    members_may_found: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { members_may_found: true }
    }
}

/// What every request needs. Shared by all of them; holds nothing of any one.
struct Customers {
    database: Database,
    policies: Policies,
    clock: Clock,
    members_may_found: bool,
    /// The way to `users`.
    ctx: Context,
}
