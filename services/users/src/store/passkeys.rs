//! Passkeys, and challenges that wait for their answers.

use contracts::ids::{PasskeyId, UserId};
use database::{Error as DatabaseError, OnConstraint, Tx};
use jiff::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{OnConflict, Query};
use sea_orm::{Condition, QueryOrder};

use crate::domain::{Ceremony, Passkey};
use crate::error::{Error, Result};

/// Sign-ins that wait for an authenticator; anybody can begin one. Those that have waited longest make room, so that
/// a flood shortens the time there is to answer and stops nobody.
pub const SIGN_INS_MAX: u64 = 10_000;
/// How many more than one make room at once: several processes may have let some in together.
const MADE_ROOM_AT_ONCE: u64 = 100;

mod passkey {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "passkey")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub user_id: Uuid,
        pub credential_id: String,
        pub credential: String,
        pub name: String,
        pub created_at: i64,
        pub last_used_at: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod ceremony {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "passkey_ceremony")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub user_id: Option<Uuid>,
        pub state: String,
        pub expires_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use passkey::{ActiveModel, Column, Entity, Model};

pub async fn insert_passkey(tx: &Tx, passkey: &Passkey) -> Result<()> {
    let row = ActiveModel {
        id: Set(passkey.id.0),
        user_id: Set(passkey.user_id.0),
        credential_id: Set(passkey.credential_id.clone()),
        credential: Set(passkey.credential.clone()),
        name: Set(passkey.name.clone()),
        created_at: Set(passkey.created_at.as_millisecond()),
        last_used_at: Set(passkey.last_used_at.map(Timestamp::as_millisecond)),
    };
    let inserted = Entity::insert(row).exec_without_returning(tx).await;
    inserted.map(drop).on_constraint("passkey_credential_id_key", || Error::PasskeyTaken)
}

/// The passkeys of an account, the oldest first.
pub async fn list_passkeys(db: &impl ConnectionTrait, user_id: UserId) -> Result<Vec<Passkey>> {
    let own = Entity::find().filter(Column::UserId.eq(user_id.0)).order_by_asc(Column::Id);
    own.all(db).await?.into_iter().map(domain).collect()
}

pub async fn count_passkeys(db: &impl ConnectionTrait, user_id: UserId) -> Result<u64> {
    Ok(Entity::find().filter(Column::UserId.eq(user_id.0)).count(db).await?)
}

/// The passkey that an authenticator knows by `credential_id`.
pub async fn find_passkey(
    db: &impl ConnectionTrait,
    credential_id: &str,
) -> Result<Option<Passkey>> {
    let found = Entity::find().filter(Column::CredentialId.eq(credential_id)).one(db).await?;
    found.map(domain).transpose()
}

/// Notes that a passkey was used; `false` if it is not any more as it was read: taken away, or used meanwhile.
pub async fn note_use(
    tx: &Tx,
    passkey: &Passkey,
    credential: &str,
    now: Timestamp,
) -> Result<bool> {
    let noted = Entity::update_many()
        .col_expr(Column::Credential, credential.into())
        .col_expr(Column::LastUsedAt, now.as_millisecond().into())
        .filter(Column::Id.eq(passkey.id.0))
        .filter(Column::Credential.eq(&passkey.credential))
        .exec(tx)
        .await?;
    Ok(noted.rows_affected == 1)
}

/// Calls a passkey of an account something else.
pub async fn rename_passkey(
    tx: &Tx,
    user_id: UserId,
    id: PasskeyId,
    name: &str,
) -> Result<Passkey> {
    Entity::update_many()
        .col_expr(Column::Name, name.into())
        .filter(Column::Id.eq(id.0))
        .filter(Column::UserId.eq(user_id.0))
        .exec(tx)
        .await?;
    let own = Entity::find_by_id(id.0).filter(Column::UserId.eq(user_id.0));
    own.one(tx).await?.map(domain).transpose()?.ok_or(Error::PasskeyNotFound(id))
}

/// Takes a passkey from an account; `false` if it has none like that.
pub async fn delete_passkey(tx: &Tx, user_id: UserId, id: PasskeyId) -> Result<bool> {
    let own = Entity::delete_many().filter(Column::UserId.eq(user_id.0));
    Ok(own.filter(Column::Id.eq(id.0)).exec(tx).await?.rows_affected == 1)
}

/// Keeps what a challenge's answer is checked against. An account adds one passkey at a time: a later beginning
/// takes the place of an earlier one.
pub async fn replace_ceremony(tx: &Tx, digest: &str, begun: &Ceremony) -> Result<()> {
    use ceremony::Column;
    let row = ceremony::ActiveModel {
        digest: Set(digest.to_owned()),
        user_id: Set(begun.user_id.map(Uuid::from)),
        state: Set(begun.state.clone()),
        expires_at: Set(begun.expires_at.as_millisecond()),
    };
    let overwrite = OnConflict::column(Column::UserId)
        .update_columns([Column::Digest, Column::State, Column::ExpiresAt])
        .to_owned();
    ceremony::Entity::insert(row).on_conflict(overwrite).exec_without_returning(tx).await?;
    if begun.user_id.is_none() {
        make_room(tx).await?;
    }
    Ok(())
}

async fn make_room(tx: &Tx) -> Result<()> {
    use ceremony::Column;
    let beyond = Query::select()
        .column(Column::Digest)
        .from(ceremony::Entity)
        .and_where(Column::UserId.is_null())
        .order_by(Column::ExpiresAt, sea_orm::Order::Desc)
        .limit(MADE_ROOM_AT_ONCE)
        .offset(SIGN_INS_MAX)
        .to_owned();
    let beyond = Column::Digest.in_subquery(beyond);
    ceremony::Entity::delete_many().filter(beyond).exec(tx).await?;
    Ok(())
}

/// Takes the ceremony of a challenge, for whoever began it; nothing if it was taken, is over, or is somebody else's.
/// Of several who try at the same time one finds something to delete.
pub async fn take_ceremony(
    tx: &Tx,
    digest: &str,
    user_id: Option<UserId>,
    now: Timestamp,
) -> Result<Option<String>> {
    use ceremony::Column;
    let whose = match user_id {
        Some(id) => Column::UserId.eq(id.0),
        None => Column::UserId.is_null(),
    };
    let is_it = Condition::all()
        .add(Column::Digest.eq(digest))
        .add(whose)
        .add(Column::ExpiresAt.gt(now.as_millisecond()));
    let found = ceremony::Entity::find().filter(is_it.clone()).one(tx).await?;
    let taken = ceremony::Entity::delete_many().filter(is_it).exec(tx).await?;
    Ok(found.filter(|_| taken.rows_affected == 1).map(|row| row.state))
}

/// Makes the challenge that an account waits for to add a passkey dead.
pub async fn delete_ceremony_of(tx: &Tx, user_id: UserId) -> Result<()> {
    let own = ceremony::Column::UserId.eq(user_id.0);
    ceremony::Entity::delete_many().filter(own).exec(tx).await?;
    Ok(())
}

/// Forgets challenges that nobody has answered in time.
pub async fn sweep_ceremonies(tx: &Tx, now: Timestamp) -> Result<()> {
    let is_over = ceremony::Column::ExpiresAt.lte(now.as_millisecond());
    ceremony::Entity::delete_many().filter(is_over).exec(tx).await?;
    Ok(())
}

fn domain(row: Model) -> Result<Passkey> {
    let time = |ms| {
        Timestamp::from_millisecond(ms)
            .map_err(|_| DatabaseError::Other(format!("passkey `{}`: bad time", row.id)))
    };
    Ok(Passkey {
        id: PasskeyId(row.id),
        user_id: UserId(row.user_id),
        created_at: time(row.created_at)?,
        last_used_at: row.last_used_at.map(time).transpose()?,
        credential_id: row.credential_id,
        credential: row.credential,
        name: row.name,
    })
}
