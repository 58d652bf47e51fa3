use contracts::grpc::users::AuthenticateRequest;
use contracts::grpc::users::users_client::UsersClient;
use contracts::ids::CustomerId;
use contracts::messages::{CustomerDeleted, RoleDeleted};
use serde_json::json;
use stdx::secret::{digest, random_token};
use testkit::{Backend, Caller};

use super::{
    PASSWORD, USERS, id_of, make_administrator, new_user, node_on, path_of, sign_up, sign_up_for,
    wait_for_roles,
};
use crate::store;

/// The same walk through every query, on both databases.
async fn everything_is_stored_and_found_again(backend: Backend) {
    let node = node_on(backend).await;
    let (admin, customer) = (node.caller(&[("admin", None)]), CustomerId::new());
    let id = id_of(&sign_up_for(&node, "Grace@example.org", customer).await);
    let path = path_of(id);
    node.post(&admin, USERS, new_user("grace@EXAMPLE.org"))
        .await
        .expect_problem(409, "email_taken");
    wait_for_roles(&node, id, &["member"]).await;

    let profile = json!({ "n": 1.5, "big": 18_446_744_073_709_551_615u64, "text": "å\\u0000", "list": [null, true] });
    node.patch(&admin, &path, json!({ "profile": profile })).await.expect(200);
    let crew =
        json!({ "category": "stage", "skills": ["b", "a"], "phone": null, "isActive": true });
    node.put(&admin, &format!("{path}/crew"), crew.clone()).await.expect(200);
    let door = json!({ "role": "door", "customerId": customer });
    let given = node.post(&admin, &format!("{path}/roles"), door.clone()).await.expect(200);
    node.post(&admin, &format!("{path}/roles"), door).await.expect(200);
    let found = node.get(&admin, &path).await.expect(200);
    assert_eq!(found.body, given.body);
    assert_eq!(found.body["crew"], crew);
    assert_eq!(found.body["profile"]["text"], "å\\u0000");

    let organiser = node.caller(&[("organiser-admin", Some(customer))]);
    let query =
        format!("?email=grace@example.org&role=door&customerId={customer}&userType=3&limit=1");
    for reader in [&admin, &organiser] {
        let page = node.get(reader, &format!("{USERS}{query}")).await.expect(200);
        assert_eq!(page.items(), std::slice::from_ref(&given.body));
        let random = node.get(reader, "/api/v1/users/random?role=door").await.expect(200);
        assert_eq!(random.body, given.body);
    }
    let tokens = node.service_caller("tokens");
    let request = AuthenticateRequest {
        email: "grace@example.org".into(),
        password: PASSWORD.into(),
        ..Default::default()
    };
    let user =
        UsersClient::new(node.channel()).authenticate(node.grpc_request(&tokens, request)).await;
    assert_eq!(user.expect("signed in").into_inner().roles.len(), 2);

    node.deliver(&RoleDeleted { name: "member".into() }).await;
    wait_for_roles(&node, id, &[&format!("door@{customer}")]).await;
    node.deliver(&CustomerDeleted { customer_id: customer }).await;
    wait_for_roles(&node, id, &[]).await;
    node.delete(&admin, &path).await.expect(204);
    node.get(&admin, &path).await.expect(404);
    node.stop().await;
}

/// What two do at the same time, on both databases.
async fn of_two_at_once_one_wins(backend: Backend) {
    let node = node_on(backend).await;
    let anonymous = Caller::anonymous();
    let token = random_token();
    let tx = node.database().begin().await.expect("a transaction");
    let now = node.database().clock().now();
    store::replace_setup_token(&tx, &digest(&token), now).await.expect("a token");
    tx.commit().await.expect("committed");
    let administrator = |email: &str| {
        let mut body = new_user(email);
        body["token"] = json!(token);
        body
    };
    let post = |email| node.post(&anonymous, "/api/v1/setup", administrator(email));
    let (one, two, three) =
        tokio::join!(post("a@example.org"), post("b@example.org"), post("c@example.org"));
    let mut statuses = [one, two, three].map(|answer| answer.status.as_u16());
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 403, 403]);

    let admin = node.caller(&[("admin", None)]);
    let page = node.get(&admin, USERS).await.expect(200);
    let first = page.items()[0]["id"].as_str().expect("an id").parse().expect("an id");
    let second = make_administrator(&node, "d@example.org").await;
    let (first, second) = (path_of(first), format!("{}/roles/admin", path_of(second)));
    let (deleted, demoted) =
        tokio::join!(node.delete(&admin, &first), node.delete(&admin, &second));
    let mut statuses = [deleted.status.as_u16(), demoted.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409]);

    let id = id_of(&sign_up(&node, "e@example.org").await);
    let path = format!("{}/roles", path_of(id));
    let give = |role: &'static str| node.post(&admin, &path, json!({ "role": role }));
    let all =
        tokio::join!(give("door"), give("worker"), give("manager"), give("door"), give("worker"));
    for answer in [all.0, all.1, all.2, all.3, all.4] {
        answer.expect(200);
    }
    wait_for_roles(&node, id, &["door", "manager", "member", "worker"]).await;
    let mut messages = node.published().await;
    messages.retain(|(kind, data)| kind == "role.assigned" && data["userId"] == json!(id));
    let counts: Vec<_> =
        messages.iter().map(|(_, data)| data["roles"].as_array().map(Vec::len)).collect();
    assert_eq!(counts, [Some(1), Some(2), Some(3), Some(4)], "each has all roles after the change");
    node.stop().await;
}

#[tokio::test]
async fn everything_is_stored_and_found_again_on_sqlite() {
    everything_is_stored_and_found_again(Backend::Sqlite).await;
}

#[tokio::test]
async fn everything_is_stored_and_found_again_on_postgres() {
    everything_is_stored_and_found_again(Backend::Postgres).await;
}

#[tokio::test]
async fn of_two_at_once_one_wins_on_sqlite() {
    of_two_at_once_one_wins(Backend::Sqlite).await;
}

#[tokio::test]
async fn of_two_at_once_one_wins_on_postgres() {
    of_two_at_once_one_wins(Backend::Postgres).await;
}
