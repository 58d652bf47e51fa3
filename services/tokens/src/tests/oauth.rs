//! The provider: what programs and browsers send and get, and the points of the security checklist.

mod backchannel;
mod clients;
mod code;
mod conformance;
mod conformance_logout;
mod demands;
mod devices;
mod logout;
mod pages;
mod possession;
mod tokens;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{Method, Request, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use testkit::{Answer, Caller, TestNode};

use super::{EMAIL, PASSWORD};

pub const ISSUER: &str = "http://127.0.0.1:5000";
pub const CALLBACK: &str = "https://rp.example/callback";
const VERIFIER: &str = "a-verifier-that-is-at-least-forty-three-letters-long";

/// A relying party and its user's browser.
pub struct Party {
    pub node: TestNode,
    pub client_id: String,
    pub secret: String,
    /// The browser's cookie.
    pub cookie: Option<String>,
    /// What the user types as second factor.
    pub second_factor: &'static str,
}

pub fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER.as_bytes()))
}

pub fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A client as most are.
pub fn web_client() -> Value {
    json!({
        "client_name": "Box office",
        "redirect_uris": [CALLBACK],
        "post_logout_redirect_uris": ["https://rp.example/bye"],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid profile email roles offline_access",
    })
}

impl Party {
    pub async fn new() -> Self {
        Self::on(super::node().await, web_client()).await
    }

    pub async fn on(node: TestNode, registration: Value) -> Self {
        let admin = node.caller(&[("admin", None)]);
        let registered = node.post(&admin, "/oauth/register", registration).await.expect(201);
        Self {
            client_id: registered.text("client_id").to_owned(),
            secret: registered.body["client_secret"].as_str().unwrap_or_default().to_owned(),
            node,
            cookie: None,
            second_factor: "",
        }
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, format!("backline_browser={cookie}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(axum::body::Body::from(body.to_owned()));
        self.node.send_raw(request.expect("a request")).await
    }

    /// As the gateway passes `Authorization` on.
    pub async fn post_as(&self, credentials: &str, path: &str, pairs: &[(&str, &str)]) -> Answer {
        self.send(Method::POST, path, &form(pairs), &[("x-backline-token", credentials)]).await
    }

    pub async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        let basic = STANDARD.encode(format!("{}:{}", self.client_id, self.secret));
        self.post_as(&format!("Basic {basic}"), path, pairs).await
    }

    /// A form of a page.
    pub async fn submit(&self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        self.send(Method::POST, path, &form(pairs), &[("origin", ISSUER)]).await
    }

    pub fn authorize_path(&self, changes: &[(&str, &str)]) -> String {
        let challenge = challenge();
        let mut pairs: Vec<(&str, &str)> = vec![
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", CALLBACK),
            ("scope", "openid profile email offline_access"),
            ("state", "s1"),
            ("nonce", "n1"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in changes {
            pairs.retain(|(known, _)| known != name);
            if !value.is_empty() {
                pairs.push((name, value));
            }
        }
        format!("/oauth/authorize?{}", form(&pairs))
    }

    pub async fn authorize(&self, changes: &[(&str, &str)]) -> Answer {
        self.send(Method::GET, &self.authorize_path(changes), "", &[]).await
    }

    /// Signs the browser in and follows to where that leads.
    pub async fn sign_in(&mut self, changes: &[(&str, &str)]) -> Answer {
        let goes_on = self.authorize_path(changes);
        let code = self.second_factor;
        let pairs =
            [("continue", &*goes_on), ("email", EMAIL), ("password", PASSWORD), ("code", code)];
        let signed_in = self.submit("/oauth/sign-in", &pairs).await.expect(303);
        let cookie = signed_in.headers["set-cookie"].to_str().expect("text");
        let value =
            cookie.strip_prefix("backline_browser=").and_then(|rest| rest.split(';').next());
        self.cookie = value.map(str::to_owned);
        self.send(Method::GET, location(&signed_in), "", &[]).await
    }

    pub async fn allow(&self, changes: &[(&str, &str)]) -> Answer {
        let goes_on = self.authorize_path(changes);
        let pairs = [("continue", goes_on.as_str()), ("decision", "allow")];
        self.submit("/oauth/consent", &pairs).await
    }

    /// The whole way of a user who is new here: the code.
    pub async fn code(&mut self) -> String {
        self.sign_in(&[]).await.expect(200);
        let answer = self.allow(&[]).await.expect(303);
        query_of(location(&answer), "code").expect("a code")
    }

    pub async fn exchange(&self, code: &str) -> Answer {
        self.exchange_with(code, &[]).await
    }

    pub async fn exchange_with(&self, code: &str, changes: &[(&str, &str)]) -> Answer {
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        for (name, value) in changes {
            pairs.retain(|(known, _)| known != name);
            pairs.push((name, value));
        }
        self.post("/oauth/token", &pairs).await
    }

    pub async fn tokens(&mut self) -> Answer {
        let code = self.code().await;
        self.exchange(&code).await.expect(200)
    }

    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        self.post("/oauth/token", &pairs).await
    }

    pub async fn userinfo(&self, token: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        self.send(Method::GET, "/oauth/userinfo", "", &[("x-backline-token", &bearer)]).await
    }

    pub fn admin(&self) -> Caller {
        self.node.caller(&[("admin", None)])
    }
}

#[track_caller]
pub fn location(answer: &Answer) -> &str {
    answer.headers["location"].to_str().expect("text")
}

pub fn query_of(address: &str, name: &str) -> Option<String> {
    let (_, query) = address.split_once('?')?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// What a token says, unverified.
pub fn claims(token: &str) -> Value {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("a payload"));
    serde_json::from_slice(&payload.expect("base64")).expect("JSON")
}

/// An error as the RFCs have it.
#[track_caller]
pub fn expect_error(answer: Answer, status: u16, error: &str) -> Answer {
    let answer = answer.expect(status);
    assert_eq!(answer.body["error"], error, "{}", answer.body);
    assert_eq!(answer.headers["cache-control"], "no-store");
    answer
}
