//! What this service puts into the audit log.

use contracts::audit::{AuditRecorded, Outcome, PartyKind};
use contracts::ids::CustomerId;
use http::Method;
use serde_json::json;
use testkit::{Caller, TestNode};
use tonic::Code;

use super::{
    PASSWORD, USERS, authenticate_from, id_of, make_administrator, new_user, node, path_of,
    sign_up, token_in, wait_for_letters, wait_for_roles,
};

const ADDRESS: &str = "203.0.113.9";

/// What was put on record of an account, without what the default role's arrival adds.
async fn told_of(node: &TestNode, action: &str) -> Vec<AuditRecorded> {
    node.audited().await.into_iter().filter(|record| record.action == action).collect()
}

async fn from_there(
    node: &TestNode,
    caller: &Caller,
    method: Method,
    path: &str,
    body: serde_json::Value,
) {
    let headers = [("x-backline-client-address", ADDRESS), ("user-agent", "Harbour 1.0")];
    let answer = node.send(caller, method, path, Some(body), &headers).await;
    assert!(answer.status.is_success(), "{}", answer.body);
}

#[tokio::test]
async fn signing_up_and_the_role_that_follows_are_on_record_with_who_and_from_where() {
    let node = node().await;
    from_there(&node, &Caller::anonymous(), Method::POST, USERS, new_user("ada@example.org")).await;
    let made = node.wait_for_audited("users:create", Outcome::Done).await;
    assert_eq!(made.by.kind, PartyKind::Anonymous);
    assert_eq!(made.by.address.map(|address| address.to_string()).as_deref(), Some(ADDRESS));
    assert_eq!(made.by.agent.as_deref(), Some("Harbour 1.0"));
    assert_eq!(made.details["email"], "ada@example.org");
    let given = node.wait_for_audited("roles:assign", Outcome::Done).await;
    assert_eq!((given.by.kind, given.by.id.as_deref()), (PartyKind::Service, Some("users")));
    assert_eq!((given.on, &given.details["role"]), (made.on, &json!("member")));
}

#[tokio::test]
async fn a_change_is_on_record_by_the_names_of_its_fields_and_not_by_what_is_in_them() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let vera = id_of(&sign_up(&node, "vera@example.org").await);
    wait_for_roles(&node, vera, &["member"]).await;
    let secret = json!({ "firstName": "Veronica", "profile": { "allergy": "peanuts" } });
    from_there(&node, &admin, Method::PATCH, &path_of(vera), secret).await;
    node.patch(&admin, &path_of(vera), json!({ "isActive": false })).await.expect(200);
    let customer = CustomerId::new();
    let door = json!({ "role": "door", "customerId": customer });
    node.post(&admin, &format!("{}/roles", path_of(vera)), door).await.expect(200);
    let taken = format!("{}/roles/door?customerId={customer}", path_of(vera));
    node.delete(&admin, &taken).await.expect(204);
    node.delete(&admin, &path_of(vera)).await.expect(204);

    let changed = &told_of(&node, "users:update").await[0];
    assert_eq!(changed.details["fields"], json!(["firstName", "profile"]));
    assert_eq!(changed.by.id, Some(admin.user_id.to_string()));
    let everything = serde_json::to_string(&node.audited().await).expect("JSON");
    assert!(!everything.contains("Veronica") && !everything.contains("peanuts"));
    assert!(!everything.contains(PASSWORD) && !everything.contains("argon2"));
    let disabled = &told_of(&node, "users:disable").await[0];
    assert_eq!(
        (&disabled.details["isActive"], &disabled.details["fields"]),
        (&json!(false), &json!(["isActive"]))
    );
    assert_eq!(told_of(&node, "roles:assign").await[1].customer_id, Some(customer));
    assert_eq!(told_of(&node, "roles:revoke").await[0].details["role"], "door");
    assert_eq!(told_of(&node, "users:delete").await[0].details["roles"], json!(["member"]));
}

#[tokio::test]
async fn what_was_not_done_is_not_on_record() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    sign_up(&node, "vera@example.org").await;
    // Fails at the unique index, in the transaction that already holds the record.
    node.post(&Caller::anonymous(), USERS, new_user("vera@example.org")).await.expect(409);
    let last = make_administrator(&node, "root@example.org").await;
    node.delete(&admin, &path_of(last)).await.expect(409);
    assert_eq!(told_of(&node, "users:create").await.len(), 2, "Vera's, and the one made by hand");
    assert!(told_of(&node, "users:delete").await.is_empty());
}

#[tokio::test]
async fn a_commit_that_fails_leaves_neither_the_change_nor_the_record() {
    let node = node().await;
    let tx = node.database().begin().await.expect("begun");
    let still_held = tx.clone();
    let by = contracts::audit::Party::OPERATOR;
    tx.publish(AuditRecorded::done(by, "users:forge")).await.expect("noted");
    assert!(tx.commit().await.is_err(), "a clone is held");
    drop(still_held);
    assert!(node.audited().await.is_empty());
}

#[tokio::test]
async fn who_is_made_at_the_command_line_is_made_by_the_operator() {
    let node = node().await;
    let id = make_administrator(&node, "root@example.org").await;
    let told = node.audited().await;
    let told: Vec<_> = told.iter().map(|r| (r.action.as_str(), r.by.kind)).collect();
    assert_eq!(
        told[..2],
        [("users:create", PartyKind::Operator), ("roles:assign", PartyKind::Operator)]
    );
    assert!(!id.0.is_nil());
}

#[tokio::test]
async fn a_sign_in_in_vain_is_on_record_with_the_account_that_was_meant_and_its_address() {
    let node = node().await;
    sign_up(&node, "vera@example.org").await;
    for _ in 0..3 {
        let refused = authenticate_from(&node, "Vera@example.org", "wrong", "", ADDRESS).await;
        assert_eq!(refused.expect_err("refused").status, Code::Unauthenticated);
    }
    // A password that was typed into the wrong field is nobody's to read.
    authenticate_from(&node, "hunter2 secret", "vera", "", ADDRESS).await.expect_err("refused");
    let failed = node.wait_for_audited("sessions:create", Outcome::Failed).await;
    assert_eq!(failed.on.expect("an account").id, "vera@example.org");
    assert_eq!(failed.by.address.map(|address| address.to_string()).as_deref(), Some(ADDRESS));
    let told = node.audited().await;
    let failed = told.iter().filter(|record| record.outcome == Outcome::Failed);
    assert_eq!(failed.map(|record| record.count).sum::<u64>(), 4);
    assert!(!serde_json::to_string(&told).expect("JSON").contains("hunter2"));
}

#[tokio::test]
async fn the_own_password_and_second_factor_are_on_record_without_their_secrets() {
    let node = node().await;
    let vera = id_of(&sign_up(&node, "vera@example.org").await);
    let caller = node.caller_with_id(vera, &[("member", None)]);
    let me = format!("{USERS}/me");
    let wrong = json!({ "currentPassword": "wrong", "newPassword": "another good one" });
    node.post(&caller, &format!("{me}/password"), wrong).await.expect(422);
    let right = json!({ "currentPassword": PASSWORD, "newPassword": "another good one" });
    node.post(&caller, &format!("{me}/password"), right).await.expect(204);
    let failed = node.wait_for_audited("users:secure", Outcome::Failed).await;
    assert_eq!(failed.details["reason"], "wrong password");
    assert_eq!(told_of(&node, "users:change-password").await.len(), 1);

    let letters = wait_for_letters(&node, "vera@example.org", 2).await;
    let token = token_in(&letters, "verify-email");
    let verify = json!({ "token": token });
    node.post(&Caller::anonymous(), "/api/v1/auth/verify-email", verify).await.expect(204);
    let verified = &told_of(&node, "users:verify-email").await[0];
    assert_eq!(verified.by.id, Some(vera.to_string()), "whoever has the link");
    let everything = serde_json::to_string(&node.audited().await).expect("JSON");
    for secret in ["another good one", PASSWORD, token.as_str()] {
        assert!(!everything.contains(secret));
    }
}

#[tokio::test]
async fn a_denial_is_on_record_with_why() {
    let node = node().await;
    let (here, there) = (CustomerId::new(), CustomerId::new());
    let organiser = node.caller(&[("organiser-admin", Some(here))]);
    let mut elsewhere = new_user("new@example.org");
    elsewhere["customerId"] = json!(there);
    node.post(&organiser, USERS, elsewhere).await.expect_problem(403, "not_permitted");
    let denied = node.wait_for_audited("users:create", Outcome::Denied).await;
    assert_eq!(denied.by.id, Some(organiser.user_id.to_string()));
    assert_eq!(denied.customer_id, Some(there));
    assert_eq!(denied.details["needs"], "users:create");
    assert_eq!(denied.details["holds"]["customers"], json!([here]));
    assert_eq!(denied.details["why"], "the roles permit it in other customers, not here");
    assert_eq!(denied.details["forbiddenBy"], json!([]));
    // Who has not signed in leaves nothing: strangers would fill the log.
    node.get(&Caller::anonymous(), USERS).await.expect(401);
    let stranger = node.caller(&[("member", None)]);
    node.get(&stranger, &format!("{USERS}?limit=1")).await.expect(403);
    node.wait_for_audited("users:list", Outcome::Denied).await;
    let told = node.audited().await;
    assert!(told.iter().all(|record| record.by.kind != PartyKind::Anonymous));
}

#[tokio::test]
async fn a_flood_of_denials_is_a_few_entries_with_their_number() {
    const TRIES: u64 = 3000;
    let node = node().await;
    let member = node.caller(&[("member", None)]);
    let path = path_of(contracts::ids::UserId::new());
    for number in 0..TRIES {
        // Some at the same account, some at ever another one.
        let path =
            if number % 2 == 0 { path.clone() } else { path_of(contracts::ids::UserId::new()) };
        node.get(&member, &path).await.expect(403);
    }
    let counted = || async {
        let told = told_of(&node, "users:read").await;
        (told.iter().map(|record| record.count).sum::<u64>() == TRIES).then_some(told.len())
    };
    let entries = testkit::eventually("every denial to be counted", counted).await;
    // Twenty-odd a batch of half a second, however many tries there were in it.
    assert!(entries < 600, "{entries} entries of {TRIES} denials");
}
