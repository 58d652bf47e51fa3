//! What can be set, and the limits.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::protocol::PAYLOAD_BYTES_MAX;

/// How a server behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// What it calls itself in INFO.
    pub server_name: String,
    /// The largest publication, header and body, bytes.
    pub max_payload: usize,
    /// More clients are turned away.
    pub max_connections: usize,
    /// More subscriptions of one client are refused.
    pub max_subscriptions_per_connection: usize,
    /// A client that lets more than this wait for it is a slow consumer and disconnected, bytes.
    /// Larger than `max_payload`, or nobody can receive the largest publication.
    pub pending_bytes_max: usize,
    /// A client that takes nothing for so long is disconnected.
    pub write_deadline: Duration,
    /// A client that is silent for so long is asked whether it is still there.
    pub ping_interval: Duration,
    /// With so many questions unanswered it is disconnected.
    pub pings_out_max: u32,
    /// How long a client may take to say who it is, and the authenticator to find out.
    pub auth_timeout: Duration,
    /// Whether INFO says that there are streams.
    pub jetstream: bool,
    /// Encrypts every connection, right after INFO, which says so in the clear. `None` for none.
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            server_name: "backline".into(),
            max_payload: PAYLOAD_BYTES_MAX,
            max_connections: 64 * 1024,
            max_subscriptions_per_connection: 100_000,
            pending_bytes_max: 8 * 1024 * 1024,
            write_deadline: Duration::from_secs(10),
            ping_interval: Duration::from_secs(120),
            pings_out_max: 2,
            auth_timeout: Duration::from_secs(2),
            jetstream: true,
            tls: None,
        }
    }
}
