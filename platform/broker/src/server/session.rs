//! One connection, from its greeting to its end: reads what the client sends and carries it out.
//!
//! Whatever ends it, also a panic, the client's subscriptions go with it.

mod operations;
mod watch;

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::client::Client;
use super::socket::SharedSocket;
use super::{Publisher, Shared, writer};
use crate::protocol::{Limits, Parser, ProtocolError};
use watch::Watch;

/// How long we listen to a client after the last word to it. Closing while it still sends would make its operating
/// system throw our last word away.
pub(super) const LINGER: Duration = Duration::from_millis(500);

/// How much is read at once: little from a quiet client, more from one that sends more than fits.
const READ_BYTES_MIN: usize = 2 * 1024;
const READ_BYTES_MAX: usize = 64 * 1024;

/// `Break` ends the session.
type Flow = ControlFlow<()>;

/// The reading side of a connection.
struct Session {
    shared: Arc<Shared>,
    client: Arc<Client>,
    parser: Parser,
    buffer: BytesMut,
    /// `None` until the client has said who it is.
    publisher: Option<Publisher>,
    watch: Watch,
    is_verbose: bool,
    no_responders: bool,
    /// A receiver that lags behind what this client publishes.
    congested: Option<Arc<Client>>,
}

/// Takes the client off the lists when it is dropped.
struct Admission {
    shared: Arc<Shared>,
    client: Arc<Client>,
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.shared.dismiss(&self.client);
    }
}

/// Serves a connection to its end.
pub(super) async fn serve(shared: Arc<Shared>, client: Arc<Client>, stream: TcpStream) {
    let admission = Admission::of(&shared, &client);
    // Nobody encrypts to be turned away: the answer to one too many goes in the clear, as the original's does.
    let tls = shared.settings.tls.clone().filter(|_| admission.is_some());
    let Some(config) = tls else {
        client.outbox.push(|buffer| shared.info.write(buffer, &client));
        let (reading, writing) = stream.into_split();
        let writing = Arc::new(writing);
        client.outbox.set_socket(Arc::downgrade(&writing));
        let writing = SharedSocket::new(writing);
        return converse(shared, client, admission, reading, writing).await;
    };
    match greet_and_encrypt(&shared, &client, stream, config).await {
        Ok(stream) => {
            let (reading, writing) = tokio::io::split(stream);
            converse(shared, client, admission, reading, writing).await;
        }
        Err(error) => {
            tracing::debug!(%error, address = %client.address, "no encryption with a client of the broker");
        }
    }
}

/// INFO goes in the clear; it tells the client to begin the handshake.
async fn greet_and_encrypt(
    shared: &Shared,
    client: &Client,
    mut stream: TcpStream,
    config: Arc<rustls::ServerConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    let mut greeting = BytesMut::new();
    shared.info.write(&mut greeting, client);
    let handshake = async {
        stream.write_all(&greeting).await?;
        TlsAcceptor::from(config).accept(stream).await
    };
    tokio::time::timeout(shared.settings.auth_timeout, handshake).await?
}

/// Reads and writes, until neither goes on.
async fn converse(
    shared: Arc<Shared>,
    client: Arc<Client>,
    admission: Option<Admission>,
    mut reading: impl AsyncRead + Unpin,
    writing: impl AsyncWrite + Unpin + Send + 'static,
) {
    let deadline = shared.settings.write_deadline;
    let writer = writer::write(client.clone(), writing, deadline, shared.counters.clone());
    let writer = shared.tasks.spawn(writer);
    match admission {
        None => client.outbox.close(Some("maximum connections exceeded")),
        Some(_admission) => Session::new(shared.clone(), client.clone()).run(&mut reading).await,
    }
    count_end(&shared, &client);
    let _ = writer.await;
    let _ = tokio::time::timeout(LINGER, discard(&mut reading)).await;
}

impl Admission {
    /// `None` if there are too many already.
    fn of(shared: &Arc<Shared>, client: &Arc<Client>) -> Option<Self> {
        if !shared.admit(client) {
            return None;
        }
        let admission = Self { shared: shared.clone(), client: client.clone() };
        // It may have been accepted while the others were told.
        if shared.stopping.is_cancelled() {
            shared.say_goodbye(client);
        }
        Some(admission)
    }
}

fn count_end(shared: &Shared, client: &Client) {
    if client.outbox.is_slow() {
        shared.counters.slow_consumers.increment(1);
        tracing::warn!(client = %client.id, address = %client.address, "slow consumer disconnected");
    }
}

/// Reads to the end without looking.
async fn discard(reading: &mut (impl AsyncRead + Unpin)) {
    let mut buffer = vec![0; READ_BYTES_MIN];
    while reading.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
}

impl Session {
    fn new(shared: Arc<Shared>, client: Arc<Client>) -> Self {
        let limits = Limits { payload_bytes_max: shared.settings.max_payload, ..Limits::default() };
        let watch = Watch::new(&shared.settings);
        let mut parser = Parser::new(limits);
        parser.accept_headers(false);
        Self {
            shared,
            client,
            parser,
            buffer: BytesMut::with_capacity(READ_BYTES_MIN),
            publisher: None,
            watch,
            // As in the original, for a client that sends no CONNECT.
            is_verbose: true,
            no_responders: false,
            congested: None,
        }
    }

    async fn run(mut self, reading: &mut (impl AsyncRead + Unpin)) {
        if self.admit_unknown().await.is_break() {
            return;
        }
        let mut read_bytes = READ_BYTES_MIN;
        loop {
            self.buffer.reserve(read_bytes);
            let client = self.client.clone();
            let read = tokio::select! {
                () = client.outbox.closed() => return,
                alarm = self.watch.alarm() => {
                    if self.answer_alarm(alarm).is_break() {
                        return;
                    }
                    continue;
                }
                read = reading.read_buf(&mut self.buffer) => read,
            };
            let Ok(read @ 1..) = read else { return };
            let is_more_waiting = read >= read_bytes;
            read_bytes = if is_more_waiting { READ_BYTES_MAX } else { READ_BYTES_MIN };
            self.watch.note_activity();
            if self.process().await.is_break() {
                return;
            }
        }
    }

    /// Carries out all that has arrived whole.
    async fn process(&mut self) -> Flow {
        let before = self.client.traffic.incoming();
        let mut flow = Flow::Continue(());
        while flow.is_continue() && !self.buffer.is_empty() {
            // Before it has said who it is, a client has nothing else to say, and nothing of it is kept.
            if self.publisher.is_none() && !matches!(self.buffer[0], b'C' | b'c') {
                return self.end("Authorization Violation");
            }
            flow = match self.parser.parse(&mut self.buffer) {
                Ok(None) => break,
                Ok(Some(operation)) => self.carry_out(operation).await,
                Err(error) => self.refuse(error),
            };
        }
        self.count(before);
        if let Some(congested) = self.congested.take() {
            congested.outbox.relieve().await;
        }
        flow
    }

    fn refuse(&self, error: ProtocolError) -> Flow {
        match (error.is_fatal(), error.text()) {
            (false, text) => {
                self.complain(text.unwrap_or_default());
                Flow::Continue(())
            }
            (true, Some(text)) => self.end(text),
            (true, None) => Flow::Break(()),
        }
    }
}
