//! A service's own database: SQLite by default, PostgreSQL by configuration, one code for both.
//!
//! Gives transactions ([`Tx`]), reading ([`Database::read`]), atomic migrations, the outbox
//! ([`Tx::publish`]) and the inbox ([`Delivery`]), and turns a violated constraint into an error of the
//! domain ([`OnConstraint`]). Secrets that are kept in it are sealed ([`Sealer`]). Promises: what is committed is on disk; on SQLite there is one writer, so
//! a transaction never fails because of another one; a message is written in the transaction of the
//! change it tells of.

mod error;
mod exclusive;
pub mod idempotency;
mod inbox;
mod migrations;
mod outbox;
mod sealer;
mod tx;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::sqlx::ConnectOptions as _;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgSslMode};
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use stdx::Clock;
use tokio::sync::{Notify, watch};

pub use error::{Error, OnConstraint, Result};
pub use inbox::{
    ATTEMPTS_MAX, ConsumerStanding, DeadLetter, DeadLetters, DeadLettersPage, Delivery,
    HandlerError, Inbox,
};
pub use migrations::Migration;
pub use outbox::{OutboxStanding, Relay};
pub use sealer::{MasterKey, SealError, Sealer};
pub use tx::Tx;

/// Parallel readers of one SQLite file. Each is a thread with its own page cache.
const SQLITE_READERS: u32 = 3;
const POSTGRES_CONNECTIONS: u32 = 8;
/// How long a request waits for a free connection before it is told that the database is unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections beyond the first are closed after this time.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// One service's database. Clones share the connections.
#[derive(Clone)]
pub struct Database {
    /// The publishing service: the `source` of its messages.
    service: Arc<str>,
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    clock: Clock,
    /// Wakes the relay after a commit that left messages in the outbox.
    outbox_filled: Arc<Notify>,
    /// Wakes the inbox workers after a message was stored.
    inbox_filled: Arc<Notify>,
    /// Counts the commits of this process that left messages.
    changes: Arc<watch::Sender<u64>>,
    /// Counts all commits of this process.
    commits: Arc<AtomicU64>,
    /// For secrets that must not lie here in the clear.
    sealer: Sealer,
}

impl Database {
    /// Opens `sqlite:PATH` (made if missing) or `postgres://…` and brings the schema up to date.
    pub async fn open(
        service: &str,
        url: &str,
        clock: Clock,
        migrations: &[Migration],
    ) -> Result<Self> {
        let (writer, reader) = if url.starts_with("sqlite:") {
            let writer = sea_orm::Database::connect(sqlite(url, 1, false)).await?;
            (writer, sea_orm::Database::connect(sqlite(url, SQLITE_READERS, true)).await?)
        } else {
            let pool = sea_orm::Database::connect(postgres(url, service)).await?;
            (pool.clone(), pool)
        };
        migrations::run(&writer, migrations).await?;
        Ok(Self {
            service: service.into(),
            writer,
            reader,
            clock,
            outbox_filled: Arc::default(),
            inbox_filled: Arc::default(),
            changes: Arc::default(),
            commits: Arc::default(),
            sealer: Sealer::default(),
        })
    }

    /// The same database, in which secrets are sealed by `sealer`. Without one they are not.
    pub fn sealed_by(self, sealer: Sealer) -> Self {
        Self { sealer, ..self }
    }

    /// Seals and opens the secrets in this database.
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// Begins a transaction that may write. Dropping it undoes it.
    pub async fn begin(&self) -> Result<Tx> {
        // SQLite: take the write lock now. A transaction that begins by reading and writes later
        // could find that somebody else wrote in between, and would have to be repeated.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        Ok(Tx::new(self.writer.begin_with_options(options).await?, self))
    }

    /// For queries outside a transaction.
    pub fn read(&self) -> &(impl ConnectionTrait + use<>) {
        &self.reader
    }

    /// Moves this service's messages from the outbox to `engine`.
    pub fn relay(&self, engine: Arc<dyn messages::Engine>) -> Relay {
        Relay::new(self.clone(), engine)
    }

    /// Counts up after every commit of this process that has something to tell: for who must know at once, whatever
    /// becomes of the messages.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// How many transactions of this process have been committed: as long as it stays the same, no transaction of
    /// this process has changed what was read.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Acquire)
    }

    /// Where messages for this service's consumers are stored and worked off.
    pub fn inbox(&self) -> Inbox {
        Inbox::new(self.clone())
    }

    /// What waits in the outbox.
    pub async fn outbox_standing(&self) -> Result<OutboxStanding> {
        outbox::standing(self).await
    }

    /// `Ok` when the database answers.
    pub async fn ping(&self) -> Result<()> {
        Ok(self.reader.ping().await?)
    }

    /// Closes all connections; on SQLite this folds the write-ahead log into the file.
    pub async fn close(&self) -> Result<()> {
        self.reader.clone().close().await?;
        Ok(self.writer.clone().close().await?)
    }

    /// The clock of this service.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether rows must be locked explicitly: with one writer they never need to be.
    pub fn needs_row_locks(&self) -> bool {
        self.writer.get_database_backend() == DbBackend::Postgres
    }
}

fn sqlite(url: &str, connections: u32, read_only: bool) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.to_owned());
    pool_limits(&mut options, connections);
    options.map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .create_if_missing(!read_only)
            .read_only(read_only)
            .journal_mode(SqliteJournalMode::Wal)
            // A commit that was acknowledged is on disk, also after a power cut.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(ACQUIRE_TIMEOUT)
            .disable_statement_logging()
    });
    options
}

fn postgres(url: &str, service: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.to_owned());
    pool_limits(&mut options, POSTGRES_CONNECTIONS);
    options.set_application_name(format!("backline-{service}"));
    options.map_sqlx_postgres_opts(plain_within_this_machine);
    options
}

/// Unless told otherwise, does not encrypt what stays on this machine. Encrypted, a long statement leaves in several
/// writes, and as the driver leaves Nagle's algorithm on, the last one waits up to 40 ms for an acknowledgement.
fn plain_within_this_machine(options: PgConnectOptions) -> PgConnectOptions {
    let host = options.get_host();
    let is_here = host.parse().map_or(host == "localhost", |address: IpAddr| address.is_loopback());
    let is_open = matches!(options.get_ssl_mode(), PgSslMode::Prefer);
    if is_here && is_open { options.ssl_mode(PgSslMode::Disable) } else { options }
}

fn pool_limits(options: &mut ConnectOptions, connections: u32) {
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(IDLE_TIMEOUT)
        .sqlx_logging(false);
}
