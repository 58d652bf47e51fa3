//! Telling clients that a session has ended (OpenID Connect Back-Channel Logout 1.0): to which addresses, and how long
//! it is tried. Pure rules.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use contracts::ids::{SessionId, UserId};
use identity::SigningAlgorithm;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::client::{URI_LENGTH_MAX, host, is_clean, is_this_machine};

/// How long a log-out token is good.
pub const LOGOUT_TOKEN_LIFETIME: SignedDuration = SignedDuration::from_mins(2);
/// A client that has not been reached for so long is not told any more; its own sessions are over by then, or checked.
const TRIED_FOR: SignedDuration = SignedDuration::from_hours(24);
const PAUSE_SHORTEST: SignedDuration = SignedDuration::from_secs(1);
const PAUSE_LONGEST: SignedDuration = SignedDuration::from_hours(1);

/// A client that is to be told of the end of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutNotice {
    pub id: Uuid,
    pub client_id: String,
    pub uri: String,
    /// By which the token is signed: that of the client's ID tokens.
    pub algorithm: SigningAlgorithm,
    pub user_id: UserId,
    /// The session as the client knows it.
    pub session_id: SessionId,
    pub created_at: Timestamp,
    /// When it is tried next.
    pub due_at: Timestamp,
}

impl LogoutNotice {
    /// When it is tried again after a try in vain: after as long as it has been tried for, so that the pauses double.
    /// `None`: it has been tried long enough.
    pub fn next_try(&self, now: Timestamp) -> Option<Timestamp> {
        let age = now.duration_since(self.created_at);
        let pause = age.max(PAUSE_SHORTEST).min(PAUSE_LONGEST);
        Some(now + pause).filter(|next| next.duration_since(self.created_at) <= TRIED_FOR)
    }
}

/// Which addresses a log-out token may be sent to. Whoever registers clients must not be able to have this server call
/// what only it can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogoutReach {
    /// This machine itself.
    pub loopback: bool,
    /// Networks that are not part of the internet.
    pub internal: bool,
}

impl LogoutReach {
    /// Of an installation: this machine, when the installation itself is for this machine only; internal networks,
    /// when the settings say so.
    pub fn new(public_url: &str, internal: bool) -> Self {
        let own_host = public_url.split_once(':').and_then(|(_, rest)| host(rest));
        Self { loopback: internal || own_host.is_some_and(is_this_machine), internal }
    }

    /// Whether an address may be registered: absolute, without fragment, over HTTPS unless it is this very machine
    /// (section 2.2). What its name leads to is looked at when it is called.
    pub fn check(self, uri: &str) -> Result<(), &'static str> {
        let (scheme, rest) = uri.split_once(':').ok_or("must be absolute")?;
        let host = host(rest).ok_or("must have a host, and no user name")?;
        match scheme {
            _ if uri.len() > URI_LENGTH_MAX => Err("is too long"),
            _ if !is_clean(uri) => Err("has a character that an address must not have"),
            _ if uri.contains('#') => Err("must not have a fragment"),
            "http" if !is_this_machine(host) => Err("must use https"),
            "https" | "http" if self.allows_host(host) => Ok(()),
            "https" | "http" => {
                Err("is an internal address; see `tokens.internal_logout_addresses`")
            }
            _ => Err("must use https"),
        }
    }

    /// Whether a host may be called, as far as its name or number says.
    pub fn allows_host(self, host: &str) -> bool {
        match host.parse::<IpAddr>() {
            Ok(address) => self.allows(address),
            Err(_) => self.loopback || !host.eq_ignore_ascii_case("localhost"),
        }
    }

    /// Whether an address may be called.
    pub fn allows(self, address: IpAddr) -> bool {
        let address = canonical(address);
        if address.is_loopback() {
            return self.loopback;
        }
        self.internal || is_of_the_internet(address)
    }
}

/// IPv4 in the clothes of IPv6 is what it is: mapped (RFC 4291), and by way of NAT64 (RFC 6052).
fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        _ => v6.to_canonical(),
    }
}

fn is_of_the_internet(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_v4_of_the_internet(v4),
        IpAddr::V6(v6) => is_v6_of_the_internet(v6),
    }
}

fn is_v4_of_the_internet(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    let is_for_protocols = (a, b, c) == (192, 0, 0);
    let is_for_benchmarks = a == 198 && (18..20).contains(&b);
    let is_reserved = a == 0 || a >= 240;
    !(v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_multicast()
        || is_shared
        || is_for_protocols
        || is_for_benchmarks
        || is_reserved)
}

fn is_v6_of_the_internet(v6: Ipv6Addr) -> bool {
    // 2000::/3 is all there is of it so far; 2002::/16 carries IPv4 addresses of any kind.
    let first = v6.segments()[0];
    first & 0xe000 == 0x2000 && first != 0x2002
}
