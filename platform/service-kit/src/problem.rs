//! Problem documents (RFC 9457), and the same errors as gRPC status.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{CODE_METADATA, Kind, RETRY_AFTER_METADATA, ServiceError};
use crate::validation::FieldError;

/// Seconds a client waits before it tries again, when nothing better is known.
const RETRY_AFTER_SECONDS: u32 = 1;

/// An error answer: `application/problem+json`.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A URI reference that names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This problem, for the person who called: what is wrong and what to do.
    pub detail: String,
    /// Stable; programs decide by it.
    pub code: String,
    /// The request, for the log and for whoever asks for help: also in `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub trace_id: Option<String>,
    /// The wrong fields, with status 422.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The header `Retry-After`, with the statuses 429 and 503.
    #[serde(skip)]
    #[schema(ignore)]
    pub retry_after_seconds: Option<u32>,
    /// Further members, by code.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extensions: Map<String, Value>,
}

impl Problem {
    /// A problem of `kind` with a stable code and words for the caller.
    pub fn new(kind: Kind, code: &str, detail: impl Into<String>) -> Self {
        Self::with_status(kind.status(), code, detail)
    }

    /// As [`Problem::new`] for the statuses that only HTTP has.
    pub fn with_status(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/problems/{}", code.replace('_', "-")),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            code: code.to_owned(),
            trace_id: None,
            errors: vec![],
            retry_after_seconds: None,
            extensions: Map::new(),
        }
    }

    fn of(error: &dyn ServiceError) -> Self {
        let kind = error.kind();
        // What went wrong inside is for the log; the caller cannot do anything about it.
        let detail = match kind {
            Kind::Internal => {
                "something went wrong on our side; try again, and report the reference if it stays"
                    .into()
            }
            Kind::Unavailable => {
                "a part that is needed for this is not available right now; try again in a moment"
                    .into()
            }
            _ => error.to_string(),
        };
        if matches!(kind, Kind::Internal | Kind::Unavailable) {
            tracing::error!(error = %error, code = error.code(), "request failed");
        }
        let mut problem = Self::new(kind, error.code(), detail);
        problem.errors =
            error.fields().map(|fields| fields.as_slice().to_vec()).unwrap_or_default();
        problem.retry_after_seconds = error.retry_after_seconds();
        problem.extensions = error.extensions();
        problem
    }
}

impl<E: ServiceError> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::of(&error)
    }
}

impl From<Problem> for tonic::Status {
    fn from(problem: Problem) -> Self {
        let kind = [
            Kind::Malformed,
            Kind::Unauthenticated,
            Kind::NotPermitted,
            Kind::NotFound,
            Kind::Conflict,
            Kind::Stale,
            Kind::Invalid,
            Kind::TooMany,
            Kind::Unavailable,
        ]
        .into_iter()
        .find(|kind| kind.status().as_u16() == problem.status)
        .unwrap_or(Kind::Internal);
        let mut status = Self::new(kind.grpc(), problem.detail);
        if let Ok(code) = problem.code.parse() {
            status.metadata_mut().insert(CODE_METADATA, code);
        }
        if let Some(seconds) = problem.retry_after_seconds {
            status.metadata_mut().insert(RETRY_AFTER_METADATA, seconds.into());
        }
        status
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&self)).into_response();
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        match status {
            // RFC 6750, section 3: a token was needed, and which kind.
            StatusCode::UNAUTHORIZED => {
                let bearer = HeaderValue::from_static("Bearer realm=\"backline\"");
                headers.insert(header::WWW_AUTHENTICATE, bearer);
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                let seconds = self.retry_after_seconds.unwrap_or(RETRY_AFTER_SECONDS);
                headers.insert(header::RETRY_AFTER, seconds.into());
            }
            _ => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[derive(Debug, thiserror::Error)]
    #[error("wait")]
    struct Busy;

    impl ServiceError for Busy {
        fn kind(&self) -> Kind {
            Kind::TooMany
        }

        fn code(&self) -> &str {
            "too_many_attempts"
        }

        fn retry_after_seconds(&self) -> Option<u32> {
            Some(300)
        }
    }

    #[test]
    fn how_long_to_wait_travels_over_grpc_and_becomes_a_header() {
        let status = tonic::Status::from(Problem::from(Busy));
        let problem = Problem::from(Error::from(status));
        assert_eq!((problem.status, problem.code.as_str()), (429, "too_many_attempts"));
        let response = problem.into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "300");
    }
}
