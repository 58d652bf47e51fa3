//! Dead letters: listed a page at a time, given another round of tries, or forgotten for good.

use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QueryOrder, QuerySelect, UpdateMany};

use super::inbox_row::{Column, Entity, Model};
use super::{DEAD, DONE, Inbox, PENDING};
use crate::{Result, Tx};

/// A message that was tried too often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Whose it is.
    pub consumer: String,
    /// The message's id.
    pub message_id: Uuid,
    /// What the message is about.
    pub subject: String,
    /// The message, JSON.
    pub envelope: String,
    /// What the last try said.
    pub error: String,
    /// Number of tries.
    pub attempts: i64,
    /// When it came, milliseconds since the epoch.
    pub received_at: i64,
    /// When it was tried last, milliseconds since the epoch.
    pub tried_at: i64,
}

/// Which dead letters to list, and from where on. In the order of consumers, of each the oldest first.
#[derive(Clone, Debug, Default)]
pub struct DeadLetters {
    /// Only those of this consumer.
    pub consumer: Option<String>,
    /// Those after this consumer and message.
    pub after: Option<(String, Uuid)>,
    /// Most of them at a time.
    pub limit: u64,
}

/// Some dead letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLettersPage {
    /// In the order of consumers, of each the oldest first.
    pub letters: Vec<DeadLetter>,
    /// Whether there are more after these.
    pub has_more: bool,
}

impl Inbox {
    /// The messages that were given up.
    pub async fn dead_letters(&self, wanted: &DeadLetters) -> Result<DeadLettersPage> {
        let consumers = match (&wanted.consumer, &wanted.after) {
            (Some(consumer), _) => vec![consumer.clone()],
            (None, Some((consumer, _))) => self.consumers_from(consumer).await?,
            (None, None) => self.consumers_from("").await?,
        };
        let mut letters = vec![];
        for consumer in consumers {
            // One more than wanted says whether there are more.
            let room = wanted.limit + 1 - letters.len() as u64;
            let after = wanted.after.as_ref().filter(|(last, _)| *last == consumer);
            let rows = self.dead_letters_of(&consumer, after.map(|(_, id)| *id), room).await?;
            letters.extend(rows.into_iter().map(letter));
            if letters.len() as u64 > wanted.limit {
                break;
            }
        }
        let has_more = letters.len() as u64 > wanted.limit;
        letters.truncate(usize::try_from(wanted.limit).unwrap_or(usize::MAX));
        Ok(DeadLettersPage { letters, has_more })
    }

    async fn dead_letters_of(
        &self,
        consumer: &str,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Vec<Model>> {
        let rows = Entity::find()
            .filter(dead(consumer, None))
            .filter(Column::MessageId.gt(after.unwrap_or_else(Uuid::nil)))
            .order_by_asc(Column::MessageId)
            .limit(limit);
        Ok(rows.all(self.database.read()).await?)
    }
}

impl Tx {
    /// Gives a consumer's dead letters another round of tries: one, or all. How many that were.
    pub async fn replay_dead_letters(
        &self,
        consumer: &str,
        message_id: Option<Uuid>,
    ) -> Result<u64> {
        let change = Entity::update_many()
            .col_expr(Column::State, PENDING.into())
            .col_expr(Column::Attempts, 0i64.into())
            .col_expr(Column::ReadyAt, 0i64.into());
        self.change_dead_letters(change, consumer, message_id).await
    }

    /// Forgets a consumer's dead letters for good: one, or all. How many that were.
    pub async fn drop_dead_letters(&self, consumer: &str, message_id: Option<Uuid>) -> Result<u64> {
        // The row stays, so that the message is not handled when it is delivered once more.
        let change = Entity::update_many()
            .col_expr(Column::State, DONE.into())
            .col_expr(Column::Envelope, "".into());
        self.change_dead_letters(change, consumer, message_id).await
    }

    async fn change_dead_letters(
        &self,
        change: UpdateMany<Entity>,
        consumer: &str,
        message_id: Option<Uuid>,
    ) -> Result<u64> {
        Ok(change.filter(dead(consumer, message_id)).exec(self).await?.rows_affected)
    }
}

fn dead(consumer: &str, message_id: Option<Uuid>) -> Condition {
    Condition::all()
        .add(Column::Consumer.eq(consumer))
        .add(Column::State.eq(DEAD))
        .add_option(message_id.map(|id| Column::MessageId.eq(id)))
}

fn letter(row: Model) -> DeadLetter {
    DeadLetter {
        consumer: row.consumer,
        message_id: row.message_id,
        subject: row.subject,
        envelope: row.envelope,
        error: row.error.unwrap_or_default(),
        attempts: row.attempts,
        received_at: row.received_at,
        tried_at: row.ready_at,
    }
}
