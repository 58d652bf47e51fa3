//! What the same machine, runtime and HTTP library reach without a product: a server, and a proxy.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt;
use http::{StatusCode, Uri, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;

use crate::Result;

const IDLE_CONNECTIONS_MAX: usize = 64;

/// Answers everything with so many bytes, until it is killed. Arguments: address, bytes.
pub async fn serve(arguments: &[String]) -> Result<()> {
    let [address, length] = arguments else { return Err("address and length are needed".into()) };
    let body = Bytes::from(vec![b'x'; length.parse()?]);
    let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], body) };
    listen(address.parse()?, Router::new().fallback(answer)).await
}

/// Passes everything on, until it is killed. Arguments: address, origin's address.
pub async fn proxy(arguments: &[String]) -> Result<()> {
    let [address, origin] = arguments else { return Err("two addresses are needed".into()) };
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new())
        .pool_idle_timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .build(connector);
    let state = Proxy { client, origin: origin.clone() };
    listen(address.parse()?, Router::new().fallback(pass_on).with_state(state)).await
}

#[derive(Clone)]
struct Proxy {
    client: Client<HttpConnector, Body>,
    origin: String,
}

async fn pass_on(State(proxy): State<Proxy>, mut request: Request) -> Response {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let Ok(uri) = format!("http://{}{path}", proxy.origin).parse::<Uri>() else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    *request.uri_mut() = uri;
    match proxy.client.request(request).await {
        Ok(answer) => answer.into_response(),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

async fn listen(address: SocketAddr, router: Router) -> Result<()> {
    let listener = TcpListener::bind(address).await?;
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    Ok(axum::serve(listener, router).await?)
}
