//! What a request was answered.

use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;

/// An answer, with its body read.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body: JSON, or a string when it is not.
    pub body: Value,
}

impl Answer {
    pub(crate) async fn read(response: axum::response::Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a whole body").to_bytes();
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
        Self { status: parts.status, headers: parts.headers, body }
    }

    /// This answer, if it has `status`.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    /// This answer, if it is a problem document with `status` and `code`.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.body["code"], code, "{}", answer.body);
        answer
    }

    /// A text member of the body.
    #[track_caller]
    pub fn text(&self, member: &str) -> &str {
        self.body[member].as_str().unwrap_or_else(|| panic!("no text `{member}` in {}", self.body))
    }

    /// The rows of a list.
    #[track_caller]
    pub fn items(&self) -> &[Value] {
        self.body["items"].as_array().unwrap_or_else(|| panic!("not a list: {}", self.body))
    }

    /// The `ETag`.
    #[track_caller]
    pub fn etag(&self) -> &str {
        self.headers["etag"].to_str().expect("a readable ETag")
    }
}
