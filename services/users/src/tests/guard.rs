use jiff::{SignedDuration, Timestamp};
use stdx::Clock;
use testkit::{Backend, TestNode};
use tonic::Code;

use super::{FakeRoles, PASSWORD, Refusal, authenticate_from, builder, make_administrator};
use crate::app::Guard;
use crate::domain::{counted_address, wait_at_address, wait_for_account};
use crate::error::Error;

const ADA: &str = "ada@example.org";
const HOME: &str = "192.0.2.1";
const ELSEWHERE: &str = "198.51.100.7";

async fn stage() -> (TestNode, Clock) {
    let clock = Clock::manual(testkit::now());
    let node = builder(&FakeRoles::default()).clock(&clock).start().await;
    make_administrator(&node, ADA).await;
    (node, clock)
}

async fn guess(node: &TestNode, email: &str, address: &str) -> Refusal {
    authenticate_from(node, email, "a wrong guess", "", address).await.expect_err("refused")
}

fn wait(refusal: &Refusal) -> Option<u32> {
    match (refusal.status, refusal.code.as_str()) {
        (Code::ResourceExhausted, "too_many_attempts") => refusal.retry_after,
        (Code::Unauthenticated, "bad_credentials") => None,
        _ => panic!("{refusal:?}"),
    }
}

#[tokio::test]
async fn after_five_wrong_passwords_waiting_begins_and_grows() {
    let (node, clock) = stage().await;
    for _ in 0..5 {
        assert_eq!(wait(&guess(&node, ADA, HOME).await), None);
    }
    for seconds in [1, 2, 4] {
        let right = authenticate_from(&node, ADA, PASSWORD, "", HOME).await;
        assert_eq!(wait(&right.expect_err("waits")), Some(seconds), "with the right one as well");
        clock.advance(SignedDuration::from_secs(i64::from(seconds)));
        assert_eq!(wait(&guess(&node, "ADA@example.org ", HOME).await), None);
    }
    assert_eq!(wait(&guess(&node, ADA, HOME).await), Some(8));
    clock.advance(SignedDuration::from_secs(8));
    authenticate_from(&node, ADA, PASSWORD, "", HOME).await.expect("signed in");
    for _ in 0..5 {
        assert_eq!(wait(&guess(&node, ADA, HOME).await), None, "a right one makes good");
    }
}

#[tokio::test]
async fn c27_nobody_locks_somebody_else_out() {
    let (node, _) = stage().await;
    for _ in 0..20 {
        guess(&node, ADA, ELSEWHERE).await;
    }
    assert!(wait(&guess(&node, ADA, ELSEWHERE).await).is_some());
    authenticate_from(&node, ADA, PASSWORD, "", HOME).await.expect("signed in from home");
    assert_eq!(wait(&guess(&node, "grace@example.org", ELSEWHERE).await), None);
}

/// Its address does not count as the owner's, and wrong tries are not made good.
#[test]
fn an_attempt_without_an_outcome_counts_for_nothing() {
    let (guard, now) = (Guard::default(), Timestamp::UNIX_EPOCH);
    for _ in 0..5 {
        guard.admit(ADA, HOME, false, now).expect("let in").failed(now);
        drop(guard.admit(ADA, ELSEWHERE, false, now).expect("let in"));
    }
    let later = now + SignedDuration::from_secs(1);
    drop(guard.admit(ADA, HOME, false, later).expect("let in"));
    guard.admit(ADA, HOME, false, later).expect("let in").failed(later);
    assert!(matches!(
        guard.admit(ADA, HOME, false, later),
        Err(Error::TooManyAttempts { seconds: 2 })
    ));
}

#[tokio::test]
async fn c27_unknown_accounts_are_counted_like_known_ones() {
    let (node, clock) = stage().await;
    for _ in 0..10 {
        let known = guess(&node, ADA, HOME).await;
        let unknown = guess(&node, "nobody@example.org", HOME).await;
        assert_eq!(known, unknown);
        clock.advance(SignedDuration::from_millis(700));
    }
}

/// Guesses from many addresses at once: who comes from where the owner never was has to wait, the owner does not.
async fn spread_guesses_wait_and_the_owner_does_not(backend: Backend) {
    let clock = Clock::manual(testkit::now());
    let node = builder(&FakeRoles::default()).on(backend).clock(&clock).start().await;
    make_administrator(&node, ADA).await;
    authenticate_from(&node, ADA, PASSWORD, "", HOME).await.expect("signed in");
    // Another process, or this one after a new start, knows only what was written down.
    let other = crate::app::Passwords::for_this_machine();
    let other = crate::Users::new(&node.context(), other).expect("a service");
    let actor = policies::Actor::new(
        policies::Principal::Service("tokens".into()),
        policies::Holdings::default(),
        vec![],
        None,
    );
    let sign_in = |password: &str, address: String| {
        let sign_in = crate::app::SignIn {
            email: ADA.into(),
            password: password.into(),
            second_factor: String::new(),
            client_address: address,
        };
        other.authenticate(&actor, sign_in)
    };
    for n in 0..50 {
        let guessed = sign_in("a wrong guess", format!("203.0.113.{n}")).await;
        assert!(matches!(guessed, Err(Error::BadCredentials)));
    }
    let next = sign_in("a wrong guess", "203.0.113.99".into()).await;
    assert!(matches!(next, Err(Error::TooManyAttempts { seconds: 1 })));
    let stranger = sign_in(PASSWORD, ELSEWHERE.into()).await;
    assert!(matches!(stranger, Err(Error::TooManyAttempts { seconds: 1 })));
    assert!(sign_in(PASSWORD, HOME.into()).await.is_ok(), "where the owner was before");
    clock.advance(SignedDuration::from_secs(1));
    assert!(sign_in(PASSWORD, ELSEWHERE.into()).await.is_ok(), "waiting helps");
    node.stop().await;
}

#[tokio::test]
async fn spread_guesses_wait_and_the_owner_does_not_on_sqlite() {
    spread_guesses_wait_and_the_owner_does_not(Backend::Sqlite).await;
}

#[tokio::test]
async fn spread_guesses_wait_and_the_owner_does_not_on_postgres() {
    spread_guesses_wait_and_the_owner_does_not(Backend::Postgres).await;
}

#[test]
fn guesses_at_the_same_time_are_not_free() {
    let (guard, now) = (Guard::default(), Timestamp::UNIX_EPOCH);
    let admitted: Vec<_> = (0..100).map(|_| guard.admit(ADA, HOME, false, now)).collect();
    assert_eq!(admitted.iter().filter(|attempt| attempt.is_ok()).count(), 5);
    for attempt in admitted.into_iter().flatten() {
        attempt.failed(now);
    }
    assert!(guard.admit(ADA, HOME, false, now).is_err());
    let later = now + SignedDuration::from_secs(1);
    let admitted: Vec<_> = (0..100).map(|_| guard.admit(ADA, HOME, false, later)).collect();
    assert_eq!(admitted.iter().filter(|attempt| attempt.is_ok()).count(), 1);
    // One that was broken off counts for nothing.
    drop(admitted);
    assert!(guard.admit(ADA, HOME, false, later).is_ok());
}

#[test]
fn where_the_owner_has_signed_in_many_may_at_once() {
    let (guard, now) = (Guard::default(), Timestamp::UNIX_EPOCH);
    let first = guard.admit(ADA, HOME, false, now).expect("let in");
    assert!(first.succeeded());
    let admitted: Vec<_> = (0..100).map(|_| guard.admit(ADA, HOME, false, now)).collect();
    assert_eq!(admitted.iter().filter(|attempt| attempt.is_ok()).count(), 64);
    for attempt in admitted.into_iter().flatten() {
        assert!(!attempt.succeeded());
    }
}

#[test]
fn the_memory_is_bounded_and_forgets_the_oldest() {
    let guard = Guard::default();
    let start = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1000);
    for n in 0..20_500i64 {
        let now = start + SignedDuration::from_millis(n);
        let attempt = guard.admit(&format!("{n}@example.org"), HOME, false, now);
        attempt.expect("let in").failed(now);
    }
    assert_eq!(guard.len(), 20_000);
    let later = start + SignedDuration::from_hours(3);
    assert!(guard.admit("new@example.org", HOME, false, later).is_ok());
    assert_eq!(guard.len(), 1);
}

#[test]
fn waits_double_up_to_their_longest() {
    let here: Vec<i64> = (4..16).map(|failures| wait_at_address(failures).as_secs()).collect();
    assert_eq!(here, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    assert_eq!(wait_for_account(49).as_secs(), 0);
    assert_eq!(wait_for_account(u32::MAX).as_secs(), 60);
}

#[test]
fn an_address_is_what_one_customer_of_a_provider_has() {
    assert_eq!(counted_address("192.0.2.1"), "192.0.2.1");
    assert_eq!(counted_address("::ffff:192.0.2.1"), "192.0.2.1");
    assert_eq!(counted_address("2001:db8:1:2:3::4"), counted_address("2001:db8:1:2::9"));
    assert_ne!(counted_address("2001:db8:1:2::1"), counted_address("2001:db8:1:3::1"));
    assert_eq!(counted_address("nonsense"), "");
}
