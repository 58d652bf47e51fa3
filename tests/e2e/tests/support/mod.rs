//! Starts the real program, in one process or split, and talks to it as the world does.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod client;
pub mod cluster;

use std::future::Future;
use std::time::Duration;

#[allow(unused_imports, reason = "each test binary uses a part of it")]
pub use client::Client;
pub use cluster::{Cluster, Topology};

/// Longer than anything that is promised "in a moment" may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `check` gives something; the time it took.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, check: impl Fn() -> F) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Runs a story on one process with SQLite, and on a process for each service with PostgreSQL and NATS.
#[macro_export]
macro_rules! stories {
    ($($story:ident),* $(,)?) => {
        mod one_process {
            use super::support::{Cluster, Topology};
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                let cluster = Cluster::start(Topology::OneProcess).await;
                super::$story(&cluster).await;
                cluster.stop().await;
            })*
        }
        mod split {
            use super::support::{Cluster, Topology};
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                let cluster = Cluster::start(Topology::Split).await;
                super::$story(&cluster).await;
                cluster.stop().await;
            })*
        }
    };
}
