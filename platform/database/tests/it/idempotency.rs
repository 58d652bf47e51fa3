use database::idempotency::{Answered, Key, find, remember};
use database::{Database, Error};
use testkit::Backend;

use crate::{Place, on_both_databases};

on_both_databases!(
    an_answer_is_remembered_for_who_asked_and_no_one_else,
    an_answer_that_was_not_committed_is_forgotten,
    a_key_is_answered_once,
);

fn key(actor: &str, key: &str) -> Key {
    Key { actor: actor.into(), key: key.into() }
}

fn answered(key: Key, answer: &str) -> Answered {
    Answered { key, fingerprint: "digest".into(), answer: answer.into() }
}

async fn keep(database: &Database, answers: &[Answered]) -> Result<(), Error> {
    let tx = database.begin().await?;
    remember(&tx, answers, database.clock().now()).await?;
    tx.commit().await
}

async fn an_answer_is_remembered_for_who_asked_and_no_one_else(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let answers = [answered(key("ada", "1"), "order 7"), answered(key("bob", "1"), "order 8")];
    keep(&database, &answers).await.expect("remembered");
    keep(&database, &[]).await.expect("nothing to remember");
    let asked = [key("ada", "1"), key("ada", "2"), key("eve", "1")];
    assert_eq!(find(database.read(), &asked).await.expect("found"), answers[..1]);
    assert_eq!(find(database.read(), &[]).await.expect("found"), []);
    place.remove([database]).await;
}

async fn an_answer_that_was_not_committed_is_forgotten(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let asked = key("ada", "1");
    let tx = database.begin().await.expect("a transaction");
    let answer = [answered(asked.clone(), "order 7")];
    remember(&tx, &answer, database.clock().now()).await.expect("remembered");
    drop(tx);
    assert_eq!(find(database.read(), &[asked]).await.expect("found"), []);
    place.remove([database]).await;
}

async fn a_key_is_answered_once(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let asked = key("ada", "1");
    keep(&database, &[answered(asked.clone(), "order 7")]).await.expect("remembered");
    let refused =
        keep(&database, &[answered(asked.clone(), "order 8")]).await.expect_err("refused");
    let names = ["idempotency_actor_idempotency_key_key", "idempotency_pkey"];
    match refused {
        Error::Unique { constraint } => {
            assert!(names.contains(&constraint.as_str()), "{constraint}")
        }
        other => panic!("{other}"),
    }
    let found = find(database.read(), &[asked]).await.expect("found");
    assert_eq!(found[0].answer, "order 7");
    place.remove([database]).await;
}
