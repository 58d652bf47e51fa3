//! What a consumer knows: which messages it handed out, which of them are settled, which have to come again and when.
//!
//! Pure: no I/O and no clock, time is an argument in nanoseconds since 1970. Owns the numbers of a consumer and
//! promises: a message is in flight at most once, it comes again until it is settled or its deliveries are used up,
//! used-up is said exactly once, and the acknowledged position never goes back. Which message comes next in the
//! stream, who receives it, and which ones become dead letters, is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

pub use dead::{Dead, DeadLetter};

mod dead;

/// How a consumer settles its messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AckPolicy {
    /// Handed out is settled.
    None,
    /// An acknowledgement settles all up to it.
    All,
    /// Each message is acknowledged by itself.
    #[default]
    Explicit,
}

/// The settings that the numbers depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How messages are settled.
    pub ack_policy: AckPolicy,
    /// How long a message may be in flight before it comes again.
    pub ack_wait_ns: i64,
    /// Instead of `ack_wait_ns`, by the number of deliveries; the last one goes on for all others.
    pub backoff_ns: Vec<i64>,
    /// Deliveries of one message, zero or less for no limit.
    pub max_deliver: i64,
    /// Messages that may be unsettled at a time, zero or less for no limit.
    pub max_ack_pending: i64,
}

impl Rules {
    fn wait_ns(&self, deliveries: u64) -> i64 {
        let step = usize::try_from(deliveries.saturating_sub(1)).unwrap_or(usize::MAX);
        let last = self.backoff_ns.len().saturating_sub(1);
        self.backoff_ns.get(step.min(last)).copied().unwrap_or(self.ack_wait_ns)
    }

    fn allows_another(&self, deliveries: u64) -> bool {
        u64::try_from(self.max_deliver).map_or(true, |max| max == 0 || deliveries < max)
    }

    fn has_room(&self, pending: usize) -> bool {
        usize::try_from(self.max_ack_pending).map_or(true, |max| max == 0 || pending < max)
    }
}

/// A place in the consumer's own count of deliveries and in the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Counts deliveries, also repeated ones.
    pub consumer_seq: u64,
    /// Counts messages of the stream.
    pub stream_seq: u64,
}

/// A message that is not settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pending {
    /// The number of its first delivery.
    consumer_seq: u64,
    deliveries: u64,
    /// When it comes again; `None` while it waits to be handed out again.
    deadline_ns: Option<i64>,
}

/// What a message is handed out with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The consumer's number of this delivery.
    pub consumer_seq: u64,
    /// How often this message has been delivered, this time included.
    pub deliveries: u64,
}

/// What may be handed out now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// This one again.
    Again(u64),
    /// The first one in the stream from this number on.
    From(u64),
    /// Nothing, until something is settled or a deadline passes.
    Full,
}

/// A message whose deliveries are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// Its number in the stream.
    pub stream_seq: u64,
    /// How often it was delivered.
    pub deliveries: u64,
}

/// The part that is kept on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The last one handed out.
    pub delivered: Position,
    /// Everything up to here is settled.
    pub ack_floor: Position,
    /// What is handed out and not settled.
    #[serde(default)]
    pending: BTreeMap<u64, Pending>,
    /// Where a consumer begins with single messages: those still to come before all others.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub selected: VecDeque<u64>,
    /// What was given up.
    #[serde(default, skip_serializing_if = "Dead::is_empty")]
    dead: Dead,
}

/// A consumer's numbers.
#[derive(Clone, Debug)]
pub struct Progress {
    rules: Rules,
    state: State,
    /// When messages in flight come again, the soonest first.
    deadlines: BTreeSet<(i64, u64)>,
    /// To be handed out again, the oldest first.
    again: BTreeSet<u64>,
}

impl Progress {
    /// Of a new consumer that begins with the message `first_seq`.
    pub fn new(rules: Rules, first_seq: u64) -> Self {
        let start = Position { consumer_seq: 0, stream_seq: first_seq.saturating_sub(1) };
        Self::restore(rules, State { delivered: start, ..State::default() })
    }

    /// From disk. What waited to be handed out again still does.
    pub fn restore(rules: Rules, state: State) -> Self {
        let in_flight = |(seq, pending): (&u64, &Pending)| Some((pending.deadline_ns?, *seq));
        let waits = |pending: &Pending| pending.deadline_ns.is_none();
        let deadlines = state.pending.iter().filter_map(in_flight).collect();
        let again = state.pending.iter().filter(|(_, p)| waits(p)).map(|(seq, _)| *seq).collect();
        Self { rules, state, deadlines, again }
    }

    /// Of a new consumer that begins with these messages, in order, and goes on behind `last_seq`.
    pub fn selecting(rules: Rules, selected: VecDeque<u64>, last_seq: u64) -> Self {
        let first_seq = selected.front().copied().unwrap_or(last_seq + 1);
        let mut progress = Self::new(rules, first_seq);
        progress.state.selected = selected;
        progress.state.selected.retain(|seq| *seq <= last_seq);
        progress
    }

    /// The part to be kept on disk.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Takes over changed settings; deadlines that run already stay.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// How many messages are delivered and not settled.
    pub fn num_ack_pending(&self) -> usize {
        self.state.pending.len()
    }

    /// How many of them were delivered more than once.
    pub fn num_redelivered(&self) -> usize {
        self.state.pending.values().filter(|pending| pending.deliveries > 1).count()
    }

    /// How many wait to be handed out again.
    pub fn num_waiting_again(&self) -> usize {
        self.again.len()
    }

    /// Whether the message is delivered and not settled.
    pub fn is_pending(&self, stream_seq: u64) -> bool {
        self.state.pending.contains_key(&stream_seq)
    }

    /// Whether this consumer will not ask for the message again.
    pub fn is_settled(&self, stream_seq: u64) -> bool {
        let is_open = self.is_pending(stream_seq) || self.state.dead.holds(stream_seq);
        stream_seq <= self.state.delivered.stream_seq && !is_open
    }

    /// What was given up.
    pub fn dead(&self) -> &Dead {
        &self.state.dead
    }

    /// What was given up, to be changed.
    pub fn dead_mut(&mut self) -> &mut Dead {
        &mut self.state.dead
    }

    /// What may be handed out now.
    pub fn next(&self) -> Next {
        match self.again.first() {
            Some(seq) => Next::Again(*seq),
            None if self.is_full() => Next::Full,
            None => match self.state.dead.next_replay() {
                Some(seq) => Next::Again(seq),
                None => Next::From(self.state.delivered.stream_seq + 1),
            },
        }
    }

    fn is_full(&self) -> bool {
        self.rules.ack_policy != AckPolicy::None && !self.rules.has_room(self.state.pending.len())
    }

    /// What [`Progress::deliver`] would say.
    pub fn preview(&self, stream_seq: u64) -> Delivery {
        let deliveries = self.state.pending.get(&stream_seq).map_or(0, |p| p.deliveries) + 1;
        Delivery { consumer_seq: self.state.delivered.consumer_seq + 1, deliveries }
    }

    /// Records that the message is handed out now, for the first time or again.
    pub fn deliver(&mut self, stream_seq: u64, now_ns: i64) -> Delivery {
        self.state.delivered.consumer_seq += 1;
        let consumer_seq = self.state.delivered.consumer_seq;
        if self.next_selected() == Some(stream_seq) {
            self.state.selected.pop_front();
        }
        self.state.delivered.stream_seq = self.state.delivered.stream_seq.max(stream_seq);
        self.state.dead.forget(stream_seq);
        if self.rules.ack_policy == AckPolicy::None {
            self.state.ack_floor = self.state.delivered;
            return Delivery { consumer_seq, deliveries: 1 };
        }
        let first = Pending { consumer_seq, deliveries: 0, deadline_ns: None };
        let pending = self.state.pending.entry(stream_seq).or_insert(first);
        pending.deliveries += 1;
        let deliveries = pending.deliveries;
        self.schedule(stream_seq, now_ns.saturating_add(self.rules.wait_ns(deliveries)));
        Delivery { consumer_seq, deliveries }
    }

    /// Which of the messages selected at the beginning comes next.
    pub fn next_selected(&self) -> Option<u64> {
        self.state.selected.front().copied()
    }

    /// Passes over the next one of those selected at the beginning, because it is gone.
    pub fn skip_selected(&mut self) {
        if let Some(seq) = self.state.selected.pop_front() {
            self.skip_to(seq);
        }
    }

    /// Passes over messages of the stream that this consumer does not want or that are gone, up to `stream_seq`.
    pub fn skip_to(&mut self, stream_seq: u64) {
        let delivered = &mut self.state.delivered;
        delivered.stream_seq = delivered.stream_seq.max(stream_seq);
        self.raise_floor();
    }

    fn schedule(&mut self, stream_seq: u64, deadline_ns: i64) {
        self.unschedule(stream_seq);
        if let Some(pending) = self.state.pending.get_mut(&stream_seq) {
            pending.deadline_ns = Some(deadline_ns);
            self.deadlines.insert((deadline_ns, stream_seq));
        }
    }

    fn unschedule(&mut self, stream_seq: u64) {
        self.again.remove(&stream_seq);
        let Some(pending) = self.state.pending.get_mut(&stream_seq) else { return };
        if let Some(old) = pending.deadline_ns.take() {
            self.deadlines.remove(&(old, stream_seq));
        }
    }

    /// Settles the message, and with it all before it where the policy says so. Returns those settled by it. One that
    /// was given up and succeeded late is no dead letter any more.
    pub fn ack(&mut self, stream_seq: u64) -> Vec<u64> {
        let mut settled: Vec<u64> = match self.rules.ack_policy {
            AckPolicy::None => Vec::new(),
            AckPolicy::Explicit => {
                self.is_pending(stream_seq).then_some(stream_seq).into_iter().collect()
            }
            AckPolicy::All => {
                self.state.pending.range(..=stream_seq).map(|(seq, _)| *seq).collect()
            }
        };
        for seq in &settled {
            self.remove(*seq);
        }
        if self.state.dead.forget(stream_seq) {
            settled.push(stream_seq);
        }
        self.raise_floor();
        settled
    }

    /// Forgets a message that is no longer in the stream. Says whether there was something to forget.
    pub fn forget(&mut self, stream_seq: u64) -> bool {
        let was_dead = self.state.dead.forget(stream_seq);
        self.settle(stream_seq).is_some() || was_dead
    }

    /// Ends the deliveries of a message that is given up. Returns how many there were.
    pub fn settle(&mut self, stream_seq: u64) -> Option<u64> {
        let removed = self.remove(stream_seq)?;
        self.raise_floor();
        Some(removed.deliveries)
    }

    fn remove(&mut self, stream_seq: u64) -> Option<Pending> {
        self.unschedule(stream_seq);
        self.state.pending.remove(&stream_seq)
    }

    /// The floor is just below the oldest message that is not settled. It stays where an acknowledgement of
    /// all left it: deliveries of repeated messages make gaps in the consumer's count.
    fn raise_floor(&mut self) {
        let floor = match self.state.pending.first_key_value() {
            None => self.state.delivered,
            Some((seq, pending)) => Position {
                consumer_seq: pending.consumer_seq.saturating_sub(1),
                stream_seq: seq - 1,
            },
        };
        let old = &mut self.state.ack_floor;
        old.consumer_seq = old.consumer_seq.max(floor.consumer_seq);
        old.stream_seq = old.stream_seq.max(floor.stream_seq);
    }

    /// The receiver wants the message again, after `delay_ns` or at once. One of an earlier delivery is ignored:
    /// somebody else has the message in hand by now.
    pub fn nak(
        &mut self,
        stream_seq: u64,
        deliveries: u64,
        delay_ns: i64,
        now_ns: i64,
    ) -> Option<Exhausted> {
        if !self.is_in_flight(stream_seq, deliveries) {
            return None;
        }
        if delay_ns > 0 {
            self.schedule(stream_seq, now_ns.saturating_add(delay_ns));
            return None;
        }
        self.hand_out_again(stream_seq)
    }

    /// The receiver is still at work: the time it has begins anew.
    pub fn extend(&mut self, stream_seq: u64, deliveries: u64, now_ns: i64) {
        if self.is_in_flight(stream_seq, deliveries) {
            self.schedule(stream_seq, now_ns.saturating_add(self.rules.wait_ns(deliveries)));
        }
    }

    fn is_in_flight(&self, stream_seq: u64, deliveries: u64) -> bool {
        let pending = self.state.pending.get(&stream_seq);
        pending.is_some_and(|p| p.deliveries == deliveries && p.deadline_ns.is_some())
    }

    /// Queues everything whose time is up. Returns what will not come again because its deliveries are used up.
    pub fn expire(&mut self, now_ns: i64) -> Vec<Exhausted> {
        let mut exhausted = Vec::new();
        while let Some((deadline_ns, seq)) = self.deadlines.first().copied() {
            if deadline_ns > now_ns {
                break;
            }
            exhausted.extend(self.hand_out_again(seq));
        }
        exhausted
    }

    fn hand_out_again(&mut self, stream_seq: u64) -> Option<Exhausted> {
        self.unschedule(stream_seq);
        let deliveries = self.state.pending.get(&stream_seq)?.deliveries;
        if self.rules.allows_another(deliveries) {
            self.again.insert(stream_seq);
            return None;
        }
        self.settle(stream_seq);
        Some(Exhausted { stream_seq, deliveries })
    }

    /// When [`Progress::expire`] has something to do.
    pub fn next_deadline(&self) -> Option<i64> {
        self.deadlines.first().map(|(deadline_ns, _)| *deadline_ns)
    }

    /// All messages that this consumer is not done with although it has been delivered them.
    pub fn held(&self) -> impl Iterator<Item = u64> + '_ {
        self.pending().chain(self.state.dead.seqs())
    }

    /// The messages that are not settled, the oldest first.
    pub fn pending(&self) -> impl Iterator<Item = u64> + '_ {
        self.state.pending.keys().copied()
    }
}

#[cfg(test)]
mod tests;
