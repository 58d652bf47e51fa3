//! Network addresses that accounts were signed in from.

use contracts::ids::UserId;
use database::Tx;
use jiff::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{OnConflict, Query};

use crate::domain::Email;
use crate::error::Result;

mod address {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sign_in_address")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub last_used_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use address::{ActiveModel, Column, Entity};

/// Notes that an account was signed in from an address.
pub async fn note_address(tx: &Tx, user_id: UserId, digest: &str, now: Timestamp) -> Result<()> {
    let row = ActiveModel {
        user_id: Set(user_id.0),
        digest: Set(digest.to_owned()),
        last_used_at: Set(now.as_millisecond()),
    };
    let again = OnConflict::columns([Column::UserId, Column::Digest])
        .update_column(Column::LastUsedAt)
        .to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}

/// Whether the account with this e-mail address was signed in from there before.
pub async fn is_known_address(
    db: &impl ConnectionTrait,
    email: &Email,
    digest: &str,
) -> Result<bool> {
    let (users, is_named) = (super::Entity, super::Column::Email.eq(email.as_str()));
    let account =
        Query::select().column(super::Column::Id).from(users).and_where(is_named).to_owned();
    let found = Entity::find()
        .filter(Column::UserId.in_subquery(account))
        .filter(Column::Digest.eq(digest))
        .one(db)
        .await?;
    Ok(found.is_some())
}

/// Forgets addresses not used since `before`.
pub async fn sweep_addresses(tx: &Tx, before: Timestamp) -> Result<()> {
    let is_old = Column::LastUsedAt.lt(before.as_millisecond());
    Entity::delete_many().filter(is_old).exec(tx).await?;
    Ok(())
}
