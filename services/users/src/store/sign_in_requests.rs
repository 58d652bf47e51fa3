//! Addresses for which somebody asked for a link to sign in.

use database::Tx;
use jiff::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{QueryOrder, QuerySelect};

use crate::domain::Email;
use crate::error::Result;

mod request {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sign_in_request")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub email: String,
        pub requested_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use request::{ActiveModel, Column, Entity};

/// Writes down that somebody asked for a link; asking again before that is answered changes nothing.
pub async fn insert_sign_in_request(tx: &Tx, email: &Email, now: Timestamp) -> Result<()> {
    let row =
        ActiveModel { email: Set(email.to_string()), requested_at: Set(now.as_millisecond()) };
    let asked_already = OnConflict::column(Column::Email).do_nothing().to_owned();
    Entity::insert(row).on_conflict(asked_already).exec_without_returning(tx).await?;
    Ok(())
}

/// Requests that wait, the oldest first.
pub async fn sign_in_requests(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<Email>> {
    let rows = Entity::find().order_by_asc(Column::RequestedAt).limit(limit).all(db).await?;
    Ok(rows.into_iter().map(|row| Email::stored(row.email)).collect())
}

/// Takes a request; `false` if another replica has answered it.
pub async fn take_sign_in_request(tx: &Tx, email: &Email) -> Result<bool> {
    let deleted = Entity::delete_by_id(email.to_string()).exec(tx).await?;
    Ok(deleted.rows_affected == 1)
}
