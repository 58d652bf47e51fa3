//! Revocations in Redis, beside the bus: a session that ended and a user whose tokens are dead reach every process by
//! whichever of the two is first.
//!
//! Owns what lies in Redis below a prefix: two sorted sets, by when it happened, and a channel. The process that runs
//! `tokens` writes ([`Source`]): what its database says, never what it happened to hear. Every process reads what is
//! there when it begins to listen, and again after each time that Redis was away.
//! Promises: with Redis away nothing fails and nothing is lost: memory and the bus carry on, and when Redis is back
//! everything is written that a living token could be concerned by. What is written is gone by itself after
//! half an hour. Nothing secret is in it: ids and times.

mod link;
mod source;

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use identity::Knowledge;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use redis::RedisError;
use stdx::Clock;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use link::Link;
pub use source::{Revoked, Source};

/// Twice as long as an access token lives: the rest is for clocks that differ, and for tokens that were being signed.
const KEPT: SignedDuration = SignedDuration::from_mins(30);
/// A change may become visible this long after the time that it carries: its transaction waited. Longer ones are given up.
const LATE: SignedDuration = SignedDuration::from_secs(15);
/// What comes in this time is written together: many revocations at once are few questions to the database.
const GATHER: Duration = Duration::from_millis(50);
/// How often both connections are asked whether they live, and the source for what another replica wrote.
const HEARTBEAT: Duration = Duration::from_secs(2);
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(2);
/// What `/ready` says while Redis is away. It is no reason not to serve.
const AWAY: &str = "redis is away, going by memory and the bus";

/// Why Redis cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is none of Redis.
    #[error("`revocations.redis_url` is not an address like `redis://host:6379`: {0}")]
    Address(String),
    /// The prefix would not tell one installation from another.
    #[error("`revocations.prefix` must be 1 to 100 letters, digits, `.`, `-`, `_` or `:`")]
    Prefix,
    /// Redis is away, or refused.
    #[error("redis: {0}")]
    Redis(#[from] RedisError),
    /// A connection was closed.
    #[error("redis closed the connection")]
    Closed,
    /// No answer in time.
    #[error("redis did not answer in time")]
    TimedOut,
}

/// One process's share of what is in Redis.
pub struct Revocations {
    client: redis::Client,
    names: Names,
    knowledge: Arc<Knowledge>,
    clock: Clock,
    state: Mutex<State>,
}

/// Where in Redis things are.
#[derive(Clone, Debug)]
struct Names {
    ended_sessions: String,
    revoked_users: String,
    channel: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Starting,
    Here,
    Away,
}

impl Revocations {
    /// At a Redis 6.2 or newer. Installations that share one need different prefixes. Connects to nothing yet.
    pub fn new(
        redis_url: &str,
        prefix: &str,
        knowledge: Arc<Knowledge>,
        clock: Clock,
    ) -> Result<Self, Error> {
        if redis_url.starts_with("rediss:") {
            // Which cryptography it is to be has to be said once; somebody may have done so already.
            drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        }
        let client = redis::Client::open(redis_url);
        let client = client.map_err(|error| Error::Address(error.to_string()))?;
        let names = Names::below(prefix)?;
        Ok(Self { client, names, knowledge, clock, state: Mutex::new(State::Starting) })
    }

    /// What an operator should know, if anything: Redis is away.
    pub fn remark(&self) -> Option<&'static str> {
        (*self.state.lock() != State::Here).then_some(AWAY)
    }

    /// Listens until `stopping`, and with a source writes what it tells.
    pub async fn run(self: Arc<Self>, source: Option<Source>, stopping: CancellationToken) {
        let mut failures = 0;
        while !stopping.is_cancelled() {
            let held = self.hold(source.clone(), &mut failures);
            let Some(Err(error)) = stopping.run_until_cancelled(held).await else { return };
            self.is_away(&error);
            failures += 1;
            let pause = stdx::backoff::delay(failures, RETRY_FIRST, RETRY_LONGEST);
            stopping.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// Connects, reads what is there, and stays until Redis is away.
    async fn hold(
        &self,
        mut source: Option<Source>,
        failures: &mut u32,
    ) -> Result<Infallible, Error> {
        // It hears before it reads, so that nothing falls between the two.
        let mut link = Link::connect(&self.client, &self.names).await?;
        self.learn(&link.read(self.oldest()).await?);
        let mut telling = Telling::since(self.oldest());
        if let Some(source) = &source {
            self.tell(&mut link, source, &mut telling).await?;
        }
        self.is_here();
        *failures = 0;
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                heard = link.hear() => {
                    self.learn(&heard?);
                    continue;
                }
                () = changed(&mut source, telling.next_at) => {}
                _ = heartbeat.tick() => link.ping().await?,
            }
            if let Some(source) = &source {
                self.tell(&mut link, source, &mut telling).await?;
            }
        }
    }

    /// Writes what is new in the source. If that is away, it is asked again soon; Redis has no part in it.
    async fn tell(
        &self,
        link: &mut Link,
        source: &Source,
        telling: &mut Telling,
    ) -> Result<(), Error> {
        let asked_at = self.clock.now();
        let found = match source.read(telling.until - LATE).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "what was revoked cannot be read; asking again");
                return Ok(());
            }
        };
        let new = telling.news(found);
        link.write(&new, self.oldest()).await?;
        telling.told(&new, asked_at);
        Ok(())
    }

    fn learn(&self, revoked: &Revoked) {
        for (session, ended_at_ms) in &revoked.sessions {
            self.knowledge.end_session(*session, *ended_at_ms);
        }
        for (user, before_ms) in &revoked.users {
            self.knowledge.revoke_user(*user, *before_ms);
        }
    }

    fn oldest(&self) -> Timestamp {
        self.clock.now() - KEPT
    }

    /// Said once when it begins and once when it ends, not at every try.
    fn is_away(&self, error: &Error) {
        let before = std::mem::replace(&mut *self.state.lock(), State::Away);
        if before != State::Away {
            tracing::warn!(%error, "{AWAY}");
        }
    }

    fn is_here(&self) {
        let before = std::mem::replace(&mut *self.state.lock(), State::Here);
        if before == State::Away {
            tracing::info!("redis is back, and knows what was revoked meanwhile");
        }
    }
}

impl Names {
    fn below(prefix: &str) -> Result<Self, Error> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
        if prefix.is_empty() || prefix.len() > 100 || !prefix.chars().all(is_plain) {
            return Err(Error::Prefix);
        }
        Ok(Self {
            ended_sessions: format!("{prefix}:ended-sessions"),
            revoked_users: format!("{prefix}:revoked-users"),
            channel: format!("{prefix}:revocations"),
        })
    }
}

/// Resolves when the source has something new and it is time to ask; never without one.
async fn changed(source: &mut Option<Source>, next_at: Instant) {
    match source {
        Some(source) => {
            tokio::time::sleep_until(next_at).await;
            source.changed().await
        }
        None => std::future::pending().await,
    }
}

/// How far the source has been told over this connection.
struct Telling {
    /// Up to here, but for what becomes visible late.
    until: Timestamp,
    /// What has been told of the time in which something may still become visible.
    recent: HashMap<Uuid, i64>,
    /// Not asked again before.
    next_at: Instant,
}

impl Telling {
    fn since(oldest: Timestamp) -> Self {
        Self { until: oldest, recent: HashMap::new(), next_at: Instant::now() }
    }

    fn news(&self, found: Revoked) -> Revoked {
        let is_new = |(id, at): &(Uuid, i64)| self.recent.get(id) != Some(at);
        Revoked {
            sessions: found.sessions.into_iter().filter(is_new).collect(),
            users: found.users.into_iter().filter(is_new).collect(),
        }
    }

    fn told(&mut self, new: &Revoked, until: Timestamp) {
        (self.until, self.next_at) = (until, Instant::now() + GATHER);
        let oldest_ms = (until - LATE).as_millisecond();
        self.recent.retain(|_, at| *at >= oldest_ms);
        let of_late = new.sessions.iter().chain(&new.users).filter(|(_, at)| *at >= oldest_ms);
        self.recent.extend(of_late.copied());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_not_told_again_and_a_later_moment_is() {
        let now = Clock::system().now();
        let (session, user) = (Uuid::now_v7(), Uuid::now_v7());
        let at = now.as_millisecond();
        let found = Revoked { sessions: vec![(session, at)], users: vec![(user, at)] };
        let mut telling = Telling::since(now - KEPT);
        let new = telling.news(found.clone());
        assert_eq!(new, found);
        telling.told(&new, now);
        assert!(telling.news(found).is_empty());
        let again = Revoked { sessions: vec![], users: vec![(user, at + 1)] };
        assert_eq!(telling.news(again.clone()), again);
        telling.told(&Revoked::default(), now + LATE + LATE);
        assert!(telling.recent.is_empty(), "the list does not grow");
    }

    #[test]
    fn a_wrong_setting_is_refused_in_words() {
        let new = |url: &str, prefix: &str| {
            Revocations::new(url, prefix, Arc::default(), Clock::system()).map(drop)
        };
        for url in ["http://127.0.0.1:6379", "", "redis//"] {
            let error = new(url, "backline").expect_err("refused").to_string();
            assert!(error.contains("`revocations.redis_url`"), "{error}");
        }
        for prefix in ["", "two words", "star*"] {
            let error = new("redis://127.0.0.1", prefix).expect_err("refused").to_string();
            assert!(error.contains("`revocations.prefix`"), "{error}");
        }
        assert!(new("rediss://user:secret@cache.example.org:6380/2", "a.b:c-d_e").is_ok());
    }
}
