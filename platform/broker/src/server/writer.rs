//! Sends what is in a client's outbox, all that has gathered at once.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::client::Client;
use super::counters::Counters;

/// Writes until the outbox is closed and empty, or until the client takes nothing for `deadline`.
pub(super) async fn write(
    client: Arc<Client>,
    mut stream: impl AsyncWrite + Unpin,
    deadline: Duration,
    counters: Counters,
) {
    let mut taken = BytesMut::new();
    let mut counted = (0, 0);
    while let Some(bytes) = client.outbox.take(std::mem::take(&mut taken)).await {
        if let Err(error) = write_all(&mut stream, &bytes, deadline).await {
            tracing::debug!(%error, client = %client.id, "a client of the broker takes nothing");
            client.outbox.abandon(error.kind() == io::ErrorKind::TimedOut);
        }
        taken = bytes;
        let sent = client.traffic.outgoing();
        counters.messages_out.increment(sent.0 - counted.0);
        counters.bytes_out.increment(sent.1 - counted.1);
        counted = sent;
    }
    // So that the client sees the end although we still listen to what it sends.
    let _ = tokio::time::timeout(deadline, stream.shutdown()).await;
}

/// Each piece has the deadline, so that a slow line gets through what it can.
async fn write_all(
    stream: &mut (impl AsyncWrite + Unpin),
    mut bytes: &[u8],
    deadline: Duration,
) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = tokio::time::timeout(deadline, stream.write(bytes)).await??;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
    }
    // Encryption keeps a part to itself until it is told that nothing follows.
    tokio::time::timeout(deadline, stream.flush()).await?
}
