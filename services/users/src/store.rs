//! Rows and queries of accounts, and the only ones. What else there is has files of its own.

mod addresses;
mod grants;
mod letters;
mod links;
mod passkeys;
mod second_factor;
mod setup;
mod sign_in_requests;

use contracts::ids::{CustomerId, UserId};
use database::{Error as DatabaseError, OnConstraint, Tx};
use jiff::Timestamp;
use policies::Reach;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, SelectStatement};
use sea_orm::{Condition, QueryOrder, QuerySelect, Select};
use serde::{Deserialize, Serialize};
use service_kit::paging::Page;

use crate::domain::{Crew, Email, Profile, RoleName, User, UserFilter, UserType};
use crate::error::{Error, Result};

pub use addresses::{is_known_address, note_address, sweep_addresses};
pub use grants::{
    delete_grant, grants_inside, has_administrator, holders_of, insert_grant, is_last_administrator,
};
pub use letters::{
    WaitingLetter, claim_letter, due_letters, finish_letter, insert_letter, insert_reset_request,
    postpone_letter, reset_requests, sweep_letters, take_letter, take_reset_request,
};
pub use links::{delete_stale_links, find_link, replace_link, spend_link, sweep_links};
pub use passkeys::{
    count_passkeys, delete_ceremony_of, delete_passkey, find_passkey, insert_passkey,
    list_passkeys, note_use, rename_passkey, replace_ceremony, sweep_ceremonies, take_ceremony,
};
pub use second_factor::{
    confirm_totp, count_recovery_codes, delete_totp, find_totp, lock_totp, replace_recovery_codes,
    replace_totp, seal_some, update_wrong_tries, use_recovery_code, use_step,
};
pub use setup::{is_setup_token, replace_setup_token, spend_setup_token};
pub use sign_in_requests::{insert_sign_in_request, sign_in_requests, take_sign_in_request};

mod user {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "users")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub email: String,
        pub first_name: String,
        pub last_name: String,
        pub password_hash: String,
        pub user_type: i64,
        pub is_active: bool,
        pub customer_id: Option<Uuid>,
        pub profile: Json,
        pub crew: Option<Json>,
        pub version: i64,
        pub created_at: i64,
        pub updated_at: i64,
        pub email_verified_at: Option<i64>,
        pub password_changed_at: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use user::{ActiveModel, Column, Entity, Model};

/// The column `crew`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CrewColumn {
    category: String,
    skills: Vec<String>,
    phone: Option<String>,
    is_active: bool,
}

/// What signing in needs of an account, and nothing else does.
pub struct Credentials {
    pub user_id: UserId,
    pub password_hash: String,
    pub is_active: bool,
}

/// Whom somebody who looks at a list may see in it.
pub struct Sight {
    pub reach: Reach,
    /// The person who looks.
    pub viewer: Option<UserId>,
}

pub async fn insert_user(tx: &Tx, user: &User, password_hash: &str) -> Result<()> {
    let row = row(user, password_hash)?;
    let inserted = Entity::insert(row).exec_without_returning(tx).await;
    inserted.map(drop).on_constraint("users_email_key", || Error::EmailTaken)
}

pub async fn has_accounts(db: &impl ConnectionTrait) -> Result<bool> {
    Ok(Entity::find().one(db).await?.is_some())
}

pub async fn find_user(db: &impl ConnectionTrait, id: UserId) -> Result<Option<User>> {
    let found = Entity::find_by_id(id.0).one(db).await?;
    Ok(with_grants(db, found.into_iter().collect()).await?.pop())
}

/// One account, which nobody else changes before the transaction ends: neither it nor its roles.
pub async fn lock_user(tx: &Tx, id: UserId) -> Result<Option<User>> {
    let found = Entity::find_by_id(id.0).lock_exclusive().one(tx).await?;
    Ok(with_grants(tx, found.into_iter().collect()).await?.pop())
}

/// Accounts in the order of their ids, one more than the page has.
pub async fn list_users(
    db: &impl ConnectionTrait,
    filter: &UserFilter,
    sight: &Sight,
    page: &Page<UserId>,
) -> Result<Vec<User>> {
    let mut query = matching(filter, sight).order_by_asc(Column::Id).limit(page.limit + 1);
    if let Some(after) = &page.after {
        query = query.filter(Column::Id.gt(after.0));
    }
    with_grants(db, query.all(db).await?).await
}

/// One of the accounts that match, each as likely as any other; `random` chooses.
pub async fn find_random_user(
    db: &impl ConnectionTrait,
    filter: &UserFilter,
    sight: &Sight,
    random: u64,
) -> Result<Option<User>> {
    let query = matching(filter, sight);
    let count = query.clone().count(db).await?;
    let Some(offset) = random.checked_rem(count) else { return Ok(None) };
    let found = query.order_by_asc(Column::Id).offset(offset).one(db).await?;
    Ok(with_grants(db, found.into_iter().collect()).await?.pop())
}

pub async fn find_credentials(
    db: &impl ConnectionTrait,
    email: &Email,
) -> Result<Option<Credentials>> {
    let found = Entity::find().filter(Column::Email.eq(email.as_str())).one(db).await?;
    Ok(found.map(credentials))
}

pub async fn find_credentials_of(
    db: &impl ConnectionTrait,
    id: UserId,
) -> Result<Option<Credentials>> {
    Ok(Entity::find_by_id(id.0).one(db).await?.map(credentials))
}

fn credentials(row: Model) -> Credentials {
    Credentials {
        user_id: UserId(row.id),
        password_hash: row.password_hash,
        is_active: row.is_active,
    }
}

/// When an account's password was last changed, if it ever was.
pub async fn find_password_changed_at(
    db: &impl ConnectionTrait,
    id: UserId,
) -> Result<Option<Timestamp>> {
    let changed_at =
        Entity::find_by_id(id.0).one(db).await?.and_then(|row| row.password_changed_at);
    time(id.0, changed_at)
}

/// Writes a changed account that this transaction has locked.
pub async fn update_user(tx: &Tx, user: &User) -> Result<()> {
    let update = Entity::update_many()
        .col_expr(Column::Email, user.email.as_str().into())
        .col_expr(Column::EmailVerifiedAt, milliseconds(user.email_verified_at).into())
        .col_expr(Column::FirstName, user.first_name.clone().into())
        .col_expr(Column::LastName, user.last_name.clone().into())
        .col_expr(Column::UserType, user.user_type.number().into())
        .col_expr(Column::IsActive, user.is_active.into())
        .col_expr(Column::CustomerId, user.customer_id.map(Uuid::from).into())
        .col_expr(Column::Profile, Expr::value(profile_column(user)?))
        .col_expr(Column::Crew, Expr::value(crew_column(user)?))
        .col_expr(Column::Version, user.version.into())
        .col_expr(Column::UpdatedAt, user.updated_at.as_millisecond().into())
        .filter(Column::Id.eq(user.id.0));
    update.exec(tx).await.map(drop).on_constraint("users_email_key", || Error::EmailTaken)
}

/// Gives an account another password; `false` if the present one is not `present` any more.
pub async fn update_password(
    tx: &Tx,
    id: UserId,
    present: Option<&str>,
    new: &str,
    now: Timestamp,
) -> Result<bool> {
    let present = present.map(|present| Column::PasswordHash.eq(present));
    let updated = Entity::update_many()
        .col_expr(Column::PasswordHash, new.into())
        .col_expr(Column::PasswordChangedAt, now.as_millisecond().into())
        .filter(Condition::all().add(Column::Id.eq(id.0)).add_option(present))
        .exec(tx)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Replaces a password's hash by another one of the same password, if it is still the same.
pub async fn replace_password_hash(tx: &Tx, credentials: &Credentials, hash: &str) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::PasswordHash, hash.into())
        .filter(Column::Id.eq(credentials.user_id.0))
        .filter(Column::PasswordHash.eq(&credentials.password_hash))
        .exec(tx)
        .await?;
    Ok(())
}

/// Deletes an account; its grants go with it.
pub async fn delete_user(tx: &Tx, id: UserId) -> Result<()> {
    Entity::delete_by_id(id.0).exec(tx).await?;
    Ok(())
}

/// Those who have to do with a customer, by their account or by a role, in the order of their ids.
pub async fn people_of(db: &impl ConnectionTrait, customer: CustomerId) -> Result<Vec<UserId>> {
    let belongs = Condition::any()
        .add(Column::CustomerId.eq(customer.0))
        .add(Column::Id.in_subquery(grants_inside(customer)));
    ids(db, Entity::find().filter(belongs)).await
}

/// Those who hold a role anywhere, in the order of their ids.
pub async fn people_holding(db: &impl ConnectionTrait, role: &RoleName) -> Result<Vec<UserId>> {
    ids(db, Entity::find().filter(Column::Id.in_subquery(holders_of(role)))).await
}

async fn ids(db: &impl ConnectionTrait, query: Select<Entity>) -> Result<Vec<UserId>> {
    let query = query.select_only().column(Column::Id).order_by_asc(Column::Id);
    let found: Vec<Uuid> = query.into_tuple().all(db).await?;
    Ok(found.into_iter().map(UserId).collect())
}

fn active_users(ids: SelectStatement) -> Select<Entity> {
    Entity::find().filter(Column::IsActive.eq(true)).filter(Column::Id.in_subquery(ids))
}

fn matching(filter: &UserFilter, sight: &Sight) -> Select<Entity> {
    let email = filter.email.as_ref().map(|email| Column::Email.eq(email.as_str()));
    let role = filter.role.as_ref().map(|role| Column::Id.in_subquery(holders_of(role)));
    let conditions = Condition::all()
        .add(visible(sight))
        .add_option(email)
        .add_option(role)
        .add_option(filter.customer_id.map(|customer| Column::CustomerId.eq(customer.0)))
        .add_option(filter.user_type.map(|user_type| Column::UserType.eq(user_type.number())))
        .add_option(filter.is_active.map(|is_active| Column::IsActive.eq(is_active)));
    Entity::find().filter(conditions)
}

fn visible(sight: &Sight) -> Condition {
    if sight.reach.everywhere {
        return Condition::all();
    }
    let viewer = sight.viewer.filter(|_| sight.reach.itself);
    Condition::any()
        .add(Column::CustomerId.is_in(sight.reach.customers.iter().copied()))
        .add_option(viewer.map(|viewer| Column::Id.eq(viewer.0)))
}

/// Puts the roles to the rows, keeping their order.
async fn with_grants(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<Vec<User>> {
    let mut grants = grants::grants_of(db, rows.iter().map(|row| row.id)).await?;
    let mut users = Vec::with_capacity(rows.len());
    for row in rows {
        let roles = grants.remove(&row.id).unwrap_or_default();
        users.push(User { roles, ..domain(row)? });
    }
    Ok(users)
}

fn row(user: &User, password_hash: &str) -> Result<ActiveModel> {
    Ok(ActiveModel {
        id: Set(user.id.0),
        email: Set(user.email.to_string()),
        first_name: Set(user.first_name.clone()),
        last_name: Set(user.last_name.clone()),
        password_hash: Set(password_hash.to_owned()),
        user_type: Set(user.user_type.number()),
        is_active: Set(user.is_active),
        customer_id: Set(user.customer_id.map(Uuid::from)),
        profile: Set(profile_column(user)?),
        crew: Set(crew_column(user)?),
        version: Set(user.version),
        created_at: Set(user.created_at.as_millisecond()),
        updated_at: Set(user.updated_at.as_millisecond()),
        email_verified_at: Set(milliseconds(user.email_verified_at)),
        password_changed_at: Set(None),
    })
}

fn domain(row: Model) -> Result<User> {
    let unreadable = |what: &str| DatabaseError::Other(format!("user `{}`: bad {what}", row.id));
    let instant = |ms| Timestamp::from_millisecond(ms).map_err(|_| unreadable("time"));
    let (created_at, updated_at) = (instant(row.created_at)?, instant(row.updated_at)?);
    let email_verified_at = time(row.id, row.email_verified_at)?;
    let user_type = UserType::parse(row.user_type).map_err(|_| unreadable("user type"))?;
    let crew = row.crew.map(serde_json::from_value::<CrewColumn>).transpose();
    let crew = crew.map_err(|_| DatabaseError::Other(format!("user `{}`: bad crew", row.id)))?;
    Ok(User {
        id: UserId(row.id),
        email: Email::stored(row.email),
        email_verified_at,
        first_name: row.first_name,
        last_name: row.last_name,
        user_type,
        is_active: row.is_active,
        customer_id: row.customer_id.map(CustomerId),
        roles: vec![],
        crew: crew.map(|CrewColumn { category, skills, phone, is_active }| Crew {
            category,
            skills,
            phone,
            is_active,
        }),
        profile: Profile::stored(row.profile.to_string()),
        version: row.version,
        created_at,
        updated_at,
    })
}

fn milliseconds(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_millisecond)
}

fn time(id: Uuid, ms: Option<i64>) -> Result<Option<Timestamp>> {
    let time = ms.map(Timestamp::from_millisecond).transpose();
    Ok(time.map_err(|_| DatabaseError::Other(format!("user `{id}`: bad time")))?)
}

fn profile_column(user: &User) -> Result<Json> {
    Ok(serde_json::from_str(user.profile.as_str()).map_err(service_kit::Error::internal)?)
}

fn crew_column(user: &User) -> Result<Option<Json>> {
    let column = user.crew.clone().map(|Crew { category, skills, phone, is_active }| {
        serde_json::to_value(CrewColumn { category, skills, phone, is_active })
    });
    Ok(column.transpose().map_err(service_kit::Error::internal)?)
}
