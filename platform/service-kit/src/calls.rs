//! Calls to other services: gRPC over a channel that is either the service in this process or the network.
//!
//! One code path, two topologies. The acting user travels in both as the access token, so authorization
//! cannot depend on where a service runs. A call on a service's own behalf carries a token of its own.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use policies::{Actor, Origin};
use tonic::Status;
use tonic::body::Body;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

use crate::Error;
use crate::http::{CLIENT_ADDRESS_NAME, VOUCHER};

/// How long an answer may take; the caller's caller is waiting.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection is asked this often for a sign of life, and given up when none comes: a machine that is gone without a
/// word would cost every call its whole time until then.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
const KEEPALIVE_PATIENCE: Duration = Duration::from_secs(3);

/// What a generated client is made over: `RolesClient::new(channel)`.
///
/// It never fails: trouble on the way is an answer with the status "unavailable".
pub type Channel = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, Infallible>;

/// Makes the token with which a service acts on its own behalf.
pub trait ServiceTokens: Send + Sync {
    /// A token, good for a short while, that proves to be the service `name`.
    fn token_for(&self, name: &str) -> String;

    /// What tells another process that the proof for a bound token has been seen here.
    fn voucher_for(&self, token: &str) -> String;
}

/// Knows where every service is. Shared by the process.
#[derive(Clone)]
pub struct Calls {
    local: Arc<RwLock<HashMap<String, axum::Router>>>,
    remote: Arc<HashMap<String, tonic::transport::Channel>>,
    tokens: Arc<dyn ServiceTokens>,
}

impl Calls {
    /// `remote`: base addresses of services in other processes.
    pub fn new(
        remote: &HashMap<String, String>,
        tokens: Arc<dyn ServiceTokens>,
    ) -> Result<Self, Error> {
        let mut channels = HashMap::new();
        for (name, address) in remote {
            let endpoint = tonic::transport::Endpoint::from_shared(address.clone())
                .map_err(|error| Error::Internal(format!("address of `{name}`: {error}")))?
                .connect_timeout(CONNECT_TIMEOUT)
                .timeout(CALL_TIMEOUT)
                .tcp_nodelay(true)
                .http2_keep_alive_interval(KEEPALIVE_EVERY)
                .keep_alive_timeout(KEEPALIVE_PATIENCE)
                .keep_alive_while_idle(true);
            channels.insert(name.clone(), endpoint.connect_lazy());
        }
        Ok(Self { local: Arc::default(), remote: Arc::new(channels), tokens })
    }

    /// Puts a service of this process within reach. Routers come with the `identify` layer.
    pub fn add_local(&self, name: &str, router: axum::Router) {
        self.local.write().insert(name.to_owned(), router);
    }

    /// A channel to the service `name`, wherever it runs. Looked up at each call, so the order in which
    /// services are built does not matter.
    pub fn channel(&self, name: &str) -> Channel {
        let (calls, name) = (self.clone(), name.to_owned());
        Channel::new(tower::service_fn(move |request| {
            let (calls, name) = (calls.clone(), name.clone());
            async move { calls.send(&name, request).await }
        }))
    }

    async fn send(
        &self,
        name: &str,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, Infallible> {
        let local = self.local.read().get(name).cloned();
        if let Some(router) = local {
            let answer = router.oneshot(request.map(axum::body::Body::new));
            return Ok(match tokio::time::timeout(CALL_TIMEOUT, answer).await {
                Ok(Ok(response)) => response.map(Body::new),
                Ok(Err(never)) => match never {},
                Err(_) => Status::deadline_exceeded(format!("`{name}` took too long")).into_http(),
            });
        }
        let Some(channel) = self.remote.get(name).cloned() else {
            let missing = format!("no address of `{name}` is configured");
            return Ok(Status::unavailable(missing).into_http());
        };
        let answer = channel.oneshot(request).await;
        Ok(answer
            .unwrap_or_else(|error| Status::unavailable(format!("`{name}`: {error}")).into_http()))
    }

    /// A request on behalf of `actor`, proved by the actor's own token.
    pub fn as_actor<T>(&self, actor: &Actor, message: T) -> tonic::Request<T> {
        let mut request = from_origin(with_token(message, actor.token()), actor.origin());
        // The actor exists, so its token has been proved here if it is one that has to be.
        let voucher = actor.token().and_then(|token| self.tokens.voucher_for(token).parse().ok());
        if let Some(voucher) = voucher {
            request.metadata_mut().insert(VOUCHER, voucher);
        }
        request
    }

    /// A request on behalf of the service `name` itself.
    pub fn as_service<T>(&self, name: &str, message: T) -> tonic::Request<T> {
        with_token(message, Some(&self.tokens.token_for(name)))
    }
}

/// The request, with where the one that caused it came from: for the audit log of the service that is called.
pub fn from_origin<T>(mut request: tonic::Request<T>, origin: &Origin) -> tonic::Request<T> {
    let address = origin.address.and_then(|address| address.to_string().parse().ok());
    if let Some(address) = address {
        request.metadata_mut().insert(CLIENT_ADDRESS_NAME, address);
    }
    request
}

fn with_token<T>(message: T, token: Option<&str>) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    if let Some(value) = token.and_then(|token| format!("Bearer {token}").parse().ok()) {
        request.metadata_mut().insert("authorization", value);
    }
    request
}

/// Who acts in a gRPC request; put there by [`crate::http::identify`].
pub fn actor_of<T>(request: &tonic::Request<T>) -> Result<Actor, Status> {
    let actor = request.extensions().get::<Actor>().cloned();
    actor.ok_or_else(|| Status::internal("the identify layer is missing"))
}
