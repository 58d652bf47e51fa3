//! Makes whoever guesses passwords wait, and nobody else.
//!
//! Wrong passwords are counted for each pair of account and network address, so that nobody can lock somebody else
//! out. Guesses spread over many addresses are counted for the account as well; that count makes those wait who
//! come from where the owner never signed in. What is counted is what was typed, whether there is such an account
//! or not. In memory, of a bounded size: a process that starts anew has forgotten, and each replica counts alone.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use stdx::secret;

use crate::domain::{
    FORGOTTEN_AFTER, FREE_AT_ADDRESS, FREE_FOR_ACCOUNT, wait_at_address, wait_for_account,
};
use crate::error::{Error, Result};

/// Each takes some 150 bytes. When there is no room the one that is longest ago is forgotten.
const ENTRIES_MAX: usize = 20_000;
/// Tries at the same time from where the owner has signed in before: a household, an office.
const AT_ONCE_WHERE_KNOWN: u32 = 64;

/// Counts wrong passwords.
#[derive(Default)]
pub struct Guard(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    pairs: HashMap<Pair, Count>,
    accounts: HashMap<String, Count>,
}

/// Digests of what was typed, so that the size of an entry is known.
type Pair = (String, String);

#[derive(Clone, Copy, Default)]
struct Count {
    failures: u32,
    in_hand: u32,
    last_at: Timestamp,
    /// The account was signed in from there in the life of this process.
    is_known: bool,
}

/// A try that was let in. Dropped without an outcome it counts for nothing.
pub struct Attempt {
    counts: Arc<Mutex<Counts>>,
    pair: Pair,
    is_known: bool,
}

impl Guard {
    /// Whether it matters, for this account, where a try comes from.
    pub fn is_spread(&self, account: &str, now: Timestamp) -> bool {
        let counts = self.0.lock();
        let count = counts.accounts.get(&secret::digest(account));
        count.is_some_and(|count| count.remembered(now) >= FREE_FOR_ACCOUNT)
    }

    /// Lets a try in, or says how long it has to wait. `is_known`: the owner has signed in from there before.
    pub fn admit(
        &self,
        account: &str,
        address: &str,
        is_known: bool,
        now: Timestamp,
    ) -> Result<Attempt> {
        let pair = (secret::digest(account), secret::digest(address));
        let mut counts = self.0.lock();
        let Counts { pairs, accounts } = &mut *counts;
        make_room(pairs, &pair, now);
        make_room(accounts, &pair.0, now);
        let here = pairs.entry(pair.clone()).or_default();
        let everywhere = accounts.entry(pair.0.clone()).or_default();
        here.forget(now);
        everywhere.forget(now);
        let is_known = is_known || here.is_known;
        here.require_turn_here(is_known, now)?;
        if !is_known {
            everywhere.take_turn(now)?;
        }
        here.in_hand += 1;
        Ok(Attempt { counts: self.0.clone(), pair, is_known })
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.lock().pairs.len()
    }
}

impl Count {
    fn remembered(&self, now: Timestamp) -> u32 {
        if now.duration_since(self.last_at) > FORGOTTEN_AFTER { 0 } else { self.failures }
    }

    fn forget(&mut self, now: Timestamp) {
        self.failures = self.remembered(now);
    }

    /// Tries that are in hand count as wrong ones: a hundred at once are not a hundred guesses for free.
    fn require_turn_here(&self, is_known: bool, now: Timestamp) -> Result<()> {
        let wait = self.last_at + wait_at_address(self.failures);
        if self.failures >= FREE_AT_ADDRESS && wait > now {
            return Err(Error::too_many_attempts(wait.duration_since(now)));
        }
        let at_once = match self.failures {
            0 if is_known => AT_ONCE_WHERE_KNOWN,
            failures => FREE_AT_ADDRESS.saturating_sub(failures).max(1),
        };
        if self.in_hand >= at_once {
            return Err(Error::TooManyAttempts { seconds: 1 });
        }
        Ok(())
    }

    /// Beyond the free ones, one try at a time, from wherever it comes.
    fn take_turn(&mut self, now: Timestamp) -> Result<()> {
        if self.failures < FREE_FOR_ACCOUNT {
            return Ok(());
        }
        let wait = self.last_at + wait_for_account(self.failures);
        if wait > now {
            return Err(Error::too_many_attempts(wait.duration_since(now)));
        }
        self.last_at = now;
        Ok(())
    }

    fn fail(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.last_at = now;
    }
}

impl Attempt {
    /// The password was wrong.
    pub fn failed(self, now: Timestamp) {
        let mut counts = self.counts.lock();
        if let Some(here) = counts.pairs.get_mut(&self.pair) {
            here.fail(now);
        }
        if let (false, Some(everywhere)) = (self.is_known, counts.accounts.get_mut(&self.pair.0)) {
            everywhere.fail(now);
        }
    }

    /// The password was right; `true` when this is the first time from there in the life of this process.
    pub fn succeeded(self) -> bool {
        let mut counts = self.counts.lock();
        let Some(here) = counts.pairs.get_mut(&self.pair) else { return true };
        here.failures = 0;
        !std::mem::replace(&mut here.is_known, true)
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(here) = self.counts.lock().pairs.get_mut(&self.pair) {
            here.in_hand = here.in_hand.saturating_sub(1);
        }
    }
}

/// Makes room for one more, if there is none: first what would be forgotten anyway, else the oldest.
fn make_room<K: Eq + Hash + Clone>(counts: &mut HashMap<K, Count>, key: &K, now: Timestamp) {
    if counts.len() < ENTRIES_MAX || counts.contains_key(key) {
        return;
    }
    counts.retain(|_, count| count.in_hand > 0 || count.remembered(now) > 0);
    if counts.len() < ENTRIES_MAX {
        return;
    }
    let oldest = counts.iter().min_by_key(|(_, count)| count.last_at).map(|(key, _)| key.clone());
    oldest.and_then(|oldest| counts.remove(&oldest));
}
