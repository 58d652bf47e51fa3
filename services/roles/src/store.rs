//! Rows and queries of roles, and the only ones.

use std::collections::BTreeSet;

use database::{Error as DatabaseError, OnConstraint, Tx};
use jiff::Timestamp;
use policies::Permission;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{QueryOrder, QuerySelect};
use service_kit::paging::Page;

use crate::domain::{Role, RoleName};
use crate::error::{Error, Result};

mod role {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "role")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub description: String,
        pub permissions: Json,
        pub built_in: bool,
        pub holders: i64,
        pub version: i64,
        pub created_at: i64,
        pub updated_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use role::{ActiveModel, Column, Entity, Model};

pub async fn insert_role(tx: &Tx, role: &Role) -> Result<()> {
    let inserted = Entity::insert(row(role)).exec_without_returning(tx).await;
    inserted.map(drop).on_constraint("role_name_key", || Error::NameTaken(role.name.clone()))
}

/// Inserts or overwrites a built-in role; the count of its holders stays.
pub async fn upsert_built_in_role(tx: &Tx, role: &Role) -> Result<()> {
    let overwrite = OnConflict::column(Column::Name)
        .update_columns([Column::Description, Column::Permissions, Column::BuiltIn])
        .to_owned();
    Entity::insert(row(role)).on_conflict(overwrite).exec_without_returning(tx).await?;
    Ok(())
}

pub async fn find_role(db: &impl ConnectionTrait, name: &RoleName) -> Result<Role> {
    let found = Entity::find_by_id(name.as_str()).one(db).await?;
    found.ok_or_else(|| Error::NotFound(name.to_string())).and_then(domain)
}

/// Roles in the order of their names, one more than the page has.
pub async fn list_roles(db: &impl ConnectionTrait, page: &Page<String>) -> Result<Vec<Role>> {
    let mut query = Entity::find().order_by_asc(Column::Name).limit(page.limit + 1);
    if let Some(after) = &page.after {
        query = query.filter(Column::Name.gt(after));
    }
    query.all(db).await?.into_iter().map(domain).collect()
}

pub async fn list_all_roles(db: &impl ConnectionTrait) -> Result<Vec<Role>> {
    Entity::find().all(db).await?.into_iter().map(domain).collect()
}

/// Writes a changed role, if the row still has the version before; `false` if somebody was faster.
pub async fn update_role(tx: &Tx, role: &Role) -> Result<bool> {
    let updated = Entity::update_many()
        .col_expr(Column::Description, role.description.clone().into())
        .col_expr(Column::Permissions, Expr::value(json(&role.permissions)))
        .col_expr(Column::Version, role.version.into())
        .col_expr(Column::UpdatedAt, role.updated_at.as_millisecond().into())
        .filter(Column::Name.eq(role.name.as_str()))
        .filter(Column::Version.eq(role.version - 1))
        .exec(tx)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Deletes a role that nobody holds; `false` if somebody does, or it is gone.
pub async fn delete_unheld_role(tx: &Tx, name: &RoleName) -> Result<bool> {
    let deleted = Entity::delete_many()
        .filter(Column::Name.eq(name.as_str()))
        .filter(Column::Holders.eq(0))
        .exec(tx)
        .await?;
    Ok(deleted.rows_affected == 1)
}

pub async fn add_holders(tx: &Tx, name: &str, count: i64) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::Holders, Expr::col(Column::Holders).add(count))
        .filter(Column::Name.eq(name))
        .exec(tx)
        .await?;
    Ok(())
}

fn row(role: &Role) -> ActiveModel {
    ActiveModel {
        name: Set(role.name.to_string()),
        description: Set(role.description.clone()),
        permissions: Set(json(&role.permissions)),
        built_in: Set(role.built_in),
        holders: Set(role.holders),
        version: Set(role.version),
        created_at: Set(role.created_at.as_millisecond()),
        updated_at: Set(role.updated_at.as_millisecond()),
    }
}

fn domain(row: Model) -> Result<Role> {
    let unreadable = |what: &str| DatabaseError::Other(format!("role `{}`: bad {what}", row.name));
    let permissions = permissions(&row.permissions).ok_or_else(|| unreadable("permissions"))?;
    let time = |ms| Timestamp::from_millisecond(ms).map_err(|_| unreadable("time"));
    Ok(Role {
        description: row.description.clone(),
        permissions,
        built_in: row.built_in,
        holders: row.holders,
        version: row.version,
        created_at: time(row.created_at)?,
        updated_at: time(row.updated_at)?,
        name: RoleName::stored(row.name),
    })
}

fn json(permissions: &BTreeSet<Permission>) -> Json {
    permissions.iter().map(Permission::to_string).collect()
}

fn permissions(json: &Json) -> Option<BTreeSet<Permission>> {
    json.as_array()?.iter().map(|text| text.as_str()?.parse().ok()).collect()
}
