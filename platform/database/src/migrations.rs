//! The history of a schema. Each migration runs once, whole or not at all, also when replicas start together.

use std::borrow::Cow;

use sea_orm::sqlx::migrate::{MigrateError, Migration as SqlxMigration, MigrationType, Migrator};
use sea_orm::sqlx::{AssertSqlSafe, SqlSafeStr};
use sea_orm::{DatabaseConnection, DbBackend};

use crate::{Error, Result};

/// One step of a schema, in SQL that SQLite and PostgreSQL both understand.
///
/// Common ground: `uuid`, `text`, `bigint` (also for times, in milliseconds, and money), `boolean`, `jsonb`;
/// no defaults, no triggers. A step that has been released is never changed: its checksum is verified.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// What it is for, in snake case.
    pub name: &'static str,
    /// The statements, with their reasons as comments.
    pub sql: &'static str,
}

/// Tables that every service has.
const PLATFORM: &[Migration] = &[Migration {
    name: "outbox_inbox_idempotency",
    sql: "
        -- Messages that were committed with a change and are not yet with the broker.
        create table outbox (
            message_id uuid not null primary key,  -- version 7: sorts by time of writing
            kind text not null,
            envelope text not null
        );
        -- Messages received for this service's consumers. A row that is done stays a while, so that
        -- a message which is delivered again is recognised.
        create table inbox (
            consumer text not null,
            message_id uuid not null,
            subject text not null,
            envelope text not null,
            state text not null,                   -- pending, done, dead
            attempts bigint not null,
            ready_at bigint not null,              -- not tried again before this time
            received_at bigint not null,
            error text,
            primary key (consumer, message_id)
        );
        create index inbox_work on inbox (consumer, state, message_id);
        -- Answers to requests that carried an Idempotency-Key.
        create table idempotency (
            actor text not null,
            idempotency_key text not null,
            fingerprint text not null,             -- of the request: the same key must mean the same
            answer text not null,
            created_at bigint not null,
            primary key (actor, idempotency_key)
        );
        create index idempotency_age on idempotency (created_at);
    ",
}];

pub(crate) async fn run(connection: &DatabaseConnection, service: &[Migration]) -> Result<()> {
    migrate(connection, "platform_migrations", PLATFORM).await?;
    migrate(connection, "service_migrations", service).await
}

async fn migrate(
    connection: &DatabaseConnection,
    table: &'static str,
    migrations: &[Migration],
) -> Result<()> {
    let steps = migrations.iter().zip(1..).map(|(migration, version)| {
        let sql = AssertSqlSafe(migration.sql).into_sql_str();
        let name = Cow::Borrowed(migration.name);
        SqlxMigration::new(version, name, MigrationType::Simple, sql, false)
    });
    let migrator = Migrator {
        migrations: steps.collect(),
        table_name: Cow::Borrowed(table),
        ..Migrator::DEFAULT
    };
    let outcome = match connection.get_database_backend() {
        DbBackend::Sqlite => migrator.run(connection.get_sqlite_connection_pool()).await,
        _ => migrator.run(connection.get_postgres_connection_pool()).await,
    };
    outcome.map_err(|error| match error {
        MigrateError::VersionMissing(version) => Error::Other(format!(
            "the database is newer than this program (its migration {version} is unknown here); \
             run the version that made it, or a later one"
        )),
        error => Error::Other(format!("migration failed, nothing of it was kept: {error}")),
    })
}
