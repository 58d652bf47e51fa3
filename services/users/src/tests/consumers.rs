use contracts::ids::{CustomerId, UserId};
use contracts::messages::{CustomerCreated, CustomerDeleted, RoleDeleted, UserCreated};
use database::DeadLetters;
use serde_json::{Value, json};
use testkit::{TestNode, eventually};

use super::{
    FakeRoles, builder, id_of, node, path_of, published, roles_of, sign_up, sign_up_for,
    wait_for_roles,
};

fn created(user_id: UserId) -> UserCreated {
    let text = || String::from("ada@example.org");
    UserCreated { user_id, email: text(), first_name: text(), last_name: text(), customer_id: None }
}

fn founded(customer_id: CustomerId, founder_id: Option<UserId>) -> CustomerCreated {
    CustomerCreated {
        customer_id,
        name: "North Sound".into(),
        customer_type: "organiser".into(),
        founder_id,
        founder_role: founder_id.map(|_| "organiser-admin".into()),
    }
}

async fn is_idle(node: &TestNode) {
    let wanted = DeadLetters { limit: 1, ..DeadLetters::default() };
    let dead = node.database().inbox().dead_letters(&wanted).await.expect("dead letters");
    assert!(dead.letters.is_empty(), "{dead:?}");
}

#[tokio::test]
async fn a_new_account_gets_the_default_role_once() {
    let node = node().await;
    let id = id_of(&sign_up(&node, "ada@example.org").await);
    assert!(roles_of(&node, id).await.is_empty());
    wait_for_roles(&node, id, &["member"]).await;
    let message = node.deliver(&created(id)).await;
    node.redeliver(&message).await;
    node.deliver(&created(id)).await;
    // A later account is served after the repeated messages.
    let later = id_of(&sign_up(&node, "grace@example.org").await);
    wait_for_roles(&node, later, &["member"]).await;
    assert_eq!(published(&node, "role.assigned").await, 2);
}

#[tokio::test]
async fn the_default_role_waits_while_roles_is_away() {
    let roles = FakeRoles::default();
    let node = builder(&roles).start().await;
    roles.go_away();
    let id = id_of(&sign_up(&node, "ada@example.org").await);
    node.published().await;
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert!(roles_of(&node, id).await.is_empty());
    roles.come_back();
    wait_for_roles(&node, id, &["member"]).await;
    assert_eq!(published(&node, "role.assigned").await, 1);
}

#[tokio::test]
async fn an_account_deleted_meanwhile_needs_no_role() {
    let node = node().await;
    node.deliver(&created(UserId::new())).await;
    let later = id_of(&sign_up(&node, "grace@example.org").await);
    wait_for_roles(&node, later, &["member"]).await;
    assert_eq!(published(&node, "role.assigned").await, 1);
    is_idle(&node).await;
}

#[tokio::test]
async fn the_founder_of_a_customer_runs_it() {
    let node = node().await;
    let id = id_of(&sign_up(&node, "ada@example.org").await);
    wait_for_roles(&node, id, &["member"]).await;
    let (first, second) = (CustomerId::new(), CustomerId::new());
    let message = node.deliver(&founded(first, Some(id))).await;
    node.redeliver(&message).await;
    node.deliver(&founded(first, Some(id))).await;
    node.deliver(&founded(CustomerId::new(), None)).await;
    node.deliver(&founded(CustomerId::new(), Some(UserId::new()))).await;
    wait_for_roles(&node, id, &["member", &format!("organiser-admin@{first}")]).await;
    node.deliver(&founded(second, Some(id))).await;
    let both = [format!("organiser-admin@{first}"), format!("organiser-admin@{second}")];
    wait_for_roles(&node, id, &["member", &both[0], &both[1]]).await;
    let admin = node.caller(&[("admin", None)]);
    let user = node.get(&admin, &path_of(id)).await.expect(200);
    assert_eq!(user.text("customerId"), first.to_string());
    assert_eq!(published(&node, "role.assigned").await, 3);
    assert_eq!(published(&node, "user.updated").await, 1);
    is_idle(&node).await;
}

#[tokio::test]
async fn a_deleted_role_is_taken_from_everybody() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let customer = CustomerId::new();
    let mut holders = vec![];
    for name in ["ada", "grace"] {
        let id = id_of(&sign_up(&node, &format!("{name}@example.org")).await);
        let path = format!("{}/roles", path_of(id));
        node.post(&admin, &path, json!({ "role": "worker" })).await.expect(200);
        node.post(&admin, &path, json!({ "role": "worker", "customerId": customer }))
            .await
            .expect(200);
        wait_for_roles(&node, id, &["member", "worker", &format!("worker@{customer}")]).await;
        holders.push(id);
    }
    let message = node.deliver(&RoleDeleted { name: "worker".into() }).await;
    for id in &holders {
        wait_for_roles(&node, *id, &["member"]).await;
    }
    node.redeliver(&message).await;
    node.deliver(&RoleDeleted { name: "worker".into() }).await;
    node.deliver(&RoleDeleted { name: "ghost".into() }).await;
    let revoked = eventually("the messages", || async {
        let messages = node.published().await;
        let revoked: Vec<Value> = messages
            .into_iter()
            .filter(|(kind, _)| kind == "role.revoked")
            .map(|(_, data)| data)
            .collect();
        (revoked.len() == 4).then_some(revoked)
    })
    .await;
    assert_eq!(revoked[1]["roles"], json!([{ "role": "member", "customerId": null }]));
    is_idle(&node).await;
}

#[tokio::test]
async fn a_deleted_customer_has_no_people() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let (gone, stays) = (CustomerId::new(), CustomerId::new());
    let of_gone = id_of(&sign_up_for(&node, "grace@example.org", gone).await);
    let of_both = id_of(&sign_up_for(&node, "ada@example.org", stays).await);
    for (role, customer) in [("door", gone), ("organiser-member", gone), ("door", stays)] {
        let path = format!("{}/roles", path_of(of_both));
        let role = json!({ "role": role, "customerId": customer });
        node.post(&admin, &path, role).await.expect(200);
    }
    let message = node.deliver(&CustomerDeleted { customer_id: gone }).await;
    wait_for_roles(&node, of_both, &[&format!("door@{stays}"), "member"]).await;
    wait_for_roles(&node, of_gone, &["member"]).await;
    node.redeliver(&message).await;
    let customer = |id| {
        let (node, admin) = (&node, &admin);
        async move { node.get(admin, &path_of(id)).await.expect(200).body["customerId"].clone() }
    };
    assert_eq!(customer(of_gone).await, Value::Null);
    assert_eq!(customer(of_both).await, json!(stays));
    assert_eq!(published(&node, "role.revoked").await, 2);
    assert_eq!(published(&node, "user.updated").await, 1);
    is_idle(&node).await;
}
