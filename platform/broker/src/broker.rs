//! The whole broker: a server, the streams behind it, and one way to start and stop both.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::jetstream::{self, FailedStream, JetStream, Recovered};
use crate::server::{self, Authenticator, Everything, Router, Server};

/// How a broker is set up.
#[derive(Clone)]
pub struct BrokerSettings {
    /// Where streams are kept.
    pub folder: PathBuf,
    /// Where and how clients are served.
    pub server: server::Settings,
    /// How streams behave.
    pub jetstream: jetstream::Settings,
    /// Who may do what.
    pub authenticator: Arc<dyn Authenticator>,
}

impl BrokerSettings {
    /// The defaults: a free port of this machine, which everybody on it may use.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            server: server::Settings::default(),
            jetstream: jetstream::Settings::default(),
            authenticator: Arc::new(Everything),
        }
    }
}

/// Why a broker could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its streams could not be opened.
    #[error(transparent)]
    Streams(#[from] jetstream::Error),
    /// It could not listen.
    #[error("cannot listen for clients of the broker: {0}")]
    Listen(#[from] io::Error),
}

/// See the module.
pub struct Broker {
    server: Server,
    jetstream: JetStream,
    router: Router,
}

impl Broker {
    /// Opens the streams, and only then lets clients in.
    pub async fn start(settings: BrokerSettings) -> Result<Self, StartError> {
        let router = Router::new();
        let jetstream =
            JetStream::open(&settings.folder, router.clone(), settings.jetstream).await?;
        let server = Server::start(settings.server, router.clone(), settings.authenticator).await?;
        Ok(Self { server, jetstream, router })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// For publishing and receiving inside this process.
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// What was found on disk at the start.
    pub fn recovered(&self) -> &[Recovered] {
        self.jetstream.recovered()
    }

    /// The streams whose disk failed. None is healthy.
    pub async fn failed_streams(&self) -> Vec<FailedStream> {
        self.jetstream.failed().await
    }

    /// Brings everything to disk, says goodbye to the clients, and ends.
    pub async fn stop(self) {
        self.jetstream.stop().await;
        self.server.stop().await;
    }
}
