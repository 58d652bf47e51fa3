//! Many rows in one statement.
//!
//! The rows travel as one JSON document, which the database takes apart. So the statement is the same for one row
//! and for a thousand: it is prepared once, crosses the wire once, and no limit on parameters is near.

use database::{Error, Result, Tx};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde::Serialize;

/// What a column holds, as far as reading it out of JSON goes.
#[derive(Clone, Copy)]
pub enum Kind {
    Uuid,
    Text,
    Whole,
}

/// Inserts rows: tuples with as many members as there are columns, in the same order.
pub async fn insert_rows<R: Serialize>(
    tx: &Tx,
    table: &str,
    columns: &[(&str, Kind)],
    rows: &[R],
) -> Result<()> {
    let backend = tx.get_database_backend();
    let json = serde_json::to_string(rows).map_err(|error| Error::Other(error.to_string()))?;
    let sql = insert_sql(backend, table, columns);
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, [json.into()])).await?;
    Ok(())
}

fn insert_sql(backend: DbBackend, table: &str, columns: &[(&str, Kind)]) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let members = columns.iter().zip(0..).map(|((_, kind), place)| member(backend, *kind, place));
    let rows = match backend {
        DbBackend::Postgres => "jsonb_array_elements(cast($1 as jsonb)) as rows(value)",
        _ => "json_each(?)",
    };
    let (names, members) = (names.join(", "), members.collect::<Vec<_>>().join(", "));
    format!("insert into {table} ({names}) select {members} from {rows}")
}

/// The value of a column in the databases' common words, and where they differ in each one's own.
fn member(backend: DbBackend, kind: Kind, place: usize) -> String {
    match (backend, kind) {
        (DbBackend::Postgres, Kind::Uuid) => format!("cast(value ->> {place} as uuid)"),
        (DbBackend::Postgres, Kind::Whole) => format!("cast(value ->> {place} as bigint)"),
        // SQLite keeps a UUID as its 16 bytes.
        (_, Kind::Uuid) => format!("unhex(value ->> {place}, '-')"),
        (_, Kind::Text | Kind::Whole) => format!("value ->> {place}"),
    }
}
