//! Who gets the seats: orders in the order of their arrival, each whole or not at all.

use std::collections::HashMap;

use contracts::ids::{CustomerId, EventId};
use service_kit::FieldErrors;
use stdx::Money;

use crate::domain::order::{NewOrder, OrderLine, Wish};
use crate::error::Error;

/// What there is of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stock {
    pub customer_id: CustomerId,
    pub price: Money,
    pub seats_left: i64,
    /// Published, and not over yet.
    pub is_on_sale: bool,
}

/// Why an order gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The event on this line does not exist.
    NoSuchEvent {
        line: usize,
    },
    NotOnSale(EventId),
    SoldOut(EventId),
    /// One order is paid in one currency.
    Currencies,
    /// The sum is more than can be counted.
    Total,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoSuchEvent { line } => {
                FieldErrors::one(format!("lines[{line}].eventId"), "there is no such event").into()
            }
            Refusal::NotOnSale(event_id) => Self::EventNotOnSale(event_id),
            Refusal::SoldOut(event_id) => Self::EventSoldOut(event_id),
            Refusal::Currencies => {
                FieldErrors::one("lines", "must all cost the same currency; order them apart")
                    .into()
            }
            Refusal::Total => FieldErrors::one("lines", "must cost less together").into(),
        }
    }
}

/// Seats of one event that an order gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllottedLine {
    pub event_id: EventId,
    pub customer_id: CustomerId,
    pub quantity: u32,
    pub unit_price: Money,
}

impl AllottedLine {
    pub fn order_line(&self) -> OrderLine {
        let Self { event_id, quantity, unit_price, .. } = *self;
        OrderLine { event_id, quantity, unit_price }
    }
}

/// What an order gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allotted {
    pub lines: Vec<AllottedLine>,
    pub total: Money,
}

impl Allotted {
    /// The customer whose events these all are.
    pub fn only_customer(&self) -> Option<CustomerId> {
        let first = self.lines.first()?.customer_id;
        self.lines.iter().all(|line| line.customer_id == first).then_some(first)
    }
}

/// Gives each order its seats out of `stock`, the first come first; `stock` is what is left then.
pub fn allot<'a>(
    stock: &mut HashMap<EventId, Stock>,
    orders: impl IntoIterator<Item = &'a NewOrder>,
) -> Vec<Result<Allotted, Refusal>> {
    orders.into_iter().map(|order| allot_one(stock, order)).collect()
}

fn allot_one(stock: &mut HashMap<EventId, Stock>, order: &NewOrder) -> Result<Allotted, Refusal> {
    let lines: Vec<AllottedLine> = (order.wishes.iter().enumerate())
        .map(|(line, wish)| offer(stock, line, wish))
        .collect::<Result<_, _>>()?;
    let total = total(&lines)?;
    // Nothing is taken before all of it is known to be there.
    for line in &lines {
        if let Some(stock) = stock.get_mut(&line.event_id) {
            stock.seats_left -= i64::from(line.quantity);
        }
    }
    Ok(Allotted { lines, total })
}

fn offer(
    stock: &HashMap<EventId, Stock>,
    line: usize,
    wish: &Wish,
) -> Result<AllottedLine, Refusal> {
    let &Wish { event_id, quantity } = wish;
    let stock = stock.get(&event_id).ok_or(Refusal::NoSuchEvent { line })?;
    if !stock.is_on_sale {
        return Err(Refusal::NotOnSale(event_id));
    }
    if stock.seats_left < i64::from(quantity) {
        return Err(Refusal::SoldOut(event_id));
    }
    let Stock { customer_id, price, .. } = *stock;
    Ok(AllottedLine { event_id, customer_id, quantity, unit_price: price })
}

fn total(lines: &[AllottedLine]) -> Result<Money, Refusal> {
    let currency = lines.first().ok_or(Refusal::Total)?.unit_price.currency;
    let mut total = Money::new(0, currency);
    for line in lines {
        if line.unit_price.currency != currency {
            return Err(Refusal::Currencies);
        }
        let cost = line.unit_price.times(line.quantity).ok_or(Refusal::Total)?;
        total = total.plus(cost).ok_or(Refusal::Total)?;
    }
    Ok(total)
}
