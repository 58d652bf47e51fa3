//! A ticket and its code.

use std::fmt;

use contracts::ids::{CustomerId, EventId, OrderId, UserId};
use jiff::Timestamp;
use stdx::Money;

/// Crockford's base 32: no I, L, O, U, so that nothing is misread and few words are made.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_LENGTH: usize = 16;
const BITS_PER_CHARACTER: usize = 5;
const GROUP_LENGTH: usize = 4;

/// What is printed on a ticket: 80 random bits, so that nobody guesses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketCode([u8; CODE_LENGTH]);

impl TicketCode {
    /// The code of the lowest 80 bits.
    pub fn from_bits(bits: u128) -> Self {
        let character = |place: usize| {
            let value = (bits >> (place * BITS_PER_CHARACTER)) & 0x1f;
            ALPHABET[value as usize]
        };
        Self(std::array::from_fn(character))
    }

    /// Reads a code as somebody typed it: case, spaces and hyphens do not matter, and what looks alike is alike.
    pub fn parse(text: &str) -> Option<Self> {
        let mut code = [0; CODE_LENGTH];
        let mut places = code.iter_mut();
        for character in text.chars().filter(|c| !matches!(c, ' ' | '-')) {
            *places.next()? = canonical(character)?;
        }
        places.next().is_none().then_some(Self(code))
    }

    /// Enough to tell it from others, too little to come in with: for logs.
    pub fn in_logs(&self) -> String {
        format!("{}…", &self.as_str()[..GROUP_LENGTH])
    }

    /// As it is stored: without hyphens.
    pub fn as_str(&self) -> &str {
        // The alphabet is ASCII; there is no other way to make a code.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

fn canonical(character: char) -> Option<u8> {
    let upper = u8::try_from(character).ok()?.to_ascii_uppercase();
    match upper {
        b'O' => Some(b'0'),
        b'I' | b'L' => Some(b'1'),
        other => ALPHABET.contains(&other).then_some(other),
    }
}

impl fmt::Display for TicketCode {
    /// In groups of four: `7KQ2-M9XD-4TBA-PR3W`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.as_str();
        for start in (0..text.len()).step_by(GROUP_LENGTH) {
            if start > 0 {
                f.write_str("-")?;
            }
            f.write_str(&text[start..(start + GROUP_LENGTH).min(text.len())])?;
        }
        Ok(())
    }
}

/// The state of a ticket. It changes once at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketStatus {
    /// Lets its holder in.
    Valid,
    /// Its holder is in.
    CheckedIn,
    /// Given back.
    Cancelled,
}

impl TicketStatus {
    const ALL: [Self; 3] = [Self::Valid, Self::CheckedIn, Self::Cancelled];

    /// Reads a status as somebody wrote it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or("must be valid, checkedIn or cancelled")
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::CheckedIn => "checkedIn",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The right to one seat of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub code: TicketCode,
    pub order_id: OrderId,
    pub event_id: EventId,
    pub customer_id: CustomerId,
    pub owner_id: UserId,
    pub holder_name: String,
    pub status: TicketStatus,
    pub price: Money,
    pub issued_at: Timestamp,
    pub checked_in_at: Option<Timestamp>,
    pub checked_in_by: Option<UserId>,
    pub cancelled_at: Option<Timestamp>,
}

impl Ticket {
    /// For `ETag`: a ticket changes once at most.
    pub fn version(&self) -> i64 {
        if self.status == TicketStatus::Valid { 1 } else { 2 }
    }

    /// The ticket of somebody who came in.
    pub fn checked_in(self, by: Option<UserId>, now: Timestamp) -> Self {
        let (checked_in_at, checked_in_by) = (Some(now), by);
        Self { status: TicketStatus::CheckedIn, checked_in_at, checked_in_by, ..self }
    }
}

/// A ticket shown at a door.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckIn {
    /// Whose door it is; any of the ticket's organiser's when it is not said.
    pub event_id: Option<EventId>,
    /// When it was scanned, by the clock of the door's device; now when it is not said.
    pub scanned_at: Option<Timestamp>,
}

impl CheckIn {
    /// When the holder of a ticket came in: a device whose clock is wrong cannot put it before the ticket was
    /// issued, nor into the future.
    pub fn time(&self, ticket: &Ticket, now: Timestamp) -> Timestamp {
        self.scanned_at.map_or(now, |at| at.max(ticket.issued_at).min(now))
    }
}

/// Which tickets somebody looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketFilter {
    /// Of this event; otherwise one's own of any.
    pub event_id: Option<EventId>,
    pub status: Option<TicketStatus>,
}
