//! The embedded broker of a process: where programs outside receive what the services say, with any NATS client.
//!
//! A client shows an access token of Backline, as NATS clients show tokens. It may do what the permissions in it say
//! (see [`rights`]). A session that ends, a role that is taken or a token that expires closes the connection.

mod health;
mod rights;

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use broker::jetstream::Recovered;
use broker::server::{self, Authenticator, Credentials, Permissions, Refused, Server};
use broker::subject::{Filter, Subject};
use broker::{Broker, BrokerSettings};
use identity::{NodeSecret, Verifier};
use messages::{NatsConfig, TokenSource};
use policies::Principal;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use service_kit::calls::ServiceTokens;
use service_kit::http::Authenticate;
use stdx::Clock;
use tokio_util::sync::CancellationToken;

use crate::config::{BrokerConfig, Config};
use crate::services::TABLE;
use health::Running;
use rights::{Names, Rights};

/// In the data folder: the streams.
pub(crate) const FOLDER: &str = "broker";
/// Who the services of this process are to their own broker.
const OWN_NAME: &str = "relay";

/// How often a token is looked at again. What was revoked is closed within a second.
const LOOK_AGAIN_EVERY: Duration = Duration::from_millis(250);

/// The broker, and how the services of this process reach it.
pub(crate) struct EmbeddedBroker {
    running: Running,
    /// Beside an encrypted door: certificates are for the names by which others reach it.
    own_door: Option<Server>,
    own: NatsConfig,
}

impl EmbeddedBroker {
    /// Starts it, if the settings want one.
    pub async fn start(
        config: &Config,
        verifier: Arc<Verifier>,
        secret: Arc<NodeSecret>,
        clock: &Clock,
    ) -> Result<Option<Self>, String> {
        let listen = config.broker_listen().map_err(|error| error.to_string())?;
        let Some(listen) = listen else { return Ok(None) };
        let services = TABLE.iter().map(|entry| entry.name).collect();
        let own = config.messages.nats();
        let mut settings = BrokerSettings::new(config.node.data.join(FOLDER));
        let doorkeeper: Arc<dyn Authenticator> =
            Arc::new(Doorkeeper::new(verifier, &own, services));
        settings.authenticator = doorkeeper.clone();
        settings.jetstream.clock = clock.clone();
        settings.server.listen = listen;
        settings.server.max_connections = config.broker.connections_max;
        settings.server.tls = tls(&config.broker)?;
        let broker = Broker::start(settings).await.map_err(|error| {
            format!("{error} ({listen}); `broker.listen` chooses another address, or none when it is empty")
        })?;
        report(broker.recovered());
        tracing::info!(address = %broker.address(), "listening for NATS clients");
        let own_door = own_door(config, &broker, doorkeeper).await?;
        let nearest = own_door.as_ref().map_or(broker.address(), Server::address);
        let own = NatsConfig { url: url_of("nats", nearest), ..Self::elsewhere(config, secret) };
        Ok(Some(Self { running: Running::new(broker), own_door, own }))
    }

    /// How a client of this process connects.
    pub fn as_service(&self) -> NatsConfig {
        self.own.clone()
    }

    /// How a client of this process connects to the broker of another one.
    pub fn elsewhere(config: &Config, secret: Arc<NodeSecret>) -> NatsConfig {
        let token = Some(TokenSource::new(move || secret.token_for(OWN_NAME)));
        NatsConfig { bytes_max: Some(config.broker.bytes_max), token, ..config.messages.nats() }
    }

    /// How it is, also to be asked while it stops.
    pub fn running(&self) -> Running {
        self.running.clone()
    }

    /// Brings everything to disk and says goodbye to the clients.
    pub async fn stop(self) {
        if let Some(door) = self.own_door {
            door.stop().await;
        }
        self.running.stop().await;
    }
}

/// In the clear, on this machine only, at a port that nobody is told.
async fn own_door(
    config: &Config,
    broker: &Broker,
    doorkeeper: Arc<dyn Authenticator>,
) -> Result<Option<Server>, String> {
    if !config.broker.is_encrypted() {
        return Ok(None);
    }
    let door = Server::start(server::Settings::default(), broker.router().clone(), doorkeeper);
    door.await.map(Some).map_err(|error| error.to_string())
}

/// How a client on this machine reaches who listens there.
pub(crate) fn url_of(scheme: &str, address: SocketAddr) -> String {
    // Who listens everywhere is reached at home too.
    let port = address.port();
    match address.ip() {
        ip if ip.is_unspecified() && ip.is_ipv4() => format!("{scheme}://127.0.0.1:{port}"),
        ip if ip.is_unspecified() => format!("{scheme}://[::1]:{port}"),
        _ => format!("{scheme}://{address}"),
    }
}

fn tls(config: &BrokerConfig) -> Result<Option<Arc<rustls::ServerConfig>>, String> {
    if !config.is_encrypted() {
        return Ok(None);
    }
    let BrokerConfig { tls_certificate_file: certificates, tls_key_file: key, .. } = config;
    let read = CertificateDer::pem_file_iter(certificates).and_then(Iterator::collect);
    let chain: Vec<_> =
        read.map_err(|error| format!("`broker.tls_certificate_file` {certificates:?}: {error}"))?;
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| format!("`broker.tls_key_file` {key:?}: {error}"))?;
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(chain, key).map_err(|error| {
        format!("`broker.tls_certificate_file` and `tls_key_file` do not fit: {error}")
    })?;
    Ok(Some(Arc::new(config)))
}

/// What a crash or a damaged disk has left.
fn report(recovered: &[Recovered]) {
    for Recovered { stream, recovery } in recovered {
        let is_whole = recovery.torn.is_none()
            && recovery.damaged.is_empty()
            && recovery.unreadable.is_empty();
        if !is_whole {
            tracing::warn!(stream, ?recovery, "a stream of the broker was not whole");
        }
    }
}

/// Lets in whoever has a token that permits something here.
struct Doorkeeper {
    verifier: Arc<Verifier>,
    names: Arc<Names>,
}

impl Doorkeeper {
    /// `own`: how Backline's own messages travel.
    fn new(verifier: Arc<Verifier>, own: &NatsConfig, services: Vec<&'static str>) -> Self {
        let names = Names { prefix: own.prefix.clone(), stream: own.stream_name(), services };
        Self { verifier, names: Arc::new(names) }
    }
}

#[async_trait]
impl Authenticator for Doorkeeper {
    async fn authenticate(
        &self,
        credentials: &Credentials,
    ) -> Result<Arc<dyn Permissions>, Refused> {
        let shown = credentials.token.as_ref().or(credentials.password.as_ref());
        let token = shown.ok_or_else(|| Refused("no token was shown".into()))?;
        let actor = self.verifier.authenticate(token, None);
        let actor = actor.map_err(|fault| Refused(fault.to_string()))?;
        let rights = Rights::of(&actor);
        let rights = rights.ok_or_else(|| Refused("nothing is permitted to it here".into()))?;
        let guest = Arc::new(Guest {
            name: name_of(actor.principal()),
            rights,
            names: self.names.clone(),
            ended: CancellationToken::new(),
        });
        // A service's token is short-lived and its process renews it when it connects again; its connection stays.
        if rights != Rights::Service {
            let look = look_again(self.verifier.clone(), token.clone(), Arc::downgrade(&guest));
            tokio::spawn(look);
        }
        Ok(guest)
    }
}

/// Somebody who was let in.
struct Guest {
    name: String,
    rights: Rights,
    names: Arc<Names>,
    ended: CancellationToken,
}

impl Permissions for Guest {
    fn may_publish(&self, subject: &Subject) -> bool {
        self.rights.may_publish(&self.names, subject.as_str())
    }

    fn may_be_answered_at(&self, subject: &Subject) -> bool {
        self.rights.may_publish(&self.names, subject.as_str())
    }

    fn may_subscribe(&self, filter: &Filter, _: Option<&str>) -> bool {
        self.rights.may_subscribe(filter.as_str())
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn revoked(&self) -> Option<CancellationToken> {
        Some(self.ended.clone())
    }
}

fn name_of(principal: &Principal) -> String {
    match principal {
        Principal::Anonymous => String::new(),
        Principal::User { email, .. } => email.clone(),
        Principal::Client { name, .. } | Principal::Service(name) => name.clone(),
    }
}

/// Ends a guest whose token is no good any more or permits something else than at first.
async fn look_again(verifier: Arc<Verifier>, token: String, guest: Weak<Guest>) {
    loop {
        tokio::time::sleep(LOOK_AGAIN_EVERY).await;
        let Some(guest) = guest.upgrade() else { return };
        let rights = verifier.authenticate(&token, None).ok().as_ref().and_then(Rights::of);
        if rights != Some(guest.rights) {
            return guest.ended.cancel();
        }
    }
}
