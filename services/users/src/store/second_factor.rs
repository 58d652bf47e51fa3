//! Authenticators and recovery codes.

use contracts::ids::UserId;
use database::{Error as DatabaseError, Sealer, Tx};
use jiff::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, OnConflict};

use crate::domain::{Totp, TotpSecret, WrongTries};
use crate::error::Result;

mod totp {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "totp")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        pub secret: String,
        pub confirmed_at: Option<i64>,
        pub last_step: i64,
        pub wrong_tries: i64,
        pub last_wrong_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod recovery {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "recovery_code")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use totp::{ActiveModel, Column, Entity, Model};

/// Secrets that are sealed in one transaction.
const SEALED_AT_ONCE: u64 = 500;

/// Where secrets are, for the seal.
const SECRET: &str = "totp.secret";

/// Begins anew with a secret that is not confirmed yet.
pub async fn replace_totp(
    tx: &Tx,
    sealer: &Sealer,
    user_id: UserId,
    secret: &TotpSecret,
) -> Result<()> {
    let row = ActiveModel {
        user_id: Set(user_id.0),
        secret: Set(seal(sealer, user_id.0, &secret.to_base32())?),
        confirmed_at: Set(None),
        last_step: Set(0),
        wrong_tries: Set(0),
        last_wrong_at: Set(0),
    };
    // The tries stay: beginning anew must not give new ones.
    let overwrite = OnConflict::column(Column::UserId)
        .update_columns([Column::Secret, Column::ConfirmedAt, Column::LastStep])
        .to_owned();
    Entity::insert(row).on_conflict(overwrite).exec_without_returning(tx).await?;
    Ok(())
}

pub async fn find_totp(
    db: &impl ConnectionTrait,
    sealer: &Sealer,
    user_id: UserId,
) -> Result<Option<Totp>> {
    let found = Entity::find_by_id(user_id.0).one(db).await?;
    found.map(|row| domain(row, sealer)).transpose()
}

/// The authenticator of an account, which nobody else tries before the transaction ends.
pub async fn lock_totp(tx: &Tx, sealer: &Sealer, user_id: UserId) -> Result<Option<Totp>> {
    let found = Entity::find_by_id(user_id.0).lock_exclusive().one(tx).await?;
    found.map(|row| domain(row, sealer)).transpose()
}

/// Seals some of the secrets that are not as the sealer would write them; `false` when there are none left.
pub async fn seal_some(tx: &Tx, sealer: &Sealer) -> Result<bool> {
    let is_outdated = match sealer.current_prefix() {
        Some(prefix) => Column::Secret.starts_with(prefix).not(),
        None => Column::Secret.starts_with(sealer.any_prefix()),
    };
    let rows = Entity::find().filter(is_outdated).limit(SEALED_AT_ONCE).all(tx).await?;
    for row in &rows {
        let secret = seal(sealer, row.user_id, &open(sealer, row)?)?;
        Entity::update_many()
            .col_expr(Column::Secret, secret.into())
            .filter(Column::UserId.eq(row.user_id))
            .filter(Column::Secret.eq(&row.secret))
            .exec(tx)
            .await?;
    }
    Ok(!rows.is_empty())
}

fn seal(sealer: &Sealer, user_id: Uuid, secret: &str) -> Result<String> {
    Ok(sealer.seal(SECRET, &user_id.to_string(), secret).map_err(DatabaseError::from)?)
}

fn open(sealer: &Sealer, row: &Model) -> Result<String> {
    let opened = sealer.open(SECRET, &row.user_id.to_string(), &row.secret);
    Ok(opened.map_err(DatabaseError::from)?)
}

/// Makes an authenticator count.
pub async fn confirm_totp(tx: &Tx, user_id: UserId, now: Timestamp) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::ConfirmedAt, now.as_millisecond().into())
        .filter(Column::UserId.eq(user_id.0))
        .exec(tx)
        .await?;
    Ok(())
}

/// Uses up the code of a step and all before; `false` if it was used before.
pub async fn use_step(tx: &Tx, user_id: UserId, step: i64) -> Result<bool> {
    let used = Entity::update_many()
        .col_expr(Column::LastStep, step.into())
        .filter(Column::UserId.eq(user_id.0))
        .filter(Column::LastStep.lt(step))
        .exec(tx)
        .await?;
    Ok(used.rows_affected == 1)
}

/// Uses up a recovery code; `false` if there is none like that.
pub async fn use_recovery_code(tx: &Tx, user_id: UserId, digest: &str) -> Result<bool> {
    let used = recovery::Entity::delete_by_id((user_id.0, digest.to_owned())).exec(tx).await?;
    Ok(used.rows_affected == 1)
}

/// Writes down how many tries were wrong.
pub async fn update_wrong_tries(tx: &Tx, user_id: UserId, wrong: WrongTries) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::WrongTries, wrong.count.into())
        .col_expr(Column::LastWrongAt, wrong.last_at.as_millisecond().into())
        .filter(Column::UserId.eq(user_id.0))
        .exec(tx)
        .await?;
    Ok(())
}

/// Makes these the recovery codes of an account, in place of any others.
pub async fn replace_recovery_codes(tx: &Tx, user_id: UserId, digests: &[String]) -> Result<()> {
    delete_recovery_codes(tx, user_id).await?;
    let rows = digests.iter().map(|digest| recovery::ActiveModel {
        user_id: Set(user_id.0),
        digest: Set(digest.clone()),
    });
    recovery::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

pub async fn count_recovery_codes(db: &impl ConnectionTrait, user_id: UserId) -> Result<u64> {
    let own = recovery::Column::UserId.eq(user_id.0);
    Ok(recovery::Entity::find().filter(own).count(db).await?)
}

/// Takes the second factor from an account; `false` if it had none that counted.
pub async fn delete_totp(tx: &Tx, user_id: UserId) -> Result<bool> {
    delete_recovery_codes(tx, user_id).await?;
    let found = Entity::find_by_id(user_id.0).one(tx).await?;
    Entity::delete_by_id(user_id.0).exec(tx).await?;
    Ok(found.is_some_and(|row| row.confirmed_at.is_some()))
}

async fn delete_recovery_codes(tx: &Tx, user_id: UserId) -> Result<()> {
    let own = recovery::Column::UserId.eq(user_id.0);
    recovery::Entity::delete_many().filter(own).exec(tx).await?;
    Ok(())
}

fn domain(row: Model, sealer: &Sealer) -> Result<Totp> {
    let unreadable = || DatabaseError::Other(format!("authenticator of `{}`", row.user_id));
    Ok(Totp {
        secret: TotpSecret::stored(&open(sealer, &row)?).ok_or_else(unreadable)?,
        is_confirmed: row.confirmed_at.is_some(),
        wrong: WrongTries {
            count: row.wrong_tries,
            last_at: Timestamp::from_millisecond(row.last_wrong_at).map_err(|_| unreadable())?,
        },
    })
}
