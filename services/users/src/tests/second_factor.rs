use contracts::ids::UserId;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use stdx::Clock;
use testkit::{Answer, Backend, Caller, TestNode};
use tonic::Code;

use super::{
    FakeRoles, PASSWORD, USERS, authenticate_from, builder, id_of, sign_up, wait_for_letters,
};
use crate::domain::{Email, SecondFactor, TotpSecret, WrongTries, recovery_code};

const ADA: &str = "ada@example.org";
const STEP: i64 = 30;

/// Ada with an authenticator, and a clock that the test moves.
struct Stage {
    node: TestNode,
    clock: Clock,
    id: UserId,
    secret: TotpSecret,
    recovery_codes: Vec<String>,
}

impl Stage {
    async fn new(backend: Backend) -> Self {
        let clock = Clock::manual(testkit::now());
        let node = builder(&FakeRoles::default()).on(backend).clock(&clock).start().await;
        let id = id_of(&sign_up(&node, ADA).await);
        let mut stage =
            Self { node, clock, id, secret: TotpSecret::new(&[0; 20]), recovery_codes: vec![] };
        stage.secret = stage.begin().await;
        let code = stage.code(0);
        let confirmed = stage.confirm(&code).await.expect(200);
        let codes = confirmed.body["recoveryCodes"].as_array().expect("codes").iter();
        stage.recovery_codes = codes.map(|code| code.as_str().expect("text").to_owned()).collect();
        // The code that confirmed is spent.
        stage.clock.advance(SignedDuration::from_secs(STEP));
        stage
    }

    async fn begin(&self) -> TotpSecret {
        let caller = self.node.caller_with_id(self.id, &[]);
        let path = format!("{USERS}/me/totp");
        let begun = self.node.post(&caller, &path, json!({ "password": PASSWORD })).await;
        TotpSecret::stored(begun.expect(200).text("secret")).expect("base32")
    }

    async fn confirm(&self, code: &str) -> Answer {
        let caller = self.node.caller_with_id(self.id, &[]);
        let path = format!("{USERS}/me/totp/confirm");
        self.node.post(&caller, &path, json!({ "code": code })).await
    }

    async fn stop_totp(&self, password: &str) -> Answer {
        let caller = self.node.caller_with_id(self.id, &[]);
        let (path, body) = (format!("{USERS}/me/totp"), json!({ "password": password }));
        self.node.send(&caller, http::Method::DELETE, &path, Some(body), &[]).await
    }

    async fn security(&self) -> Value {
        let caller = self.node.caller_with_id(self.id, &[]);
        self.node.get(&caller, &format!("{USERS}/me/security")).await.expect(200).body
    }

    /// The code of a step so many after the present one.
    fn code(&self, steps: i64) -> String {
        self.secret.code(self.clock.now().as_second() / STEP + steps)
    }

    /// A code that is not good now.
    fn wrong_code(&self) -> String {
        let good: Vec<String> = (-1..=1).map(|step| self.code(step)).collect();
        let wrong = (0..9).map(|n| format!("{n:06}")).find(|code| !good.contains(code));
        wrong.expect("one of nine is wrong")
    }

    async fn sign_in(
        &self,
        second_factor: &str,
    ) -> Result<Vec<String>, (Code, String, Option<u32>)> {
        let answer = authenticate_from(&self.node, ADA, PASSWORD, second_factor, "192.0.2.1").await;
        answer
            .map(|user| user.amr)
            .map_err(|refusal| (refusal.status, refusal.code, refusal.retry_after))
    }
}

/// An authenticator that counts, for tests of other ways in. The clock is moved on, so that the next code is good.
pub async fn set_up(node: &TestNode, caller: &Caller, clock: &Clock) -> TotpSecret {
    let path = format!("{USERS}/me/totp");
    let begun = node.post(caller, &path, json!({ "password": PASSWORD })).await.expect(200);
    let secret = TotpSecret::stored(begun.text("secret")).expect("base32");
    let confirm = json!({ "code": code_at(&secret, clock) });
    node.post(caller, &format!("{path}/confirm"), confirm).await.expect(200);
    clock.advance(SignedDuration::from_secs(STEP));
    secret
}

/// The code that an authenticator shows now.
pub fn code_at(secret: &TotpSecret, clock: &Clock) -> String {
    secret.code(clock.now().as_second() / STEP)
}

fn refused(code: &str) -> Result<Vec<String>, (Code, String, Option<u32>)> {
    Err((Code::Unauthenticated, code.into(), None))
}

fn with_code() -> Result<Vec<String>, (Code, String, Option<u32>)> {
    Ok(["pwd", "otp", "mfa"].map(String::from).into())
}

async fn c28_signing_in_takes_a_code(backend: Backend) {
    let stage = Stage::new(backend).await;
    assert_eq!(stage.sign_in("").await, refused("second_factor_required"));
    assert_eq!(stage.sign_in(&stage.wrong_code()).await, refused("bad_second_factor"));
    let code = stage.code(0);
    assert_eq!(stage.sign_in(&code).await, with_code());
    assert_eq!(stage.sign_in(&code).await, refused("bad_second_factor"), "a code is good once");
    let next = stage.code(1);
    assert_eq!(stage.sign_in(&format!("{} {}", &next[..3], &next[3..])).await, with_code());
    assert_eq!(stage.sign_in(&stage.code(0)).await, refused("bad_second_factor"), "nor older ones");
    stage.clock.advance(SignedDuration::from_secs(3 * STEP));
    assert_eq!(stage.sign_in(&stage.code(2)).await, refused("bad_second_factor"));
    assert_eq!(stage.sign_in(&stage.code(-2)).await, refused("bad_second_factor"));
    assert_eq!(stage.sign_in(&stage.code(-1)).await, with_code());

    let recovery = stage.recovery_codes[0].to_uppercase();
    assert_eq!(stage.sign_in(&recovery).await, with_code());
    assert_eq!(stage.sign_in(&recovery).await, refused("bad_second_factor"));
    let security = stage.security().await;
    assert_eq!((&security["hasTotp"], &security["recoveryCodesLeft"]), (&json!(true), &json!(9)));
    stage.node.stop().await;
}

#[tokio::test]
async fn c28_signing_in_takes_a_code_on_sqlite() {
    c28_signing_in_takes_a_code(Backend::Sqlite).await;
}

#[tokio::test]
async fn c28_signing_in_takes_a_code_on_postgres() {
    c28_signing_in_takes_a_code(Backend::Postgres).await;
}

/// Eight at once, for a code and for a recovery code.
async fn c28_a_code_is_good_once(backend: Backend) {
    let stage = Stage::new(backend).await;
    // At a known address many may sign in at once.
    assert_eq!(stage.sign_in(&stage.recovery_codes[1]).await, with_code());
    for given in [stage.code(0), stage.recovery_codes[0].clone()] {
        let go = || stage.sign_in(&given);
        let all = tokio::join!(go(), go(), go(), go(), go(), go(), go(), go());
        let all = [all.0, all.1, all.2, all.3, all.4, all.5, all.6, all.7];
        assert_eq!(all.iter().filter(|answer| answer.is_ok()).count(), 1, "{all:?}");
        stage.clock.advance(SignedDuration::from_hours(25));
    }
    stage.node.stop().await;
}

#[tokio::test]
async fn c28_a_code_is_good_once_on_sqlite() {
    c28_a_code_is_good_once(Backend::Sqlite).await;
}

#[tokio::test]
async fn c28_a_code_is_good_once_on_postgres() {
    c28_a_code_is_good_once(Backend::Postgres).await;
}

#[tokio::test]
async fn that_there_is_a_second_factor_is_told_to_who_knows_the_password() {
    let stage = Stage::new(Backend::Sqlite).await;
    for (second_factor, password) in [("", "wrong password"), ("123456", "wrong password")] {
        let refusal = authenticate_from(&stage.node, ADA, password, second_factor, "").await;
        assert_eq!(refusal.expect_err("refused").code, "bad_credentials");
    }
    sign_up(&stage.node, "grace@example.org").await;
    let user = authenticate_from(&stage.node, "grace@example.org", PASSWORD, "123456", "").await;
    assert_eq!(user.expect("has none, needs none").amr, ["pwd"]);
}

#[tokio::test]
async fn c28_after_six_wrong_codes_waiting_begins_and_grows() {
    let stage = Stage::new(Backend::Sqlite).await;
    for _ in 0..6 {
        assert_eq!(stage.sign_in(&stage.wrong_code()).await, refused("bad_second_factor"));
    }
    let wait = |seconds| Err((Code::ResourceExhausted, "too_many_attempts".into(), Some(seconds)));
    assert_eq!(stage.sign_in(&stage.code(0)).await, wait(30), "the right one as well");
    stage.clock.advance(SignedDuration::from_secs(30));
    assert_eq!(stage.sign_in(&stage.wrong_code()).await, refused("bad_second_factor"));
    assert_eq!(stage.sign_in(&stage.code(0)).await, wait(60));
    // Beginning anew gives no new tries, and five minutes do not make good for many.
    stage.clock.advance(SignedDuration::from_mins(6));
    assert_eq!(stage.sign_in("not a code").await, refused("bad_second_factor"));
    assert_eq!(stage.sign_in(&stage.code(0)).await, wait(120));
    stage.clock.advance(SignedDuration::from_secs(120));
    assert_eq!(stage.sign_in(&stage.code(0)).await, with_code());
    assert_eq!(stage.sign_in(&stage.wrong_code()).await, refused("bad_second_factor"));
    assert_eq!(stage.sign_in(&stage.wrong_code()).await, refused("bad_second_factor"));
}

#[tokio::test]
async fn an_authenticator_counts_when_its_first_code_was_right() {
    let clock = Clock::manual(testkit::now());
    let node = builder(&FakeRoles::default()).clock(&clock).start().await;
    let id = id_of(&sign_up(&node, ADA).await);
    let secret = TotpSecret::new(&[0; 20]);
    let mut stage = Stage { node, clock, id, secret, recovery_codes: vec![] };
    stage.confirm("123456").await.expect_problem(404, "totp_not_started");
    let abandoned = stage.begin().await;
    assert_eq!(stage.sign_in("").await, Ok(vec!["pwd".into()]));
    assert_eq!(stage.security().await["hasTotp"], false);
    stage.secret = stage.begin().await;
    assert!(abandoned != stage.secret, "each begins with a secret of its own");
    let wrong = stage.confirm(&stage.wrong_code()).await.expect_problem(422, "invalid_values");
    assert_eq!(wrong.body["errors"][0]["field"], "code");
    let confirmed = stage.confirm(&stage.code(0)).await.expect(200);
    assert_eq!(confirmed.body["recoveryCodes"].as_array().map(Vec::len), Some(10));
    assert_eq!(stage.sign_in("").await, refused("second_factor_required"));
    stage.confirm(&stage.code(1)).await.expect_problem(409, "totp_active");
    let letters = wait_for_letters(&stage.node, ADA, 2).await;
    assert_eq!(letters[1].subject(), "Signing in takes a second step now");

    let caller = stage.node.caller_with_id(id, &[]);
    let again = json!({ "password": PASSWORD });
    let again = stage.node.post(&caller, &format!("{USERS}/me/totp"), again).await;
    again.expect_problem(409, "totp_active");
    stage.stop_totp("wrong password").await.expect_problem(422, "invalid_values");
    stage.stop_totp(PASSWORD).await.expect(204);
    stage.stop_totp(PASSWORD).await.expect(204);
    assert_eq!(stage.sign_in("").await, Ok(vec!["pwd".into()]));
    let security = stage.security().await;
    assert_eq!((&security["hasTotp"], &security["recoveryCodesLeft"]), (&json!(false), &json!(0)));
    assert_eq!(security["emailVerified"], false);
    assert!(security["passwordChangedAt"].is_string());
    wait_for_letters(&stage.node, ADA, 3).await;
}

/// RFC 6238, appendix B, with six digits.
#[test]
fn codes_are_those_of_the_standard() {
    let secret = TotpSecret::new(b"12345678901234567890");
    for (second, code) in [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ] {
        assert_eq!(secret.code(second / STEP), code, "{second}");
    }
    assert_eq!(secret.to_base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    assert!(TotpSecret::stored(&secret.to_base32()) == Some(secret.clone()));
    assert!(TotpSecret::stored("not base32").is_none());
    let email = Email::parse("ada+x@example.org").expect("an address");
    assert_eq!(
        secret.uri(&email),
        "otpauth://totp/Backline:ada%2Bx@example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
         &issuer=Backline&algorithm=SHA1&digits=6&period=30"
    );
}

#[test]
fn what_is_typed_is_read_however_it_is_grouped() {
    assert_eq!(SecondFactor::parse(" 123 456"), Some(SecondFactor::Code("123456".into())));
    let code = recovery_code(&[0xff; 10]);
    assert_eq!(code, "7777-7777-7777-7777");
    let read = Some(SecondFactor::Recovery("7777777777777777".into()));
    assert_eq!(SecondFactor::parse(&code), read);
    for wrong in ["", "12345", "1234567", "12345a", "7777-7777-7777-777", "７７７７７７"] {
        assert_eq!(SecondFactor::parse(wrong), None, "{wrong}");
    }
    assert_eq!(SecondFactor::parse(&"7".repeat(100_000)), None);
}

#[test]
fn wrong_tries_are_forgotten_in_time() {
    let start = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1000);
    let mut wrong = WrongTries::NONE;
    for _ in 0..5 {
        wrong = wrong.and_another(start);
    }
    assert_eq!(wrong.wait(start), None);
    assert_eq!(wrong.and_another(start + SignedDuration::from_mins(6)).count, 1);
    for _ in 0..100 {
        wrong = wrong.and_another(start);
    }
    assert_eq!(wrong.wait(start), Some(SignedDuration::from_hours(1)));
    assert_eq!(wrong.and_another(start + SignedDuration::from_hours(2)).count, 106);
    assert_eq!(wrong.and_another(start + SignedDuration::from_hours(25)).count, 1);
}
