//! Tests of the whole gateway: the real router before services that tell what reached them, in this process
//! and over the network.

mod domain;
mod grpc;
mod hardening;
mod identity;
mod limits;
mod pages;
mod possession;
mod routes;
mod sessions;
mod setup;
mod targets;
mod telemetry;

use setup::{Topology, World, request};

/// Runs the same test with the services in this process and with the services over the network.
macro_rules! on_both_targets {
    ($($name:ident),+ $(,)?) => {
        mod in_one_process {
            $(#[tokio::test] async fn $name() { super::$name(super::Topology::OneProcess).await; })+
        }
        mod over_the_network {
            $(#[tokio::test] async fn $name() { super::$name(super::Topology::Network).await; })+
        }
    };
}
use on_both_targets;
