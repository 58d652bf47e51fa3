//! The sockets of the process: the address of the gateway or the services, the one for other processes, and gRPC for
//! programs outside. Each serves until it is told to close, and then what was begun.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

/// How long a call over gRPC may take, with all that the services need for it.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Calls at once over one connection; further ones wait. How many all together may is the gateway's to say.
const CALLS_PER_CONNECTION_MAX: usize = 64;
const STREAMS_PER_CONNECTION_MAX: u32 = 128;
const HEADERS_BYTES_MAX: u32 = 32 * 1024;
/// After this long without a sign of life the other end is asked for one, and given up without an answer.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(30);
const KEEPALIVE_PATIENCE: Duration = Duration::from_secs(10);

/// A socket, and what is served there.
pub struct Listening {
    listener: TcpListener,
    serves: Serves,
}

enum Serves {
    Http(Router),
    Grpc(Routes),
}

impl Listening {
    /// Takes an address for REST, and for the gRPC of services among each other.
    pub async fn http(address: SocketAddr, router: Router) -> Result<Self, String> {
        let advice = "is it running already? `--listen` chooses another address";
        Ok(Self { listener: bind(address, advice).await?, serves: Serves::Http(router) })
    }

    /// Takes an address for programs outside.
    pub async fn grpc(address: SocketAddr, routes: Routes) -> Result<Self, String> {
        let advice =
            "`node.grpc_listen` chooses another address for gRPC, or none when it is empty";
        Ok(Self { listener: bind(address, advice).await?, serves: Serves::Grpc(routes) })
    }

    /// Serves until `closing`.
    pub async fn serve(self, closing: CancellationToken) {
        let served = match self.serves {
            Serves::Http(router) => {
                serve_http(self.listener, router, closing).await.map_err(|error| error.to_string())
            }
            Serves::Grpc(routes) => {
                serve_grpc(self.listener, routes, closing).await.map_err(|error| error.to_string())
            }
        };
        if let Err(error) = served {
            tracing::error!(error, "serving failed");
        }
    }
}

async fn bind(address: SocketAddr, advice: &str) -> Result<TcpListener, String> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| format!("cannot listen at {address}: {error}; {advice}"))
}

async fn serve_http(
    listener: TcpListener,
    router: Router,
    closing: CancellationToken,
) -> std::io::Result<()> {
    // Small answers must not wait for more to come.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(closing.cancelled_owned()).await
}

async fn serve_grpc(
    listener: TcpListener,
    routes: Routes,
    closing: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Server::builder()
        .timeout(CALL_TIMEOUT)
        .concurrency_limit_per_connection(CALLS_PER_CONNECTION_MAX)
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .http2_max_header_list_size(HEADERS_BYTES_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE_EVERY))
        .http2_keepalive_timeout(Some(KEEPALIVE_PATIENCE))
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, closing.cancelled_owned())
        .await
}
