//! Rows and queries of customers, and the only ones.

use contracts::ids::{CustomerId, UserId};
use database::{Error as DatabaseError, OnConstraint, Tx};
use jiff::Timestamp;
use policies::Reach;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, LikeExpr, OnConflict};
use sea_orm::{QueryOrder, QuerySelect};
use service_kit::paging::Page;

use crate::domain::{Customer, CustomerFilter, CustomerType, FOUNDED_MAX, OrgNumber, name_key};
use crate::error::{Error, Result};

mod customer {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "customer")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
        pub name_key: String,
        pub org_number: String,
        pub org_number_key: String,
        pub address: Option<String>,
        pub email: Option<String>,
        pub phone: Option<String>,
        pub customer_type: String,
        pub is_active: bool,
        pub created_by: Option<Uuid>,
        pub is_founded: bool,
        pub version: i64,
        pub created_at: i64,
        pub updated_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod founder {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "founder")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        pub customers: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use customer::{ActiveModel, Column, Entity, Model};

pub async fn insert_customer(tx: &Tx, customer: &Customer) -> Result<()> {
    let inserted = Entity::insert(row(customer)).exec_without_returning(tx).await;
    inserted.map(drop).on_constraint("customer_org_number_key_key", || Error::OrgNumberTaken)
}

/// Counts one more founded customer; `false` if that would be too many.
pub async fn count_founded(tx: &Tx, founder: UserId) -> Result<bool> {
    let first = founder::ActiveModel { user_id: Set(founder.0), customers: Set(1) };
    let so_far = || Expr::col((founder::Entity, founder::Column::Customers));
    let one_more = OnConflict::column(founder::Column::UserId)
        .value(founder::Column::Customers, so_far().add(1))
        .action_and_where(so_far().lt(FOUNDED_MAX))
        .to_owned();
    let insert = founder::Entity::insert(first).on_conflict(one_more);
    Ok(insert.exec_without_returning(tx).await? == 1)
}

/// Counts one less.
pub async fn discount_founded(tx: &Tx, founder: UserId) -> Result<()> {
    founder::Entity::update_many()
        .col_expr(founder::Column::Customers, Expr::col(founder::Column::Customers).sub(1))
        .filter(founder::Column::UserId.eq(founder.0))
        .exec(tx)
        .await?;
    Ok(())
}

pub async fn find_customer(db: &impl ConnectionTrait, id: CustomerId) -> Result<Customer> {
    let found = Entity::find_by_id(id.0).one(db).await?;
    found.ok_or(Error::NotFound(id)).and_then(domain)
}

/// Customers within `reach` in the order of their ids, one more than the page has.
pub async fn list_customers(
    db: &impl ConnectionTrait,
    reach: &Reach,
    filter: &CustomerFilter,
    page: &Page<CustomerId>,
) -> Result<Vec<Customer>> {
    let mut query = Entity::find().order_by_asc(Column::Id).limit(page.limit + 1);
    if !reach.everywhere {
        query = query.filter(Column::Id.is_in(reach.customers.iter().copied()));
    }
    if let Some(part) = &filter.name_part {
        query = query.filter(Column::NameKey.like(containing(&name_key(part))));
    }
    if let Some(customer_type) = filter.customer_type {
        query = query.filter(Column::CustomerType.eq(customer_type.as_str()));
    }
    if let Some(is_active) = filter.is_active {
        query = query.filter(Column::IsActive.eq(is_active));
    }
    if let Some(after) = page.after {
        query = query.filter(Column::Id.gt(after.0));
    }
    query.all(db).await?.into_iter().map(domain).collect()
}

/// Writes a changed customer, if the row still has the version before; `false` if somebody was faster.
pub async fn update_customer(tx: &Tx, customer: &Customer) -> Result<bool> {
    let updated = Entity::update_many()
        .set(row(customer))
        .filter(Column::Id.eq(customer.id.0))
        .filter(Column::Version.eq(customer.version - 1))
        .exec(tx)
        .await
        .on_constraint("customer_org_number_key_key", || Error::OrgNumberTaken)?;
    Ok(updated.rows_affected == 1)
}

/// Deletes a customer that nobody has changed meanwhile; `false` if somebody has.
pub async fn delete_customer(tx: &Tx, customer: &Customer) -> Result<bool> {
    let deleted = Entity::delete_many()
        .filter(Column::Id.eq(customer.id.0))
        .filter(Column::Version.eq(customer.version))
        .exec(tx)
        .await?;
    Ok(deleted.rows_affected == 1)
}

/// Erases who somebody was.
pub async fn forget_user(tx: &Tx, user_id: UserId) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::CreatedBy, Expr::value(None::<Uuid>))
        .filter(Column::CreatedBy.eq(user_id.0))
        .exec(tx)
        .await?;
    founder::Entity::delete_by_id(user_id.0).exec(tx).await?;
    Ok(())
}

/// The pattern of what contains `part`, which may itself hold characters that mean something in patterns.
fn containing(part: &str) -> LikeExpr {
    const ESCAPE: char = '!';
    let mut pattern = String::from("%");
    for c in part.chars() {
        if matches!(c, '%' | '_' | ESCAPE) {
            pattern.push(ESCAPE);
        }
        pattern.push(c);
    }
    pattern.push('%');
    LikeExpr::new(pattern).escape(ESCAPE)
}

fn row(customer: &Customer) -> ActiveModel {
    ActiveModel {
        id: Set(customer.id.0),
        name: Set(customer.name.clone()),
        name_key: Set(name_key(&customer.name)),
        org_number: Set(customer.org_number.as_str().to_owned()),
        org_number_key: Set(customer.org_number.key()),
        address: Set(customer.address.clone()),
        email: Set(customer.email.clone()),
        phone: Set(customer.phone.clone()),
        customer_type: Set(customer.customer_type.as_str().to_owned()),
        is_active: Set(customer.is_active),
        created_by: Set(customer.created_by.map(Uuid::from)),
        is_founded: Set(customer.is_founded),
        version: Set(customer.version),
        created_at: Set(customer.created_at.as_millisecond()),
        updated_at: Set(customer.updated_at.as_millisecond()),
    }
}

fn domain(row: Model) -> Result<Customer> {
    let unreadable =
        |what: &str| DatabaseError::Other(format!("customer `{}`: bad {what}", row.id));
    let time = |ms| Timestamp::from_millisecond(ms).map_err(|_| unreadable("time"));
    Ok(Customer {
        id: CustomerId(row.id),
        customer_type: CustomerType::parse(&row.customer_type).map_err(|_| unreadable("type"))?,
        created_at: time(row.created_at)?,
        updated_at: time(row.updated_at)?,
        name: row.name,
        org_number: OrgNumber::stored(row.org_number),
        address: row.address,
        email: row.email,
        phone: row.phone,
        is_active: row.is_active,
        created_by: row.created_by.map(UserId),
        is_founded: row.is_founded,
        version: row.version,
    })
}
