//! Private keys at rest: sealed with a master key as soon as there is one.

use std::sync::Arc;

use database::{MasterKey, Sealer};
use jiff::SignedDuration;
use sea_orm::{ConnectionTrait, Statement};
use service_kit::Context;
use testkit::{Backend, TestNode};

use super::{node_on, sign_in, validate};
use crate::Tokens;
use crate::app::possession::ShownToken;

fn key(text: &str) -> Option<MasterKey> {
    Some(MasterKey::parse(text).expect("a master key"))
}

/// The next start of the service on the same database: its state, or why it does not start.
async fn start_with(node: &TestNode, sealer: &Sealer) -> Result<Arc<Tokens>, String> {
    let ctx = node.context();
    let database = ctx.database.clone().sealed_by(sealer.clone());
    let ctx = Context { database, ..ctx };
    for preparation in crate::start(&ctx).expect("a service").preparations {
        preparation.await?;
    }
    let tokens = Tokens::new(&ctx).expect("a service");
    tokens.prepare_keys().await.expect("prepared");
    Ok(Arc::new(tokens))
}

/// Names and private keys as they lie in the database.
async fn stored(node: &TestNode) -> Vec<(String, String)> {
    let (db, sql) =
        (node.database().read(), "select kid, private_key from signing_key order by kid");
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    let text =
        |row: &sea_orm::QueryResult, column| row.try_get::<String>("", column).expect("text");
    let rows = rows.expect("rows");
    rows.iter().map(|row| (text(row, "kid"), text(row, "private_key"))).collect()
}

async fn execute(node: &TestNode, sql: &str) {
    let tx = node.database().begin().await.expect("a transaction");
    tx.execute_unprepared(sql).await.expect("executed");
    tx.commit().await.expect("committed");
}

#[track_caller]
fn assert_all_begin_with(stored: &[(String, String)], prefix: &str) {
    assert!(stored.len() >= 2);
    for (kid, private_key) in stored {
        assert!(private_key.starts_with(prefix), "{kid}: {private_key}");
    }
}

async fn keys_are_sealed_replaced_and_given_back(backend: Backend) {
    let node = node_on(backend).await;
    let token = sign_in(&node).await.text("accessToken").to_owned();
    let plain = stored(&node).await;
    assert!(plain.iter().all(|(_, private_key)| !private_key.contains(':')));
    let (old, new) = (MasterKey::generate(), MasterKey::generate());

    let sealer = Sealer::new(key(&old), None);
    let tokens = start_with(&node, &sealer).await.expect("started");
    assert_all_begin_with(&stored(&node).await, &sealer.current_prefix().expect("a prefix"));
    let nobody = policies::Actor::anonymous();
    assert!(
        tokens.validate(&nobody, &ShownToken::bearer(&token)).await.expect("judged").is_ok(),
        "the keys are the same"
    );
    // What is made from now on is sealed at once, also by the command line.
    tokens.follow_keys(SignedDuration::from_hours(-1)).await.expect("rotated");
    crate::rotate_keys(&node.database().clone().sealed_by(sealer.clone())).await.expect("rotated");
    assert_all_begin_with(&stored(&node).await, &sealer.current_prefix().expect("a prefix"));

    let both = Sealer::new(key(&new), key(&old));
    start_with(&node, &both).await.expect("started");
    let sealed = stored(&node).await;
    assert_all_begin_with(&sealed, &both.current_prefix().expect("a prefix"));
    for wrong in [Sealer::new(key(&old), None), Sealer::default()] {
        let reason = start_with(&node, &wrong).await.err().expect("refused");
        assert!(reason.contains("`node.master_key_file`"), "{reason}");
        assert_eq!(stored(&node).await, sealed, "a start that fails changes nothing");
    }
    let tokens = start_with(&node, &Sealer::new(key(&new), None)).await.expect("started");
    assert!(tokens.validate(&nobody, &ShownToken::bearer(&token)).await.expect("judged").is_ok());

    start_with(&node, &Sealer::new(None, key(&new))).await.expect("started");
    let given_back = stored(&node).await;
    assert!(given_back.iter().all(|(_, private_key)| !private_key.contains(':')));
    assert!(plain.iter().all(|key| given_back.contains(key)), "the same keys as before");
    assert_eq!(validate(&node, &token).await.body["isValid"], true);
    node.stop().await;
}

#[tokio::test]
async fn keys_are_sealed_replaced_and_given_back_on_sqlite() {
    keys_are_sealed_replaced_and_given_back(Backend::Sqlite).await;
}

#[tokio::test]
async fn keys_are_sealed_replaced_and_given_back_on_postgres() {
    keys_are_sealed_replaced_and_given_back(Backend::Postgres).await;
}

#[tokio::test]
async fn a_sealed_key_that_was_changed_or_moved_stops_the_start() {
    let sealer = Sealer::new(key(&MasterKey::generate()), None);
    for change in [
        // The two keys change places.
        "update signing_key set private_key = (select other.private_key from signing_key other \
         where other.kid <> signing_key.kid)",
        "update signing_key set private_key = substr(private_key, 1, length(private_key) - 4) || 'AAAA'",
    ] {
        let node = node_on(Backend::Sqlite).await;
        start_with(&node, &sealer).await.expect("started");
        assert_eq!(stored(&node).await.len(), 2);
        execute(&node, change).await;
        let reason = start_with(&node, &sealer).await.err().expect("refused");
        assert!(reason.contains("was changed, or moved here"), "{reason}");
    }
}
