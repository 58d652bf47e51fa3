//! How the messages between services stand: what waits, how that was lately, and what was given up.
//!
//! Owns the database `messaging`, in which it keeps what its samples found; no other service reads it. Every inbox
//! and outbox stays with its service: this one asks over gRPC (`backline.messages.v1`), as nobody else may.
//! What programs outside gave up is at the broker, and asked for there. Publishes what is done about that, for the audit
//! log; consumes nothing. Invariants: a service that is away is named and hides nothing of the others; whoever replays or
//! drops has been authorized here, and is on record: with the service whose dead letters those were, or here.

mod app;
mod domain;
mod error;
mod http;
mod jobs;
mod migrations;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use database::Database;
use messages::Engine;
use policies::Policies;
use service_kit::{Calls, Context, Service, StartError};
use stdx::Clock;

pub use migrations::MIGRATIONS;

/// Builds the service.
pub fn start(ctx: &Context) -> Result<Service, StartError> {
    let policies = ctx.policies(
        include_str!("../policies/messaging.cedarschema"),
        include_str!("../policies/messaging.cedar"),
    )?;
    let messaging = Arc::new(Messaging {
        database: ctx.database.clone(),
        policies,
        clock: ctx.clock.clone(),
        calls: ctx.calls.clone(),
        engine: ctx.messages.clone(),
    });
    Ok(Service::new("messaging")
        .http(http::router(messaging.clone()))
        .job("messaging.sample", jobs::sample_forever(messaging)))
}

/// What every request needs. Shared by all of them; holds nothing of any one.
struct Messaging {
    database: Database,
    policies: Policies,
    clock: Clock,
    calls: Calls,
    engine: Arc<dyn Engine>,
}
