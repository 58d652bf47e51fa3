//! What a customer is. Pure rules.

use contracts::ids::{CustomerId, UserId};
use contracts::permissions::{CREW_ADMIN, ORGANISER_ADMIN};
use jiff::Timestamp;
use stdx::text::{self, TextError};

/// Customers that one person may found. More than anybody needs who does not hoard numbers.
pub const FOUNDED_MAX: i64 = 10;
pub const NAME_LENGTH_MAX: usize = 200;
pub const ORG_NUMBER_LENGTH_MAX: usize = 50;
pub const ADDRESS_LENGTH_MAX: usize = 500;
pub const EMAIL_LENGTH_MAX: usize = 254;
pub const PHONE_LENGTH_MAX: usize = 50;
const ORG_NUMBER_LENGTH_MIN: usize = 2;

/// What a customer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomerType {
    /// Puts on events.
    Organiser,
    /// Sends crew to the events of others.
    CrewCompany,
}

impl CustomerType {
    /// Reads a type as it is written in requests and in the database.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "organiser" => Ok(Self::Organiser),
            "crewCompany" => Ok(Self::CrewCompany),
            _ => Err("must be `organiser` or `crewCompany`"),
        }
    }

    /// The text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organiser => "organiser",
            Self::CrewCompany => "crewCompany",
        }
    }

    /// The role that runs a customer of this type.
    pub fn founder_role(self) -> &'static str {
        match self {
            Self::Organiser => ORGANISER_ADMIN,
            Self::CrewCompany => CREW_ADMIN,
        }
    }
}

/// The number under which an organisation is registered, in the spelling of its country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrgNumber(String);

impl OrgNumber {
    /// Reads a number as somebody typed it.
    pub fn parse(number: &str) -> Result<Self, String> {
        let number = text::line(number, ORG_NUMBER_LENGTH_MIN..=ORG_NUMBER_LENGTH_MAX)
            .map_err(|error| error.to_string())?;
        let number = Self(number);
        if number.key().chars().count() < ORG_NUMBER_LENGTH_MIN {
            return Err("must have at least 2 characters beside spaces and hyphens".into());
        }
        Ok(number)
    }

    /// A number that the database holds, checked when it was written.
    pub fn stored(number: String) -> Self {
        Self(number)
    }

    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What two spellings of the same number have in common.
    pub fn key(&self) -> String {
        // Also the hyphens and dashes that word processors make of "-".
        let separates =
            |c: char| c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}');
        self.0.chars().filter(|c| !separates(*c)).collect::<String>().to_lowercase()
    }
}

/// Reads a name as somebody typed it.
pub fn parse_name(name: &str) -> Result<String, TextError> {
    text::line(name, 1..=NAME_LENGTH_MAX)
}

/// What two spellings of a name have in common; a search looks for a part of it.
pub fn name_key(name: &str) -> String {
    name.to_lowercase()
}

/// Reads an address as somebody typed it; an empty one is none.
pub fn parse_address(address: &str) -> Result<Option<String>, TextError> {
    text::lines(address, 0..=ADDRESS_LENGTH_MAX).map(none_if_empty)
}

/// Reads an e-mail address as somebody typed it; an empty one is none. Whether it exists only a mail can tell.
pub fn parse_email(email: &str) -> Result<Option<String>, &'static str> {
    const WRONG: &str = "must be an e-mail address of at most 254 characters";
    let email = text::line(email, 0..=EMAIL_LENGTH_MAX).map_err(|_| WRONG)?;
    let is_whole = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    });
    if !email.is_empty() && (!is_whole || email.contains(char::is_whitespace)) {
        return Err(WRONG);
    }
    Ok(none_if_empty(email))
}

/// Reads a telephone number as somebody typed it; an empty one is none.
pub fn parse_phone(phone: &str) -> Result<Option<String>, String> {
    let phone = text::line(phone, 0..=PHONE_LENGTH_MAX).map_err(|error| error.to_string())?;
    if !phone.chars().all(|c| c.is_ascii_digit() || "+ ()-".contains(c)) {
        return Err("must consist of digits, spaces and + ( ) -".into());
    }
    Ok(none_if_empty(phone))
}

fn none_if_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// An organiser or a crew company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    pub id: CustomerId,
    pub name: String,
    pub org_number: OrgNumber,
    pub address: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    /// Stays for ever: roles and data hang on it.
    pub customer_type: CustomerType,
    /// An inactive customer stays visible.
    pub is_active: bool,
    /// Nobody, once that account is deleted.
    pub created_by: Option<UserId>,
    /// By whoever created it, and not entered for others.
    pub is_founded: bool,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What a new customer is made of.
pub struct NewCustomer {
    pub name: String,
    pub org_number: OrgNumber,
    pub address: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub customer_type: CustomerType,
}

/// What changes about a customer; `None` stays, `Some(None)` is removed.
#[derive(Default)]
pub struct CustomerChange {
    pub name: Option<String>,
    pub org_number: Option<OrgNumber>,
    pub address: Option<Option<String>>,
    pub email: Option<Option<String>>,
    pub phone: Option<Option<String>>,
    pub is_active: Option<bool>,
}

impl CustomerChange {
    /// What it is about: the names of the fields, without what is in them.
    pub fn fields(&self) -> Vec<&'static str> {
        let all = [
            ("name", self.name.is_some()),
            ("orgNumber", self.org_number.is_some()),
            ("address", self.address.is_some()),
            ("email", self.email.is_some()),
            ("phone", self.phone.is_some()),
            ("isActive", self.is_active.is_some()),
        ];
        all.into_iter().filter(|(_, is_changed)| *is_changed).map(|(field, _)| field).collect()
    }
}

/// Which customers a list is to hold; `None` means all.
#[derive(Default)]
pub struct CustomerFilter {
    /// Is part of the name, in any case.
    pub name_part: Option<String>,
    pub customer_type: Option<CustomerType>,
    pub is_active: Option<bool>,
}

impl Customer {
    /// A customer that somebody enters for others.
    pub fn entered(new_customer: NewCustomer, by: Option<UserId>, now: Timestamp) -> Self {
        let NewCustomer { name, org_number, address, email, phone, customer_type } = new_customer;
        Self {
            id: CustomerId::new(),
            name,
            org_number,
            address,
            email,
            phone,
            customer_type,
            is_active: true,
            created_by: by,
            is_founded: false,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// A customer that `founder` will run.
    pub fn founded(new_customer: NewCustomer, founder: UserId, now: Timestamp) -> Self {
        Self { is_founded: true, ..Self::entered(new_customer, Some(founder), now) }
    }

    /// Who founded it; nobody when it was entered for others, or that account is deleted.
    pub fn founder(&self) -> Option<UserId> {
        self.created_by.filter(|_| self.is_founded)
    }

    /// The customer after `change`.
    pub fn changed(self, change: CustomerChange, now: Timestamp) -> Self {
        Self {
            name: change.name.unwrap_or(self.name),
            org_number: change.org_number.unwrap_or(self.org_number),
            address: change.address.unwrap_or(self.address),
            email: change.email.unwrap_or(self.email),
            phone: change.phone.unwrap_or(self.phone),
            is_active: change.is_active.unwrap_or(self.is_active),
            version: self.version + 1,
            updated_at: now,
            ..self
        }
    }
}
