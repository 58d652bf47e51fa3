//! Events, and the tickets sold for them.
//!
//! Owns the database `events`; no other service reads it.
//! Publishes `EventCreated`, `EventUpdated`, `EventDeleted`, `OrderPlaced`, `TicketIssued`, `TicketCancelled`,
//! `TicketCheckedIn`. Consumes `CustomerDeleted`, `UserDeleted`.
//! Invariants: for every event, seats left + tickets not cancelled = seats, and seats left is never negative;
//! an order is sold whole or not at all; a ticket is checked in at most once.
//! Who the organiser is, is asked of `customers`. Payments are not known here.

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

use database::Database;
use policies::Policies;
use service_kit::{Context, Service, StartError};
use stdx::Clock;

use crate::app::order_desk::{self, Clerk, OrderDesk};

pub use migrations::MIGRATIONS;

/// Builds the service.
pub fn start(ctx: &Context) -> Result<Service, StartError> {
    let (events, clerk) = Events::new(ctx)?;
    let (completing, sweeping) = (events.clone(), ctx.database.clone());
    Ok(Service::new("events")
        .http(http::router(events.clone()))
        .grpc(grpc::routes(events.clone()))
        .consumer("events.cancel_events_of_deleted_customer", &events, consumers::cancel_events)
        .consumer("events.forget_deleted_user", &events, consumers::forget_user)
        .job("order_desk", |stopping| clerk.serve_until(stopping))
        .job("complete_past_events", |stopping| jobs::complete_past_events(completing, stopping))
        .job("sweep_idempotency_keys", |stopping| {
            database::idempotency::sweep_forever(sweeping, stopping)
        }))
}

/// What every request needs. Shared by all of them; holds nothing of any one.
struct Events {
    context: Context,
    database: Database,
    policies: Policies,
    clock: Clock,
    order_desk: OrderDesk,
}

impl Events {
    /// The state, and the clerk who serves its order desk once somebody runs it.
    fn new(ctx: &Context) -> Result<(Arc<Self>, Clerk), StartError> {
        let policies = ctx.policies(
            include_str!("../policies/events.cedarschema"),
            include_str!("../policies/events.cedar"),
        )?;
        let (order_desk, clerk) = order_desk::open(&ctx.database);
        let events = Self {
            context: ctx.clone(),
            database: ctx.database.clone(),
            policies,
            clock: ctx.clock.clone(),
            order_desk,
        };
        Ok((Arc::new(events), clerk))
    }
}
