//! Databases on the PostgreSQL server of the test machine, made for one test and dropped after it.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

/// Where the tests' server is, when the environment does not say so.
const DEFAULT_SERVER: &str = "postgres://postgres@127.0.0.1:5432";
const PREFIX: &str = "backline_test_";
/// Left over by a test that was killed, when older than this.
const STALE: Duration = Duration::from_secs(2 * 3600);

/// `BACKLINE_TEST_POSTGRES`, or a server on this machine that trusts local connections.
pub fn server() -> String {
    #[allow(
        clippy::disallowed_methods,
        reason = "tests are told where their servers are by environment"
    )]
    std::env::var("BACKLINE_TEST_POSTGRES").unwrap_or_else(|_| DEFAULT_SERVER.to_owned())
}

/// A database, and a role that alone may use it, for each of several services.
pub struct ServiceDatabases {
    id: String,
    services: Vec<String>,
}

impl ServiceDatabases {
    /// Makes them.
    pub async fn create(services: &[&str]) -> Self {
        let id = Uuid::now_v7();
        let mut connection = connect().await;
        sweep(&mut connection, id).await;
        let made = Self {
            id: id.simple().to_string(),
            services: services.iter().map(|service| (*service).to_owned()).collect(),
        };
        for name in made.names() {
            execute(&mut connection, format!("create role {name} login")).await;
            execute(&mut connection, format!("create database {name} owner {name}")).await;
            execute(&mut connection, format!("revoke all on database {name} from public")).await;
        }
        made
    }

    /// Their addresses, with `{service}` where the service's name belongs.
    pub fn url(&self) -> String {
        let name = format!("{PREFIX}{}_{{service}}", self.id);
        let server = server();
        let (_, host) = server.rsplit_once('@').unwrap_or(("", "127.0.0.1:5432"));
        format!("postgres://{name}@{host}/{name}")
    }

    /// Drops them, also while somebody is connected.
    pub async fn drop_now(self) {
        let mut connection = connect().await;
        for name in self.names() {
            execute(&mut connection, format!("drop database if exists {name} with (force)")).await;
            execute(&mut connection, format!("drop role if exists {name}")).await;
        }
    }

    fn names(&self) -> impl Iterator<Item = String> {
        self.services.iter().map(|service| format!("{PREFIX}{}_{service}", self.id))
    }
}

async fn execute(connection: &mut PgConnection, sql: String) {
    let outcome = sqlx::query(AssertSqlSafe(sql.clone())).execute(connection).await;
    outcome.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// A database of its own; drop it with [`TestDatabase::drop_now`].
pub struct TestDatabase {
    name: String,
}

impl TestDatabase {
    /// Makes an empty database, and sweeps those that killed tests left behind.
    pub async fn create() -> Self {
        let id = Uuid::now_v7();
        let name = format!("{PREFIX}{}", id.simple());
        let mut connection = connect().await;
        sweep(&mut connection, id).await;
        let sql = AssertSqlSafe(format!("create database {name}"));
        sqlx::query(sql).execute(&mut connection).await.expect("a new database");
        Self { name }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("{}/{}", server(), self.name)
    }

    /// Drops it, also when somebody is still connected.
    pub async fn drop_now(self) {
        let sql = AssertSqlSafe(format!("drop database if exists {} with (force)", self.name));
        sqlx::query(sql).execute(&mut connect().await).await.expect("database dropped");
    }
}

async fn connect() -> PgConnection {
    let url = format!("{}/postgres", server());
    PgConnection::connect(&url).await.unwrap_or_else(|error| {
        panic!("PostgreSQL is needed for this test at {url} (or BACKLINE_TEST_POSTGRES): {error}")
    })
}

async fn sweep(connection: &mut PgConnection, now: Uuid) {
    let sql = "select datname::text from pg_database where datname like $1";
    let names: Vec<(String,)> = sqlx::query_as(sql)
        .bind(format!("{PREFIX}%"))
        .fetch_all(&mut *connection)
        .await
        .expect("a list of databases");
    let seconds = |id: Uuid| id.get_timestamp().map_or(0, |time| time.to_unix().0);
    for (name,) in names {
        let id = name.strip_prefix(PREFIX).and_then(|rest| rest.split('_').next());
        let made = id.and_then(|id| id.parse().ok()).map_or(0, seconds);
        if seconds(now).saturating_sub(made) > STALE.as_secs() {
            let sql = AssertSqlSafe(format!("drop database if exists {name} with (force)"));
            // Another test may be sweeping the same one.
            drop(sqlx::query(sql).execute(&mut *connection).await);
        }
    }
}
