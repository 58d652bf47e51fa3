//! Rows and queries of what the samples found, and the only ones.

use database::{Error as DatabaseError, Tx};
use jiff::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, OnConflict};
use sea_orm::{ConnectionTrait, QueryOrder};

use crate::domain::Peak;
use crate::error::Result;

mod peak {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "peak")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub service: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub consumer: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub hour: i64,
        pub waiting: i64,
        pub dead_letters: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use peak::{ActiveModel, Column, Entity, Model};

/// Notes peaks; of an hour that has one already, the higher one stays.
pub async fn raise_peaks(tx: &Tx, peaks: &[Peak]) -> Result<()> {
    if peaks.is_empty() {
        return Ok(());
    }
    let higher = OnConflict::columns([Column::Service, Column::Consumer, Column::Hour])
        .value(Column::Waiting, higher(Column::Waiting))
        .value(Column::DeadLetters, higher(Column::DeadLetters))
        .to_owned();
    let rows = peaks.iter().map(row);
    Entity::insert_many(rows).on_conflict(higher).exec_without_returning(tx).await?;
    Ok(())
}

/// The peaks of hours that began then or later, by consumer and time.
pub async fn list_peaks(db: &impl ConnectionTrait, from: Timestamp) -> Result<Vec<Peak>> {
    let rows = Entity::find()
        .filter(Column::Hour.gte(from.as_millisecond()))
        .order_by_asc(Column::Service)
        .order_by_asc(Column::Consumer)
        .order_by_asc(Column::Hour)
        .all(db)
        .await?;
    rows.into_iter().map(domain).collect()
}

/// Forgets the peaks of hours that began before.
pub async fn delete_peaks_before(tx: &Tx, before: Timestamp) -> Result<()> {
    let old = Column::Hour.lt(before.as_millisecond());
    Entity::delete_many().filter(old).exec(tx).await?;
    Ok(())
}

/// The one that is there, or the one that comes.
fn higher(column: Column) -> CaseStatement {
    let there = || Expr::col((Entity, column));
    let coming = || Expr::col(("excluded", column));
    Expr::case(coming().gt(there()), coming()).finally(there())
}

fn row(peak: &Peak) -> ActiveModel {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    ActiveModel {
        service: Set(peak.service.clone()),
        consumer: Set(peak.consumer.clone()),
        hour: Set(peak.hour.as_millisecond()),
        waiting: Set(number(peak.waiting)),
        dead_letters: Set(number(peak.dead_letters)),
    }
}

fn domain(row: Model) -> Result<Peak> {
    let hour = Timestamp::from_millisecond(row.hour)
        .map_err(|_| DatabaseError::Other(format!("peak of `{}`: bad hour", row.consumer)))?;
    Ok(Peak {
        service: row.service,
        consumer: row.consumer,
        hour,
        waiting: row.waiting.unsigned_abs(),
        dead_letters: row.dead_letters.unsigned_abs(),
    })
}
