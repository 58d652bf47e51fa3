//! A world to measure in: the program on a fresh folder, an administrator, an organiser, events.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http_load::Connection;
use crate::process::{Process, program};
use crate::{Plan, Result};

/// Of every account.
pub const PASSWORD: &str = "a long enough secret";
/// Of the organiser's account.
pub const ORGANISER: &str = "organiser@example.org";
const ADMIN: &str = "admin@example.org";
/// What is promised "in a moment" may take this long on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program, and people who may do what is measured.
pub struct Stage {
    /// The program.
    pub program: Process,
    /// The administrator's token.
    pub admin: String,
    /// The token of a member who runs an organiser: plans events, buys, checks in.
    pub organiser: String,
    customer_id: String,
    folder: TempDir,
}

impl Stage {
    /// Starts the program with further settings and brings the people in.
    pub async fn open(plan: &Plan, settings: &[(&str, &str)]) -> Result<Self> {
        Self::open_with_file(plan, settings, "").await
    }

    /// As [`Stage::open`], with a settings file of this text.
    pub async fn open_with_file(
        plan: &Plan,
        settings: &[(&str, &str)],
        file: &str,
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        // The program reads it because it is in the folder that it starts in.
        std::fs::write(folder.path().join("backline.toml"), file)?;
        let program = Process::program(plan, folder.path(), settings).await?;
        create_admin(plan, folder.path(), settings)?;
        let mut connection = Connection::open(program.address).await?;
        let account = json!({
            "email": ORGANISER, "password": PASSWORD, "firstName": "Ada", "lastName": "Byron",
        });
        let account = connection.post("/api/v1/users", None, &account).await?;
        let user_id = text(&account.expect(StatusCode::CREATED)?, "id")?;
        let admin = sign_in(&mut connection, ADMIN).await?;
        wait_for_role(&mut connection, &admin, &user_id).await?;
        let organiser = sign_in(&mut connection, ORGANISER).await?;
        let customer_id = found_organiser(&mut connection, &organiser).await?;
        Ok(Self { program, admin, organiser, customer_id, folder })
    }

    /// The data folder.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// A connection to the program.
    pub async fn connect(&self) -> Result<Connection> {
        Connection::open(self.program.address).await
    }

    /// A published event; its id.
    pub async fn publish_event(&self, seats: u64) -> Result<String> {
        let mut connection = self.connect().await?;
        let (event, token) = (event(&self.customer_id, seats), Some(self.organiser.as_str()));
        let deadline = Instant::now() + PATIENCE;
        let draft = loop {
            let answer = connection.post("/api/v1/events", token, &event).await?;
            // The right to plan events comes with a message, in a moment.
            if answer.status != StatusCode::FORBIDDEN || Instant::now() > deadline {
                break answer.expect(StatusCode::CREATED)?;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let id = text(&draft, "id")?;
        let published = json!({ "status": "published" });
        connection
            .patch(&format!("/api/v1/events/{id}"), token, &published)
            .await?
            .expect(StatusCode::OK)?;
        Ok(id)
    }
}

/// An order of so many tickets.
pub fn order(event_id: &str, quantity: u32) -> Value {
    json!({ "lines": [{ "eventId": event_id, "quantity": quantity }] })
}

/// A member of a JSON object.
pub fn text(value: &Value, member: &str) -> Result<String> {
    let found = value[member].as_str().ok_or_else(|| format!("no `{member}` in {value}"))?;
    Ok(found.to_owned())
}

async fn sign_in(connection: &mut Connection, email: &str) -> Result<String> {
    let login = json!({ "email": email, "password": PASSWORD });
    let tokens = connection.post("/api/v1/auth/login", None, &login).await?;
    text(&tokens.expect(StatusCode::OK)?, "accessToken")
}

/// The first administrator is made on the command line, as an operator would.
fn create_admin(plan: &Plan, folder: &Path, settings: &[(&str, &str)]) -> Result<()> {
    let mut command = program(plan, folder, settings);
    command.args(["users", "create", "--email", ADMIN, "--role", "admin", "--password-stdin"]);
    command.arg("--data").arg(folder).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().ok_or("no standard input")?;
    stdin.write_all(PASSWORD.as_bytes())?;
    drop(stdin);
    if child.wait()?.success() { Ok(()) } else { Err("no administrator could be made".into()) }
}

async fn wait_for_role(connection: &mut Connection, admin: &str, user_id: &str) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let path = format!("/api/v1/users/{user_id}");
    loop {
        let user = connection.get(&path, Some(admin)).await?.expect(StatusCode::OK)?;
        if user["roles"].as_array().is_some_and(|roles| !roles.is_empty()) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!("waited in vain for a role: {user}").into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn found_organiser(connection: &mut Connection, token: &str) -> Result<String> {
    let customer = json!({
        "name": "Harbour Nights", "orgNumber": "556001-0001", "address": "Pier 1",
        "email": "office@example.org", "phone": "+46 8 123", "customerType": "organiser",
    });
    let made = connection.post("/api/v1/customers", Some(token), &customer).await?;
    text(&made.expect(StatusCode::CREATED)?, "id")
}

fn event(customer_id: &str, seats: u64) -> Value {
    let start = testkit::now() + jiff::SignedDuration::from_hours(30 * 24);
    json!({
        "customerId": customer_id, "name": "Night of the Tides", "description": "Open air",
        "startDate": start.to_string(),
        "endDate": (start + jiff::SignedDuration::from_hours(5)).to_string(),
        "timeZone": "Europe/Stockholm", "location": "Harbour stage", "eventType": "concert",
        "seats": seats, "price": { "amountMinor": 45000, "currency": "SEK" }, "crewSlots": 4,
        "details": { "doors": "18:00" },
    })
}
