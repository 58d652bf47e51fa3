//! Programs outside receive what the services say, with a client that knows nothing of Backline but an address and a
//! token: the crate `async-nats`, at the embedded broker of one process.

mod support;

use std::io::Write;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::process::Stdio;
use std::time::Duration;

use async_nats::jetstream::consumer::{Consumer, pull};
use async_nats::jetstream::{self, AckKind, stream};
use async_nats::{ConnectOptions, Event};
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};
use support::client::Client;
use support::{Cluster, Topology, eventually};
use tokio::sync::mpsc;

const STREAM: &str = "backline_events";
const SUBSCRIBES: &[&str] = &["messages:subscribe"];
const LETTERS: &str = "/api/v1/admin/messages/broker/dead-letters";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_receives_what_happens_also_what_happened_while_it_or_the_broker_was_away() {
    let cluster = Cluster::start(Topology::OneProcess).await;
    // Also what happened before anybody listened.
    let token = token(&cluster, SUBSCRIBES).await;
    let client = cluster.client();
    let ready = client.get("/ready").await.expect(200).body;
    let checks = ready["checks"].as_array().expect("checks");
    assert!(checks.contains(&json!({ "name": "broker", "status": "up" })), "{ready}");
    client.sign_up("ada@example.org").await;
    let created = consumer(&connect(&cluster, &token).await, "wiki").await;
    let first = next_of(&created).await;
    assert_eq!(first["data"]["email"], "admin@example.org");
    assert_eq!(next_of(&created).await["data"]["email"], "ada@example.org");
    assert_eq!((&first["specversion"], &first["type"]), (&json!("1.0"), &json!("user.created")));

    // Of two, one is acknowledged; then the process dies at once.
    for email in ["bo@example.org", "cy@example.org"] {
        client.sign_up(email).await;
    }
    assert_eq!(next_of(&created).await["data"]["email"], "bo@example.org");
    cluster.kill("users");
    cluster.restart("users");
    cluster.wait_until_ready().await;
    client.sign_up("di@example.org").await;
    let created = consumer(&connect(&cluster, &token).await, "wiki").await;
    for email in ["cy@example.org", "di@example.org"] {
        assert_eq!(next_of(&created).await["data"]["email"], email);
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_comes_in_without_a_permission_and_nobody_speaks_for_backline() {
    let cluster = Cluster::start(Topology::OneProcess).await;
    let member = cluster.client().new_member("member@example.org").await;
    for token in ["", "guessed", member.token.as_deref().expect("a token")] {
        let refused =
            ConnectOptions::with_token(token.to_owned()).connect(cluster.broker_address());
        let refused = refused.await.expect_err("refused").to_string();
        assert!(refused.contains("authorization"), "{refused}");
    }

    let (errors, mut heard) = mpsc::unbounded_channel();
    let token = token(&cluster, &["messages:subscribe", "messages:publish"]).await;
    let options = ConnectOptions::with_token(token).event_callback(move |event| {
        let errors = errors.clone();
        async move {
            if let Event::ServerError(error) = event {
                // The test may be over.
                drop(errors.send(error.to_string()));
            }
        }
    });
    let program = options.connect(cluster.broker_address()).await.expect("let in");
    for subject in ["backline.events.user.created", "$JS.API.STREAM.DELETE.backline_events"] {
        program.publish(subject, "{}".into()).await.expect("sent");
        let error = tokio::time::timeout(Duration::from_secs(10), heard.recv()).await;
        let error = error.expect("in time").expect("an error").to_lowercase();
        assert!(error.contains("permissions violation for publish"), "{error}");
    }
    // Nor by letting the broker answer there.
    let (asked, at) = ("$JS.API.STREAM.NAMES", "backline.events.user.created");
    program.publish_with_reply(asked, at, "".into()).await.expect("sent");
    let error = tokio::time::timeout(Duration::from_secs(10), heard.recv()).await;
    let error = error.expect("in time").expect("an error").to_lowercase();
    assert!(error.contains("permissions violation"), "{error}");
    let mut answers = program.subscribe("tills.*").await.expect("subscribed");
    program.publish("tills.1", "open".into()).await.expect("sent");
    assert_eq!(answers.next().await.expect("a message").payload, "open");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_removed_is_cut_off() {
    let cluster = Cluster::start(Topology::OneProcess).await;
    let admin = cluster.administrator().await;
    let registered = register(&admin, SUBSCRIBES).await;
    let token = token_of(&cluster, &registered).await;
    let (gone, mut heard) = mpsc::unbounded_channel();
    let options = ConnectOptions::with_token(token.clone()).event_callback(move |event| {
        let gone = gone.clone();
        async move {
            if event == Event::Disconnected {
                // The test may be over.
                let _ = gone.send(());
            }
        }
    });
    let _program = options.connect(cluster.broker_address()).await.expect("let in");
    let path = format!("/oauth/register/{}", registered["client_id"].as_str().expect("an id"));
    admin.delete(&path).await.expect(204);
    let cut_off = tokio::time::timeout(Duration::from_secs(10), heard.recv());
    cut_off.await.expect("in time");
    let again = ConnectOptions::with_token(token).connect(cluster.broker_address()).await;
    assert!(again.is_err(), "its token is dead");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_program_gave_up_is_replayed_and_dropped_by_administrators_and_on_record() {
    let cluster = Cluster::start(Topology::OneProcess).await;
    let admin = cluster.administrator().await;
    for email in ["ada@example.org", "bo@example.org", "cy@example.org"] {
        cluster.client().sign_up(email).await;
    }
    let token = token_of(&cluster, &register(&admin, SUBSCRIBES).await).await;
    let wiki = consumer(&connect(&cluster, &token).await, "wiki").await;
    for _ in 0..4 {
        give_up_next(&wiki).await;
    }
    let overview = admin.get("/api/v1/admin/messages").await.expect(200).body;
    let consumers = overview["broker"]["consumers"].as_array().expect("consumers");
    let shown = consumers.iter().find(|consumer| consumer["name"] == "wiki").expect("the consumer");
    assert_eq!((&shown["stream"], &shown["deadLetters"]), (&json!(STREAM), &json!(4)));

    let sequences = letters(&admin, "wiki").await;
    assert_eq!(sequences.len(), 4);
    let of = |sequence: Option<u64>| json!({ "stream": STREAM, "consumer": "wiki", "sequence": sequence });
    let settle =
        async |deed: &str, sequence| admin.post(&format!("{LETTERS}/{deed}"), of(sequence)).await;
    assert_eq!(settle("replay", Some(sequences[1])).await.expect(200).body, json!({ "count": 1 }));
    assert_eq!(next_of(&wiki).await["data"]["email"], "ada@example.org");
    settle("replay", Some(sequences[1])).await.expect_problem(404, "no_dead_letter");
    assert_eq!(settle("drop", Some(sequences[2])).await.expect(200).body, json!({ "count": 1 }));

    // The same on the command line, as a program.
    let arguments = ["dead-letters", "--at-broker", "--consumer", "wiki", "--token-stdin"];
    let printed = run(&cluster, &arguments, &token);
    assert!(
        printed.ends_with("2 dead letters\n") && printed.contains("cy@example.org"),
        "{printed}"
    );
    let first = sequences[0].to_string();
    let arguments = ["drop", "wiki", "--at-broker", "--sequence", &first, "--token-stdin"];
    assert_eq!(run(&cluster, &arguments, &token), "forgotten\n");

    assert_eq!(settle("drop", None).await.expect(200).body, json!({ "count": 1 }));
    assert!(letters(&admin, "wiki").await.is_empty());
    let nobody = format!("{LETTERS}?stream={STREAM}&consumer=nobody");
    admin.get(&nobody).await.expect_problem(404, "no_consumer");

    let expected = [
        ("messages:drop", "*"),
        ("messages:drop", &*sequences[2].to_string()),
        ("messages:replay", &*sequences[1].to_string()),
    ]
    .map(|(action, id)| (action.to_owned(), id.to_owned()));
    assert_eq!(on_record(&admin, 3).await, expected);
    cluster.stop().await;
}

/// What the administrator has done at the broker, the newest first: action and dead letter.
async fn on_record(admin: &Client, count: usize) -> Vec<(String, String)> {
    let entries = eventually("the entries", || async {
        let found = admin.get("/api/v1/audit?action=messages:").await.expect(200);
        let entries = found.items().to_vec();
        (entries.len() >= count).then_some(entries)
    })
    .await;
    let about = |entry: &Value| {
        assert_eq!((&entry["service"], &entry["outcome"]), (&json!("messaging"), &json!("done")));
        assert_eq!(entry["actor"]["label"], "admin@example.org");
        assert_eq!(entry["details"], json!({ "name": "wiki", "stream": STREAM }));
        assert_eq!(entry["on"]["kind"], "DeadLetter");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        (text(&entry["action"]), text(&entry["on"]["id"]))
    };
    entries.iter().map(about).collect()
}

/// The numbers of a consumer's dead letters, page by page.
async fn letters(admin: &Client, consumer: &str) -> Vec<u64> {
    let (mut sequences, mut cursor) = (vec![], String::new());
    loop {
        let path = format!("{LETTERS}?stream={STREAM}&consumer={consumer}&limit=3{cursor}");
        let page = admin.get(&path).await.expect(200);
        for letter in page.items() {
            assert_eq!(letter["subject"], "backline.events.user.created");
            let message = letter["message"].as_str().expect("a message");
            let message: Value = serde_json::from_str(message).expect("a CloudEvent in JSON");
            assert_eq!(
                (&message["type"], &letter["isCut"]),
                (&json!("user.created"), &json!(false))
            );
            sequences.push(letter["sequence"].as_u64().expect("a number"));
        }
        let Some(next) = page.body["nextCursor"].as_str() else { return sequences };
        cursor = format!("&cursor={next}");
    }
}

/// The receiver of the next message says that it will never handle it.
async fn give_up_next(consumer: &Consumer<pull::Config>) {
    let messages = consumer.fetch().max_messages(1).expires(Duration::from_secs(20));
    let mut messages = messages.messages().await.expect("asked");
    let message = messages.next().await.expect("a message").expect("received");
    message.double_ack_with(AckKind::Term).await.expect("given up for certain");
}

/// What the command line says of messages, with a token on standard input.
fn run(cluster: &Cluster, arguments: &[&str], token: &str) -> String {
    let mut command = cluster.command();
    command.arg("messages").args(arguments).arg("--data").arg(cluster.data());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("started");
    child.stdin.take().expect("standard input").write_all(token.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("ended");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Services of several processes meet at the embedded broker. It is killed, and nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_split_installation_needs_nothing_but_files() {
    let cluster = Cluster::start(Topology::SplitOnFiles).await;
    let client = cluster.client();
    // The default role comes from another process by message, and the organiser's rights after that.
    client.new_member("ada@example.org").await;
    let token = token(&cluster, SUBSCRIBES).await;
    let created = consumer(&connect(&cluster, &token).await, "wiki").await;
    for email in ["ada@example.org", "admin@example.org"] {
        assert_eq!(next_of(&created).await["data"]["email"], email);
    }

    cluster.kill("broker");
    client.sign_up("bo@example.org").await;
    cluster.restart("broker");
    cluster.wait_until_ready().await;
    let created = consumer(&connect(&cluster, &token).await, "wiki").await;
    assert_eq!(next_of(&created).await["data"]["email"], "bo@example.org");
    let is_member = || async {
        let signed_in = client.sign_in("bo@example.org").await;
        let me = signed_in.get("/api/v1/users/me").await.expect(200);
        me.body["roles"].as_array().is_some_and(|roles| !roles.is_empty()).then_some(())
    };
    eventually("the default role to arrive", is_member).await;
    cluster.stop().await;
}

/// The services of several processes meet at RabbitMQ. One of them is killed, and nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_split_installation_meets_at_rabbitmq() {
    let server = testkit::rabbitmq_server();
    let settings =
        [("BACKLINE_MESSAGES__ENGINE", "rabbitmq"), ("BACKLINE_MESSAGES__URL", server.as_str())];
    let cluster = Cluster::start_with(Topology::Split, &settings).await;
    let (prefix, consumers) = (cluster.prefix().to_owned(), consumers(&cluster).await);
    let outcome = AssertUnwindSafe(what_happens_while_roles_is_away_arrives(&cluster));
    let outcome = outcome.catch_unwind().await;
    cluster.stop().await;
    testkit::remove_from_rabbitmq(&server, &prefix, &consumers).await;
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

async fn what_happens_while_roles_is_away_arrives(cluster: &Cluster) {
    let client = cluster.client();
    // The default role comes from another process by message, the organiser's rights with another one.
    let organiser = client.new_member("ada@example.org").await;
    cluster.kill("roles");
    client.sign_up("bo@example.org").await;
    cluster.restart("roles");
    cluster.wait_until_ready().await;
    client.sign_in("bo@example.org").await;
    organiser.found_organiser("556677-8899").await;
}

/// The names of the consumers of all services.
async fn consumers(cluster: &Cluster) -> Vec<String> {
    let overview = cluster.administrator().await.get("/api/v1/admin/messages").await.expect(200);
    let services = overview.body["services"].as_array().expect("services").clone();
    let consumers = services.iter().flat_map(|it| it["consumers"].as_array().expect("a list"));
    let names: Vec<_> =
        consumers.map(|it| it["name"].as_str().expect("a name").to_owned()).collect();
    assert!(names.contains(&"users.provision_default_role".to_owned()), "{names:?}");
    names
}

async fn connect(cluster: &Cluster, token: &str) -> jetstream::Context {
    let connected = || async {
        let options = ConnectOptions::with_token(token.to_owned());
        options.connect(cluster.broker_address()).await.ok()
    };
    jetstream::new(eventually("the broker to let the program in", connected).await)
}

/// A durable consumer of accounts that are made.
async fn consumer(context: &jetstream::Context, name: &str) -> Consumer<pull::Config> {
    let stream: stream::Stream = context.get_stream(STREAM).await.expect("the stream");
    let config = pull::Config {
        durable_name: Some(name.to_owned()),
        filter_subject: "backline.events.user.created".to_owned(),
        ack_wait: Duration::from_secs(2),
        ..Default::default()
    };
    stream.get_or_create_consumer(name, config).await.expect("a consumer")
}

/// The next message, acknowledged so that the broker has it on disk.
async fn next_of(consumer: &Consumer<pull::Config>) -> Value {
    let messages = consumer.fetch().max_messages(1).expires(Duration::from_secs(20));
    let mut messages = messages.messages().await.expect("asked");
    let message = messages.next().await.expect("a message").expect("received");
    message.double_ack().await.expect("acknowledged");
    serde_json::from_slice(&message.payload).expect("a CloudEvent in JSON")
}

async fn token(cluster: &Cluster, permissions: &[&str]) -> String {
    let admin = cluster.administrator().await;
    token_of(cluster, &register(&admin, permissions).await).await
}

async fn register(admin: &Client, permissions: &[&str]) -> Value {
    let registration = json!({
        "client_name": "Wiki", "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "client_secret_post", "backline_permissions": permissions,
    });
    admin.post("/oauth/register", registration).await.expect(201).body
}

async fn token_of(cluster: &Cluster, registered: &Value) -> String {
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        registered["client_id"].as_str().expect("an id"),
        registered["client_secret"].as_str().expect("a secret"),
    );
    let request = http::Request::post("/oauth/token")
        .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = cluster.client().raw(request.body(form.into()).expect("a request")).await;
    let tokens: Value = serde_json::from_slice(answer.body()).expect("JSON");
    tokens["access_token"].as_str().expect("a token").to_owned()
}
