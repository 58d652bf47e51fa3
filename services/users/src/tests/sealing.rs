//! Secrets of authenticators at rest: sealed with a master key as soon as there is one.

use contracts::ids::UserId;
use database::{MasterKey, Sealer};
use sea_orm::ConnectionTrait;
use serde_json::json;
use service_kit::Context;
use testkit::{Backend, TestNode};

use super::{FakeRoles, PASSWORD, USERS, builder, id_of, node_on, sign_up};
use crate::domain::{Email, NewUser, TotpSecret, User, UserType};
use crate::store;

fn sealer() -> Sealer {
    Sealer::new(MasterKey::parse(&MasterKey::generate()), None)
}

fn user(number: u32) -> User {
    let new_user = NewUser {
        email: Email::parse(&format!("user{number}@example.org")).expect("an address"),
        first_name: "Ada".into(),
        last_name: "Byron".into(),
        user_type: UserType::CustomerUser,
        customer_id: None,
    };
    User::new(UserId::new(), new_user, testkit::now())
}

/// Begins to set up an authenticator; its secret.
async fn begin(node: &TestNode, id: UserId) -> TotpSecret {
    let (caller, path) = (node.caller_with_id(id, &[]), format!("{USERS}/me/totp"));
    let begun = node.post(&caller, &path, json!({ "password": PASSWORD }));
    TotpSecret::stored(begun.await.expect(200).text("secret")).expect("base32")
}

async fn secret(node: &TestNode, sealer: &Sealer, id: UserId) -> Result<TotpSecret, String> {
    let found = store::find_totp(node.database().read(), sealer, id).await;
    found.map(|totp| totp.expect("an authenticator").secret).map_err(|error| error.to_string())
}

/// The next start of the service on the same database.
async fn start_with(node: &TestNode, sealer: &Sealer) -> Result<(), String> {
    let ctx = node.context();
    let database = ctx.database.clone().sealed_by(sealer.clone());
    let ctx = Context { database, ..ctx };
    for preparation in crate::start(&ctx).expect("a service").preparations {
        preparation.await?;
    }
    Ok(())
}

async fn execute(node: &TestNode, sql: &str) -> u64 {
    let tx = node.database().begin().await.expect("a transaction");
    let done = tx.execute_unprepared(sql).await.expect("executed");
    tx.commit().await.expect("committed");
    done.rows_affected()
}

/// How many secrets are in the clear. Changes nothing.
async fn count_plain(node: &TestNode) -> u64 {
    execute(node, "update totp set last_step = last_step where secret not like 'sealed:v1:%'").await
}

async fn secrets_are_sealed_at_the_next_start(backend: Backend) {
    let node = node_on(backend).await;
    let id = id_of(&sign_up(&node, "ada@example.org").await);
    let shown = begin(&node, id).await;
    // More than one transaction seals.
    let tx = node.database().begin().await.expect("a transaction");
    for number in 0..1100 {
        let other = TotpSecret::new(&stdx::secret::random_bytes());
        let user = user(number);
        store::insert_user(&tx, &user, "no hash").await.expect("stored");
        store::replace_totp(&tx, &Sealer::default(), user.id, &other).await.expect("stored");
    }
    tx.commit().await.expect("committed");
    assert_eq!(count_plain(&node).await, 1101);

    let first = MasterKey::generate();
    let key = || MasterKey::parse(&first);
    let sealed = Sealer::new(key(), None);
    start_with(&node, &sealed).await.expect("started");
    assert_eq!(count_plain(&node).await, 0);
    assert_eq!(secret(&node, &sealed, id).await, Ok(shown.clone()));
    for wrong in [sealer(), Sealer::default()] {
        let reason = start_with(&node, &wrong).await.expect_err("refused");
        assert!(reason.contains("`node.master_key_file`"), "{reason}");
    }
    let replaced = Sealer::new(MasterKey::parse(&MasterKey::generate()), key());
    start_with(&node, &replaced).await.expect("started");
    assert_eq!(secret(&node, &replaced, id).await, Ok(shown));
    assert!(secret(&node, &sealed, id).await.is_err(), "the old key opens nothing any more");
    node.stop().await;
}

#[tokio::test]
async fn secrets_are_sealed_at_the_next_start_on_sqlite() {
    secrets_are_sealed_at_the_next_start(Backend::Sqlite).await;
}

#[tokio::test]
async fn secrets_are_sealed_at_the_next_start_on_postgres() {
    secrets_are_sealed_at_the_next_start(Backend::Postgres).await;
}

#[tokio::test]
async fn a_new_secret_is_sealed_at_once_and_worth_nothing_in_another_row() {
    let sealer = sealer();
    let node = builder(&FakeRoles::default()).sealed_by(&sealer).start().await;
    let ada = id_of(&sign_up(&node, "ada@example.org").await);
    let eve = id_of(&sign_up(&node, "eve@example.org").await);
    let (of_ada, of_eve) = (begin(&node, ada).await, begin(&node, eve).await);
    assert_eq!(count_plain(&node).await, 0);
    assert_eq!(secret(&node, &sealer, ada).await, Ok(of_ada.clone()));
    // Eve, who can write to the database, gives Ada's account the secret that she knows.
    let moved = "update totp set secret = (select other.secret from totp other \
                 where other.user_id <> totp.user_id)";
    assert_eq!(execute(&node, moved).await, 2);
    let reason = secret(&node, &sealer, ada).await.expect_err("refused");
    assert!(reason.contains("was changed, or moved here"), "{reason}");
    assert_ne!(of_ada, of_eve);
}
