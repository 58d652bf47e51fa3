//! The server's numbers for the monitoring.

use metrics::{Counter, Gauge};

/// Looked up once: finding a counter by its name for each message would cost more than the message.
#[derive(Clone)]
pub(super) struct Counters {
    pub connections: Gauge,
    pub connections_total: Counter,
    pub slow_consumers: Counter,
    pub messages_in: Counter,
    pub bytes_in: Counter,
    pub messages_out: Counter,
    pub bytes_out: Counter,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            connections: metrics::gauge!("backline_broker_connections"),
            connections_total: metrics::counter!("backline_broker_connections_total"),
            slow_consumers: metrics::counter!("backline_broker_slow_consumers_total"),
            messages_in: metrics::counter!("backline_broker_messages_in_total"),
            bytes_in: metrics::counter!("backline_broker_bytes_in_total"),
            messages_out: metrics::counter!("backline_broker_messages_out_total"),
            bytes_out: metrics::counter!("backline_broker_bytes_out_total"),
        }
    }
}
