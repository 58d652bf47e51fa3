//! Figures of the real program, each beside its limit or a peer measured in the same run.
//!
//! Absolute figures move with the machine, so what counts is the ratio. The program runs in a process of its own, on a
//! fresh data folder, and is asked over HTTP; the load comes from this process, on the same cores. No figure is
//! asserted: a benchmark that fails on a busy machine teaches nothing. That nothing was oversold, is.

pub mod authorization_server;
pub mod bare;
pub mod doors;
pub mod gateway;
pub mod http_load;
pub mod idle;
pub mod messages;
pub mod orders;
pub mod orders_postgres;
pub mod plain_store;
pub mod process;
pub mod report;
pub mod sign_ins;
pub mod stage;

use std::path::PathBuf;
use std::time::Duration;

/// What went wrong, as text for the person at the terminal.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
/// Of everything here.
pub type Result<T> = std::result::Result<T, Error>;

/// How much is measured, and with which program.
#[derive(Clone, Debug)]
pub struct Plan {
    /// This crate's executable: it is also the program that is measured (see [`process`]).
    pub executable: PathBuf,
    /// Not counted: connections, caches and pages come to life.
    pub warm_up: Duration,
    /// Counted.
    pub measured: Duration,
    /// Check-ins, each of another ticket.
    pub check_ins: usize,
    /// Starts whose median counts.
    pub starts: usize,
    /// How long a process is left alone before its memory is looked at.
    pub settle: Duration,
}

impl Plan {
    /// What is worth reading: about two minutes.
    pub fn full(executable: PathBuf) -> Self {
        Self {
            executable,
            warm_up: Duration::from_secs(1),
            measured: Duration::from_secs(5),
            check_ins: 20_000,
            starts: 5,
            settle: Duration::from_secs(2),
        }
    }

    /// Only to see that everything runs.
    pub fn quick(executable: PathBuf) -> Self {
        Self {
            executable,
            warm_up: Duration::from_millis(50),
            measured: Duration::from_millis(200),
            check_ins: 40,
            starts: 1,
            settle: Duration::from_millis(50),
        }
    }
}
