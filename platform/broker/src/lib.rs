//! The embedded message broker: speaks the NATS client protocol and the durable part of JetStream, so that every
//! service and any outside program uses an official NATS client.
//!
//! From the wire inwards: [`protocol`] reads and writes bytes, the server in [`server`] keeps connections and their
//! subscriptions; the streams of [`jetstream`] keep what is published below their subjects in a [`log`] on disk, and
//! their consumers remember what has been delivered and acknowledged. [`Broker`] is all of it together. Promise: an
//! acknowledged publication is on disk.

mod broker;
pub mod jetstream;
pub mod log;
pub mod message;
pub mod protocol;
pub mod server;
pub mod subject;

pub use broker::{Broker, BrokerSettings, StartError};
pub use message::Message;
