//! Streams and consumers as clients see them: the official client library, and the same requests to nats-server.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod backup;
mod cluster;
mod consumers;
mod crash;
mod dead;
mod differential;
mod disk;
mod expiring;
mod metrics;
mod nonsense;
mod ordered;
mod permissions;
mod publishing;
mod pulling;
mod pushing;
mod reading;
mod restart;
mod support;
mod throughput;
