//! Who holds which role.

use std::collections::HashMap;

use contracts::ids::{CustomerId, UserId};
use contracts::permissions::ADMIN;
use database::Tx;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, OnConflict, Query, SelectStatement};
use sea_orm::{QueryOrder, QuerySelect};

use crate::domain::{Grant, RoleName};
use crate::error::Result;

use super::{active_users, ids};

mod grant {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "grants")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub role: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub customer_id: Uuid,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use grant::{ActiveModel, Column, Entity, Model};

/// In the column `customer_id`: no customer, which is everywhere.
const EVERYWHERE: Uuid = Uuid::nil();

/// Writes down that somebody holds a role; `false` if it is there already.
pub async fn insert_grant(tx: &Tx, user_id: UserId, grant: &Grant) -> Result<bool> {
    let row = ActiveModel {
        user_id: Set(user_id.0),
        role: Set(grant.role().to_string()),
        customer_id: Set(customer_column(grant)),
    };
    let already_there = OnConflict::columns([Column::UserId, Column::Role, Column::CustomerId])
        .do_nothing()
        .to_owned();
    let inserted =
        Entity::insert(row).on_conflict(already_there).exec_without_returning(tx).await?;
    Ok(inserted == 1)
}

/// Deletes a grant; `false` if there was none.
pub async fn delete_grant(tx: &Tx, user_id: UserId, grant: &Grant) -> Result<bool> {
    let deleted = Entity::delete_many()
        .filter(Column::UserId.eq(user_id.0))
        .filter(Column::Role.eq(grant.role().as_str()))
        .filter(Column::CustomerId.eq(customer_column(grant)))
        .exec(tx)
        .await?;
    Ok(deleted.rows_affected == 1)
}

/// The roles of several accounts, each account's in their order.
pub(super) async fn grants_of(
    db: &impl ConnectionTrait,
    users: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, Vec<Grant>>> {
    let rows = Entity::find().filter(Column::UserId.is_in(users)).all(db).await?;
    let mut grants: HashMap<Uuid, Vec<Grant>> = HashMap::new();
    for row in rows {
        grants.entry(row.user_id).or_default().push(domain(row));
    }
    for held in grants.values_mut() {
        held.sort();
    }
    Ok(grants)
}

/// Whether anybody is an administrator, active or not.
pub async fn has_administrator(db: &impl ConnectionTrait) -> Result<bool> {
    Ok(Entity::find().filter(administrators()).one(db).await?.is_some())
}

/// Whether without this account there would be no active administrator.
///
/// Locks who is an administrator until the transaction ends: two of them who leave at the same time
/// would otherwise each see the other stay.
pub async fn is_last_administrator(tx: &Tx, user_id: UserId) -> Result<bool> {
    let holders = Entity::find().filter(administrators()).order_by_asc(Column::UserId);
    holders.lock_exclusive().all(tx).await?;
    let active = ids(tx, active_users(administrator_ids()).limit(2)).await?;
    Ok(active == [user_id])
}

/// The ids of administrators, for a condition.
pub(super) fn administrator_ids() -> SelectStatement {
    Query::select().column(Column::UserId).from(Entity).and_where(administrators()).to_owned()
}

/// The ids of those who hold a role, for a condition.
pub fn holders_of(role: &RoleName) -> SelectStatement {
    let holds = Column::Role.eq(role.as_str());
    Query::select().column(Column::UserId).from(Entity).and_where(holds).to_owned()
}

/// The ids of those who hold any role inside a customer, for a condition.
pub fn grants_inside(customer: CustomerId) -> SelectStatement {
    let inside = Column::CustomerId.eq(customer.0);
    Query::select().column(Column::UserId).from(Entity).and_where(inside).to_owned()
}

fn administrators() -> Expr {
    Column::Role.eq(ADMIN).and(Column::CustomerId.eq(EVERYWHERE))
}

fn customer_column(grant: &Grant) -> Uuid {
    grant.customer().map_or(EVERYWHERE, Uuid::from)
}

fn domain(row: Model) -> Grant {
    // `Grant::new` knows what the nil UUID stands for.
    Grant::new(RoleName::stored(row.role), Some(CustomerId(row.customer_id)))
}
