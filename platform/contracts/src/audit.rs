//! What the audit log is told: who did what to what, when, from where, and how it ended.
//!
//! A use case publishes an [`AuditRecorded`] in the transaction of the change, so that the change is on record if and
//! only if it was made. Never in it: secrets, tokens, passwords, profiles. A change names the fields and not their
//! values; a role is named. What can be as long as somebody likes is cut, so that an entry has a known size.

use std::net::IpAddr;

use jiff::Timestamp;
use policies::{Actor, Origin, Principal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::CustomerId;

/// Longest text of an entry, characters.
const TEXT_LENGTH_MAX: usize = 200;
/// Most items of a list in the details.
const ITEMS_MAX: usize = 20;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It was done.
    Done,
    /// The actor was not permitted to do it.
    Denied,
    /// It was tried in vain: a wrong password, a token used twice.
    Failed,
}

impl Outcome {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }

    /// Reads what [`Outcome::as_str`] wrote.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let all = [Self::Done, Self::Denied, Self::Failed];
        let found = all.into_iter().find(|outcome| outcome.as_str() == text);
        found.ok_or("must be done, denied or failed")
    }
}

/// What kind of somebody acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PartyKind {
    /// A person with an account.
    User,
    /// A program, on its own behalf.
    Client,
    /// A service of Backline's, by itself.
    Service,
    /// Who has not signed in.
    Anonymous,
    /// Who has the machine, at its command line.
    Operator,
}

impl PartyKind {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Client => "client",
            Self::Service => "service",
            Self::Anonymous => "anonymous",
            Self::Operator => "operator",
        }
    }

    /// Reads what [`PartyKind::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::User, Self::Client, Self::Service, Self::Anonymous, Self::Operator];
        all.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Who acted, and from where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Party {
    /// What kind of somebody.
    pub kind: PartyKind,
    /// Which account or client, or the service's name.
    pub id: Option<String>,
    /// What it was called at that time: an e-mail address, a client's name.
    pub label: Option<String>,
    /// The client's address, as the gateway knows it.
    pub address: Option<IpAddr>,
    /// The browser or program, as it names itself.
    pub agent: Option<String>,
}

impl Party {
    /// Who has the machine, at its command line.
    pub const OPERATOR: Self =
        Self { kind: PartyKind::Operator, id: None, label: None, address: None, agent: None };

    /// Nobody that is known.
    pub const ANONYMOUS: Self = Self { kind: PartyKind::Anonymous, ..Self::OPERATOR };

    /// Somebody who has just shown who they are, or whose link was used.
    pub fn user(id: impl ToString, email: &str) -> Self {
        let (id, label) = (Some(id.to_string()), Some(cut(email)));
        Self { kind: PartyKind::User, id, label, ..Self::OPERATOR }
    }

    /// A program that has shown who it is, or says who it is.
    pub fn client(id: impl ToString, name: &str) -> Self {
        Self { kind: PartyKind::Client, ..Self::user(id, name) }
    }

    /// A service, by itself: a consumer or a job.
    pub fn service(name: &str) -> Self {
        Self { kind: PartyKind::Service, id: Some(name.to_owned()), ..Self::OPERATOR }
    }

    /// From there.
    pub fn from_origin(self, origin: &Origin) -> Self {
        Self { address: origin.address, agent: origin.agent.as_deref().map(cut), ..self }
    }

    /// What tells this party from others: what is equal is counted together.
    pub fn key(&self) -> String {
        let address = self.address.map(|address| address.to_string()).unwrap_or_default();
        format!("{} {} {address}", self.kind.as_str(), self.id.as_deref().unwrap_or_default())
    }
}

impl From<&Actor> for Party {
    fn from(actor: &Actor) -> Self {
        let party = match actor.principal() {
            Principal::Anonymous => Self::ANONYMOUS,
            Principal::User { id, email, .. } => Self::user(id, email),
            Principal::Client { id, name } => Self::client(id, name),
            Principal::Service(name) => Self::service(name),
        };
        party.from_origin(actor.origin())
    }
}

impl From<&Party> for Party {
    fn from(party: &Party) -> Self {
        party.clone()
    }
}

/// What something was done to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    /// The entity type of the policies: `Account`, `Event`.
    pub kind: String,
    /// Which one; `*` for several or all.
    pub id: String,
}

/// Something that belongs into the audit log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecorded {
    /// `resource:action`; of a denial, the permission that was needed.
    pub action: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Who, from where.
    pub by: Party,
    /// To what.
    pub on: Option<Object>,
    /// The customer concerned.
    pub customer_id: Option<CustomerId>,
    /// What else is to be known, by name.
    pub details: Map<String, Value>,
    /// How often, when equal ones were counted together.
    pub count: u64,
    /// When the first of several was.
    pub first_at: Option<Timestamp>,
    /// When the last of several was; of a single one, when it was noted. Absent: the time of the message.
    pub last_at: Option<Timestamp>,
}

impl AuditRecorded {
    /// Somebody did something. To be published in the transaction of the change.
    pub fn done(by: impl Into<Party>, action: &str) -> Self {
        Self::new(by, action, Outcome::Done)
    }

    /// Somebody tried something in vain.
    pub fn failed(by: impl Into<Party>, action: &str, reason: &str) -> Self {
        Self::new(by, action, Outcome::Failed).detail("reason", reason)
    }

    /// Somebody was not permitted something.
    pub fn denied(by: impl Into<Party>, action: &str) -> Self {
        Self::new(by, action, Outcome::Denied)
    }

    fn new(by: impl Into<Party>, action: &str, outcome: Outcome) -> Self {
        Self {
            action: cut(action),
            outcome,
            by: by.into(),
            on: None,
            customer_id: None,
            details: Map::new(),
            count: 1,
            first_at: None,
            last_at: None,
        }
    }

    /// To what.
    pub fn on(mut self, kind: &str, id: impl ToString) -> Self {
        self.on = Some(Object { kind: kind.to_owned(), id: cut(&id.to_string()) });
        self
    }

    /// The customer concerned, if one is.
    pub fn customer(mut self, customer: impl Into<Option<CustomerId>>) -> Self {
        self.customer_id = customer.into();
        self
    }

    /// What else is to be known. Long texts and lists are cut. Neither secrets nor anything about a person but the
    /// e-mail address belongs here.
    pub fn detail(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), bounded(value.into()));
        self
    }

    /// What the entry is about, for the order of messages.
    pub fn about(&self) -> String {
        match (&self.on, &self.by.id) {
            (Some(on), _) => format!("{} {}", on.kind, on.id),
            (None, Some(id)) => id.clone(),
            (None, None) => self.action.clone(),
        }
    }
}

fn bounded(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(cut(&text)),
        Value::Array(items) => items.into_iter().take(ITEMS_MAX).map(bounded).collect(),
        Value::Object(members) => members
            .into_iter()
            .take(ITEMS_MAX)
            .map(|(name, value)| (name, bounded(value)))
            .collect(),
        plain => plain,
    }
}

/// As much of a text as an entry keeps, without what does not belong into a line.
fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TEXT_LENGTH_MAX).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use policies::Holdings;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_actor_is_on_record_with_its_address_and_without_its_token() {
        let (id, session) = (Uuid::now_v7(), Uuid::now_v7());
        let email = "ada@example.org".to_owned();
        let principal = Principal::User { id, session, email, customer: None };
        let actor = Actor::new(principal, Holdings::default(), vec![], Some("a-token".into()));
        let origin = Origin {
            address: Some([203, 0, 113, 9].into()),
            agent: Some(Arc::from(format!("Browser\n{}", "x".repeat(500)))),
        };
        let actor = actor.from_origin(origin);
        let record = AuditRecorded::done(&actor, "users:disable").on("Account", id);
        let json = serde_json::to_value(&record).expect("JSON");
        assert_eq!(json["by"]["address"], "203.0.113.9");
        assert_eq!(
            (&json["by"]["kind"], &json["by"]["label"]),
            (&json!("user"), &json!("ada@example.org"))
        );
        assert_eq!(record.by.agent.as_deref().map(str::len), Some(TEXT_LENGTH_MAX));
        assert!(!json.to_string().contains("a-token") && !json.to_string().contains("\\n"));
    }

    #[test]
    fn whatever_is_put_in_an_entry_has_a_bounded_size() {
        let long = "ä".repeat(10_000);
        let many: Vec<String> = (0..1000).map(|_| long.clone()).collect();
        let record = AuditRecorded::failed(Party::ANONYMOUS, &long, &long).detail("many", many);
        let size =
            serde_json::to_string(&record.detail("deep", json!({ "a": long }))).expect("JSON");
        assert!(size.len() < 16 * 1024, "{}", size.len());
    }

    #[test]
    fn outcomes_and_kinds_are_read_as_they_were_written() {
        for outcome in [Outcome::Done, Outcome::Denied, Outcome::Failed] {
            assert_eq!(Outcome::parse(outcome.as_str()), Ok(outcome));
            assert_eq!(serde_json::to_value(outcome).expect("JSON"), outcome.as_str());
        }
        let kind = PartyKind::Operator;
        assert_eq!(PartyKind::parse(kind.as_str()), Some(kind));
        assert!(Outcome::parse("maybe").is_err() && PartyKind::parse("ghost").is_none());
    }
}
