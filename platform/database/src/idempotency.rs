//! Answers to requests with an `Idempotency-Key`: the same key and body answers the same, once done.

use std::time::Duration;

use jiff::SignedDuration;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ActiveValue::Set, Condition};
use tokio_util::sync::CancellationToken;

use crate::{Database, Result, Tx};

/// How long a key is remembered.
pub const KEPT: SignedDuration = SignedDuration::from_hours(48);
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "idempotency")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub actor: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub idempotency_key: String,
        pub fingerprint: String,
        pub answer: String,
        pub created_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Identifies a request that may come again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Who sent it: two people may use the same key.
    pub actor: String,
    /// The header's value.
    pub key: String,
}

/// A request that has been answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Its key.
    pub key: Key,
    /// A digest of the request.
    pub fingerprint: String,
    /// What it was answered; for most, the id of what it made.
    pub answer: String,
}

/// Those of `keys` that have been answered.
pub async fn find(db: &impl ConnectionTrait, keys: &[Key]) -> Result<Vec<Answered>> {
    if keys.is_empty() {
        return Ok(vec![]);
    }
    let any = keys.iter().fold(Condition::any(), |any, key| {
        any.add(row::Column::Actor.eq(&key.actor).and(row::Column::IdempotencyKey.eq(&key.key)))
    });
    let rows = row::Entity::find().filter(any).all(db).await?;
    let answered = |row: row::Model| Answered {
        key: Key { actor: row.actor, key: row.idempotency_key },
        fingerprint: row.fingerprint,
        answer: row.answer,
    };
    Ok(rows.into_iter().map(answered).collect())
}

/// Remembers answers in the transaction of what was done. A key that is there already violates
/// `idempotency_actor_idempotency_key_key` (SQLite) or `idempotency_pkey` (PostgreSQL).
pub async fn remember(tx: &Tx, answers: &[Answered], now: jiff::Timestamp) -> Result<()> {
    if answers.is_empty() {
        return Ok(());
    }
    let rows = answers.iter().map(|answered| row::ActiveModel {
        actor: Set(answered.key.actor.clone()),
        idempotency_key: Set(answered.key.key.clone()),
        fingerprint: Set(answered.fingerprint.clone()),
        answer: Set(answered.answer.clone()),
        created_at: Set(now.as_millisecond()),
    });
    row::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

/// Forgets old keys, every hour, until `stopping`.
pub async fn sweep_forever(database: Database, stopping: CancellationToken) {
    while stopping.run_until_cancelled(tokio::time::sleep(SWEEP_EVERY)).await.is_some() {
        if let Err(error) = sweep(&database).await {
            tracing::warn!(%error, "sweeping idempotency keys failed");
        }
    }
}

async fn sweep(database: &Database) -> Result<()> {
    let before = database.clock().now() - KEPT;
    let tx = database.begin().await?;
    row::Entity::delete_many()
        .filter(row::Column::CreatedAt.lt(before.as_millisecond()))
        .exec(&tx)
        .await?;
    tx.commit().await
}
