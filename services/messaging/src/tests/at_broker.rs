//! What programs outside gave up: what the use cases make of what a broker says, and who may.

use std::sync::Arc;

use contracts::audit::AuditRecorded;
use contracts::ids::CustomerId;
use insta::assert_json_snapshot;
use messages::{Chosen, DeadLetterError, Deed};
use serde_json::{Value, json};
use service_kit::paging::Page;
use service_kit::{Context, Problem};
use testkit::{Caller, TestNode};

use super::broker::{Broker, Mood, consumer};
use super::{Process, administrator, messaging, node, somebody_who_may_everything};
use crate::Messaging;
use crate::domain::BrokerLetters;
use crate::error::{Error, Result};
use crate::http::views::BrokerDeadLetterView;

const LETTERS: &str = "/api/v1/admin/messages/broker/dead-letters";

/// The use cases with this broker, and what they tell the audit log.
struct AtBroker {
    node: TestNode,
    broker: Arc<Broker>,
    messaging: Messaging,
}

impl AtBroker {
    async fn with(sequences: &[u64]) -> Self {
        Self::in_mood(sequences, Mood::Settles).await
    }

    async fn in_mood(sequences: &[u64], mood: Mood) -> Self {
        let node = node(&Process::default(), &[]).await;
        let broker = Broker { mood, ..Broker::with_letters(node.database(), sequences) };
        let broker = Arc::new(broker);
        let ctx = Context { messages: broker.clone(), ..node.context() };
        Self { messaging: messaging(&ctx), node, broker }
    }

    async fn settle(&self, deed: Deed, name: &str, chosen: Chosen) -> Result<u64> {
        let letters = BrokerLetters { consumer: consumer(name), chosen };
        let actor = somebody_who_may_everything();
        self.messaging.settle_at_broker(&actor, deed, &letters).await
    }

    /// What is on record, without what is always the same.
    async fn on_record(&self) -> Vec<Value> {
        let told = self.node.audited().await.into_iter();
        told.map(|record| {
            let AuditRecorded { action, outcome, by, on, details, .. } = record;
            assert_eq!(by.label.as_deref(), Some("admin@example.org"));
            json!([action, outcome.as_str(), on.expect("an object").id, details])
        })
        .collect()
    }
}

fn problem(error: Error) -> (u16, String) {
    let problem = Problem::from(error);
    (problem.status, problem.code)
}

#[tokio::test]
async fn the_list_goes_on_after_the_last_letter_of_the_page_before() {
    let at = AtBroker::with(&[3, 7, 8]).await;
    let actor = somebody_who_may_everything();
    let list = async |after, limit| {
        let page = Page { limit, after };
        let found = at.messaging.list_broker_dead_letters(&actor, &consumer("wiki"), &page).await;
        let found = found.expect("a page");
        let sequences: Vec<_> = found.letters.iter().map(|letter| letter.sequence).collect();
        (sequences, found.has_more)
    };
    assert_eq!(list(None, 2).await, (vec![3, 7], true));
    assert_eq!(list(Some(7), 2).await, (vec![8], false));
    let letter = at.broker.letters.lock()[&3].clone();
    assert_json_snapshot!(BrokerDeadLetterView::from(letter), @r#"
    {
      "sequence": 3,
      "subject": "backline.events.role.assigned",
      "deliveries": 3,
      "reason": "not acknowledged after 3 deliveries",
      "givenUpAt": "1970-01-01T00:00:00Z",
      "message": "{}",
      "isCut": false
    }
    "#);
}

#[tokio::test]
async fn what_is_done_is_on_record_before_it_is_done() {
    let at = AtBroker::with(&[3, 7, 8]).await;
    assert_eq!(at.settle(Deed::Replay, "wiki", Chosen::Sequence(7)).await.expect("done"), 1);
    assert_eq!(at.settle(Deed::Drop, "wiki", Chosen::All).await.expect("done"), 2);
    let expected = [(Deed::Replay, Chosen::Sequence(7), 1), (Deed::Drop, Chosen::All, 2)];
    assert_eq!(at.broker.deeds(), expected);
    let details = json!({ "name": "wiki", "stream": "backline_events" });
    let expected = [
        json!(["messages:replay", "done", "7", details]),
        json!(["messages:drop", "done", "*", details]),
    ];
    assert_eq!(at.on_record().await, expected);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_and_not_on_record() {
    let at = AtBroker::with(&[3]).await;
    for (name, chosen, code) in [
        ("wiki", Chosen::Sequence(2), "no_dead_letter"),
        ("wiki", Chosen::Sequence(4), "no_dead_letter"),
        ("wiki", Chosen::Sequence(0), "no_dead_letter"),
        ("wiki", Chosen::Sequence(u64::MAX), "no_dead_letter"),
        ("tills", Chosen::All, "no_consumer"),
    ] {
        let refused = at.settle(Deed::Drop, name, chosen).await.expect_err("refused");
        assert_eq!(problem(refused), (404, code.to_owned()), "{name} {chosen:?}");
    }
    at.broker.letters.lock().clear();
    let refused = at.settle(Deed::Replay, "wiki", Chosen::All).await.expect_err("refused");
    assert_eq!(problem(refused), (404, "no_dead_letter".to_owned()));
    assert_eq!((at.broker.deeds().len(), at.on_record().await.len()), (0, 0));
}

#[tokio::test]
async fn what_was_tried_in_vain_is_on_record_as_such() {
    for (mood, problem_expected, reason) in [
        (Mood::FindsNothing, (404, "no_dead_letter"), DeadLetterError::NoDeadLetter.to_string()),
        (Mood::Breaks, (503, "unavailable"), "message broker: the connection was lost".into()),
    ] {
        let at = AtBroker::in_mood(&[3], mood).await;
        let failed = at.settle(Deed::Drop, "wiki", Chosen::Sequence(3)).await.expect_err("failed");
        let (status, code) = problem(failed);
        assert_eq!((status, &*code), problem_expected);
        let done = json!({ "name": "wiki", "stream": "backline_events" });
        let failed = json!({ "name": "wiki", "stream": "backline_events", "reason": reason });
        let expected = [
            json!(["messages:drop", "done", "3", done]),
            json!(["messages:drop", "failed", "3", failed]),
        ];
        assert_eq!(at.on_record().await, expected);
    }
}

#[tokio::test]
async fn a_broker_that_does_not_answer_counts_as_away() {
    let node = node(&Process::default(), &[]).await;
    let stuck = Broker { is_stuck: true, ..Broker::default() };
    let messaging = messaging(&Context { messages: Arc::new(stuck), ..node.context() });
    let actor = somebody_who_may_everything();
    let page = Page { limit: 50, after: None };
    let listed = messaging.list_broker_dead_letters(&actor, &consumer("wiki"), &page).await;
    assert_eq!(problem(listed.expect_err("away")), (503, "unavailable".to_owned()));
    let letters = BrokerLetters { consumer: consumer("wiki"), chosen: Chosen::All };
    let settled = messaging.settle_at_broker(&actor, Deed::Drop, &letters).await;
    assert_eq!(problem(settled.expect_err("away")), (503, "unavailable".to_owned()));
    assert!(node.audited().await.is_empty());
}

#[tokio::test]
async fn without_the_embedded_broker_there_are_none() {
    let node = node(&Process::default(), &[]).await;
    let admin = administrator(&node);
    let path = format!("{LETTERS}?stream=backline_events&consumer=wiki");
    node.get(&admin, &path).await.expect_problem(409, "dead_letters_not_kept");
    let letters = json!({ "stream": "backline_events", "consumer": "wiki", "sequence": 1 });
    for deed in ["replay", "drop"] {
        let answer = node.post(&admin, &format!("{LETTERS}/{deed}"), letters.clone()).await;
        answer.expect_problem(409, "dead_letters_not_kept");
    }
}

#[tokio::test]
async fn wrong_questions_are_explained() {
    let node = node(&Process::default(), &[]).await;
    let admin = administrator(&node);
    for (query, status, code) in [
        ("stream=a.b&consumer=wiki", 422, "invalid_values"),
        ("stream=a&consumer=a%0d%0aPUB+b+0", 422, "invalid_values"),
        ("stream=a&consumer=", 422, "invalid_values"),
        ("stream=a&consumer=b&limit=201", 422, "invalid_values"),
        ("stream=a&consumer=b&cursor=x", 400, "malformed_request"),
        ("consumer=b", 400, "malformed_request"),
    ] {
        node.get(&admin, &format!("{LETTERS}?{query}")).await.expect_problem(status, code);
    }
    let drop = format!("{LETTERS}/drop");
    let all_streams = json!({ "stream": ">", "consumer": "wiki" });
    node.post(&admin, &drop, all_streams).await.expect_problem(422, "invalid_values");
    // Not all of them because somebody has mistyped one.
    let mistyped = json!({ "stream": "a", "consumer": "b", "seq": 1 });
    assert!(node.post(&admin, &drop, mistyped).await.status.is_client_error());
}

#[tokio::test]
async fn nobody_but_the_administrator_looks_and_acts() {
    let node = node(&Process::default(), &[]).await;
    node.knowledge().set_role("observer", ["messages:read".to_owned()]);
    let path = format!("{LETTERS}?stream=backline_events&consumer=wiki");
    let letters = json!({ "stream": "backline_events", "consumer": "wiki" });
    let refused = [
        (Caller::anonymous(), 401, "unauthenticated"),
        (node.caller(&[("member", None)]), 403, "not_permitted"),
        (node.caller(&[("observer", Some(CustomerId::new()))]), 403, "not_permitted"),
        (node.service_caller("events"), 403, "not_permitted"),
    ];
    for (caller, status, code) in refused {
        node.get(&caller, &path).await.expect_problem(status, code);
        for deed in ["replay", "drop"] {
            let answer = node.post(&caller, &format!("{LETTERS}/{deed}"), letters.clone()).await;
            answer.expect_problem(status, code);
        }
    }
    // Who may look may not act.
    let observer = node.caller(&[("observer", None)]);
    node.get(&observer, &path).await.expect_problem(409, "dead_letters_not_kept");
    let answer = node.post(&observer, &format!("{LETTERS}/drop"), letters).await;
    answer.expect_problem(403, "not_permitted");
}
