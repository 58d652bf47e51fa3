//! A server of one's own, and a client that sends exactly what it is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use broker::server::{Authenticator, Everything, Router, Server, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than anything takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct TestServer {
    pub server: Server,
    pub router: Router,
}

impl TestServer {
    pub async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    pub async fn with(settings: Settings) -> Self {
        Self::guarded(settings, Arc::new(Everything)).await
    }

    pub async fn guarded(settings: Settings, authenticator: Arc<dyn Authenticator>) -> Self {
        let router = Router::new();
        let server =
            Server::start(settings, router.clone(), authenticator).await.expect("a server");
        Self { server, router }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub async fn client(&self) -> async_nats::Client {
        async_nats::connect(self.address().to_string()).await.expect("a client")
    }

    pub async fn raw(&self) -> Raw {
        Raw::connect(self.address()).await
    }
}

/// A socket.
pub struct Raw {
    pub stream: TcpStream,
    received: Vec<u8>,
}

impl Raw {
    /// Connects and reads INFO off.
    pub async fn connect(address: SocketAddr) -> Self {
        let mut raw = Self::connect_unread(address).await;
        raw.line().await;
        raw
    }

    pub async fn connect_unread(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        Self { stream, received: vec![] }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("sent");
    }

    /// The next line, without its end.
    pub async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.received.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.received.drain(..end + 2).collect();
                return String::from_utf8_lossy(&line[..end]).into_owned();
            }
            assert!(
                self.read().await,
                "closed after {:?}",
                String::from_utf8_lossy(&self.received)
            );
        }
    }

    /// All that comes until a PONG to a PING sent now, so that nothing can still be under way.
    pub async fn all(&mut self) -> String {
        self.send("PING\r\n").await;
        while !self.received.ends_with(b"PONG\r\n") {
            assert!(
                self.read().await,
                "closed after {:?}",
                String::from_utf8_lossy(&self.received)
            );
        }
        let received = std::mem::take(&mut self.received);
        String::from_utf8_lossy(&received[..received.len() - 6]).into_owned()
    }

    /// All that comes until the server closes.
    pub async fn rest(&mut self) -> String {
        while self.read().await {}
        String::from_utf8_lossy(&std::mem::take(&mut self.received)).into_owned()
    }

    async fn read(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.received);
        tokio::time::timeout(PATIENCE, read).await.expect("an answer").unwrap_or(0) > 0
    }
}

/// Waits until it is so.
pub async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = tokio::time::Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
