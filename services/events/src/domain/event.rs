//! An event: when and where it is, what state it is in, how it may change.

use contracts::ids::{CustomerId, EventId, UserId};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use service_kit::FieldErrors;
use stdx::Money;
use stdx::text::{self, TextError};

use crate::error::{Error, Result};

const NAME_LENGTH_MAX: usize = 200;
const DESCRIPTION_LENGTH_MAX: usize = 10_000;
const LOCATION_LENGTH_MAX: usize = 300;
const EVENT_TYPE_LENGTH_MAX: usize = 50;
const TIME_ZONE_LENGTH_MAX: usize = 64;
const SEARCH_LENGTH_MAX: usize = 200;
const DURATION_MAX: SignedDuration = SignedDuration::from_hours(366 * 24);
const SEATS_MAX: i64 = 10_000_000;
const CREW_SLOTS_MAX: i64 = 100_000;
const PRICE_MAX: i64 = 1_000_000_000_000;
const DETAILS_BYTES_MAX: usize = 16 * 1024;

/// The state of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventStatus {
    /// Being planned; only the organiser sees it.
    Draft,
    /// Public and on sale until it is over.
    Published,
    /// Called off.
    Cancelled,
    /// It took place.
    Completed,
}

impl EventStatus {
    pub const ALL: [Self; 4] = [Self::Draft, Self::Published, Self::Cancelled, Self::Completed];

    /// Reads a status as somebody wrote it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or("must be draft, published, cancelled or completed")
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
        }
    }

    /// Whether `next` may follow. To stay as it is, is no change.
    pub fn may_become(self, next: Self) -> bool {
        use EventStatus::{Cancelled, Completed, Draft, Published};
        self == next
            || matches!(
                (self, next),
                (Draft, Published | Cancelled) | (Published, Cancelled | Completed)
            )
    }
}

/// From when to when an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub start: Timestamp,
    pub end: Timestamp,
}

impl Period {
    /// The end comes after the start, and not more than a leap year after. Whole milliseconds, as they are stored.
    pub fn new(start: Timestamp, end: Timestamp) -> Result<Self, &'static str> {
        let whole =
            |time: Timestamp| Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time);
        let (start, end) = (whole(start), whole(end));
        if end <= start {
            return Err("must be after the start");
        }
        if end.duration_since(start) > DURATION_MAX {
            return Err("must be at most 366 days after the start");
        }
        Ok(Self { start, end })
    }
}

/// A free JSON object as text; no rule looks into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details(String);

impl Details {
    /// Checks the size of what is known to be an object.
    pub fn parse(json: String) -> Result<Self, &'static str> {
        if json.len() > DETAILS_BYTES_MAX {
            return Err("must be at most 16 KiB of JSON");
        }
        // As JSON writes the character NUL, which PostgreSQL cannot keep.
        if json.contains("\\u0000") {
            return Err("must not contain the character NUL");
        }
        Ok(Self(json))
    }

    /// Details that the database holds, checked when they were written.
    pub fn stored(json: String) -> Self {
        Self(json)
    }

    pub fn as_json(&self) -> &str {
        &self.0
    }
}

pub fn parse_name(name: &str) -> Result<String, TextError> {
    text::line(name, 1..=NAME_LENGTH_MAX)
}

pub fn parse_description(description: &str) -> Result<String, TextError> {
    text::lines(description, 0..=DESCRIPTION_LENGTH_MAX)
}

pub fn parse_location(location: &str) -> Result<String, TextError> {
    text::line(location, 0..=LOCATION_LENGTH_MAX)
}

/// Reads the kind of an event: `concert`, `club-night`. The organiser is free in the choice of word.
pub fn parse_event_type(event_type: &str) -> Result<String, &'static str> {
    let is_letter = |c: char| c.is_alphanumeric() && !c.is_uppercase();
    let is_word = |word: &str| !word.is_empty() && word.chars().all(is_letter);
    if event_type.chars().count() > EVENT_TYPE_LENGTH_MAX || !event_type.split('-').all(is_word) {
        return Err("must be lower-case words joined by hyphens, at most 50 characters");
    }
    Ok(event_type.to_owned())
}

/// Reads an IANA name, in whatever case, as the one name the zone has.
pub fn parse_time_zone(name: &str) -> Result<String, &'static str> {
    let known = Some(name).filter(|name| name.len() <= TIME_ZONE_LENGTH_MAX);
    let zone = known.and_then(|name| TimeZone::get(name).ok()).filter(|zone| !zone.is_unknown());
    let name = zone.as_ref().and_then(TimeZone::iana_name);
    name.map(str::to_owned).ok_or("must be an IANA time zone such as Europe/Stockholm")
}

pub fn parse_seats(seats: i64) -> Result<i64, String> {
    within(seats, SEATS_MAX)
}

pub fn parse_crew_slots(crew_slots: i64) -> Result<i64, String> {
    within(crew_slots, CREW_SLOTS_MAX)
}

pub fn parse_price(price: Money) -> Result<Money, String> {
    within(price.amount_minor, PRICE_MAX).map(|_| price)
}

fn within(number: i64, most: i64) -> Result<i64, String> {
    if !(0..=most).contains(&number) {
        return Err(format!("must be 0 to {most}"));
    }
    Ok(number)
}

/// What an organiser decides about an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPlan {
    pub name: String,
    pub description: String,
    pub period: Period,
    pub time_zone: String,
    pub location: String,
    pub event_type: String,
    pub seats: i64,
    pub price: Money,
    pub crew_slots: i64,
    pub details: Details,
}

impl EventPlan {
    /// Whether all seats together cost what can be counted.
    fn check_revenue(&self) -> Result<(), FieldErrors> {
        let count = u32::try_from(self.seats).unwrap_or(u32::MAX);
        let revenue = self.price.times(count).map(drop);
        revenue.ok_or_else(|| FieldErrors::one("price", "must be lower for so many seats"))
    }

    fn changed(self, change: EventChange) -> Result<Self> {
        let start = change.start.unwrap_or(self.period.start);
        let end = change.end.unwrap_or(self.period.end);
        let period = Period::new(start, end).map_err(|error| FieldErrors::one("endDate", error))?;
        let plan = Self {
            name: change.name.unwrap_or(self.name),
            description: change.description.unwrap_or(self.description),
            period,
            time_zone: change.time_zone.unwrap_or(self.time_zone),
            location: change.location.unwrap_or(self.location),
            event_type: change.event_type.unwrap_or(self.event_type),
            seats: change.seats.unwrap_or(self.seats),
            price: change.price.unwrap_or(self.price),
            crew_slots: change.crew_slots.unwrap_or(self.crew_slots),
            details: change.details.unwrap_or(self.details),
        };
        plan.check_revenue()?;
        Ok(plan)
    }
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub id: EventId,
    pub customer_id: CustomerId,
    pub created_by: Option<UserId>,
    pub plan: EventPlan,
    pub status: EventStatus,
    /// Whether it has been published; what everybody has seen is not taken back.
    pub is_public: bool,
    pub seats_left: i64,
    /// Tickets ever sold, also those cancelled later.
    pub tickets_issued: i64,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What changes about an event; `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventChange {
    pub name: Option<String>,
    pub description: Option<String>,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    pub time_zone: Option<String>,
    pub location: Option<String>,
    pub event_type: Option<String>,
    pub seats: Option<i64>,
    pub price: Option<Money>,
    pub crew_slots: Option<i64>,
    pub details: Option<Details>,
    pub status: Option<EventStatus>,
}

impl Event {
    /// A new event of a customer: a draft, all seats free.
    pub fn new(
        customer_id: CustomerId,
        created_by: Option<UserId>,
        plan: EventPlan,
        now: Timestamp,
    ) -> Result<Self> {
        plan.check_revenue()?;
        Ok(Self {
            id: EventId::new(),
            customer_id,
            created_by,
            status: EventStatus::Draft,
            is_public: false,
            seats_left: plan.seats,
            tickets_issued: 0,
            plan,
            version: 1,
            created_at: now,
            updated_at: now,
        })
    }

    /// The event after `change`. What depends on sales is decided again by the statement that writes it.
    pub fn changed(self, change: EventChange, now: Timestamp) -> Result<Self> {
        let status = change.status.unwrap_or(self.status);
        let plan = self.plan.clone().changed(change)?;
        self.check_status(status, plan.period, now)?;
        if plan.price != self.plan.price && self.tickets_issued > 0 {
            return Err(Error::EventHasOrders);
        }
        let seats_left = self.seats_left + plan.seats - self.plan.seats;
        if seats_left < 0 {
            return Err(Error::SeatsBelowSold { sold: self.seats_sold() });
        }
        Ok(Self {
            plan,
            status,
            is_public: self.is_public || status == EventStatus::Published,
            seats_left,
            version: self.version + 1,
            updated_at: now,
            ..self
        })
    }

    fn check_status(&self, next: EventStatus, period: Period, now: Timestamp) -> Result<()> {
        if !self.status.may_become(next) {
            return Err(Error::StatusConflict { from: self.status, to: next });
        }
        let is_publishing = self.status != next && next == EventStatus::Published;
        if is_publishing && period.end <= now {
            return Err(Error::EventOver);
        }
        Ok(())
    }

    /// Seats that are taken now.
    pub fn seats_sold(&self) -> i64 {
        self.plan.seats - self.seats_left
    }
}

/// Which events somebody looks for. Texts are lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub text: Option<String>,
    pub location: Option<String>,
    pub event_type: Option<String>,
    pub customer_id: Option<CustomerId>,
    pub status: Option<EventStatus>,
}

/// Reads what somebody looks for; nothing is looked for by an empty text.
pub fn parse_search(text: &str) -> Result<String, TextError> {
    text::line(text, 0..=SEARCH_LENGTH_MAX).map(|text| fold(&text))
}

/// Text as it is compared when searching.
pub fn fold(text: &str) -> String {
    text.to_lowercase()
}
