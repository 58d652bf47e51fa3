//! How an inbox stands: what waits for each consumer. Cheap enough to be asked every few seconds: nothing is read of
//! the messages that are done, which are nearly all.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{FromQueryResult, QuerySelect};

use super::inbox_row::{Column, Entity};
use super::{DEAD, Inbox, PENDING};
use crate::Result;

/// What waits for one consumer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerStanding {
    /// The consumer.
    pub name: String,
    /// Messages that are still to be handled.
    pub waiting: u64,
    /// Those of them that have failed before.
    pub retrying: u64,
    /// Messages that were given up.
    pub dead_letters: u64,
    /// When the oldest one that waits came, milliseconds since the epoch.
    pub oldest_at: Option<i64>,
}

#[derive(FromQueryResult)]
struct Count {
    state: String,
    messages: i64,
    tried: Option<i64>,
    oldest_at: Option<i64>,
}

impl Inbox {
    /// What waits for each consumer that has ever had a message here and is still known, by name.
    pub async fn standing(&self) -> Result<Vec<ConsumerStanding>> {
        let mut all = vec![];
        for name in self.consumers_from("").await? {
            all.push(self.standing_of(name).await?);
        }
        Ok(all)
    }

    async fn standing_of(&self, name: String) -> Result<ConsumerStanding> {
        let tried = Expr::case(Column::Attempts.gt(0), 1).finally(0);
        let counts = Entity::find()
            .select_only()
            .column(Column::State)
            .column_as(Column::MessageId.count(), "messages")
            .column_as(Expr::expr(tried).sum().cast_as("bigint"), "tried")
            .column_as(Column::ReceivedAt.min(), "oldest_at")
            .filter(Column::Consumer.eq(name.as_str()))
            .filter(Column::State.is_in([PENDING, DEAD]))
            .group_by(Column::State)
            .into_model::<Count>()
            .all(self.database.read())
            .await?;
        let mut standing = ConsumerStanding { name, ..ConsumerStanding::default() };
        for Count { state, messages, tried, oldest_at } in counts {
            if state == DEAD {
                standing.dead_letters = messages.unsigned_abs();
                continue;
            }
            standing.waiting = messages.unsigned_abs();
            standing.retrying = tried.unwrap_or_default().unsigned_abs();
            standing.oldest_at = oldest_at;
        }
        Ok(standing)
    }

    /// The names of the consumers with messages here, from this name on. A look into the index for each: there are few
    /// consumers, and millions of messages that are done.
    pub(super) async fn consumers_from(&self, first: &str) -> Result<Vec<String>> {
        let mut names: Vec<String> = vec![];
        loop {
            let next = names.last().map_or_else(
                || Column::Consumer.gte(first),
                |last| Column::Consumer.gt(last.as_str()),
            );
            let found = Entity::find()
                .select_only()
                .column_as(Column::Consumer.min(), "name")
                .filter(next)
                .into_tuple::<Option<String>>()
                .one(self.database.read())
                .await?;
            let Some(name) = found.flatten() else { return Ok(names) };
            names.push(name);
        }
    }
}
