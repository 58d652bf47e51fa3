//! Rows and queries of refresh tokens.

use contracts::ids::SessionId;
use database::Tx;
use jiff::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::SelectStatement;

use super::timestamp;
use crate::error::Result;

mod refresh_token {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "refresh_token")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub session_id: Uuid,
        pub issued_at: i64,
        pub spent_at: Option<i64>,
        pub salt: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub async fn insert_refresh_token(
    tx: &Tx,
    digest: &str,
    session_id: SessionId,
    now: Timestamp,
) -> Result<()> {
    let row = refresh_token::ActiveModel {
        digest: Set(digest.to_owned()),
        session_id: Set(session_id.0),
        issued_at: Set(now.as_millisecond()),
        spent_at: Set(None),
        salt: Set(None),
    };
    refresh_token::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// A refresh token as it is stored.
pub struct StoredRefreshToken {
    pub session_id: SessionId,
    /// When it was spent, and what its successor was made with.
    pub spent: Option<(Timestamp, String)>,
}

/// A refresh token, spent or not.
pub async fn find_refresh_token(
    db: &impl ConnectionTrait,
    digest: &str,
) -> Result<Option<StoredRefreshToken>> {
    let Some(row) = refresh_token::Entity::find_by_id(digest).one(db).await? else {
        return Ok(None);
    };
    let spent_at = row.spent_at.map(timestamp).transpose()?;
    let spent = spent_at.map(|at| (at, row.salt.unwrap_or_default()));
    Ok(Some(StoredRefreshToken { session_id: SessionId(row.session_id), spent }))
}

/// Spends a refresh token; `false` if it has been spent before. Of many at once, one wins.
pub async fn spend_refresh_token(
    tx: &Tx,
    digest: &str,
    salt: &str,
    now: Timestamp,
) -> Result<bool> {
    let spent = refresh_token::Entity::update_many()
        .col_expr(refresh_token::Column::SpentAt, now.as_millisecond().into())
        .col_expr(refresh_token::Column::Salt, salt.into())
        .filter(refresh_token::Column::Digest.eq(digest))
        .filter(refresh_token::Column::SpentAt.is_null())
        .exec(tx)
        .await?;
    Ok(spent.rows_affected == 1)
}

/// Forgets the tokens of the sessions that a query names.
pub async fn delete_refresh_tokens(tx: &Tx, sessions: SelectStatement) -> Result<()> {
    refresh_token::Entity::delete_many()
        .filter(refresh_token::Column::SessionId.in_subquery(sessions))
        .exec(tx)
        .await?;
    Ok(())
}
