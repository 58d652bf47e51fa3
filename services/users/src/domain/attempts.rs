//! How long whoever guesses passwords has to wait.

use jiff::SignedDuration;

/// Wrong passwords for one account from one network address that cost no waiting.
pub const FREE_AT_ADDRESS: u32 = 5;
const WAIT_LONGEST_AT_ADDRESS: SignedDuration = SignedDuration::from_secs(300);

/// Wrong passwords for one account, from wherever its owner never signed in, that cost no waiting.
pub const FREE_FOR_ACCOUNT: u32 = 50;
const WAIT_LONGEST_FOR_ACCOUNT: SignedDuration = SignedDuration::from_secs(60);

/// Wrong passwords are forgotten after this time without another one.
pub const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// After so many wrong passwords from one address: 1, 2, 4, … 300 seconds.
pub fn wait_at_address(failures: u32) -> SignedDuration {
    wait(failures, FREE_AT_ADDRESS, WAIT_LONGEST_AT_ADDRESS)
}

/// After so many wrong passwords from everywhere: 1, 2, 4, … 60 seconds.
pub fn wait_for_account(failures: u32) -> SignedDuration {
    wait(failures, FREE_FOR_ACCOUNT, WAIT_LONGEST_FOR_ACCOUNT)
}

fn wait(failures: u32, free: u32, longest: SignedDuration) -> SignedDuration {
    match failures.checked_sub(free) {
        None => SignedDuration::ZERO,
        Some(beyond) => SignedDuration::from_secs(1i64 << beyond.min(30)).min(longest),
    }
}

/// The address as it is counted: of IPv6 the network that one customer of a provider has.
pub fn counted_address(address: &str) -> String {
    match address.parse() {
        Ok(std::net::IpAddr::V6(v6)) if v6.to_ipv4_mapped().is_none() => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(address) => address.to_canonical().to_string(),
        // Not told, or no address at all: counted like one place.
        Err(_) => String::new(),
    }
}
