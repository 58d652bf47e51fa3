//! Rows and queries of sessions and of what was revoked; those of tokens, keys, clients and grants are in the files below.

pub mod clients;
pub mod grants;
pub mod keys;
pub mod logouts;
pub mod refresh_tokens;

use contracts::ids::{CustomerId, SessionId, UserId};
use contracts::messages::{HeldRole, UserUpdated};
use database::{Error as DatabaseError, Tx};
use jiff::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{QueryOrder, QuerySelect};

use crate::domain::client::{join_scopes, parse_scopes};
use crate::domain::demands::SingleClaims;
use crate::domain::{Account, Revocations, Session};
use crate::error::Result;

mod session {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "session")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub session_id: Uuid,
        pub user_id: Uuid,
        pub email: String,
        pub customer_id: Option<Uuid>,
        pub roles: Json,
        pub roles_as_of: i64,
        pub user_agent: String,
        pub created_at: i64,
        pub last_used_at: i64,
        pub expires_at: i64,
        pub ended_at: Option<i64>,
        pub client_id: String,
        pub parent_id: Option<Uuid>,
        pub scope: String,
        pub authenticated_at: i64,
        pub amr: String,
        pub first_name: String,
        pub last_name: String,
        pub email_verified: bool,
        pub cookie_digest: Option<String>,
        pub single_claims: String,
        pub key_thumbprint: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod revoked_user {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "revoked_user")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        pub before_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod changed_roles {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "changed_roles")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        pub changed_at: i64,
        pub roles: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub async fn insert_session(tx: &Tx, session: &Session) -> Result<()> {
    let row = session::ActiveModel {
        session_id: Set(session.id.0),
        user_id: Set(session.account.user_id.0),
        email: Set(session.account.email.clone()),
        customer_id: Set(session.account.customer_id.map(Uuid::from)),
        roles: Set(json(&session.account.roles)),
        roles_as_of: Set(session.roles_as_of.as_millisecond()),
        user_agent: Set(session.user_agent.clone()),
        created_at: Set(session.created_at.as_millisecond()),
        last_used_at: Set(session.last_used_at.as_millisecond()),
        expires_at: Set(session.expires_at.as_millisecond()),
        ended_at: Set(None),
        client_id: Set(session.client_id.clone()),
        parent_id: Set(session.parent_id.map(|id| id.0)),
        scope: Set(join_scopes(&session.scopes)),
        authenticated_at: Set(session.authenticated_at.as_millisecond()),
        amr: Set(session.amr.join(" ")),
        first_name: Set(session.account.first_name.clone()),
        last_name: Set(session.account.last_name.clone()),
        email_verified: Set(session.account.email_verified),
        cookie_digest: Set(None),
        single_claims: Set(session.single_claims.to_text()),
        key_thumbprint: Set(session.key_thumbprint.clone()),
    };
    session::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// A session that has neither ended nor expired.
pub async fn find_live_session(
    db: &impl ConnectionTrait,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<Session>> {
    let found = session::Entity::find_by_id(id.0)
        .filter(session::Column::EndedAt.is_null())
        .filter(session::Column::ExpiresAt.gt(now.as_millisecond()))
        .one(db)
        .await?;
    found.map(domain).transpose()
}

/// The live session of a browser that shows this cookie.
pub async fn find_session_of_cookie(
    db: &impl ConnectionTrait,
    digest: &str,
    now: Timestamp,
) -> Result<Option<Session>> {
    let found = session::Entity::find()
        .filter(session::Column::CookieDigest.eq(digest))
        .filter(session::Column::EndedAt.is_null())
        .filter(session::Column::ExpiresAt.gt(now.as_millisecond()))
        .one(db)
        .await?;
    found.map(domain).transpose()
}

/// Gives a session the cookie by which its browser is known at the sign-in pages.
pub async fn set_cookie_digest(tx: &Tx, id: SessionId, digest: &str) -> Result<()> {
    session::Entity::update_many()
        .col_expr(session::Column::CookieDigest, digest.into())
        .filter(session::Column::SessionId.eq(id.0))
        .exec(tx)
        .await?;
    Ok(())
}

/// The user has proved again who it is: what the session says of the account is of now.
pub async fn renew_authentication(tx: &Tx, session: &Session) -> Result<()> {
    use session::Column;
    let Session { account, authenticated_at, .. } = session;
    session::Entity::update_many()
        .col_expr(Column::AuthenticatedAt, authenticated_at.as_millisecond().into())
        .col_expr(Column::LastUsedAt, authenticated_at.as_millisecond().into())
        .col_expr(Column::Amr, session.amr.join(" ").into())
        .col_expr(Column::Email, account.email.as_str().into())
        .col_expr(Column::FirstName, account.first_name.as_str().into())
        .col_expr(Column::LastName, account.last_name.as_str().into())
        .col_expr(Column::EmailVerified, account.email_verified.into())
        .filter(Column::SessionId.eq(session.id.0))
        .exec(tx)
        .await?;
    Ok(())
}

/// The live sessions of clients that follow from a browser's session.
pub async fn list_live_children(
    db: &impl ConnectionTrait,
    parent_id: SessionId,
    now: Timestamp,
) -> Result<Vec<Session>> {
    let rows = session::Entity::find()
        .filter(session::Column::ParentId.eq(parent_id.0))
        .filter(session::Column::EndedAt.is_null())
        .filter(session::Column::ExpiresAt.gt(now.as_millisecond()))
        .all(db)
        .await?;
    rows.into_iter().map(domain).collect()
}

/// Every live session of a user, those of clients too.
pub async fn list_live_sessions_of_user(
    db: &impl ConnectionTrait,
    user_id: UserId,
    now: Timestamp,
) -> Result<Vec<Session>> {
    let rows = session::Entity::find()
        .filter(session::Column::UserId.eq(user_id.0))
        .filter(session::Column::EndedAt.is_null())
        .filter(session::Column::ExpiresAt.gt(now.as_millisecond()))
        .all(db)
        .await?;
    rows.into_iter().map(domain).collect()
}

/// The live sessions of a client, of one user or of all.
pub async fn list_live_sessions_of_client(
    db: &impl ConnectionTrait,
    client_id: &str,
    user_id: Option<UserId>,
    now: Timestamp,
) -> Result<Vec<Session>> {
    let mut query = session::Entity::find()
        .filter(session::Column::ClientId.eq(client_id))
        .filter(session::Column::EndedAt.is_null())
        .filter(session::Column::ExpiresAt.gt(now.as_millisecond()));
    if let Some(user_id) = user_id {
        query = query.filter(session::Column::UserId.eq(user_id.0));
    }
    query.all(db).await?.into_iter().map(domain).collect()
}

/// A user's live sessions, the latest first.
pub async fn list_live_sessions(
    db: &impl ConnectionTrait,
    user_id: UserId,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<Session>> {
    let rows = session::Entity::find()
        .filter(session::Column::UserId.eq(user_id.0))
        .filter(session::Column::ParentId.is_null())
        .filter(session::Column::EndedAt.is_null())
        .filter(session::Column::ExpiresAt.gt(now.as_millisecond()))
        .order_by_desc(session::Column::SessionId)
        .limit(limit)
        .all(db)
        .await?;
    rows.into_iter().map(domain).collect()
}

pub async fn touch_session(tx: &Tx, id: SessionId, now: Timestamp) -> Result<()> {
    session::Entity::update_many()
        .col_expr(session::Column::LastUsedAt, now.as_millisecond().into())
        .filter(session::Column::SessionId.eq(id.0))
        .exec(tx)
        .await?;
    Ok(())
}

/// Ends a live session; `false` if it was over already.
pub async fn end_session(tx: &Tx, id: SessionId, now: Timestamp) -> Result<bool> {
    let ended = session::Entity::update_many()
        .col_expr(session::Column::EndedAt, now.as_millisecond().into())
        .filter(session::Column::SessionId.eq(id.0))
        .filter(session::Column::EndedAt.is_null())
        .exec(tx)
        .await?;
    Ok(ended.rows_affected == 1)
}

pub async fn end_sessions_of_user(tx: &Tx, user_id: UserId, now: Timestamp) -> Result<()> {
    session::Entity::update_many()
        .col_expr(session::Column::EndedAt, now.as_millisecond().into())
        .filter(session::Column::UserId.eq(user_id.0))
        .filter(session::Column::EndedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// The sessions of a user that were ended at that very moment.
pub async fn list_sessions_ended_at(
    db: &impl ConnectionTrait,
    user_id: UserId,
    at: Timestamp,
) -> Result<Vec<Session>> {
    let rows = session::Entity::find()
        .filter(session::Column::UserId.eq(user_id.0))
        .filter(session::Column::EndedAt.eq(at.as_millisecond()))
        .all(db)
        .await?;
    rows.into_iter().map(domain).collect()
}

/// Whether a client has another live session below a browser's.
pub async fn has_live_sibling(
    db: &impl ConnectionTrait,
    session: &Session,
    now: Timestamp,
) -> Result<bool> {
    let siblings = session::Entity::find()
        .filter(session::Column::ParentId.eq(session.browser_id().0))
        .filter(session::Column::ClientId.eq(&session.client_id))
        .filter(session::Column::EndedAt.is_null())
        .filter(session::Column::ExpiresAt.gt(now.as_millisecond()));
    Ok(siblings.one(db).await?.is_some())
}

/// Updates what the sessions of a user know of the roles, unless they know newer ones.
pub async fn update_roles_in_sessions(
    tx: &Tx,
    user_id: UserId,
    roles: &[HeldRole],
    as_of: Timestamp,
) -> Result<()> {
    session::Entity::update_many()
        .col_expr(session::Column::Roles, Expr::value(json(roles)))
        .col_expr(session::Column::RolesAsOf, as_of.as_millisecond().into())
        .filter(session::Column::UserId.eq(user_id.0))
        .filter(session::Column::RolesAsOf.lt(as_of.as_millisecond()))
        .exec(tx)
        .await?;
    Ok(())
}

pub async fn update_account_in_sessions(tx: &Tx, account: &UserUpdated) -> Result<()> {
    use session::Column;
    session::Entity::update_many()
        .col_expr(Column::Email, account.email.as_str().into())
        .col_expr(Column::FirstName, account.first_name.as_str().into())
        .col_expr(Column::LastName, account.last_name.as_str().into())
        .col_expr(Column::CustomerId, Expr::value(account.customer_id.map(Uuid::from)))
        .filter(Column::UserId.eq(account.user_id.0))
        .exec(tx)
        .await?;
    Ok(())
}

pub async fn upsert_revoked_user(tx: &Tx, user_id: UserId, before: Timestamp) -> Result<()> {
    let row = revoked_user::ActiveModel {
        user_id: Set(user_id.0),
        before_at: Set(before.as_millisecond()),
    };
    let overwrite = OnConflict::column(revoked_user::Column::UserId)
        .update_column(revoked_user::Column::BeforeAt)
        .to_owned();
    revoked_user::Entity::insert(row).on_conflict(overwrite).exec_without_returning(tx).await?;
    Ok(())
}

/// Whether tokens issued to the user at that moment are dead.
pub async fn is_user_revoked(
    db: &impl ConnectionTrait,
    user_id: UserId,
    issued_at_ms: i64,
) -> Result<bool> {
    let found = revoked_user::Entity::find_by_id(user_id.0).one(db).await?;
    Ok(found.is_some_and(|row| issued_at_ms < row.before_at))
}

/// Remembers a change of roles, unless a newer one is known.
pub async fn upsert_changed_roles(
    tx: &Tx,
    user_id: UserId,
    roles: &[HeldRole],
    changed_at: Timestamp,
) -> Result<()> {
    use changed_roles::Column;
    let row = changed_roles::ActiveModel {
        user_id: Set(user_id.0),
        changed_at: Set(changed_at.as_millisecond()),
        roles: Set(json(roles)),
    };
    let known = Expr::col((changed_roles::Entity, Column::ChangedAt));
    let overwrite_older = OnConflict::column(Column::UserId)
        .update_columns([Column::ChangedAt, Column::Roles])
        .action_and_where(known.lt(changed_at.as_millisecond()))
        .to_owned();
    changed_roles::Entity::insert(row)
        .on_conflict(overwrite_older)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Everything since a moment that tokens issued before it do not know.
pub async fn list_revocations(db: &impl ConnectionTrait, since: Timestamp) -> Result<Revocations> {
    let since = since.as_millisecond();
    let ended = session::Entity::find().filter(session::Column::EndedAt.gt(since)).all(db).await?;
    let revoked = revoked_user::Entity::find()
        .filter(revoked_user::Column::BeforeAt.gt(since))
        .all(db)
        .await?;
    let changed = changed_roles::Entity::find()
        .filter(changed_roles::Column::ChangedAt.gt(since))
        .all(db)
        .await?;
    let mut revocations = Revocations::default();
    for row in ended {
        let at = timestamp(row.ended_at.unwrap_or_default())?;
        revocations.ended_sessions.push((SessionId(row.session_id), at));
    }
    for row in revoked {
        revocations.revoked_users.push((UserId(row.user_id), timestamp(row.before_at)?));
    }
    for row in changed {
        let roles = roles(row.roles)?;
        revocations.changed_roles.push((UserId(row.user_id), timestamp(row.changed_at)?, roles));
    }
    Ok(revocations)
}

/// Forgets sessions that were over before a moment, with their refresh tokens, and older revocations.
pub async fn sweep(tx: &Tx, before: Timestamp) -> Result<()> {
    let before = before.as_millisecond();
    let over = session::Column::ExpiresAt.lt(before).or(session::Column::EndedAt.lt(before));
    let sessions = Query::select()
        .column(session::Column::SessionId)
        .from(session::Entity)
        .cond_where(over.clone())
        .to_owned();
    refresh_tokens::delete_refresh_tokens(tx, sessions).await?;
    session::Entity::delete_many().filter(over).exec(tx).await?;
    let revoked = revoked_user::Column::BeforeAt.lt(before);
    revoked_user::Entity::delete_many().filter(revoked).exec(tx).await?;
    let changed = changed_roles::Column::ChangedAt.lt(before);
    changed_roles::Entity::delete_many().filter(changed).exec(tx).await?;
    Ok(())
}

fn domain(row: session::Model) -> Result<Session> {
    Ok(Session {
        id: SessionId(row.session_id),
        account: Account {
            user_id: UserId(row.user_id),
            email: row.email,
            customer_id: row.customer_id.map(CustomerId),
            roles: roles(row.roles)?,
            first_name: row.first_name,
            last_name: row.last_name,
            email_verified: row.email_verified,
        },
        roles_as_of: timestamp(row.roles_as_of)?,
        user_agent: row.user_agent,
        created_at: timestamp(row.created_at)?,
        last_used_at: timestamp(row.last_used_at)?,
        expires_at: timestamp(row.expires_at)?,
        client_id: row.client_id,
        parent_id: row.parent_id.map(SessionId),
        scopes: parse_scopes(&row.scope),
        authenticated_at: timestamp(row.authenticated_at)?,
        amr: row.amr.split(' ').map(str::to_owned).collect(),
        single_claims: SingleClaims::parse(&row.single_claims),
        key_thumbprint: row.key_thumbprint,
    })
}

fn json(roles: &[HeldRole]) -> Json {
    // A list of plain structs has no way to fail.
    serde_json::to_value(roles).unwrap_or_default()
}

fn roles(json: Json) -> Result<Vec<HeldRole>> {
    let read = serde_json::from_value(json);
    Ok(read.map_err(|error| DatabaseError::Other(format!("roles of a session: {error}")))?)
}

fn timestamp(ms: i64) -> Result<Timestamp> {
    Ok(Timestamp::from_millisecond(ms).map_err(|error| DatabaseError::Other(error.to_string()))?)
}
