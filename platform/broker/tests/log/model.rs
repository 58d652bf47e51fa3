//! Random histories with power losses against a simple model of what must be there.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;

use broker::log::faults::FaultyFiles;
use broker::log::{Limits, Log, Purge, Ticket};
use futures::FutureExt;
use proptest::prelude::*;

use crate::*;

const SEGMENT_BYTES: u64 = 2_000;

#[derive(Clone, Debug)]
enum Step {
    /// So many entries of a subject and a size, without waiting.
    Append {
        count: usize,
        subject: usize,
        bytes: usize,
    },
    Wait,
    Remove {
        nth: usize,
    },
    Purge {
        subject: Option<usize>,
        below: Option<usize>,
        keep: u64,
    },
    Enforce {
        messages: Option<u64>,
        per_subject: Option<u64>,
        age: Option<i64>,
    },
    LosePower {
        seed: u64,
    },
    /// The power goes at the n-th change of the disk that the work after it causes.
    LosePowerInTheMiddle {
        nth: u64,
        seed: u64,
        work: Vec<Work>,
    },
    Kill,
    Reopen,
}

/// What is going on when the power goes.
#[derive(Clone, Debug)]
enum Work {
    Append { count: usize, bytes: usize },
    Remove { nth: usize, count: usize },
    Flush,
}

fn work() -> impl Strategy<Value = Work> {
    prop_oneof![
        2 => (1_usize..8, 0_usize..700).prop_map(|(count, bytes)| Work::Append { count, bytes }),
        2 => (0_usize..60, 1_usize..20).prop_map(|(nth, count)| Work::Remove { nth, count }),
        1 => Just(Work::Flush),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let append = (1_usize..8, 0_usize..4, 0_usize..700)
        .prop_map(|(count, subject, bytes)| Step::Append { count, subject, bytes });
    let purge = (proptest::option::of(0_usize..4), proptest::option::of(0_usize..60), 0_u64..5)
        .prop_map(|(subject, below, keep)| Step::Purge { subject, below, keep });
    let enforce = (
        proptest::option::of(1_u64..30),
        proptest::option::of(1_u64..8),
        proptest::option::of(1_i64..40),
    )
        .prop_map(|(messages, per_subject, age)| Step::Enforce { messages, per_subject, age });
    let step = prop_oneof![
        8 => append,
        4 => Just(Step::Wait),
        5 => (0_usize..60).prop_map(|nth| Step::Remove { nth }),
        1 => purge,
        1 => enforce,
        2 => any::<u64>().prop_map(|seed| Step::LosePower { seed }),
        3 => (1_u64..40, any::<u64>(), proptest::collection::vec(work(), 1..12))
            .prop_map(|(nth, seed, work)| Step::LosePowerInTheMiddle { nth, seed, work }),
        2 => Just(Step::Kill),
        1 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..60)
}

/// One history: the log and what is known of it.
struct History {
    files: FaultyFiles,
    log: Option<Log>,
    clock: i64,
    /// All that was given a sequence and may be there.
    given: BTreeMap<u64, NewEntry>,
    kept: BTreeSet<u64>,
    /// Every sequence that was ever acknowledged.
    ever_kept: BTreeSet<u64>,
    waiting: Vec<(u64, Ticket)>,
    /// Removed, but perhaps not yet on disk.
    going: BTreeSet<u64>,
    gone: BTreeSet<u64>,
    going_tickets: Vec<(Vec<u64>, Ticket)>,
}

impl History {
    fn new() -> Self {
        let files = FaultyFiles::new();
        let log = Some(open(&files, SEGMENT_BYTES).0);
        Self {
            files,
            log,
            clock: 0,
            given: BTreeMap::new(),
            kept: BTreeSet::new(),
            ever_kept: BTreeSet::new(),
            waiting: Vec::new(),
            going: BTreeSet::new(),
            gone: BTreeSet::new(),
            going_tickets: Vec::new(),
        }
    }

    fn log(&self) -> &Log {
        self.log.as_ref().unwrap()
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Append { count, subject, bytes } => self.append(*count, *subject, *bytes),
            Step::Wait => self.wait(),
            Step::Remove { nth } => self.remove(*nth),
            Step::Purge { subject, below, keep } => self.purge(*subject, *below, *keep),
            Step::Enforce { messages, per_subject, age } => {
                self.enforce(*messages, *per_subject, *age);
            }
            Step::LosePower { seed } => self.lose_power(*seed),
            Step::LosePowerInTheMiddle { nth, seed, work } => {
                self.lose_power_in_the_middle(*nth, *seed, work);
            }
            Step::Kill => self.kill(),
            Step::Reopen => self.reopen(),
        }
    }

    fn append(&mut self, count: usize, subject: usize, bytes: usize) {
        for _ in 0..count {
            self.clock += 1;
            let payload: Vec<u8> = (0..bytes).map(|n| (n as i64 * self.clock) as u8).collect();
            let mut new = entry(["a.x", "a.y", "b", "c.d.e"][subject], payload);
            new.time_ns = self.clock;
            let Ok((seq, ticket)) = self.log().append(new.clone()) else { return };
            assert!(!self.ever_kept.contains(&seq), "sequence {seq} is used twice");
            assert!(self.given.last_key_value().is_none_or(|(last, _)| *last < seq));
            self.given.insert(seq, new);
            self.waiting.push((seq, ticket));
        }
    }

    /// Takes note of what is certain by now.
    fn note(&mut self) {
        for (seq, ticket) in std::mem::take(&mut self.waiting) {
            let mut ticket = Box::pin(ticket);
            match ticket.as_mut().now_or_never() {
                Some(Ok(kept)) => {
                    assert_eq!(kept, seq);
                    self.kept.insert(seq);
                    self.ever_kept.insert(seq);
                }
                Some(Err(error)) => assert!(self.has_died(), "{error}"),
                None => self.waiting.push((seq, *Pin::into_inner(ticket))),
            }
        }
        for (removed, ticket) in std::mem::take(&mut self.going_tickets) {
            let mut ticket = Box::pin(ticket);
            match ticket.as_mut().now_or_never() {
                Some(Ok(_)) => self.gone.extend(removed),
                Some(Err(error)) => assert!(self.has_died(), "{error}"),
                None => self.going_tickets.push((removed, *Pin::into_inner(ticket))),
            }
        }
    }

    fn wait(&mut self) {
        wait(self.log().flush().unwrap()).unwrap();
        self.note();
        assert!(self.waiting.is_empty() && self.going_tickets.is_empty());
        self.gone.extend(std::mem::take(&mut self.going));
        self.compare();
    }

    /// What must be there, when all is on disk.
    fn living(&self) -> Vec<u64> {
        let is_there = |seq: &&u64| !self.gone.contains(seq) && !self.going.contains(seq);
        self.kept.iter().filter(is_there).copied().collect()
    }

    fn compare(&self) {
        let log = self.log();
        let living = self.living();
        assert_eq!(sequences(log), living);
        let state = log.state();
        assert_eq!(state.messages, living.len() as u64);
        if let (Some(first), Some(last)) = (living.first(), living.last()) {
            assert_eq!(state.first_seq, *first);
            assert_eq!(log.count_from(*last, &[]), 1);
            assert_eq!(log.count_from(first + 1, &[]), state.messages - 1);
        }
        let mut subjects: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for seq in living {
            let new = &self.given[&seq];
            let count = subjects.entry(new.subject.to_string()).or_default();
            *count = (count.0 + 1, seq);
            let found = log.get(seq).unwrap().unwrap();
            assert_eq!(
                (&found.subject, &found.payload, found.time_ns),
                (&new.subject, &new.payload, new.time_ns)
            );
        }
        for (subject, (count, last)) in &subjects {
            assert_eq!(log.last_of(subject), Some(*last));
            assert_eq!(log.count_from(0, &[filter(subject)]), *count);
        }
        let counts: Vec<_> = subjects.into_iter().map(|(name, (count, _))| (name, count)).collect();
        assert_eq!(log.subjects(None), counts);
    }

    /// What the log shows, before and after: the difference has been removed.
    fn removing<T>(&mut self, remove: impl FnOnce(&Log) -> T) -> (Vec<u64>, T) {
        self.wait();
        let before = self.living();
        let result = remove(self.log());
        let after: BTreeSet<u64> = sequences(self.log()).into_iter().collect();
        let removed: Vec<u64> = before.into_iter().filter(|seq| !after.contains(seq)).collect();
        self.going.extend(&removed);
        (removed, result)
    }

    fn remove(&mut self, nth: usize) {
        self.note();
        let living = self.living();
        let Some(seq) = living.get(nth % living.len().max(1)).copied() else { return };
        let Ok(ticket) = self.log().remove(seq) else { return };
        let ticket = ticket.unwrap();
        assert!(self.log().get(seq).unwrap().is_none());
        self.going.insert(seq);
        self.going_tickets.push((vec![seq], ticket));
    }

    fn purge(&mut self, subject: Option<usize>, below: Option<usize>, keep: u64) {
        let filter = subject.map(|place| filter(["a.x", "a.*", "b", ">"][place]));
        let below = below.map(|place| place as u64);
        let purge = Purge { filter: filter.clone(), below, keep };
        let (removed, (count, ticket)) = self.removing(|log| log.purge(&purge).unwrap());
        assert_eq!(removed.len() as u64, count);
        for seq in &removed {
            assert!(below.is_none_or(|below| *seq < below));
            assert!(filter.as_ref().is_none_or(|it| it.matches(&self.given[seq].subject)));
        }
        self.going_tickets.push((removed, ticket));
    }

    fn enforce(&mut self, max_messages: Option<u64>, per_subject: Option<u64>, age: Option<i64>) {
        let limits = Limits {
            max_messages,
            max_messages_per_subject: per_subject,
            max_age_ns: age,
            max_bytes: None,
        };
        let now = self.clock;
        let (removed, count) = self.removing(|log| log.enforce(&limits, now).unwrap());
        assert_eq!(removed.len() as u64, count);
        let left = self.log().state();
        assert!(max_messages.is_none_or(|max| left.messages <= max));
        for (_, messages) in self.log().subjects(None) {
            assert!(per_subject.is_none_or(|max| messages <= max));
        }
    }

    fn lose_power(&mut self, seed: u64) {
        self.note();
        let after = self.files.after_power_loss(seed);
        self.log = None;
        self.files = after;
        self.find_again();
    }

    fn has_died(&self) -> bool {
        self.files.found_after_death().is_some()
    }

    fn lose_power_in_the_middle(&mut self, nth: u64, seed: u64, work: &[Work]) {
        self.files.die_at(nth, seed);
        for work in work {
            match work {
                Work::Append { count, bytes } => self.append(*count, *bytes % 4, *bytes),
                Work::Remove { nth, count } => (0..*count).for_each(|_| self.remove(*nth)),
                Work::Flush => {
                    let flushed = self.log().flush().map(wait);
                    assert!(matches!(flushed, Ok(Ok(_))) || self.has_died());
                }
            }
        }
        self.note();
        // What is given up is not written any more: the rest of the tickets says so.
        let found = self.files.found_after_death();
        let found = found.unwrap_or_else(|| self.files.after_power_loss(seed));
        self.log = None;
        self.files = found;
        self.find_again();
    }

    fn kill(&mut self) {
        self.note();
        let after = self.files.after_kill();
        self.log = None;
        self.files = after;
        self.find_again();
    }

    fn reopen(&mut self) {
        self.log = None;
        self.note();
        assert!(self.waiting.is_empty() && self.going_tickets.is_empty());
        self.gone.extend(std::mem::take(&mut self.going));
        self.find_again();
        self.compare();
    }

    /// Compares what is found with what must and what may be there; what is there now is kept from now on.
    fn find_again(&mut self) {
        let (log, recovery) = open(&self.files, SEGMENT_BYTES);
        let found = sequences(&log);
        assert_eq!(recovery.unreadable, []);
        for seq in &found {
            assert!(self.given.contains_key(seq), "{seq} was never given");
            assert!(!self.gone.contains(seq), "{seq} came back");
        }
        for seq in self.living() {
            assert!(found.contains(&seq), "{seq} was acknowledged and is lost: {recovery:?}");
        }
        let highest = self.ever_kept.last().copied().unwrap_or(0);
        assert!(log.next_seq() > highest, "{} after {highest}", log.next_seq());
        self.given.retain(|seq, _| found.contains(seq));
        self.kept = found.iter().copied().collect();
        self.ever_kept.extend(found);
        self.waiting.clear();
        self.going_tickets.clear();
        self.going.clear();
        self.log = Some(log);
        self.compare();
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_acknowledged_is_lost_whatever_happens(steps in steps()) {
        let mut history = History::new();
        for step in &steps {
            history.run(step);
        }
        history.wait();
        history.reopen();
    }
}
