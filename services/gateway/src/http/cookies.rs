//! The cookie that holds the refresh token.

use http::header::{self, HeaderMap, HeaderValue};

use crate::error::{Error, Result};

/// The cookie's name and attributes; they depend on how the world reaches us.
#[derive(Clone, Copy, Debug)]
pub struct RefreshCookie {
    name: &'static str,
    attributes: &'static str,
}

impl RefreshCookie {
    /// `__Host-` keeps other hosts of the domain and plain HTTP from setting it; browsers take it over
    /// HTTPS only.
    pub fn new(is_https: bool) -> Self {
        if is_https {
            let attributes = "Path=/; HttpOnly; SameSite=Strict; Secure";
            Self { name: "__Host-backline_refresh", attributes }
        } else {
            Self { name: "backline_refresh", attributes: "Path=/; HttpOnly; SameSite=Strict" }
        }
    }

    /// The refresh token, if the request has one.
    pub fn read<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        service_kit::http::cookie(headers, self.name)
    }

    /// Takes the cookie out of what the target sees: it is none of its business.
    pub fn remove_from(&self, headers: &mut HeaderMap) {
        if self.read(headers).is_none() {
            return;
        }
        let values = headers.get_all(header::COOKIE).iter();
        let pairs = values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
        let is_other = |pair: &&str| pair.split('=').next() != Some(self.name);
        let others: Vec<&str> = pairs.map(str::trim).filter(is_other).collect();
        let others = HeaderValue::from_str(&others.join("; ")).ok().filter(|text| !text.is_empty());
        headers.remove(header::COOKIE);
        if let Some(others) = others {
            headers.insert(header::COOKIE, others);
        }
    }

    /// `Set-Cookie` with a refresh token that lives so many seconds.
    pub fn set(&self, refresh_token: &str, max_age_seconds: i64) -> Result<HeaderValue> {
        let Self { name, attributes } = self;
        let max_age = max_age_seconds.max(0);
        let is_clean =
            refresh_token.bytes().all(|b| b.is_ascii_graphic() && !b"\";,\\".contains(&b));
        let text = format!("{name}={refresh_token}; {attributes}; Max-Age={max_age}");
        let value = HeaderValue::from_str(&text).ok().filter(|_| is_clean);
        let unfit = "the refresh token does not fit into a cookie";
        value.ok_or_else(|| Error::Platform(service_kit::Error::internal(unfit)))
    }

    /// `Set-Cookie` that removes it.
    pub fn clear(&self) -> HeaderValue {
        let Self { name, attributes } = self;
        let text = format!("{name}=; {attributes}; Max-Age=0");
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
    }
}
