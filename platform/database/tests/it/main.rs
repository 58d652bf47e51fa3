//! What a service's database promises, tried on SQLite and on PostgreSQL, and between two of them on every engine.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod engines;
mod idempotency;
mod inbox;
mod migrations;
mod outbox;
mod transactions;

use database::{Database, Migration, Result, Tx};
use jiff::Timestamp;
use messages::{Message, Payload};
use sea_orm::{ConnectionTrait, Statement, Value};
use serde::{Deserialize, Serialize};
use stdx::Clock;
use tempfile::TempDir;
use testkit::Backend;
use testkit::postgres::TestDatabase;

/// Makes a test on SQLite and one on PostgreSQL of each function.
macro_rules! on_both_databases {
    ($($promise:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(testkit::Backend::Sqlite).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(testkit::Backend::Postgres).await;
            })*
        }
    };
}
pub(crate) use on_both_databases;

const THING: Migration = Migration {
    name: "thing",
    sql: "
        create table thing (
            id bigint not null,
            name text not null,
            shelf text not null,
            place bigint not null,
            constraint thing_id_key primary key (id),
            constraint thing_name_key unique (name),
            constraint thing_shelf_place_key unique (shelf, place)
        );
    ",
};

/// A thing changed for the `number`th time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Changed {
    thing: String,
    number: i64,
}

impl Payload for Changed {
    const TYPE: &'static str = "thing.changed";

    fn subject(&self) -> String {
        self.thing.clone()
    }
}

fn changed(thing: &str, number: i64) -> Changed {
    Changed { thing: thing.into(), number }
}

fn message(thing: &str, number: i64) -> Message {
    let changed = changed(thing, number);
    Message::new("test", Timestamp::UNIX_EPOCH, &changed).expect("a message")
}

/// A place for one database; gone after the test.
struct Place {
    url: String,
    clock: Clock,
    made: Option<TestDatabase>,
    _folder: TempDir,
}

impl Place {
    async fn on(backend: Backend) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (url, made) = match backend {
            Backend::Sqlite => (format!("sqlite:{}", folder.path().join("it.db").display()), None),
            Backend::Postgres => {
                let made = TestDatabase::create().await;
                (made.url(), Some(made))
            }
        };
        Self { url, clock: Clock::manual(Clock::system().now()), made, _folder: folder }
    }

    /// Opens it as one replica of a service does.
    async fn open(&self, migrations: &[Migration]) -> Result<Database> {
        Database::open("test", &self.url, self.clock.clone(), migrations).await
    }

    async fn things(&self) -> Database {
        self.open(&[THING]).await.expect("an open database")
    }

    async fn remove(self, databases: impl IntoIterator<Item = Database>) {
        for database in databases {
            database.close().await.expect("closed");
        }
        if let Some(made) = self.made {
            made.drop_now().await;
        }
    }
}

async fn insert_thing(tx: &Tx, id: i64) -> Result<(), sea_orm::DbErr> {
    insert_on_shelf(tx, id, &format!("thing {id}"), id).await
}

async fn insert_on_shelf(tx: &Tx, id: i64, name: &str, place: i64) -> Result<(), sea_orm::DbErr> {
    let sql = "insert into thing (id, name, shelf, place) values ($1, $2, 'top', $3)";
    let values = [id.into(), name.into(), place.into()];
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    Ok(())
}

/// The number that a query counts.
async fn count(database: &Database, sql: &str, values: impl IntoIterator<Item = Value>) -> i64 {
    let reader = database.read();
    let statement = Statement::from_sql_and_values(reader.get_database_backend(), sql, values);
    let row = reader.query_one_raw(statement).await.expect("an answer").expect("a row");
    row.try_get_by_index(0).expect("a number")
}

async fn count_things(database: &Database) -> i64 {
    count(database, "select count(*) from thing", []).await
}

async fn count_waiting(database: &Database) -> i64 {
    count(database, "select count(*) from outbox", []).await
}
