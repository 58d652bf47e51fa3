//! When to stop asking a target that fails, and how often to ask twice.

use std::time::{Duration, Instant};

/// Outcomes are counted in this many parts of the window, the oldest of which is forgotten.
const PARTS: usize = 10;
/// A retry costs this much of the budget; a request pays in its percentage.
const RETRY_COST: i64 = 100;
/// What may be saved up: so many retries.
const SAVINGS_MAX: i64 = 20 * RETRY_COST;

/// When a breaker opens and for how long.
#[derive(Clone, Copy, Debug)]
pub struct BreakerRules {
    /// How long an outcome counts.
    pub window: Duration,
    /// Fewer outcomes than this say nothing.
    pub volume_min: u32,
    /// So many failures of a hundred outcomes open it.
    pub failure_percent: u32,
    /// How long nobody is let through.
    pub open: Duration,
}

/// Whether a request may go to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// As always.
    Pass,
    /// As the one that finds out whether the target works again.
    Probe,
    /// Not before this time has passed.
    Refused(Duration),
}

/// Counts failures of one target; lets nobody through while most requests fail.
#[derive(Debug)]
pub struct Breaker {
    rules: BreakerRules,
    state: State,
    parts: [Part; PARTS],
    started: Instant,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed,
    Open { until: Instant },
    HalfOpen { is_probing: bool },
}

#[derive(Clone, Copy, Debug, Default)]
struct Part {
    /// Which turn of the window the counts are of.
    turn: u64,
    outcomes: u32,
    failures: u32,
}

impl Breaker {
    pub fn new(rules: BreakerRules, now: Instant) -> Self {
        Self { rules, state: State::Closed, parts: Default::default(), started: now }
    }

    /// Whether a request may go through now.
    pub fn admit(&mut self, now: Instant) -> Admission {
        match self.state {
            State::Closed => Admission::Pass,
            State::Open { until } if now < until => Admission::Refused(until - now),
            State::HalfOpen { is_probing: true } => Admission::Refused(self.rules.open),
            State::Open { .. } | State::HalfOpen { is_probing: false } => {
                self.state = State::HalfOpen { is_probing: true };
                Admission::Probe
            }
        }
    }

    /// Notes how a request ended; says `true` when that opened the breaker.
    pub fn record(&mut self, admission: Admission, is_failure: bool, now: Instant) -> bool {
        match (admission, is_failure) {
            (Admission::Probe, false) => self.close(),
            (Admission::Probe, true) => self.open(now),
            (Admission::Pass, _) => self.count(is_failure, now),
            (Admission::Refused(_), _) => {}
        }
        let is_open = matches!(self.state, State::Open { .. });
        is_open && is_failure
    }

    /// Nobody knows how the request ended: its caller went away.
    pub fn forget(&mut self, admission: Admission) {
        if admission == Admission::Probe {
            self.state = State::HalfOpen { is_probing: false };
        }
    }

    fn close(&mut self) {
        self.state = State::Closed;
        self.parts = Default::default();
    }

    fn open(&mut self, now: Instant) {
        self.state = State::Open { until: now + self.rules.open };
    }

    fn count(&mut self, is_failure: bool, now: Instant) {
        let part_ms = (self.rules.window / PARTS as u32).as_millis().max(1);
        let turn = now.duration_since(self.started).as_millis() / part_ms;
        let turn = u64::try_from(turn).unwrap_or(u64::MAX);
        let part = &mut self.parts[(turn % PARTS as u64) as usize];
        if part.turn != turn {
            *part = Part { turn, ..Part::default() };
        }
        part.outcomes += 1;
        part.failures += u32::from(is_failure);
        // Late outcomes of requests let through before do not open it again.
        if is_failure && matches!(self.state, State::Closed) && self.is_failing(turn) {
            self.open(now);
        }
    }

    fn is_failing(&self, turn: u64) -> bool {
        let counts = |part: &&Part| part.turn + PARTS as u64 > turn;
        let (outcomes, failures) = self.parts.iter().filter(counts).fold((0, 0), |sum, part| {
            (sum.0 + u64::from(part.outcomes), sum.1 + u64::from(part.failures))
        });
        outcomes >= u64::from(self.rules.volume_min)
            && failures * 100 >= outcomes * u64::from(self.rules.failure_percent)
    }
}

/// Retries may be this share of all requests, so that a target in trouble is not asked even more.
#[derive(Debug)]
pub struct RetryBudget {
    percent: i64,
    saved: i64,
}

impl RetryBudget {
    pub fn new(percent: u32) -> Self {
        // Some to begin with: a first request may be repeated as well.
        Self { percent: i64::from(percent), saved: SAVINGS_MAX / 2 }
    }

    /// A request pays in.
    pub fn deposit(&mut self) {
        self.saved = (self.saved + self.percent).min(SAVINGS_MAX);
    }

    /// Pays for a retry, if there is enough.
    pub fn withdraw(&mut self) -> bool {
        let is_enough = self.saved >= RETRY_COST;
        if is_enough {
            self.saved -= RETRY_COST;
        }
        is_enough
    }
}
