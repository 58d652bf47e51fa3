//! HTTP itself: what of a request is believed, what an answer carries, the gateway's own pages.

mod answers;
pub mod bodies;
mod cookies;
mod cors;
pub mod headers;
mod pages;
mod web;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;

use crate::app::Gateway;

pub use answers::{Secured, as_problem, secure};
pub use cookies::RefreshCookie;
pub use cors::Cors;
pub use pages::{MetricsText, Page, Pages, Readiness};
pub use web::Web;

/// Everything goes the one way through [`Gateway::handle`]; which path leads where is in the route table.
pub fn router(gateway: Arc<Gateway>) -> Router {
    Router::new().fallback_service(tower::service_fn(move |request: Request| {
        let gateway = gateway.clone();
        async move { Ok::<_, Infallible>(gateway.handle(request).await) }
    }))
}
