//! A transaction: state and messages together, or neither.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use messages::{Message, Payload};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement,
};

use crate::{Database, Error, Result, outbox};

/// An open transaction. Clones are the same transaction; dropping the last one undoes it.
#[derive(Clone)]
pub struct Tx {
    inner: Arc<DatabaseTransaction>,
    database: Database,
    has_messages: Arc<AtomicBool>,
}

impl Tx {
    pub(crate) fn new(inner: DatabaseTransaction, database: &Database) -> Self {
        let has_messages = Arc::default();
        Self { inner: Arc::new(inner), database: database.clone(), has_messages }
    }

    /// Tells the other services of the change when, and only if, this transaction commits.
    pub async fn publish<P: Payload>(&self, payload: P) -> Result<()> {
        let message = self.message(&payload)?;
        self.publish_all(&[message]).await
    }

    /// A message of this service, of now; for [`Tx::publish_all`].
    pub fn message<P: Payload>(&self, payload: &P) -> Result<Message> {
        let now = self.database.clock.now();
        Message::new(&self.database.service, now, payload)
            .map_err(|error| Error::Other(error.to_string()))
    }

    /// As [`Tx::publish`] for many messages, in one statement.
    pub async fn publish_all(&self, messages: &[Message]) -> Result<()> {
        if messages.is_empty() {
            return Ok(());
        }
        self.has_messages.store(true, Ordering::Relaxed);
        outbox::insert(self, messages).await
    }

    /// Makes the change permanent. Fails, and undoes it, while a clone of this transaction is still held.
    pub async fn commit(self) -> Result<()> {
        let inner = Arc::into_inner(self.inner)
            .ok_or_else(|| Error::Other("transaction is still in use elsewhere".into()))?;
        inner.commit().await?;
        self.database.commits.fetch_add(1, Ordering::Release);
        if self.has_messages.load(Ordering::Relaxed) {
            self.database.outbox_filled.notify_one();
            self.database.changes.send_modify(|count| *count += 1);
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.inner.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.inner.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.inner.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.inner.query_all_raw(statement).await
    }
}
