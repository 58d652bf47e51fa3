//! Rows, looked at and written past the service.

use sea_orm::{ConnectionTrait, Statement};
use testkit::TestNode;

/// How many rows a table has.
pub async fn count(node: &TestNode, table: &str) -> i64 {
    let db = node.database().read();
    let sql = format!("select count(*) as n from {table}");
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(statement).await.expect("an answer").expect("a row");
    row.try_get("", "n").expect("a number")
}

/// As many sign-ins by passkey that nobody finishes, until then.
pub async fn fill_ceremonies(node: &TestNode, until: jiff::Timestamp, number: u32) {
    let sql = format!(
        "with recursive n (i) as (select 1 union all select i + 1 from n where i < {number}) \
         insert into passkey_ceremony (digest, state, expires_at) \
         select 'flood ' || i, '{{}}', {} from n",
        until.as_millisecond()
    );
    let tx = node.database().begin().await.expect("a transaction");
    tx.execute_unprepared(&sql).await.expect("written");
    tx.commit().await.expect("committed");
}
