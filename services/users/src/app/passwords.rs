//! Hashes of passwords: Argon2id, in a pool of a fixed size. Those of another system may be bcrypt, until their
//! owner signs in for the first time.
//!
//! A hash is made to be expensive, 19 MiB and some 20 ms of one core. The pool works on as many at once
//! as there are cores, lets a number wait, and turns the rest away, so that a storm of sign-ins costs
//! neither the memory nor the answers of everything else.

use std::sync::Arc;
use std::thread::available_parallelism;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::domain::{PASSWORD_LENGTH_MAX, Password};
use crate::error::{Error, Result};

/// Hashes that wait for their turn. With two cores the last of them waits about three seconds, which is
/// less than a call may take.
const WAITING_MAX: usize = 256;

/// What a hash of another system may cost to check.
const BCRYPT_COST_MAX: u32 = 14;
const ARGON2_KIB_MAX: u32 = 256 * 1024;
const ARGON2_PASSES_MAX: u32 = 16;
const ARGON2_LANES_MAX: u32 = 16;

/// Makes and checks the hashes of passwords.
pub struct Passwords {
    pool: Pool,
}

/// What came out of checking a password.
pub struct Verdict {
    pub is_right: bool,
    /// The hash takes less to guess than a new one would.
    pub is_outdated: bool,
}

impl Passwords {
    /// With a pool that fits the machine.
    pub fn for_this_machine() -> Self {
        Self::new(Pool::new(available_parallelism().map_or(1, usize::from), WAITING_MAX))
    }

    /// With a given pool.
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }

    /// The hash of a new password: a PHC string.
    pub async fn hash(&self, password: Password) -> Result<String> {
        self.hash_again(password.as_str()).await
    }

    /// The hash of a password that is known to be right.
    pub async fn hash_again(&self, password: &str) -> Result<String> {
        let password = password.to_owned();
        self.pool.run(move || hash(&password)).await?
    }

    /// Checks a password against the hash of an account. Without an account the work is the same.
    pub async fn verify(&self, password: &str, stored: Option<&str>) -> Result<Verdict> {
        // No password is longer, and reading a longer one would be work of another length.
        let password: String = password.chars().take(PASSWORD_LENGTH_MAX + 1).collect();
        let stored = stored.map(str::to_owned);
        self.pool.run(move || verify(&password, stored.as_deref())).await?
    }
}

fn hash(password: &str) -> Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    Ok(hash.map_err(service_kit::Error::internal)?.to_string())
}

fn verify(password: &str, stored: Option<&str>) -> Result<Verdict> {
    let Some(stored) = stored else {
        hash(password)?;
        return Ok(Verdict { is_right: false, is_outdated: false });
    };
    if is_bcrypt(stored) {
        // Looks at the first 72 bytes only, as it did where the hash comes from.
        let is_right = bcrypt::verify(password, stored).map_err(service_kit::Error::internal)?;
        return Ok(Verdict { is_right, is_outdated: true });
    }
    let stored = PasswordHash::new(stored).map_err(service_kit::Error::internal)?;
    let is_right = Argon2::default().verify_password(password.as_bytes(), &stored).is_ok();
    Ok(Verdict { is_right, is_outdated: is_outdated(&stored) })
}

fn is_outdated(stored: &PasswordHash) -> bool {
    let today = Params::DEFAULT;
    let is_weaker = |then: Params| {
        then.m_cost() < today.m_cost()
            || then.t_cost() < today.t_cost()
            || then.p_cost() < today.p_cost()
    };
    stored.algorithm != Algorithm::default().ident()
        || Params::try_from(stored).map_or(true, is_weaker)
}

fn is_bcrypt(hash: &str) -> bool {
    ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix))
}

/// Reads a hash that another system made. One that takes very long to check would stop everybody's sign-in.
pub fn parse_hash(hash: &str) -> Result<String, &'static str> {
    const WRONG: &str = "must be a bcrypt hash ($2a$, $2b$ or $2y$) or an argon2id PHC string";
    if is_bcrypt(hash) {
        // Version, cost, 22 characters of salt and 31 of the hash.
        let cost = hash.get(4..6).and_then(|cost| cost.parse::<u32>().ok()).ok_or(WRONG)?;
        if cost > BCRYPT_COST_MAX {
            return Err("must have a bcrypt cost of at most 14");
        }
        return bcrypt::verify("", hash).map(|_| hash.to_owned()).map_err(|_| WRONG);
    }
    let parsed = PasswordHash::new(hash).map_err(|_| WRONG)?;
    if parsed.algorithm != Algorithm::Argon2id.ident() || parsed.hash.is_none() {
        return Err(WRONG);
    }
    let params = Params::try_from(&parsed).map_err(|_| WRONG)?;
    let is_heavy = params.m_cost() > ARGON2_KIB_MAX
        || params.t_cost() > ARGON2_PASSES_MAX
        || params.p_cost() > ARGON2_LANES_MAX;
    if is_heavy {
        return Err("must need at most 256 MiB, 16 passes and 16 lanes");
    }
    Ok(hash.to_owned())
}

/// Runs a limited number of expensive things at once, beside the threads that answer requests.
pub struct Pool {
    at_work: Arc<Semaphore>,
    /// At work and waiting.
    admitted: Arc<Semaphore>,
    #[cfg(test)]
    pub gauge: Arc<gauge::Gauge>,
}

impl Pool {
    /// Runs `at_once`, lets `waiting_max` wait.
    pub fn new(at_once: usize, waiting_max: usize) -> Self {
        Self {
            at_work: Arc::new(Semaphore::new(at_once)),
            admitted: Arc::new(Semaphore::new(at_once + waiting_max)),
            #[cfg(test)]
            gauge: Arc::default(),
        }
    }

    /// Does `work` when its turn comes, or refuses at once when the line is full.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let admission = self.admitted.clone().try_acquire_owned();
        let admission = admission.map_err(|_| Error::TooManyPasswords)?;
        let turn =
            self.at_work.clone().acquire_owned().await.map_err(service_kit::Error::internal)?;
        #[cfg(test)]
        let gauge = self.gauge.clone();
        // The places go with the work: who hangs up meanwhile does not make room for another one.
        let done = tokio::task::spawn_blocking(move || {
            let _places = (admission, turn);
            #[cfg(test)]
            let _counted = gauge.count();
            work()
        });
        Ok(done.await.map_err(service_kit::Error::internal)?)
    }
}

/// Counts how many run at once.
#[cfg(test)]
pub mod gauge {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    pub struct Gauge {
        running: AtomicUsize,
        most: AtomicUsize,
    }

    impl Gauge {
        /// Counts one until the guard is dropped.
        pub fn count(self: &Arc<Self>) -> impl Drop + use<> {
            let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(running, Ordering::SeqCst);
            Counted(self.clone())
        }

        /// The most that ever ran at once.
        pub fn most(&self) -> usize {
            self.most.load(Ordering::SeqCst)
        }
    }

    struct Counted(Arc<Gauge>);

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.running.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
