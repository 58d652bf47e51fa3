//! Problem documents (RFC 9457) as statuses of gRPC, with the details of `google.rpc` (AIP-193).

use std::collections::HashMap;
use std::time::Duration;

use http::header::{self, HeaderMap};
use http::{HeaderName, StatusCode};
use serde::Deserialize;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Whose codes they are, in `ErrorInfo`.
const DOMAIN: &str = "backline";
/// The code once more, for programs that cannot read the details.
const CODE_METADATA: &str = "backline-code";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is needed of a problem document.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Problem {
    code: String,
    detail: String,
    errors: Vec<FieldError>,
}

#[derive(Deserialize)]
struct FieldError {
    field: String,
    message: String,
}

/// The status that says what an answer of REST says.
pub fn of_problem(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Status {
    // Every refusal of the gateway is a problem document; its status counts whatever it says.
    let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let mut details = ErrorDetails::new();
    details.set_error_info(problem.code.to_uppercase(), DOMAIN, HashMap::new());
    for FieldError { field, message } in &problem.errors {
        details.add_bad_request_violation(snake_case(field), message);
    }
    if let Some(seconds) = text(header::RETRY_AFTER).and_then(|text| text.parse().ok()) {
        details.set_retry_info(Some(Duration::from_secs(seconds)));
    }
    if let Some(id) = text(REQUEST_ID) {
        details.set_request_info(id, "");
    }
    let mut metadata = MetadataMap::new();
    if let Ok(code) = MetadataValue::try_from(&problem.code) {
        metadata.insert(CODE_METADATA, code);
    }
    let code = code_of(status);
    Status::with_error_details_and_metadata(code, words(problem), details, metadata)
}

/// The detail, and the wrong fields for whoever sees no more than the message.
fn words(problem: Problem) -> String {
    let wrong = problem.errors.iter();
    let wrong: Vec<_> =
        wrong.map(|error| format!("{} {}", snake_case(&error.field), error.message)).collect();
    if wrong.is_empty() {
        return problem.detail;
    }
    format!("{}: {}", problem.detail, wrong.join("; "))
}

fn code_of(status: StatusCode) -> Code {
    match status.as_u16() {
        400 | 415 | 422 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        // The only conflict here: there is an account with this address.
        409 => Code::AlreadyExists,
        408 | 504 => Code::DeadlineExceeded,
        413 | 429 => Code::ResourceExhausted,
        502 | 503 => Code::Unavailable,
        // An operator has taken the route away.
        404 | 405 => Code::Unimplemented,
        _ => Code::Internal,
    }
}

/// The field as the contract names it: `first_name` of `firstName`.
fn snake_case(field: &str) -> String {
    let mut name = String::with_capacity(field.len() + 4);
    for c in field.chars() {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_problem_document_is_told_whole() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
        headers.insert(REQUEST_ID, HeaderValue::from_static("r-1"));
        let body =
            br#"{"code":"invalid_values","detail":"some values are not allowed","status":422,
            "errors":[{"field":"firstName","message":"must not be empty"}]}"#;
        let status = of_problem(StatusCode::UNPROCESSABLE_ENTITY, &headers, body);
        assert_eq!(status.code(), Code::InvalidArgument);
        let words = "some values are not allowed: first_name must not be empty";
        assert_eq!(status.message(), words);
        assert_eq!(status.metadata().get(CODE_METADATA).expect("a code"), "invalid_values");
        let details = status.get_error_details();
        assert_eq!(details.error_info().expect("a reason").reason, "INVALID_VALUES");
        assert_eq!(details.bad_request().expect("fields").field_violations[0].field, "first_name");
        let wait = details.retry_info().expect("a wait").retry_delay;
        assert_eq!(wait, Some(Duration::from_secs(30)));
        assert_eq!(details.request_info().expect("a name").request_id, "r-1");
    }

    #[test]
    fn what_is_no_problem_document_keeps_its_status() {
        let codes =
            [(502, Code::Unavailable), (504, Code::DeadlineExceeded), (500, Code::Internal)];
        for (status, code) in codes {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(of_problem(status, &HeaderMap::new(), b"<html>").code(), code);
        }
    }
}
