//! What can go wrong at the gateway.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use identity::ProofFault;
use service_kit::http::TokenFault;
use service_kit::{Kind, Problem, ServiceError};

/// The result of everything at the gateway.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every error of the gateway; its kind becomes an HTTP status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is nothing at this path; see /api/v1/openapi.json for what there is")]
    RouteNotFound,
    #[error("this path does not take the method `{method}`; see the header `Allow`")]
    MethodNotAllowed { method: Method, allow: Vec<Method> },
    #[error("{0}")]
    Malformed(&'static str),
    #[error("the request body is larger than {0} bytes; send less at once")]
    BodyTooLarge(usize),
    #[error("the request body took too long to arrive; send it again")]
    BodyTooSlow,
    #[error(transparent)]
    Token(#[from] TokenFault),
    /// The same of a token that is bound to a key.
    #[error(transparent)]
    BoundToken(TokenFault),
    #[error(transparent)]
    Proof(#[from] ProofFault),
    #[error(
        "pages of this origin may not do that; add it to `gateway.allowed_origins` if they should"
    )]
    OriginNotAllowed,
    #[error("too many requests; try again in {} s", seconds(.wait))]
    TooManyRequests { policy: &'static str, burst: u32, window_seconds: u64, wait: Duration },
    #[error("the server has more to do than it can; try again in a moment")]
    Busy,
    #[error("this part of the system is not available right now; the rest works, try again in {} s", seconds(.wait))]
    ServiceUnavailable { wait: Duration },
    #[error(
        "this took too long and was given up; look whether it has been done before you try again"
    )]
    TimedOut,
    #[error("metrics are for this machine only; set `gateway.metrics.public` to change that")]
    MetricsNotPublic,
    #[error("something went wrong on our side; try again, and report the reference if it stays")]
    Panicked,
    #[error(transparent)]
    Platform(#[from] service_kit::Error),
}

impl ServiceError for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::RouteNotFound => Kind::NotFound,
            Self::MethodNotAllowed { .. } | Self::Malformed(_) => Kind::Malformed,
            Self::BodyTooLarge(_) | Self::BodyTooSlow => Kind::Malformed,
            Self::Token(_) | Self::BoundToken(_) | Self::Proof(_) => Kind::Unauthenticated,
            Self::OriginNotAllowed | Self::MetricsNotPublic => Kind::NotPermitted,
            Self::TooManyRequests { .. } => Kind::TooMany,
            Self::Busy | Self::ServiceUnavailable { .. } | Self::TimedOut => Kind::Unavailable,
            Self::Panicked => Kind::Internal,
            Self::Platform(error) => error.kind(),
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::RouteNotFound => "route_not_found",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::BodyTooLarge(_) => "body_too_large",
            Self::BodyTooSlow => "request_timeout",
            Self::Token(fault) | Self::BoundToken(fault) => fault.code(),
            Self::Proof(_) => "dpop_proof_invalid",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::MetricsNotPublic => "metrics_not_public",
            Self::Busy => "server_busy",
            Self::ServiceUnavailable { .. } => "service_unavailable",
            Self::TimedOut => "gateway_timeout",
            Self::Platform(error) => error.code(),
            Self::Malformed(_) | Self::TooManyRequests { .. } | Self::Panicked => {
                self.kind().code()
            }
        }
    }
}

impl Error {
    /// The status; some are known to HTTP only.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            other => other.kind().status(),
        }
    }

    /// The answer: a problem document that names the request.
    pub fn into_response(self, request_id: &str) -> Response {
        let mut problem = match self {
            // Words and log entry of platform errors are made there.
            Self::Platform(error) => return traced(error.into(), request_id),
            ref other => Problem::with_status(other.status(), other.code(), other.to_string()),
        };
        problem.trace_id = Some(request_id.to_owned());
        let mut response = problem.into_response();
        for (name, value) in self.headers() {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    fn headers(&self) -> Vec<(HeaderName, String)> {
        match self {
            Self::MethodNotAllowed { allow, .. } => {
                let allow: Vec<_> = allow.iter().map(Method::as_str).collect();
                vec![(header::ALLOW, allow.join(", "))]
            }
            Self::ServiceUnavailable { wait } => {
                vec![(header::RETRY_AFTER, seconds(wait).to_string())]
            }
            Self::TooManyRequests { policy, burst, window_seconds, wait } => {
                let wait = seconds(wait);
                let rate_limit = HeaderName::from_static("ratelimit");
                let rate_limit_policy = HeaderName::from_static("ratelimit-policy");
                vec![
                    (header::RETRY_AFTER, wait.to_string()),
                    (rate_limit, format!("\"{policy}\";r=0;t={wait}")),
                    (rate_limit_policy, format!("\"{policy}\";q={burst};w={window_seconds}")),
                ]
            }
            Self::BoundToken(_) => {
                vec![(header::WWW_AUTHENTICATE, identity::challenge("invalid_token"))]
            }
            Self::Proof(fault) => {
                vec![(header::WWW_AUTHENTICATE, identity::challenge(fault.error()))]
            }
            _ => vec![],
        }
    }
}

fn traced(mut problem: Problem, request_id: &str) -> Response {
    problem.trace_id = Some(request_id.to_owned());
    problem.into_response()
}

/// Whole seconds, at least one: what `Retry-After` can say.
fn seconds(wait: &Duration) -> u64 {
    wait.as_secs_f64().ceil().max(1.0) as u64
}
