//! Links that were sent and work once.

use contracts::ids::UserId;
use database::{Error as DatabaseError, Tx};
use jiff::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use crate::domain::{Email, Link, Purpose};
use crate::error::Result;

mod link {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "one_time_link")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub purpose: String,
        pub digest: String,
        pub email: String,
        pub expires_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use link::{ActiveModel, Column, Entity};

/// Makes this the link of its account and purpose, in place of any other.
pub async fn replace_link(tx: &Tx, link: &Link, digest: &str) -> Result<()> {
    let row = ActiveModel {
        user_id: Set(link.user_id.0),
        purpose: Set(link.purpose.as_str().to_owned()),
        digest: Set(digest.to_owned()),
        email: Set(link.email.to_string()),
        expires_at: Set(link.expires_at.as_millisecond()),
    };
    let overwrite = OnConflict::columns([Column::UserId, Column::Purpose])
        .update_columns([Column::Digest, Column::Email, Column::ExpiresAt])
        .to_owned();
    Entity::insert(row).on_conflict(overwrite).exec_without_returning(tx).await?;
    Ok(())
}

/// The link of a token, if it is still good.
pub async fn find_link(
    db: &impl ConnectionTrait,
    purpose: Purpose,
    digest: &str,
    now: Timestamp,
) -> Result<Option<Link>> {
    let row = Entity::find()
        .filter(Column::Digest.eq(digest))
        .filter(Column::Purpose.eq(purpose.as_str()))
        .filter(Column::ExpiresAt.gt(now.as_millisecond()))
        .one(db)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let expires_at = Timestamp::from_millisecond(row.expires_at)
        .map_err(|_| DatabaseError::Other(format!("link of `{}`: bad time", row.user_id)))?;
    let (user_id, email) = (UserId(row.user_id), Email::stored(row.email));
    Ok(Some(Link { user_id, purpose, email, expires_at }))
}

/// Spends a link; `false` if it is spent, replaced or over. Of several who try at the same time one finds
/// something to delete.
pub async fn spend_link(tx: &Tx, purpose: Purpose, digest: &str, now: Timestamp) -> Result<bool> {
    let deleted = Entity::delete_many()
        .filter(Column::Digest.eq(digest))
        .filter(Column::Purpose.eq(purpose.as_str()))
        .filter(Column::ExpiresAt.gt(now.as_millisecond()))
        .exec(tx)
        .await?;
    Ok(deleted.rows_affected == 1)
}

/// Makes the links of an account dead that were sent when other secrets counted: those for a new password, those to
/// sign in with, and those that would bring in an address other than `email`.
pub async fn delete_stale_links(tx: &Tx, user_id: UserId, email: &Email) -> Result<()> {
    let is_stale = sea_orm::Condition::any()
        .add(Column::Purpose.eq(Purpose::ResetPassword.as_str()))
        .add(Column::Purpose.eq(Purpose::SignIn.as_str()))
        .add(Column::Email.ne(email.as_str()));
    Entity::delete_many().filter(Column::UserId.eq(user_id.0)).filter(is_stale).exec(tx).await?;
    Ok(())
}

/// Forgets links that are over.
pub async fn sweep_links(tx: &Tx, now: Timestamp) -> Result<()> {
    let is_over = Column::ExpiresAt.lte(now.as_millisecond());
    Entity::delete_many().filter(is_over).exec(tx).await?;
    Ok(())
}
