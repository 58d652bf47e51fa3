//! What an account is. Pure rules.

mod attempts;
pub mod explanation;
pub mod letters;
mod links;
mod passkeys;
mod password;
mod proof;
mod totp;

use std::fmt;

use contracts::ids::{CustomerId, UserId};
use contracts::permissions::ADMIN;
use jiff::Timestamp;
use stdx::text::{self, TextError};

pub use attempts::{
    FORGOTTEN_AFTER, FREE_AT_ADDRESS, FREE_FOR_ACCOUNT, counted_address, wait_at_address,
    wait_for_account,
};
pub use letters::{LetterKind, LetterText};
pub use links::{Link, Purpose};
pub use passkeys::{
    CEREMONY_LIFETIME, CREDENTIAL_BYTES_MAX, Ceremony, PASSKEYS_MAX, Passkey, RelyingParty,
    parse_passkey_name,
};
pub use password::{LENGTH_MAX as PASSWORD_LENGTH_MAX, Password};
pub use proof::Proof;
pub use totp::{
    RECOVERY_CODES, SECRET_BYTES, SecondFactor, Totp, TotpSecret, WrongTries, recovery_code,
};

const EMAIL_LENGTH_MAX: usize = 254;
const NAME_LENGTH_MAX: usize = 100;
const ROLE_NAME_LENGTH_MAX: usize = 50;
const CATEGORY_LENGTH_MAX: usize = 100;
const SKILL_LENGTH_MAX: usize = 100;
const SKILLS_MAX: usize = 50;
const PHONE_LENGTH_MAX: usize = 40;
const PROFILE_BYTES_MAX: usize = 16 * 1024;

/// An e-mail address in lower case, so that one person has one account however the address is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Reads an address as somebody typed it. Whether it exists only a mail can tell.
    pub fn parse(email: &str) -> Result<Self, &'static str> {
        const WRONG: &str = "must be an e-mail address of at most 254 characters";
        // Both before and after: there are letters whose lower case is longer.
        let email = text::line(email, 3..=EMAIL_LENGTH_MAX).map_err(|_| WRONG)?.to_lowercase();
        let is_whole = email.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        });
        if !is_whole
            || email.contains(char::is_whitespace)
            || email.chars().count() > EMAIL_LENGTH_MAX
        {
            return Err(WRONG);
        }
        Ok(Self(email))
    }

    /// An address that the database holds, checked when it was written.
    pub fn stored(email: String) -> Self {
        Self(email)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.split('@').next().unwrap_or_default()
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a role: lower-case words joined by hyphens. Which ones there are is known by `roles`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleName(String);

impl RoleName {
    /// Reads a name as somebody typed it.
    pub fn parse(name: &str) -> Result<Self, &'static str> {
        let is_word = |word: &str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        if name.len() > ROLE_NAME_LENGTH_MAX || !name.split('-').all(is_word) {
            return Err("must be lower-case words joined by hyphens, at most 50 characters");
        }
        Ok(Self(name.to_owned()))
    }

    /// A name that the database or the program itself holds.
    pub fn stored(name: String) -> Self {
        Self(name)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A role that an account holds, everywhere or inside one customer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grant {
    role: RoleName,
    customer: Option<CustomerId>,
}

impl Grant {
    /// A role inside `customer`, or everywhere. The nil UUID is no customer's: in the table it stands for
    /// everywhere, so nobody can pass it off as a customer.
    pub fn new(role: RoleName, customer: Option<CustomerId>) -> Self {
        Self { role, customer: customer.filter(|customer| !customer.0.is_nil()) }
    }

    /// The role that holds everything, everywhere.
    pub fn administrator() -> Self {
        Self::new(RoleName::stored(ADMIN.to_owned()), None)
    }

    /// The role's name.
    pub fn role(&self) -> &RoleName {
        &self.role
    }

    /// The customer it is limited to.
    pub fn customer(&self) -> Option<CustomerId> {
        self.customer
    }
}

/// What an account is for. A label: what it may do is said by its roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserType {
    Administrator,
    CustomerUser,
    Crew,
}

impl UserType {
    /// Reads the number that stands for it.
    pub fn parse(number: i64) -> Result<Self, &'static str> {
        match number {
            1 => Ok(Self::Administrator),
            2 => Ok(Self::CustomerUser),
            3 => Ok(Self::Crew),
            _ => Err("must be 1 (administrator), 2 (customer user) or 3 (crew)"),
        }
    }

    /// The number that stands for it.
    pub fn number(self) -> i64 {
        match self {
            Self::Administrator => 1,
            Self::CustomerUser => 2,
            Self::Crew => 3,
        }
    }
}

/// Reads a first or last name as somebody typed it.
pub fn parse_name(name: &str) -> Result<String, TextError> {
    text::line(name, 1..=NAME_LENGTH_MAX)
}

/// Reads the id of a customer. Whether there is such a customer is known by `customers`.
pub fn parse_customer(id: CustomerId) -> Result<CustomerId, &'static str> {
    if id.0.is_nil() {
        return Err("must be the id of a customer");
    }
    Ok(id)
}

/// A JSON object in its text form: nothing in here looks into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile(String);

impl Profile {
    /// Takes the text of an object.
    pub fn parse(object: String) -> Result<Self, &'static str> {
        if object.len() > PROFILE_BYTES_MAX {
            return Err("must have at most 16 KiB as JSON");
        }
        Ok(Self(object))
    }

    /// A profile that the database holds.
    pub fn stored(object: String) -> Self {
        Self(object)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self("{}".to_owned())
    }
}

/// What makes an account a crew member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crew {
    pub category: String,
    /// The order matters: a tariff is looked for in it.
    pub skills: Vec<String>,
    pub phone: Option<String>,
    /// Whether the member takes bookings; the account has its own switch.
    pub is_active: bool,
}

/// Reads a crew member's category.
pub fn parse_category(category: &str) -> Result<String, TextError> {
    text::line(category, 1..=CATEGORY_LENGTH_MAX)
}

/// Reads a crew member's skills, in their order; each once.
pub fn parse_skills(skills: &[String]) -> Result<Vec<String>, String> {
    if skills.len() > SKILLS_MAX {
        return Err(format!("must have at most {SKILLS_MAX} entries"));
    }
    let mut parsed: Vec<String> = vec![];
    for skill in skills {
        let skill =
            text::line(skill, 1..=SKILL_LENGTH_MAX).map_err(|error| format!("each {error}"))?;
        if parsed.contains(&skill) {
            return Err(format!("lists `{skill}` twice"));
        }
        parsed.push(skill);
    }
    Ok(parsed)
}

/// Reads a telephone number, written as its owner likes.
pub fn parse_phone(phone: &str) -> Result<String, TextError> {
    text::line(phone, 1..=PHONE_LENGTH_MAX)
}

/// An account. Its password is not here: only signing in needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub email: Email,
    /// When its owner showed that the address is theirs.
    pub email_verified_at: Option<Timestamp>,
    pub first_name: String,
    pub last_name: String,
    pub user_type: UserType,
    pub is_active: bool,
    /// The main customer; roles may reach into others.
    pub customer_id: Option<CustomerId>,
    /// In their order, each once.
    pub roles: Vec<Grant>,
    pub crew: Option<Crew>,
    pub profile: Profile,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What a new account is made of.
pub struct NewUser {
    pub email: Email,
    pub first_name: String,
    pub last_name: String,
    pub user_type: UserType,
    pub customer_id: Option<CustomerId>,
}

/// What changes about an account; `None` stays.
#[derive(Default)]
pub struct UserChange {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub profile: Option<Profile>,
    pub is_active: Option<bool>,
    pub user_type: Option<UserType>,
    /// `Some(None)` takes the account out of its customer.
    pub customer_id: Option<Option<CustomerId>>,
}

impl UserChange {
    /// Whether the change is about what the account is, and not about what its owner says of themselves.
    pub fn is_about_standing(&self) -> bool {
        self.is_active.is_some() || self.user_type.is_some() || self.customer_id.is_some()
    }

    /// What it is about: the names of the fields, without what is in them.
    pub fn fields(&self, has_profile: bool) -> Vec<&'static str> {
        let all = [
            ("firstName", self.first_name.is_some()),
            ("lastName", self.last_name.is_some()),
            ("profile", has_profile),
            ("isActive", self.is_active.is_some()),
            ("userType", self.user_type.is_some()),
            ("customerId", self.customer_id.is_some()),
        ];
        all.into_iter().filter(|(_, is_changed)| *is_changed).map(|(field, _)| field).collect()
    }
}

/// Which accounts a list is to have; `None` has all.
#[derive(Default)]
pub struct UserFilter {
    pub email: Option<Email>,
    pub role: Option<RoleName>,
    pub customer_id: Option<CustomerId>,
    pub user_type: Option<UserType>,
    pub is_active: Option<bool>,
}

impl User {
    /// An account that holds nothing yet.
    pub fn new(id: UserId, new_user: NewUser, now: Timestamp) -> Self {
        let NewUser { email, first_name, last_name, user_type, customer_id } = new_user;
        Self {
            id,
            email,
            email_verified_at: None,
            first_name,
            last_name,
            user_type,
            is_active: true,
            customer_id,
            roles: vec![],
            crew: None,
            profile: Profile::default(),
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// The account after `change`.
    pub fn changed(self, change: UserChange, now: Timestamp) -> Self {
        let user = Self {
            first_name: change.first_name.unwrap_or(self.first_name),
            last_name: change.last_name.unwrap_or(self.last_name),
            profile: change.profile.unwrap_or(self.profile),
            is_active: change.is_active.unwrap_or(self.is_active),
            user_type: change.user_type.unwrap_or(self.user_type),
            customer_id: change.customer_id.unwrap_or(self.customer_id),
            ..self
        };
        user.touched(now)
    }

    /// The account with one role more. The first customer somebody holds a role in becomes the main one.
    pub fn with_role(mut self, grant: Grant, now: Timestamp) -> Self {
        self.customer_id = self.customer_id.or(grant.customer);
        self.roles.push(grant);
        self.roles.sort();
        self.touched(now)
    }

    /// The account with one role less.
    pub fn without_role(mut self, grant: &Grant, now: Timestamp) -> Self {
        self.roles.retain(|held| held != grant);
        self.touched(now)
    }

    /// The account as a crew member.
    pub fn with_crew(self, crew: Crew, now: Timestamp) -> Self {
        Self { crew: Some(crew), user_type: UserType::Crew, ..self }.touched(now)
    }

    /// The account after its owner has shown that `email` is theirs.
    pub fn with_verified_email(self, email: Email, now: Timestamp) -> Self {
        Self { email, email_verified_at: Some(now), ..self }.touched(now)
    }

    /// The account as those see it who may find it but not read it.
    pub fn concealed(self) -> Self {
        Self { crew: None, profile: Profile::default(), ..self }
    }

    /// Whether the person has anything to do with a customer.
    pub fn belongs_to(&self, customer: CustomerId) -> bool {
        self.customer_id == Some(customer)
            || self.roles.iter().any(|held| held.customer == Some(customer))
    }

    fn touched(self, now: Timestamp) -> Self {
        Self { version: self.version + 1, updated_at: now, ..self }
    }
}
