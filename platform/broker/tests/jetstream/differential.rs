//! The same requests to this broker and to nats-server: the answers must be the same.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_nats::{Client, HeaderMap, Message};
use futures::StreamExt;
use serde_json::{Value, json};

use crate::support::{PATIENCE, TestBroker};

/// What differs between two servers, or two runs, by its nature, or between versions of nats-server.
const IGNORED: &[(&str, &str)] = &[
    ("id", "chosen by chance"),
    ("timestamp", "a time"),
    ("created", "a time"),
    ("ts", "a time"),
    ("time", "a time"),
    ("first_ts", "a time"),
    ("last_ts", "a time"),
    ("last_active", "a time"),
    ("cluster", "of the server"),
    ("domain", "of the server"),
    ("bytes", "each has its own format on disk"),
    ("storage_used", "each has its own format on disk"),
    ("storage", "a sum of these in INFO; in a stream it is `file` in both"),
    ("api", "how often the API was used"),
    ("reserved_memory", "of the account"),
    ("reserved_storage", "of the account"),
    ("tier", "of the account"),
    ("compression", "since 2.10"),
    ("consumer_limits", "since 2.10"),
    ("metadata", "newer versions add their own"),
    ("allow_msg_ttl", "since 2.11"),
    ("pause_remaining", "since 2.11"),
    ("priority_timeout", "since 2.11"),
    ("num_dead", "ours"),
    ("mirror_direct", "not offered, always false"),
];

/// How long nothing comes before the answers to a request for messages are complete.
const QUIET: Duration = Duration::from_millis(250);

/// The original, ended with the test.
struct NatsServer {
    process: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl NatsServer {
    /// `None` if it is not installed.
    async fn start() -> Option<Self> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = free.local_addr().expect("its number");
        drop(free);
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("nats-server");
        command.args(["-js", "-a", "127.0.0.1", "-p", &address.port().to_string(), "-sd"]);
        command.arg(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = match command.spawn() {
            Ok(process) => process,
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => panic!("nats-server does not start: {error}"),
        };
        let server = Self { process, address, _folder: folder };
        let begin = tokio::time::Instant::now();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            assert!(begin.elapsed() < PATIENCE, "nats-server does not listen");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Some(server)
    }
}

enum Step {
    /// A request of the API.
    Ask(&'static str, Value),
    /// A publication with headers.
    Publish(&'static str, &'static [(&'static str, &'static str)], &'static str),
    /// A request for messages: stream and consumer, body, how the messages are answered.
    Pull(&'static str, Value, &'static str),
    /// A request whose answer is a message as it is.
    Direct(&'static str, Value),
}

use Step::{Ask, Direct, Publish, Pull};

/// Carries the steps out and says what came of each.
async fn play(client: &Client, steps: &[Step]) -> Vec<(String, Value)> {
    // Freshly started, the original may need a moment.
    let begin = tokio::time::Instant::now();
    while client.request("$JS.API.INFO", "".into()).await.is_err() {
        assert!(begin.elapsed() < PATIENCE, "no JetStream");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut transcript = Vec::new();
    for step in steps {
        transcript.push(carry_out(client, step).await);
    }
    transcript
}

async fn carry_out(client: &Client, step: &Step) -> (String, Value) {
    match step {
        Ask(request, body) => {
            let payload = if body.is_null() { String::new() } else { body.to_string() };
            let answer = client.request(format!("$JS.API.{request}"), payload.into()).await;
            (format!("{request} {body}"), parsed(&answer.expect("an answer")))
        }
        Publish(subject, headers, body) => {
            let mut map = HeaderMap::new();
            headers.iter().for_each(|(name, value)| map.insert(*name, *value));
            let sent = client.request_with_headers(*subject, map, (*body).into()).await;
            (format!("{subject} {headers:?}"), parsed(&sent.expect("an answer")))
        }
        Pull(consumer, body, answer) => {
            let request = format!("$JS.API.CONSUMER.MSG.NEXT.{consumer}");
            (format!("{request} {body}"), pull(client, request, body, answer).await)
        }
        Direct(request, body) => {
            let payload = if body.is_null() { String::new() } else { body.to_string() };
            let answer = client.request(format!("$JS.API.{request}"), payload.into()).await;
            (format!("{request} {body}"), answer.map_or(json!("nobody"), |answer| shown(&answer)))
        }
    }
}

async fn pull(client: &Client, request: String, body: &Value, answer: &'static str) -> Value {
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.expect("subscribed");
    client.publish_with_reply(request, inbox, body.to_string().into()).await.expect("sent");
    let mut seen = Vec::new();
    while let Ok(Some(message)) = tokio::time::timeout(QUIET, answers.next()).await {
        if let (Some(reply), false) = (&message.reply, answer.is_empty()) {
            client.publish(reply.clone(), answer.into()).await.expect("sent");
        }
        seen.push(shown(&message));
    }
    Value::Array(seen)
}

fn parsed(message: &Message) -> Value {
    let mut value = serde_json::from_slice(&message.payload).expect("JSON");
    drop_ignored(&mut value);
    value
}

fn drop_ignored(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !IGNORED.iter().any(|(ignored, _)| ignored == name));
            fields.values_mut().for_each(drop_ignored);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_ignored),
        _ => {}
    }
}

/// All of a message but inboxes and times.
fn shown(message: &Message) -> Value {
    let headers = message.headers.clone().unwrap_or_default();
    let fields = headers.iter().filter(|(name, _)| name.to_string() != "Nats-Time-Stamp");
    let fields = fields.map(|(name, values)| {
        (name.to_string(), json!(values.iter().map(ToString::to_string).collect::<Vec<_>>()))
    });
    let without_time = |reply: &async_nats::Subject| {
        let mut words: Vec<&str> = reply.split('.').collect();
        if words.len() == 9 {
            words[7] = "time";
        }
        words.join(".")
    };
    let is_inbox = message.subject.starts_with("_INBOX");
    json!({
        "subject": if is_inbox { "inbox" } else { message.subject.as_str() },
        "reply": message.reply.as_ref().map(without_time),
        "status": message.status.map(|status| status.as_u16()),
        "description": message.description,
        "headers": fields.collect::<serde_json::Map<_, _>>(),
        "payload": String::from_utf8_lossy(&message.payload),
    })
}

/// Plays the steps on both, and shows where they differ.
async fn compare(steps: Vec<Step>) {
    let Some(original) = NatsServer::start().await else {
        eprintln!("nats-server is not installed: nothing compared");
        return;
    };
    let theirs = async_nats::connect(original.address.to_string()).await.expect("a connection");
    let broker = TestBroker::start().await;
    let expected = play(&theirs, &steps).await;
    let actual = play(&broker.client, &steps).await;
    let mut different = 0;
    for ((step, expected), (_, actual)) in expected.iter().zip(&actual) {
        if expected != actual {
            different += 1;
            eprintln!("{step}\n  nats-server: {expected}\n  ours:        {actual}");
        }
    }
    assert_eq!(different, 0, "answers that differ");
}

fn orders() -> Value {
    json!({ "name": "ORDERS", "subjects": ["orders.>"], "allow_direct": true, "allow_rollup_hdrs": true })
}

fn consumer(config: Value) -> Value {
    json!({ "stream_name": "ORDERS", "config": config })
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_described_as_by_nats_server() {
    compare(vec![
        Ask("STREAM.NAMES", json!(null)),
        Ask("STREAM.CREATE.ORDERS", orders()),
        Ask("STREAM.CREATE.ORDERS", orders()),
        Ask("STREAM.CREATE.ORDERS", json!({ "name": "ORDERS", "subjects": ["other"] })),
        Ask("STREAM.CREATE.OTHER", json!({ "name": "ORDERS" })),
        Ask("STREAM.CREATE.OTHER", json!({ "name": "OTHER", "subjects": ["orders.new"] })),
        Ask("STREAM.CREATE.OTHER", json!({ "name": "OTHER", "num_replicas": 3 })),
        Ask("STREAM.CREATE.OTHER", json!({ "name": "OTHER", "max_age": 5 })),
        Ask("STREAM.CREATE.OTHER", json!({ "name": "OTHER", "subjects": ["$JS.API.>"] })),
        Ask("STREAM.CREATE.OTHER", json!("nonsense")),
        Ask("STREAM.CREATE.OTHER", json!({ "name": "OTHER", "retention": "workqueue", "max_age": 3_600_000_000_000_i64 })),
        Ask("STREAM.INFO.OTHER", json!(null)),
        Ask("STREAM.INFO.MISSING", json!(null)),
        Ask("STREAM.UPDATE.ORDERS", json!({ "name": "ORDERS", "subjects": ["orders.>"], "allow_direct": true, "allow_rollup_hdrs": true, "max_msgs": 100 })),
        Ask("STREAM.UPDATE.ORDERS", json!({ "name": "ORDERS", "subjects": ["orders.>"], "storage": "memory" })),
        Ask("STREAM.UPDATE.ORDERS", json!({ "name": "ORDERS", "subjects": ["orders.>"], "max_consumers": 7 })),
        Ask("STREAM.UPDATE.MISSING", json!({ "name": "MISSING" })),
        Ask("STREAM.NAMES", json!(null)),
        Ask("STREAM.NAMES", json!({ "subject": "orders.x" })),
        Ask("STREAM.LIST", json!(null)),
        Ask("STREAM.DELETE.OTHER", json!(null)),
        Ask("STREAM.DELETE.OTHER", json!(null)),
        Ask("STREAM.PURGE.MISSING", json!(null)),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn publications_are_answered_as_by_nats_server() {
    compare(vec![
        Ask("STREAM.CREATE.ORDERS", orders()),
        Publish("orders.a", &[], "one"),
        Publish("orders.a", &[("Nats-Msg-Id", "x")], "two"),
        Publish("orders.a", &[("Nats-Msg-Id", "x")], "two"),
        Publish("orders.a", &[("Nats-Expected-Stream", "OTHER")], "no"),
        Publish("orders.a", &[("Nats-Expected-Last-Sequence", "9")], "no"),
        Publish("orders.a", &[("Nats-Expected-Last-Sequence", "2")], "three"),
        Publish("orders.a", &[("Nats-Expected-Last-Subject-Sequence", "9")], "no"),
        Publish("orders.b", &[("Nats-Expected-Last-Subject-Sequence", "0")], "four"),
        Publish("orders.b", &[("Nats-Expected-Last-Msg-Id", "y")], "no"),
        Publish("orders.a", &[("Nats-Rollup", "sub")], "five"),
        Ask("STREAM.INFO.ORDERS", json!({ "deleted_details": true })),
        Ask("STREAM.INFO.ORDERS", json!({ "subjects_filter": ">" })),
        Ask(
            "STREAM.CREATE.SMALL",
            json!({ "name": "SMALL", "max_msg_size": 3, "max_msgs": 1, "discard": "new" }),
        ),
        Publish("SMALL", &[], "large"),
        Publish("SMALL", &[], "one"),
        Publish("SMALL", &[], "two"),
        Ask("STREAM.INFO.SMALL", json!(null)),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_read_and_removed_as_by_nats_server() {
    compare(vec![
        Ask("STREAM.CREATE.ORDERS", orders()),
        Publish("orders.a", &[("A", "1")], "one"),
        Publish("orders.b", &[], "two"),
        Publish("orders.a", &[], ""),
        Publish("orders.c", &[], "four"),
        Ask("STREAM.MSG.GET.ORDERS", json!({ "seq": 2 })),
        Ask("STREAM.MSG.GET.ORDERS", json!({ "seq": 9 })),
        Ask("STREAM.MSG.GET.ORDERS", json!({ "last_by_subj": "orders.a" })),
        Ask("STREAM.MSG.GET.ORDERS", json!({ "last_by_subj": "orders.x" })),
        Ask("STREAM.MSG.GET.ORDERS", json!({ "seq": 2, "next_by_subj": "orders.a" })),
        Ask("STREAM.MSG.GET.ORDERS", json!({})),
        Ask("STREAM.MSG.GET.ORDERS", json!({ "seq": 1, "last_by_subj": "orders.a" })),
        Direct("DIRECT.GET.ORDERS", json!({ "seq": 2 })),
        Direct("DIRECT.GET.ORDERS", json!({ "seq": 9 })),
        Direct("DIRECT.GET.ORDERS", json!({ "seq": 2, "next_by_subj": "orders.a" })),
        Direct("DIRECT.GET.ORDERS", json!({})),
        Direct("DIRECT.GET.ORDERS.orders.a", json!(null)),
        Direct("DIRECT.GET.ORDERS.orders.x", json!(null)),
        Direct("DIRECT.GET.MISSING", json!({ "seq": 2 })),
        Ask("STREAM.MSG.DELETE.ORDERS", json!({ "seq": 2 })),
        Ask("STREAM.MSG.DELETE.ORDERS", json!({ "seq": 2 })),
        Ask("STREAM.MSG.DELETE.ORDERS", json!({ "seq": 99 })),
        Ask("STREAM.PURGE.ORDERS", json!({ "filter": "orders.a", "keep": 1 })),
        Ask("STREAM.PURGE.ORDERS", json!({ "seq": 2, "keep": 1 })),
        Ask("STREAM.PURGE.ORDERS", json!({ "seq": 4 })),
        Ask("STREAM.INFO.ORDERS", json!(null)),
        Ask("STREAM.PURGE.ORDERS", json!(null)),
        Ask("STREAM.INFO.ORDERS", json!(null)),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_are_described_as_by_nats_server() {
    let durable = json!({ "durable_name": "c", "ack_policy": "explicit" });
    compare(vec![
        Ask("STREAM.CREATE.ORDERS", orders()),
        Publish("orders.a", &[], "one"),
        Publish("orders.b", &[], "two"),
        Ask("CONSUMER.NAMES.ORDERS", json!(null)),
        Ask("CONSUMER.DURABLE.CREATE.ORDERS.c", consumer(durable.clone())),
        Ask("CONSUMER.DURABLE.CREATE.ORDERS.c", consumer(durable.clone())),
        Ask("CONSUMER.DURABLE.CREATE.ORDERS.d", consumer(durable.clone())),
        Ask("CONSUMER.CREATE.ORDERS", consumer(durable.clone())),
        Ask("CONSUMER.CREATE.ORDERS.e.orders.a", consumer(json!({ "name": "e", "ack_policy": "none", "filter_subject": "orders.a", "inactive_threshold": 60_000_000_000_i64 }))),
        Ask("CONSUMER.CREATE.ORDERS.f.orders.a", consumer(json!({ "name": "f", "ack_policy": "none", "filter_subject": "orders.b" }))),
        Ask("CONSUMER.CREATE.ORDERS.g", json!({ "stream_name": "OTHER", "config": durable })),
        Ask("CONSUMER.CREATE.ORDERS.g", json!("nonsense")),
        Ask("CONSUMER.CREATE.ORDERS.h", consumer(json!({ "durable_name": "h", "ack_policy": "explicit", "backoff": [1_000_000_000_i64, 2_000_000_000_i64], "max_deliver": 3, "max_ack_pending": 5 }))),
        Ask("CONSUMER.CREATE.ORDERS.i", consumer(json!({ "durable_name": "i", "ack_policy": "explicit", "backoff": [1, 2, 3], "max_deliver": 2 }))),
        Ask("CONSUMER.CREATE.ORDERS.i", consumer(json!({ "durable_name": "i", "ack_policy": "explicit", "deliver_policy": "by_start_sequence" }))),
        Ask("CONSUMER.CREATE.ORDERS.i", consumer(json!({ "durable_name": "i", "ack_policy": "explicit", "deliver_policy": "all", "opt_start_seq": 5 }))),
        Ask("CONSUMER.CREATE.ORDERS.i", consumer(json!({ "durable_name": "i", "ack_policy": "explicit", "deliver_policy": "last" }))),
        Ask("CONSUMER.CREATE.ORDERS.j", consumer(json!({ "durable_name": "j", "ack_policy": "explicit", "deliver_policy": "new" }))),
        Ask("CONSUMER.CREATE.ORDERS.k", consumer(json!({ "durable_name": "k", "ack_policy": "explicit", "flow_control": true }))),
        Ask("CONSUMER.CREATE.ORDERS.k", consumer(json!({ "durable_name": "k", "ack_policy": "explicit", "filter_subject": "nothing" }))),
        Ask("CONSUMER.CREATE.ORDERS.p", consumer(json!({ "durable_name": "p", "ack_policy": "all", "deliver_subject": "to.me", "deliver_group": "g" }))),
        Ask("CONSUMER.CREATE.ORDERS.q", consumer(json!({ "durable_name": "q", "ack_policy": "none", "deliver_subject": "orders.x" }))),
        Ask("CONSUMER.CREATE.ORDERS.c", consumer(json!({ "durable_name": "c", "ack_policy": "none" }))),
        Ask("CONSUMER.CREATE.ORDERS.c", consumer(json!({ "durable_name": "c", "ack_policy": "explicit", "max_ack_pending": 7, "description": "d" }))),
        Ask("CONSUMER.INFO.ORDERS.c", json!(null)),
        Ask("CONSUMER.INFO.ORDERS.missing", json!(null)),
        Ask("CONSUMER.INFO.MISSING.c", json!(null)),
        Ask("CONSUMER.NAMES.ORDERS", json!(null)),
        Ask("CONSUMER.LIST.ORDERS", json!(null)),
        Ask("CONSUMER.DELETE.ORDERS.c", json!(null)),
        Ask("CONSUMER.DELETE.ORDERS.c", json!(null)),
        Ask("STREAM.CREATE.QUEUE", json!({ "name": "QUEUE", "retention": "workqueue" })),
        Ask("CONSUMER.CREATE.QUEUE.a", json!({ "stream_name": "QUEUE", "config": { "durable_name": "a", "ack_policy": "explicit", "deliver_policy": "new" } })),
        Ask("CONSUMER.CREATE.QUEUE.a", json!({ "stream_name": "QUEUE", "config": { "durable_name": "a", "ack_policy": "explicit" } })),
        Ask("CONSUMER.CREATE.QUEUE.b", json!({ "stream_name": "QUEUE", "config": { "durable_name": "b", "ack_policy": "explicit" } })),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_delivered_as_by_nats_server() {
    compare(vec![
        Ask("STREAM.CREATE.ORDERS", orders()),
        Ask("CONSUMER.CREATE.ORDERS.c", consumer(json!({ "durable_name": "c", "ack_policy": "explicit", "max_batch": 50, "max_waiting": 3 }))),
        Pull("ORDERS.c", json!({ "batch": 1, "no_wait": true }), ""),
        Publish("orders.a", &[("A", "1")], "one"),
        Publish("orders.b", &[], "two"),
        Publish("orders.a", &[], "three"),
        Publish("orders.a", &[], "four"),
        Pull("ORDERS.c", json!({ "batch": 1 }), "+ACK"),
        Pull("ORDERS.c", json!({ "batch": 1 }), ""),
        Ask("CONSUMER.INFO.ORDERS.c", json!(null)),
        Pull("ORDERS.c", json!({ "batch": 5, "no_wait": true }), "+ACK"),
        Ask("CONSUMER.INFO.ORDERS.c", json!(null)),
        Pull("ORDERS.c", json!({ "batch": 51 }), ""),
        Pull("ORDERS.c", json!({ "batch": 1, "expires": 100_000_000, "idle_heartbeat": 60_000_000 }), ""),
        Pull("ORDERS.c", json!({ "batch": 3, "expires": 100_000_000 }), ""),
        Publish("orders.a", &[], "five"),
        Pull("ORDERS.c", json!({ "batch": 1, "max_bytes": 10, "expires": 100_000_000 }), ""),
        Pull("ORDERS.c", json!({ "batch": 2, "expires": 100_000_000 }), "+ACK"),
        Ask("CONSUMER.CREATE.ORDERS.all", consumer(json!({ "durable_name": "all", "ack_policy": "all", "filter_subject": "orders.a" }))),
        Pull("ORDERS.all", json!({ "batch": 2, "no_wait": true }), ""),
        Pull("ORDERS.all", json!({ "batch": 1, "no_wait": true }), "+ACK"),
        Ask("CONSUMER.INFO.ORDERS.all", json!(null)),
        Ask("CONSUMER.CREATE.ORDERS.none", consumer(json!({ "durable_name": "none", "ack_policy": "none", "headers_only": true }))),
        Pull("ORDERS.none", json!({ "batch": 2, "no_wait": true }), ""),
        Ask("CONSUMER.INFO.ORDERS.none", json!(null)),
        Ask("CONSUMER.CREATE.ORDERS.few", consumer(json!({ "durable_name": "few", "ack_policy": "explicit", "max_ack_pending": 2, "max_deliver": 2, "ack_wait": 60_000_000_000_i64 }))),
        Pull("ORDERS.few", json!({ "batch": 5, "expires": 100_000_000 }), ""),
        Ask("CONSUMER.INFO.ORDERS.few", json!(null)),
        Ask("CONSUMER.CREATE.ORDERS.push", consumer(json!({ "durable_name": "push", "ack_policy": "explicit", "deliver_subject": "to.nobody" }))),
        Pull("ORDERS.push", json!({ "batch": 1 }), ""),
        Ask("STREAM.PURGE.ORDERS", json!({ "seq": 3 })),
        Ask("CONSUMER.INFO.ORDERS.few", json!(null)),
        Ask("STREAM.PURGE.ORDERS", json!(null)),
        Ask("CONSUMER.INFO.ORDERS.few", json!(null)),
        Ask("CONSUMER.INFO.ORDERS.push", json!(null)),
    ])
    .await;
}

/// Carries the steps out and says what was told about them.
async fn overhear(client: &Client, steps: &[Step]) -> Vec<Value> {
    let mut told = client.subscribe("$JS.EVENT.ADVISORY.>").await.expect("subscribed");
    play(client, steps).await;
    let mut seen = Vec::new();
    while let Ok(Some(message)) = tokio::time::timeout(2 * QUIET, told.next()).await {
        // How the API is used is told by the original only.
        if !message.subject.starts_with("$JS.EVENT.ADVISORY.API") {
            seen.push(json!({ "subject": message.subject.as_str(), "body": parsed(&message) }));
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_told_as_by_nats_server() {
    let Some(original) = NatsServer::start().await else {
        eprintln!("nats-server is not installed: nothing compared");
        return;
    };
    let theirs = async_nats::connect(original.address.to_string()).await.expect("a connection");
    let broker = TestBroker::start().await;
    let config = json!({
        "durable_name": "c", "ack_policy": "explicit", "max_deliver": 2, "ack_wait": 200_000_000,
    });
    let steps = [
        Ask("STREAM.CREATE.ORDERS", orders()),
        Ask("CONSUMER.CREATE.ORDERS.c", consumer(config)),
        Publish("orders.a", &[], "one"),
        Pull("ORDERS.c", json!({ "batch": 1 }), "-NAK"),
        Pull("ORDERS.c", json!({ "batch": 1 }), "+TERM"),
        Publish("orders.a", &[], "two"),
        Pull("ORDERS.c", json!({ "batch": 3, "expires": 900_000_000 }), ""),
        Ask("CONSUMER.DELETE.ORDERS.c", json!(null)),
        Ask("STREAM.DELETE.ORDERS", json!(null)),
    ];
    let expected = overhear(&theirs, &steps).await;
    assert!(expected.len() >= 7, "the original told too little: {expected:?}");
    assert_eq!(overhear(&broker.client, &steps).await, expected);
}
