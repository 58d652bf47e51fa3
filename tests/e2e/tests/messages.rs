//! What the administration shows of the messages between services: what waits, what was given up, and what becomes of
//! it when it is replayed or dropped, over the API and on the command line.

mod support;

use contracts::audit::{AuditRecorded, Party};
use messages::Message;
use rusqlite::Connection;
use serde_json::{Value, json};
use support::{Client, Cluster, Topology, eventually};
use uuid::Uuid;

const MESSAGES: &str = "/api/v1/admin/messages";
const LETTERS: &str = "/api/v1/admin/messages/dead-letters";
const CONSUMER: &str = "audit.record";

/// What the program does after a quarter of an hour of tries in vain: this message of the consumer is a dead letter.
fn give_up(cluster: &Cluster, action: &str) -> Uuid {
    let record = AuditRecorded::done(Party::OPERATOR, action);
    let message = Message::new("test", testkit::now(), &record).expect("a message");
    let envelope = serde_json::to_string(&message).expect("JSON");
    let database = Connection::open(cluster.data().join("audit.db")).expect("a database");
    let sql = "insert into inbox values (?1, ?2, 'one', ?3, 'dead', 12, 1, 1, 'told so')";
    database.execute(sql, (CONSUMER, message.id.as_bytes(), envelope)).expect("given up");
    message.id
}

async fn letters(admin: &Client) -> Vec<(String, String)> {
    let found = admin.get(LETTERS).await.expect(200);
    assert_eq!(found.body["unreachable"], json!([]));
    let text = |letter: &Value, name: &str| letter[name].as_str().expect("text").to_owned();
    let letters = found.items().iter();
    letters.map(|letter| (text(letter, "consumer"), text(letter, "messageId"))).collect()
}

async fn entry(admin: &Client, action: &str) -> Value {
    let path = format!("/api/v1/audit?action={action}");
    eventually("the entry", || async {
        admin.get(&path).await.expect(200).items().first().cloned()
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_given_up_is_replayed_and_dropped_and_that_is_on_record() {
    let cluster = Cluster::start(Topology::OneProcess).await;
    let admin = cluster.administrator().await;
    let ids = ["test:replayed", "test:dropped", "test:forgotten", "test:kept"]
        .map(|action| give_up(&cluster, action).to_string());
    let given_up = ids.clone().map(|id| (CONSUMER.to_owned(), id));
    assert_eq!(letters(&admin).await, given_up);

    let one = |id: &str| json!({ "service": "audit", "consumer": CONSUMER, "messageId": id });
    let replayed = admin.post(&format!("{LETTERS}/replay"), one(&ids[0])).await.expect(200);
    assert_eq!(replayed.body, json!({ "count": 1 }));
    entry(&admin, "test:replayed").await;
    let dropped = admin.post(&format!("{LETTERS}/drop"), one(&ids[1])).await.expect(200);
    assert_eq!(dropped.body, json!({ "count": 1 }));
    admin
        .post(&format!("{LETTERS}/replay"), one(&ids[1]))
        .await
        .expect_problem(404, "no_dead_letter");

    let record = entry(&admin, "messages:replay").await;
    assert_eq!((&record["service"], &record["outcome"]), (&json!("audit"), &json!("done")));
    assert_eq!(record["actor"]["label"], "admin@example.org");
    assert_eq!(record["on"], json!({ "kind": "DeadLetter", "id": ids[0] }));
    assert_eq!(record["details"], json!({ "name": CONSUMER, "letters": 1 }));

    // The same on the command line, while the program runs.
    let listed = run(&cluster, &["dead-letters", "--service", "audit", "--consumer", CONSUMER]);
    assert!(listed.contains("audit.recorded about one after 12 tries: told so"), "{listed}");
    assert!(listed.ends_with("2 dead letters\n") && listed.contains(&ids[2]), "{listed}");
    assert_eq!(run(&cluster, &["dead-letters", "--service", "users"]), "0 dead letters\n");
    assert_eq!(run(&cluster, &["drop", CONSUMER, &ids[2]]), "forgotten\n");
    give_up(&cluster, "test:kept");
    let all = run(&cluster, &["replay", CONSUMER, "--all"]);
    assert_eq!(all, "2 dead letters will be tried again\n");
    entry(&admin, "test:kept").await;
    assert!(letters(&admin).await.is_empty());
    let record = entry(&admin, "messages:drop").await;
    assert_eq!(record["service"], "audit");
    let metrics = admin.get("/metrics").await.expect(200).body.to_string();
    assert!(metrics.contains("backline_inbox_waiting"), "{metrics}");
    cluster.stop().await;
}

/// What the command line says of messages.
fn run(cluster: &Cluster, arguments: &[&str]) -> String {
    let mut command = cluster.command();
    command.arg("messages").args(arguments).arg("--data").arg(cluster.data());
    let output = command.output().expect("run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn of<'a>(overview: &'a Value, service: &str) -> &'a Value {
    let services = overview["services"].as_array().expect("services");
    services.iter().find(|found| found["name"] == service).expect("the service")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_away_split_is_shown_as_such_and_hides_no_other() {
    let cluster = Cluster::start(Topology::Split).await;
    let admin = cluster.administrator().await;
    let overview = admin.get(MESSAGES).await.expect(200).body;
    for name in contracts::SERVICES {
        assert_eq!(of(&overview, name)["isReachable"], true, "{name}");
    }
    let consumers = of(&overview, "audit")["consumers"].as_array().expect("consumers");
    assert!(consumers.iter().any(|consumer| consumer["name"] == CONSUMER));
    let streams = overview["broker"]["streams"].as_array().expect("streams");
    assert!(!streams.is_empty(), "{overview}");

    cluster.kill("audit");
    let overview = admin.get(MESSAGES).await.expect(200).body;
    assert_eq!(of(&overview, "audit")["isReachable"], false);
    assert_eq!(of(&overview, "users")["isReachable"], true);
    let found = admin.get(LETTERS).await.expect(200);
    assert_eq!(found.body["unreachable"], json!(["audit"]));
    let all = json!({ "service": "audit", "consumer": CONSUMER });
    admin.post(&format!("{LETTERS}/drop"), all).await.expect(503);
    cluster.restart("audit");
    eventually("the service to be back", || async {
        let overview = admin.get(MESSAGES).await.expect(200).body;
        (of(&overview, "audit")["isReachable"] == true).then_some(())
    })
    .await;
    cluster.stop().await;
}
