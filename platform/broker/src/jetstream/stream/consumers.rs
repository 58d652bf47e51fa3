//! Making, changing and deleting consumers, and requests for messages.

use std::collections::VecDeque;
use std::io;

use jiff::Timestamp;
use serde::Deserialize;

use super::outlet::Outlet;
use super::running::Running;
use super::{Stream, reading, saving};
use crate::Message;
use crate::jetstream::advisory::{Action, Advisory};
use crate::jetstream::api::Form;
use crate::jetstream::config::{ConsumerConfig, DeliverPolicy, Retention};
use crate::jetstream::consumer::{Progress, Rules};
use crate::jetstream::error::{self, ApiError};
use crate::jetstream::json;
use crate::jetstream::pulls::{PullRequest, Status};
use crate::jetstream::store::StoredConsumer;
use crate::jetstream::views::ConsumerInfo;
use crate::jetstream::{blocking, random_name};
use crate::log::Log;
use crate::server::Permissions;
use crate::subject::{Filter, Subject};

/// Letters of a name the server chooses.
const NAME_LETTERS: usize = 8;
/// More consumers of one stream are refused.
const CONSUMERS_MAX: usize = 10_000;
/// How many messages are read at once when messages that nobody needs are looked for.
const READ_MESSAGES_MAX: usize = 256;

/// The body of `CONSUMER.CREATE`.
#[derive(Deserialize)]
pub(super) struct CreateRequest {
    #[serde(default)]
    stream_name: String,
    config: ConsumerConfig,
    #[serde(default)]
    action: Intent,
}

/// What the client wants to happen.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Intent {
    #[default]
    #[serde(rename = "")]
    Either,
    Create,
    Update,
}

/// Checks the three ways to name a consumer in the subject, and puts the name where it belongs.
fn check_form(form: Form, config: &mut ConsumerConfig) -> Result<(), ApiError> {
    match form {
        Form::Ephemeral if config.is_durable() => Err(error::EPHEMERAL_WITH_DURABLE_NAME),
        Form::Ephemeral => Ok(()),
        Form::Durable(_) if !config.is_durable() => Err(error::DURABLE_NOT_SET),
        Form::Durable(name) if config.durable_name != name => {
            Err(error::DURABLE_NOT_MATCHING_SUBJECT)
        }
        Form::Durable(_) => Ok(()),
        Form::Named { name, filter } => check_named(&name, filter.as_deref(), config),
    }
}

/// Whoever makes a push consumer has the broker publish there, and could do it himself.
fn check_may_deliver(
    config: &ConsumerConfig,
    caller: Option<&dyn Permissions>,
) -> Result<(), ApiError> {
    let (Some(subject), Some(caller)) = (Subject::parse(config.deliver_subject.clone()), caller)
    else {
        return Ok(());
    };
    if caller.may_publish(&subject) { Ok(()) } else { Err(error::deliver_not_permitted()) }
}

fn check_named(
    name: &str,
    filter: Option<&str>,
    config: &mut ConsumerConfig,
) -> Result<(), ApiError> {
    if filter.is_some() && !config.filter_subjects.is_empty() {
        return Err(error::MULTIPLE_FILTERS_NOT_ALLOWED);
    }
    if filter.is_some_and(|filter| filter != config.filter_subject) {
        return Err(error::CREATE_FILTER_MISMATCH);
    }
    let is_other = |given: &str| !given.is_empty() && given != name;
    if is_other(&config.durable_name) || is_other(&config.name) {
        return Err(error::DURABLE_NOT_MATCHING_SUBJECT);
    }
    name.clone_into(&mut config.name);
    Ok(())
}

impl Stream {
    /// Makes a consumer or changes it, on disk before the answer.
    pub(super) async fn create_consumer(
        &mut self,
        form: Form,
        payload: &[u8],
        caller: Option<&dyn Permissions>,
    ) -> Result<ConsumerInfo, ApiError> {
        let request: CreateRequest = json::parse(payload).map_err(|_| error::INVALID_JSON)?;
        if request.stream_name != self.config.name {
            return Err(error::STREAM_MISMATCH);
        }
        let mut config = request.config;
        check_form(form, &mut config)?;
        let mut config = config.complete(&self.config)?;
        check_may_deliver(&config, caller)?;
        if config.given_name().is_empty() {
            config.name = random_name(NAME_LETTERS);
        }
        let is_there = self.consumers.contains_key(config.given_name());
        match (is_there, request.action) {
            (false, Intent::Update) => Err(error::CONSUMER_DOES_NOT_EXIST),
            (false, _) => self.add_consumer(config).await,
            (true, Intent::Create) => self.find_same_consumer(&config),
            (true, _) => self.change_consumer(config).await,
        }
    }

    fn find_same_consumer(&mut self, config: &ConsumerConfig) -> Result<ConsumerInfo, ApiError> {
        if self.consumers.get(config.given_name()).is_none_or(|it| it.config != *config) {
            return Err(error::CONSUMER_EXISTS);
        }
        self.consumer_info(config.given_name())
    }

    async fn add_consumer(&mut self, config: ConsumerConfig) -> Result<ConsumerInfo, ApiError> {
        self.check_deliver_subject(&config)?;
        let limit = usize::try_from(self.config.max_consumers).ok().filter(|limit| *limit > 0);
        let count_max = limit.unwrap_or(CONSUMERS_MAX).min(CONSUMERS_MAX);
        if self.consumers.len() >= count_max {
            return Err(error::CONSUMERS_MAX);
        }
        self.check_queue_is_shared_out(&config, None)?;
        let name = config.given_name().to_owned();
        let progress = start(&self.log, &config);
        let stored = StoredConsumer {
            created: self.clock.now(),
            name: name.clone(),
            config,
            state: progress.state().clone(),
        };
        self.save_consumer(stored.clone()).await?;
        self.consumers.insert(name.clone(), Running::new(stored, self.now_ns()));
        self.tell(Advisory::Consumer(&name, Action::Create));
        self.consumer_info(&name)
    }

    async fn change_consumer(&mut self, config: ConsumerConfig) -> Result<ConsumerInfo, ApiError> {
        let name = config.given_name().to_owned();
        let now_ns = self.now_ns();
        let Some(consumer) = self.consumers.get(&name) else {
            return Err(error::CONSUMER_NOT_FOUND);
        };
        if consumer.config != config {
            consumer.config.check_update(&config)?;
            self.check_deliver_subject(&config)?;
            self.check_queue_is_shared_out(&config, Some(&name))?;
            let stored = StoredConsumer { config: config.clone(), ..consumer.stored() };
            self.save_consumer(stored).await?;
            if let Some(consumer) = self.consumers.get_mut(&name) {
                consumer.reconfigure(config, now_ns);
            }
            self.tell(Advisory::Consumer(&name, Action::Modify));
        }
        self.consumer_info(&name)
    }

    /// One that pushes into its own stream would never end.
    fn check_deliver_subject(&self, config: &ConsumerConfig) -> Result<(), ApiError> {
        let subject = Subject::parse(config.deliver_subject.clone());
        let is_own = |subject: Subject| self.filters.iter().any(|filter| filter.matches(&subject));
        if subject.is_some_and(is_own) { Err(error::DELIVER_CYCLE) } else { Ok(()) }
    }

    /// In a work queue each message has at most one consumer.
    fn check_queue_is_shared_out(
        &self,
        config: &ConsumerConfig,
        itself: Option<&str>,
    ) -> Result<(), ApiError> {
        if self.config.retention != Retention::WorkQueue {
            return Ok(());
        }
        let filters = config.filters();
        for other in self.consumers.values().filter(|other| Some(other.name.as_str()) != itself) {
            if filters.is_empty() || other.is_unfiltered() {
                return Err(error::WORKQUEUE_MULTIPLE_UNFILTERED);
            }
            if other.overlaps(&filters) {
                return Err(error::WORKQUEUE_NOT_UNIQUE);
            }
        }
        Ok(())
    }

    pub(super) async fn save_consumer(&mut self, stored: StoredConsumer) -> Result<(), ApiError> {
        if !saving::is_kept(&stored.config) {
            return Ok(());
        }
        // One write at a time, or an older one could come out on top.
        self.wait_for_save().await;
        let saved = match self.log.flush() {
            Ok(flush) => saving::write(self.folder.clone(), flush, vec![stored]).await,
            Err(failure) => Err(io::Error::other(failure)),
        };
        saved.map_err(|cause| {
            tracing::error!(stream = self.config.name, %cause, "cannot save a consumer");
            error::CONSUMER_STORE_FAILED
        })
    }

    pub(super) fn consumer_info(&mut self, name: &str) -> Result<ConsumerInfo, ApiError> {
        let now_ns = self.now_ns();
        let outlet = Outlet::new(&self.config.name, &self.log, &self.router, now_ns);
        let consumer = self.consumers.get_mut(name).ok_or(error::CONSUMER_NOT_FOUND)?;
        Ok(consumer.info(&outlet))
    }

    /// Deletes a consumer, from disk before the answer.
    pub(super) async fn delete_consumer(&mut self, name: &str) -> Result<(), ApiError> {
        if !self.consumers.contains_key(name) {
            return Err(error::CONSUMER_NOT_FOUND);
        }
        // A write that runs could bring the file back.
        self.wait_for_save().await;
        let (folder, file) = (self.folder.clone(), name.to_owned());
        blocking(move || folder.delete_consumer(&file)).await.map_err(|cause| {
            tracing::error!(stream = self.config.name, %cause, "cannot delete a consumer");
            error::CONSUMER_STORE_FAILED
        })?;
        self.drop_consumer(name);
        Ok(())
    }

    fn drop_consumer(&mut self, name: &str) {
        let Some(mut consumer) = self.consumers.remove(name) else { return };
        consumer.end(&self.router, 409, "Consumer Deleted");
        self.tell(Advisory::Consumer(name, Action::Delete));
        if self.config.retention == Retention::Interest {
            self.remove_what_only_it_wanted(&consumer);
        }
    }

    fn remove_what_only_it_wanted(&mut self, consumer: &Running) {
        let held: Vec<u64> = consumer.progress.held().collect();
        for seq in held {
            if self.is_settled_by_all(seq) {
                self.remove(seq);
            }
        }
        let filters = consumer.config.filters();
        let mut after = consumer.progress.state().ack_floor.stream_seq;
        while let Ok(entries) = reading::next(&self.log, after, &filters, READ_MESSAGES_MAX) {
            let Some(last) = entries.last() else { return };
            after = last.seq;
            for entry in entries {
                if !consumer.progress.is_settled(entry.seq) && self.is_settled_by_all(entry.seq) {
                    self.remove(entry.seq);
                }
            }
        }
    }

    /// Deletes consumers whose clients have been away for too long. A file that outlives a crash in between is
    /// deleted by the same rule after the start.
    pub(super) fn delete_abandoned(&mut self, now_ns: i64) {
        let is_abandoned = |consumer: &&Running| consumer.is_abandoned(now_ns);
        let abandoned = self.consumers.values().filter(is_abandoned);
        let names: Vec<String> = abandoned.map(|consumer| consumer.name.clone()).collect();
        for name in names {
            if let Some(consumer) = self.consumers.get(&name)
                && saving::is_kept(&consumer.config)
            {
                self.saver.delete_file(&self.folder, name.clone());
            }
            self.drop_consumer(&name);
        }
    }

    /// Lets a consumer rest until a time, or go on.
    pub(super) async fn pause_consumer(
        &mut self,
        name: &str,
        until: Option<Timestamp>,
    ) -> Result<ConsumerInfo, ApiError> {
        let consumer = self.consumers.get(name).ok_or(error::CONSUMER_NOT_FOUND)?;
        let pause_until = until.filter(|until| *until > self.clock.now());
        let mut config = consumer.config.clone();
        config.pause_until = pause_until;
        self.change_consumer(config).await
    }

    /// Somebody asks for messages.
    pub(super) fn pull(&mut self, name: &str, message: &Message) {
        let Some(reply) = message.reply.clone() else { return };
        if !self.router.has_interest(&reply) {
            // Who asked has gone since.
            return;
        }
        if let Err(status) = self.add_pull(name, &reply, &message.payload) {
            super::send_status(&self.router, &reply, status);
        }
    }

    fn add_pull(&mut self, name: &str, reply: &Subject, payload: &[u8]) -> Result<(), Status> {
        let now_ns = self.now_ns();
        // As if nobody listened there, which is what clients understand.
        let consumer = self.consumers.get_mut(name).ok_or_else(Status::no_responders)?;
        if consumer.push.is_some() {
            return Err(Status::new(409, "Consumer is push based"));
        }
        let request = PullRequest::parse(payload)
            .map_err(|reason| Status::new(400, &format!("Bad Request - {reason}")))?;
        let again = consumer.progress.num_waiting_again() as u64;
        let is_counted = request.no_wait;
        let available =
            if is_counted { consumer.num_pending(&self.log, now_ns, true) + again } else { 0 };
        consumer.active_at_ns = now_ns;
        let added = consumer.pulls.add(&request, reply.clone(), available, now_ns);
        let router = &self.router;
        added.or_else(|status| {
            // Requests of clients that went away take places.
            consumer.pulls.retain_listeners(|listener| router.has_interest(listener));
            let is_retried = !request.no_wait && !consumer.pulls.is_empty();
            if !is_retried {
                return Err(status);
            }
            consumer.pulls.add(&request, reply.clone(), available, now_ns)
        })
    }
}

/// The numbers a new consumer begins with.
fn start(log: &Log, config: &ConsumerConfig) -> Progress {
    let state = log.state();
    let filters = config.filters();
    let rules = config.rules();
    let first = state.first_seq.max(1);
    let first_seq = match config.deliver_policy {
        DeliverPolicy::All => first,
        DeliverPolicy::New => log.next_seq(),
        DeliverPolicy::Last => last_of(log, &filters).unwrap_or(state.last_seq + 1).max(1),
        DeliverPolicy::ByStartSequence => {
            config.opt_start_seq.clamp(first, (state.last_seq + 1).max(first))
        }
        DeliverPolicy::ByStartTime => log.seq_at(start_ns(config)),
        DeliverPolicy::LastPerSubject => return start_with_last(log, rules, &filters),
    };
    Progress::new(rules, first_seq)
}

fn start_ns(config: &ConsumerConfig) -> i64 {
    let start = config.opt_start_time.map_or(0, |start| start.as_nanosecond());
    i64::try_from(start).unwrap_or(i64::MAX)
}

/// The last message of each subject, oldest first, and then whatever comes.
fn start_with_last(log: &Log, rules: Rules, filters: &[Filter]) -> Progress {
    let last_seq = log.state().last_seq;
    let mut selected: Vec<u64> = last_of_each(log, filters);
    selected.sort_unstable();
    Progress::selecting(rules, VecDeque::from(selected), last_seq)
}

fn last_of(log: &Log, filters: &[Filter]) -> Option<u64> {
    if filters.is_empty() {
        let state = log.state();
        return (state.messages > 0).then_some(state.last_seq);
    }
    last_of_each(log, filters).into_iter().max()
}

fn last_of_each(log: &Log, filters: &[Filter]) -> Vec<u64> {
    let subjects = filters.iter().flat_map(|filter| log.subjects(Some(filter)));
    subjects.filter_map(|(subject, _)| log.last_of(&subject)).collect()
}
