//! What an entry is, and how entries are looked for. Pure rules.

use contracts::audit::{Object, Outcome, Party};
use contracts::ids::CustomerId;
use jiff::Timestamp;
use uuid::Uuid;

/// Most of what an entry holds beside who, what and when, as JSON.
const DETAILS_BYTES_MAX: usize = 8 * 1024;
/// Says that there was more.
const LEFT_OUT: &str = r#"{"leftOut":"the details were too long to keep"}"#;
/// `resource:action`.
const ACTION_LENGTH_MAX: usize = 100;
const WORD_LENGTH_MAX: usize = 200;

/// What else is to be known: a JSON object in its text form. Nothing in here looks into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details(String);

impl Details {
    /// Takes the text of an object; one that is too long is replaced by a word about that.
    pub fn new(object: String) -> Self {
        if object.len() > DETAILS_BYTES_MAX { Self(LEFT_OUT.to_owned()) } else { Self(object) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// That of the message: a second delivery is the same entry.
    pub id: Uuid,
    /// When it was; of several, the last time.
    pub at: Timestamp,
    /// When the first of several was.
    pub first_at: Option<Timestamp>,
    /// Where it happened.
    pub service: String,
    /// `resource:action`.
    pub action: String,
    pub outcome: Outcome,
    pub by: Party,
    pub on: Option<Object>,
    pub customer_id: Option<CustomerId>,
    pub details: Details,
    /// How often.
    pub count: i64,
}

impl Entry {
    /// Where it stands in the log.
    pub fn position(&self) -> Position {
        Position { at: self.at, id: self.id }
    }
}

/// A place in the log: entries are in the order of their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub at: Timestamp,
    pub id: Uuid,
}

/// Whose entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActorFilter {
    /// With this id, or of the service of this name.
    Id(String),
    /// Called so at that time: an e-mail address.
    Label(String),
}

impl ActorFilter {
    /// Reads what somebody typed.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = word(text)?;
        Ok(if text.contains('@') { Self::Label(text.to_lowercase()) } else { Self::Id(text) })
    }
}

/// How an action begins: `users:` has all that is done to accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionPrefix(String);

impl ActionPrefix {
    /// Reads what somebody typed. None of its characters means anything in a pattern.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let is_plain = |c: char| c.is_ascii_lowercase() || matches!(c, '-' | ':');
        if text.is_empty() || text.len() > ACTION_LENGTH_MAX || !text.chars().all(is_plain) {
            return Err("must be the beginning of an action such as `users:` or `users:disable`");
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads the name or the id of something.
pub fn word(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let is_fit = !text.is_empty() && !text.chars().any(char::is_control);
    if !is_fit || text.chars().count() > WORD_LENGTH_MAX {
        return Err("must have 1 to 200 characters");
    }
    Ok(text.to_owned())
}

/// Which entries; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryFilter {
    pub actor: Option<ActorFilter>,
    pub action: Option<ActionPrefix>,
    pub outcome: Option<Outcome>,
    pub service: Option<String>,
    pub on_kind: Option<String>,
    pub on_id: Option<String>,
    pub customer_id: Option<CustomerId>,
    /// At or after.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
}

impl EntryFilter {
    /// By what is filtered, without the values: an export is on record with it.
    pub fn names(&self) -> Vec<&'static str> {
        let all = [
            ("actor", self.actor.is_some()),
            ("action", self.action.is_some()),
            ("outcome", self.outcome.is_some()),
            ("service", self.service.is_some()),
            ("onKind", self.on_kind.is_some()),
            ("onId", self.on_id.is_some()),
            ("customerId", self.customer_id.is_some()),
            ("from", self.from.is_some()),
            ("to", self.to.is_some()),
        ];
        all.into_iter().filter(|(_, is_used)| *is_used).map(|(name, _)| name).collect()
    }
}

/// A cell of a table that a spreadsheet program will open: text that it would take for a formula begins with an
/// apostrophe (OWASP, CSV injection).
pub fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if is_formula { format!("'{text}") } else { text.to_owned() }
}
