//! Where consumers take messages from and hand them to.

use crate::log::Log;
use crate::server::Router;

/// What handing out needs to know.
pub struct Outlet<'a> {
    /// The stream's name.
    pub stream: &'a str,
    /// Its messages.
    pub log: &'a Log,
    /// The way to the receivers.
    pub router: &'a Router,
    /// The highest sequence that can be read.
    pub readable: u64,
    /// Now.
    pub now_ns: i64,
}

impl<'a> Outlet<'a> {
    /// As it is now.
    pub fn new(stream: &'a str, log: &'a Log, router: &'a Router, now_ns: i64) -> Self {
        Self { stream, log, router, readable: log.state().last_seq, now_ns }
    }
}
