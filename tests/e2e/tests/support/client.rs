//! A client as anybody could write it: HTTP and JSON.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_secs(20);
pub const PASSWORD: &str = "a long enough secret";

/// Somebody in front of the gateway.
#[derive(Clone)]
pub struct Client {
    http: HyperClient<HttpConnector, Full<Bytes>>,
    base: String,
    pub token: Option<String>,
    /// Further headers of every request.
    pub headers: Vec<(String, String)>,
}

/// An answer, with its body read.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Client {
    pub fn new(base: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = HyperClient::builder(TokioExecutor::new()).build(connector);
        Self { http, base: base.to_owned(), token: None, headers: vec![] }
    }

    /// The same connections, as somebody else.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let text = body.map(|body| body.to_string());
        self.try_send(method, path, text).await.expect("an answer")
    }

    /// `None` when no answer came, as when the server is being killed.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Option<Answer> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::from(body.unwrap_or_default())).expect("a request");
        let answer = tokio::time::timeout(TIMEOUT, self.http.request(request)).await.ok()?.ok()?;
        let (parts, body) = answer.into_parts();
        let bytes = tokio::time::timeout(TIMEOUT, body.collect()).await.ok()?.ok()?.to_bytes();
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
        Some(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// Any request as it is, to any path of the same server or with a whole address; the body is whatever came.
    pub async fn raw(&self, mut request: Request<Vec<u8>>) -> http::Response<Vec<u8>> {
        if request.uri().host().is_none() {
            let whole = format!("{}{}", self.base, request.uri());
            *request.uri_mut() = whole.parse().expect("an address");
        }
        let request = request.map(|body| Full::from(Bytes::from(body)));
        let answer = tokio::time::timeout(TIMEOUT, self.http.request(request)).await;
        let (parts, body) = answer.expect("in time").expect("an answer").into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        http::Response::from_parts(parts, body.to_vec())
    }

    /// Where the server is.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Makes an account; its id.
    pub async fn sign_up(&self, email: &str) -> String {
        let account = json!({
            "email": email, "password": PASSWORD, "firstName": "Ada", "lastName": "Byron",
        });
        self.post("/api/v1/users", account).await.expect(201).text("id").to_owned()
    }

    /// Signs in; somebody with a token.
    pub async fn sign_in(&self, email: &str) -> Self {
        let login = json!({ "email": email, "password": PASSWORD });
        let tokens = self.post("/api/v1/auth/login", login).await.expect(200);
        self.with_token(tokens.text("accessToken"))
    }

    /// Somebody new, signed in, with the role `member`.
    pub async fn new_member(&self, email: &str) -> Self {
        let id = self.sign_up(email).await;
        let member = self.sign_in(email).await;
        super::eventually("the role member", || async {
            let me = member.get(&format!("/api/v1/users/{id}")).await;
            let roles = me.body["roles"].as_array().cloned().unwrap_or_default();
            roles.iter().any(|held| held["role"] == "member").then_some(())
        })
        .await;
        // The role is in the token from the first request on.
        self.sign_in(email).await
    }

    /// A new organiser, run by this member; its id. The member's token already counts for it.
    pub async fn found_organiser(&self, org_number: &str) -> String {
        let customer = json!({
            "name": "Harbour Nights", "orgNumber": org_number, "address": "Pier 1",
            "email": "office@example.org", "phone": "+46 8 123", "customerType": "organiser",
        });
        self.post("/api/v1/customers", customer).await.expect(201).text("id").to_owned()
    }

    /// A published event; its id.
    pub async fn publish_event(&self, customer_id: &str, seats: u32) -> String {
        let event = event(customer_id, seats);
        let draft = super::eventually("the right to plan events", || async {
            let answer = self.post("/api/v1/events", event.clone()).await;
            (answer.status == StatusCode::CREATED).then_some(answer)
        })
        .await;
        let path = format!("/api/v1/events/{}", draft.text("id"));
        self.patch(&path, json!({ "status": "published" })).await.expect(200);
        draft.text("id").to_owned()
    }

    /// Tries to buy tickets.
    pub async fn order(&self, event_id: &str, quantity: u32) -> Answer {
        let lines = json!({ "lines": [{ "eventId": event_id, "quantity": quantity }] });
        self.post("/api/v1/orders", lines).await
    }
}

/// A concert next month.
pub fn event(customer_id: &str, seats: u32) -> Value {
    let start = testkit::now() + jiff::SignedDuration::from_hours(30 * 24);
    json!({
        "customerId": customer_id, "name": "Night of the Tides", "description": "Open air",
        "startDate": start.to_string(), "endDate": (start + jiff::SignedDuration::from_hours(5)).to_string(),
        "timeZone": "Europe/Stockholm", "location": "Harbour stage", "eventType": "concert",
        "seats": seats, "price": { "amountMinor": 45000, "currency": "SEK" }, "crewSlots": 4,
        "details": { "doors": "18:00" },
    })
}

impl Answer {
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(answer.body["code"], code, "{}", answer.body);
        assert!(answer.body["traceId"].is_string(), "{}", answer.body);
        answer
    }

    #[track_caller]
    pub fn text(&self, member: &str) -> &str {
        self.body[member].as_str().unwrap_or_else(|| panic!("no text `{member}` in {}", self.body))
    }

    #[track_caller]
    pub fn items(&self) -> &[Value] {
        self.body["items"].as_array().unwrap_or_else(|| panic!("not a list: {}", self.body))
    }
}
