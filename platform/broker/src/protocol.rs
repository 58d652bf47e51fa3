//! The NATS client protocol: bytes of a connection to operations, and operations to bytes.
//!
//! [`Parser`] reads what clients send, the functions of [`write`] produce what the server sends, [`Headers`] reads and
//! builds header blocks. Promises: no input panics, nothing is allocated because a client announced it, and a stream
//! parses the same however the network cut it. Knows nothing of connections, subscriptions or permissions.

mod connect;
mod error;
mod headers;
mod parse;
pub mod write;

pub use connect::Connect;
pub use error::ProtocolError;
pub use headers::{Headers, HeadersError};
pub use parse::{ClientOperation, Limits, Parser, Subscribe, Unsubscribe};

/// The longest argument of an operation, bytes: what stands between the verb and the end of the line.
pub const CONTROL_LINE_BYTES_MAX: usize = 4096;

/// The largest header and body of a publication together, bytes, if nothing else is set.
pub const PAYLOAD_BYTES_MAX: usize = 1024 * 1024;

/// The version of the protocol that we announce and understand.
pub const PROTOCOL_VERSION: i64 = 1;
