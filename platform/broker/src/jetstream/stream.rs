//! One stream: a task that owns the log, the consumers and the window of message ids, and does one thing after the
//! other.
//!
//! Promises: a publication is decided, appended and acknowledged in the order in which it came, and acknowledged only
//! when it is on disk; consumers see only what is on disk; what a consumer knows is on disk within
//! [`saving::SAVE_INTERVAL_NS`], and before an acknowledgement is itself acknowledged. After a crash messages may
//! come again, none is lost.

mod acks;
mod consumers;
mod dead;
mod direct;
mod expiring;
mod inlet;
mod metering;
mod opening;
mod outlet;
mod publish;
mod push;
mod reading;
mod requests;
mod running;
mod saving;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use stdx::Clock;
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

pub use inlet::{Command, Inlet};

use super::advisory::{Action, Advisory};
use super::blocking;
use super::config::{Discard, Retention, StreamConfig};
use super::duplicates::Duplicates;
use super::error::{self, ApiError};
use super::pulls::Status;
use super::store::{StoredStream, StreamFolder};
use super::views::{NO_TIME, StreamInfo, StreamState, time};
use crate::Message;
use crate::log::{self, Limits, Log};
use crate::server::{Registration, Router};
use crate::subject::{Filter, Subject};
use expiring::Expiring;
use inlet::Publications;
use metering::Meters;
use outlet::Outlet;
use publish::Unconfirmed;
use running::{Outcome, Running};
use saving::Saver;

/// Commands that are carried out before the consumers have their turn.
const COMMANDS_PER_ROUND: usize = 1024;
/// How soon receivers that did not keep up are looked at again.
const CONGESTION_PAUSE_NS: i64 = 5_000_000;
/// Even with nothing to do, a stream looks around so often.
const IDLE_PAUSE: Duration = Duration::from_secs(60);

/// What every stream is given.
#[derive(Clone)]
pub struct Environment {
    /// The folder of all streams.
    pub streams: PathBuf,
    /// The way to clients and other streams.
    pub router: Router,
    /// What time it is.
    pub clock: Clock,
    /// How many publications may wait for a stream.
    pub publications_max: usize,
    /// How many bytes of them.
    pub publication_bytes_max: usize,
    /// How messages are kept on disk.
    pub log: log::Settings,
    /// Where its files come from.
    pub files: log::OpenFiles,
    /// Cancelled when streams are to end at once, with what is on disk.
    pub dropped: CancellationToken,
}

/// See the module.
pub struct Stream {
    config: StreamConfig,
    created: Timestamp,
    folder: StreamFolder,
    log: Log,
    router: Router,
    clock: Clock,
    inlet: Inlet,
    filters: Vec<Filter>,
    registrations: Vec<Registration>,
    duplicates: Duplicates,
    /// The id of the last message, empty if it had none.
    last_message_id: String,
    unconfirmed: VecDeque<Unconfirmed>,
    unconfirmed_bytes: u64,
    expiring: Expiring,
    consumers: BTreeMap<String, Running>,
    saver: Saver,
    meters: Meters,
    /// Messages do not get younger, even if the clock does.
    last_time_ns: i64,
    dropped: CancellationToken,
    /// The log has said that it takes nothing any more.
    is_failed: bool,
    /// Somebody began or ended to listen somewhere.
    is_interest_changed: bool,
    /// What the consumers left to do.
    rest: Rest,
}

/// What is left to do after a round.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    More,
    Congested,
}

impl Rest {
    /// With what another consumer left.
    fn and(self, outcome: Outcome) -> Self {
        match (self, outcome) {
            (_, Outcome::More) | (Self::More, _) => Self::More,
            (_, Outcome::Congested) => Self::Congested,
            (rest, _) => rest,
        }
    }
}

/// Why a stream ends, and who waits for it.
enum End {
    Stopped(oneshot::Sender<()>),
    Deleted(oneshot::Sender<()>),
}

impl Stream {
    /// The way in.
    pub fn inlet(&self) -> Inlet {
        self.inlet.clone()
    }

    /// Receives what is published below its subjects from now on.
    pub fn listen(&mut self) {
        let publications = Arc::new(Publications {
            stream: self.config.name.clone(),
            inlet: self.inlet.clone(),
            router: self.router.clone(),
        });
        let register = |filter: &Filter| self.router.handle(filter.clone(), publications.clone());
        self.registrations = self.filters.iter().map(register).collect();
    }

    /// Works until it is told to end.
    pub async fn run(mut self, mut commands: Receiver<Command>) {
        let mut interest = self.router.changes();
        let dropped = self.dropped.clone();
        loop {
            let pause = self.pause();
            let mut end = None;
            tokio::select! {
                command = commands.recv() => end = self.carry_out(command, &mut commands).await,
                (confirmed, result) = publish::next_confirmed(&mut self.unconfirmed) => {
                    self.confirm(confirmed, result);
                    self.confirm_others();
                }
                is_saved = self.saver.finished() => self.finish_save(is_saved),
                // Whoever waited for a listener, or waits in vain now, is looked at below.
                _ = interest.changed() => self.is_interest_changed = true,
                () = rest(pause) => {}
                () = dropped.cancelled() => return,
            }
            if let Some(end) = end {
                return self.end(end, commands).await;
            }
            self.work();
        }
    }

    async fn carry_out(
        &mut self,
        first: Option<Command>,
        commands: &mut Receiver<Command>,
    ) -> Option<End> {
        let mut next = first;
        for _ in 0..COMMANDS_PER_ROUND {
            if let Some(end) = self.do_command(next?).await {
                return Some(end);
            }
            next = commands.try_recv().ok();
        }
        if let Some(command) = next {
            return self.do_command(command).await;
        }
        None
    }

    async fn do_command(&mut self, command: Command) -> Option<End> {
        // Whoever has been told that something is kept finds it kept, and the limits too.
        if self.confirm_others() {
            self.enforce_limits(self.now_ns());
        }
        match command {
            Command::Publish(message) => {
                self.inlet.release(&message);
                self.publish(message).await;
            }
            Command::Acknowledge(message) => self.acknowledge(&message),
            Command::Continue(message) => self.continue_pushing(&message),
            Command::Pull(consumer, message) => self.pull(&consumer, &message),
            Command::Call(call, message, caller) => {
                self.call(call, &message, caller.as_deref()).await;
            }
            // Who asked may have gone.
            Command::Describe(done) => drop(done.send(self.info())),
            Command::Update(config, done) => drop(done.send(self.update(*config).await)),
            Command::Stop(done) => return Some(End::Stopped(done)),
            Command::Delete(done) => return Some(End::Deleted(done)),
        }
        None
    }

    /// Whether there were any.
    fn confirm_others(&mut self) -> bool {
        let waiting = self.unconfirmed.len();
        while let Some(result) = self.unconfirmed.front().and_then(|it| it.ticket.answer()) {
            if let Some(confirmed) = self.unconfirmed.pop_front() {
                self.confirm(confirmed, result);
            }
        }
        self.unconfirmed.len() < waiting
    }

    /// Does everything that is due.
    fn work(&mut self) {
        let now_ns = self.now_ns();
        self.note_failure();
        self.enforce_limits(now_ns);
        self.remove_expired(now_ns);
        self.work_for_consumers(now_ns);
        self.delete_abandoned(now_ns);
        self.save_if_due(now_ns);
        self.measure_if_due(now_ns);
    }

    /// After a failure of its disk the log refuses everything until the next start, and nothing is tried any more.
    fn note_failure(&mut self) {
        if self.is_failed {
            return;
        }
        if let Err(error) = self.log.check() {
            self.is_failed = true;
            tracing::error!(stream = self.config.name, %error, "the stream takes nothing any more");
        }
    }

    fn work_for_consumers(&mut self, now_ns: i64) {
        let outlet = Outlet::new(&self.config.name, &self.log, &self.router, now_ns);
        let is_interest_changed = std::mem::take(&mut self.is_interest_changed);
        let mut exhausted = Vec::new();
        let mut settled = Vec::new();
        self.rest = Rest::Nothing;
        for (name, consumer) in &mut self.consumers {
            exhausted.extend(consumer.expire(now_ns).into_iter().map(|it| (name.clone(), it)));
            if is_interest_changed {
                consumer.pulls.retain_listeners(|reply| outlet.router.has_interest(reply));
            }
            let before = consumer.progress.state().delivered.stream_seq;
            let outcome = consumer.deliver(&outlet);
            consumer.conclude(&outlet, outcome);
            if consumer.settles_by_delivery() {
                settled.push(before + 1..=consumer.progress.state().delivered.stream_seq);
            }
            self.rest = self.rest.and(outcome);
        }
        for (consumer, used_up) in exhausted {
            self.bury_exhausted(&consumer, used_up);
        }
        if self.config.retention == Retention::Interest {
            settled.into_iter().flatten().for_each(|seq| self.remove_if_settled(seq));
        }
    }

    fn enforce_limits(&mut self, now_ns: i64) {
        if self.is_failed {
            return;
        }
        match self.log.enforce(&self.limits(), now_ns) {
            Ok(0) => {}
            Ok(_) => self.consumers.values_mut().for_each(Running::doubt),
            Err(error) => {
                tracing::error!(stream = self.config.name, %error, "cannot remove old messages");
            }
        }
    }

    /// The limits at which the oldest messages give way.
    fn limits(&self) -> Limits {
        let limit = |number: i64| u64::try_from(number).ok().filter(|number| *number > 0);
        let gives_way = |number| limit(number).filter(|_| self.config.discard == Discard::Old);
        let is_per_subject = !self.config.discard_new_per_subject;
        Limits {
            max_age_ns: Some(self.config.max_age).filter(|age| *age > 0),
            max_bytes: gives_way(self.config.max_bytes),
            max_messages: gives_way(self.config.max_msgs),
            max_messages_per_subject: limit(self.config.max_msgs_per_subject)
                .filter(|_| is_per_subject),
        }
    }

    /// How long there is nothing to do; `None` if there is.
    fn pause(&self) -> Option<Duration> {
        let now_ns = self.now_ns();
        let congested = match self.rest {
            Rest::More => return None,
            Rest::Congested => Some(now_ns + CONGESTION_PAUSE_NS),
            Rest::Nothing => None,
        };
        let consumers =
            self.consumers.values().filter_map(|consumer| consumer.next_deadline(now_ns));
        let due = consumers.chain(congested).chain(self.saver.due_ns()).chain(self.oldest_ends());
        let due = due.chain(self.meters.due_ns()).chain(self.next_expires()).min();
        let Some(due_ns) = due else { return Some(IDLE_PAUSE) };
        let wait_ns = u64::try_from(due_ns.saturating_sub(now_ns)).unwrap_or(0);
        // At least a moment, for what is due but cannot be done yet.
        Some(Duration::from_nanos(wait_ns).clamp(Duration::from_millis(1), IDLE_PAUSE))
    }

    /// When the oldest message is too old.
    fn oldest_ends(&self) -> Option<i64> {
        if self.config.max_age <= 0 || self.is_failed {
            return None;
        }
        let state = self.log.state();
        (state.messages > 0).then(|| state.first_time_ns.saturating_add(self.config.max_age))
    }

    fn now_ns(&self) -> i64 {
        i64::try_from(self.clock.now().as_nanosecond()).unwrap_or(i64::MAX)
    }

    /// As the API shows it.
    fn info(&self) -> StreamInfo {
        let state = self.log.state();
        let shown = |time_ns: i64| match time_ns {
            0 => NO_TIME.to_owned(),
            _ => time(time_ns).to_string(),
        };
        let is_untouched = state.messages == 0 && state.last_seq == 0;
        let span = (state.last_seq + 1).saturating_sub(state.first_seq);
        StreamInfo {
            config: self.config.clone(),
            created: self.created,
            state: StreamState {
                messages: state.messages,
                bytes: state.bytes,
                first_seq: if is_untouched { 0 } else { state.first_seq },
                first_ts: shown(state.first_time_ns),
                last_seq: state.last_seq,
                last_ts: shown(state.last_time_ns),
                num_subjects: state.subjects,
                num_deleted: span.saturating_sub(state.messages),
                consumer_count: self.consumers.len(),
                ..StreamState::default()
            },
            failure: self.log.check().err().map(|failure| failure.to_string()),
            ts: self.clock.now(),
        }
    }

    async fn update(&mut self, config: StreamConfig) -> Result<StreamInfo, ApiError> {
        self.config.check_update(&config)?;
        self.consumers.values().try_for_each(|it| it.config.check_limits(&config))?;
        let stored = StoredStream { created: self.created, config: config.clone() };
        let folder = self.folder.clone();
        blocking(move || folder.save_stream(&stored))
            .await
            .map_err(|cause| error::stream_update(cause.to_string()))?;
        self.duplicates.set_window(config.duplicate_window);
        self.filters = config.filters();
        self.config = config;
        self.listen();
        self.enforce_limits(self.now_ns());
        self.tell(Advisory::Stream(Action::Modify));
        Ok(self.info())
    }

    fn tell(&self, advisory: Advisory<'_>) {
        if let Some(message) = advisory.into_message(&self.config.name, self.clock.now()) {
            self.router.publish(&message, None);
        }
    }

    async fn end(mut self, end: End, mut commands: Receiver<Command>) {
        self.registrations.clear();
        commands.close();
        let (code, text) = match &end {
            End::Stopped(_) => (409, "Server Shutdown"),
            End::Deleted(_) => (409, "Consumer Deleted"),
        };
        while let Some(command) = commands.recv().await {
            if matches!(end, End::Stopped(_)) {
                self.do_last_command(command).await;
            }
        }
        self.consumers.values_mut().for_each(|consumer| consumer.end(&self.router, code, text));
        while let Some(mut unconfirmed) = self.unconfirmed.pop_front() {
            let result = (&mut unconfirmed.ticket).await;
            self.confirm(unconfirmed, result);
        }
        match &end {
            End::Stopped(_) => self.save_last().await,
            // The folder is deleted next: nobody may write into it.
            End::Deleted(_) => self.wait_for_save().await,
        }
        // Closing waits for the threads of the log.
        let log = self.log;
        let _ = blocking(move || {
            drop(log);
            Ok(())
        })
        .await;
        let (End::Stopped(done) | End::Deleted(done)) = end;
        let _ = done.send(());
    }

    /// What was queued before the stream was told to stop still counts.
    async fn do_last_command(&mut self, command: Command) {
        if let Command::Publish(_) | Command::Acknowledge(_) = command {
            self.do_command(command).await;
        }
    }
}

/// Lets the others run, or waits.
async fn rest(pause: Option<Duration>) {
    match pause {
        None => tokio::task::yield_now().await,
        Some(pause) => tokio::time::sleep(pause).await,
    }
}

/// Answers a request, if an answer is wanted.
pub fn answer(router: &Router, reply: Option<&Subject>, payload: impl Into<Bytes>) {
    if let Some(reply) = reply {
        router.publish(&Message::answer(reply.clone(), payload), None);
    }
}

/// Sends a status without a body.
pub fn send_status(router: &Router, to: &Subject, status: Status) {
    let headers = status.into_headers();
    let message = Message { subject: to.clone(), reply: None, headers, payload: Bytes::new() };
    router.publish(&message, None);
}
