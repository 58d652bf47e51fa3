//! Gateway: the only thing the internet reaches.
//!
//! Finds for every request its service, in this process or another one, and sees to what all have in common:
//! who acts (tokens, renewed when expired), how much may be asked, what is believed of headers, what is
//! written down, and that one failing service takes only its own functions along. Serves the web UI and
//! the pages about the process itself, and signs programs in over gRPC ([`Outside`]).
//! Owns no data and has no policies: what somebody may do is decided by the services.
//! Promises: no header of a client ever names who acts; a refresh token is spent once however many requests
//! need it; bodies are streamed, never collected, except small ones that may have to be sent again.

mod app;
mod domain;
mod error;
mod grpc;
mod http;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use service_kit::StartError;

pub use app::{
    BreakerSettings, Gateway, MetricsSettings, Parts, RateLimitSettings, RemoteSettings,
    RouteSettings, Settings,
};
pub use grpc::Outside;

/// The gateway, to be served with `into_make_service_with_connect_info::<SocketAddr>()`.
pub fn router(parts: Parts) -> Result<axum::Router, StartError> {
    Ok(serve(Arc::new(Gateway::new(parts)?)))
}

/// A router over a gateway that is also held elsewhere, for [`Outside`] and [`Gateway::reload_routes`].
pub fn serve(gateway: Arc<Gateway>) -> axum::Router {
    http::router(gateway)
}
