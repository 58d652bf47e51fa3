//! Headers of requests: what is refused, what is not believed, what is added.

use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Version};
use jiff::Timestamp;
use policies::{Actor, Principal};
use service_kit::http::{CLIENT_ADDRESS, VOUCHER};
use uuid::{Builder, Uuid};

use crate::domain;
use crate::error::{Error, Result};

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Where the tokens service finds the token it is asked to judge.
pub const TOKEN_IN_QUESTION: HeaderName = HeaderName::from_static("x-backline-token");

const USER_ID: HeaderName = HeaderName::from_static("x-user-id");
const USER_ROLES: HeaderName = HeaderName::from_static("x-user-roles");
const USER_CUSTOMER: HeaderName = HeaderName::from_static("x-user-customerid");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

const REQUEST_ID_LENGTH_MAX: usize = 128;

/// Refuses what two programs in a row may read differently. The rest of this list hyper refuses itself:
/// two lengths, a length beside chunks (it counts the chunks and closes), chunks in HTTP/1.0.
pub fn check<B>(request: &Request<B>) -> Result<()> {
    let hosts = request.headers().get_all(header::HOST);
    let mut hosts = hosts.iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(Error::Malformed("send one `Host` header, not several"));
    }
    let host_is_empty = host.is_some_and(HeaderValue::is_empty);
    let host_is_missing = host.is_none() && request.version() == Version::HTTP_11;
    if host_is_empty || host_is_missing {
        return Err(Error::Malformed("send the `Host` header"));
    }
    let authority = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    if let (Some(authority), Some(host)) = (authority, host)
        && !authority.eq_ignore_ascii_case(host.as_bytes())
    {
        return Err(Error::Malformed("the `Host` header must name the host of the request"));
    }
    let has_length = request.headers().contains_key(header::CONTENT_LENGTH);
    if has_length && request.headers().contains_key(header::TRANSFER_ENCODING) {
        return Err(Error::Malformed("send `Content-Length` or `Transfer-Encoding`, not both"));
    }
    if domain::is_ambiguous(request.uri().path()) {
        return Err(Error::Malformed("write the path without `.`, `..`, `\\` and encoded slashes"));
    }
    Ok(())
}

/// Sees to it that the host is in its header: HTTP/2 has it in the request line only.
pub fn complete_host<B>(request: &mut Request<B>) {
    if request.headers().contains_key(header::HOST) {
        return;
    }
    let authority = request.uri().authority().map(|host| HeaderValue::from_str(host.as_str()));
    if let Some(Ok(host)) = authority {
        request.headers_mut().insert(header::HOST, host);
    }
}

/// Removes what is only for this connection and whatever claims an identity, in any spelling.
pub fn strip_request(headers: &mut HeaderMap) {
    remove_named_in_connection(headers);
    remove_where(headers, |name| is_hop_by_hop(name) || is_claim(name.as_str()));
}

/// Removes what is only for the connection to the target and what is only for the gateway.
pub fn strip_response(headers: &mut HeaderMap) {
    remove_named_in_connection(headers);
    remove_where(headers, |name| is_hop_by_hop(name) || name.as_str().starts_with("x-backline-"));
}

fn remove_named_in_connection(headers: &mut HeaderMap) {
    if !headers.contains_key(header::CONNECTION) {
        return;
    }
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
}

/// For one connection, not for the next (RFC 9110, section 7.6.1).
fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// One look at each header: most requests have nothing to remove, and then this allocates nothing.
fn remove_where(headers: &mut HeaderMap, is_unwanted: impl Fn(&HeaderName) -> bool) {
    let unwanted: Vec<HeaderName> =
        headers.keys().filter(|name| is_unwanted(name)).cloned().collect();
    for name in unwanted {
        headers.remove(name);
    }
}

/// Some servers read `X_User_Id` as `X-User-Id`, so it is one.
fn is_claim(name: &str) -> bool {
    const PREFIXES: [&str; 2] = ["x-user-", "x-backline-"];
    let begins_with = |prefix: &str| {
        name.len() >= prefix.len()
            && name.bytes().zip(prefix.bytes()).all(|(is, wanted)| match is {
                b'_' => wanted == b'-',
                is => is.eq_ignore_ascii_case(&wanted),
            })
    };
    PREFIXES.iter().any(|prefix| begins_with(prefix))
}

/// Says who acts, for services in other processes and in other languages. Ours trust the token alone.
pub fn add_identity(headers: &mut HeaderMap, actor: &Actor) {
    let Principal::User { id, customer, .. } = actor.principal() else { return };
    insert(headers, USER_ID, &id.to_string());
    insert(headers, USER_ROLES, &actor.roles().join(","));
    if let Some(customer) = customer {
        insert(headers, USER_CUSTOMER, &customer.to_string());
    }
}

/// Says where the client is: to a service that counts tries, and in another process for the audit log.
pub fn add_client_address(headers: &mut HeaderMap, address: IpAddr) {
    insert(headers, CLIENT_ADDRESS, &address.to_string());
}

/// Says where the request came from, replacing what the client said about it.
pub fn add_forwarded(headers: &mut HeaderMap, chain: &str, is_https: bool) {
    headers.remove(header::FORWARDED);
    headers.remove("x-real-ip");
    insert(headers, FORWARDED_FOR, chain);
    let scheme = HeaderValue::from_static(if is_https { "https" } else { "http" });
    headers.insert(FORWARDED_PROTO, scheme);
    match headers.get(header::HOST).cloned() {
        Some(host) => headers.insert(FORWARDED_HOST, host),
        None => headers.remove(FORWARDED_HOST),
    };
}

/// `Authorization: Bearer <token>`.
pub fn set_bearer(headers: &mut HeaderMap, token: &str) {
    insert(headers, header::AUTHORIZATION, &format!("Bearer {token}"));
}

/// Says to a service in another process that the token's proof has been seen here.
pub fn add_voucher(headers: &mut HeaderMap, voucher: &str) {
    insert(headers, HeaderName::from_static(VOUCHER), voucher);
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    match HeaderValue::from_str(value) {
        Ok(value) => headers.insert(name, value),
        Err(_) => headers.remove(name),
    };
}

/// The request's name: the client's own when it is a sane one, else a new one. Also sees to it that the
/// request has a `traceparent`.
pub fn name_request(headers: &mut HeaderMap, now: Timestamp) -> HeaderValue {
    let given = headers.get(REQUEST_ID).filter(|value| is_sane_id(value.as_bytes())).cloned();
    let is_traced = headers.get(TRACEPARENT).is_some_and(|value| is_traceparent(value.as_bytes()));
    if let Some(given) = &given
        && is_traced
    {
        return given.clone();
    }
    let new = new_id(now);
    if !is_traced {
        insert(headers, TRACEPARENT, &traceparent(new));
    }
    let id = given.unwrap_or_else(|| {
        let mut text = Uuid::encode_buffer();
        HeaderValue::from_str(new.hyphenated().encode_lower(&mut text)).unwrap_or(NAMELESS)
    });
    headers.insert(REQUEST_ID, id.clone());
    id
}

/// A version 7, as everywhere, but from this thread's random numbers: a system call for each request costs more
/// than the rest of its name.
fn new_id(now: Timestamp) -> Uuid {
    let random = stdx::secret::random_bytes();
    let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid()
}

const NAMELESS: HeaderValue = HeaderValue::from_static("unknown");

fn is_sane_id(id: &[u8]) -> bool {
    let is_sane = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:+/=@".contains(byte);
    (1..=REQUEST_ID_LENGTH_MAX).contains(&id.len()) && id.iter().all(is_sane)
}

/// `00-<trace: 32>-<parent: 16>-<flags: 2>` (W3C Trace Context).
fn is_traceparent(value: &[u8]) -> bool {
    let is_hex = |part: &[u8]| part.iter().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b));
    value.len() == 55
        && value.starts_with(b"00-")
        && [2, 35, 52].iter().all(|at| value[*at] == b'-')
        && [3..35, 36..52, 53..55].into_iter().all(|part| is_hex(&value[part]))
        && value[3..35].iter().any(|byte| *byte != b'0')
        && value[36..52].iter().any(|byte| *byte != b'0')
}

fn traceparent(id: Uuid) -> String {
    let mut text = Uuid::encode_buffer();
    let trace = id.simple().encode_lower(&mut text);
    // The second half of a v7 is random: a span's name as good as any.
    ["00-", trace, "-", &trace[16..], "-01"].concat()
}
