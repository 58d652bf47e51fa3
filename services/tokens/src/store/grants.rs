//! Rows and queries of what is on its way between users and clients: pushed requests, codes, device codes,
//! consents, and the ids of assertions that have been used.

use contracts::ids::{SessionId, UserId};
use database::Tx;
use jiff::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{QueryOrder, QuerySelect};

use super::timestamp;
use crate::domain::authorization::{AuthorizationCode, Consent, Parameters};
use crate::domain::client::{join_scopes, parse_scopes};
use crate::domain::demands::{Assurance, SingleClaims};
use crate::domain::device::{DeviceCode, DeviceState};
use crate::error::Result;

mod pushed_request {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "pushed_request")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub client_id: String,
        pub parameters: Json,
        pub expires_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod authorization_code {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "authorization_code")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub client_id: String,
        pub session_id: Uuid,
        pub redirect_uri: String,
        pub scope: String,
        pub nonce: Option<String>,
        pub challenge: String,
        pub expires_at: i64,
        pub spent_at: Option<i64>,
        pub granted_session_id: Option<Uuid>,
        pub single_claims: String,
        pub assurance: String,
        pub key_thumbprint: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod consent {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "consent")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub client_id: String,
        pub client_name: String,
        pub scope: String,
        pub given_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod device_code {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "device_code")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub user_code: String,
        pub client_id: String,
        pub scope: String,
        pub state: String,
        pub session_id: Option<Uuid>,
        pub polled_at: i64,
        pub interval_seconds: i64,
        pub expires_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod used_assertion {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "used_assertion")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub expires_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub async fn insert_pushed_request(
    tx: &Tx,
    digest: &str,
    client_id: &str,
    parameters: &Parameters,
    expires_at: Timestamp,
) -> Result<()> {
    let row = pushed_request::ActiveModel {
        digest: Set(digest.to_owned()),
        client_id: Set(client_id.to_owned()),
        // Pairs of texts have no way to fail.
        parameters: Set(serde_json::to_value(parameters.pairs()).unwrap_or_default()),
        expires_at: Set(expires_at.as_millisecond()),
    };
    pushed_request::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// The parameters that a client has pushed and that have not run out.
pub async fn find_pushed_request(
    db: &impl ConnectionTrait,
    digest: &str,
    client_id: &str,
    now: Timestamp,
) -> Result<Option<Parameters>> {
    let found = pushed_request::Entity::find_by_id(digest)
        .filter(pushed_request::Column::ClientId.eq(client_id))
        .filter(pushed_request::Column::ExpiresAt.gt(now.as_millisecond()))
        .one(db)
        .await?;
    let pairs = found.and_then(|row| serde_json::from_value(row.parameters).ok());
    Ok(pairs.and_then(|pairs| Parameters::new(pairs).ok()))
}

/// A pushed request leads to one code (RFC 9126, section 4).
pub async fn delete_pushed_request(tx: &Tx, digest: &str) -> Result<()> {
    pushed_request::Entity::delete_by_id(digest).exec(tx).await?;
    Ok(())
}

pub async fn insert_code(tx: &Tx, code: &AuthorizationCode) -> Result<()> {
    let row = authorization_code::ActiveModel {
        digest: Set(code.digest.clone()),
        client_id: Set(code.client_id.clone()),
        session_id: Set(code.session_id.0),
        redirect_uri: Set(code.redirect_uri.clone()),
        scope: Set(join_scopes(&code.scopes)),
        nonce: Set(code.nonce.clone()),
        challenge: Set(code.challenge.clone()),
        expires_at: Set(code.expires_at.as_millisecond()),
        spent_at: Set(None),
        granted_session_id: Set(None),
        single_claims: Set(code.single_claims.to_text()),
        assurance: Set(code.assurance.as_str().to_owned()),
        key_thumbprint: Set(code.key_thumbprint.clone()),
    };
    authorization_code::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// A code, and the session that it was spent for.
pub async fn find_code(
    db: &impl ConnectionTrait,
    digest: &str,
) -> Result<Option<(AuthorizationCode, Option<SessionId>)>> {
    let Some(row) = authorization_code::Entity::find_by_id(digest).one(db).await? else {
        return Ok(None);
    };
    let granted = row.granted_session_id.map(SessionId);
    let code = AuthorizationCode {
        digest: row.digest,
        client_id: row.client_id,
        session_id: SessionId(row.session_id),
        redirect_uri: row.redirect_uri,
        scopes: parse_scopes(&row.scope),
        nonce: row.nonce,
        challenge: row.challenge,
        single_claims: SingleClaims::parse(&row.single_claims),
        // What cannot be read promises nothing.
        assurance: Assurance::parse(&row.assurance).unwrap_or(Assurance::OneFactor),
        key_thumbprint: row.key_thumbprint,
        expires_at: timestamp(row.expires_at)?,
    };
    Ok(Some((code, granted)))
}

/// Spends a code for a session; `false` if it has been spent before. Of many at once, one wins.
pub async fn spend_code(tx: &Tx, digest: &str, granted: SessionId, now: Timestamp) -> Result<bool> {
    let spent = authorization_code::Entity::update_many()
        .col_expr(authorization_code::Column::SpentAt, now.as_millisecond().into())
        .col_expr(authorization_code::Column::GrantedSessionId, Expr::value(granted.0))
        .filter(authorization_code::Column::Digest.eq(digest))
        .filter(authorization_code::Column::SpentAt.is_null())
        .exec(tx)
        .await?;
    Ok(spent.rows_affected == 1)
}

/// Remembers what a user allows a client; a later consent takes the place of an earlier one.
pub async fn upsert_consent(tx: &Tx, user_id: UserId, consent: &Consent) -> Result<()> {
    use consent::Column;
    let row = consent::ActiveModel {
        user_id: Set(user_id.0),
        client_id: Set(consent.client_id.clone()),
        client_name: Set(consent.client_name.clone()),
        scope: Set(consent.scope()),
        given_at: Set(consent.given_at.as_millisecond()),
    };
    let overwrite = OnConflict::columns([Column::UserId, Column::ClientId])
        .update_columns([Column::ClientName, Column::Scope, Column::GivenAt])
        .to_owned();
    consent::Entity::insert(row).on_conflict(overwrite).exec_without_returning(tx).await?;
    Ok(())
}

pub async fn find_consent(
    db: &impl ConnectionTrait,
    user_id: UserId,
    client_id: &str,
) -> Result<Option<Consent>> {
    let found = consent::Entity::find_by_id((user_id.0, client_id.to_owned())).one(db).await?;
    found.map(consent_of).transpose()
}

/// What a user has allowed, the latest first.
pub async fn list_consents(
    db: &impl ConnectionTrait,
    user_id: UserId,
    limit: u64,
) -> Result<Vec<Consent>> {
    let rows = consent::Entity::find()
        .filter(consent::Column::UserId.eq(user_id.0))
        .order_by_desc(consent::Column::GivenAt)
        .limit(limit)
        .all(db)
        .await?;
    rows.into_iter().map(consent_of).collect()
}

/// Withdraws a consent; `false` if there was none.
pub async fn delete_consent(tx: &Tx, user_id: UserId, client_id: &str) -> Result<bool> {
    let key = (user_id.0, client_id.to_owned());
    Ok(consent::Entity::delete_by_id(key).exec(tx).await?.rows_affected == 1)
}

/// A user is gone, or a client is.
pub async fn delete_consents_of_user(tx: &Tx, user_id: UserId) -> Result<()> {
    consent::Entity::delete_many().filter(consent::Column::UserId.eq(user_id.0)).exec(tx).await?;
    Ok(())
}

pub async fn delete_consents_of_client(tx: &Tx, client_id: &str) -> Result<()> {
    consent::Entity::delete_many().filter(consent::Column::ClientId.eq(client_id)).exec(tx).await?;
    Ok(())
}

pub async fn insert_device_code(tx: &Tx, code: &DeviceCode) -> Result<()> {
    let row = device_code::ActiveModel {
        digest: Set(code.digest.clone()),
        user_code: Set(code.user_code.clone()),
        client_id: Set(code.client_id.clone()),
        scope: Set(join_scopes(&code.scopes)),
        state: Set(code.state.as_str().to_owned()),
        session_id: Set(None),
        polled_at: Set(0),
        interval_seconds: Set(code.interval_seconds),
        expires_at: Set(code.expires_at.as_millisecond()),
    };
    device_code::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

pub async fn find_device_code(
    db: &impl ConnectionTrait,
    digest: &str,
) -> Result<Option<DeviceCode>> {
    device_code::Entity::find_by_id(digest).one(db).await?.map(device_code_of).transpose()
}

/// The code that somebody types, while it waits for an answer.
pub async fn find_waiting_device_code(
    db: &impl ConnectionTrait,
    user_code: &str,
    now: Timestamp,
) -> Result<Option<DeviceCode>> {
    let found = device_code::Entity::find()
        .filter(device_code::Column::UserCode.eq(user_code))
        .filter(device_code::Column::State.eq(DeviceState::Waiting.as_str()))
        .filter(device_code::Column::ExpiresAt.gt(now.as_millisecond()))
        .one(db)
        .await?;
    found.map(device_code_of).transpose()
}

/// Moves a device code from one state to another; `false` if it was not in the first any more.
pub async fn change_device_state(
    tx: &Tx,
    digest: &str,
    (from, to): (DeviceState, DeviceState),
    session_id: Option<SessionId>,
) -> Result<bool> {
    let changed = device_code::Entity::update_many()
        .col_expr(device_code::Column::State, to.as_str().into())
        .col_expr(device_code::Column::SessionId, Expr::value(session_id.map(|id| id.0)))
        .filter(device_code::Column::Digest.eq(digest))
        .filter(device_code::Column::State.eq(from.as_str()))
        .exec(tx)
        .await?;
    Ok(changed.rows_affected == 1)
}

/// Notes that a device has asked, and how long it has to wait from now on.
pub async fn note_poll(tx: &Tx, digest: &str, interval: i64, now: Timestamp) -> Result<()> {
    device_code::Entity::update_many()
        .col_expr(device_code::Column::PolledAt, now.as_millisecond().into())
        .col_expr(device_code::Column::IntervalSeconds, interval.into())
        .filter(device_code::Column::Digest.eq(digest))
        .exec(tx)
        .await?;
    Ok(())
}

/// Uses the id of an assertion; `false` if it has been used before.
pub async fn use_assertion(tx: &Tx, digest: &str, expires_at: Timestamp) -> Result<bool> {
    let row = used_assertion::ActiveModel {
        digest: Set(digest.to_owned()),
        expires_at: Set(expires_at.as_millisecond()),
    };
    let again = OnConflict::column(used_assertion::Column::Digest).do_nothing().to_owned();
    let inserted = used_assertion::Entity::insert(row).on_conflict(again);
    Ok(inserted.exec_without_returning(tx).await? == 1)
}

/// Forgets what ran out before a moment.
pub async fn sweep_grants(tx: &Tx, before: Timestamp) -> Result<()> {
    let before = before.as_millisecond();
    let pushed = pushed_request::Column::ExpiresAt.lt(before);
    pushed_request::Entity::delete_many().filter(pushed).exec(tx).await?;
    let codes = authorization_code::Column::ExpiresAt.lt(before);
    authorization_code::Entity::delete_many().filter(codes).exec(tx).await?;
    let devices = device_code::Column::ExpiresAt.lt(before);
    device_code::Entity::delete_many().filter(devices).exec(tx).await?;
    let assertions = used_assertion::Column::ExpiresAt.lt(before);
    used_assertion::Entity::delete_many().filter(assertions).exec(tx).await?;
    Ok(())
}

fn consent_of(row: consent::Model) -> Result<Consent> {
    Ok(Consent {
        client_id: row.client_id,
        client_name: row.client_name,
        scopes: parse_scopes(&row.scope),
        given_at: timestamp(row.given_at)?,
    })
}

fn device_code_of(row: device_code::Model) -> Result<DeviceCode> {
    Ok(DeviceCode {
        digest: row.digest,
        user_code: row.user_code,
        client_id: row.client_id,
        scopes: parse_scopes(&row.scope),
        state: DeviceState::parse(&row.state),
        session_id: row.session_id.map(SessionId),
        polled_at: timestamp(row.polled_at)?,
        interval_seconds: row.interval_seconds,
        expires_at: timestamp(row.expires_at)?,
    })
}
