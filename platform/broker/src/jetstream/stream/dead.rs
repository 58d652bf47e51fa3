//! Dead letters: messages that a consumer gave up, kept with it until somebody replays or drops them.
//!
//! An extension of the API, below `$JS.API.CONSUMER.DEAD`. Promises that what a list shows and what an answer says is on
//! disk, and that a dead letter lives as long as its message, not longer. Where a stream keeps messages only until its
//! consumers are done with them, a message whose deliveries are used up stays until its dead letter is dropped or
//! acknowledged, and one whose receiver says that it is done for ever is removed, as nats-server does.

use std::ops::Bound;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Stream;
use super::requests::parse;
use crate::jetstream::advisory::{Advisory, Delivered};
use crate::jetstream::config::Retention;
use crate::jetstream::consumer::{Dead, DeadLetter, Exhausted};
use crate::jetstream::error::{self, ApiError};
use crate::jetstream::views::{DeadLetterInfo, LIST_LIMIT, time};

/// Where a page begins: behind this message of the stream, so that letters which go meanwhile move no other.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ListRequest {
    after: u64,
}

/// Which dead letters are meant.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ChoiceRequest {
    seq: u64,
    all: bool,
}

impl Stream {
    /// A message was delivered as often as is allowed.
    pub(super) fn bury_exhausted(&mut self, consumer: &str, exhausted: Exhausted) {
        let Exhausted { stream_seq, deliveries } = exhausted;
        let delivered = Delivered { consumer, consumer_seq: 0, stream_seq, deliveries };
        self.tell(Advisory::MaxDeliveries(delivered));
        let at_ns = self.now_ns();
        let Some(subject) = self.subject_of(stream_seq) else { return };
        self.bury(consumer, stream_seq, DeadLetter::unacknowledged(subject, deliveries, at_ns));
    }

    /// A receiver said that it will never succeed with a message.
    pub(super) fn bury_terminated(
        &mut self,
        consumer: &str,
        stream_seq: u64,
        deliveries: u64,
        reason: &str,
    ) {
        if self.config.retention != Retention::Limits {
            return;
        }
        let at_ns = self.now_ns();
        let Some(subject) = self.subject_of(stream_seq) else { return };
        self.bury(consumer, stream_seq, DeadLetter::terminated(subject, deliveries, reason, at_ns));
    }

    fn subject_of(&self, seq: u64) -> Option<String> {
        self.log.subject_of(seq).map(|subject| subject.as_str().to_owned())
    }

    fn bury(&mut self, name: &str, seq: u64, letter: DeadLetter) {
        let Some(consumer) = self.consumers.get_mut(name) else { return };
        consumer.drop_dead_without_message(&self.log);
        consumer.is_dirty = true;
        if let Some((oldest, _)) = consumer.progress.dead_mut().bury(seq, letter) {
            metrics::counter!("backline_broker_dead_letters_lost_total").increment(1);
            tracing::warn!(
                stream = self.config.name,
                consumer = name,
                seq = oldest,
                "too many dead letters, the oldest gave way"
            );
        }
    }

    /// Answers with one page of them, in the order of the stream.
    pub(super) async fn list_dead(
        &mut self,
        name: &str,
        payload: &[u8],
    ) -> Result<Value, ApiError> {
        let ListRequest { after } = parse(payload)?;
        self.find_with_dead(name)?;
        self.save_if_changed(name).await?;
        let consumer = self.consumers.get(name).ok_or(error::CONSUMER_NOT_FOUND)?;
        let letters = consumer.progress.dead().letters();
        let behind = letters.range((Bound::Excluded(after), Bound::Unbounded));
        let page: Vec<DeadLetterInfo> = behind.take(LIST_LIMIT).map(describe).collect();
        Ok(json!({ "total": letters.len(), "limit": LIST_LIMIT, "dead_letters": page }))
    }

    /// Lets dead letters be delivered as if they were new.
    pub(super) async fn replay_dead(
        &mut self,
        name: &str,
        payload: &[u8],
    ) -> Result<Value, ApiError> {
        let chosen = self.change_dead(name, payload, Dead::replay)?;
        self.save_if_changed(name).await?;
        Ok(json!({ "replayed": chosen.len() }))
    }

    /// Drops dead letters for good.
    pub(super) async fn drop_dead(
        &mut self,
        name: &str,
        payload: &[u8],
    ) -> Result<Value, ApiError> {
        let chosen = self.change_dead(name, payload, Dead::drop_letter)?;
        chosen.iter().for_each(|seq| self.remove_if_settled(*seq));
        self.save_if_changed(name).await?;
        Ok(json!({ "dropped": chosen.len() }))
    }

    /// Does something with each of the dead letters that are meant; which ones they are.
    fn change_dead(
        &mut self,
        name: &str,
        payload: &[u8],
        change: fn(&mut Dead, u64) -> bool,
    ) -> Result<Vec<u64>, ApiError> {
        let chosen = self.choose_dead(name, payload)?;
        let consumer = self.find_with_dead(name)?;
        for seq in &chosen {
            consumer.is_dirty |= change(consumer.progress.dead_mut(), *seq);
        }
        Ok(chosen)
    }

    fn find_with_dead(&mut self, name: &str) -> Result<&mut super::Running, ApiError> {
        let consumer = self.consumers.get_mut(name).ok_or(error::CONSUMER_NOT_FOUND)?;
        consumer.drop_dead_without_message(&self.log);
        Ok(consumer)
    }

    fn choose_dead(&mut self, name: &str, payload: &[u8]) -> Result<Vec<u64>, ApiError> {
        let request: ChoiceRequest = parse(payload)?;
        let letters = self.find_with_dead(name)?.progress.dead().letters();
        match (request.seq, request.all) {
            (0, true) => Ok(letters.keys().copied().collect()),
            (seq, false) if letters.contains_key(&seq) => Ok(vec![seq]),
            (1.., false) => Err(error::sequence_not_found(request.seq)),
            _ => Err(error::BAD_REQUEST),
        }
    }

    async fn save_if_changed(&mut self, name: &str) -> Result<(), ApiError> {
        // What is being written counts as saved already, and may fail.
        self.wait_for_save().await;
        let Some(consumer) = self.consumers.get(name).filter(|consumer| consumer.is_dirty) else {
            return Ok(());
        };
        let stored = consumer.stored();
        self.save_consumer(stored).await?;
        if let Some(consumer) = self.consumers.get_mut(name) {
            consumer.is_dirty = false;
        }
        Ok(())
    }
}

fn describe((seq, letter): (&u64, &DeadLetter)) -> DeadLetterInfo {
    DeadLetterInfo {
        stream_seq: *seq,
        subject: letter.subject.clone(),
        deliveries: letter.deliveries,
        reason: letter.reason.clone(),
        time: time(letter.at_ns),
    }
}
