//! What can go wrong with a database, and how a violated constraint becomes a rule of the domain.

use sea_orm::{DbErr, RuntimeErr, SqlErr};

use crate::SealError;

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A database error, sorted by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A unique constraint refused the row.
    #[error("unique constraint `{constraint}` violated")]
    Unique {
        /// `<table>_<columns>_key`, the same on both databases.
        constraint: String,
    },
    /// The database cannot be reached or has no free connection; trying later may help.
    #[error("database unavailable: {0}")]
    Unavailable(String),
    /// A secret in it does not open.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// Anything else: a fault of ours.
    #[error("database: {0}")]
    Other(String),
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        if let Some(SqlErr::UniqueConstraintViolation(message)) = error.sql_err() {
            return Self::Unique { constraint: constraint_name(&message) };
        }
        match &error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Self::Unavailable(error.to_string()),
            DbErr::Exec(RuntimeErr::SqlxError(cause))
            | DbErr::Query(RuntimeErr::SqlxError(cause))
                if is_connection_trouble(cause) =>
            {
                Self::Unavailable(error.to_string())
            }
            _ => Self::Other(error.to_string()),
        }
    }
}

fn is_connection_trouble(error: &sea_orm::SqlxError) -> bool {
    use sea_orm::SqlxError::{Io, PoolClosed, PoolTimedOut, WorkerCrashed};
    match error {
        Io(_) | PoolClosed | PoolTimedOut | WorkerCrashed => true,
        // 57P01..03: the server shuts down or starts; 53300: too many connections; 5: SQLite is busy.
        sea_orm::SqlxError::Database(cause) => {
            matches!(cause.code().as_deref(), Some("57P01" | "57P02" | "57P03" | "53300" | "5"))
        }
        _ => false,
    }
}

/// The constraint's name out of either database's message.
///
/// PostgreSQL: `… violates unique constraint "role_name_key"`.
/// SQLite: `… UNIQUE constraint failed: role.name` or `…: index 'role_name_key'`.
fn constraint_name(message: &str) -> String {
    if let Some((_, rest)) = message.split_once("unique constraint \"") {
        return rest.split('"').next().unwrap_or_default().to_owned();
    }
    let Some((_, rest)) = message.split_once("constraint failed: ") else {
        return message.to_owned();
    };
    if let Some(name) = rest.strip_prefix("index '") {
        return name.split('\'').next().unwrap_or_default().to_owned();
    }
    let columns: Vec<&str> = rest.split(", ").map(str::trim).collect();
    let table = columns[0].split('.').next().unwrap_or_default();
    let names: Vec<&str> = columns.iter().filter_map(|column| column.split('.').nth(1)).collect();
    format!("{table}_{}_key", names.join("_"))
}

/// Gives a violated constraint its meaning.
pub trait OnConstraint<T> {
    /// Turns a violation of the unique constraint `name` into `error()`; anything else passes through.
    fn on_constraint<E: From<Error>>(self, name: &str, error: impl FnOnce() -> E) -> Result<T, E>;
}

impl<T> OnConstraint<T> for Result<T, DbErr> {
    fn on_constraint<E: From<Error>>(self, name: &str, error: impl FnOnce() -> E) -> Result<T, E> {
        self.map_err(Error::from).on_constraint(name, error)
    }
}

impl<T> OnConstraint<T> for Result<T, Error> {
    fn on_constraint<E: From<Error>>(self, name: &str, error: impl FnOnce() -> E) -> Result<T, E> {
        self.map_err(|cause| match cause {
            Error::Unique { constraint } if constraint == name => error(),
            other => other.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_name_a_constraint_alike() {
        for message in [
            r#"error returned from database: duplicate key value violates unique constraint "role_name_key""#,
            "error returned from database: (code: 2067) UNIQUE constraint failed: role.name",
            "(code: 2067) UNIQUE constraint failed: index 'role_name_key'",
        ] {
            assert_eq!(constraint_name(message), "role_name_key");
        }
        let two = "UNIQUE constraint failed: grants.user_id, grants.role";
        assert_eq!(constraint_name(two), "grants_user_id_role_key");
    }
}
