//! Rows and queries of clients and their secrets.

use contracts::ids::CustomerId;
use database::{Error as DatabaseError, Tx};
use identity::SigningAlgorithm;
use jiff::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{QueryOrder, QuerySelect};

use super::timestamp;
use crate::domain::client::{
    Authentication, Client, ClientId, GrantType, Metadata, join_scopes, parse_scopes,
};
use crate::error::Result;

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "client")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub client_id: Uuid,
        pub name: String,
        pub authentication: String,
        pub grants: String,
        pub scope: String,
        pub redirect_uris: Json,
        pub post_logout_redirect_uris: Json,
        pub id_token_algorithm: String,
        pub key_set: Option<String>,
        pub permissions: Json,
        pub customer_id: Option<Uuid>,
        pub is_first_party: bool,
        pub is_active: bool,
        pub created_at: i64,
        pub updated_at: i64,
        pub version: i64,
        pub backchannel_logout_uri: Option<String>,
        pub backchannel_logout_session_required: bool,
        pub is_bound_to_key: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod secret {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "client_secret")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub client_id: Uuid,
        pub created_at: i64,
        pub expires_at: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity, Model};

pub async fn insert_client(tx: &Tx, client: &Client) -> Result<()> {
    Entity::insert(active_model(client)).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes a changed client over the version that was read; `false` if it has changed since.
pub async fn update_client(tx: &Tx, client: &Client, seen: i64) -> Result<bool> {
    let updated = Entity::update_many()
        .set(active_model(client))
        .filter(Column::ClientId.eq(client.id.0))
        .filter(Column::Version.eq(seen))
        .exec(tx)
        .await?;
    Ok(updated.rows_affected == 1)
}

pub async fn delete_client(tx: &Tx, id: ClientId) -> Result<()> {
    secret::Entity::delete_many().filter(secret::Column::ClientId.eq(id.0)).exec(tx).await?;
    Entity::delete_by_id(id.0).exec(tx).await?;
    Ok(())
}

pub async fn find_client(db: &impl ConnectionTrait, id: ClientId) -> Result<Option<Client>> {
    Entity::find_by_id(id.0).one(db).await?.map(domain).transpose()
}

/// Every client, the latest first.
pub async fn list_clients(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<Client>> {
    let rows = Entity::find().order_by_desc(Column::ClientId).limit(limit).all(db).await?;
    rows.into_iter().map(domain).collect()
}

/// Stores a secret, by its digest.
pub async fn insert_secret(tx: &Tx, id: ClientId, digest: &str, now: Timestamp) -> Result<()> {
    let row = secret::ActiveModel {
        digest: Set(digest.to_owned()),
        client_id: Set(id.0),
        created_at: Set(now.as_millisecond()),
        expires_at: Set(None),
    };
    secret::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Lets the secrets that a client has run out, those sooner that do so anyway.
pub async fn expire_secrets(tx: &Tx, id: ClientId, at: Timestamp) -> Result<()> {
    let at = at.as_millisecond();
    let longer = secret::Column::ExpiresAt.is_null().or(secret::Column::ExpiresAt.gt(at));
    secret::Entity::update_many()
        .col_expr(secret::Column::ExpiresAt, Expr::value(at))
        .filter(secret::Column::ClientId.eq(id.0))
        .filter(longer)
        .exec(tx)
        .await?;
    Ok(())
}

/// Whether a client has a secret with this digest that has not run out.
pub async fn has_secret(
    db: &impl ConnectionTrait,
    id: ClientId,
    digest: &str,
    now: Timestamp,
) -> Result<bool> {
    let found = secret::Entity::find_by_id(digest).one(db).await?;
    let is_good = |row: secret::Model| {
        row.client_id == id.0 && row.expires_at.is_none_or(|at| at > now.as_millisecond())
    };
    Ok(found.is_some_and(is_good))
}

/// Forgets secrets that ran out before a moment.
pub async fn sweep_secrets(tx: &Tx, before: Timestamp) -> Result<()> {
    let over = secret::Column::ExpiresAt.lt(before.as_millisecond());
    secret::Entity::delete_many().filter(over).exec(tx).await?;
    Ok(())
}

fn active_model(client: &Client) -> ActiveModel {
    let metadata = &client.metadata;
    let grants: Vec<&str> = metadata.grants.iter().map(|grant| grant.as_str()).collect();
    ActiveModel {
        client_id: Set(client.id.0),
        name: Set(metadata.name.clone()),
        authentication: Set(metadata.authentication.as_str().to_owned()),
        grants: Set(grants.join(" ")),
        scope: Set(join_scopes(&metadata.scopes)),
        redirect_uris: Set(metadata.redirect_uris.clone().into()),
        post_logout_redirect_uris: Set(metadata.post_logout_redirect_uris.clone().into()),
        id_token_algorithm: Set(metadata.id_token_algorithm.as_str().to_owned()),
        key_set: Set(metadata.key_set.clone()),
        permissions: Set(metadata.permissions.iter().cloned().collect::<Vec<_>>().into()),
        customer_id: Set(metadata.customer_id.map(Uuid::from)),
        is_first_party: Set(metadata.is_first_party),
        is_active: Set(metadata.is_active),
        created_at: Set(client.created_at.as_millisecond()),
        updated_at: Set(client.updated_at.as_millisecond()),
        version: Set(client.version),
        backchannel_logout_uri: Set(metadata.backchannel_logout_uri.clone()),
        backchannel_logout_session_required: Set(metadata.backchannel_logout_session_required),
        is_bound_to_key: Set(metadata.is_bound_to_key),
    }
}

fn domain(row: Model) -> Result<Client> {
    let unreadable = |what: &str| DatabaseError::Other(format!("{what} of a client"));
    let algorithm = SigningAlgorithm::parse(&row.id_token_algorithm);
    let authentication = Authentication::parse(&row.authentication);
    let metadata = Metadata {
        name: row.name,
        authentication: authentication.ok_or_else(|| unreadable("authentication"))?,
        grants: row.grants.split(' ').filter_map(GrantType::parse).collect(),
        scopes: parse_scopes(&row.scope),
        redirect_uris: texts(row.redirect_uris)?,
        post_logout_redirect_uris: texts(row.post_logout_redirect_uris)?,
        id_token_algorithm: algorithm.ok_or_else(|| unreadable("algorithm"))?,
        key_set: row.key_set,
        permissions: texts(row.permissions)?.into_iter().collect(),
        customer_id: row.customer_id.map(CustomerId),
        is_first_party: row.is_first_party,
        is_active: row.is_active,
        backchannel_logout_uri: row.backchannel_logout_uri,
        backchannel_logout_session_required: row.backchannel_logout_session_required,
        is_bound_to_key: row.is_bound_to_key,
    };
    Ok(Client {
        id: ClientId(row.client_id),
        metadata,
        created_at: timestamp(row.created_at)?,
        updated_at: timestamp(row.updated_at)?,
        version: row.version,
    })
}

fn texts(json: Json) -> Result<Vec<String>> {
    let read = serde_json::from_value(json);
    Ok(read.map_err(|error| DatabaseError::Other(format!("list of a client: {error}")))?)
}
