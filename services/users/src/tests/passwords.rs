use std::sync::{Arc, OnceLock};

use argon2::{Argon2, Params, PasswordHasher};
use contracts::grpc::users::AuthenticateRequest;
use contracts::grpc::users::users_client::UsersClient;
use contracts::ids::UserId;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use service_kit::{Context, Service, StartError};
use testkit::{Caller, TestNode};
use tonic::Code;

use super::{PASSWORD, USERS, make_administrator, new_user, node};
use crate::Users;
use crate::app::{Gauge, Passwords, Pool};

/// Starts the service with a given pool, and lets the test look into it.
macro_rules! node_with_pool {
    ($at_once:expr, $waiting:expr) => {{
        static GAUGE: OnceLock<Arc<Gauge>> = OnceLock::new();
        fn start(ctx: &Context) -> Result<Service, StartError> {
            let pool = Pool::new($at_once, $waiting);
            drop(GAUGE.set(pool.gauge.clone()));
            Ok(crate::service(Users::new(ctx, Passwords::new(pool))?))
        }
        let node = Arc::new(TestNode::of("users", start, crate::MIGRATIONS).await);
        (node, GAUGE.get().expect("started").clone())
    }};
}

async fn sign_in(node: &TestNode, email: &str, password: &str) -> Result<(), Code> {
    let request = AuthenticateRequest {
        email: email.into(),
        password: password.into(),
        ..Default::default()
    };
    let tokens = node.service_caller("tokens");
    let mut client = UsersClient::new(node.channel());
    let answer = client.authenticate(node.grpc_request(&tokens, request)).await;
    answer.map(drop).map_err(|status| status.code())
}

/// A hundred people sign in at once; the answers' codes.
async fn storm(node: &Arc<TestNode>) -> Vec<Code> {
    let attempts = (0..100).map(|n| {
        let node = node.clone();
        tokio::spawn(async move {
            let email = if n % 2 == 0 { "ada@example.org" } else { "nobody@example.org" };
            sign_in(&node, email, PASSWORD).await.err().unwrap_or(Code::Ok)
        })
    });
    let mut codes = vec![];
    for attempt in attempts.collect::<Vec<_>>() {
        codes.push(attempt.await.expect("an answer"));
    }
    codes
}

fn count(codes: &[Code], code: Code) -> usize {
    codes.iter().filter(|given| **given == code).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c25_a_storm_of_sign_ins_runs_no_more_hashes_at_once_than_the_pool_has() {
    let (node, gauge) = node_with_pool!(2, 256);
    make_administrator(&node, "ada@example.org").await;
    let codes = storm(&node).await;
    // On a busy machine the last ones may wait longer than a call may take; nobody is turned away.
    assert_eq!(count(&codes, Code::Unavailable), 0, "{codes:?}");
    assert!(count(&codes, Code::Ok) > 0 && count(&codes, Code::Unauthenticated) > 0, "{codes:?}");
    assert_eq!(gauge.most(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_the_line_a_sign_in_is_turned_away_and_later_it_works_again() {
    let (node, gauge) = node_with_pool!(1, 3);
    make_administrator(&node, "ada@example.org").await;
    let codes = storm(&node).await;
    assert!(count(&codes, Code::Unavailable) > 0, "{codes:?}");
    assert!(count(&codes, Code::Ok) + count(&codes, Code::Unauthenticated) >= 4, "{codes:?}");
    assert_eq!(gauge.most(), 1);
    let anonymous = Caller::anonymous();
    node.post(&anonymous, USERS, new_user("grace@example.org")).await.expect(201);
}

#[tokio::test]
async fn turned_away_means_come_again() {
    let (node, _) = node_with_pool!(1, 0);
    let anonymous = Caller::anonymous();
    let post = |email| node.post(&anonymous, USERS, new_user(email));
    let (first, second) = tokio::join!(post("ada@example.org"), post("grace@example.org"));
    first.expect(201);
    assert!(second.expect_problem(503, "unavailable").headers.contains_key("retry-after"));
}

async fn password_hash(node: &TestNode, id: UserId) -> String {
    let db = node.database().read();
    let sql = "select password_hash from users where id = $1";
    let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, [id.0.into()]);
    let row = db.query_one_raw(statement).await.expect("an answer").expect("a row");
    row.try_get("", "password_hash").expect("a hash")
}

#[tokio::test]
async fn c25_a_weaker_hash_is_renewed_when_its_owner_signs_in() {
    const TODAY: &str = "$argon2id$v=19$m=19456,t=2,p=1$";
    let node = node().await;
    let id = make_administrator(&node, "ada@example.org").await;
    let present = password_hash(&node, id).await;
    assert!(present.starts_with(TODAY), "{present}");
    sign_in(&node, "ada@example.org", PASSWORD).await.expect("signed in");
    assert_eq!(password_hash(&node, id).await, present, "a good hash stays");

    let weak = Argon2::from(Params::new(8192, 1, 1, None).expect("parameters"));
    let weak = weak.hash_password(PASSWORD.as_bytes()).expect("a hash").to_string();
    let tx = node.database().begin().await.expect("a transaction");
    let sql = "update users set password_hash = $1 where id = $2";
    let values = [weak.clone().into(), id.0.into()];
    let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
    tx.execute_raw(statement).await.expect("written");
    tx.commit().await.expect("committed");

    assert_eq!(
        sign_in(&node, "ada@example.org", "wrong password").await,
        Err(Code::Unauthenticated)
    );
    assert_eq!(password_hash(&node, id).await, weak, "a wrong password renews nothing");
    sign_in(&node, "ada@example.org", PASSWORD).await.expect("signed in");
    let renewed = password_hash(&node, id).await;
    assert!(renewed.starts_with(TODAY), "{renewed}");
    sign_in(&node, "ada@example.org", PASSWORD).await.expect("signed in");
    assert_eq!(password_hash(&node, id).await, renewed);
}

/// Somebody who had an account elsewhere, with the hash that was kept there.
async fn import(
    node: &TestNode,
    email: &str,
    hash: &str,
) -> Result<UserId, crate::CreateUserError> {
    crate::import_user(node.database(), email, hash, "member").await
}

#[tokio::test]
async fn a_hash_from_elsewhere_is_good_and_renewed_at_the_first_sign_in() {
    const TODAY: &str = "$argon2id$v=19$m=19456,t=2,p=1$";
    let node = node().await;
    let bcrypt = bcrypt::hash_with_salt(PASSWORD, 4, [7; 16]).expect("a hash");
    let argon2 = Argon2::from(Params::new(8192, 1, 1, None).expect("parameters"));
    let argon2 = argon2.hash_password(PASSWORD.as_bytes()).expect("a hash").to_string();
    let mut hashes: Vec<(String, String)> = ["2a", "2b", "2y"]
        .into_iter()
        .map(|version| (version.into(), format!("${version}{}", &bcrypt.to_string()[3..])))
        .collect();
    hashes.push(("argon2".into(), argon2));
    for (name, hash) in hashes {
        let email = format!("{name}@example.org");
        let id = import(&node, &email, &hash).await.expect("made");
        let refused = sign_in(&node, &email, "wrong password").await;
        assert_eq!(refused, Err(Code::Unauthenticated), "{hash}");
        assert_eq!(password_hash(&node, id).await, hash, "a wrong password renews nothing");
        sign_in(&node, &email, PASSWORD).await.expect("signed in");
        assert!(password_hash(&node, id).await.starts_with(TODAY), "{hash}");
        sign_in(&node, &email, PASSWORD).await.expect("signed in with the new hash");
        assert_eq!(sign_in(&node, &email, "wrong password").await, Err(Code::Unauthenticated));
    }
}

#[tokio::test]
async fn what_is_no_hash_or_takes_too_long_is_not_taken() {
    let node = node().await;
    let rest = "N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
    let salted = "c2FsdHNhbHRzYWx0c2FsdA$2HxvdRJHUQm0dxXy5hKyFWAWiVCmSRzjQOy4ud1Jsyc";
    for wrong in [
        String::new(),
        PASSWORD.into(),
        format!("$2b$15${rest}"),
        format!("$2b$99${rest}"),
        format!("$2b$03${rest}"),
        format!("$2x$10${rest}"),
        format!("$2b$10${}", &rest[1..]),
        "$2b$".into(),
        "$2b$ä".into(),
        "$argon2id$v=19$m=19456,t=2,p=1$".into(),
        format!("$argon2id$v=19$m=1048576,t=2,p=1${salted}"),
        format!("$argon2id$v=19$m=19456,t=1000,p=1${salted}"),
        format!("$argon2i$v=19$m=19456,t=2,p=1${salted}"),
    ] {
        let refused = import(&node, "ada@example.org", &wrong).await;
        assert!(matches!(refused, Err(crate::CreateUserError::Invalid(_))), "{wrong}");
    }
    let good = format!("$2b$10${rest}");
    import(&node, "ada@example.org", &good).await.expect("made");
    let taken = import(&node, "ada@example.org", &good).await;
    assert!(matches!(taken, Err(crate::CreateUserError::EmailTaken)));
}
