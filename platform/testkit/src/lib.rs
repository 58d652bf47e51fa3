//! Starts one service for a test, in one line: with a database, messages and tokens of its own.
//!
//! `TestNode::of("roles", roles::start, roles::MIGRATIONS).await` serves the real router behind the real
//! token verification, on SQLite in a temporary folder; [`TestNodeBuilder::on`] chooses PostgreSQL.
//! Messages are recorded and also delivered to the service's own consumers. Calls to other services reach
//! what the test puts there with [`TestNodeBuilder::stub`].
//! A failed expectation panics: this crate is for tests only.

#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "a test fails by panicking")]

mod answer;
mod authenticator;
mod engines;
mod node;
pub mod postgres;
mod proxy;
mod recorder;

use std::future::Future;
use std::time::Duration;

pub use answer::Answer;
pub use authenticator::{Answering, Authenticator};
pub use engines::{EngineKind, TestBroker, remove_from_rabbitmq};
pub use node::{Backend, Caller, TestNode, TestNodeBuilder};
pub use proxy::TcpProxy;
pub use recorder::Recorder;

/// How long [`eventually`] waits: longer than a broker waits for an acknowledgement.
const PATIENCE: Duration = Duration::from_secs(30);

/// Now, for tests outside a [`TestNode`].
pub fn now() -> stdx::Timestamp {
    stdx::Clock::system().now()
}

/// Where the tests' Redis is: `BACKLINE_TEST_REDIS`, or a server on this machine.
pub fn redis_server() -> String {
    server("BACKLINE_TEST_REDIS", "redis://127.0.0.1:6379")
}

/// Where the tests' NATS is: `BACKLINE_TEST_NATS`, or a server on this machine.
pub fn nats_server() -> String {
    server("BACKLINE_TEST_NATS", "nats://127.0.0.1:4222")
}

/// Where the tests' RabbitMQ is: `BACKLINE_TEST_RABBITMQ`, or a server on this machine.
pub fn rabbitmq_server() -> String {
    server("BACKLINE_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672/%2f")
}

fn server(variable: &str, default: &str) -> String {
    #[allow(
        clippy::disallowed_methods,
        reason = "tests are told where their servers are by environment"
    )]
    std::env::var(variable).unwrap_or_else(|_| default.to_owned())
}

/// A mailer whose letters nobody reads, for tests outside a [`TestNode`].
pub fn mailer() -> mail::Mailer {
    mail::Mailer::memory(&mail::Memory::default())
}

/// Waits until `check` gives something; fails when it does not in half a minute.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, check: impl Fn() -> F) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
