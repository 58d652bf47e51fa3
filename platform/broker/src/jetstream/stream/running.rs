//! A consumer at work: its numbers, who waits for messages, and handing them out.
//!
//! Reads the log and sends by the router; everything it decides on is in `Progress` and `Pulls`. Promises that nothing
//! counts as handed out that was not given to somebody who listens, and that a receiver who cannot keep up is not
//! flooded.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};
use jiff::Timestamp;

use super::outlet::Outlet;
use super::push::Push;
use super::reading;
use crate::Message;
use crate::jetstream::config::ConsumerConfig;
use crate::jetstream::consumer::{AckPolicy, Exhausted, Next, Position, Progress};
use crate::jetstream::pulls::{Pulls, Status, Statuses};
use crate::jetstream::store::StoredConsumer;
use crate::jetstream::views::{ConsumerInfo, SequenceInfo, time};
use crate::log::{Entry, Error, Log};
use crate::server::Router;
use crate::subject::{Filter, Subject};

/// After so many messages the others have their turn.
const ROUND_MESSAGES_MAX: usize = 256;
/// How many messages are read at once.
const READ_MESSAGES_MAX: usize = 64;
/// So much of it is kept in memory while nobody asks.
const AHEAD_BYTES_KEPT: usize = 64 * 1024;
/// A receiver with so many bytes waiting is left alone for a while; the server would disconnect it at more.
const RECEIVER_BYTES_MAX: usize = 2 << 20;
/// While messages disappear by themselves, a consumer's pending messages are counted at most so often.
const RECOUNT_INTERVAL_NS: i64 = 100_000_000;

/// How handing out ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is nothing more to hand out.
    Drained,
    /// Nobody is there to receive.
    Unwanted,
    /// There may be more.
    More,
    /// The receivers do not keep up.
    Congested,
}

/// How many messages are still to be handed out, kept up to date without counting each time.
#[derive(Clone, Copy, Debug, Default)]
struct PendingCount {
    messages: u64,
    /// Messages up to here are counted.
    counted_to: u64,
    is_stale: bool,
    counted_at_ns: i64,
}

/// See the module.
pub struct Running {
    /// What it is called.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// How it is set up.
    pub config: ConsumerConfig,
    /// Its numbers.
    pub progress: Progress,
    /// Who waits for messages; nobody ever does at a push consumer.
    pub pulls: Pulls,
    /// Where a push consumer sends to.
    pub push: Option<Push>,
    /// Whether the file on disk is older.
    pub is_dirty: bool,
    /// When a client last wanted something.
    pub active_at_ns: i64,
    /// When a message was last handed out, since the start.
    pub delivered_at_ns: Option<i64>,
    /// When one was last acknowledged, since the start.
    pub acked_at_ns: Option<i64>,
    filters: Vec<Filter>,
    count: PendingCount,
    /// Read already, in order.
    ahead: VecDeque<Entry>,
    /// Messages of dead letters may be gone.
    are_dead_in_doubt: bool,
    /// Up to here there is nothing more for this consumer.
    scanned_to: u64,
}

impl Running {
    /// From disk, or as it will be there.
    pub fn new(stored: StoredConsumer, now_ns: i64) -> Self {
        let progress = Progress::restore(stored.config.rules(), stored.state);
        Self {
            name: stored.name,
            created: stored.created,
            pulls: Pulls::new(stored.config.pull_limits()),
            push: Push::new(&stored.config, now_ns),
            filters: stored.config.filters(),
            config: stored.config,
            progress,
            is_dirty: false,
            active_at_ns: now_ns,
            delivered_at_ns: None,
            acked_at_ns: None,
            count: PendingCount { is_stale: true, ..PendingCount::default() },
            ahead: VecDeque::new(),
            are_dead_in_doubt: true,
            scanned_to: 0,
        }
    }

    /// What is kept on disk.
    pub fn stored(&self) -> StoredConsumer {
        StoredConsumer {
            created: self.created,
            name: self.name.clone(),
            config: self.config.clone(),
            state: self.progress.state().clone(),
        }
    }

    /// Takes over a changed configuration.
    pub fn reconfigure(&mut self, config: ConsumerConfig, now_ns: i64) {
        self.progress.set_rules(config.rules());
        self.pulls.set_limits(config.pull_limits());
        self.filters = config.filters();
        self.push = Push::new(&config, now_ns);
        self.config = config;
        self.forget_read();
    }

    /// Whether messages of this subject are for this consumer.
    pub fn wants(&self, subject: &Subject) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| filter.matches(subject))
    }

    /// Whether both could want the same message.
    pub fn overlaps(&self, filters: &[Filter]) -> bool {
        let is_all = self.filters.is_empty() || filters.is_empty();
        is_all || filters.iter().any(|one| self.filters.iter().any(|other| one.overlaps(other)))
    }

    /// Whether it takes everything in the stream.
    pub fn is_unfiltered(&self) -> bool {
        self.filters.is_empty()
    }

    /// Messages were removed from the stream: what was read and counted may not be true any more.
    pub fn forget_read(&mut self) {
        self.ahead.clear();
        self.scanned_to = 0;
        self.doubt();
    }

    /// Messages left the stream.
    pub fn doubt(&mut self) {
        self.count.is_stale = true;
        self.are_dead_in_doubt = true;
    }

    /// A dead letter lives as long as its message.
    pub fn drop_dead_without_message(&mut self, log: &Log) {
        if !std::mem::take(&mut self.are_dead_in_doubt) {
            return;
        }
        let is_gone = |seq: &u64| log.subject_of(*seq).is_none();
        let gone: Vec<u64> = self.progress.dead().seqs().filter(is_gone).collect();
        for seq in gone {
            self.is_dirty |= self.progress.forget(seq);
        }
    }

    /// A message can be read now.
    pub fn note_new(&mut self, seq: u64, subject: &Subject) {
        if seq > self.count.counted_to {
            self.count.messages += u64::from(self.wants(subject));
            self.count.counted_to = seq;
        }
    }

    fn note_delivered(&mut self, seq: u64) {
        if seq > self.count.counted_to {
            self.count.is_stale = true;
            self.count.counted_at_ns = 0;
        }
        self.count.messages = self.count.messages.saturating_sub(1);
    }

    /// How many messages are still to be handed out for the first time, or as if for the first time.
    pub fn num_pending(&mut self, log: &Log, now_ns: i64, must_be_exact: bool) -> u64 {
        let is_old = now_ns.saturating_sub(self.count.counted_at_ns) >= RECOUNT_INTERVAL_NS;
        if self.count.is_stale && (is_old || must_be_exact) {
            let counted_to = log.state().last_seq;
            let selected = &self.progress.state().selected;
            let from =
                selected.back().copied().unwrap_or(self.progress.state().delivered.stream_seq);
            let messages = log.count_from(from + 1, &self.filters) + selected.len() as u64;
            self.count =
                PendingCount { messages, counted_to, is_stale: false, counted_at_ns: now_ns };
        }
        self.count.messages + self.progress.dead().num_replays() as u64
    }

    fn is_paused(&self, now_ns: i64) -> bool {
        self.pause_remaining_ns(now_ns) > 0
    }

    fn pause_remaining_ns(&self, now_ns: i64) -> i64 {
        let until = self.config.pause_until.map_or(0, |until| until.as_nanosecond());
        i64::try_from(until - i128::from(now_ns)).unwrap_or(i64::MAX).max(0)
    }

    /// Hands out what may be handed out, for one round.
    pub fn deliver(&mut self, outlet: &Outlet<'_>) -> Outcome {
        if self.is_paused(outlet.now_ns) {
            return Outcome::Unwanted;
        }
        // Most consumers have nothing to do most of the time, and a stream may have many.
        if !self.has_work(outlet.readable) {
            return Outcome::Drained;
        }
        for _ in 0..ROUND_MESSAGES_MAX {
            let ready = self.find_receiver(outlet);
            if ready != Outcome::More {
                self.put_aside();
                return ready;
            }
            let Some(entry) = self.read_next(outlet) else { return Outcome::Drained };
            if !self.hand_out(entry, outlet) {
                return Outcome::Unwanted;
            }
        }
        Outcome::More
    }

    /// Whether there may be something to hand out.
    fn has_work(&self, readable: u64) -> bool {
        match self.progress.next() {
            Next::Full => false,
            Next::Again(_) => true,
            Next::From(seq) => {
                let is_selected = self.progress.next_selected().is_some();
                is_selected || !self.ahead.is_empty() || self.scanned_to.max(seq - 1) < readable
            }
        }
    }

    /// What was read ahead is kept for the next request, unless it is much: it can be read again.
    fn put_aside(&mut self) {
        let bytes: usize = self.ahead.iter().map(|entry| entry.payload.len()).sum();
        if bytes > AHEAD_BYTES_KEPT {
            self.ahead = VecDeque::new();
        }
    }

    /// Whether somebody is there who can take a message.
    fn find_receiver(&mut self, outlet: &Outlet<'_>) -> Outcome {
        if let Some(push) = &self.push {
            return push.readiness(outlet.router, RECEIVER_BYTES_MAX);
        }
        for _ in 0..self.pulls.len() {
            let Some(reply) = self.pulls.front() else { break };
            if !outlet.router.has_interest(reply) {
                self.pulls.drop_front();
            } else if outlet.router.pending_bytes(reply) > RECEIVER_BYTES_MAX {
                self.pulls.rotate();
            } else {
                return Outcome::More;
            }
        }
        if self.pulls.is_empty() { Outcome::Unwanted } else { Outcome::Congested }
    }

    fn read_next(&mut self, outlet: &Outlet<'_>) -> Option<Entry> {
        loop {
            match self.progress.next() {
                Next::Full => return None,
                Next::Again(seq) => match reading::get(outlet.log, seq) {
                    Ok(Some(entry)) => return Some(entry),
                    // It is gone from the stream: nobody can do anything about it any more.
                    Ok(None) | Err(Error::Damaged { .. }) => self.settle_lost(seq),
                    Err(error) => return report(outlet.stream, &error),
                },
                Next::From(seq) => match self.progress.next_selected() {
                    None => return self.read_from(seq, outlet),
                    Some(selected) => match reading::get(outlet.log, selected) {
                        Ok(Some(entry)) => return Some(entry),
                        Ok(None) | Err(_) => self.progress.skip_selected(),
                    },
                },
            }
        }
    }

    fn settle_lost(&mut self, seq: u64) {
        self.progress.forget(seq);
        self.is_dirty = true;
    }

    fn read_from(&mut self, seq: u64, outlet: &Outlet<'_>) -> Option<Entry> {
        while self.ahead.front().is_some_and(|entry| entry.seq < seq) {
            self.ahead.pop_front();
        }
        if self.ahead.is_empty() {
            self.read_ahead(seq, outlet);
        }
        self.ahead.pop_front()
    }

    fn read_ahead(&mut self, seq: u64, outlet: &Outlet<'_>) {
        let after = self.scanned_to.max(seq - 1);
        if after >= outlet.readable {
            return;
        }
        match reading::next(outlet.log, after, &self.filters, READ_MESSAGES_MAX) {
            Ok(entries) if entries.is_empty() => self.scanned_to = outlet.readable,
            Ok(entries) => self.ahead = entries.into(),
            Err(Error::Damaged { seq: damaged }) => {
                tracing::error!(stream = outlet.stream, seq = damaged, "skipped a damaged message");
                self.scanned_to = damaged;
            }
            Err(error) => {
                report::<()>(outlet.stream, &error);
            }
        }
    }

    /// Gives a message to whoever is next. `false` if in the end nobody wanted it.
    fn hand_out(&mut self, entry: Entry, outlet: &Outlet<'_>) -> bool {
        let is_first = !self.progress.is_pending(entry.seq);
        let is_fresh = is_first && !self.progress.dead().is_replayed(entry.seq);
        let pending = self.num_pending(outlet.log, outlet.now_ns, false);
        let pending = pending.saturating_sub(u64::from(is_first));
        let message = self.message(&entry, outlet.stream, pending);
        let bytes = message.size() + message.subject.as_str().len() + reply_bytes(&message);
        let mut statuses = Statuses::new();
        let receiver = match &mut self.push {
            Some(push) => Some(push.serve(bytes as u64, outlet.now_ns)),
            None => self.pulls.serve(bytes as u64, outlet.now_ns, &mut statuses),
        };
        if let Some(to) = &receiver {
            self.progress.deliver(entry.seq, outlet.now_ns);
            if is_fresh {
                self.note_delivered(entry.seq);
            }
            self.note_activity(outlet.now_ns);
            outlet.router.deliver(to, &message);
        } else if is_fresh {
            self.ahead.push_front(entry);
        }
        send_statuses(outlet.router, statuses);
        self.request_flow_control(outlet);
        receiver.is_some()
    }

    fn note_activity(&mut self, now_ns: i64) {
        self.is_dirty = true;
        self.active_at_ns = now_ns;
        self.delivered_at_ns = Some(now_ns);
    }

    fn request_flow_control(&mut self, outlet: &Outlet<'_>) {
        let request = self.push.as_mut().and_then(|push| push.request(outlet.stream, &self.name));
        if let (Some(request), Some(push)) = (request, &self.push) {
            outlet.router.deliver(push.subject(), &request);
        }
    }

    /// The message as its receiver gets it: its reply subject says which one it is.
    fn message(&self, entry: &Entry, stream: &str, pending: u64) -> Message {
        let delivery = self.progress.preview(entry.seq);
        let reply = format!(
            "$JS.ACK.{stream}.{}.{}.{}.{}.{}.{pending}",
            self.name, delivery.deliveries, entry.seq, delivery.consumer_seq, entry.time_ns
        );
        let (headers, payload) = match self.config.headers_only {
            true => (headers_with_size(entry), Bytes::new()),
            false => (entry.headers.clone(), entry.payload.clone()),
        };
        Message { subject: entry.subject.clone(), reply: Subject::parse(reply), headers, payload }
    }

    /// Queues messages that are to come again. Says which ones will not, because their deliveries are used up.
    pub fn expire(&mut self, now_ns: i64) -> Vec<Exhausted> {
        let exhausted = self.progress.expire(now_ns);
        self.is_dirty |= !exhausted.is_empty();
        exhausted
    }

    /// Ends requests and gives signs of life, after everything was handed out.
    pub fn conclude(&mut self, outlet: &Outlet<'_>, outcome: Outcome) {
        let is_drained = outcome == Outcome::Drained;
        send_statuses(outlet.router, self.pulls.expire(outlet.now_ns, is_drained));
        let delivered = self.progress.state().delivered;
        let (consumer_seq, stream_seq) = (delivered.consumer_seq, delivered.stream_seq);
        for reply in self.pulls.due_heartbeats(outlet.now_ns) {
            let status = Status::heartbeat(consumer_seq, stream_seq);
            send_statuses(outlet.router, vec![(reply, status)]);
        }
        if !self.pulls.is_empty() {
            self.active_at_ns = outlet.now_ns;
        }
        let Some(push) = &mut self.push else { return };
        if outlet.router.has_interest(push.subject()) {
            self.active_at_ns = outlet.now_ns;
        }
        if let Some(heartbeat) = push.heartbeat(consumer_seq, stream_seq, outlet.now_ns) {
            outlet.router.deliver(push.subject(), &heartbeat);
        }
    }

    /// When it has something to do by itself.
    pub fn next_deadline(&self, now_ns: i64) -> Option<i64> {
        let pause_ns = self.pause_remaining_ns(now_ns);
        let resumes_at = (pause_ns > 0).then(|| now_ns.saturating_add(pause_ns));
        let push = self.push.as_ref().and_then(Push::next_deadline);
        let times = [self.progress.next_deadline(), self.pulls.next_deadline(), push, resumes_at];
        times.into_iter().chain([self.inactive_at()]).flatten().min()
    }

    fn inactive_at(&self) -> Option<i64> {
        let threshold_ns = self.config.inactive_threshold;
        (threshold_ns > 0).then(|| self.active_at_ns.saturating_add(threshold_ns))
    }

    /// Whether no client wanted anything for so long that it is to be deleted.
    pub fn is_abandoned(&self, now_ns: i64) -> bool {
        self.inactive_at().is_some_and(|at_ns| at_ns <= now_ns)
    }

    /// Ends everybody who waits.
    pub fn end(&mut self, router: &Router, code: u16, text: &str) {
        send_statuses(router, self.pulls.end_all(code, text));
        if let (Some(push), 409) = (&self.push, code) {
            send_statuses(router, vec![(push.subject().clone(), Status::new(code, text))]);
        }
    }

    /// As the API shows it.
    pub fn info(&mut self, outlet: &Outlet<'_>) -> ConsumerInfo {
        let num_pending = self.num_pending(outlet.log, outlet.now_ns, true);
        self.drop_dead_without_message(outlet.log);
        let state = self.progress.state();
        let place = |position: Position, at_ns: Option<i64>| SequenceInfo {
            consumer_seq: position.consumer_seq,
            stream_seq: position.stream_seq,
            last_active: at_ns.map(time),
        };
        let is_bound = |push: &Push| outlet.router.has_interest(push.subject());
        ConsumerInfo {
            stream_name: outlet.stream.to_owned(),
            name: self.name.clone(),
            created: self.created,
            config: self.config.clone(),
            delivered: place(state.delivered, self.delivered_at_ns),
            ack_floor: place(state.ack_floor, self.acked_at_ns),
            num_ack_pending: self.progress.num_ack_pending(),
            num_redelivered: self.progress.num_redelivered(),
            num_waiting: self.pulls.len(),
            num_pending,
            num_dead: self.progress.dead().letters().len(),
            push_bound: self.push.as_ref().is_some_and(is_bound),
            paused: self.is_paused(outlet.now_ns),
            pause_remaining: self.pause_remaining_ns(outlet.now_ns),
            ts: time(outlet.now_ns),
        }
    }

    /// Whether a message that is handed out counts as settled.
    pub fn settles_by_delivery(&self) -> bool {
        self.config.ack_policy == AckPolicy::None
    }
}

fn reply_bytes(message: &Message) -> usize {
    message.reply.as_ref().map_or(0, |reply| reply.as_str().len())
}

/// Reading goes on at the next occasion.
fn report<T>(stream: &str, error: &Error) -> Option<T> {
    tracing::error!(stream, %error, "cannot read a message");
    None
}

/// The headers of a message whose body is left out.
fn headers_with_size(entry: &Entry) -> Bytes {
    let size = format!("Nats-Msg-Size: {}\r\n\r\n", entry.payload.len());
    let mut block = BytesMut::from(entry.headers.strip_suffix(b"\r\n").unwrap_or(b"NATS/1.0\r\n"));
    block.put_slice(size.as_bytes());
    block.freeze()
}

/// Tells requests how they go on.
pub fn send_statuses(router: &Router, statuses: Statuses) {
    for (to, status) in statuses {
        super::send_status(router, &to, status);
    }
}
