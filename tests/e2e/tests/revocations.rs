//! A revocation reaches every process by the bus or by Redis, whichever works; and what is sealed stays so.

mod support;

use std::time::{Duration, Instant};

use database::MasterKey;
use support::cluster::NATS;
use support::{Client, Cluster, Topology, eventually};
use testkit::TcpProxy;

/// What is promised of a revocation.
const BOUND: Duration = Duration::from_secs(1);
const PROCESSES: [&str; 6] = ["roles", "users", "tokens", "customers", "events", "gateway"];
const VERA: &str = "vera@example.org";

/// The server without its scheme.
fn host(url: &str) -> &str {
    let (_, rest) = url.split_once("://").expect("an address");
    rest.trim_end_matches('/')
}

/// What `/ready` of a process says of revocations, and whether it says that it is ready.
async fn ready(cluster: &Cluster, process: &'static str) -> (Option<String>, bool) {
    let answer = Client::new(&cluster.address_of(process)).get("/ready").await;
    let checks = answer.body["checks"].as_array().cloned().unwrap_or_default();
    let check = checks.iter().find(|check| check["name"] == "revocations");
    let remark = match check {
        Some(check) => check["detail"].as_str(),
        None => answer.body["revocations"].as_str().filter(|remark| *remark != "ok"),
    };
    (remark.map(str::to_owned), answer.status == 200)
}

async fn wait_for_remark(cluster: &Cluster, is_there: bool) {
    for process in PROCESSES {
        let as_expected = || async {
            let (remark, _) = ready(cluster, process).await;
            (remark.is_some() == is_there).then_some(())
        };
        eventually("what is said of redis", as_expected).await;
    }
}

/// Signs out and measures until the token is refused, at the gateway and by a service that is asked directly.
async fn sign_out(cluster: &Cluster, client: &Client) -> Duration {
    let direct = Client::new(&cluster.address_of("events"));
    let direct = direct.with_token(client.token.as_deref().expect("a token"));
    direct.get("/api/v1/tickets").await.expect(200);
    client.send(http::Method::POST, "/api/v1/auth/logout", None).await.expect(204);
    let begun = Instant::now();
    for there in [client, &direct] {
        eventually("the revocation", || async {
            let answer = there.get("/api/v1/tickets").await;
            (answer.status == 401).then_some(())
        })
        .await;
    }
    begun.elapsed()
}

fn count(log: &str, words: &str) -> usize {
    log.lines().filter(|line| line.contains(words)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_or_nats_alone_carries_a_revocation_within_a_second_split() {
    let redis = TcpProxy::to(host(&testkit::redis_server())).await;
    let nats = TcpProxy::to(host(NATS)).await;
    let settings = [
        ("BACKLINE_REVOCATIONS__REDIS_URL", format!("redis://{}", redis.address())),
        ("BACKLINE_REVOCATIONS__PREFIX", format!("backline-test-{}", uuid::Uuid::now_v7())),
        ("BACKLINE_MESSAGES__URL", format!("nats://{}", nats.address())),
        ("BACKLINE_LOG__FILTER", "warn,revocations=info".to_owned()),
    ];
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let cluster = Cluster::start_with(Topology::Split, &settings).await;
    let client = cluster.client();
    client.new_member(VERA).await;
    let mut sessions = vec![];
    for _ in 0..8 {
        sessions.push(client.sign_in(VERA).await);
    }
    let good = sessions.pop().expect("a session");
    wait_for_remark(&cluster, false).await;
    let took = sign_out(&cluster, &sessions[0]).await;
    assert!(took < BOUND, "with both: {took:?}");

    redis.cut();
    wait_for_remark(&cluster, true).await;
    for process in PROCESSES {
        let (remark, is_ready) = ready(&cluster, process).await;
        let remark = remark.expect("a remark");
        assert_eq!(remark, "redis is away, going by memory and the bus", "{process}");
        assert!(is_ready, "{process} serves all the same");
    }
    for session in &sessions[1..3] {
        let took = sign_out(&cluster, session).await;
        assert!(took < BOUND, "by the bus alone: {took:?}");
    }
    redis.restore();
    wait_for_remark(&cluster, false).await;
    for process in PROCESSES {
        let log = cluster.log(process);
        assert_eq!(count(&log, "redis is away"), 1, "{process}: {log}");
        assert_eq!(count(&log, "redis is back"), 1, "{process}: {log}");
    }

    nats.cut();
    eventually("the bus to be away", || async {
        (!ready(&cluster, "tokens").await.1 && !ready(&cluster, "events").await.1).then_some(())
    })
    .await;
    // Several: now and again a process would hear of one by its snapshot of every five seconds.
    for session in &sessions[3..] {
        let took = sign_out(&cluster, session).await;
        assert!(took < BOUND, "by redis alone: {took:?}");
    }
    nats.restore();
    cluster.kill("events");
    cluster.restart("events");
    cluster.wait_until_ready().await;
    let events = Client::new(&cluster.address_of("events"));
    for session in &sessions {
        let revoked = events.with_token(session.token.as_deref().expect("a token"));
        revoked.get("/api/v1/tickets").await.expect(401);
    }
    good.get("/api/v1/tickets").await.expect(200);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sealed_takes_the_master_key_at_the_next_start_split() {
    let key = MasterKey::generate();
    let settings = [("BACKLINE_NODE__MASTER_KEY", key.as_str())];
    let cluster = Cluster::start_with(Topology::OneProcess, &settings).await;
    let vera = cluster.client().new_member(VERA).await;
    assert!(cluster.terminate("tokens").success());

    let other = MasterKey::generate();
    for wrong in [None, Some(&other)] {
        let mut command = cluster.command();
        command.env_remove("BACKLINE_NODE__MASTER_KEY");
        command.envs(wrong.map(|key| ("BACKLINE_NODE__MASTER_KEY", key)));
        let data = cluster.data().to_owned();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        let outcome = command.output().expect("ended");
        let said = String::from_utf8_lossy(&outcome.stderr);
        assert_eq!(outcome.status.code(), Some(70), "{said}");
        assert!(said.contains("`node.master_key_file`") && !said.contains(&key), "{said}");
    }
    cluster.restart("tokens");
    cluster.wait_until_ready().await;
    vera.get("/api/v1/users/me").await.expect(200);

    let made = cluster.command().args(["keys", "generate-master"]).output().expect("ended");
    let made = String::from_utf8(made.stdout).expect("text");
    assert!(MasterKey::parse(&made).is_some());
    let shown = cluster.command().args(["config", "print"]).output().expect("ended");
    let shown = String::from_utf8(shown.stdout).expect("text");
    assert!(shown.contains("master_key = \"(set)\"") && !shown.contains(&key), "{shown}");
    cluster.stop().await;
}
