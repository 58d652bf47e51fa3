//! Rows and queries of events, orders and tickets, and the only ones.

pub mod event;
mod insert;
pub mod order;
pub mod sales;
pub mod ticket;

use database::Error as DatabaseError;
use iso_currency::Currency;
use jiff::Timestamp;
use stdx::Money;

/// A row holds what this program does not write.
fn unreadable(what: &str) -> DatabaseError {
    DatabaseError::Other(format!("the database holds a {what} that cannot be read"))
}

fn time(milliseconds: i64) -> Result<Timestamp, DatabaseError> {
    Timestamp::from_millisecond(milliseconds).map_err(|_| unreadable("time"))
}

fn money(amount_minor: i64, currency: &str) -> Result<Money, DatabaseError> {
    let currency = Currency::from_code(currency).ok_or_else(|| unreadable("currency"))?;
    Ok(Money::new(amount_minor, currency))
}
