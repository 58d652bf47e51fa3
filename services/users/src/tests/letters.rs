use std::sync::Arc;

use jiff::SignedDuration;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::json;
use stdx::Clock;
use testkit::{Backend, Caller, TestNode, eventually};
use tokio_util::sync::CancellationToken;

use super::{FakeRoles, builder, letters_to, node, replica, sign_up, wait_for_letters};
use crate::domain::{Email, LetterKind, letters};
use crate::{jobs, store};

fn email(text: &str) -> Email {
    Email::parse(text).expect("an address")
}

async fn write_letter(node: &TestNode, to: &str) {
    let tx = node.database().begin().await.expect("a transaction");
    let text = letters::password_changed("https://example.org");
    let now = node.database().clock().now();
    store::insert_letter(&tx, &email(to), text, now).await.expect("written");
    tx.commit().await.expect("committed");
}

/// What is kept of every letter: text, next try, tries, time of sending.
async fn kept(node: &TestNode) -> Vec<(Option<String>, Option<i64>, i64, Option<i64>)> {
    let db = node.database().read();
    let sql = "select body, due_at, tries, sent_at from letter order by id";
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(statement).await.expect("rows");
    let read = |row: &sea_orm::QueryResult| {
        let body = row.try_get("", "body").expect("a body");
        let due_at = row.try_get("", "due_at").expect("a time");
        let tries = row.try_get("", "tries").expect("a number");
        (body, due_at, tries, row.try_get("", "sent_at").expect("a time"))
    };
    rows.iter().map(read).collect()
}

#[tokio::test]
async fn who_signs_up_is_asked_to_confirm_the_address() {
    let node = node().await;
    sign_up(&node, "ada@example.org").await;
    let letter = wait_for_letters(&node, "ada@example.org", 1).await.remove(0);
    assert_eq!(letter.subject(), "Confirm your e-mail address");
    assert!(letter.text().contains("http://127.0.0.1:5000/verify-email?token="), "{letter:?}");
    // Who signs somebody else up must not get words of their own into the letter.
    assert!(!letter.text().contains("Ada"), "{letter:?}");
    let kept = eventually("the record", || async {
        let kept = kept(&node).await;
        kept.iter().all(|(_, due_at, ..)| due_at.is_none()).then_some(kept)
    });
    let kept = kept.await;
    assert!(matches!(kept[..], [(None, None, 1, Some(_))]), "the text is wiped: {kept:?}");
}

#[tokio::test]
async fn an_account_that_was_not_made_gets_no_letter() {
    let node = node().await;
    sign_up(&node, "ada@example.org").await;
    let again = super::new_user("ada@example.org");
    node.post(&Caller::anonymous(), super::USERS, again).await.expect_problem(409, "email_taken");
    sign_up(&node, "grace@example.org").await;
    wait_for_letters(&node, "grace@example.org", 1).await;
    assert_eq!(letters_to(&node, "ada@example.org").len(), 1);
}

/// The process ended between the commit and sending: nobody was woken, and the letter is all there is.
async fn a_letter_that_a_crash_left_behind_is_sent(backend: Backend) {
    let node = super::node_on(backend).await;
    write_letter(&node, "ada@example.org").await;
    wait_for_letters(&node, "ada@example.org", 1).await;
    node.stop().await;
}

#[tokio::test]
async fn a_letter_that_a_crash_left_behind_is_sent_on_sqlite() {
    a_letter_that_a_crash_left_behind_is_sent(Backend::Sqlite).await;
}

#[tokio::test]
async fn a_letter_that_a_crash_left_behind_is_sent_on_postgres() {
    a_letter_that_a_crash_left_behind_is_sent(Backend::Postgres).await;
}

#[tokio::test]
async fn a_letter_waits_longer_each_time_while_the_mail_server_is_away() {
    let clock = Clock::manual(testkit::now());
    let node = builder(&FakeRoles::default()).clock(&clock).start().await;
    node.mailbox().go_away();
    write_letter(&node, "ada@example.org").await;
    let mut delays = vec![];
    for tries in 1..=2 {
        let due_at = eventually("a try", || async {
            let (_, due_at, count, _) = kept(&node).await.remove(0);
            let wait = due_at.expect("waiting") - clock.now().as_millisecond();
            // While it is being tried, the end of the lease stands there.
            (count == tries && wait != 120_000 && wait > 0).then_some(wait)
        });
        let wait = due_at.await;
        delays.push(wait / 1000);
        clock.advance(SignedDuration::from_millis(wait));
    }
    assert_eq!(delays, [30, 60]);
    node.mailbox().come_back();
    wait_for_letters(&node, "ada@example.org", 1).await;
}

#[tokio::test]
async fn a_letter_in_the_hands_of_a_process_that_died_is_sent_by_another() {
    let clock = Clock::manual(testkit::now());
    let node = builder(&FakeRoles::default()).clock(&clock).start().await;
    node.mailbox().go_away();
    write_letter(&node, "ada@example.org").await;
    let postponed = clock.now() + SignedDuration::from_secs(30);
    let postponed = Some(postponed.as_millisecond());
    eventually("a try", || async { (kept(&node).await[0].1 == postponed).then_some(()) }).await;
    // As the other process left it: taken, and nothing said of what became of it.
    let lease_ends = clock.now() + SignedDuration::from_secs(120);
    let tx = node.database().begin().await.expect("a transaction");
    let sql = "update letter set due_at = $1";
    let values = [lease_ends.as_millisecond().into()];
    let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
    tx.execute_raw(statement).await.expect("written");
    tx.commit().await.expect("committed");
    node.mailbox().come_back();
    let users = replica(&node);
    clock.advance(SignedDuration::from_secs(119));
    users.send_due_letters(&CancellationToken::new()).await.expect("a round");
    assert!(node.letters().is_empty(), "it may still be on its way");
    clock.advance(SignedDuration::from_secs(1));
    wait_for_letters(&node, "ada@example.org", 1).await;
}

#[tokio::test]
async fn a_letter_is_given_up_after_twelve_tries() {
    let clock = Clock::manual(testkit::now());
    let node = builder(&FakeRoles::default()).clock(&clock).start().await;
    node.mailbox().go_away();
    write_letter(&node, "ada@example.org").await;
    let users = replica(&node);
    let given_up = eventually("giving up", || async {
        clock.advance(SignedDuration::from_hours(5));
        users.send_due_letters(&CancellationToken::new()).await.expect("a round");
        let row = kept(&node).await.remove(0);
        row.1.is_none().then_some(row)
    });
    let given_up = given_up.await;
    assert!(matches!(given_up, (None, None, 12, None)), "{given_up:?}");
    node.mailbox().come_back();
    write_letter(&node, "grace@example.org").await;
    wait_for_letters(&node, "grace@example.org", 1).await;
    assert!(letters_to(&node, "ada@example.org").is_empty());
}

/// Eight replicas find the same letter due.
async fn replicas_do_not_send_a_letter_twice(backend: Backend) {
    let node = super::node_on(backend).await;
    for _ in 0..5 {
        write_letter(&node, "ada@example.org").await;
    }
    let replica = Arc::new(replica(&node));
    let replicas: Vec<_> = (0..8)
        .map(|_| {
            let replica = replica.clone();
            tokio::spawn(async move { replica.send_due_letters(&CancellationToken::new()).await })
        })
        .collect();
    for replica in replicas {
        replica.await.expect("an end").expect("no error");
    }
    wait_for_letters(&node, "ada@example.org", 5).await;
    let mut ids: Vec<_> = node.letters().iter().map(mail::Letter::id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), node.letters().len());
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_do_not_send_a_letter_twice_on_sqlite() {
    replicas_do_not_send_a_letter_twice(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_do_not_send_a_letter_twice_on_postgres() {
    replicas_do_not_send_a_letter_twice(Backend::Postgres).await;
}

/// Eight at once, and later.
async fn an_address_gets_three_letters_an_hour(backend: Backend) {
    let clock = Clock::manual(testkit::now());
    let node = builder(&FakeRoles::default()).on(backend).clock(&clock).start().await;
    let claim = |kind| {
        let node = &node;
        async move {
            let tx = node.database().begin().await.expect("a transaction");
            let to = email("ada@example.org");
            let now = node.database().clock().now();
            let claimed = store::claim_letter(&tx, &to, kind, now).await.expect("an answer");
            tx.commit().await.expect("committed");
            usize::from(claimed)
        }
    };
    let link = || claim(LetterKind::Link);
    let (a, b, c, d, e, f, g, h) =
        tokio::join!(link(), link(), link(), link(), link(), link(), link(), link());
    assert_eq!(a + b + c + d + e + f + g + h, 3);
    assert_eq!(claim(LetterKind::Notice).await, 1, "warnings are counted apart");
    clock.advance(SignedDuration::from_mins(59));
    assert_eq!(link().await, 0);
    clock.advance(SignedDuration::from_mins(1));
    assert_eq!(link().await + link().await + link().await + link().await, 3);
    node.stop().await;
}

#[tokio::test]
async fn an_address_gets_three_letters_an_hour_on_sqlite() {
    an_address_gets_three_letters_an_hour(Backend::Sqlite).await;
}

#[tokio::test]
async fn an_address_gets_three_letters_an_hour_on_postgres() {
    an_address_gets_three_letters_an_hour(Backend::Postgres).await;
}

#[tokio::test]
async fn an_address_that_is_none_is_given_up_at_once() {
    let node = node().await;
    write_letter(&node, "ada@example.org").await;
    wait_for_letters(&node, "ada@example.org", 1).await;
    let tx = node.database().begin().await.expect("a transaction");
    let sql = "update letter set recipient = $1, body = 'x', due_at = 0, tries = 0";
    let values = ["a\nBcc: eve@example.org".into()];
    let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
    tx.execute_raw(statement).await.expect("written");
    tx.commit().await.expect("committed");
    let given_up = eventually("giving up", || async {
        let row = kept(&node).await.remove(0);
        row.1.is_none().then_some(row)
    });
    assert!(matches!(given_up.await, (None, None, 1, None)));
    assert_eq!(node.letters().len(), 1);
}

#[tokio::test]
async fn what_is_long_over_is_forgotten() {
    let clock = Clock::manual(testkit::now());
    let node = builder(&FakeRoles::default()).clock(&clock).start().await;
    sign_up(&node, "ada@example.org").await;
    wait_for_letters(&node, "ada@example.org", 1).await;
    eventually("the record", || async {
        kept(&node).await.iter().all(|row| row.1.is_none()).then_some(())
    })
    .await;
    let users = replica(&node);
    jobs::sweep(&users).await.expect("swept");
    assert_eq!(kept(&node).await.len(), 1);
    clock.advance(SignedDuration::from_hours(31 * 24));
    jobs::sweep(&users).await.expect("swept");
    assert!(kept(&node).await.is_empty());
    let admin = node.caller(&[("admin", None)]);
    let page = node.get(&admin, super::USERS).await.expect(200);
    assert_eq!(page.items()[0]["email"], json!("ada@example.org"));
}
