use contracts::grpc::users::users_client::UsersClient;
use contracts::grpc::users::{AuthenticateLinkRequest, User};
use contracts::ids::UserId;
use jiff::SignedDuration;
use serde_json::json;
use stdx::Clock;
use testkit::{Answer, Backend, Caller, TestNode, eventually};
use tonic::{Code, Response};

use super::{
    FakeRoles, PASSWORD, Refusal, USERS, builder, id_of, letters_to, path_of, published, refusal,
    second_factor, sign_up, token_in, wait_for_letters,
};

const ADA: &str = "ada@example.org";

/// Ada, and a clock that the test moves.
struct Stage {
    node: TestNode,
    clock: Clock,
    id: UserId,
    ada: Caller,
}

impl Stage {
    async fn new(backend: Backend) -> Self {
        let clock = Clock::manual(testkit::now());
        let node = builder(&FakeRoles::default()).on(backend).clock(&clock).start().await;
        let id = id_of(&sign_up(&node, ADA).await);
        wait_for_letters(&node, ADA, 1).await;
        let ada = node.caller_with_id(id, &[]);
        Self { node, clock, id, ada }
    }

    async fn ask(&self, email: &str) -> Answer {
        let path = "/api/v1/auth/email-link";
        self.node.post(&Caller::anonymous(), path, json!({ "email": email })).await
    }

    /// The token of the next letter, which is the `count`th to Ada.
    async fn link(&self, count: usize) -> String {
        self.ask(ADA).await.expect(202);
        token_in(&wait_for_letters(&self.node, ADA, count).await, "sign-in-link")
    }

    async fn sign_in(&self, token: &str, second_factor: &str) -> Result<User, Refusal> {
        let request = AuthenticateLinkRequest {
            token: token.to_owned(),
            second_factor: second_factor.to_owned(),
            client_address: "192.0.2.1".to_owned(),
        };
        let tokens = self.node.service_caller("tokens");
        let request = self.node.grpc_request(&tokens, request);
        let answer = UsersClient::new(self.node.channel()).authenticate_link(request).await;
        answer.map(Response::into_inner).map_err(|status| refusal(&status))
    }

    async fn is_verified(&self) -> bool {
        let me = self.node.get(&self.ada, &format!("{USERS}/me")).await.expect(200);
        me.body["emailVerified"] == true
    }
}

#[track_caller]
fn expect_code(answer: Result<User, Refusal>, code: &str) {
    let refusal = answer.expect_err("refused");
    assert_eq!((refusal.status, refusal.code.as_str()), (Code::Unauthenticated, code));
}

async fn a_link_signs_in_once_and_shows_that_the_address_is_the_owners(backend: Backend) {
    let stage = Stage::new(backend).await;
    let token = stage.link(2).await;
    let letter = letters_to(&stage.node, ADA).remove(1);
    assert_eq!(letter.subject(), "Your link to sign in");
    expect_code(stage.sign_in("guess", "").await, "link_not_valid");
    assert!(!stage.is_verified().await);
    let user = stage.sign_in(&token, "").await.expect("signed in");
    assert_eq!((user.id, user.amr), (stage.id.to_string(), vec!["email".to_owned()]));
    assert!(user.email_verified && stage.is_verified().await);
    expect_code(stage.sign_in(&token, "").await, "link_not_valid");
    assert_eq!(published(&stage.node, "user.updated").await, 1);

    // Eight at once.
    let token = stage.link(3).await;
    let go = || stage.sign_in(&token, "");
    let all = tokio::join!(go(), go(), go(), go(), go(), go(), go(), go());
    let all = [all.0, all.1, all.2, all.3, all.4, all.5, all.6, all.7];
    assert_eq!(all.iter().filter(|answer| answer.is_ok()).count(), 1);
    stage.node.stop().await;
}

#[tokio::test]
async fn a_link_signs_in_once_and_shows_that_the_address_is_the_owners_on_sqlite() {
    a_link_signs_in_once_and_shows_that_the_address_is_the_owners(Backend::Sqlite).await;
}

#[tokio::test]
async fn a_link_signs_in_once_and_shows_that_the_address_is_the_owners_on_postgres() {
    a_link_signs_in_once_and_shows_that_the_address_is_the_owners(Backend::Postgres).await;
}

#[tokio::test]
async fn asking_for_the_second_factor_does_not_use_the_link_up() {
    let stage = Stage::new(Backend::Sqlite).await;
    let secret = second_factor::set_up(&stage.node, &stage.ada, &stage.clock).await;
    wait_for_letters(&stage.node, ADA, 2).await;
    let token = stage.link(3).await;
    expect_code(stage.sign_in(&token, "").await, "second_factor_required");
    let right = second_factor::code_at(&secret, &stage.clock);
    let wrong = if right == "000000" { "000001" } else { "000000" };
    expect_code(stage.sign_in(&token, wrong).await, "bad_second_factor");
    assert!(!stage.is_verified().await, "nobody has come in yet");
    let user = stage.sign_in(&token, &right).await.expect("signed in");
    assert_eq!(user.amr, ["email", "otp", "mfa"]);
    expect_code(stage.sign_in(&token, &right).await, "link_not_valid");
}

#[tokio::test]
async fn a_link_lives_ten_minutes_and_a_newer_one_replaces_it() {
    let stage = Stage::new(Backend::Sqlite).await;
    let first = stage.link(2).await;
    let second = stage.link(3).await;
    expect_code(stage.sign_in(&first, "").await, "link_not_valid");
    stage.clock.advance(SignedDuration::from_secs(599));
    stage.sign_in(&second, "").await.expect("in time");
    let third = stage.link(4).await;
    stage.clock.advance(SignedDuration::from_secs(600));
    expect_code(stage.sign_in(&third, "").await, "link_not_valid");
}

#[tokio::test]
async fn a_link_opens_nothing_that_has_changed_since() {
    let stage = Stage::new(Backend::Sqlite).await;
    let admin = stage.node.caller(&[("admin", None)]);
    let token = stage.link(2).await;
    stage.node.patch(&admin, &path_of(stage.id), json!({ "isActive": false })).await.expect(200);
    expect_code(stage.sign_in(&token, "").await, "link_not_valid");
    stage.node.patch(&admin, &path_of(stage.id), json!({ "isActive": true })).await.expect(200);
    let change = json!({ "currentPassword": PASSWORD, "newPassword": "another good secret" });
    stage.node.post(&stage.ada, &format!("{USERS}/me/password"), change).await.expect(204);
    expect_code(stage.sign_in(&token, "").await, "link_not_valid");
    // A link for one thing opens no other.
    let token = stage.link(4).await;
    let reset = json!({ "token": token, "newPassword": "yet another secret" });
    let nobody = Caller::anonymous();
    let reset = stage.node.post(&nobody, "/api/v1/auth/reset-password", reset).await;
    reset.expect_problem(403, "link_not_valid");
    stage.sign_in(&token, "").await.expect("signed in");
}

#[tokio::test]
async fn asking_tells_nobody_who_has_an_account_and_floods_nobody() {
    let stage = Stage::new(Backend::Sqlite).await;
    let admin = stage.node.caller(&[("admin", None)]);
    let grace = id_of(&sign_up(&stage.node, "grace@example.org").await);
    stage.node.patch(&admin, &path_of(grace), json!({ "isActive": false })).await.expect(200);
    for email in ["nobody@example.org", "grace@example.org"] {
        let answer = stage.ask(email).await.expect(202);
        assert_eq!(answer.body, "");
    }
    stage.ask("not an address").await.expect_problem(422, "invalid_values");
    for count in [2, 3, 4] {
        stage.link(count).await;
    }
    stage.ask(ADA).await.expect(202);
    eventually("every request is answered", || async {
        (super::rows::count(&stage.node, "sign_in_request").await == 0).then_some(())
    })
    .await;
    assert_eq!(letters_to(&stage.node, ADA).len(), 4, "the fourth within an hour is not sent");
    assert_eq!(letters_to(&stage.node, "grace@example.org").len(), 1);
    assert!(letters_to(&stage.node, "nobody@example.org").is_empty());
    // The owner still gets a link for a new password: it is counted apart.
    let forgot = json!({ "email": ADA });
    let nobody = Caller::anonymous();
    stage.node.post(&nobody, "/api/v1/auth/forgot-password", forgot).await.expect(202);
    wait_for_letters(&stage.node, ADA, 5).await;
}
