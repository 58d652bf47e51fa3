//! The way into the audit log for what has no transaction of its own: denials, failed tries, things that happen too
//! often to write each of them.
//!
//! [`Trail::note`] and [`Trail::tally`] neither wait nor fail; a job of each service counts equal entries together and
//! puts them into the outbox, in batches. Promises: no flood of denials becomes a flood of writes ([`Ledger`] has the
//! limits), and what did not fit is counted and that count is on record. What has been noted and not yet written is
//! lost when the process is killed: half a second of denials, a minute of tallies.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use contracts::audit::{AuditRecorded, Object, Party};
use contracts::ids::CustomerId;
use database::Database;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use policies::{Denial, Reach, Witness};
use serde_json::json;
use stdx::Clock;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Entries between two looks of the job; what comes then is only counted.
const QUEUE_LENGTH_MAX: usize = 4096;
/// How long an entry waits for equal ones.
const BATCH_EVERY: Duration = Duration::from_millis(500);
/// How long a tally waits for equal ones.
const TALLY_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// Different entries that wait at a time.
const ENTRIES_MAX: usize = 500;
/// Different things of one party that wait at a time; more of them are one entry for each action.
const THINGS_OF_PARTY_MAX: usize = 20;
/// Customers named in the reason of a denial.
const CUSTOMERS_NAMED_MAX: usize = 10;
/// What is written of what could not be.
const NOT_RECORDED: &str = "audit:record";

/// Takes what has no transaction of its own. Clones are the same trail.
#[derive(Clone)]
pub struct Trail(Arc<Inner>);

struct Inner {
    sender: mpsc::Sender<Noted>,
    /// Until the job has it.
    receiver: Mutex<Option<mpsc::Receiver<Noted>>>,
    not_recorded: AtomicU64,
    clock: Clock,
}

struct Noted {
    record: AuditRecorded,
    at: Timestamp,
    pace: Pace,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// With the next batch.
    Soon,
    /// A minute after the first.
    Minutely,
}

impl Trail {
    /// A trail that keeps what it can hold until [`Trail::write_until`] runs.
    pub fn new(clock: Clock) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE_LENGTH_MAX);
        let receiver = Mutex::new(Some(receiver));
        Self(Arc::new(Inner { sender, receiver, not_recorded: AtomicU64::new(0), clock }))
    }

    /// For what changes nothing and so has no transaction. Where something changes, publish it there.
    pub fn note(&self, record: AuditRecorded) {
        self.put(Pace::Soon, || record);
    }

    /// For what happens too often to be written each time: one entry a minute, with how often.
    pub fn tally(&self, record: AuditRecorded) {
        self.put(Pace::Minutely, || record);
    }

    /// Makes the record only if there is room for it: in a flood that is the cheaper half.
    fn put(&self, pace: Pace, record: impl FnOnce() -> AuditRecorded) {
        match self.0.sender.try_reserve() {
            Ok(place) => place.send(Noted { record: record(), at: self.0.clock.now(), pace }),
            Err(_) => drop(self.0.not_recorded.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Writes what is noted to the outbox of `database`, and the rest when `stopping`. The second one to run it for a
    /// trail has nothing to do.
    pub async fn write_until(self, database: Database, stopping: CancellationToken) {
        let Some(mut noted) = self.0.receiver.lock().take() else { return };
        let mut ledger = Ledger::default();
        let mut next_batch = Instant::now();
        loop {
            tokio::select! {
                Some(noted) = noted.recv() => {
                    if ledger.is_empty() {
                        next_batch = Instant::now() + BATCH_EVERY;
                    }
                    ledger.add(noted);
                }
                () = tokio::time::sleep_until(next_batch), if !ledger.is_empty() => {
                    self.write(&mut ledger, &database, false).await;
                    next_batch = Instant::now() + BATCH_EVERY;
                }
                () = stopping.cancelled() => break,
            }
        }
        while let Ok(noted) = noted.try_recv() {
            ledger.add(noted);
        }
        self.write(&mut ledger, &database, true).await;
    }

    /// Writes what is due; when that fails, it waits for the next time.
    async fn write(&self, ledger: &mut Ledger, database: &Database, is_last: bool) {
        ledger.not_recorded += self.0.not_recorded.swap(0, Ordering::Relaxed);
        let now = self.0.clock.now();
        let due = ledger.due(now, is_last);
        if due.is_empty() {
            return;
        }
        match publish(database, &due).await {
            Ok(()) => ledger.forget_due(now, is_last),
            Err(error) => tracing::warn!(%error, "denials wait to be written to the audit log"),
        }
    }
}

impl Witness for Trail {
    fn denied(&self, denial: Denial) {
        self.put(Pace::Soon, || record_of(&denial));
    }
}

async fn publish(database: &Database, records: &[AuditRecorded]) -> database::Result<()> {
    let tx = database.begin().await?;
    let messages = records.iter().map(|record| tx.message(record));
    tx.publish_all(&messages.collect::<Result<Vec<_>, _>>()?).await?;
    tx.commit().await
}

fn record_of(denial: &Denial) -> AuditRecorded {
    let Denial { actor, action, kind, id, customer, reach, forbidden_by } = denial;
    let customers = reach.customers.iter().take(CUSTOMERS_NAMED_MAX).map(ToString::to_string);
    let holds = json!({
        "everywhere": reach.everywhere,
        "customers": customers.collect::<Vec<_>>(),
        "own": reach.itself,
    });
    AuditRecorded::denied(actor, action)
        .on(kind, id)
        .customer(customer.map(CustomerId))
        .detail("why", why(reach, forbidden_by))
        .detail("needs", action.as_str())
        .detail("holds", holds)
        .detail("forbiddenBy", forbidden_by.clone())
}

/// The reason in words.
fn why(reach: &Reach, forbidden_by: &[String]) -> &'static str {
    if !forbidden_by.is_empty() {
        "a rule of the service forbids it, whatever the roles permit"
    } else if !reach.customers.is_empty() {
        "the roles permit it in other customers, not here"
    } else if reach.itself {
        "the roles permit it for what is the actor's own, which this is not"
    } else {
        "no role of the actor permits it"
    }
}

/// What waits to be written: equal entries counted together, and of a bounded number.
#[derive(Default)]
struct Ledger {
    waiting: HashMap<String, Counted>,
    /// How many different things each party has in there.
    things: HashMap<String, usize>,
    not_recorded: u64,
}

struct Counted {
    record: AuditRecorded,
    pace: Pace,
    first_at: Timestamp,
}

impl Ledger {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.not_recorded == 0
    }

    fn add(&mut self, noted: Noted) {
        let Noted { mut record, at, pace } = noted;
        let party = record.by.key();
        let mut key = key(&party, &record);
        if !self.waiting.contains_key(&key) && self.has_many(&party) {
            record = gathered(record);
            key = self::key(&party, &record);
        }
        if let Some(known) = self.waiting.get_mut(&key) {
            known.record.count += record.count;
            known.record.last_at = Some(at);
        } else if self.waiting.len() >= ENTRIES_MAX {
            self.not_recorded += record.count;
        } else {
            record.last_at = Some(at);
            self.waiting.insert(key, Counted { record, pace, first_at: at });
            *self.things.entry(party).or_default() += 1;
        }
    }

    fn has_many(&self, party: &str) -> bool {
        self.things.get(party).is_some_and(|things| *things >= THINGS_OF_PARTY_MAX)
    }

    /// What is to be written now, the earliest first.
    fn due(&self, now: Timestamp, is_last: bool) -> Vec<AuditRecorded> {
        let mut due: Vec<&Counted> =
            self.waiting.values().filter(|counted| counted.is_due(now, is_last)).collect();
        due.sort_by_key(|counted| counted.first_at);
        let mut records: Vec<_> = due.into_iter().map(Counted::record).collect();
        if self.not_recorded > 0 {
            let reason = "more happened at once than the log takes; these were only counted";
            let mut rest = AuditRecorded::failed(Party::service("audit"), NOT_RECORDED, reason);
            rest.count = self.not_recorded;
            records.push(rest);
        }
        records
    }

    /// Lets go of what [`Ledger::due`] gave for the same moment.
    fn forget_due(&mut self, now: Timestamp, is_last: bool) {
        self.waiting.retain(|_, counted| !counted.is_due(now, is_last));
        self.not_recorded = 0;
        self.things.clear();
        for counted in self.waiting.values() {
            *self.things.entry(counted.record.by.key()).or_default() += 1;
        }
    }
}

impl Counted {
    fn is_due(&self, now: Timestamp, is_last: bool) -> bool {
        let is_over = || now.duration_since(self.first_at) >= TALLY_EVERY;
        is_last || self.pace == Pace::Soon || is_over()
    }

    fn record(&self) -> AuditRecorded {
        let mut record = self.record.clone();
        record.first_at = (record.count > 1).then_some(self.first_at);
        record
    }
}

fn key(party: &str, record: &AuditRecorded) -> String {
    let on = record.on.as_ref();
    let (kind, id) = on.map_or(("", ""), |on| (on.kind.as_str(), on.id.as_str()));
    let customer = record.customer_id.map(|customer| customer.to_string()).unwrap_or_default();
    [party, record.action.as_str(), record.outcome.as_str(), kind, id, &customer].join("\n")
}

/// The entry for many things at once: what was done, not to which of them.
fn gathered(record: AuditRecorded) -> AuditRecorded {
    let on = record.on.map(|on| Object { id: "*".to_owned(), ..on });
    let record = AuditRecorded { on, customer_id: None, ..record };
    record.detail("various", "more things than are named one by one")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn noted(party: &Party, thing: u32, seconds: i64) -> Noted {
        let record = AuditRecorded::denied(party, "events:update").on("Event", thing);
        Noted { record, at: at(seconds), pace: Pace::Soon }
    }

    #[test]
    fn equal_entries_are_one_with_their_number_and_the_times_of_the_first_and_the_last() {
        let mut ledger = Ledger::default();
        let (ada, ben) = (Party::user("ada", "a@example.org"), Party::user("ben", "b@example.org"));
        for seconds in 0..5 {
            ledger.add(noted(&ada, 1, seconds));
        }
        ledger.add(noted(&ada, 2, 6));
        ledger.add(noted(&ben, 1, 7));
        let due = ledger.due(at(8), false);
        let counts: Vec<_> = due.iter().map(|record| record.count).collect();
        assert_eq!(counts, [5, 1, 1]);
        assert_eq!((due[0].first_at, due[0].last_at), (Some(at(0)), Some(at(4))));
        assert_eq!((due[1].first_at, due[1].last_at), (None, Some(at(6))));
        ledger.forget_due(at(8), false);
        assert!(ledger.is_empty());
    }

    #[test]
    fn who_tries_everything_fills_a_few_entries_and_hides_nobody_else() {
        let mut ledger = Ledger::default();
        let (thief, ben) = (Party::user("thief", ""), Party::user("ben", ""));
        for thing in 0..100_000 {
            ledger.add(noted(&thief, thing, 0));
        }
        ledger.add(noted(&ben, 7, 1));
        let due = ledger.due(at(1), false);
        assert_eq!(due.len(), THINGS_OF_PARTY_MAX + 2);
        assert_eq!(due.iter().map(|record| record.count).sum::<u64>(), 100_001, "all are counted");
        assert!(due.iter().any(|record| record.by.id.as_deref() == Some("ben")));
    }

    #[test]
    fn beyond_the_most_that_is_kept_the_number_of_the_rest_is_recorded() {
        let mut ledger = Ledger::default();
        for party in 0..2000 {
            ledger.add(noted(&Party::user(party, ""), 1, 0));
        }
        let due = ledger.due(at(1), false);
        assert_eq!(due.len(), ENTRIES_MAX + 1);
        let rest = due.last().expect("the rest");
        assert_eq!((rest.action.as_str(), rest.count), (NOT_RECORDED, 1500));
        ledger.forget_due(at(1), false);
        assert!(ledger.is_empty() && ledger.due(at(2), true).is_empty());
    }

    #[test]
    fn a_tally_waits_a_minute_unless_the_process_stops() {
        let mut ledger = Ledger::default();
        let tally =
            |seconds| Noted { pace: Pace::Minutely, ..noted(&Party::client("c", "c"), 1, seconds) };
        ledger.add(tally(0));
        ledger.add(tally(30));
        assert!(ledger.due(at(59), false).is_empty());
        assert_eq!(ledger.due(at(59), true)[0].count, 2);
        assert_eq!(ledger.due(at(60), false)[0].count, 2);
        ledger.forget_due(at(60), false);
        assert!(ledger.is_empty());
    }

    #[test]
    fn a_full_trail_counts_what_it_cannot_take() {
        let trail = Trail::new(Clock::manual(at(0)));
        for _ in 0..QUEUE_LENGTH_MAX + 3 {
            trail.note(AuditRecorded::denied(Party::ANONYMOUS, "events:update"));
        }
        assert_eq!(trail.0.not_recorded.load(Ordering::Relaxed), 3);
    }
}
