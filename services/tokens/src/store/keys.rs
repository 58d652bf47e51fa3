//! Rows and queries of signing keys.

use database::Tx;
use identity::SigningAlgorithm;
use jiff::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, OnConflict};

use crate::error::Result;

mod signing_key {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "signing_key")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub kid: String,
        pub active: Option<i64>,
        pub private_key: String,
        pub created_at: i64,
        pub algorithm: String,
        pub retired_at: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use signing_key::{ActiveModel, Column, Entity};

/// What a key is for at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It signs.
    Current,
    /// It will sign after the next rotation, and is known to everybody until then.
    Next,
    /// It has signed what is still alive.
    Retired,
}

/// Where private keys are, for the seal.
pub const PRIVATE_KEY: &str = "signing_key.private_key";

/// A key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    pub kid: String,
    pub algorithm: SigningAlgorithm,
    pub usage: Use,
    /// Sealed, if the installation has a master key.
    pub private_key: String,
    /// Since when it has its use.
    pub created_at: i64,
}

/// The number that only one key may have: one signs and one comes next for each algorithm.
fn slot(algorithm: SigningAlgorithm, usage: Use) -> Option<i64> {
    let current = match algorithm {
        SigningAlgorithm::EdDsa => 1,
        SigningAlgorithm::Rs256 => 2,
        SigningAlgorithm::Es256 => 3,
    };
    match usage {
        Use::Current => Some(current),
        Use::Next => Some(-current),
        Use::Retired => None,
    }
}

/// Stores a key for a use; `false` if another replica was faster.
pub async fn insert_key(tx: &Tx, key: &StoredKey) -> Result<bool> {
    let row = ActiveModel {
        kid: Set(key.kid.clone()),
        active: Set(slot(key.algorithm, key.usage)),
        private_key: Set(key.private_key.clone()),
        created_at: Set(key.created_at),
        algorithm: Set(key.algorithm.as_str().to_owned()),
        retired_at: Set(None),
    };
    let already_there = OnConflict::column(Column::Active).do_nothing().to_owned();
    let inserted = Entity::insert(row).on_conflict(already_there);
    Ok(inserted.exec_without_returning(tx).await? == 1)
}

/// Every key, the oldest first.
pub async fn list_keys(db: &impl ConnectionTrait) -> Result<Vec<StoredKey>> {
    let rows = Entity::find().order_by_asc(Column::CreatedAt).all(db).await?;
    let key = |row: signing_key::Model| {
        let usage = match row.active {
            Some(slot) if slot > 0 => Use::Current,
            Some(_) => Use::Next,
            None => Use::Retired,
        };
        Some(StoredKey {
            algorithm: SigningAlgorithm::parse(&row.algorithm)?,
            kid: row.kid,
            usage,
            private_key: row.private_key,
            created_at: row.created_at,
        })
    };
    Ok(rows.into_iter().filter_map(key).collect())
}

/// Stores a private key in another form, unless somebody else has done so meanwhile.
pub async fn replace_private_key(tx: &Tx, stored: &StoredKey, private_key: &str) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::PrivateKey, private_key.into())
        .filter(Column::Kid.eq(&stored.kid))
        .filter(Column::PrivateKey.eq(&stored.private_key))
        .exec(tx)
        .await?;
    Ok(())
}

/// Retires the key that signs and lets the next one sign; `false` if somebody else has done so meanwhile.
pub async fn promote_next_key(tx: &Tx, current: &StoredKey, now: Timestamp) -> Result<bool> {
    let (from, to) = (slot(current.algorithm, Use::Next), slot(current.algorithm, Use::Current));
    let retired = Entity::update_many()
        .col_expr(Column::Active, Expr::value(None::<i64>))
        .col_expr(Column::RetiredAt, now.as_millisecond().into())
        .filter(Column::Kid.eq(&current.kid))
        .filter(Column::Active.eq(to))
        .exec(tx)
        .await?;
    if retired.rows_affected != 1 {
        return Ok(false);
    }
    let promoted = Entity::update_many()
        .col_expr(Column::Active, Expr::value(to))
        .col_expr(Column::CreatedAt, now.as_millisecond().into())
        .filter(Column::Active.eq(from))
        .exec(tx)
        .await?;
    Ok(promoted.rows_affected == 1)
}

/// Forgets keys that were retired before a moment.
pub async fn sweep_keys(tx: &Tx, before: Timestamp) -> Result<()> {
    Entity::delete_many().filter(Column::RetiredAt.lt(before.as_millisecond())).exec(tx).await?;
    Ok(())
}
