//! Work that only one replica of a service may do at a time.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, TransactionTrait};

use crate::{Database, Result};

/// Held while the work goes on; dropping it lets another replica in, a moment later.
pub(crate) struct Exclusive(Option<DatabaseTransaction>);

impl Exclusive {
    /// Lets another replica in, or the same one again, now.
    pub(crate) async fn release(self) -> Result<()> {
        match self.0 {
            Some(tx) => Ok(tx.rollback().await?),
            None => Ok(()),
        }
    }
}

impl Database {
    /// Takes the lock `name` of this database, or `None` if another replica has it.
    ///
    /// PostgreSQL: an advisory lock that ends with its transaction, so a killed process frees it.
    /// SQLite: the file belongs to one process, which starts each piece of work once.
    pub(crate) async fn exclusive(&self, name: &str) -> Result<Option<Exclusive>> {
        if self.writer.get_database_backend() == DbBackend::Sqlite {
            return Ok(Some(Exclusive(None)));
        }
        let tx = self.writer.begin().await?;
        let sql = "select pg_try_advisory_xact_lock(hashtext($1)) as taken";
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [name.into()]);
        let row = tx.query_one_raw(statement).await?;
        let taken = row.map(|row| row.try_get::<bool>("", "taken")).transpose()?;
        Ok((taken == Some(true)).then_some(Exclusive(Some(tx))))
    }
}
