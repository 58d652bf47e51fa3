//! The outbox: messages wait in the database of the change they tell of until the broker has them.

use std::sync::Arc;
use std::time::Duration;

use messages::{Engine, Message};
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, PaginatorTrait, QueryOrder, QuerySelect};
use tokio_util::sync::CancellationToken;

use crate::{Database, Error, Result, Tx};

/// Messages handed over at once.
const BATCH: u64 = 1000;
/// Rows in one insert: three values each, below the 32,766 parameters of SQLite.
const INSERT_ROWS_MAX: usize = 5000;
/// Without a wake-up (another replica wrote, or the wake-up was lost in a crash) this is how long a message waits.
const POLL: Duration = Duration::from_millis(500);
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(2);

mod outbox_row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "outbox")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub message_id: Uuid,
        pub kind: String,
        pub envelope: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) async fn insert(tx: &Tx, messages: &[Message]) -> Result<()> {
    for chunk in messages.chunks(INSERT_ROWS_MAX) {
        let rows = chunk.iter().map(row).collect::<Result<Vec<_>>>()?;
        outbox_row::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

fn row(message: &Message) -> Result<outbox_row::ActiveModel> {
    let envelope =
        serde_json::to_string(message).map_err(|error| Error::Other(error.to_string()))?;
    Ok(outbox_row::ActiveModel {
        message_id: Set(message.id),
        kind: Set(message.kind.clone()),
        envelope: Set(envelope),
    })
}

/// What waits in an outbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboxStanding {
    /// Messages that the broker has not yet.
    pub waiting: u64,
    /// When the oldest of them was written, milliseconds since the epoch.
    pub oldest_at: Option<i64>,
}

pub(crate) async fn standing(database: &Database) -> Result<OutboxStanding> {
    let waiting = outbox_row::Entity::find().count(database.read()).await?;
    let oldest = outbox_row::Entity::find()
        .select_only()
        .column(outbox_row::Column::MessageId)
        .order_by_asc(outbox_row::Column::MessageId)
        .into_tuple::<Uuid>()
        .one(database.read())
        .await?;
    // The time of writing is in the id.
    let written = oldest.and_then(|id| id.get_timestamp()).map(|time| time.to_unix());
    let milliseconds = |(seconds, nanoseconds): (u64, u32)| {
        i64::try_from(seconds * 1000 + u64::from(nanoseconds / 1_000_000)).unwrap_or(i64::MAX)
    };
    Ok(OutboxStanding { waiting, oldest_at: written.map(milliseconds) })
}

/// Moves messages from one outbox to the broker, in order, again and again until each is taken.
pub struct Relay {
    database: Database,
    engine: Arc<dyn Engine>,
}

impl Relay {
    pub(crate) fn new(database: Database, engine: Arc<dyn Engine>) -> Self {
        Self { database, engine }
    }

    /// Runs until `stopping`. What is left in the outbox then is published after the next start.
    pub async fn run(self, stopping: CancellationToken) {
        let mut failures = 0;
        while !stopping.is_cancelled() {
            let pause = match self.empty().await {
                Ok(()) => {
                    failures = 0;
                    POLL
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(service = %self.database.service, %error, failures, "messages wait in the outbox");
                    stdx::backoff::delay(failures, RETRY_FIRST, RETRY_LONGEST)
                }
            };
            tokio::select! {
                () = self.database.outbox_filled.notified(), if failures == 0 => {}
                () = tokio::time::sleep(pause) => {}
                () = stopping.cancelled() => {}
            }
        }
    }

    /// Publishes until the outbox is empty, or leaves it to the replica that is at it.
    pub async fn empty(&self) -> Result<()> {
        // Two replicas publishing at once would mix up the order.
        let Some(only_me) = self.database.exclusive("outbox").await? else { return Ok(()) };
        while self.hand_over().await? == BATCH {}
        only_me.release().await
    }

    /// Publishes one batch; the number of messages it had.
    async fn hand_over(&self) -> Result<u64> {
        let rows = outbox_row::Entity::find()
            .order_by_asc(outbox_row::Column::MessageId)
            .limit(BATCH)
            .all(self.database.read())
            .await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let wanted = rows.iter().filter(|row| self.engine.wants(&row.kind));
        let messages = wanted
            .map(|row| serde_json::from_str(&row.envelope))
            .collect::<Result<Vec<Message>, _>>()
            .map_err(|error| {
                Error::Other(format!("outbox holds what is not a message: {error}"))
            })?;
        let published = self.engine.publish(&messages).await;
        published.map_err(|error| Error::Unavailable(error.to_string()))?;
        self.forget(&rows).await?;
        Ok(rows.len() as u64)
    }

    async fn forget(&self, rows: &[outbox_row::Model]) -> Result<()> {
        let tx = self.database.begin().await?;
        outbox_row::Entity::delete_many()
            .filter(outbox_row::Column::MessageId.is_in(rows.iter().map(|row| row.message_id)))
            .exec(&tx)
            .await?;
        tx.commit().await
    }
}
