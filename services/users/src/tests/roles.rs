use contracts::ids::{CustomerId, UserId};
use contracts::permissions::{BUILT_IN_ROLES, PERMISSIONS};
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use testkit::{Answer, Caller, TestNode};

use super::{
    FakeRoles, builder, id_of, node, path_of, published, roles_of, sign_up, sign_up_for,
    wait_for_roles,
};

async fn give(node: &TestNode, giver: &Caller, to: UserId, role: Value) -> Answer {
    node.post(giver, &format!("{}/roles", path_of(to)), role).await
}

#[tokio::test]
async fn an_administrator_gives_and_takes_roles_and_everybody_hears_of_it() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let id = id_of(&sign_up(&node, "ada@example.org").await);
    wait_for_roles(&node, id, &["member"]).await;
    let customer = CustomerId::new();
    let door = json!({ "role": "door", "customerId": customer });
    let given = give(&node, &admin, id, door).await.expect(200);
    assert_eq!(given.text("customerId"), customer.to_string());
    let messages = node.published().await;
    assert_json_snapshot!(&messages[2..], { "[][].userId" => "[id]", "[][].customerId" => "[customer]", "[][].roles[].customerId" => "[customer]" }, @r#"
    [
      [
        "role.assigned",
        {
          "userId": "[id]",
          "role": "door",
          "customerId": "[customer]",
          "roles": [
            {
              "role": "door",
              "customerId": "[customer]"
            },
            {
              "role": "member",
              "customerId": "[customer]"
            }
          ]
        }
      ],
      [
        "user.updated",
        {
          "userId": "[id]",
          "email": "ada@example.org",
          "firstName": "Ada",
          "lastName": "Lovelace",
          "customerId": "[customer]",
          "isActive": true
        }
      ]
    ]
    "#);
    let path = format!("{}/roles/door", path_of(id));
    node.delete(&admin, &path).await.expect_problem(404, "role_not_held");
    node.delete(&admin, &format!("{path}?customerId={customer}")).await.expect(204);
    node.delete(&admin, &format!("{path}?customerId={customer}"))
        .await
        .expect_problem(404, "role_not_held");
    assert_eq!(roles_of(&node, id).await, ["member"]);
    let (kind, revoked) = node.published().await.pop().expect("a message");
    assert_eq!((kind.as_str(), &revoked["role"]), ("role.revoked", &json!("door")));
    assert_eq!(revoked["roles"], json!([{ "role": "member", "customerId": null }]));
}

#[tokio::test]
async fn giving_what_is_held_changes_nothing() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let id = id_of(&sign_up(&node, "ada@example.org").await);
    let give_door =
        || give(&node, &admin, id, json!({ "role": "door", "customerId": CustomerId(id.0) }));
    let first = give_door().await.expect(200);
    let second = give_door().await.expect(200);
    assert_eq!((first.etag(), &first.body), (second.etag(), &second.body));
    let (third, fourth) = tokio::join!(give_door(), give_door());
    assert_eq!((third.expect(200).etag(), fourth.expect(200).etag()), (first.etag(), first.etag()));
    node.published().await;
    wait_for_roles(&node, id, &[&format!("door@{id}"), "member"]).await;
    assert_eq!(published(&node, "role.assigned").await, 2);
}

#[tokio::test]
async fn whoever_runs_a_customer_gives_its_people_roles_inside_it() {
    let node = node().await;
    let own = CustomerId::new();
    let organiser = node.caller(&[("member", None), ("organiser-admin", Some(own))]);
    let id = id_of(&sign_up_for(&node, "grace@example.org", own).await);
    for role in ["organiser-admin", "organiser-member", "door", "member"] {
        give(&node, &organiser, id, json!({ "role": role, "customerId": own })).await.expect(200);
    }
    let path = format!("{}/roles/organiser-admin?customerId={own}", path_of(id));
    let stranger = node.caller(&[("organiser-admin", Some(CustomerId::new()))]);
    node.delete(&stranger, &path).await.expect_problem(403, "not_permitted");
    node.delete(&organiser, &path).await.expect(204);
}

#[tokio::test]
async fn nobody_makes_anybody_more_than_they_are() {
    let node = node().await;
    let (own, other) = (CustomerId::new(), CustomerId::new());
    let organiser = node.caller(&[("member", None), ("organiser-admin", Some(own))]);
    let member = node.caller(&[("member", None)]);
    let crew_admin = node.caller(&[("member", None), ("crew-admin", Some(own))]);
    let colleague = id_of(&sign_up_for(&node, "grace@example.org", own).await);
    let foreigner = id_of(&sign_up_for(&node, "edith@example.org", other).await);
    let loner = id_of(&sign_up(&node, "ada@example.org").await);
    let inside = |role: &str, customer: CustomerId| json!({ "role": role, "customerId": customer });
    let nil = "00000000-0000-0000-0000-000000000000";
    let attempts = [
        ("everything, inside", &organiser, colleague, inside("admin", own)),
        ("everything, everywhere", &organiser, colleague, json!({ "role": "admin" })),
        ("a role everywhere", &organiser, colleague, json!({ "role": "organiser-member" })),
        ("inside a foreign customer", &organiser, colleague, inside("door", other)),
        ("to somebody of a foreign customer", &organiser, foreigner, inside("door", own)),
        ("to somebody of no customer", &organiser, loner, inside("door", own)),
        ("to nobody", &organiser, UserId::new(), inside("door", own)),
        ("to oneself, everywhere", &organiser, organiser.user_id, json!({ "role": "admin" })),
        ("more than one runs", &crew_admin, colleague, inside("organiser-admin", own)),
        ("as a member", &member, colleague, inside("member", own)),
        ("as a member, to oneself", &member, member.user_id, json!({ "role": "admin" })),
        ("as a member, a harmless one", &member, loner, json!({ "role": "member" })),
    ];
    for (what, giver, to, role) in attempts {
        println!("{what}");
        give(&node, giver, to, role).await.expect_problem(403, "not_permitted");
    }
    let everywhere = json!({ "role": "admin", "customerId": nil });
    give(&node, &organiser, colleague, everywhere).await.expect_problem(422, "invalid_values");
    let path = format!("{}/roles/member?customerId={nil}", path_of(colleague));
    node.delete(&organiser, &path).await.expect_problem(422, "invalid_values");
    let nobody = Caller::anonymous();
    give(&node, &nobody, colleague, inside("door", own))
        .await
        .expect_problem(401, "unauthenticated");
    let service = node.service_caller("customers");
    give(&node, &service, colleague, inside("door", own))
        .await
        .expect_problem(403, "not_permitted");
    assert!(roles_of(&node, colleague).await.is_empty());
    assert_eq!(published(&node, "role.assigned").await, 0);
}

#[tokio::test]
async fn a_role_that_does_not_exist_cannot_be_given() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let id = id_of(&sign_up(&node, "ada@example.org").await);
    for role in ["ghost", "No Role", "a\u{0}", ""] {
        let problem = give(&node, &admin, id, json!({ "role": role })).await;
        let problem = problem.expect_problem(422, "invalid_values");
        assert_eq!(problem.body["errors"][0]["field"], "role");
    }
    give(&node, &admin, UserId::new(), json!({ "role": "door" }))
        .await
        .expect_problem(404, "user_not_found");
    let path = format!("{}/roles/%00", path_of(id));
    node.delete(&admin, &path).await.expect_problem(404, "role_not_held");
}

#[tokio::test]
async fn while_roles_is_away_nothing_is_given_and_the_rest_works() {
    let roles = FakeRoles::default();
    let node = builder(&roles).start().await;
    let admin = node.caller(&[("admin", None)]);
    roles.go_away();
    let id = id_of(&sign_up(&node, "ada@example.org").await);
    let answer = give(&node, &admin, id, json!({ "role": "door" })).await;
    assert!(answer.expect_problem(503, "unavailable").headers.contains_key("retry-after"));
    node.get(&admin, &path_of(id)).await.expect(200);
}

/// Every permission of this service, held by nobody but those whose role lists it.
#[tokio::test]
async fn the_policies_know_every_permission_of_this_service() {
    let schema = include_str!("../../policies/users.cedarschema");
    for (name, _) in PERMISSIONS.iter().filter(|(name, _)| name.starts_with("users:")) {
        assert!(schema.contains(&format!("\"{name}\"")), "{name}");
    }
    assert!(BUILT_IN_ROLES.iter().any(|role| role.permissions.contains(&"roles:assign:own")));
}
