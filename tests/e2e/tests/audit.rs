//! What somebody did, or was denied, is in the audit log: who, what, when, from where, and why.

mod support;

use http::Method;
use serde_json::{Value, json};
use support::{Client, Cluster, Topology, eventually};

stories!(
    a_denial_is_in_the_log_with_why_and_from_where,
    a_sign_in_and_what_followed_are_in_the_log,
    the_log_is_exported_as_a_file,
);

/// The first entry that a query finds.
async fn entry(admin: &Client, query: &str) -> Value {
    let path = format!("/api/v1/audit?{query}");
    eventually("the entry", || async {
        admin.get(&path).await.expect(200).items().first().cloned()
    })
    .await
}

async fn id_of(somebody: &Client) -> String {
    somebody.get("/api/v1/users/me").await.expect(200).text("id").to_owned()
}

async fn a_denial_is_in_the_log_with_why_and_from_where(cluster: &Cluster) {
    let admin = cluster.administrator().await;
    let organiser = cluster.client().new_member("organiser@example.org").await;
    let own = organiser.found_organiser("556677-8899").await;
    let rival = cluster.client().new_member("rival@example.org").await;
    let foreign = rival.found_organiser("556677-8800").await;
    let path = format!("/api/v1/customers/{foreign}");
    eventually("the founder's role", || async {
        (organiser.get(&format!("/api/v1/customers/{own}")).await.status == 200).then_some(())
    })
    .await;
    // Who sends it does not say where it comes from.
    let liar = organiser.with_header("X-Backline-Client-Address", "6.6.6.6");
    let liar = liar.with_header("User-Agent", "Harbour 1.0");
    for _ in 0..3 {
        liar.get(&path).await.expect_problem(403, "not_permitted");
    }
    let denied = entry(&admin, &format!("outcome=denied&onId={foreign}")).await;
    assert_eq!(
        (&denied["service"], &denied["action"]),
        (&json!("customers"), &json!("customers:read"))
    );
    assert_eq!(denied["actor"]["id"], id_of(&organiser).await);
    assert_eq!(denied["actor"]["label"], "organiser@example.org");
    assert_eq!(denied["address"], "127.0.0.1");
    assert_eq!(denied["agent"], "Harbour 1.0");
    assert_eq!(denied["customerId"], foreign);
    assert_eq!(denied["details"]["why"], "the roles permit it in other customers, not here");
    assert_eq!(denied["details"]["holds"]["customers"], json!([own]));
    let query = format!("/api/v1/audit?outcome=denied&onId={foreign}");
    eventually("all three", || async {
        let found = admin.get(&query).await.expect(200);
        let counts = found.items().iter().map(|entry| entry["count"].as_u64().unwrap_or(0));
        (counts.sum::<u64>() == 3).then_some(())
    })
    .await;
    organiser.get("/api/v1/audit").await.expect_problem(403, "not_permitted");

    let id = id_of(&organiser).await;
    let why = format!(
        "/api/v1/users/{id}/permissions/explanation?permission=customers:read&customerId={foreign}"
    );
    let explained = admin.get(&why).await.expect(200);
    assert_eq!(explained.body["isPermitted"], false);
    let remedies = explained.body["remedies"].as_array().expect("remedies");
    let remedy = json!({ "role": "organiser-member", "customerId": foreign });
    assert!(remedies.contains(&remedy), "{remedies:?}");
}

async fn a_sign_in_and_what_followed_are_in_the_log(cluster: &Cluster) {
    let admin = cluster.administrator().await;
    let vera = cluster.client().new_member("vera@example.org").await;
    let id = id_of(&vera).await;
    let wrong = json!({ "email": "vera@example.org", "password": "wrong" });
    cluster.client().post("/api/v1/auth/login", wrong).await.expect(401);
    admin.patch(&format!("/api/v1/users/{id}"), json!({ "isActive": false })).await.expect(200);

    let begun = entry(&admin, "action=sessions:create&outcome=done&actor=vera@example.org").await;
    assert_eq!((&begun["actor"]["id"], &begun["address"]), (&json!(id), &json!("127.0.0.1")));
    let failed = entry(&admin, "action=sessions:create&outcome=failed").await;
    assert_eq!(
        (&failed["on"]["id"], &failed["address"]),
        (&json!("vera@example.org"), &json!("127.0.0.1"))
    );
    let given = entry(&admin, &format!("action=roles:assign&onId={id}")).await;
    assert_eq!(
        (&given["actor"]["kind"], &given["details"]["role"]),
        (&json!("service"), &json!("member"))
    );
    let disabled = entry(&admin, &format!("action=users:disable&onId={id}")).await;
    assert_eq!(disabled["actor"]["label"], "admin@example.org");
    let first = entry(&admin, "actor=admin@example.org&action=sessions:").await;
    assert_eq!(first["actor"]["kind"], "user");
    let made = entry(&admin, "action=users:create&outcome=done&service=users").await;
    assert!(made["at"].is_string());
}

async fn the_log_is_exported_as_a_file(cluster: &Cluster) {
    let admin = cluster.administrator().await;
    cluster.client().new_member("vera@example.org").await;
    entry(&admin, "action=roles:assign").await;
    let csv = admin.get("/api/v1/audit/export?action=roles:&format=csv").await.expect(200);
    let disposition = csv.headers["content-disposition"].to_str().expect("text");
    assert_eq!(disposition, "attachment; filename=\"audit.csv\"");
    let text = csv.body.as_str().expect("text");
    assert!(text.starts_with("at,firstAt,service,action,"), "{text}");
    assert!(text.lines().skip(1).all(|line| line.contains("roles:assign")), "{text}");
    let exported = entry(&admin, "action=audit:export").await;
    assert_eq!(exported["details"], json!({ "format": "csv", "filteredBy": ["action"] }));
}

/// Gives a role, and kills the service as soon as that is acknowledged.
async fn what_was_acknowledged_is_on_record_after_a_crash(topology: Topology) {
    let cluster = Cluster::start(topology).await;
    let admin = cluster.administrator().await;
    let mut ids = vec![];
    for number in 0..5 {
        let member = cluster.client().new_member(&format!("member{number}@example.org")).await;
        ids.push(id_of(&member).await);
    }
    for id in &ids {
        let roles = format!("/api/v1/users/{id}/roles");
        let given = eventually("the role to be given", || async {
            let body = json!({ "role": "worker" }).to_string();
            let answer = admin.try_send(Method::POST, &roles, Some(body)).await;
            answer.filter(|answer| answer.status == 200)
        });
        given.await;
        cluster.kill("users");
        cluster.restart("users");
        cluster.wait_until_ready().await;
    }
    for id in &ids {
        let query = format!("/api/v1/audit?action=roles:assign&onId={id}&actor=admin@example.org");
        eventually("the entry", || async {
            let found = admin.try_send(Method::GET, &query, None).await?;
            let items = found.body["items"].as_array().cloned().unwrap_or_default();
            let of_worker = items.iter().filter(|entry| entry["details"]["role"] == "worker");
            match of_worker.count() {
                0 => None,
                1 => Some(()),
                more => panic!("{more} entries of one grant"),
            }
        })
        .await;
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_the_one_process_loses_no_entry_of_what_was_acknowledged() {
    what_was_acknowledged_is_on_record_after_a_crash(Topology::OneProcess).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_users_split_loses_no_entry_of_what_was_acknowledged() {
    what_was_acknowledged_is_on_record_after_a_crash(Topology::Split).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_audit_away_split_everything_else_works_and_the_entries_follow() {
    let cluster = Cluster::start(Topology::Split).await;
    let admin = cluster.administrator().await;
    cluster.kill("audit");
    let vera = cluster.client().new_member("vera@example.org").await;
    let id = id_of(&vera).await;
    vera.get("/api/v1/users?limit=1").await.expect(403);
    admin.get("/api/v1/audit").await.expect(503);
    cluster.restart("audit");
    cluster.wait_until_ready().await;
    eventually("the log to answer", || async {
        (admin.get("/api/v1/audit").await.status == 200).then_some(())
    })
    .await;
    entry(&admin, &format!("action=roles:assign&onId={id}")).await;
    entry(&admin, &format!("outcome=denied&actor={id}")).await;
    cluster.stop().await;
}
