//! The sending side of a connection that is not encrypted, which others than its writer may use too.
//!
//! Only who holds the lock of the client's outbox and finds nothing on its way writes beside the writer, so that no two
//! writes mix (see [`super::outbox`]).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

/// For the writer. The connection's sending side ends with it.
pub(super) struct SharedSocket(Option<Arc<OwnedWriteHalf>>);

impl SharedSocket {
    pub fn new(half: Arc<OwnedWriteHalf>) -> Self {
        Self(Some(half))
    }

    fn stream(&self) -> io::Result<&TcpStream> {
        let half = self.0.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(half.as_ref().as_ref())
    }
}

impl AsyncWrite for SharedSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let stream = self.stream()?;
        loop {
            ready!(stream.poll_write_ready(context))?;
            match stream.try_write(bytes) {
                // It was not ready after all; waiting anew is noticed.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The last one to let go of a half shuts it down.
        self.0 = None;
        Poll::Ready(Ok(()))
    }
}
