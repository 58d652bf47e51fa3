//! How messages stand, and which dead letters are meant. Pure rules.

use contracts::SERVICES;
use jiff::{SignedDuration, Timestamp};
use messages::{BrokerConsumer, Chosen};
use uuid::Uuid;

/// How long what the samples found is kept, and how far back one can look.
pub const HOURS_KEPT: i64 = 7 * 24;
/// How far back one looks who does not say.
pub const HOURS_DEFAULT: i64 = 24;
const HOUR_MILLISECONDS: i64 = 3_600_000;
const NAME_LENGTH_MAX: usize = 200;

/// How a service stands; nothing is known of one that is away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceStanding {
    pub service: &'static str,
    pub standing: Option<Standing>,
}

/// What waits in a service's database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Messages that the broker has not yet.
    pub outbox_waiting: u64,
    pub outbox_oldest_at: Option<Timestamp>,
    pub consumers: Vec<ConsumerStanding>,
}

/// What waits for one consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerStanding {
    pub name: String,
    /// Messages that are still to be handled.
    pub waiting: u64,
    /// Those of them that have failed before.
    pub retrying: u64,
    pub dead_letters: u64,
    pub oldest_at: Option<Timestamp>,
}

/// The most that waited for a consumer within an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peak {
    pub service: String,
    pub consumer: String,
    /// When the hour began.
    pub hour: Timestamp,
    pub waiting: u64,
    pub dead_letters: u64,
}

/// What a sample found, as peaks of the hour in which it was taken.
pub fn peaks(sample: &[ServiceStanding], now: Timestamp) -> Vec<Peak> {
    let hour = hour_of(now);
    let known = sample.iter().filter_map(|found| Some((found.service, found.standing.as_ref()?)));
    let consumers = known.flat_map(|(service, standing)| {
        standing.consumers.iter().map(move |consumer| (service, consumer))
    });
    let peak = |(service, consumer): (&str, &ConsumerStanding)| Peak {
        service: service.to_owned(),
        consumer: consumer.name.clone(),
        hour,
        waiting: consumer.waiting,
        dead_letters: consumer.dead_letters,
    };
    consumers.map(peak).collect()
}

/// The beginning of the hour.
pub fn hour_of(time: Timestamp) -> Timestamp {
    let beyond = time.as_millisecond().rem_euclid(HOUR_MILLISECONDS);
    Timestamp::from_millisecond(time.as_millisecond() - beyond).unwrap_or(time)
}

/// How many hours back: 1 to [`HOURS_KEPT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours(i64);

impl Hours {
    /// Reads what somebody asked for.
    pub fn parse(hours: Option<i64>) -> Result<Self, String> {
        let hours = hours.unwrap_or(HOURS_DEFAULT);
        let is_kept = (1..=HOURS_KEPT).contains(&hours);
        is_kept.then_some(Self(hours)).ok_or_else(|| format!("must be 1 to {HOURS_KEPT}"))
    }

    /// The beginning of the first of them, when the last is the present one.
    pub fn before(self, now: Timestamp) -> Timestamp {
        hour_of(now) - SignedDuration::from_hours(self.0 - 1)
    }
}

/// A service that there is.
pub fn service(name: &str) -> Result<&'static str, String> {
    let found = SERVICES.iter().find(|known| **known == name);
    found.copied().ok_or_else(|| format!("must be one of {}", SERVICES.join(", ")))
}

/// A consumer's name; also of one that is no more.
pub fn consumer(name: &str) -> Result<String, &'static str> {
    let is_fit = !name.is_empty() && !name.chars().any(char::is_control);
    if !is_fit || name.chars().count() > NAME_LENGTH_MAX {
        return Err("must have 1 to 200 characters");
    }
    Ok(name.to_owned())
}

/// A message that was tried too often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    pub service: &'static str,
    pub consumer: String,
    pub message_id: Uuid,
    /// The message in its text form. Nothing in here looks into it.
    pub envelope: String,
    /// What the last try said.
    pub error: String,
    pub attempts: i64,
    pub received_at: Timestamp,
    pub tried_at: Timestamp,
}

impl DeadLetter {
    /// Where it stands in the list.
    pub fn position(&self) -> Position {
        let consumer = self.consumer.clone();
        Position { service: self.service, consumer, message_id: self.message_id }
    }
}

/// A place in the list of all dead letters: by service, consumer and time of writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub service: &'static str,
    pub consumer: String,
    pub message_id: Uuid,
}

/// Which dead letters to list; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterFilter {
    pub service: Option<&'static str>,
    pub consumer: Option<String>,
}

impl LetterFilter {
    /// The services to ask for what comes after a place, in the order of the list.
    pub fn services(&self, after: Option<&Position>) -> Vec<&'static str> {
        let rest = SERVICES.iter().copied();
        let rest = rest.skip_while(|name| after.is_some_and(|after| after.service != *name));
        rest.filter(|name| self.service.is_none_or(|wanted| wanted == *name)).collect()
    }
}

/// What one service has of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub service: &'static str,
    /// Nothing is known of a service that is away.
    pub letters: Option<Vec<DeadLetter>>,
    /// Whether it has more after these.
    pub has_more: bool,
}

/// Some dead letters of several services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterPage {
    pub letters: Vec<DeadLetter>,
    pub has_more: bool,
    /// Services that are away, whose dead letters are missing here.
    pub unreachable: Vec<&'static str>,
}

impl LetterPage {
    /// At most `limit` letters of the parts, which are in the order of the list, and none behind a gap.
    pub fn join(parts: Vec<Part>, limit: usize) -> Self {
        let mut page = Self::default();
        for Part { service, letters, has_more } in parts {
            let Some(letters) = letters else {
                page.unreachable.push(service);
                continue;
            };
            if page.has_more {
                continue;
            }
            let room = limit - page.letters.len();
            page.has_more = has_more || letters.len() > room;
            page.letters.extend(letters.into_iter().take(room));
        }
        page
    }
}

/// Which dead letters of a service are meant: one of a consumer, or all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letters {
    pub service: &'static str,
    pub consumer: String,
    pub message_id: Option<Uuid>,
}

/// Which dead letters of a program outside are meant, which the broker keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerLetters {
    pub consumer: BrokerConsumer,
    pub chosen: Chosen,
}
