//! Fills an empty installation with a believable festival, through the API as people would, and prints who can sign in.
//!
//! Passwords are random and kept, readable by the owner of the data folder alone, so that the next start can print
//! them again. An installation that has accounts already is left as it is.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use database::Database;
use http::{Method, Request, header};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use stdx::secret;
use tower::ServiceExt;

use crate::config::Config;

const ADMIN: &str = "admin@demo.backline.example";
const ORGANISER: &str = "olga@demo.backline.example";
const CLUB: &str = "carl@demo.backline.example";
const DOOR: &str = "dora@demo.backline.example";
const BUYER: &str = "bea@demo.backline.example";
const BUYERS: &[(&str, &str, &str)] = &[
    (BUYER, "Bea", "Lindqvist"),
    ("amir@demo.backline.example", "Amir", "Haddad"),
    ("mai@demo.backline.example", "Mai", "Nguyen"),
];
const FILE: &str = "demo-sign-ins.txt";
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);
/// For the rate limit, which counts by address.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Makes the demo's administrator in a store without accounts, before the services ask for one; `None` when
/// there is nothing to fill.
pub async fn begin(
    databases: &[(&'static str, Database)],
    config: &Config,
) -> Result<Option<Festival>, String> {
    if config.node.data.join(FILE).exists() {
        return Ok(None);
    }
    let users = databases.iter().find(|(name, _)| *name == "users").map(|(_, database)| database);
    let users = users.ok_or("the demo needs the users service in this process")?;
    if users::has_accounts(users).await.map_err(|error| error.to_string())? {
        eprintln!("The store is not empty: the demo leaves it as it is.");
        return Ok(None);
    }
    let password = format!("demo-{}", &secret::random_token()[..12]);
    let made = users::create_user(users, ADMIN, &password, "admin").await;
    made.map_err(|error| format!("demo: {error}"))?;
    Ok(Some(Festival { password }))
}

/// Fills the store that was begun, and prints the sign-ins of this or an earlier start.
pub async fn finish(begun: Option<Festival>, door: Router, config: &Config) -> Result<(), String> {
    let file = config.node.data.join(FILE);
    if let Some(Festival { password }) = begun {
        eprintln!("Filling the empty store with a demo festival …");
        let organisers = Organisers { door, password };
        organisers.fill().await?;
        keep(&file, &organisers.password)?;
    }
    if file.exists() { print(&file) } else { Ok(()) }
}

/// A demo that has begun.
pub struct Festival {
    password: String,
}

/// Those who use the API to set the festival up.
struct Organisers {
    door: Router,
    password: String,
}

impl Organisers {
    async fn fill(&self) -> Result<(), String> {
        for (email, first, last) in
            [(ORGANISER, "Olga", "Berg"), (CLUB, "Carl", "Rask"), (DOOR, "Dora", "Holm")]
        {
            self.sign_up(email, first, last).await?;
        }
        for (email, first, last) in BUYERS {
            self.sign_up(email, first, last).await?;
        }
        let olga = self.sign_in(ORGANISER).await?;
        let harbour =
            customer("Harbour Nights Festival", "556677-8899", "Pier 4, 111 20 Stockholm");
        let harbour = self.found(&olga, harbour).await?;
        let carl = self.sign_in(CLUB).await?;
        let cellar = customer("Club Cellar", "998877-6655", "Schönhauser Allee 36, 10435 Berlin");
        let cellar = self.found(&carl, cellar).await?;
        let on_sale = self.publish(&olga, &harbour, harbour_programme()).await?;
        self.publish(&carl, &cellar, cellar_programme()).await?;
        let draft = event(
            "Winter session",
            "Not announced yet",
            150,
            240,
            80,
            "Hall B, Stockholm",
            "Europe/Stockholm",
            29000,
            "SEK",
        );
        self.plan(&olga, &harbour, draft).await?;
        self.appoint_door(&harbour).await?;
        self.sell(&on_sale).await
    }

    async fn sign_up(&self, email: &str, first: &str, last: &str) -> Result<(), String> {
        let account = json!({ "email": email, "password": self.password, "firstName": first, "lastName": last });
        self.call(None, Method::POST, "/api/v1/users", Some(account)).await.map(drop)
    }

    async fn sign_in(&self, email: &str) -> Result<String, String> {
        let login = json!({ "email": email, "password": self.password });
        let tokens = self.call(None, Method::POST, "/api/v1/auth/login", Some(login)).await?;
        text(&tokens, "accessToken")
    }

    async fn found(&self, token: &str, customer: Value) -> Result<String, String> {
        // The role that permits it arrives a moment after signing up.
        let founded = self.retry(token, Method::POST, "/api/v1/customers", customer).await?;
        text(&founded, "id")
    }

    async fn plan(&self, token: &str, customer: &str, mut event: Value) -> Result<String, String> {
        event["customerId"] = customer.into();
        let planned = self.retry(token, Method::POST, "/api/v1/events", event).await?;
        text(&planned, "id")
    }

    async fn publish(
        &self,
        token: &str,
        customer: &str,
        programme: Vec<Value>,
    ) -> Result<Vec<String>, String> {
        let mut published = vec![];
        for event in programme {
            let id = self.plan(token, customer, event).await?;
            let path = format!("/api/v1/events/{id}");
            self.call(Some(token), Method::PATCH, &path, Some(json!({ "status": "published" })))
                .await?;
            published.push(id);
        }
        Ok(published)
    }

    /// Somebody who checks tickets in, given the role by the administrator.
    async fn appoint_door(&self, customer: &str) -> Result<(), String> {
        let (admin, dora) = (self.sign_in(ADMIN).await?, self.sign_in(DOOR).await?);
        let me = self.retry_get(&dora, "/api/v1/users/me").await?;
        let path = format!("/api/v1/users/{}/roles", text(&me, "id")?);
        let role = json!({ "role": "door", "customerId": customer });
        self.retry(&admin, Method::POST, &path, role).await.map(drop)
    }

    async fn sell(&self, events: &[String]) -> Result<(), String> {
        for (number, (email, first, last)) in BUYERS.iter().enumerate() {
            let token = self.sign_in(email).await?;
            for (position, event) in events.iter().enumerate() {
                let quantity = 1 + (number + position) % 3;
                let order = json!({
                    "lines": [{ "eventId": event, "quantity": quantity }],
                    "buyer": { "name": format!("{first} {last}"), "email": email },
                });
                self.retry(&token, Method::POST, "/api/v1/orders", order).await?;
            }
        }
        Ok(())
    }

    async fn retry(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Value,
    ) -> Result<Value, String> {
        self.until_permitted(|| self.call(Some(token), method.clone(), path, Some(body.clone())))
            .await
    }

    async fn retry_get(&self, token: &str, path: &str) -> Result<Value, String> {
        self.until_permitted(|| self.call(Some(token), Method::GET, path, None)).await
    }

    async fn until_permitted<F: Future<Output = Result<Value, String>>>(
        &self,
        call: impl Fn() -> F,
    ) -> Result<Value, String> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            match call().await {
                Err(_) if tokio::time::Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
                outcome => return outcome,
            }
        }
    }

    async fn call(
        &self,
        token: Option<&str>,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, String> {
        let mut request =
            Request::builder().method(method).uri(path).header(header::HOST, "localhost");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let mut request = request.body(body).map_err(|error| error.to_string())?;
        request.extensions_mut().insert(ConnectInfo(PEER));
        let Ok(response) = self.door.clone().oneshot(request).await;
        let status = response.status();
        let body =
            response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
        if !status.is_success() {
            return Err(format!("demo: {path}: {status} {}", String::from_utf8_lossy(&body)));
        }
        Ok(serde_json::from_slice(&body).unwrap_or_default())
    }
}

fn text(value: &Value, member: &str) -> Result<String, String> {
    value[member]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| format!("demo: no `{member}` in {value}"))
}

fn customer(name: &str, org_number: &str, address: &str) -> Value {
    json!({
        "name": name, "orgNumber": org_number, "address": address, "email": ORGANISER,
        "phone": "+46 8 123 456", "customerType": "organiser",
    })
}

fn harbour_programme() -> Vec<Value> {
    let zone = "Europe/Stockholm";
    let stage = "Harbour stage, Stockholm";
    vec![
        event(
            "Night of the Tides",
            "Four bands on the water, from dusk until the last ferry.",
            21,
            5,
            1200,
            stage,
            zone,
            45000,
            "SEK",
        ),
        event(
            "Brass on the Pier",
            "Eleven horns, two drummers and no microphones.",
            22,
            4,
            800,
            stage,
            zone,
            32000,
            "SEK",
        ),
        event(
            "Lantern Walk",
            "A slow concert through the old shipyard. Bring warm shoes.",
            35,
            3,
            120,
            "Old shipyard, Stockholm",
            zone,
            18000,
            "SEK",
        ),
        event(
            "Children's Morning",
            "Sing, paint, and be home for lunch.",
            23,
            3,
            300,
            stage,
            zone,
            0,
            "SEK",
        ),
    ]
}

fn cellar_programme() -> Vec<Value> {
    let (cellar, berlin) = ("Club Cellar, Berlin", "Europe/Berlin");
    vec![
        event(
            "Modular Mondays",
            "Patch cables until midnight.",
            9,
            4,
            90,
            cellar,
            berlin,
            1500,
            "EUR",
        ),
        event(
            "Tokyo Exchange",
            "Live from Shibuya, with a guest set at dawn.",
            48,
            6,
            400,
            "Live House Nami, Tokyo",
            "Asia/Tokyo",
            6800,
            "JPY",
        ),
    ]
}

#[allow(clippy::too_many_arguments, reason = "a row of a table")]
fn event(
    name: &str,
    description: &str,
    in_days: i64,
    hours: i64,
    seats: i64,
    location: &str,
    zone: &str,
    amount_minor: i64,
    currency: &str,
) -> Value {
    let evening = stdx::Clock::system().now().as_second() / 86_400 * 86_400 + 18 * 3600;
    let start = Timestamp::from_second(evening).unwrap_or(Timestamp::UNIX_EPOCH)
        + SignedDuration::from_hours(in_days * 24);
    json!({
        "name": name, "description": description, "startDate": start.to_string(),
        "endDate": (start + SignedDuration::from_hours(hours)).to_string(), "timeZone": zone,
        "location": location, "eventType": "concert", "seats": seats,
        "price": { "amountMinor": amount_minor, "currency": currency },
        "crewSlots": 6, "details": { "Doors": "one hour before", "Age": "all ages" },
    })
}

fn keep(file: &PathBuf, password: &str) -> Result<(), String> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut text = String::from("Demo sign-ins (one password for all of them):\n\n");
    for (email, what) in [
        (ADMIN, "administrator"),
        (ORGANISER, "runs Harbour Nights Festival"),
        (CLUB, "runs Club Cellar"),
        (DOOR, "checks tickets in at the door of Harbour Nights"),
        (BUYER, "has bought tickets"),
    ] {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {email:<32} {what}");
    }
    let _ = writeln!(text, "\n  password: {password}");
    let opened =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| format!("{}: {error}", file.display()))
}

fn print(file: &Path) -> Result<(), String> {
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    eprintln!("\n{text}");
    Ok(())
}
