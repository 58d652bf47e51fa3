//! What every service is made with: context, service, errors, requests and answers.
//!
//! A service is built from a [`Context`] and is plain data ([`Service`]): routers, consumers and jobs that
//! the node starts. Building spawns nothing and opens no socket. Errors become RFC 9457 problem
//! documents and gRPC status in one place ([`Problem`]). Knows no business word.

pub mod audit;
pub mod calls;
mod context;
mod error;
pub mod http;
pub mod openapi;
pub mod paging;
mod problem;
mod service;
pub mod validation;

pub use audit::Trail;
pub use calls::{Calls, Channel};
pub use context::{Context, StartError};
pub use error::{Error, Kind, ServiceError};
pub use problem::Problem;
pub use service::{Consumer, Job, Service};
pub use validation::FieldErrors;

#[doc(hidden)]
pub use sea_orm::DbErr;
