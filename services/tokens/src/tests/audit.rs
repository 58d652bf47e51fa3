//! What this service puts into the audit log.

use ::http::Method;
use contracts::audit::{AuditRecorded, Outcome, PartyKind};
use jiff::SignedDuration;
use serde_json::json;
use stdx::Clock;
use testkit::{Caller, TestNode};

use super::oauth::{Party, form, web_client};
use super::{EMAIL, PASSWORD, USER_ID, builder, caller, node, refresh, sign_in, start};

const FROM_THERE: [(&str, &str); 2] =
    [("x-backline-client-address", "203.0.113.9"), ("user-agent", "Harbour 1.0")];

async fn told_of(node: &TestNode, action: &str) -> Vec<AuditRecorded> {
    node.audited().await.into_iter().filter(|record| record.action == action).collect()
}

fn address(record: &AuditRecorded) -> Option<String> {
    record.by.address.map(|address| address.to_string())
}

#[tokio::test]
async fn a_sign_in_and_its_end_are_on_record_with_who_how_and_from_where() {
    let node = node().await;
    let login = Some(json!({ "email": EMAIL, "password": PASSWORD }));
    let nobody = Caller::anonymous();
    let tokens = node.send(&nobody, Method::POST, "/api/v1/auth/login", login, &FROM_THERE).await;
    let tokens = tokens.expect(200);
    let begun = &told_of(&node, "sessions:create").await[0];
    assert_eq!((begun.by.kind, begun.by.id.as_deref()), (PartyKind::User, Some(USER_ID)));
    assert_eq!(begun.by.label.as_deref(), Some(EMAIL));
    assert_eq!(address(begun).as_deref(), Some("203.0.113.9"));
    assert_eq!(begun.by.agent.as_deref(), Some("Harbour 1.0"));
    assert_eq!(begun.details["methods"], json!(["pwd"]));

    let logout = "/api/v1/auth/logout";
    node.send(&caller(&tokens), Method::POST, logout, None, &FROM_THERE).await.expect(204);
    let ended = &told_of(&node, "sessions:end").await[0];
    assert_eq!((ended.by.id.as_deref(), &ended.on), (Some(USER_ID), &begun.on));
    let everything = serde_json::to_string(&node.audited().await).expect("JSON");
    for secret in [PASSWORD, tokens.text("accessToken"), tokens.text("refreshToken")] {
        assert!(!everything.contains(secret));
    }
}

#[tokio::test]
async fn an_administrator_who_ends_somebodys_session_is_on_record() {
    let node = node().await;
    sign_in(&node).await;
    let session = told_of(&node, "sessions:create").await[0].on.clone().expect("a session").id;
    let admin = node.caller(&[("admin", None)]);
    node.delete(&admin, &format!("/api/v1/auth/sessions/{session}")).await.expect(204);
    let ended = &told_of(&node, "sessions:end").await[0];
    assert_eq!(ended.by.id, Some(admin.user_id.to_string()));
    assert_eq!(ended.details["ownerId"], USER_ID);
}

#[tokio::test]
async fn a_refresh_token_that_is_used_again_is_on_record_with_where_it_was_used() {
    let node = node().await;
    let first = sign_in(&node).await;
    let second = refresh(&node, first.text("refreshToken")).await.expect(200);
    refresh(&node, second.text("refreshToken")).await.expect(200);
    let stolen = Some(json!({ "refreshToken": first.text("refreshToken") }));
    let nobody = Caller::anonymous();
    let again = node.send(&nobody, Method::POST, "/api/v1/auth/refresh", stolen, &FROM_THERE).await;
    again.expect_problem(401, "bad_refresh_token");
    let reuse = node.wait_for_audited("sessions:refresh", Outcome::Failed).await;
    assert_eq!(
        (reuse.by.kind, address(&reuse).as_deref()),
        (PartyKind::Anonymous, Some("203.0.113.9"))
    );
    assert_eq!(
        (&reuse.details["ownerId"], &reuse.details["email"]),
        (&json!(USER_ID), &json!(EMAIL))
    );
    assert!(!serde_json::to_string(&reuse).expect("JSON").contains(first.text("refreshToken")));
}

#[tokio::test]
async fn what_is_done_to_programs_is_on_record_without_their_secrets() {
    let party = Party::on(node().await, web_client()).await;
    let (node, id) = (&party.node, &party.client_id);
    let admin = node.caller(&[("admin", None)]);
    let path = format!("/oauth/register/{id}");
    let secret = node.post(&admin, &format!("{path}/secret"), json!({})).await.expect(200);
    node.delete(&admin, &path).await.expect(204);
    let told = node.audited().await;
    let told_actions: Vec<&str> = told.iter().map(|record| record.action.as_str()).collect();
    let expected =
        ["oauth-clients:register", "oauth-clients:rotate-secret", "oauth-clients:remove"];
    assert_eq!(told_actions, expected);
    assert!(told.iter().all(|record| record.details["name"] == "Box office"));
    let everything = serde_json::to_string(&told).expect("JSON");
    assert!(!everything.contains(&party.secret));
    assert!(!everything.contains(secret.text("client_secret")));
}

#[tokio::test]
async fn a_program_that_gets_many_tokens_is_one_entry_a_minute_with_their_number() {
    let clock = Clock::manual(testkit::now());
    let service = json!({
        "client_name": "Ledger", "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "client_secret_post", "redirect_uris": [],
        "backline_permissions": [],
    });
    let party = Party::on(start(builder().clock(&clock)).await, service).await;
    let (id, secret) = (party.client_id.as_str(), party.secret.as_str());
    let body =
        form(&[("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)]);
    for _ in 0..5 {
        party.send(Method::POST, "/oauth/token", &body, &FROM_THERE).await.expect(200);
    }
    let wrong = form(&[
        ("grant_type", "client_credentials"),
        ("client_id", id),
        ("client_secret", "guessed"),
    ]);
    party.send(Method::POST, "/oauth/token", &wrong, &FROM_THERE).await.expect(401);
    let failed = party.node.wait_for_audited("oauth-clients:authenticate", Outcome::Failed).await;
    assert_eq!(
        (failed.by.id.as_deref(), address(&failed).as_deref()),
        (Some(id), Some("203.0.113.9"))
    );
    assert!(told_of(&party.node, "tokens:issue").await.is_empty(), "not before the minute is over");
    clock.advance(SignedDuration::from_secs(61));
    let issued = party.node.wait_for_audited("tokens:issue", Outcome::Done).await;
    assert_eq!((issued.count, issued.by.label.as_deref()), (5, Some("Ledger")));
    assert_eq!(told_of(&party.node, "tokens:issue").await.len(), 1);
}
