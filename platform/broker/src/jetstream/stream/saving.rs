//! When what consumers know goes to disk.
//!
//! Promises: one write at a time; at most every [`SAVE_INTERVAL_NS`] unless somebody waits for an answer; messages that
//! were removed from the log because they are settled are gone from disk before the consumer's file says so.

use std::io;

use tokio::task::JoinHandle;

use super::{Running, Stream};
use crate::jetstream::blocking;
use crate::jetstream::config::ConsumerConfig;
use crate::jetstream::store::{StoredConsumer, StreamFolder};
use crate::log::Ticket;
use crate::subject::Subject;

/// What a crash can make a consumer forget: messages come again.
pub const SAVE_INTERVAL_NS: i64 = 200_000_000;

/// See the module.
#[derive(Default)]
pub struct Saver {
    task: Option<JoinHandle<io::Result<()>>>,
    due_ns: Option<i64>,
    /// Acknowledgements to be answered once they are on disk.
    waiting: Vec<Subject>,
    /// Those that are being written.
    in_work: Vec<Subject>,
}

impl Saver {
    /// Answers here when all that is known now is on disk.
    pub fn answer_when_saved(&mut self, reply: Subject) {
        self.waiting.push(reply);
    }

    /// Deletes a consumer's file after the write that runs, which could bring it back.
    pub fn delete_file(&mut self, folder: &StreamFolder, name: String) {
        let (folder, before) = (folder.clone(), self.task.take());
        self.task = Some(tokio::spawn(async move {
            let written = match before {
                Some(before) => before.await.unwrap_or_else(|error| Err(error.into())),
                None => Ok(()),
            };
            blocking(move || folder.delete_consumer(&name)).await?;
            written
        }));
    }

    /// When to write next, if there is something to write.
    pub fn due_ns(&self) -> Option<i64> {
        self.due_ns.filter(|_| self.task.is_none())
    }

    /// The end of the write that runs; never if none does. Nothing is lost when this is cancelled.
    pub async fn finished(&mut self) -> bool {
        let Some(task) = &mut self.task else { return std::future::pending().await };
        let result = task.await;
        self.task = None;
        match result {
            Ok(Ok(())) => true,
            Ok(Err(error)) => report(&error),
            Err(error) => report(&error.into()),
        }
    }
}

fn report(error: &io::Error) -> bool {
    tracing::error!(%error, "cannot save consumers");
    false
}

/// Writes consumers, once what they rely on is certain.
pub(super) async fn write(
    folder: StreamFolder,
    flush: Ticket,
    consumers: Vec<StoredConsumer>,
) -> io::Result<()> {
    flush.await.map_err(io::Error::other)?;
    blocking(move || consumers.iter().try_for_each(|consumer| folder.save_consumer(consumer))).await
}

/// Whether a consumer survives a restart.
pub fn is_kept(config: &ConsumerConfig) -> bool {
    !config.mem_storage
}

impl Stream {
    /// Starts writing if it is time.
    pub(super) fn save_if_due(&mut self, now_ns: i64) {
        if self.is_failed {
            // Nobody is told that something is certain which is not, and it is not tried again.
            self.saver.waiting.clear();
            self.saver.due_ns = None;
            return;
        }
        let is_dirty = self.consumers.values().any(|consumer| consumer.is_dirty);
        let is_awaited = !self.saver.waiting.is_empty();
        if is_dirty && self.saver.due_ns.is_none() {
            self.saver.due_ns = Some(now_ns.saturating_add(SAVE_INTERVAL_NS));
        }
        let is_due = is_awaited || self.saver.due_ns.is_some_and(|due_ns| due_ns <= now_ns);
        if is_due && self.saver.task.is_none() {
            self.start_save();
        }
    }

    fn start_save(&mut self) {
        self.saver.due_ns = None;
        let flush = match self.log.flush() {
            Ok(flush) => flush,
            Err(error) => {
                tracing::error!(stream = self.config.name, %error, "cannot save consumers");
                self.saver.waiting.clear();
                return;
            }
        };
        let mut changed = Vec::new();
        for consumer in self.consumers.values_mut().filter(|consumer| consumer.is_dirty) {
            consumer.is_dirty = false;
            if is_kept(&consumer.config) {
                changed.push(consumer.stored());
            }
        }
        self.saver.in_work = std::mem::take(&mut self.saver.waiting);
        self.saver.task = Some(tokio::spawn(write(self.folder.clone(), flush, changed)));
    }

    /// A write has ended. If it failed, nobody is answered, and all is written again.
    pub(super) fn finish_save(&mut self, is_saved: bool) {
        for reply in std::mem::take(&mut self.saver.in_work) {
            if is_saved {
                super::answer(&self.router, Some(&reply), "");
            }
        }
        if !is_saved {
            self.consumers.values_mut().for_each(|consumer| consumer.is_dirty = true);
        }
    }

    /// Waits for the write that runs, if one does.
    pub(super) async fn wait_for_save(&mut self) {
        if self.saver.task.is_some() {
            let is_saved = self.saver.finished().await;
            self.finish_save(is_saved);
        }
    }

    /// Writes everything, this once also consumers that are kept in memory: their clients will not notice that the
    /// broker was started again.
    pub(super) async fn save_last(&mut self) {
        self.wait_for_save().await;
        self.start_save();
        self.wait_for_save().await;
        let in_memory = self.consumers.values().filter(|consumer| !is_kept(&consumer.config));
        let in_memory: Vec<StoredConsumer> = in_memory.map(Running::stored).collect();
        let folder = self.folder.clone();
        let write =
            move || in_memory.iter().try_for_each(|consumer| folder.save_consumer(consumer));
        if let Err(error) = blocking(write).await {
            report(&error);
        }
    }
}
