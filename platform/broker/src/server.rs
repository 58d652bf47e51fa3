//! The NATS server without its streams: listens, knows its connections, ends them in good order.
//!
//! A connection is a session, which reads, and a writer, which sends what is in the client's outbox; the [`Router`]
//! stands between them. Promises: every wait, buffer and number has a limit in [`Settings`]; whatever a client does,
//! the others do not notice. Who may do what is the [`Authenticator`]'s decision. Keeps nothing on disk.

mod authentication;
mod client;
mod counters;
mod index;
mod info;
mod listener;
mod outbox;
mod router;
mod session;
mod settings;
mod socket;
mod writer;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use authentication::{Authenticator, Credentials, Everything, Permissions, Refused};
pub use client::{ClientId, Connection};
pub use router::{Handler, Publisher, Registration, Router};
pub use settings::Settings;

use client::Client;
use counters::Counters;
use info::ServerInfo;

/// A server that listens. It stops when it is dropped, in good order only by [`Server::stop`].
pub struct Server {
    shared: Arc<Shared>,
}

/// What all connections have in common.
struct Shared {
    settings: Settings,
    router: Router,
    authenticator: Arc<dyn Authenticator>,
    info: ServerInfo,
    counters: Counters,
    clients: Mutex<HashMap<ClientId, Arc<Client>>>,
    last_id: AtomicU64,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    /// Listens and serves until it is stopped.
    pub async fn start(
        settings: Settings,
        router: Router,
        authenticator: Arc<dyn Authenticator>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(settings.listen).await?;
        let info = ServerInfo::new(&settings, listener.local_addr()?, authenticator.is_required());
        let shared = Arc::new(Shared {
            settings,
            router,
            authenticator,
            info,
            counters: Counters::default(),
            clients: Mutex::default(),
            last_id: AtomicU64::new(0),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        shared.tasks.spawn(listener::accept(shared.clone(), listener));
        Ok(Self { shared })
    }

    /// Where it listens, with the port that was really taken.
    pub fn address(&self) -> SocketAddr {
        self.shared.info.address()
    }

    /// The connections there are, the oldest first.
    pub fn connections(&self) -> Vec<Connection> {
        let clients = self.shared.clients.lock();
        let mut connections: Vec<_> = clients.values().map(|client| client.view()).collect();
        connections.sort_by_key(|connection| connection.id);
        connections
    }

    /// Accepts nobody any more, tells the clients, sends what waits for them and closes. A client that does not
    /// take it within the `write_deadline` is left behind.
    pub async fn stop(&self) {
        self.shared.stop();
        let is_late = tokio::time::timeout(
            self.shared.settings.write_deadline + session::LINGER,
            self.shared.tasks.wait(),
        );
        if is_late.await.is_err() {
            tracing::warn!("some connections of the broker did not end in time");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl Shared {
    fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        for client in self.clients.lock().values() {
            self.say_goodbye(client);
        }
    }

    /// Tells a client to go elsewhere, and closes once it has been told.
    fn say_goodbye(&self, client: &Client) {
        if client.options.later_infos() {
            client.outbox.push(|buffer| self.info.write_lame_duck(buffer, client));
        }
        client.outbox.close(None);
    }

    /// A new client that is not in the list.
    fn create_client(&self, address: SocketAddr) -> Arc<Client> {
        let id = ClientId(self.last_id.fetch_add(1, Ordering::Relaxed) + 1);
        Arc::new(Client::new(id, address, self.settings.pending_bytes_max))
    }

    /// Adds a client to the list; `false` if there are too many.
    fn admit(&self, client: &Arc<Client>) -> bool {
        let mut clients = self.clients.lock();
        if clients.len() >= self.settings.max_connections {
            return false;
        }
        clients.insert(client.id, client.clone());
        self.counters.connections.set(clients.len() as f64);
        true
    }

    /// Takes a client and all it subscribed to off the lists.
    fn dismiss(&self, client: &Client) {
        client.outbox.close(None);
        self.router.remove_client(client);
        let mut clients = self.clients.lock();
        clients.remove(&client.id);
        self.counters.connections.set(clients.len() as f64);
    }
}
