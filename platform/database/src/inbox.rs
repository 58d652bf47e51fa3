//! The inbox: messages are stored before they are acknowledged, worked off in order, and recognised when they come again.
//!
//! A consumer's handler gets a [`Delivery`]; [`Delivery::begin`] opens a transaction in which the message
//! is already marked as done, so that the effect and the mark are one. A handler that fails is tried
//! again with growing delay. When what it needs is merely away it is tried for ever; otherwise,
//! after [`ATTEMPTS_MAX`] tries, the message becomes a dead letter that waits for a person. How many messages wait,
//! and what is done with dead letters, is below.

mod dead_letters;
mod standing;

use std::collections::HashSet;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use messages::{Message, Payload};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, QueryOrder, QuerySelect};
use tokio_util::sync::CancellationToken;

pub use dead_letters::{DeadLetter, DeadLetters, DeadLettersPage};
pub use standing::ConsumerStanding;

use crate::{Database, Error, Result, Tx};

/// Tries before a message becomes a dead letter: about a quarter of an hour in all.
pub const ATTEMPTS_MAX: i64 = 12;
const BATCH: u64 = 500;
const POLL: Duration = Duration::from_millis(500);
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_LONGEST: Duration = Duration::from_secs(300);
/// When something is away: short, so that work goes on soon after it is back.
const RETRY_LONGEST_UNAVAILABLE: Duration = Duration::from_secs(2);
/// How long a repeated delivery is recognised. Longer than a broker keeps trying.
const DONE_KEPT: SignedDuration = SignedDuration::from_hours(15 * 24);
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

const PENDING: &str = "pending";
const DONE: &str = "done";
const DEAD: &str = "dead";

mod inbox_row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "inbox")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub consumer: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub message_id: Uuid,
        pub subject: String,
        pub envelope: String,
        pub state: String,
        pub attempts: i64,
        /// When the next try may be; of a dead letter, when the last one was.
        pub ready_at: i64,
        pub received_at: i64,
        pub error: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use inbox_row::{Column, Entity};

/// Why a handler did not do its work.
#[derive(Debug)]
pub struct HandlerError {
    /// What it needs is away; it will work when that is back.
    pub is_unavailable: bool,
    /// For the log and the dead letter.
    pub reason: String,
}

impl HandlerError {
    fn panicked() -> Self {
        Self { is_unavailable: false, reason: "the handler panicked; the log says where".into() }
    }
}

/// A message in the hands of its handler.
pub struct Delivery<P> {
    /// What it says.
    pub payload: P,
    /// When the change happened.
    pub time: Timestamp,
    /// Identifies the message.
    pub message_id: Uuid,
    /// The service that published it.
    pub source: String,
    consumer: String,
    database: Database,
}

impl<P: Payload> Delivery<P> {
    /// Opens the transaction of the effect, with the message marked as done in it.
    ///
    /// Fails if another replica has done it meanwhile; the handler then stops, and that is well.
    pub async fn begin(&self) -> Result<Tx> {
        let tx = self.database.begin().await?;
        if !mark_done(&tx, &self.consumer, self.message_id).await? {
            return Err(Error::Other("this message was handled elsewhere".into()));
        }
        Ok(tx)
    }
}

/// A service's inbox.
#[derive(Clone)]
pub struct Inbox {
    database: Database,
}

#[async_trait::async_trait]
impl messages::Inbox for Inbox {
    async fn accept(&self, consumer: &str, message: &Message) -> Result<(), messages::Error> {
        let stored = self.store(consumer, message).await;
        stored.map_err(|error| messages::Error::Inbox {
            consumer: consumer.to_owned(),
            reason: error.to_string(),
        })
    }
}

impl Inbox {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    async fn store(&self, consumer: &str, message: &Message) -> Result<()> {
        let now = self.database.clock.now().as_millisecond();
        let envelope =
            serde_json::to_string(message).map_err(|error| Error::Other(error.to_string()))?;
        let row = inbox_row::ActiveModel {
            consumer: Set(consumer.to_owned()),
            message_id: Set(message.id),
            subject: Set(message.subject.clone()),
            envelope: Set(envelope),
            state: Set(PENDING.to_owned()),
            attempts: Set(0),
            ready_at: Set(now),
            received_at: Set(now),
            error: Set(None),
        };
        let already_here =
            OnConflict::columns([Column::Consumer, Column::MessageId]).do_nothing().to_owned();
        let tx = self.database.begin().await?;
        Entity::insert(row).on_conflict(already_here).exec_without_returning(&tx).await?;
        tx.commit().await?;
        self.database.inbox_filled.notify_waiters();
        Ok(())
    }

    /// Works off one consumer's messages until `stopping`; the message in hand is finished first.
    pub async fn work<P, H, F>(self, consumer: String, handler: H, stopping: CancellationToken)
    where
        P: Payload,
        H: Fn(Delivery<P>) -> F + Send + Sync,
        F: Future<Output = Result<(), HandlerError>> + Send,
    {
        let mut last_sweep = tokio::time::Instant::now();
        while !stopping.is_cancelled() {
            // Registered before looking, so that a message stored meanwhile is not slept over.
            let filled = self.database.inbox_filled.notified();
            if let Err(error) = self.work_off(&consumer, &handler, &stopping).await {
                tracing::warn!(consumer, %error, "reading the inbox failed, trying again");
            }
            if last_sweep.elapsed() > SWEEP_EVERY {
                last_sweep = tokio::time::Instant::now();
                if let Err(error) = self.sweep().await {
                    tracing::warn!(consumer, %error, "sweeping the inbox failed");
                }
            }
            tokio::select! {
                () = filled => {}
                () = tokio::time::sleep(POLL) => {}
                () = stopping.cancelled() => {}
            }
        }
    }

    async fn work_off<P, H, F>(
        &self,
        consumer: &str,
        handler: &H,
        stopping: &CancellationToken,
    ) -> Result<()>
    where
        P: Payload,
        H: Fn(Delivery<P>) -> F + Send + Sync,
        F: Future<Output = Result<(), HandlerError>> + Send,
    {
        let Some(only_me) = self.database.exclusive(consumer).await? else { return Ok(()) };
        let now = self.database.clock.now().as_millisecond();
        let mut waiting_subjects = HashSet::new();
        let mut after = Uuid::nil();
        // To the last one, because the first may all be waiting for one that failed.
        loop {
            let rows = self.pending(consumer, after).await?;
            let Some(last) = rows.last() else { break };
            after = last.message_id;
            for row in rows {
                if stopping.is_cancelled() {
                    return only_me.release().await;
                }
                // A message must not overtake an earlier one about the same thing.
                if waiting_subjects.contains(&row.subject) {
                    continue;
                }
                if row.ready_at > now || !self.handle(&row, handler).await? {
                    waiting_subjects.insert(row.subject);
                }
            }
        }
        only_me.release().await
    }

    async fn pending(&self, consumer: &str, after: Uuid) -> Result<Vec<inbox_row::Model>> {
        Ok(Entity::find()
            .filter(Column::Consumer.eq(consumer))
            .filter(Column::State.eq(PENDING))
            .filter(Column::MessageId.gt(after))
            .order_by_asc(Column::MessageId)
            .limit(BATCH)
            .all(self.database.read())
            .await?)
    }

    /// Runs the handler on one message; whether the message needs no further try.
    async fn handle<P, H, F>(&self, row: &inbox_row::Model, handler: &H) -> Result<bool>
    where
        P: Payload,
        H: Fn(Delivery<P>) -> F + Send + Sync,
        F: Future<Output = Result<(), HandlerError>> + Send,
    {
        let outcome = match self.delivery::<P>(row) {
            // A panic is a fault of this message, not the end of the consumer.
            Ok(delivery) => AssertUnwindSafe(async { handler(delivery).await })
                .catch_unwind()
                .await
                .unwrap_or_else(|_| Err(HandlerError::panicked())),
            Err(reason) => Err(HandlerError { is_unavailable: false, reason }),
        };
        // A handler that had nothing to do need not have opened a transaction.
        if outcome.is_ok() {
            let tx = self.database.begin().await?;
            mark_done(&tx, &row.consumer, row.message_id).await?;
            tx.commit().await?;
        }
        match outcome {
            Ok(()) => Ok(true),
            Err(error) => self.postpone(row, &error).await,
        }
    }

    fn delivery<P: Payload>(&self, row: &inbox_row::Model) -> Result<Delivery<P>, String> {
        let message: Message =
            serde_json::from_str(&row.envelope).map_err(|error| error.to_string())?;
        Ok(Delivery {
            payload: message.payload().map_err(|error| error.to_string())?,
            time: message.time,
            message_id: message.id,
            source: message.source,
            consumer: row.consumer.clone(),
            database: self.database.clone(),
        })
    }

    /// Notes a failed try; whether it was the last.
    async fn postpone(&self, row: &inbox_row::Model, error: &HandlerError) -> Result<bool> {
        let attempts = row.attempts + 1;
        let is_dead = !error.is_unavailable && attempts >= ATTEMPTS_MAX;
        let longest = if error.is_unavailable { RETRY_LONGEST_UNAVAILABLE } else { RETRY_LONGEST };
        let exponent = u32::try_from(attempts).unwrap_or(u32::MAX);
        let delay = stdx::backoff::delay(exponent, RETRY_FIRST, longest);
        let now = self.database.clock.now().as_millisecond();
        let pause = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
        let ready_at = if is_dead { now } else { now.saturating_add(pause) };
        let (consumer, message_id, reason) = (&row.consumer, row.message_id, &error.reason);
        if is_dead {
            tracing::error!(consumer, %message_id, reason, attempts, "message became a dead letter");
        } else {
            tracing::warn!(consumer, %message_id, reason, attempts, "message handler failed, will try again");
        }
        let tx = self.database.begin().await?;
        Entity::update_many()
            .col_expr(Column::Attempts, attempts.into())
            .col_expr(Column::ReadyAt, ready_at.into())
            .col_expr(Column::State, if is_dead { DEAD } else { PENDING }.into())
            .col_expr(Column::Error, reason.clone().into())
            .filter(Column::Consumer.eq(consumer))
            .filter(Column::MessageId.eq(message_id))
            // Another replica may have done it meanwhile; then there is nothing to postpone.
            .filter(Column::State.eq(PENDING))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        Ok(is_dead)
    }

    async fn sweep(&self) -> Result<()> {
        let before = self.database.clock.now() - DONE_KEPT;
        let tx = self.database.begin().await?;
        Entity::delete_many()
            .filter(Column::State.eq(DONE))
            .filter(Column::ReceivedAt.lt(before.as_millisecond()))
            .exec(&tx)
            .await?;
        tx.commit().await
    }
}

/// Marks a pending message as done; `false` if it was not pending any more.
async fn mark_done(tx: &Tx, consumer: &str, message_id: Uuid) -> Result<bool> {
    let updated = Entity::update_many()
        .col_expr(Column::State, DONE.into())
        .col_expr(Column::Envelope, "".into())
        .filter(Column::Consumer.eq(consumer))
        .filter(Column::MessageId.eq(message_id))
        .filter(Column::State.eq(PENDING))
        .exec(tx)
        .await?;
    Ok(updated.rows_affected == 1)
}
