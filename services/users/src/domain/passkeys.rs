//! What a passkey is (WebAuthn level 3), and at which addresses there can be any.

use std::net::IpAddr;

use contracts::ids::{PasskeyId, UserId};
use jiff::{SignedDuration, Timestamp};
use stdx::text::{self, TextError};

/// Nobody has more devices; and a list of them all goes to the browser when another one is added.
pub const PASSKEYS_MAX: u64 = 20;
/// How long a browser and its owner may take to answer a challenge.
pub const CEREMONY_LIFETIME: SignedDuration = SignedDuration::from_mins(5);
/// Longer than any answer of an authenticator; an attestation, which may be long, is not asked for.
pub const CREDENTIAL_BYTES_MAX: usize = 32 * 1024;
const NAME_LENGTH_MAX: usize = 100;

/// A passkey of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    pub id: PasskeyId,
    pub user_id: UserId,
    /// What its authenticator knows it by: base64url.
    pub credential_id: String,
    /// Its public key and its counter, as the library that reads them writes them down.
    pub credential: String,
    pub name: String,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// Reads what the owner calls a passkey.
pub fn parse_passkey_name(name: &str) -> Result<String, TextError> {
    text::line(name, 1..=NAME_LENGTH_MAX)
}

/// A challenge that waits for its answer. The challenge itself is not here: only the browser has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceremony {
    /// Who adds a passkey; nobody yet when somebody signs in.
    pub user_id: Option<UserId>,
    /// What the library needs to check the answer.
    pub state: String,
    pub expires_at: Timestamp,
}

impl Ceremony {
    /// One that begins now.
    pub fn new(user_id: Option<UserId>, state: String, now: Timestamp) -> Self {
        Self { user_id, state, expires_at: now + CEREMONY_LIFETIME }
    }
}

/// Whom passkeys are for: what a browser compares with the address of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    /// A host's name.
    pub id: String,
    /// Scheme, host and port of the pages that may use passkeys.
    pub origin: String,
}

impl RelyingParty {
    /// The one of an installation, if there can be passkeys at its address.
    ///
    /// WebAuthn wants a name where others may have an IP address, and a page that nobody on the way has changed:
    /// HTTPS, or this machine itself. This machine always has the name `localhost` as well.
    pub fn of(public_url: &str) -> Option<Self> {
        let (scheme, rest) = public_url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?.to_ascii_lowercase();
        let (host, port) = split_port(&authority);
        let id = match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) if address.is_loopback() => "localhost",
            Ok(_) => return None,
            Err(_) => host,
        };
        let is_this_machine = id == "localhost" || id.ends_with(".localhost");
        if id.is_empty() || (scheme != "https" && !is_this_machine) {
            return None;
        }
        Some(Self { id: id.to_owned(), origin: format!("{scheme}://{id}{port}") })
    }
}

/// The host, and the port with its colon.
fn split_port(authority: &str) -> (&str, &str) {
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match authority.rfind(':') {
        Some(at) if is_port(&authority[at + 1..]) => authority.split_at(at),
        _ => (authority, ""),
    }
}
