//! An order: tickets bought together.

use std::collections::HashSet;

use contracts::ids::{CustomerId, EventId, OrderId, UserId};
use jiff::Timestamp;
use service_kit::FieldErrors;
use stdx::Money;
use stdx::text;

use crate::domain::allotment::Allotted;
use crate::domain::ticket::{Ticket, TicketCode, TicketStatus};

/// Most tickets of one order, and so most lines.
pub const TICKETS_MAX: u32 = 20;
const NAME_LENGTH_MAX: usize = 200;
/// RFC 5321, section 4.5.3.1.3, less the angle brackets.
const EMAIL_LENGTH_MAX: usize = 254;

/// Who bought, as it is to stand on the tickets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buyer {
    pub name: String,
    pub email: Option<String>,
}

pub fn parse_buyer_name(name: &str) -> Result<String, text::TextError> {
    text::line(name, 1..=NAME_LENGTH_MAX)
}

/// Reads an e-mail address: whether mail arrives there is for the mail to find out.
pub fn parse_buyer_email(email: &str) -> Result<String, &'static str> {
    let email = text::line(email, 3..=EMAIL_LENGTH_MAX).map_err(|_| "must be an e-mail address")?;
    let is_address = email.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && !host.is_empty() && !host.contains('@') && !email.contains(' ')
    });
    if is_address { Ok(email) } else { Err("must be an e-mail address") }
}

/// So many seats of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    pub event_id: EventId,
    pub quantity: u32,
}

/// What somebody wants to buy: 1 to 20 tickets, each event once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    pub buyer_id: UserId,
    pub buyer: Option<Buyer>,
    pub wishes: Vec<Wish>,
}

/// Checks what somebody wants. Quantities come as wide as they were written.
pub fn parse_wishes(lines: &[(EventId, i64)]) -> Result<Vec<Wish>, FieldErrors> {
    let mut errors = FieldErrors::new();
    let mut seen = HashSet::new();
    let mut wishes = vec![];
    let count: i64 = lines.iter().fold(0, |count, (_, quantity)| count.saturating_add(*quantity));
    if lines.is_empty() || count > i64::from(TICKETS_MAX) {
        errors.add("lines", format!("must be 1 to {TICKETS_MAX} tickets together"));
    }
    for (place, (event_id, quantity)) in lines.iter().take(TICKETS_MAX as usize).enumerate() {
        if !seen.insert(event_id) {
            errors.add(
                format!("lines[{place}].eventId"),
                "is in this order already; raise its quantity",
            );
        }
        match u32::try_from(*quantity) {
            Ok(quantity @ 1..=TICKETS_MAX) => wishes.push(Wish { event_id: *event_id, quantity }),
            _ => errors
                .add(format!("lines[{place}].quantity"), format!("must be 1 to {TICKETS_MAX}")),
        }
    }
    errors.finish(Some(wishes))
}

impl NewOrder {
    /// Everything that makes this request another one than that, for comparing requests with the same key.
    pub fn canonical(&self) -> String {
        let buyer = self.buyer.as_ref();
        let (name, email) = (buyer.map(|buyer| &buyer.name), buyer.map(|buyer| &buyer.email));
        // Debug quotes and escapes texts, so that no text can pretend to be the rest.
        let mut canonical = format!("{} {name:?} {email:?}", self.buyer_id);
        for Wish { event_id, quantity } in &self.wishes {
            canonical.push_str(&format!(" {quantity}*{event_id}"));
        }
        canonical
    }

    pub fn quantity(&self) -> u32 {
        self.wishes.iter().map(|wish| wish.quantity).sum()
    }
}

/// The state of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStatus {
    /// Its tickets are sold.
    Confirmed,
    /// All its tickets were given back.
    Cancelled,
}

impl OrderStatus {
    /// Reads a status as it is stored.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "confirmed" => Ok(Self::Confirmed),
            "cancelled" => Ok(Self::Cancelled),
            _ => Err("must be confirmed or cancelled"),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Tickets of one event in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderLine {
    pub event_id: EventId,
    pub quantity: u32,
    pub unit_price: Money,
}

/// Tickets bought together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub id: OrderId,
    pub buyer_id: UserId,
    pub buyer: Option<Buyer>,
    /// The organiser, when all events are of one: only then may the organiser's people see the order.
    pub customer_id: Option<CustomerId>,
    pub status: OrderStatus,
    pub total: Money,
    pub lines: Vec<OrderLine>,
    pub tickets: Vec<Ticket>,
    pub created_at: Timestamp,
}

impl Order {
    /// An order whose seats are allotted. `random` gives each ticket its code.
    pub fn confirmed(
        new_order: &NewOrder,
        allotted: &Allotted,
        now: Timestamp,
        mut random: impl FnMut() -> u128,
    ) -> Self {
        let id = OrderId::new();
        let holder_name =
            new_order.buyer.as_ref().map(|buyer| buyer.name.clone()).unwrap_or_default();
        let mut tickets = Vec::with_capacity(new_order.quantity() as usize);
        for line in &allotted.lines {
            tickets.extend((0..line.quantity).map(|_| Ticket {
                code: TicketCode::from_bits(random()),
                order_id: id,
                event_id: line.event_id,
                customer_id: line.customer_id,
                owner_id: new_order.buyer_id,
                holder_name: holder_name.clone(),
                status: TicketStatus::Valid,
                price: line.unit_price,
                issued_at: now,
                checked_in_at: None,
                checked_in_by: None,
                cancelled_at: None,
            }));
        }
        // The order in which they are read again, so that a repeated request gets the same answer.
        tickets.sort_unstable_by_key(|ticket| ticket.code);
        Self {
            id,
            buyer_id: new_order.buyer_id,
            buyer: new_order.buyer.clone(),
            customer_id: allotted.only_customer(),
            status: OrderStatus::Confirmed,
            total: allotted.total,
            lines: allotted.lines.iter().map(|line| line.order_line()).collect(),
            tickets,
            created_at: now,
        }
    }

    /// For `ETag`: what changes about an order is its tickets, each once at most.
    pub fn version(&self) -> i64 {
        1 + self.tickets.iter().map(|ticket| ticket.version() - 1).sum::<i64>()
    }
}
