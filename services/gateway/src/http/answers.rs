//! What answers of services need before they go out.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use service_kit::{Kind, Problem};

const PROBLEM: &[u8] = b"application/problem+json";
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
/// This host alone: what else there is under its name is not ours to decide.
const HSTS_ONE_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// Problem documents are small; what is not is passed on as it is.
const PROBLEM_BYTES_MAX: usize = 64 * 1024;

/// Whether the world reaches us over HTTPS, so that browsers can be told to keep it so.
#[derive(Clone, Copy, Debug)]
pub struct Secured(pub bool);

/// The headers that every answer has.
pub fn secure(headers: &mut HeaderMap, Secured(is_https): Secured) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    if is_https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS_ONE_YEAR);
    }
}

/// Makes every error of a service a problem document that names the request. Other answers are not touched.
pub async fn as_problem(response: Response, method: &Method, request_id: &str) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let content_type = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    match content_type {
        Some(kind) if kind.starts_with(PROBLEM) => name_request(response, request_id).await,
        // The words of a router or an extractor, for a path or method that the service does not have.
        None => plain_problem(response, method, request_id),
        Some(kind) if kind.starts_with(b"text/plain") => {
            plain_problem(response, method, request_id)
        }
        Some(_) => response,
    }
}

async fn name_request(response: Response, request_id: &str) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(document) = Limited::new(body, PROBLEM_BYTES_MAX).collect().await else {
        let problem = Problem::new(Kind::Internal, Kind::Internal.code(), UNREADABLE);
        return Problem { trace_id: Some(request_id.to_owned()), ..problem }.into_response();
    };
    let document = with_trace_id(document.to_bytes(), request_id);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(document))
}

const UNREADABLE: &str = "the answer broke off; try again, and report the reference if it stays";

fn with_trace_id(document: Bytes, request_id: &str) -> Bytes {
    match serde_json::from_slice(&document) {
        Ok(serde_json::Value::Object(mut members)) => {
            members.insert("traceId".into(), request_id.into());
            serde_json::to_vec(&members).map_or(document, Bytes::from)
        }
        // An answer to HEAD, or not what it says it is.
        _ => document,
    }
}

fn plain_problem(response: Response, method: &Method, request_id: &str) -> Response {
    let (parts, _) = response.into_parts();
    let (code, detail) = match parts.status {
        StatusCode::NOT_FOUND => ("route_not_found", "there is nothing at this path".to_owned()),
        StatusCode::METHOD_NOT_ALLOWED => (
            "method_not_allowed",
            format!("this path does not take the method `{method}`; see the header `Allow`"),
        ),
        status if status.is_server_error() => (Kind::Internal.code(), UNEXPECTED.to_owned()),
        _ => (Kind::Malformed.code(), "the request is not one this path understands".to_owned()),
    };
    let mut problem = Problem::with_status(parts.status, code, detail);
    problem.trace_id = Some(request_id.to_owned());
    let mut answer = problem.into_response();
    for (name, value) in &parts.headers {
        let is_of_body = [header::CONTENT_LENGTH, header::CONTENT_TYPE].contains(name);
        if !is_of_body {
            answer.headers_mut().append(name, value.clone());
        }
    }
    answer
}

const UNEXPECTED: &str =
    "something went wrong on our side; try again, and report the reference if it stays";
