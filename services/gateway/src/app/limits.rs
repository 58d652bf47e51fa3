//! How much a client may ask, and how much may be at work at once.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use governor::clock::Clock;
use governor::{DefaultKeyedRateLimiter, Quota};
use metrics::Gauge;
use uuid::Uuid;

use super::settings::RateLimitSettings;
use crate::domain::address_key;
use crate::error::{Error, Result};

/// How often the number of keys is looked at: every so many requests.
const LOOK_EVERY: u32 = 1024;
/// More keys than this are swept of those that have been quiet.
const KEYS_SWEPT_ABOVE: usize = 20_000;
/// With more than this after sweeping, addresses share keys: an attack from everywhere costs no memory.
const KEYS_MAX: usize = 100_000;
const SHARED_KEYS: u64 = 4096;

/// Who is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    User(Uuid),
    Address(u128),
    Shared(u64),
}

/// The limits of an installation.
pub struct Limits {
    /// For everything.
    clients: Option<Limiter>,
    /// Further, for attempts to sign in.
    sign_ins: Option<Limiter>,
}

impl Limits {
    pub fn new(settings: &RateLimitSettings) -> Result<Self, String> {
        if !settings.enabled {
            return Ok(Self { clients: None, sign_ins: None });
        }
        let RateLimitSettings { requests_per_second, burst, .. } = *settings;
        let RateLimitSettings { sign_ins_per_second, sign_ins_burst, .. } = *settings;
        Ok(Self {
            clients: Some(Limiter::new("client", requests_per_second, burst)?),
            sign_ins: Some(Limiter::new("sign-in", sign_ins_per_second, sign_ins_burst)?),
        })
    }

    /// Counts a request of a user, or of an address when nobody is signed in.
    pub fn count(&self, user: Option<Uuid>, address: IpAddr) -> Result<()> {
        match (&self.clients, user) {
            (None, _) => Ok(()),
            (Some(limiter), Some(user)) => limiter.count(Key::User(user)),
            (Some(limiter), None) => limiter.count_address(address),
        }
    }

    /// Counts an attempt to sign in or to register.
    pub fn count_sign_in(&self, address: IpAddr) -> Result<()> {
        self.sign_ins.as_ref().map_or(Ok(()), |limiter| limiter.count_address(address))
    }
}

struct Limiter {
    policy: &'static str,
    burst: u32,
    per_second: u32,
    keys: Arc<DefaultKeyedRateLimiter<Key>>,
    hasher: RandomState,
    counted: AtomicU32,
    is_crowded: Arc<AtomicBool>,
    is_sweeping: Arc<AtomicBool>,
}

impl Limiter {
    fn new(policy: &'static str, per_second: u32, burst: u32) -> Result<Self, String> {
        let positive = |what: &str, number: u32| {
            NonZeroU32::new(number)
                .ok_or_else(|| format!("`rate_limit`: {what} must be at least 1"))
        };
        let quota = Quota::per_second(positive("requests a second", per_second)?);
        let quota = quota.allow_burst(positive("the burst", burst)?);
        Ok(Self {
            policy,
            burst,
            per_second,
            keys: Arc::new(DefaultKeyedRateLimiter::keyed(quota)),
            hasher: RandomState::new(),
            counted: AtomicU32::new(0),
            is_crowded: Arc::default(),
            is_sweeping: Arc::default(),
        })
    }

    fn count_address(&self, address: IpAddr) -> Result<()> {
        let address = address_key(address);
        if self.is_crowded.load(Ordering::Relaxed) {
            return self.count(Key::Shared(self.hasher.hash_one(address) % SHARED_KEYS));
        }
        self.count(Key::Address(address))
    }

    fn count(&self, key: Key) -> Result<()> {
        if self.counted.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOK_EVERY) {
            self.sweep_if_large();
        }
        self.keys.check_key(&key).map_err(|refused| Error::TooManyRequests {
            policy: self.policy,
            burst: self.burst,
            window_seconds: u64::from(self.burst.div_ceil(self.per_second)),
            wait: refused.wait_time_from(self.keys.clock().now()),
        })
    }

    /// Forgets who has been quiet, off the way of requests.
    fn sweep_if_large(&self) {
        let is_large = self.keys.len() > KEYS_SWEPT_ABOVE;
        if !is_large || self.is_sweeping.swap(true, Ordering::AcqRel) {
            return;
        }
        let (keys, is_crowded, is_sweeping) =
            (self.keys.clone(), self.is_crowded.clone(), self.is_sweeping.clone());
        tokio::task::spawn_blocking(move || {
            keys.retain_recent();
            keys.shrink_to_fit();
            is_crowded.store(keys.len() > KEYS_MAX, Ordering::Relaxed);
            is_sweeping.store(false, Ordering::Release);
        });
    }
}

/// Counts the requests at work.
pub struct InFlight {
    now: AtomicUsize,
    max: usize,
    /// Found at the first request, because the recorder may be installed after the gateway is built.
    gauge: OnceLock<Gauge>,
}

impl InFlight {
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { now: AtomicUsize::new(0), max, gauge: OnceLock::new() })
    }

    /// A place for a request, given back when dropped.
    pub fn enter(self: &Arc<Self>) -> Result<Place> {
        let before = self.now.fetch_add(1, Ordering::AcqRel);
        self.gauge().increment(1.0);
        // Made first, so that a refused request gives back what it has taken.
        let place = Place(self.clone());
        if before >= self.max { Err(Error::Busy) } else { Ok(place) }
    }

    fn gauge(&self) -> &Gauge {
        self.gauge.get_or_init(|| metrics::gauge!("backline_http_requests_in_flight"))
    }
}

/// A request at work.
pub struct Place(Arc<InFlight>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::AcqRel);
        self.0.gauge().decrement(1.0);
    }
}
