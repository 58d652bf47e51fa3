//! The program: one binary that runs every service, or some of them.
//!
//! [`services::TABLE`] says what there is and who may call whom; [`node`] starts and stops it; [`config`] reads
//! the settings; [`cli`] is what people type. The business is in `services/`, what it stands on in `platform/`.

mod at_broker;
mod broker;
pub mod cli;
pub mod config;
mod demo;
mod engines;
mod inboxes;
mod listening;
mod master_key;
mod node;
mod openapi;
pub mod services;
mod tail;
mod telemetry;

/// An error as the person at the terminal reads it.
fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
