//! Amounts of money: whole minor units and an ISO 4217 currency. Never a float.

use iso_currency::Currency;
use serde::{Deserialize, Serialize};

/// An amount in minor units of a currency: `{"amountMinor": 50000, "currency": "SEK"}` is 500.00 SEK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Money {
    /// Whole minor units (öre, cent; for JPY whole yen).
    #[schema(example = 50000)]
    pub amount_minor: i64,
    /// ISO 4217 code.
    #[schema(value_type = String, pattern = "^[A-Z]{3}$", example = "SEK")]
    #[serde(with = "code")]
    pub currency: Currency,
}

impl Money {
    /// `amount_minor` units of `currency`.
    pub fn new(amount_minor: i64, currency: Currency) -> Self {
        Self { amount_minor, currency }
    }

    /// This amount `count` times; `None` when it does not fit.
    pub fn times(self, count: u32) -> Option<Self> {
        Some(Self { amount_minor: self.amount_minor.checked_mul(i64::from(count))?, ..self })
    }

    /// The sum; `None` when the currencies differ or it does not fit.
    pub fn plus(self, other: Self) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        Some(Self { amount_minor: self.amount_minor.checked_add(other.amount_minor)?, ..self })
    }
}

/// The three-letter code, on the wire and in columns.
mod code {
    use iso_currency::Currency;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(currency: &Currency, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(currency.code())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
        let code = String::deserialize(deserializer)?;
        Currency::from_code(&code).ok_or_else(|| D::Error::custom("not an ISO 4217 currency code"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_different_currencies_are_refused() {
        let krona = Money::new(500, Currency::SEK);
        assert_eq!(krona.plus(Money::new(1, Currency::EUR)), None);
        assert_eq!(krona.plus(krona), Some(Money::new(1000, Currency::SEK)));
    }

    #[test]
    fn an_amount_too_large_is_none_not_a_wrap() {
        assert_eq!(Money::new(i64::MAX, Currency::SEK).times(2), None);
    }
}
