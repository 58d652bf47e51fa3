use contracts::ids::{SessionId, UserId};
use jiff::SignedDuration;
use serde_json::{Value, json};
use stdx::Clock;
use testkit::{Answer, Backend, Caller, TestNode, eventually};
use tonic::Code;

use super::{
    FakeRoles, PASSWORD, USERS, authenticate_from, builder, id_of, letters_to, new_user, node,
    node_on, path_of, published, sign_up, sign_up_for, token_in, wait_for_letters,
};

const ADA: &str = "ada@example.org";
const NEW_PASSWORD: &str = "another good secret";

async fn post(node: &TestNode, path: &str, body: Value) -> Answer {
    node.post(&Caller::anonymous(), &format!("/api/v1/auth/{path}"), body).await
}

async fn verify(node: &TestNode, token: &str) -> Answer {
    post(node, "verify-email", json!({ "token": token })).await
}

async fn reset(node: &TestNode, token: &str, password: &str) -> Answer {
    post(node, "reset-password", json!({ "token": token, "newPassword": password })).await
}

async fn forget(node: &TestNode, email: &str) {
    post(node, "forgot-password", json!({ "email": email })).await.expect(202);
}

async fn change_email(node: &TestNode, caller: &Caller, new: &str) -> Answer {
    let body = json!({ "password": PASSWORD, "newEmail": new });
    node.post(caller, "/api/v1/users/me/email", body).await
}

async fn me(node: &TestNode, id: UserId) -> Answer {
    node.get(&node.caller_with_id(id, &[]), "/api/v1/users/me").await.expect(200)
}

async fn signs_in(node: &TestNode, email: &str, password: &str) -> bool {
    match authenticate_from(node, email, password, "", "192.0.2.1").await {
        Ok(_) => true,
        Err(refusal) => {
            assert_eq!(
                (refusal.status, refusal.code.as_str()),
                (Code::Unauthenticated, "bad_credentials")
            );
            false
        }
    }
}

/// Ada, and the link she was sent when she signed up.
async fn ada(node: &TestNode) -> (UserId, String) {
    let id = id_of(&sign_up(node, ADA).await);
    let token = token_in(&wait_for_letters(node, ADA, 1).await, "verify-email");
    (id, token)
}

#[tokio::test]
async fn a_link_confirms_the_address_once() {
    let node = node().await;
    let (id, token) = ada(&node).await;
    assert_eq!(me(&node, id).await.body["emailVerified"], false);
    verify(&node, "guess").await.expect_problem(403, "link_not_valid");
    reset(&node, &token, NEW_PASSWORD).await.expect_problem(403, "link_not_valid");
    verify(&node, &token).await.expect(204);
    assert_eq!(me(&node, id).await.body["emailVerified"], true);
    verify(&node, &token).await.expect_problem(403, "link_not_valid");
    let tokens = authenticate_from(&node, ADA, PASSWORD, "", "").await.expect("signed in");
    assert!(tokens.email_verified);
    assert_eq!(tokens.amr, ["pwd"]);
    assert_eq!(published(&node, "user.updated").await, 1);
}

#[tokio::test]
async fn links_end_and_are_replaced() {
    let clock = Clock::manual(testkit::now());
    let node = builder(&FakeRoles::default()).clock(&clock).start().await;
    let (id, first) = ada(&node).await;
    change_email(&node, &node.caller_with_id(id, &[]), ADA).await.expect(202);
    let second = token_in(&wait_for_letters(&node, ADA, 2).await, "verify-email");
    assert_ne!(first, second);
    verify(&node, &first).await.expect_problem(403, "link_not_valid");
    clock.advance(SignedDuration::from_hours(24));
    verify(&node, &second).await.expect_problem(403, "link_not_valid");

    forget(&node, ADA).await;
    let first = token_in(&wait_for_letters(&node, ADA, 3).await, "reset-password");
    forget(&node, ADA).await;
    let second = token_in(&wait_for_letters(&node, ADA, 4).await, "reset-password");
    reset(&node, &first, NEW_PASSWORD).await.expect_problem(403, "link_not_valid");
    clock.advance(SignedDuration::from_secs(3599));
    reset(&node, &second, "short").await.expect_problem(422, "invalid_values");
    clock.advance(SignedDuration::from_secs(1));
    reset(&node, &second, NEW_PASSWORD).await.expect_problem(403, "link_not_valid");
}

/// Eight at once.
async fn a_link_works_once(backend: Backend) {
    let node = node_on(backend).await;
    ada(&node).await;
    forget(&node, ADA).await;
    let token = token_in(&wait_for_letters(&node, ADA, 2).await, "reset-password");
    let go = |n: usize| reset_as(&node, &token, n);
    let all = tokio::join!(go(0), go(1), go(2), go(3), go(4), go(5), go(6), go(7));
    let statuses = [all.0, all.1, all.2, all.3, all.4, all.5, all.6, all.7];
    let winners: Vec<usize> = (0..8).filter(|n| statuses[*n] == 204).collect();
    assert_eq!(winners.len(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 7, "{statuses:?}");
    assert!(signs_in(&node, ADA, &format!("{NEW_PASSWORD} {}", winners[0])).await);
    assert_eq!(published(&node, "user.password_changed").await, 1);
    node.stop().await;
}

async fn reset_as(node: &TestNode, token: &str, n: usize) -> u16 {
    reset(node, token, &format!("{NEW_PASSWORD} {n}")).await.status.as_u16()
}

#[tokio::test]
async fn a_link_works_once_on_sqlite() {
    a_link_works_once(Backend::Sqlite).await;
}

#[tokio::test]
async fn a_link_works_once_on_postgres() {
    a_link_works_once(Backend::Postgres).await;
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_through_the_mailbox() {
    let node = node().await;
    let (id, _) = ada(&node).await;
    forget(&node, " ADA@example.org").await;
    let token = token_in(&wait_for_letters(&node, ADA, 2).await, "reset-password");
    for weak in ["short", "password123", "ada@example.org"] {
        let problem = reset(&node, &token, weak).await.expect_problem(422, "invalid_values");
        assert_eq!(problem.body["errors"][0]["field"], "newPassword");
    }
    assert!(signs_in(&node, ADA, PASSWORD).await);
    reset(&node, &token, NEW_PASSWORD).await.expect(204);
    assert!(!signs_in(&node, ADA, PASSWORD).await);
    assert!(signs_in(&node, ADA, NEW_PASSWORD).await);
    assert_eq!(me(&node, id).await.body["emailVerified"], true, "the letter was read");
    let notice = wait_for_letters(&node, ADA, 3).await.remove(2);
    assert_eq!(notice.subject(), "Your password was changed");
    let messages = node.published().await;
    let changed = messages.iter().find(|(kind, _)| kind == "user.password_changed");
    assert_eq!(changed.expect("told").1, json!({ "userId": id, "keepSessionId": null }));
}

#[tokio::test]
async fn asking_for_a_new_password_tells_nobody_who_has_an_account() {
    let node = node().await;
    ada(&node).await;
    let disabled = id_of(&sign_up(&node, "grace@example.org").await);
    wait_for_letters(&node, "grace@example.org", 1).await;
    let admin = node.caller(&[("admin", None)]);
    node.patch(&admin, &path_of(disabled), json!({ "isActive": false })).await.expect(200);
    let mut answers = vec![];
    for email in [ADA, "grace@example.org", "nobody@example.org"] {
        let answer = post(&node, "forgot-password", json!({ "email": email })).await;
        answers.push((answer.status, answer.body));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0].0, 202);
    wait_for_letters(&node, ADA, 2).await;
    // Asked for after the others, so theirs have been looked at.
    forget(&node, ADA).await;
    wait_for_letters(&node, ADA, 3).await;
    assert_eq!(letters_to(&node, "grace@example.org").len(), 1);
    assert!(letters_to(&node, "nobody@example.org").is_empty());
    let wrong = post(&node, "forgot-password", json!({ "email": "ada" })).await;
    wrong.expect_problem(422, "invalid_values");
    post(&node, "forgot-password", json!({})).await.expect_problem(400, "malformed_request");
}

#[tokio::test]
async fn nobody_is_flooded_with_links() {
    let clock = Clock::manual(testkit::now());
    let node = builder(&FakeRoles::default()).clock(&clock).start().await;
    ada(&node).await;
    for letters in 2..=3 {
        forget(&node, ADA).await;
        wait_for_letters(&node, ADA, letters).await;
    }
    for _ in 0..5 {
        forget(&node, ADA).await;
    }
    clock.advance(SignedDuration::from_hours(1));
    forget(&node, ADA).await;
    wait_for_letters(&node, ADA, 4).await;
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions() {
    let node = node().await;
    let (id, _) = ada(&node).await;
    let ada = node.caller_with_id(id, &[]);
    let change = |present: &str, new: &str| {
        let body = json!({ "currentPassword": present, "newPassword": new });
        node.post(&ada, "/api/v1/users/me/password", body)
    };
    forget(&node, ADA).await;
    let link = token_in(&wait_for_letters(&node, ADA, 2).await, "reset-password");
    for (present, new, field) in [
        ("wrong password", NEW_PASSWORD, "currentPassword"),
        (PASSWORD, "password123", "newPassword"),
        (PASSWORD, "short", "newPassword"),
    ] {
        let problem = change(present, new).await.expect_problem(422, "invalid_values");
        assert_eq!(problem.body["errors"][0]["field"], field);
    }
    assert_eq!(published(&node, "user.password_changed").await, 0);
    change(PASSWORD, NEW_PASSWORD).await.expect(204);
    assert!(!signs_in(&node, ADA, PASSWORD).await && signs_in(&node, ADA, NEW_PASSWORD).await);
    reset(&node, &link, "a third good secret").await.expect_problem(403, "link_not_valid");
    let messages = node.published().await;
    let changed = messages.iter().find(|(kind, _)| kind == "user.password_changed");
    let (_, changed) = changed.expect("told");
    assert_eq!(changed["userId"], json!(id));
    let kept: Option<SessionId> = changed["keepSessionId"].as_str().and_then(|id| id.parse().ok());
    assert!(kept.is_some(), "{changed}");
    wait_for_letters(&node, ADA, 3).await;
}

#[tokio::test]
async fn of_two_who_change_a_password_at_once_one_does() {
    let node = node().await;
    let (id, _) = ada(&node).await;
    let ada = node.caller_with_id(id, &[]);
    let change = |new: &'static str| {
        let body = json!({ "currentPassword": PASSWORD, "newPassword": new });
        node.post(&ada, "/api/v1/users/me/password", body)
    };
    let (one, two) = tokio::join!(change("the first new secret"), change("the second new secret"));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 422]);
}

#[tokio::test]
async fn c29_a_stolen_session_is_no_place_to_guess_the_password() {
    let clock = Clock::manual(testkit::now());
    let node = builder(&FakeRoles::default()).clock(&clock).start().await;
    let (id, _) = ada(&node).await;
    let ada = node.caller_with_id(id, &[]);
    let try_password = |password: &str| {
        let body = json!({ "password": password, "newEmail": "eve@example.org" });
        node.post(&ada, "/api/v1/users/me/email", body)
    };
    for _ in 0..5 {
        try_password("a guess").await.expect_problem(422, "invalid_values");
    }
    let refused = try_password(PASSWORD).await.expect_problem(429, "too_many_attempts");
    assert_eq!(refused.headers["retry-after"], "1");
    assert!(signs_in(&node, ADA, PASSWORD).await, "signing in is not held up");
    clock.advance(SignedDuration::from_secs(1));
    try_password(PASSWORD).await.expect(202);
}

#[tokio::test]
async fn a_new_address_counts_when_it_is_confirmed() {
    let node = node().await;
    let (id, _) = ada(&node).await;
    let caller = node.caller_with_id(id, &[]);
    let body = json!({ "password": "wrong password", "newEmail": "lovelace@example.org" });
    let wrong = node.post(&caller, "/api/v1/users/me/email", body).await;
    assert_eq!(wrong.expect_problem(422, "invalid_values").body["errors"][0]["field"], "password");
    change_email(&node, &caller, "lovelace").await.expect_problem(422, "invalid_values");

    change_email(&node, &caller, "Lovelace@example.org").await.expect(202);
    let link = token_in(&wait_for_letters(&node, "lovelace@example.org", 1).await, "verify-email");
    let notice = wait_for_letters(&node, ADA, 2).await.remove(1);
    assert!(notice.text().contains("lovelace@example.org") && !notice.text().contains("token="));
    assert_eq!(me(&node, id).await.text("email"), ADA);
    assert!(signs_in(&node, ADA, PASSWORD).await);

    forget(&node, ADA).await;
    let old_link = token_in(&wait_for_letters(&node, ADA, 3).await, "reset-password");
    verify(&node, &link).await.expect(204);
    let changed = me(&node, id).await;
    assert_eq!(changed.text("email"), "lovelace@example.org");
    assert_eq!(changed.body["emailVerified"], true);
    assert!(!signs_in(&node, ADA, PASSWORD).await);
    assert!(signs_in(&node, "lovelace@example.org", PASSWORD).await);
    reset(&node, &old_link, NEW_PASSWORD).await.expect_problem(403, "link_not_valid");
    let updated = node.published().await.into_iter().rfind(|(kind, _)| kind == "user.updated");
    assert_eq!(updated.expect("told").1["email"], "lovelace@example.org");
}

/// That somebody has the address is told to who reads what arrives there.
async fn an_address_that_is_taken_stays_where_it_is(backend: Backend) {
    let node = node_on(backend).await;
    let (id, _) = ada(&node).await;
    sign_up(&node, "grace@example.org").await;
    wait_for_letters(&node, "grace@example.org", 1).await;
    let caller = node.caller_with_id(id, &[]);
    change_email(&node, &caller, "grace@example.org").await.expect(202);
    let link = token_in(&wait_for_letters(&node, "grace@example.org", 2).await, "verify-email");
    verify(&node, &link).await.expect_problem(409, "email_taken");
    assert_eq!(me(&node, id).await.text("email"), ADA);
    node.stop().await;
}

#[tokio::test]
async fn an_address_that_is_taken_stays_where_it_is_on_sqlite() {
    an_address_that_is_taken_stays_where_it_is(Backend::Sqlite).await;
}

#[tokio::test]
async fn an_address_that_is_taken_stays_where_it_is_on_postgres() {
    an_address_that_is_taken_stays_where_it_is(Backend::Postgres).await;
}

#[tokio::test]
async fn a_new_password_undoes_a_change_of_address_that_waits() {
    let node = node().await;
    let (id, _) = ada(&node).await;
    let caller = node.caller_with_id(id, &[]);
    change_email(&node, &caller, "eve@example.org").await.expect(202);
    let link = token_in(&wait_for_letters(&node, "eve@example.org", 1).await, "verify-email");
    forget(&node, ADA).await;
    let letters = wait_for_letters(&node, ADA, 3).await;
    reset(&node, &token_in(&letters, "reset-password"), NEW_PASSWORD).await.expect(204);
    verify(&node, &link).await.expect_problem(403, "link_not_valid");
    assert_eq!(me(&node, id).await.text("email"), ADA);
}

#[tokio::test]
async fn only_people_have_an_account_to_make_safer() {
    let node = node().await;
    let nobody = Caller::anonymous();
    let service = node.service_caller("tokens");
    let gone = node.caller(&[("admin", None)]);
    let password = json!({ "password": PASSWORD });
    let calls = [
        (http::Method::GET, "security", None),
        (
            http::Method::POST,
            "password",
            Some(json!({ "currentPassword": PASSWORD, "newPassword": NEW_PASSWORD })),
        ),
        (http::Method::POST, "email", Some(json!({ "password": PASSWORD, "newEmail": ADA }))),
        (http::Method::POST, "totp", Some(password.clone())),
        (http::Method::DELETE, "totp", Some(password)),
        (http::Method::POST, "totp/confirm", Some(json!({ "code": "123456" }))),
    ];
    for (method, path, body) in calls {
        let path = format!("{USERS}/me/{path}");
        for (caller, status, code) in [
            (&nobody, 401, "unauthenticated"),
            (&service, 403, "not_permitted"),
            (&gone, 404, "user_not_found"),
        ] {
            let answer = node.send(caller, method.clone(), &path, body.clone(), &[]).await;
            answer.expect_problem(status, code);
        }
    }
}

#[tokio::test]
async fn who_makes_an_account_for_a_customer_has_its_owner_asked() {
    let node = node().await;
    sign_up_for(&node, "grace@example.org", contracts::ids::CustomerId::new()).await;
    wait_for_letters(&node, "grace@example.org", 1).await;
}

/// A letter that cannot leave holds up nothing else.
#[tokio::test]
async fn while_the_mail_server_is_away_people_sign_up() {
    let node = node().await;
    node.mailbox().go_away();
    let body = new_user(ADA);
    node.post(&Caller::anonymous(), USERS, body).await.expect(201);
    eventually("signing in", || async { signs_in(&node, ADA, PASSWORD).await.then_some(()) }).await;
    assert!(node.letters().is_empty());
}
