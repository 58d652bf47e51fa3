//! What waits to be sent to one client: bounded in bytes, filled by anybody, emptied by the connection's writer.
//!
//! Filling never waits. A client that lets more pile up than allowed is a slow consumer: what it has not been sent is
//! thrown away, it is told, and the outbox closes. So one client costs bounded memory and holds nobody up.

use std::sync::Weak;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use parking_lot::Mutex;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::protocol::write::ServerOperation;

/// A buffer that grew beyond this in a rush is not kept for the next one.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// How long a publisher that is much faster than a receiver is kept from reading on, once for what it sent together.
const STALL_MAX: Duration = Duration::from_millis(2);

/// Bytes on their way to a client.
#[derive(Debug)]
pub(super) struct Outbox {
    state: Mutex<State>,
    pending_bytes_max: usize,
    /// The writer has something to do.
    filled: Notify,
    /// The writer has done something.
    emptied: Notify,
    closed: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    buffer: BytesMut,
    /// Taken by the writer and not yet with the operating system.
    writing_bytes: usize,
    /// Gone when the connection is encrypted, or at its end.
    socket: Weak<OwnedWriteHalf>,
    is_closed: bool,
    is_slow: bool,
}

/// How bytes get to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// By the connection's writer, with all that has gathered until it comes.
    Together,
    /// By whoever has them, if nothing else waits and the operating system takes them.
    AtOnce,
}

/// What became of bytes for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// They will be sent.
    Accepted,
    /// They will be sent, but more than half of what may wait is waiting.
    Congested,
    /// They will not be sent.
    Refused,
}

impl State {
    fn pending_bytes(&self) -> usize {
        self.buffer.len() + self.writing_bytes
    }

    /// Whether everything is with the operating system now. What it does not take, and a connection that has ended,
    /// are left to the writer.
    fn send_at_once(&mut self) -> bool {
        let Some(socket) = self.socket.upgrade().filter(|_| self.writing_bytes == 0) else {
            return false;
        };
        let written = socket.try_write(&self.buffer).unwrap_or(0);
        self.buffer.advance(written);
        self.buffer.is_empty()
    }
}

impl Outbox {
    /// An empty one.
    pub fn new(pending_bytes_max: usize) -> Self {
        Self {
            state: Mutex::default(),
            pending_bytes_max,
            filled: Notify::new(),
            emptied: Notify::new(),
            closed: CancellationToken::new(),
        }
    }

    /// Lets bytes be given to the operating system by others than the writer, as long as the socket is there.
    pub fn set_socket(&self, socket: Weak<OwnedWriteHalf>) {
        self.state.lock().socket = socket;
    }

    /// Appends what `write` writes.
    pub fn push(&self, write: impl FnOnce(&mut BytesMut)) -> Pushed {
        self.push_with(Urgency::Together, write)
    }

    /// Appends what `write` writes, and sends it if that is urgent.
    pub fn push_with(&self, urgency: Urgency, write: impl FnOnce(&mut BytesMut)) -> Pushed {
        let mut state = self.state.lock();
        if state.is_closed {
            return Pushed::Refused;
        }
        // If there was something already, the writer has been told and has not come yet.
        let is_first = state.buffer.is_empty();
        write(&mut state.buffer);
        let pending_bytes = state.pending_bytes();
        if pending_bytes > self.pending_bytes_max {
            state.is_slow = true;
            state.buffer = BytesMut::new();
            self.close_locked(&mut state, Some("Slow Consumer"));
            return Pushed::Refused;
        }
        let is_sent = urgency == Urgency::AtOnce && is_first && state.send_at_once();
        drop(state);
        if is_first && !is_sent {
            self.filled.notify_one();
        }
        let is_congested = pending_bytes > self.pending_bytes_max / 2;
        if is_congested { Pushed::Congested } else { Pushed::Accepted }
    }

    /// Appends an operation.
    pub fn say(&self, operation: ServerOperation<'_>) {
        self.push(|buffer| operation.write(buffer));
    }

    /// Accepts nothing more; what is there, and the error if there is one, is still sent.
    pub fn close(&self, error: Option<&str>) {
        self.close_locked(&mut self.state.lock(), error);
    }

    fn close_locked(&self, state: &mut State, error: Option<&str>) {
        if state.is_closed {
            return;
        }
        state.is_closed = true;
        if let Some(text) = error {
            ServerOperation::Error(text).write(&mut state.buffer);
        }
        self.closed.cancel();
        self.filled.notify_one();
    }

    /// Throws away what has not been sent: the client cannot be reached, or takes nothing (`is_slow`).
    pub fn abandon(&self, is_slow: bool) {
        let mut state = self.state.lock();
        state.is_slow |= is_slow;
        state.buffer = BytesMut::new();
        self.close_locked(&mut state, None);
    }

    /// Waits until nothing more is accepted.
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// For the writer: waits for bytes and takes all there are; `None` when closed and empty.
    /// `spare` is the buffer taken before, which has been written.
    pub async fn take(&self, spare: BytesMut) -> Option<BytesMut> {
        let mut spare = self.give_back(spare);
        loop {
            if let Some(taken) = self.try_take(&mut spare) {
                return taken;
            }
            self.filled.notified().await;
        }
    }

    /// `Some(None)` is the end.
    fn try_take(&self, spare: &mut BytesMut) -> Option<Option<BytesMut>> {
        let mut state = self.state.lock();
        if state.buffer.is_empty() {
            return state.is_closed.then_some(None);
        }
        let taken = std::mem::replace(&mut state.buffer, std::mem::take(spare));
        state.writing_bytes = taken.len();
        Some(Some(taken))
    }

    fn give_back(&self, mut spare: BytesMut) -> BytesMut {
        self.state.lock().writing_bytes = 0;
        self.emptied.notify_waiters();
        spare.clear();
        if spare.capacity() > KEPT_BYTES_MAX { BytesMut::new() } else { spare }
    }

    /// What has not yet been given to the operating system, bytes.
    pub fn pending_bytes(&self) -> usize {
        self.state.lock().pending_bytes()
    }

    /// Whether it was closed because the client did not read.
    pub fn is_slow(&self) -> bool {
        self.state.lock().is_slow
    }

    /// Whether more than half of what is allowed is waiting.
    fn is_congested(&self) -> bool {
        let state = self.state.lock();
        !state.is_closed && state.pending_bytes() > self.pending_bytes_max / 2
    }

    /// Waits a moment for the writer to get on. Only slows down a publisher that is faster than the receiver's
    /// connection; a receiver that does not read at all soon is over its limit and gone.
    pub async fn relieve(&self) {
        let emptied = self.emptied.notified();
        if self.is_congested() {
            let _ = tokio::time::timeout(STALL_MAX, emptied).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    const LIMIT: usize = 64 << 20;

    /// An outbox without a writer, and the client's end of its connection.
    async fn connected() -> (Outbox, Arc<OwnedWriteHalf>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (_, socket) = listener.accept().await.unwrap().0.into_split();
        socket.writable().await.unwrap();
        let (outbox, socket) = (Outbox::new(LIMIT), Arc::new(socket));
        outbox.set_socket(Arc::downgrade(&socket));
        (outbox, socket, client)
    }

    #[tokio::test]
    async fn what_is_urgent_is_sent_without_the_writer() {
        let (outbox, _socket, mut client) = connected().await;
        for _ in 0..3 {
            outbox.push_with(Urgency::AtOnce, |buffer| buffer.extend_from_slice(b"PONG"));
            assert_eq!(outbox.pending_bytes(), 0);
        }
        let mut received = [0; 12];
        client.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"PONGPONGPONG");
    }

    #[tokio::test]
    async fn without_a_connection_it_waits_for_the_writer() {
        let (outbox, socket, _client) = connected().await;
        drop(socket);
        outbox.push_with(Urgency::AtOnce, |buffer| buffer.extend_from_slice(b"PONG"));
        assert_eq!(outbox.pending_bytes(), 4);
    }

    #[tokio::test]
    async fn nothing_overtakes_what_waits_or_is_being_written() {
        let (outbox, _socket, _client) = connected().await;
        outbox.push(|buffer| buffer.extend_from_slice(b"first"));
        outbox.push_with(Urgency::AtOnce, |buffer| buffer.extend_from_slice(b"second"));
        assert_eq!(outbox.pending_bytes(), 11);
        let taken = outbox.take(BytesMut::new()).await.unwrap();
        outbox.push_with(Urgency::AtOnce, |buffer| buffer.extend_from_slice(b"third"));
        assert_eq!((taken.as_ref(), outbox.pending_bytes()), (b"firstsecond".as_slice(), 16));
    }

    #[tokio::test]
    async fn what_the_system_does_not_take_is_left_to_the_writer() {
        let (outbox, _socket, mut client) = connected().await;
        let large = vec![b'x'; LIMIT / 2];
        outbox.push_with(Urgency::AtOnce, |buffer| buffer.extend_from_slice(&large));
        let pending = outbox.pending_bytes();
        assert!(pending > 0 && pending < large.len(), "{pending} of {}", large.len());
        let rest = outbox.take(BytesMut::new()).await.unwrap();
        let mut sent = vec![0; large.len() - rest.len()];
        client.read_exact(&mut sent).await.unwrap();
        assert!(sent.iter().all(|byte| *byte == b'x'));
    }
}
