//! The token with which the first administrator is made.

use database::Tx;
use jiff::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, OnConflict};

use crate::error::Result;

use super::grants::administrator_ids;

mod setup_token {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "setup_token")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub slot: i64,
        pub digest: String,
        pub created_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use setup_token::{ActiveModel, Column, Entity};

/// The only row there is.
const SLOT: i64 = 1;

/// Makes this the token, in place of any other.
pub async fn replace_setup_token(tx: &Tx, digest: &str, now: Timestamp) -> Result<()> {
    let row = ActiveModel {
        slot: Set(SLOT),
        digest: Set(digest.to_owned()),
        created_at: Set(now.as_millisecond()),
    };
    let overwrite = OnConflict::column(Column::Slot)
        .update_columns([Column::Digest, Column::CreatedAt])
        .to_owned();
    Entity::insert(row).on_conflict(overwrite).exec_without_returning(tx).await?;
    Ok(())
}

/// Whether there is a token, and if `digest` says so whether it is this one.
pub async fn is_setup_token(db: &impl ConnectionTrait, digest: Option<&str>) -> Result<bool> {
    let token = Entity::find_by_id(SLOT).one(db).await?;
    Ok(token.is_some_and(|token| digest.is_none_or(|digest| token.digest == digest)))
}

/// Spends the token, if it is this one and there is no administrator yet; `false` otherwise. Of two who
/// try at the same time one finds nothing left to delete.
pub async fn spend_setup_token(tx: &Tx, digest: &str) -> Result<bool> {
    let deleted = Entity::delete_many()
        .filter(Column::Digest.eq(digest))
        .filter(Expr::not_exists(administrator_ids()))
        .exec(tx)
        .await?;
    Ok(deleted.rows_affected == 1)
}
