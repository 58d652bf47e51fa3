use contracts::grpc::users::users_client::UsersClient;
use contracts::grpc::users::{AuthenticatePasskeyRequest, BeginPasskeyRequest, User};
use contracts::ids::UserId;
use jiff::SignedDuration;
use serde_json::{Value, json};
use stdx::Clock;
use testkit::{Answer, Answering, Authenticator, Backend, Caller, TestNode};
use tonic::{Code, Response};

use super::{
    FakeRoles, PASSWORD, Refusal, USERS, builder, id_of, path_of, refusal, sign_up,
    wait_for_letters,
};
use crate::domain::RelyingParty;

const ADA: &str = "ada@example.org";
const HOME: &str = "192.0.2.1";
/// The name of this machine, in place of the address that the installation under test has.
const ORIGIN: &str = "http://localhost:5000";

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
        let ada = node.caller_with_id(id, &[]);
        Self { node, clock, id, ada }
    }

    async fn begin(&self, caller: &Caller) -> Value {
        let begun = begin(&self.node, caller, PASSWORD).await.expect(200);
        begun.body["publicKey"].clone()
    }

    /// A passkey of Ada's.
    async fn passkey(&self, name: &str) -> (Authenticator, String) {
        let mut authenticator = Authenticator::new();
        let answer = authenticator.create(&self.begin(&self.ada).await, &Answering::at(ORIGIN));
        let added = add(&self.node, &self.ada, name, &answer).await.expect(201);
        (authenticator, added.text("id").to_owned())
    }

    async fn challenge(&self) -> Value {
        let tokens = self.node.service_caller("tokens");
        let request = self.node.grpc_request(&tokens, BeginPasskeyRequest {});
        let begun = UsersClient::new(self.node.channel()).begin_passkey(request).await;
        let options = begun.expect("a challenge").into_inner().options_json;
        serde_json::from_str(&options).expect("JSON")
    }

    async fn send(&self, credential: &Value) -> Result<User, Refusal> {
        send_from(&self.node, &credential.to_string(), HOME).await
    }

    async fn sign_in(&self, authenticator: &Authenticator) -> Result<User, Refusal> {
        let answer = authenticator.get(&self.challenge().await, &Answering::at(ORIGIN));
        self.send(&answer).await
    }
}

async fn begin(node: &TestNode, caller: &Caller, password: &str) -> Answer {
    let path = format!("{USERS}/me/passkeys/challenge");
    node.post(caller, &path, json!({ "password": password })).await
}

async fn add(node: &TestNode, caller: &Caller, name: &str, credential: &Value) -> Answer {
    let body = json!({ "name": name, "credential": credential });
    node.post(caller, &format!("{USERS}/me/passkeys"), body).await
}

async fn remove(node: &TestNode, caller: &Caller, id: &str, password: &str) -> Answer {
    let (path, body) = (format!("{USERS}/me/passkeys/{id}"), json!({ "password": password }));
    node.send(caller, http::Method::DELETE, &path, Some(body), &[]).await
}

async fn send_from(node: &TestNode, credential: &str, address: &str) -> Result<User, Refusal> {
    let tokens = node.service_caller("tokens");
    let (credential_json, client_address) = (credential.to_owned(), address.to_owned());
    let request = AuthenticatePasskeyRequest { credential_json, client_address };
    let request = node.grpc_request(&tokens, request);
    let answer = UsersClient::new(node.channel()).authenticate_passkey(request).await;
    answer.map(Response::into_inner).map_err(|status| refusal(&status))
}

/// The one answer to everything that opens no account.
#[track_caller]
fn expect_refused(answer: Result<User, Refusal>) {
    let refusal = answer.expect_err("refused");
    assert_eq!((refusal.status, refusal.code.as_str()), (Code::Unauthenticated, "bad_passkey"));
    let words =
        "this passkey opens no account here, or it took too long; try again, or use another way";
    assert_eq!(refusal.message, words);
}

async fn c28_a_passkey_signs_in_alone_and_only_as_it_should(backend: Backend) {
    let stage = Stage::new(backend).await;
    let options = stage.begin(&stage.ada).await;
    assert_eq!(options["rp"], json!({ "name": "Backline", "id": "localhost" }));
    assert_eq!(options["attestation"], "none");
    let selection = &options["authenticatorSelection"];
    assert_eq!(selection["userVerification"], "required");
    assert_eq!(selection["residentKey"], "required");
    assert_eq!(selection["requireResidentKey"], true);
    let (mut authenticator, _) = stage.passkey("Phone").await;
    wait_for_letters(&stage.node, ADA, 2).await;

    let challenge = stage.challenge().await;
    assert_eq!(
        (&challenge["rpId"], &challenge["userVerification"]),
        (&json!("localhost"), &json!("required"))
    );
    assert_eq!(challenge["allowCredentials"], json!([]), "nobody learns who has which");
    let answer = authenticator.get(&challenge, &Answering::at(ORIGIN));
    let user = stage.send(&answer).await.expect("signed in");
    assert_eq!((user.id, user.amr.join(" ")), (stage.id.to_string(), "swk user mfa".into()));

    // A challenge is good once, also after a wrong answer.
    expect_refused(stage.send(&answer).await);
    let challenge = stage.challenge().await;
    let elsewhere = authenticator.get(&challenge, &Answering::at("https://evil.example"));
    expect_refused(stage.send(&elsewhere).await);
    let right = authenticator.get(&challenge, &Answering::at(ORIGIN));
    expect_refused(stage.send(&right).await);

    // Another port of the same host, another site, nobody verified, a challenge that we did not give.
    for wrong in [
        Answering::at("http://localhost:5001"),
        Answering { rp_id: Some("evil.example"), ..Answering::at(ORIGIN) },
        Answering { is_user_verified: false, ..Answering::at(ORIGIN) },
    ] {
        stage.clock.advance(SignedDuration::from_hours(2));
        let answer = authenticator.get(&stage.challenge().await, &wrong);
        expect_refused(stage.send(&answer).await);
    }
    let own =
        json!({ "challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "rpId": "localhost" });
    expect_refused(stage.send(&authenticator.get(&own, &Answering::at(ORIGIN))).await);

    // A counter that does not grow: there may be two of this key.
    stage.clock.advance(SignedDuration::from_hours(2));
    for (counter, is_good) in [(5, true), (5, false), (4, false), (0, false), (6, true)] {
        authenticator.set_counter(counter);
        match stage.sign_in(&authenticator).await {
            Ok(_) => assert!(is_good, "{counter}"),
            refused => {
                assert!(!is_good, "{counter}");
                expect_refused(refused);
            }
        }
    }
    stage.node.stop().await;
}

#[tokio::test]
async fn c28_a_passkey_signs_in_alone_and_only_as_it_should_on_sqlite() {
    c28_a_passkey_signs_in_alone_and_only_as_it_should(Backend::Sqlite).await;
}

#[tokio::test]
async fn c28_a_passkey_signs_in_alone_and_only_as_it_should_on_postgres() {
    c28_a_passkey_signs_in_alone_and_only_as_it_should(Backend::Postgres).await;
}

/// Whoever asks learns nothing of who has an account, and a key opens its own account only.
#[tokio::test]
async fn unknown_foreign_removed_and_disabled_are_answered_alike() {
    let stage = Stage::new(Backend::Sqlite).await;
    let (phone, id) = stage.passkey("Phone").await;
    let (laptop, _) = stage.passkey("Laptop").await;

    let mut stranger = Authenticator::new();
    stranger.create(&stage.begin(&stage.ada).await, &Answering::at(ORIGIN));
    expect_refused(stage.sign_in(&stranger).await);
    // The name of a key that is known, signed by another one.
    stranger.set_credential_id(phone.credential_id());
    expect_refused(stage.sign_in(&stranger).await);
    // The own key, for somebody else's account.
    let grace = id_of(&sign_up(&stage.node, "grace@example.org").await);
    let mut liar = Authenticator::new();
    let grace = stage.node.caller_with_id(grace, &[]);
    let answer = liar.create(&stage.begin(&grace).await, &Answering::at(ORIGIN));
    add(&stage.node, &grace, "Key", &answer).await.expect(201);
    liar.set_user_handle("AZLwAAAAcACAAAAAAAAAAQ");
    expect_refused(stage.sign_in(&liar).await);

    remove(&stage.node, &stage.ada, &id, PASSWORD).await.expect(204);
    expect_refused(stage.sign_in(&phone).await);
    stage.sign_in(&laptop).await.expect("the other one is left");
    let admin = stage.node.caller(&[("admin", None)]);
    let disabled = json!({ "isActive": false });
    stage.node.patch(&admin, &path_of(stage.id), disabled).await.expect(200);
    expect_refused(stage.sign_in(&laptop).await);
    stage.node.patch(&admin, &path_of(stage.id), json!({ "isActive": true })).await.expect(200);
    stage.sign_in(&laptop).await.expect("signed in again");
    stage.node.delete(&admin, &path_of(stage.id)).await.expect(204);
    expect_refused(stage.sign_in(&laptop).await);
}

#[tokio::test]
async fn what_cannot_be_read_is_no_try() {
    let stage = Stage::new(Backend::Sqlite).await;
    let long = format!("{{\"id\":\"{}\"}}", "x".repeat(40_000));
    for unreadable in ["", "null", "{}", "[]", "{\"id\":1}", &long] {
        for _ in 0..3 {
            let refused = send_from(&stage.node, unreadable, HOME).await.expect_err("refused");
            assert_eq!(
                (refused.status, refused.code.as_str()),
                (Code::InvalidArgument, "malformed_request")
            );
        }
    }
}

#[tokio::test]
async fn an_address_that_sends_nonsense_waits_and_others_do_not() {
    let stage = Stage::new(Backend::Sqlite).await;
    let (phone, _) = stage.passkey("Phone").await;
    let stranger = Authenticator::new();
    for _ in 0..5 {
        expect_refused(stage.sign_in(&stranger).await);
    }
    let good = phone.get(&stage.challenge().await, &Answering::at(ORIGIN)).to_string();
    let waits = send_from(&stage.node, &good, HOME).await.expect_err("waits");
    assert_eq!((waits.code.as_str(), waits.retry_after), ("too_many_attempts", Some(1)));
    // It was not looked at, so it is as good as before.
    send_from(&stage.node, &good, "198.51.100.7").await.expect("signed in elsewhere");
    stage.clock.advance(SignedDuration::from_secs(1));
    stage.sign_in(&phone).await.expect("waiting helps");
}

/// Eight at once, each from elsewhere, so that nobody waits for having tried too often.
async fn an_answer_is_good_once(backend: Backend) {
    let stage = Stage::new(backend).await;
    let (phone, _) = stage.passkey("Phone").await;
    let answer = phone.get(&stage.challenge().await, &Answering::at(ORIGIN));
    let (node, answer) = (&stage.node, &answer.to_string());
    let go = |n: u8| async move { send_from(node, answer, &format!("192.0.2.{n}")).await };
    let all = tokio::join!(go(1), go(2), go(3), go(4), go(5), go(6), go(7), go(8));
    let all = [all.0, all.1, all.2, all.3, all.4, all.5, all.6, all.7];
    assert_eq!(all.iter().filter(|answer| answer.is_ok()).count(), 1);
    all.into_iter().filter(Result::is_err).for_each(expect_refused);
    stage.node.stop().await;
}

#[tokio::test]
async fn an_answer_is_good_once_on_sqlite() {
    an_answer_is_good_once(Backend::Sqlite).await;
}

#[tokio::test]
async fn an_answer_is_good_once_on_postgres() {
    an_answer_is_good_once(Backend::Postgres).await;
}

#[tokio::test]
async fn a_challenge_lives_five_minutes_and_is_forgotten() {
    let stage = Stage::new(Backend::Sqlite).await;
    let (phone, _) = stage.passkey("Phone").await;
    let answer = |challenge: &Value| phone.get(challenge, &Answering::at(ORIGIN));
    let (first, second) = (stage.challenge().await, stage.challenge().await);
    let mut other = Authenticator::new();
    let made = other.create(&stage.begin(&stage.ada).await, &Answering::at(ORIGIN));
    stage.clock.advance(SignedDuration::from_secs(299));
    stage.send(&answer(&first)).await.expect("in time");
    stage.clock.advance(SignedDuration::from_secs(1));
    expect_refused(stage.send(&answer(&second)).await);
    let ada = stage.node.caller_with_id(stage.id, &[]);
    add(&stage.node, &ada, "Late", &made).await.expect_problem(404, "passkey_not_started");

    let users = super::replica(&stage.node);
    assert_eq!(super::rows::count(&stage.node, "passkey_ceremony").await, 2);
    crate::jobs::sweep(&users).await.expect("swept");
    assert_eq!(super::rows::count(&stage.node, "passkey_ceremony").await, 0);
}

#[tokio::test]
async fn adding_takes_the_password_and_an_answer_to_the_own_challenge() {
    let stage = Stage::new(Backend::Sqlite).await;
    let node = &stage.node;
    begin(node, &stage.ada, "a wrong password").await.expect_problem(422, "invalid_values");
    begin(node, &Caller::anonymous(), PASSWORD).await.expect_problem(401, "unauthenticated");
    let grace = id_of(&sign_up(node, "grace@example.org").await);
    let grace = node.caller_with_id(grace, &[]);
    let good = Answering::at(ORIGIN);

    // Of somebody else, of a sign-in, replaced by a later one, and used.
    let mut key = Authenticator::new();
    let of_grace = key.create(&stage.begin(&grace).await, &good);
    add(node, &stage.ada, "Key", &of_grace).await.expect_problem(404, "passkey_not_started");
    let mut sign_in = stage.challenge().await;
    sign_in["user"] = json!({ "id": "AQ" });
    sign_in["rp"] = json!({ "id": "localhost" });
    let of_sign_in = key.create(&sign_in, &good);
    add(node, &stage.ada, "Key", &of_sign_in).await.expect_problem(404, "passkey_not_started");
    let replaced = key.create(&stage.begin(&stage.ada).await, &good);
    let options = stage.begin(&stage.ada).await;
    add(node, &stage.ada, "Key", &replaced).await.expect_problem(404, "passkey_not_started");
    let mut answer = key.create(&options, &good);
    add(node, &stage.ada, " ", &answer).await.expect_problem(422, "invalid_values");
    add(node, &stage.ada, "Key", &answer).await.expect(201);
    add(node, &stage.ada, "Key", &answer).await.expect_problem(404, "passkey_not_started");
    // The same key for another account.
    answer = key.create(&stage.begin(&grace).await, &good);
    add(node, &grace, "Key", &answer).await.expect_problem(409, "passkey_taken");

    for wrong in [
        Answering::at("https://evil.example"),
        Answering { rp_id: Some("evil.example"), ..good.clone() },
        Answering { is_user_verified: false, ..good.clone() },
    ] {
        let answer = Authenticator::new().create(&stage.begin(&grace).await, &wrong);
        add(node, &grace, "Key", &answer).await.expect_problem(422, "invalid_values");
    }
    add(node, &grace, "Key", &json!({ "id": 1 })).await.expect_problem(400, "malformed_request");
    let list = node.get(&grace, &format!("{USERS}/me/passkeys")).await.expect(200);
    assert_eq!(list.items().len(), 0);
}

#[tokio::test]
async fn a_new_password_makes_a_waiting_challenge_dead() {
    let stage = Stage::new(Backend::Sqlite).await;
    let made = Authenticator::new().create(&stage.begin(&stage.ada).await, &Answering::at(ORIGIN));
    let change = json!({ "currentPassword": PASSWORD, "newPassword": "another good secret" });
    stage.node.post(&stage.ada, &format!("{USERS}/me/password"), change).await.expect(204);
    let added = add(&stage.node, &stage.ada, "Key", &made).await;
    added.expect_problem(404, "passkey_not_started");
}

#[tokio::test]
async fn passkeys_are_listed_renamed_and_taken_away_by_their_owner() {
    let stage = Stage::new(Backend::Sqlite).await;
    let node = &stage.node;
    let (phone, id) = stage.passkey("Phone").await;
    let path = format!("{USERS}/me/passkeys");
    let listed = node.get(&stage.ada, &path).await.expect(200);
    assert_eq!(listed.items()[0]["name"], "Phone");
    assert_eq!(listed.items()[0]["lastUsedAt"], Value::Null);
    stage.sign_in(&phone).await.expect("signed in");
    let listed = node.get(&stage.ada, &path).await.expect(200);
    assert!(listed.items()[0]["lastUsedAt"].is_string(), "{}", listed.body);
    assert_eq!(listed.items()[0].as_object().expect("an object").len(), 4, "nothing of the key");
    // The browser is told which keys there are, so that an authenticator does not make a second one.
    let excluded = &stage.begin(&stage.ada).await["excludeCredentials"];
    assert_eq!(excluded[0]["id"], phone.credential_id());

    let own = format!("{path}/{id}");
    let renamed = node.patch(&stage.ada, &own, json!({ "name": " Old phone " })).await.expect(200);
    assert_eq!(renamed.text("name"), "Old phone");
    node.patch(&stage.ada, &own, json!({ "name": "" })).await.expect_problem(422, "invalid_values");
    let grace = id_of(&sign_up(node, "grace@example.org").await);
    let grace = node.caller_with_id(grace, &[]);
    let foreign = node.patch(&grace, &own, json!({ "name": "Mine" })).await;
    foreign.expect_problem(404, "passkey_not_found");
    remove(node, &grace, &id, PASSWORD).await.expect_problem(404, "passkey_not_found");
    remove(node, &stage.ada, &id, "a wrong password").await.expect_problem(422, "invalid_values");
    assert_eq!(node.get(&stage.ada, &path).await.expect(200).items()[0]["name"], "Old phone");

    remove(node, &stage.ada, &id, PASSWORD).await.expect(204);
    remove(node, &stage.ada, &id, PASSWORD).await.expect_problem(404, "passkey_not_found");
    let letters = wait_for_letters(node, ADA, 3).await;
    let subjects: Vec<&str> = letters[1..].iter().map(mail::Letter::subject).collect();
    let expected = ["A passkey was added to your account", "A passkey was taken from your account"];
    assert_eq!(subjects, expected);
    assert!(letters[1..].iter().all(|letter| !letter.text().contains("hone")), "no typed words");
}

/// Two at once for the last place.
async fn an_account_has_at_most_twenty(backend: Backend) {
    let stage = Stage::new(backend).await;
    for n in 0..20 {
        stage.passkey(&format!("Key {n}")).await;
    }
    let refused = begin(&stage.node, &stage.ada, PASSWORD).await;
    refused.expect_problem(409, "too_many_passkeys");
    let list = stage.node.get(&stage.ada, &format!("{USERS}/me/passkeys")).await.expect(200);
    let names: Vec<&str> = list.items().iter().filter_map(|row| row["name"].as_str()).collect();
    assert_eq!((names.len(), names[0], names[19]), (20, "Key 0", "Key 19"));
    stage.node.stop().await;
}

#[tokio::test]
async fn an_account_has_at_most_twenty_on_sqlite() {
    an_account_has_at_most_twenty(Backend::Sqlite).await;
}

#[tokio::test]
async fn an_account_has_at_most_twenty_on_postgres() {
    an_account_has_at_most_twenty(Backend::Postgres).await;
}

#[tokio::test]
async fn a_passkey_needs_no_code_of_an_authenticator() {
    let stage = Stage::new(Backend::Sqlite).await;
    let (phone, _) = stage.passkey("Phone").await;
    super::second_factor::set_up(&stage.node, &stage.ada, &stage.clock).await;
    assert_eq!(stage.sign_in(&phone).await.expect("signed in").amr.join(" "), "swk user mfa");
}

/// Sign-ins that nobody finishes make room for others, the oldest first.
async fn waiting_sign_ins_are_bounded(backend: Backend) {
    let stage = Stage::new(backend).await;
    let (phone, _) = stage.passkey("Phone").await;
    let first = stage.challenge().await;
    let until = stage.clock.now() + SignedDuration::from_secs(300) + SignedDuration::from_millis(1);
    super::rows::fill_ceremonies(&stage.node, until, 10_000).await;
    stage.clock.advance(SignedDuration::from_secs(1));
    stage.sign_in(&phone).await.expect("room was made");
    let answer = phone.get(&first, &Answering::at(ORIGIN));
    expect_refused(stage.send(&answer).await);
    assert!(super::rows::count(&stage.node, "passkey_ceremony").await <= 10_000);
    stage.node.stop().await;
}

#[tokio::test]
async fn waiting_sign_ins_are_bounded_on_sqlite() {
    waiting_sign_ins_are_bounded(Backend::Sqlite).await;
}

#[tokio::test]
async fn waiting_sign_ins_are_bounded_on_postgres() {
    waiting_sign_ins_are_bounded(Backend::Postgres).await;
}

#[test]
fn passkeys_are_possible_where_browsers_have_them() {
    let at = |url: &str| RelyingParty::of(url).map(|party| (party.id, party.origin));
    let found = |id: &str, origin: &str| Some((id.to_owned(), origin.to_owned()));
    let name = "tickets.example.org";
    assert_eq!(at("https://Tickets.example.org"), found(name, "https://tickets.example.org"));
    assert_eq!(
        at("https://tickets.example.org:8443/x"),
        found(name, "https://tickets.example.org:8443")
    );
    assert_eq!(at("http://127.0.0.1:5000"), found("localhost", ORIGIN));
    assert_eq!(at("http://[::1]:5000"), found("localhost", ORIGIN));
    assert_eq!(at(ORIGIN), found("localhost", ORIGIN));
    assert_eq!(at("http://stage.localhost"), found("stage.localhost", "http://stage.localhost"));
    for nowhere in [
        "http://tickets.example.org",
        "http://192.0.2.1:5000",
        "https://192.0.2.1",
        "https://[2001:db8::1]",
        "http://0.0.0.0:5000",
        "https://",
        "tickets.example.org",
        "",
    ] {
        assert_eq!(at(nowhere), None, "{nowhere}");
    }
}

/// Everything else works as before, and the answer says what to do.
#[tokio::test]
async fn where_there_can_be_no_passkeys_that_is_said() {
    let stage = Stage::new(Backend::Sqlite).await;
    let security = format!("{USERS}/me/security");
    let shown = stage.node.get(&stage.ada, &security).await.expect(200);
    assert_eq!(shown.body["passkeyOrigin"], ORIGIN);
    let ctx =
        service_kit::Context { public_url: "http://192.0.2.7".into(), ..stage.node.context() };
    let users =
        crate::Users::new(&ctx, crate::app::Passwords::for_this_machine()).expect("a service");
    let error = users.begin_passkey_sign_in(&super::tokens_service()).await.expect_err("refused");
    let problem = service_kit::Problem::from(error);
    assert_eq!((problem.status, &*problem.code), (409, "passkeys_unavailable"));
    assert!(problem.detail.contains("node.public_url"), "{}", problem.detail);
}
