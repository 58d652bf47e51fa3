//! A way to a server that a test can cut, and open again: what a broken network looks like.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Passes every connection on to a server, as long as it is not cut.
pub struct TcpProxy {
    address: SocketAddr,
    /// Cancelled: nobody gets through.
    open: Arc<Mutex<CancellationToken>>,
    /// Ends the proxy when the test does.
    stopping: CancellationToken,
}

impl TcpProxy {
    /// To `target`: `127.0.0.1:6379`.
    pub async fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let open: Arc<Mutex<CancellationToken>> = Arc::default();
        let stopping = CancellationToken::new();
        let accept = accept_forever(listener, target.to_owned(), open.clone());
        let until = stopping.clone();
        tokio::spawn(async move { until.run_until_cancelled(accept).await });
        Self { address, open, stopping }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks every connection, and every one that is tried from now on.
    pub fn cut(&self) {
        self.open.lock().cancel();
    }

    /// Lets connections through again.
    pub fn restore(&self) {
        *self.open.lock() = CancellationToken::new();
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.cut();
        self.stopping.cancel();
    }
}

async fn accept_forever(
    listener: TcpListener,
    target: String,
    open: Arc<Mutex<CancellationToken>>,
) {
    while let Ok((mut client, _)) = listener.accept().await {
        let (target, is_open) = (target.clone(), open.lock().clone());
        tokio::spawn(is_open.run_until_cancelled_owned(async move {
            let Ok(mut server) = TcpStream::connect(target).await else { return };
            drop((client.set_nodelay(true), server.set_nodelay(true)));
            drop(copy_bidirectional(&mut client, &mut server).await);
        }));
    }
}
