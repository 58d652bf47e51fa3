//! Small gaps of the standard library that every crate would otherwise fill for itself.
//!
//! Owns nothing, knows no business word, does no I/O.

pub mod backoff;
pub mod clock;
pub mod money;
pub mod secret;
pub mod text;

pub use clock::Clock;
pub use jiff::Timestamp;
pub use money::Money;
