use serde_json::{Value, json};
use stdx::secret::{digest, random_token};
use testkit::{Caller, TestNode};

use super::{PASSWORD, id_of, make_administrator, new_user, node, wait_for_roles};
use crate::{CreateUserError, create_user, store};

const SETUP: &str = "/api/v1/setup";

/// The token of the link goes to standard error, so a test puts one of its own in its place.
async fn setup_token(node: &TestNode) -> String {
    let token = random_token();
    let tx = node.database().begin().await.expect("a transaction");
    let now = node.database().clock().now();
    store::replace_setup_token(&tx, &digest(&token), now).await.expect("a token");
    tx.commit().await.expect("committed");
    token
}

fn administrator(token: &str, email: &str) -> Value {
    let mut body = new_user(email);
    body["token"] = json!(token);
    body
}

async fn is_open(node: &TestNode) -> bool {
    node.get(&Caller::anonymous(), SETUP).await.expect(200).body["isOpen"] == true
}

#[tokio::test]
async fn c32_the_link_makes_the_first_administrator_and_nobody_else() {
    let node = node().await;
    assert!(is_open(&node).await, "a token is made at every start without an administrator");
    let token = setup_token(&node).await;
    let anonymous = Caller::anonymous();
    let wrong = administrator("guess", "eve@example.org");
    node.post(&anonymous, SETUP, wrong).await.expect_problem(403, "setup_closed");
    let mut weak = administrator(&token, "ada@example.org");
    weak["password"] = json!("admin");
    node.post(&anonymous, SETUP, weak).await.expect_problem(422, "invalid_values");

    let made =
        node.post(&anonymous, SETUP, administrator(&token, "ada@example.org")).await.expect(201);
    assert_eq!(made.body["userType"], 1);
    assert_eq!(made.body["roles"], json!([{ "role": "admin", "customerId": null }]));
    assert!(!is_open(&node).await);
    let again = node.post(&anonymous, SETUP, administrator(&token, "eve@example.org")).await;
    again.expect_problem(403, "setup_closed");
    wait_for_roles(&node, id_of(&made), &["admin", "member"]).await;
    assert_eq!(node.published_kinds().await, ["user.created", "role.assigned", "role.assigned"]);
}

#[tokio::test]
async fn of_two_who_open_the_link_at_once_one_is_the_administrator() {
    let node = node().await;
    let token = setup_token(&node).await;
    let anonymous = Caller::anonymous();
    let post = |email| node.post(&anonymous, SETUP, administrator(&token, email));
    let (first, second) = tokio::join!(post("ada@example.org"), post("eve@example.org"));
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 403]);
    let admin = node.caller(&[("admin", None)]);
    assert_eq!(node.get(&admin, "/api/v1/users").await.expect(200).items().len(), 1);
}

#[tokio::test]
async fn c32_the_link_is_dead_once_there_is_an_administrator() {
    let node = node().await;
    let token = setup_token(&node).await;
    make_administrator(&node, "ada@example.org").await;
    assert!(!is_open(&node).await);
    let late =
        node.post(&Caller::anonymous(), SETUP, administrator(&token, "eve@example.org")).await;
    late.expect_problem(403, "setup_closed");
}

#[tokio::test]
async fn a_taken_address_does_not_spend_the_link() {
    let node = node().await;
    super::sign_up(&node, "ada@example.org").await;
    let token = setup_token(&node).await;
    let anonymous = Caller::anonymous();
    let taken = node.post(&anonymous, SETUP, administrator(&token, "Ada@example.org")).await;
    taken.expect_problem(409, "email_taken");
    node.post(&anonymous, SETUP, administrator(&token, "grace@example.org")).await.expect(201);
}

#[tokio::test]
async fn the_command_line_makes_accounts_that_the_server_hears_of() {
    let node = node().await;
    let id =
        create_user(node.database(), "Ada@example.org", PASSWORD, "admin").await.expect("made");
    wait_for_roles(&node, id, &["admin", "member"]).await;
    let ada = node.caller_with_id(id, &[]);
    let me = node.get(&ada, "/api/v1/users/me").await.expect(200);
    let names = (me.text("firstName"), me.text("lastName"), &me.body["userType"]);
    assert_eq!(names, ("ada", "admin", &json!(1)));

    let taken = create_user(node.database(), "ada@example.org", PASSWORD, "member").await;
    assert!(matches!(taken, Err(CreateUserError::EmailTaken)));
    for (email, password, role) in
        [("ada", PASSWORD, "admin"), ("b@c", "short", "admin"), ("b@c", PASSWORD, "ghost")]
    {
        let wrong = create_user(node.database(), email, password, role).await;
        assert!(matches!(wrong, Err(CreateUserError::Invalid(_))), "{email} {password} {role}");
    }
}
