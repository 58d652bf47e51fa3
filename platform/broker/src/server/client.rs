//! A connected client as the rest of the server sees it: its outbox, its options, its numbers, its subscriptions.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;

use super::outbox::{Outbox, Pushed, Urgency};
use super::router::Subscription;
use crate::Message;
use crate::protocol::Connect;
use crate::protocol::write::write_message;

/// The version of the protocol since which a client expects INFO at any time.
const LATER_INFOS_SINCE: i64 = 1;

/// The server's number of a connection, never used again while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub u64);

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A connection, for people who look at the server.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The server's number of it.
    pub id: ClientId,
    /// Where it comes from.
    pub address: SocketAddr,
    /// What the client calls it; empty if it has not said.
    pub name: String,
    /// Whom the authenticator took it for; empty before.
    pub user: String,
    /// Published by the client.
    pub messages_in: u64,
    /// Published by the client, header and body.
    pub bytes_in: u64,
    /// Sent to the client, or on their way.
    pub messages_out: u64,
    /// Sent to the client or on their way, header and body.
    pub bytes_out: u64,
    /// How many subscriptions it has now.
    pub subscriptions: usize,
    /// What the operating system has not yet taken, bytes.
    pub pending_bytes: usize,
}

pub(super) struct Client {
    pub id: ClientId,
    pub address: SocketAddr,
    pub outbox: Outbox,
    pub options: Options,
    pub traffic: Traffic,
    /// By the client's own number of them.
    pub subscriptions: Mutex<HashMap<Bytes, Arc<Subscription>>>,
    names: Mutex<Names>,
}

/// What CONNECT says and others than the session must know.
pub(super) struct Options {
    echo: AtomicBool,
    headers: AtomicBool,
    later_infos: AtomicBool,
}

#[derive(Default)]
pub(super) struct Traffic {
    messages_in: AtomicU64,
    bytes_in: AtomicU64,
    messages_out: AtomicU64,
    bytes_out: AtomicU64,
}

#[derive(Default)]
struct Names {
    name: String,
    user: String,
}

impl Client {
    pub fn new(id: ClientId, address: SocketAddr, pending_bytes_max: usize) -> Self {
        Self {
            id,
            address,
            outbox: Outbox::new(pending_bytes_max),
            options: Options::default(),
            traffic: Traffic::default(),
            subscriptions: Mutex::default(),
            names: Mutex::default(),
        }
    }

    /// Sends a message to one of its subscriptions.
    pub fn send(&self, sid: &[u8], message: &Message, urgency: Urgency) -> Pushed {
        let with_headers = self.options.headers();
        let write = |buffer: &mut BytesMut| write_message(buffer, sid, message, with_headers);
        let pushed = self.outbox.push_with(urgency, write);
        if pushed != Pushed::Refused {
            self.traffic.count_out(message.size());
        }
        pushed
    }

    pub fn set_user(&self, user: &str) {
        self.names.lock().user = user.to_owned();
    }

    pub fn set_name(&self, name: &str) {
        self.names.lock().name = name.to_owned();
    }

    pub fn view(&self) -> Connection {
        let names = self.names.lock();
        Connection {
            id: self.id,
            address: self.address,
            name: names.name.clone(),
            user: names.user.clone(),
            messages_in: self.traffic.messages_in.load(Ordering::Relaxed),
            bytes_in: self.traffic.bytes_in.load(Ordering::Relaxed),
            messages_out: self.traffic.messages_out.load(Ordering::Relaxed),
            bytes_out: self.traffic.bytes_out.load(Ordering::Relaxed),
            subscriptions: self.subscriptions.lock().len(),
            pending_bytes: self.outbox.pending_bytes(),
        }
    }
}

impl Default for Options {
    /// What the original takes for granted of a client that sends no CONNECT.
    fn default() -> Self {
        Self { echo: true.into(), headers: false.into(), later_infos: false.into() }
    }
}

impl Options {
    pub fn apply(&self, connect: &Connect) {
        if let Some(echo) = connect.echo {
            self.echo.store(echo, Ordering::Relaxed);
        }
        if let Some(headers) = connect.headers {
            self.headers.store(headers, Ordering::Relaxed);
        }
        if let Some(protocol) = connect.protocol {
            self.later_infos.store(protocol >= LATER_INFOS_SINCE, Ordering::Relaxed);
        }
    }

    /// Whether the client receives what it publishes itself.
    pub fn echo(&self) -> bool {
        self.echo.load(Ordering::Relaxed)
    }

    /// Whether the client expects INFO after the first one too.
    pub fn later_infos(&self) -> bool {
        self.later_infos.load(Ordering::Relaxed)
    }

    /// Whether the client understands HMSG.
    pub fn headers(&self) -> bool {
        self.headers.load(Ordering::Relaxed)
    }
}

impl Traffic {
    pub fn count_in(&self, bytes: usize) {
        self.messages_in.fetch_add(1, Ordering::Relaxed);
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn count_out(&self, bytes: usize) {
        self.messages_out.fetch_add(1, Ordering::Relaxed);
        self.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Messages and bytes from the client.
    pub fn incoming(&self) -> (u64, u64) {
        (self.messages_in.load(Ordering::Relaxed), self.bytes_in.load(Ordering::Relaxed))
    }

    /// Messages and bytes to the client.
    pub fn outgoing(&self) -> (u64, u64) {
        (self.messages_out.load(Ordering::Relaxed), self.bytes_out.load(Ordering::Relaxed))
    }
}
