//! The audit log: who did what to what, when, from where, and how it ended.
//!
//! Owns the database `audit`; no other service reads it.
//! Publishes `AuditRecorded` of its own exports. Consumes `AuditRecorded` of every service.
//! Invariants: an entry is there once, however often its message comes; nobody changes or deletes one; it goes
//! by itself when its time is over.
//! What belongs into the log, and in which words, is decided by the service where it happens.

mod app;
mod consumers;
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
use jiff::SignedDuration;
use policies::Policies;
use serde::Deserialize;
use service_kit::{Context, Service, StartError};
use stdx::Clock;

pub use migrations::MIGRATIONS;

/// Builds the service.
pub fn start(ctx: &Context) -> Result<Service, StartError> {
    let policies = ctx.policies(
        include_str!("../policies/audit.cedarschema"),
        include_str!("../policies/audit.cedar"),
    )?;
    let retention = retention(ctx)?;
    let (database, clock) = (ctx.database.clone(), ctx.clock.clone());
    let audit = Arc::new(Audit { database, policies, clock, retention });
    Ok(Service::new("audit")
        .http(http::router(audit.clone()))
        .consumer("audit.record", &audit, consumers::record)
        .job("audit.sweep", jobs::sweep_forever(audit)))
}

/// The section `[audit]` of the configuration.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// How long an entry is kept, days.
    retention_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { retention_days: 400 }
    }
}

/// Longer than anybody has to keep such a log.
const RETENTION_DAYS_MAX: u32 = 36_500;

fn retention(ctx: &Context) -> Result<SignedDuration, StartError> {
    let Settings { retention_days } = ctx.settings()?;
    if !(1..=RETENTION_DAYS_MAX).contains(&retention_days) {
        let reason = format!("retention_days must be 1 to {RETENTION_DAYS_MAX}");
        return Err(StartError::Settings { service: ctx.service.to_owned(), reason });
    }
    Ok(SignedDuration::from_hours(24 * i64::from(retention_days)))
}

/// What every request needs. Shared by all of them; holds nothing of any one.
struct Audit {
    database: Database,
    policies: Policies,
    clock: Clock,
    retention: SignedDuration,
}
