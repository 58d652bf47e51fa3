//! Clients that are told when a session ends (OpenID Connect Back-Channel Logout 1.0).

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::messages::{UserDeleted, UserPasswordChanged};
use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::{Backend, Caller, TestNode, eventually};

use super::{ISSUER, Party, claims, expect_error, form, web_client};
use crate::domain::logout::LogoutReach;
use crate::store;
use crate::tests::{USER_ID, node, node_on, node_with_stopped_clock, tokens_on};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// What a receiver does with a call.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Status(StatusCode),
    /// Sends it elsewhere.
    Redirect,
    Hang,
}

/// A client's own server.
#[derive(Clone, Default)]
struct Receiver(Arc<std::sync::Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    answers: VecDeque<Answer>,
    /// Every log-out token that has come, taken or not.
    tokens: Vec<String>,
    /// Calls to the place that a redirect names.
    strayed: usize,
}

impl Receiver {
    async fn start(answers: &[Answer]) -> (Self, String) {
        let receiver = Self::default();
        receiver.0.lock().expect("a lock").answers = answers.iter().copied().collect();
        let router = axum::Router::new()
            .route("/bcl", axum::routing::post(take))
            .route("/elsewhere", axum::routing::any(stray))
            .with_state(receiver.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let uri = format!("http://{}/bcl", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, uri)
    }

    fn tokens(&self) -> Vec<String> {
        self.0.lock().expect("a lock").tokens.clone()
    }

    async fn wait_for(&self, count: usize) -> Vec<String> {
        let has_come = || async {
            let tokens = self.tokens();
            (tokens.len() >= count).then_some(tokens)
        };
        let tokens = eventually("the log-out tokens", has_come).await;
        assert_eq!(tokens.len(), count);
        tokens
    }
}

async fn take(
    State(receiver): State<Receiver>,
    headers: HeaderMap,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    assert_eq!(headers[header::CONTENT_TYPE], "application/x-www-form-urlencoded");
    assert_eq!((pairs.len(), pairs[0].0.as_str()), (1, "logout_token"));
    let answer = {
        let mut inner = receiver.0.lock().expect("a lock");
        inner.tokens.push(pairs[0].1.clone());
        inner.answers.pop_front().unwrap_or(Answer::Status(StatusCode::OK))
    };
    match answer {
        Answer::Status(status) => (status, "x".repeat(1_000_000)).into_response(),
        Answer::Redirect => axum::response::Redirect::temporary("/elsewhere").into_response(),
        Answer::Hang => std::future::pending().await,
    }
}

async fn stray(State(receiver): State<Receiver>) {
    receiver.0.lock().expect("a lock").strayed += 1;
}

fn told_client(uri: &str) -> Value {
    let mut registration = web_client();
    registration["backchannel_logout_uri"] = json!(uri);
    registration["backchannel_logout_session_required"] = json!(true);
    registration
}

/// When each waiting notice is due, in milliseconds from now.
async fn waits(node: &TestNode) -> Vec<i64> {
    use sea_orm::{ConnectionTrait, Statement};
    let db = node.database().read();
    let sql = "select due_at from logout_notice order by due_at";
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    let now = node.context().clock.now().as_millisecond();
    let due = |row: &sea_orm::QueryResult| row.try_get::<i64>("", "due_at").expect("a time") - now;
    rows.expect("rows").iter().map(due).collect()
}

async fn wait_for_waits(node: &TestNode, expected: &[i64]) {
    eventually("the next try", || async { (waits(node).await == expected).then_some(()) }).await;
}

async fn sign_out(party: &Party) {
    party.submit("/oauth/logout", &[("confirm", "yes")]).await.expect(200);
}

async fn oidcc_backchannel_rp_initiated_logout_a_client_is_told_which_session_has_ended(
    backend: Backend,
) {
    let (receiver, uri) = Receiver::start(&[]).await;
    let mut party = Party::on(node_on(backend).await, told_client(&uri)).await;
    let tokens = party.tokens().await;
    let id = claims(tokens.text("id_token"));
    // A second sign-in in the same browser is no second session to the client.
    party.authorize(&[]).await.expect(303);
    sign_out(&party).await;
    let token = receiver.wait_for(1).await.remove(0);
    wait_for_waits(&party.node, &[]).await;
    let header = jsonwebtoken::decode_header(&token).expect("a header");
    assert_eq!(header.typ.as_deref(), Some("logout+jwt"));
    let keys = party.send(Method::GET, "/oauth/jwks", "", &[]).await.expect(200);
    let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_value(keys.body).expect("keys");
    let key = keys.find(header.kid.as_deref().expect("a kid")).expect("published");
    let key = jsonwebtoken::DecodingKey::from_jwk(key).expect("a key");
    let mut validation = jsonwebtoken::Validation::new(header.alg);
    validation.set_audience(&[&party.client_id]);
    validation.set_issuer(&[ISSUER]);
    let says = jsonwebtoken::decode::<Value>(&token, &key, &validation).expect("good").claims;
    assert_eq!((&says["sub"], &says["sid"]), (&json!(USER_ID), &id["sid"]));
    assert_eq!(says["events"], json!({ EVENT: {} }));
    assert!(says["jti"].is_string() && says.get("nonce").is_none());
    let lifetime = says["exp"].as_i64().expect("a time") - says["iat"].as_i64().expect("a time");
    assert_eq!(lifetime, 120);
    party.node.stop().await;
}

#[tokio::test]
async fn oidcc_backchannel_rp_initiated_logout_a_client_is_told_which_session_has_ended_on_sqlite()
{
    oidcc_backchannel_rp_initiated_logout_a_client_is_told_which_session_has_ended(Backend::Sqlite)
        .await;
}

#[tokio::test]
async fn oidcc_backchannel_rp_initiated_logout_a_client_is_told_which_session_has_ended_on_postgres()
 {
    oidcc_backchannel_rp_initiated_logout_a_client_is_told_which_session_has_ended(
        Backend::Postgres,
    )
    .await;
}

#[tokio::test]
async fn a_client_is_told_however_a_session_ends() {
    let user_id = USER_ID.parse().expect("an id");
    for end in ["sign out", "administrator", "consent", "password", "account", "client", "off"] {
        let (receiver, uri) = Receiver::start(&[]).await;
        let mut party = Party::on(node().await, told_client(&uri)).await;
        let sid = claims(party.tokens().await.text("id_token"))["sid"].clone();
        let node = &party.node;
        let user = node.caller_with_id(user_id, &[("member", None)]);
        let path = format!("/oauth/register/{}", party.client_id);
        match end {
            "sign out" => sign_out(&party).await,
            "administrator" => {
                let path = format!("/api/v1/auth/sessions/{}", sid.as_str().expect("an id"));
                node.delete(&party.admin(), &path).await.expect(204);
            }
            "consent" => {
                let path = format!("/api/v1/auth/consents/{}", party.client_id);
                node.delete(&user, &path).await.expect(204);
            }
            "password" => {
                node.deliver(&UserPasswordChanged { user_id, keep_session_id: None }).await;
            }
            "account" => drop(node.deliver(&UserDeleted { user_id }).await),
            "client" => drop(node.delete(&party.admin(), &path).await.expect(204)),
            _ => {
                let mut off = told_client(&uri);
                off["backline_active"] = json!(false);
                node.put(&party.admin(), &path, off).await.expect(200);
            }
        }
        let token = receiver.wait_for(1).await.remove(0);
        assert_eq!(claims(&token)["sid"], sid, "{end}");
    }
}

#[tokio::test]
async fn a_client_that_knows_of_no_session_is_told_nothing() {
    let (receiver, uri) = Receiver::start(&[]).await;
    let mut party = Party::on(node_with_stopped_clock().await, told_client(&uri)).await;
    let without_id = [("scope", "profile")];
    party.sign_in(&without_id).await.expect(200);
    let back = party.allow(&without_id).await.expect(303);
    let code = super::query_of(super::location(&back), "code").expect("a code");
    party.exchange(&code).await.expect(200);
    sign_out(&party).await;
    assert_eq!(waits(&party.node).await, [0; 0]);
    // One of two sessions that it has below the same browser's: the user is still signed in.
    let first = party.tokens().await;
    let back = party.authorize(&[]).await.expect(303);
    let code = super::query_of(super::location(&back), "code").expect("a code");
    let second = party.exchange(&code).await.expect(200);
    let revoke = async |tokens: &testkit::Answer| {
        let pairs = [("token", tokens.text("refresh_token"))];
        party.post("/oauth/revoke", &pairs).await.expect(200);
    };
    revoke(&first).await;
    assert_eq!(waits(&party.node).await, [0; 0]);
    revoke(&second).await;
    receiver.wait_for(1).await;
}

#[tokio::test]
async fn a_receiver_that_fails_is_told_again_after_growing_pauses() {
    let failing = Answer::Status(StatusCode::SERVICE_UNAVAILABLE);
    let answers = [failing, Answer::Redirect, Answer::Status(StatusCode::NO_CONTENT)];
    let (receiver, uri) = Receiver::start(&answers).await;
    let mut party = Party::on(node_with_stopped_clock().await, told_client(&uri)).await;
    let clock = party.node.context().clock;
    party.tokens().await;
    sign_out(&party).await;
    receiver.wait_for(1).await;
    wait_for_waits(&party.node, &[1_000]).await;
    clock.advance(SignedDuration::from_secs(2));
    receiver.wait_for(2).await;
    wait_for_waits(&party.node, &[2_000]).await;
    assert_eq!(receiver.0.lock().expect("a lock").strayed, 0, "a redirect is a failure");
    clock.advance(SignedDuration::from_secs(2));
    let tokens = receiver.wait_for(3).await;
    wait_for_waits(&party.node, &[]).await;
    let ids: std::collections::HashSet<_> =
        tokens.iter().map(|token| claims(token)["jti"].to_string()).collect();
    assert_eq!(ids.len(), 3, "each try has a token of its own");
    assert!(tokens.windows(2).all(|two| claims(&two[0])["sid"] == claims(&two[1])["sid"]));
}

#[tokio::test]
async fn a_receiver_that_hangs_keeps_nobody_else_waiting() {
    let (hanging, uri) = Receiver::start(&[Answer::Hang]).await;
    let mut party = Party::on(node_with_stopped_clock().await, told_client(&uri)).await;
    party.tokens().await;
    sign_out(&party).await;
    hanging.wait_for(1).await;
    let called = std::time::Instant::now();
    let (quick, uri) = Receiver::start(&[]).await;
    let mut other = Party::on(party.node, told_client(&uri)).await;
    other.tokens().await;
    sign_out(&other).await;
    quick.wait_for(1).await;
    assert!(called.elapsed() < Duration::from_secs(4), "{:?}", called.elapsed());
    wait_for_waits(&other.node, &[1_000]).await;
    assert!(called.elapsed() >= Duration::from_millis(4_500), "it was given its time");
    other.node.context().clock.advance(SignedDuration::from_secs(1));
    hanging.wait_for(2).await;
    wait_for_waits(&other.node, &[]).await;
}

#[tokio::test]
async fn a_notice_in_the_hands_of_a_process_that_died_is_sent_by_another() {
    let failing = Answer::Status(StatusCode::BAD_GATEWAY);
    let (receiver, uri) = Receiver::start(&[failing]).await;
    let mut party = Party::on(node_with_stopped_clock().await, told_client(&uri)).await;
    let clock = party.node.context().clock;
    party.tokens().await;
    sign_out(&party).await;
    wait_for_waits(&party.node, &[1_000]).await;
    // As another process left it: taken, and nothing said of what became of it.
    let later = clock.now() + SignedDuration::from_secs(1);
    let found =
        store::logouts::find_due_notice(party.node.database().read(), &party.client_id, later);
    let notice = found.await.expect("a query").expect("a notice");
    let tx = party.node.database().begin().await.expect("a transaction");
    let lease = clock.now() + SignedDuration::from_secs(15);
    assert!(store::logouts::take_notice(&tx, &notice, lease).await.expect("taken"));
    assert!(!store::logouts::take_notice(&tx, &notice, lease).await.expect("asked"), "once");
    tx.commit().await.expect("committed");
    clock.advance(SignedDuration::from_secs(14));
    tokens_on(&party.node).tell_client(&party.client_id).await.expect("nothing to do");
    assert_eq!(receiver.tokens().len(), 1, "it may still be on its way");
    clock.advance(SignedDuration::from_secs(1));
    receiver.wait_for(2).await;
    wait_for_waits(&party.node, &[]).await;
}

#[tokio::test]
async fn a_client_that_is_never_reached_is_given_up_after_a_day() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let uri = format!("http://{}/bcl", listener.local_addr().expect("an address"));
    drop(listener);
    let mut party = Party::on(node_with_stopped_clock().await, told_client(&uri)).await;
    let clock = party.node.context().clock;
    party.tokens().await;
    sign_out(&party).await;
    let replica = tokens_on(&party.node);
    let mut pauses = vec![];
    loop {
        let next = || async {
            match waits(&party.node).await[..] {
                [] => Some(None),
                // While it is being tried, the end of the lease stands there.
                [wait] if wait > 0 && wait != 15_000 => Some(Some(wait)),
                _ => None,
            }
        };
        let Some(wait) = eventually("a try", next).await else { break };
        pauses.push(wait / 1000);
        clock.advance(SignedDuration::from_millis(wait));
        replica.tell_client(&party.client_id).await.expect("a round");
    }
    assert_eq!(pauses[..8], [1, 1, 2, 4, 8, 16, 32, 64]);
    assert_eq!(pauses.iter().max(), Some(&3600));
    let day = pauses.iter().sum::<i64>();
    assert!((82_800..=86_400).contains(&day), "{day}");
}

#[tokio::test]
async fn a_log_out_address_is_one_that_may_be_called() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    for wrong in [
        "http://rp.example/bcl",
        "https://rp.example/bcl#x",
        "https://user@rp.example/bcl",
        "https://10.0.0.1/bcl",
        "https://[fd00::1]/bcl",
        "https://169.254.169.254/latest",
        "https:///bcl",
        "org.example.app:/bcl",
        "/bcl",
    ] {
        let refused = node.post(&admin, "/oauth/register", told_client(wrong)).await;
        expect_error(refused, 400, "invalid_client_metadata");
    }
    for good in ["https://rp.example/bcl?tenant=7", "http://localhost:8080/bcl"] {
        let made = node.post(&admin, "/oauth/register", told_client(good)).await.expect(201);
        assert_eq!(made.text("backchannel_logout_uri"), good);
        assert_eq!(made.body["backchannel_logout_session_required"], true);
    }
    let document = node.get(&Caller::anonymous(), "/.well-known/openid-configuration").await;
    assert_eq!(document.body["backchannel_logout_supported"], true);
    assert_eq!(document.body["backchannel_logout_session_supported"], true);
}

#[test]
fn what_only_this_server_can_reach_is_not_called() {
    let reach = LogoutReach::new("https://tickets.example.org", false);
    for internal in [
        "127.0.0.1",
        "127.9.9.9",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.0.8",
        "198.18.0.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "::127.0.0.1",
    ] {
        let address: IpAddr = internal.parse().expect("an address");
        assert!(!reach.allows(address), "{internal}");
        assert!(reach.check(&format!("https://{}/", host(address))).is_err(), "{internal}");
    }
    for public in
        ["93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:2800:220:1::1", "64:ff9b::5db8:d822"]
    {
        let address: IpAddr = public.parse().expect("an address");
        assert!(reach.allows(address), "{public}");
    }
    assert!(reach.check("http://localhost/").is_err(), "of a server on the internet");
    let at_home = LogoutReach::new("http://127.0.0.1:5000", false);
    assert!(at_home.check("http://localhost:8080/").is_ok());
    assert!(at_home.check("https://10.0.0.1/").is_err());
    let inside = LogoutReach::new("https://tickets.example.org", true);
    assert!(inside.check("https://10.0.0.1/").is_ok());
    assert!(inside.check("http://10.0.0.1/").is_err(), "not in the clear");
}

fn host(address: IpAddr) -> String {
    if address.is_ipv6() { format!("[{address}]") } else { address.to_string() }
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_called() {
    let (receiver, uri) = Receiver::start(&[]).await;
    let caller =
        crate::app::logouts::LogoutCaller::new(LogoutReach { loopback: false, internal: false });
    let by_number = caller.call(&uri, "x").await.expect_err("refused");
    assert!(by_number.contains("may not be called"), "{by_number}");
    // A name that says nothing by itself, and is looked up.
    let by_name = uri.replace("127.0.0.1", "127.1");
    let by_name = caller.call(&by_name, "x").await.expect_err("refused");
    assert!(by_name.contains("no address that may be called"), "{by_name}");
    assert!(receiver.tokens().is_empty());
    let caller =
        crate::app::logouts::LogoutCaller::new(LogoutReach { loopback: true, internal: false });
    let over_tls = uri.replace("http://", "https://");
    assert!(caller.call(&over_tls, "x").await.is_err(), "no TLS there");
    assert!(receiver.tokens().is_empty());
    caller.call(&uri, "x").await.expect("called");
    assert_eq!(form(&[("logout_token", "x")]), "logout_token=x");
}
