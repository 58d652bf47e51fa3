//! What the browser is known by at the sign-in pages, and which of its forms are believed.

use axum::http::{HeaderMap, HeaderValue};

/// The cookie that names the browser's session. Not the one of the refresh token: this one has to come along when
/// another site sends the browser here, and opens nothing but these pages.
#[derive(Clone, Copy)]
pub struct Cookie {
    name: &'static str,
    attributes: &'static str,
}

impl Cookie {
    /// `__Host-` keeps other hosts of the domain and plain HTTP from setting it.
    pub fn new(public_url: &str) -> Self {
        if public_url.starts_with("https://") {
            let attributes = "Path=/; HttpOnly; SameSite=Lax; Secure";
            Self { name: "__Host-backline_browser", attributes }
        } else {
            Self { name: "backline_browser", attributes: "Path=/; HttpOnly; SameSite=Lax" }
        }
    }

    /// Its value, if the request has one.
    pub fn read<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        service_kit::http::cookie(headers, self.name)
    }

    /// `Set-Cookie` with a value of ours that lives so many seconds.
    pub fn set(&self, value: &str, max_age_seconds: i64) -> HeaderValue {
        let Self { name, attributes } = self;
        let text = format!("{name}={value}; {attributes}; Max-Age={}", max_age_seconds.max(0));
        // Names, attributes and random tokens are ASCII.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
    }

    /// `Set-Cookie` that removes it.
    pub fn clear(&self) -> HeaderValue {
        self.set("", 0)
    }
}

/// Whether a form was sent by a page of ours, as far as the browser says: a page of somebody else must not sign its
/// visitor in, or answer for them. A program that is no browser sends neither header.
pub fn is_own_form(headers: &HeaderMap, public_url: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_same_site = text("sec-fetch-site").is_none_or(|site| site == "same-origin");
    is_same_site && text("origin").is_none_or(|origin| origin == public_url)
}
