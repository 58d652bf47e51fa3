//! Rows and queries of notices that wait to be sent to clients.

use contracts::ids::{SessionId, UserId};
use database::{Error as DatabaseError, Tx};
use identity::SigningAlgorithm;
use jiff::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{QueryOrder, QuerySelect};

use super::timestamp;
use crate::domain::logout::LogoutNotice;
use crate::error::Result;

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "logout_notice")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub client_id: String,
        pub uri: String,
        pub algorithm: String,
        pub user_id: Uuid,
        pub session_id: Uuid,
        pub created_at: i64,
        pub due_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity, Model};

/// Writes a notice that is to be sent as soon as this transaction has committed.
pub async fn insert_notice(tx: &Tx, notice: &LogoutNotice) -> Result<()> {
    let row = ActiveModel {
        id: Set(notice.id),
        client_id: Set(notice.client_id.clone()),
        uri: Set(notice.uri.clone()),
        algorithm: Set(notice.algorithm.as_str().to_owned()),
        user_id: Set(notice.user_id.0),
        session_id: Set(notice.session_id.0),
        created_at: Set(notice.created_at.as_millisecond()),
        due_at: Set(notice.due_at.as_millisecond()),
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Clients that have a notice whose time has come, but for some.
pub async fn clients_with_due_notices(
    db: &impl ConnectionTrait,
    now: Timestamp,
    except: impl IntoIterator<Item = &String>,
    limit: u64,
) -> Result<Vec<String>> {
    let found = Entity::find()
        .select_only()
        .column(Column::ClientId)
        .distinct()
        .filter(Column::DueAt.lte(now.as_millisecond()))
        .filter(Column::ClientId.is_not_in(except))
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    Ok(found)
}

/// The notice for a client that has waited longest of those whose time has come.
pub async fn find_due_notice(
    db: &impl ConnectionTrait,
    client_id: &str,
    now: Timestamp,
) -> Result<Option<LogoutNotice>> {
    let found = Entity::find()
        .filter(Column::ClientId.eq(client_id))
        .filter(Column::DueAt.lte(now.as_millisecond()))
        .order_by_asc(Column::DueAt)
        .order_by_asc(Column::Id)
        .one(db)
        .await?;
    found.map(domain).transpose()
}

/// Takes a notice until `until`; `false` if another replica has it. When that time is over and the notice is still
/// there, whoever had it is gone.
pub async fn take_notice(tx: &Tx, notice: &LogoutNotice, until: Timestamp) -> Result<bool> {
    let taken = Entity::update_many()
        .col_expr(Column::DueAt, until.as_millisecond().into())
        .filter(Column::Id.eq(notice.id))
        .filter(Column::DueAt.eq(notice.due_at.as_millisecond()))
        .exec(tx)
        .await?;
    Ok(taken.rows_affected == 1)
}

/// Is done with a notice.
pub async fn delete_notice(tx: &Tx, id: Uuid) -> Result<()> {
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Puts a notice back until a moment, with all others for the same client whose time has come: what did not reach it
/// now will not either.
pub async fn postpone_notices(
    tx: &Tx,
    notice: &LogoutNotice,
    now: Timestamp,
    until: Timestamp,
) -> Result<()> {
    let are_due =
        Column::ClientId.eq(&notice.client_id).and(Column::DueAt.lte(now.as_millisecond()));
    Entity::update_many()
        .col_expr(Column::DueAt, until.as_millisecond().into())
        .filter(Column::Id.eq(notice.id).or(are_due))
        .exec(tx)
        .await?;
    Ok(())
}

fn domain(row: Model) -> Result<LogoutNotice> {
    let algorithm = SigningAlgorithm::parse(&row.algorithm);
    Ok(LogoutNotice {
        id: row.id,
        client_id: row.client_id,
        uri: row.uri,
        algorithm: algorithm.ok_or_else(|| DatabaseError::Other("algorithm of a notice".into()))?,
        user_id: UserId(row.user_id),
        session_id: SessionId(row.session_id),
        created_at: timestamp(row.created_at)?,
        due_at: timestamp(row.due_at)?,
    })
}
