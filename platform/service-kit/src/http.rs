//! Requests and answers: extractors that answer with problem documents, versions as ETags, the acting user.

use std::sync::Arc;

use axum::extract::rejection::BytesRejection;
use axum::extract::{
    FromRequest, FromRequestParts, OptionalFromRequest, OptionalFromRequestParts, Request, State,
};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::HeaderName;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use policies::{Actor, Origin};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::validation::FieldErrors;
use crate::{Error, Kind, Problem};

/// A JSON object as body, in and out. In: 400 for what is not JSON or has the wrong shape, 413, 415.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(not_json());
        }
        let body = bytes(request, state).await?;
        // An array would be taken for the fields of a struct in their order.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(Error::Malformed("the body must be a JSON object".into()).into());
        }
        let parsed = serde_json::from_slice(&body);
        Ok(Self(
            parsed
                .map_err(|error| Error::Malformed(format!("the body cannot be read: {error}")))?,
        ))
    }
}

/// A body that may be left out: `None` when there is neither a media type nor a byte.
impl<S: Send + Sync, T: DeserializeOwned> OptionalFromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        if request.headers().contains_key(header::CONTENT_TYPE) {
            return <Self as FromRequest<S>>::from_request(request, state).await.map(Some);
        }
        if bytes(request, state).await?.is_empty() { Ok(None) } else { Err(not_json()) }
    }
}

/// `application/json`, or a relative such as JSON Merge Patch (RFC 7396), which is JSON too.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return false };
    let value = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let lower = value.to_ascii_lowercase();
    lower == "application/json" || (lower.starts_with("application/") && lower.ends_with("+json"))
}

fn not_json() -> Problem {
    Problem::with_status(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "send the body as application/json",
    )
}

async fn bytes(request: Request, state: &(impl Send + Sync)) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| body_problem(&rejection))
}

fn body_problem(rejection: &BytesRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::with_status(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "the request body is too large",
        ),
        _ => Error::Malformed("the body did not arrive whole".into()).into(),
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The query string; 400 when it has the wrong shape.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(Error::Malformed(rejection.body_text()).into()),
        }
    }
}

/// Parameters in the path; 400 when they have the wrong shape.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match <axum::extract::Path<T> as FromRequestParts<S>>::from_request_parts(parts, state)
            .await
        {
            Ok(axum::extract::Path(path)) => Ok(Self(path)),
            Err(rejection) => Err(Error::Malformed(rejection.body_text()).into()),
        }
    }
}

/// Who acts; nobody when the request carries no token.
#[derive(Clone, Debug)]
pub struct Identity(pub Actor);

impl<S: Send + Sync> FromRequestParts<S> for Identity {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Absent only if a router is served without `identify`, which must not look like "anonymous".
        let actor = parts.extensions.get::<Actor>().cloned();
        actor.map(Self).ok_or_else(|| Error::internal("the identify layer is missing").into())
    }
}

/// Why a token is not good. The names are the `reason` of the validate endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Its time is over.
    #[error("the access token has expired; refresh it or sign in again")]
    Expired,
    /// Not signed by us, for somebody else, or malformed.
    #[error("the access token is not valid; sign in again")]
    Invalid,
    /// Signed out, or ended by somebody else.
    #[error("this session has ended; sign in again")]
    Revoked,
    /// Bound to a key, and nothing proves that whoever shows it has that key (RFC 9449).
    #[error("this access token is bound to a key; send it as `Authorization: DPoP` with a proof")]
    Unproved,
}

impl TokenFault {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Expired => "token_expired",
            Self::Invalid => "token_invalid",
            Self::Revoked => "token_revoked",
            Self::Unproved => "token_unproved",
        }
    }
}

impl From<TokenFault> for Problem {
    fn from(fault: TokenFault) -> Self {
        Self::new(Kind::Unauthenticated, fault.code(), fault.to_string())
    }
}

/// Turns a token into the actor it proves.
pub trait Authenticate: Send + Sync {
    /// Verifies signature, time, audience and revocation, without asking anybody. A token that is bound to a key
    /// needs the voucher of a process of ours that has seen the proof.
    fn authenticate(&self, token: &str, voucher: Option<&str>) -> Result<Actor, TokenFault>;
}

/// Where one process says to another that it has seen the proof for the bound token in `Authorization`. The gateway
/// drops the header when a client sends it.
pub const VOUCHER: &str = "x-backline-voucher";

/// The token of `Authorization: Bearer …`. A header of another scheme is as bad as a bad token.
pub fn bearer_token(headers: &HeaderMap) -> Result<Option<&str>, TokenFault> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let value = value.to_str().map_err(|_| TokenFault::Invalid)?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(TokenFault::Invalid),
    }
}

/// As [`CLIENT_ADDRESS`], for the metadata of a call.
pub(crate) const CLIENT_ADDRESS_NAME: &str = "x-backline-client-address";
/// Where the client is, as the gateway knows it; the gateway lets nobody outside say it.
pub const CLIENT_ADDRESS: HeaderName = HeaderName::from_static(CLIENT_ADDRESS_NAME);
/// Longest name of a browser or program that is kept, characters.
const AGENT_LENGTH_MAX: usize = 200;

/// Where a request came from, as the gateway in another process says. For the audit log alone.
fn origin(request: &Request) -> Origin {
    let headers = request.headers();
    let address = headers.get(CLIENT_ADDRESS).and_then(|value| value.to_str().ok()?.parse().ok());
    // Of a call the agent is our own library.
    Origin { address, agent: agent(headers).filter(|_| !is_grpc(request)) }
}

/// The browser or program that sends a request, as it names itself.
pub fn agent(headers: &HeaderMap) -> Option<Arc<str>> {
    let agent = headers.get(header::USER_AGENT)?.to_str().ok()?;
    let end = agent.char_indices().nth(AGENT_LENGTH_MAX).map_or(agent.len(), |(end, _)| end);
    Some(agent[..end].into())
}

/// Middleware in front of every service, HTTP and gRPC: establishes who acts.
///
/// In one process the gateway has done so already and passes the actor on as an extension, which nothing
/// outside the process can set. Over the network only a token counts, never a header that names somebody.
pub async fn identify(
    State(authenticate): State<Arc<dyn Authenticate>>,
    mut request: Request,
    next: Next,
) -> Response {
    if request.extensions().get::<Actor>().is_none() {
        let actor = bearer_token(request.headers()).and_then(|token| match token {
            Some(token) => authenticate.authenticate(token, voucher(request.headers())),
            None => Ok(Actor::anonymous()),
        });
        match actor {
            Ok(actor) => {
                let actor = actor.from_origin(origin(&request));
                request.extensions_mut().insert(actor);
            }
            Err(fault) if is_grpc(&request) => {
                return tonic::Status::unauthenticated(fault.to_string()).into_http();
            }
            Err(fault) => return Problem::from(fault).into_response(),
        }
    }
    next.run(request).await
}

fn voucher(headers: &HeaderMap) -> Option<&str> {
    headers.get(VOUCHER)?.to_str().ok()
}

fn is_grpc(request: &Request) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// An answer with the version of the resource as `ETag`.
#[derive(Clone, Copy, Debug)]
pub struct Versioned<T> {
    /// Counted up at every change.
    pub version: i64,
    /// The resource.
    pub body: T,
}

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        ([(header::ETAG, format!("\"{}\"", self.version))], axum::Json(self.body)).into_response()
    }
}

/// The version that the caller's change is based on; `None` when it does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfMatch(pub Option<i64>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(Self(None)) };
        let value = value.to_str().unwrap_or_default().trim();
        if value == "*" {
            return Ok(Self(None));
        }
        let version = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        // What we never gave cannot be the present version.
        version
            .and_then(|version| version.parse().ok())
            .map(|version| Self(Some(version)))
            .ok_or_else(|| Error::Stale.into())
    }
}

impl IfMatch {
    /// `Ok` when the caller's version is the present one, or the caller does not mind.
    pub fn require(self, present: i64) -> Result<(), Error> {
        match self.0 {
            Some(version) if version != present => Err(Error::Stale),
            _ => Ok(()),
        }
    }
}

/// The `Idempotency-Key` header: 1 to 255 visible characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(pub String);

impl<S: Send + Sync> OptionalFromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(None) };
        let key = value.to_str().unwrap_or_default().trim();
        if key.is_empty() || key.len() > 255 {
            let what = "`Idempotency-Key` must have 1 to 255 visible ASCII characters";
            return Err(Error::Malformed(what.into()).into());
        }
        Ok(Some(Self(key.to_owned())))
    }
}

/// What the cookie of this name holds, if the request has it and it is not empty.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let values = headers.get_all(header::COOKIE).iter();
    let pairs = values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    let mut pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
    let value = pairs.find(|(known, _)| *known == name).map(|(_, value)| value.trim());
    value.filter(|value| !value.is_empty())
}

/// A member of a JSON Merge Patch (RFC 7396): absent leaves the value, `null` removes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Not in the document.
    #[default]
    Absent,
    /// `null`.
    Null,
    /// A new value.
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

impl<T> Patch<T> {
    /// For a value that cannot be removed: `null` is noted as wrong.
    pub fn required(self, field: &str, errors: &mut FieldErrors) -> Option<T> {
        match self {
            Self::Absent => None,
            Self::Null => {
                errors.add(field, "cannot be removed");
                None
            }
            Self::Value(value) => Some(value),
        }
    }

    /// For a value that may be removed: `Some(None)` removes it.
    pub fn removable(self) -> Option<Option<T>> {
        match self {
            Self::Absent => None,
            Self::Null => Some(None),
            Self::Value(value) => Some(Some(value)),
        }
    }
}

/// Applies a merge patch to a free JSON document (RFC 7396, section 2).
pub fn merge(target: &mut serde_json::Value, patch: serde_json::Value) {
    use serde_json::Value::{Null, Object};
    match patch {
        Object(members) => {
            if !target.is_object() {
                *target = Object(serde_json::Map::new());
            }
            let Object(map) = target else { return };
            for (name, value) in members {
                if value.is_null() {
                    map.remove(&name);
                } else {
                    merge(map.entry(name).or_insert(Null), value);
                }
            }
        }
        value => *target = value,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_merge_patch_changes_removes_and_leaves() {
        let mut profile = json!({"a": 1, "b": {"c": 2, "d": 3}});
        merge(&mut profile, json!({"a": null, "b": {"c": 5}, "e": [1]}));
        assert_eq!(profile, json!({"b": {"c": 5, "d": 3}, "e": [1]}));
    }

    async fn read(content_type: &str, body: &'static str) -> Result<Vec<u8>, u16> {
        #[derive(serde::Deserialize)]
        struct Numbers {
            numbers: Vec<u8>,
        }
        let request = Request::builder().header(header::CONTENT_TYPE, content_type);
        let request = request.body(axum::body::Body::from(body)).expect("a request");
        let read = <Json<Numbers> as FromRequest<()>>::from_request(request, &()).await;
        read.map(|Json(read)| read.numbers).map_err(|problem| problem.status)
    }

    #[tokio::test]
    async fn a_body_is_a_json_object_and_nothing_else() {
        assert_eq!(
            read("application/json; charset=utf-8", r#" {"numbers":[1]}"#).await,
            Ok(vec![1])
        );
        assert_eq!(read("application/merge-patch+json", r#"{"numbers":[]}"#).await, Ok(vec![]));
        for wrong in ["", "null", "[[1]]", "{", r#"{"numbers":1}"#, "\0"] {
            assert_eq!(read("application/json", wrong).await, Err(400), "{wrong}");
        }
        assert_eq!(read("text/plain", r#"{"numbers":[1]}"#).await, Err(415));
    }

    #[test]
    fn only_bearer_tokens_are_tokens() {
        let mut headers = HeaderMap::new();
        assert_eq!(bearer_token(&headers), Ok(None));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("bearer abc"));
        assert_eq!(bearer_token(&headers), Ok(Some("abc")));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Basic abc"));
        assert_eq!(bearer_token(&headers), Err(TokenFault::Invalid));
    }
}
