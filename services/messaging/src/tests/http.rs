use std::sync::Arc;

use contracts::grpc::messages::StandingResponse;
use contracts::ids::CustomerId;
use insta::assert_json_snapshot;
use messages::{ConsumerReport, Report, StreamReport};
use serde_json::{Value, json};
use service_kit::Context;
use testkit::{Answer, Caller};
use uuid::Uuid;

use super::broker::Broker;
use super::{LETTERS, MESSAGES, Process, administrator, consumer, messaging, node};

fn of<'a>(overview: &'a Answer, service: &str) -> &'a Value {
    let services = overview.body["services"].as_array().expect("services");
    services.iter().find(|found| found["name"] == service).expect("the service")
}

#[tokio::test]
async fn the_overview_says_how_every_service_stands_and_who_is_away() {
    let process = Process::default();
    let record = contracts::grpc::messages::Consumer {
        retrying: 2,
        oldest_at: Some(1_795_168_800_000),
        ..consumer("audit.record", 7, 1)
    };
    process.stands("audit", vec![record]);
    let outbox = StandingResponse {
        outbox_waiting: 3,
        outbox_oldest_at: Some(1_795_168_800_500),
        consumers: vec![],
    };
    process.standings.lock().insert("roles".into(), outbox);
    let node = node(&process, &["roles", "audit", "events"]).await;
    let overview = node.get(&administrator(&node), MESSAGES).await.expect(200);
    assert_json_snapshot!(of(&overview, "audit"), @r#"
    {
      "name": "audit",
      "isReachable": true,
      "outbox": {
        "waiting": 0,
        "oldestAt": null
      },
      "consumers": [
        {
          "name": "audit.record",
          "waiting": 7,
          "retrying": 2,
          "deadLetters": 1,
          "oldestAt": "2026-11-20T10:00:00Z"
        }
      ]
    }
    "#);
    let outbox = json!({ "waiting": 3, "oldestAt": "2026-11-20T10:00:00.5Z" });
    assert_eq!(of(&overview, "roles")["outbox"], outbox);
    // It stumbles, and nobody knows where the other one is.
    for away in ["events", "users"] {
        let expected =
            json!({ "name": away, "isReachable": false, "outbox": null, "consumers": [] });
        assert_eq!(*of(&overview, away), expected);
    }
    let empty = json!({ "isReachable": true, "streams": [], "consumers": [] });
    assert_eq!(overview.body["broker"], empty);
}

#[tokio::test]
async fn the_overview_has_what_the_broker_says_of_itself() {
    let process = Process::default();
    let node = node(&process, &[]).await;
    let administrator = super::somebody_who_may_everything();
    let broker = |report| Broker { report, ..Broker::default() };
    let overview = async |report| {
        let ctx = Context { messages: Arc::new(broker(report)), ..node.context() };
        let overview = messaging(&ctx).overview(&administrator).await.expect("permitted");
        serde_json::to_value(crate::http::views::OverviewView::from(overview)).expect("JSON")
    };
    let streams = vec![StreamReport {
        name: "backline_events".into(),
        messages: 9,
        bytes: Some(4096),
        oldest: "2026-11-20T10:00:00Z".parse().ok(),
        newest: None,
    }];
    let consumers = vec![ConsumerReport {
        stream: "backline_events".into(),
        name: "wiki".into(),
        waiting: 4,
        unacknowledged: 2,
        redelivered: 1,
        dead_letters: 2,
        description: None,
    }];
    let report = Report { streams, consumers };
    assert_json_snapshot!(overview(Some(report)).await["broker"], @r#"
    {
      "isReachable": true,
      "streams": [
        {
          "name": "backline_events",
          "messages": 9,
          "bytes": 4096,
          "oldestAt": "2026-11-20T10:00:00Z",
          "newestAt": null
        }
      ],
      "consumers": [
        {
          "stream": "backline_events",
          "name": "wiki",
          "waiting": 4,
          "unacknowledged": 2,
          "redelivered": 1,
          "deadLetters": 2,
          "description": null
        }
      ]
    }
    "#);
    let away = overview(None).await;
    assert_eq!(away["broker"], json!({ "isReachable": false, "streams": [], "consumers": [] }));
    assert_eq!(away["services"].as_array().map(Vec::len), Some(contracts::SERVICES.len()));
}

#[tokio::test]
async fn a_dead_letter_says_what_was_tried_and_why_in_vain() {
    let process = Process::default();
    process.gives_up("users", "users.provision_default_role", 1);
    let node = node(&process, &["users"]).await;
    let found = node.get(&administrator(&node), LETTERS).await.expect(200);
    assert_json_snapshot!(found.items(), @r#"
    [
      {
        "service": "users",
        "consumer": "users.provision_default_role",
        "messageId": "00000000-0000-0000-0000-000000000001",
        "type": "role.assigned",
        "subject": "ada-1",
        "source": "users",
        "time": "2026-11-20T10:00:00Z",
        "receivedAt": "2026-11-20T10:00:00Z",
        "triedAt": "2026-11-20T10:15:00Z",
        "attempts": 12,
        "error": "the role is not known",
        "message": {
          "specversion": "1.0",
          "id": "00000000-0000-0000-0000-000000000001",
          "type": "role.assigned",
          "source": "users",
          "subject": "ada-1",
          "time": "2026-11-20T10:00:00Z",
          "data": {
            "role": "door"
          }
        }
      }
    ]
    "#);
    let away = ["roles", "tokens", "customers", "events", "audit", "messaging"];
    assert_eq!(found.body["unreachable"], json!(away));
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_shown_as_it_is() {
    let process = Process::default();
    process.gives_up("users", "users.provision_default_role", 1);
    process.letters.lock().get_mut("users").expect("letters")[0].envelope = "{ nothing".into();
    let node = node(&process, &["users"]).await;
    let found = node.get(&administrator(&node), LETTERS).await.expect(200);
    let [letter] = found.items() else { panic!("{}", found.body) };
    assert_eq!((&letter["message"], &letter["type"]), (&json!("{ nothing"), &Value::Null));
}

/// Service and message of every dead letter, page by page.
async fn read_all(node: &testkit::TestNode, query: &str) -> Vec<(String, String, String)> {
    let admin = administrator(node);
    let mut read = vec![];
    let mut path = format!("{LETTERS}?{query}");
    loop {
        let page = node.get(&admin, &path).await.expect(200);
        let text = |letter: &Value, name: &str| letter[name].as_str().expect("text").to_owned();
        read.extend(page.items().iter().map(|letter| {
            (text(letter, "service"), text(letter, "consumer"), text(letter, "messageId"))
        }));
        let Some(cursor) = page.body["nextCursor"].as_str() else { return read };
        path = format!("{LETTERS}?{query}&cursor={cursor}");
    }
}

#[tokio::test]
async fn dead_letters_of_all_services_are_one_list() {
    let process = Process::default();
    process.gives_up("roles", "roles.count_holder", 3);
    process.gives_up("roles", "roles.discount_holder", 2);
    process.gives_up("audit", "audit.record", 4);
    let node = node(&process, &["roles", "users", "audit"]).await;
    let all = read_all(&node, "limit=2").await;
    let counts = |name: &str| all.iter().filter(|(_, consumer, _)| consumer == name).count();
    let counted = ["roles.count_holder", "roles.discount_holder", "audit.record"].map(counts);
    assert_eq!((all.len(), counted), (9, [3, 2, 4]));
    assert_eq!(read_all(&node, "limit=200").await, all);
    let of_audit: Vec<_> = all.iter().filter(|(service, ..)| service == "audit").cloned().collect();
    assert_eq!(read_all(&node, "service=audit&limit=3").await, of_audit);
    assert_eq!(read_all(&node, "consumer=audit.record").await, of_audit);
    assert!(read_all(&node, "service=roles&consumer=audit.record").await.is_empty());
}

#[tokio::test]
async fn dead_letters_are_replayed_and_dropped_on_behalf_of_who_asked() {
    let process = Process::default();
    process.gives_up("audit", "audit.record", 3);
    let node = node(&process, &["audit"]).await;
    let admin = administrator(&node);
    let all = json!({ "service": "audit", "consumer": "audit.record" });
    let id = Uuid::from_u128(1);
    let one = json!({ "service": "audit", "consumer": "audit.record", "messageId": id });

    let replay = format!("{LETTERS}/replay");
    assert_eq!(
        node.post(&admin, &replay, one.clone()).await.expect(200).body,
        json!({ "count": 1 })
    );
    node.post(&admin, &replay, one).await.expect_problem(404, "no_dead_letter");
    let drop = format!("{LETTERS}/drop");
    assert_eq!(node.post(&admin, &drop, all.clone()).await.expect(200).body, json!({ "count": 2 }));
    node.post(&admin, &drop, all).await.expect_problem(404, "no_dead_letter");

    let settled = process.settled.lock();
    let asked: Vec<_> =
        settled.iter().map(|(deed, asked)| (*deed, asked.message_id.as_str())).collect();
    let id = id.to_string();
    assert_eq!(asked, [("replay", &*id), ("replay", &*id), ("drop", ""), ("drop", "")]);
    let by: Value = serde_json::from_str(&settled[0].1.by).expect("a party");
    assert_eq!((&by["kind"], &by["id"]), (&json!("user"), &json!(admin.user_id.to_string())));
}

#[tokio::test]
async fn a_service_that_is_away_cannot_be_acted_on() {
    let process = Process::default();
    let node = node(&process, &[]).await;
    let letters = json!({ "service": "audit", "consumer": "audit.record" });
    let answer = node.post(&administrator(&node), &format!("{LETTERS}/replay"), letters).await;
    answer.expect_problem(503, "unavailable");
}

#[tokio::test]
async fn wrong_questions_are_explained() {
    let process = Process::default();
    let node = node(&process, &["audit"]).await;
    let admin = administrator(&node);
    for wrong in ["lag?hours=0", "lag?hours=169", "dead-letters?service=gateway"] {
        let path = format!("{MESSAGES}/{wrong}");
        node.get(&admin, &path).await.expect_problem(422, "invalid_values");
    }
    for wrong in ["consumer=", "limit=0", "limit=201"] {
        let path = format!("{LETTERS}?{wrong}");
        node.get(&admin, &path).await.expect_problem(422, "invalid_values");
    }
    // Of a service that is none: ["gateway","a","00000000-0000-0000-0000-000000000001"]
    let foreign = "cursor=WyJnYXRld2F5IiwiYSIsIjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMSJd";
    for wrong in ["cursor=x", foreign] {
        let path = format!("{LETTERS}?{wrong}");
        node.get(&admin, &path).await.expect_problem(400, "malformed_request");
    }
    let drop = format!("{LETTERS}/drop");
    let nobody = json!({ "service": "gateway", "consumer": "" });
    node.post(&admin, &drop, nobody).await.expect_problem(422, "invalid_values");
    // Not all of them because somebody has mistyped one.
    let mistyped = json!({ "service": "audit", "consumer": "audit.record", "message": "1" });
    assert!(node.post(&admin, &drop, mistyped).await.status.is_client_error());
    assert!(process.settled.lock().is_empty());
}

#[tokio::test]
async fn nobody_but_the_administrator_looks_and_acts() {
    let process = Process::default();
    process.gives_up("audit", "audit.record", 1);
    let node = node(&process, &["audit"]).await;
    let letters = json!({ "service": "audit", "consumer": "audit.record" });
    let mut callers = vec![(Caller::anonymous(), 401, "unauthenticated")];
    for role in ["organiser-admin", "crew-admin", "door"] {
        let caller = node.caller(&[(role, Some(CustomerId::new()))]);
        callers.push((caller, 403, "not_permitted"));
    }
    for role in ["member", "manager", "accountant"] {
        callers.push((node.caller(&[(role, None)]), 403, "not_permitted"));
    }
    callers.push((node.service_caller("events"), 403, "not_permitted"));
    for (caller, status, code) in callers {
        for path in [MESSAGES, LETTERS, "/api/v1/admin/messages/lag"] {
            node.get(&caller, path).await.expect_problem(status, code);
        }
        for deed in ["replay", "drop"] {
            let path = format!("{LETTERS}/{deed}");
            node.post(&caller, &path, letters.clone()).await.expect_problem(status, code);
        }
    }
    assert!(process.settled.lock().is_empty());
}

#[tokio::test]
async fn who_may_look_may_not_act() {
    let process = Process::default();
    process.gives_up("audit", "audit.record", 1);
    let node = node(&process, &["audit"]).await;
    node.knowledge().set_role("observer", ["messages:read".to_owned()]);
    let observer = node.caller(&[("observer", None)]);
    assert_eq!(node.get(&observer, LETTERS).await.expect(200).items().len(), 1);
    let letters = json!({ "service": "audit", "consumer": "audit.record" });
    for deed in ["replay", "drop"] {
        let answer = node.post(&observer, &format!("{LETTERS}/{deed}"), letters.clone()).await;
        answer.expect_problem(403, "not_permitted");
    }
    assert!(process.settled.lock().is_empty());
    // Held inside a customer it opens nothing: messages tell of all of them.
    let inside = node.caller(&[("observer", Some(CustomerId::new()))]);
    node.get(&inside, LETTERS).await.expect_problem(403, "not_permitted");
}
