//! With the real Redis, and a way to it that can be cut.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use identity::{AUDIENCE, Claims, KeyPair, Knowledge, NodeSecret, SigningAlgorithm, Verifier};
use jiff::SignedDuration;
use parking_lot::Mutex;
use revocations::{Revocations, Revoked, Source};
use service_kit::http::TokenFault;
use stdx::Clock;
use testkit::{TcpProxy, eventually};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

const ISSUER: &str = "http://127.0.0.1:5000";
/// What is promised of a revocation.
const BOUND: Duration = Duration::from_secs(1);

/// Where the tests' server is.
fn server() -> String {
    testkit::redis_server()
}

/// What the tokens service would know.
#[derive(Clone)]
struct Database {
    revoked: Arc<Mutex<Revoked>>,
    changes: watch::Sender<u64>,
}

impl Database {
    fn new() -> Self {
        Self { revoked: Arc::default(), changes: watch::Sender::new(0) }
    }

    fn end_session(&self, session: Uuid) {
        self.revoked.lock().sessions.push((session, testkit::now().as_millisecond()));
        self.changes.send_modify(|count| *count += 1);
    }

    fn revoke_user(&self, user: Uuid, at_ms: i64) {
        self.revoked.lock().users.push((user, at_ms));
        self.changes.send_modify(|count| *count += 1);
    }

    fn source(&self) -> Source {
        let revoked = self.revoked.clone();
        let read = move |since: jiff::Timestamp| {
            let mut found = revoked.lock().clone();
            found.sessions.retain(|(_, at)| *at > since.as_millisecond());
            found.users.retain(|(_, at)| *at > since.as_millisecond());
            async move { Ok(found) }.boxed()
        };
        Source::new(read, self.changes.subscribe())
    }
}

/// A process that verifies tokens.
struct Process {
    verifier: Verifier,
    revocations: Arc<Revocations>,
    _stopping: DropGuard,
}

/// One installation's prefix and key.
struct World {
    prefix: String,
    key: KeyPair,
}

impl World {
    fn new() -> Self {
        let prefix = format!("backline-test-{}", Uuid::now_v7().simple());
        Self { prefix, key: KeyPair::generate(SigningAlgorithm::EdDsa).expect("a key") }
    }

    fn start(&self, url: &str, source: Option<Source>) -> Process {
        let clock = Clock::system();
        let knowledge = Arc::new(Knowledge::default());
        knowledge.set_keys([(self.key.kid(), self.key.public())]);
        let secret = Arc::new(NodeSecret::new(None, clock.clone()));
        let verifier = Verifier::new(knowledge.clone(), secret, ISSUER, clock.clone());
        let made = Revocations::new(url, &self.prefix, knowledge, clock).expect("settings");
        let revocations = Arc::new(made);
        let stopping = CancellationToken::new();
        tokio::spawn(revocations.clone().run(source, stopping.clone()));
        Process { verifier, revocations, _stopping: stopping.drop_guard() }
    }

    /// A token, and its session and user.
    fn token(&self) -> (String, Uuid, Uuid) {
        let now = testkit::now().as_second();
        let claims = Claims {
            cnf: None,
            iss: ISSUER.into(),
            aud: AUDIENCE.into(),
            sub: Uuid::now_v7(),
            sid: Uuid::now_v7(),
            jti: Uuid::now_v7(),
            iat: now,
            exp: now + 900,
            client_id: "test".into(),
            scope: String::new(),
            permissions: None,
            client_name: String::new(),
            email: "ada@example.org".into(),
            customer: None,
            roles: vec![],
        };
        (self.key.sign(&claims).expect("a token"), claims.sid, claims.sub)
    }

    async fn connection(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(server()).expect("an address");
        client.get_multiplexed_async_connection().await.expect("redis answers")
    }

    fn name(&self, what: &str) -> String {
        format!("{}:{what}", self.prefix)
    }

    async fn clean(self) {
        let names = [self.name("ended-sessions"), self.name("revoked-users")];
        let mut connection = self.connection().await;
        redis::cmd("DEL").arg(&names).query_async::<()>(&mut connection).await.expect("deleted");
    }
}

impl Process {
    async fn is_connected(&self) {
        let here = || async { self.revocations.remark().is_none().then_some(()) };
        eventually("redis", here).await;
    }

    async fn is_cut_off(&self) {
        let away = || async { self.revocations.remark() };
        let remark = eventually("redis to be away", away).await;
        assert_eq!(remark, "redis is away, going by memory and the bus");
    }

    /// Waits until the token is refused; how long that took.
    async fn refuses(&self, token: &str) -> Duration {
        let begun = Instant::now();
        eventually("the revocation", || async {
            (self.verifier.verify(token).err() == Some(TokenFault::Revoked)).then_some(())
        })
        .await;
        begun.elapsed()
    }
}

fn url_of(proxy: &TcpProxy) -> String {
    format!("redis://{}", proxy.address())
}

#[tokio::test]
async fn over_redis_a_revocation_reaches_a_process_that_listens_within_a_second() {
    let world = World::new();
    let database = Database::new();
    let tokens = world.start(&server(), Some(database.source()));
    let other = world.start(&server(), None);
    let stranger = World { prefix: format!("{}-other", world.prefix), key: clone_of(&world.key) };
    let stranger = stranger.start(&server(), None);
    for process in [&tokens, &other, &stranger] {
        process.is_connected().await;
    }
    let (of_session, session, _) = world.token();
    let (of_user, _, user) = world.token();
    assert!(other.verifier.verify(&of_session).is_ok() && other.verifier.verify(&of_user).is_ok());
    database.end_session(session);
    assert!(other.refuses(&of_session).await < BOUND);
    database.revoke_user(user, testkit::now().as_millisecond() + 1);
    assert!(other.refuses(&of_user).await < BOUND);
    assert!(tokens.refuses(&of_session).await < BOUND, "its own process hears it as well");
    assert!(stranger.verifier.verify(&of_session).is_ok(), "another installation does not");
    world.clean().await;
}

fn clone_of(key: &KeyPair) -> KeyPair {
    use base64::Engine;
    let pkcs8 = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(key.pkcs8_base64());
    let pkcs8 = pkcs8.expect("base64");
    KeyPair::from_pkcs8(key.kid(), key.algorithm(), &pkcs8).expect("the same key")
}

#[tokio::test]
async fn a_process_that_starts_learns_from_redis_what_it_has_missed() {
    let world = World::new();
    let database = Database::new();
    let tokens = world.start(&server(), Some(database.source()));
    tokens.is_connected().await;
    let mut revoked = vec![];
    for _ in 0..20 {
        let (token, session, _) = world.token();
        database.end_session(session);
        tokens.refuses(&token).await;
        revoked.push(token);
    }
    drop(tokens);
    let late = world.start(&server(), None);
    late.is_connected().await;
    for token in &revoked {
        assert_eq!(late.verifier.verify(token).err(), Some(TokenFault::Revoked));
    }
    assert!(late.verifier.verify(&world.token().0).is_ok());
    world.clean().await;
}

#[tokio::test]
async fn nothing_is_lost_while_redis_is_away_even_what_redis_itself_has_forgotten() {
    let world = World::new();
    let database = Database::new();
    let (to_tokens, to_other) = (TcpProxy::to(&host()).await, TcpProxy::to(&host()).await);
    let tokens = world.start(&url_of(&to_tokens), Some(database.source()));
    let other = world.start(&url_of(&to_other), None);
    tokens.is_connected().await;
    other.is_connected().await;
    let (before, session, _) = world.token();
    database.end_session(session);
    other.refuses(&before).await;

    to_tokens.cut();
    to_other.cut();
    tokens.is_cut_off().await;
    other.is_cut_off().await;
    let (meanwhile, session, _) = world.token();
    database.end_session(session);
    assert_eq!(other.verifier.verify(&before).err(), Some(TokenFault::Revoked), "from memory");
    // As after a restart of Redis that keeps nothing on disk.
    let mut connection = world.connection().await;
    let name = world.name("ended-sessions");
    redis::cmd("DEL").arg(&name).query_async::<()>(&mut connection).await.expect("deleted");

    to_other.restore();
    to_tokens.restore();
    tokens.is_connected().await;
    other.refuses(&meanwhile).await;
    let late = world.start(&server(), None);
    late.is_connected().await;
    for token in [&before, &meanwhile] {
        late.refuses(token).await;
    }
    world.clean().await;
}

#[tokio::test]
async fn a_process_starts_without_redis_and_finds_it_later() {
    let world = World::new();
    let database = Database::new();
    let proxy = TcpProxy::to(&host()).await;
    proxy.cut();
    let (token, session, _) = world.token();
    database.end_session(session);
    let tokens = world.start(&url_of(&proxy), Some(database.source()));
    tokens.is_cut_off().await;
    proxy.restore();
    tokens.is_connected().await;
    let other = world.start(&server(), None);
    other.refuses(&token).await;
    // A server that speaks no TLS is one that is away, and no crash.
    let secure = world.start(&server().replace("redis://", "rediss://"), None);
    tokio::time::sleep(Duration::from_millis(200)).await;
    secure.is_cut_off().await;
    world.clean().await;
}

#[tokio::test]
async fn what_lies_in_redis_goes_by_itself() {
    let world = World::new();
    let database = Database::new();
    let half_an_hour = SignedDuration::from_mins(30);
    let (old, user) = (Uuid::now_v7(), Uuid::now_v7());
    let long_ago = (testkit::now() - half_an_hour).as_millisecond() - 1;
    let name = world.name("revoked-users");
    let mut connection = world.connection().await;
    let mut add = redis::cmd("ZADD");
    add.arg(&name).arg(long_ago).arg(old.to_string());
    add.query_async::<()>(&mut connection).await.expect("added");
    let tokens = world.start(&server(), Some(database.source()));
    tokens.is_connected().await;
    let at_ms = testkit::now().as_millisecond();
    database.revoke_user(user, at_ms);
    let there = || {
        let (mut connection, name) = (connection.clone(), name.clone());
        async move {
            let mut range = redis::cmd("ZRANGE");
            range.arg(name).arg(0).arg(-1);
            range.query_async::<Vec<String>>(&mut connection).await.expect("a list")
        }
    };
    let both_done = || async { (there().await == [user.to_string()]).then_some(()) };
    eventually("the new one in place of the old one", both_done).await;
    let left: i64 =
        redis::cmd("PTTL").arg(&name).query_async(&mut connection).await.expect("a time");
    let quarter = i64::try_from(half_an_hour.as_millis() / 2).expect("small");
    assert!((quarter + 1..=2 * quarter).contains(&left), "{left} ms");
    // An older moment does not take back a newer one.
    database.revoke_user(user, at_ms - 5000);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut score = redis::cmd("ZSCORE");
    score.arg(&name).arg(user.to_string());
    let score: f64 = score.query_async(&mut connection).await.expect("a score");
    assert_eq!(score as i64, at_ms);
    world.clean().await;
}

#[tokio::test]
async fn what_is_no_revocation_on_the_channel_of_redis_is_skipped() {
    let world = World::new();
    let database = Database::new();
    let tokens = world.start(&server(), Some(database.source()));
    let other = world.start(&server(), None);
    tokens.is_connected().await;
    other.is_connected().await;
    let mut connection = world.connection().await;
    for nonsense in ["nonsense", "{\"sessions\":[1]}", ""] {
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(world.name("revocations")).arg(nonsense);
        publish.query_async::<()>(&mut connection).await.expect("published");
    }
    let (token, session, _) = world.token();
    database.end_session(session);
    assert!(other.refuses(&token).await < BOUND);
    assert_eq!(other.revocations.remark(), None);
    world.clean().await;
}

/// As docs/operating has it.
const RIGHTS: &str = "+zadd +zremrangebyscore +zrange +pexpire +publish +subscribe +ping +multi +exec \
                      +select";

#[tokio::test]
async fn a_user_of_redis_with_the_rights_of_the_manual_can_do_all_of_it() {
    let world = World::new();
    let mut connection = world.connection().await;
    let mut user = redis::cmd("ACL");
    user.arg("SETUSER").arg(&world.prefix).arg("on").arg(">a secret").arg("resetkeys");
    user.arg(format!("~{}:*", world.prefix)).arg("resetchannels");
    user.arg(format!("&{}:*", world.prefix))
        .arg("-@all")
        .arg(RIGHTS.split_whitespace().collect::<Vec<_>>());
    user.query_async::<()>(&mut connection).await.expect("a user");
    let url = format!("redis://{}:a%20secret@{}/0", world.prefix, host());
    let database = Database::new();
    let tokens = world.start(&url, Some(database.source()));
    let other = world.start(&url, None);
    tokens.is_connected().await;
    other.is_connected().await;
    let (token, session, user) = world.token();
    database.revoke_user(user, testkit::now().as_millisecond());
    database.end_session(session);
    assert!(other.refuses(&token).await < BOUND);
    // Longer than the heartbeat: whatever is not permitted would have ended the connection.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((tokens.revocations.remark(), other.revocations.remark()), (None, None));
    let mut remove = redis::cmd("ACL");
    remove.arg("DELUSER").arg(&world.prefix);
    remove.query_async::<()>(&mut connection).await.expect("removed");
    world.clean().await;
}

/// The server without `redis://` and what comes before the host.
fn host() -> String {
    let url = server();
    let rest = url.strip_prefix("redis://").unwrap_or(&url);
    rest.rsplit_once('@').map_or(rest, |(_, host)| host).trim_end_matches('/').to_owned()
}
