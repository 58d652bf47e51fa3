//! The core server as its clients see it: the official client library, and bytes on a socket where a library would
//! behave too well.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod differential;
mod encryption;
mod library;
mod limits;
mod parsing;
mod permissions;
mod raw;
mod routing;
mod support;
