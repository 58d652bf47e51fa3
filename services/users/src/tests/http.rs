use contracts::ids::{CustomerId, UserId};
use http::Method;
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use testkit::Caller;

use super::{
    FakeRoles, PASSWORD, USERS, builder, id_of, make_administrator, new_user, node, path_of,
    sign_up, sign_up_for,
};

#[tokio::test]
async fn signing_up_makes_an_account_without_roles_and_announces_it() {
    let node = node().await;
    let created = sign_up(&node, " Ada@Example.org ").await;
    assert_eq!(created.etag(), "\"1\"");
    assert_json_snapshot!(created.body, { ".id" => "[id]", ".createdAt" => "[time]", ".updatedAt" => "[time]" }, @r#"
    {
      "id": "[id]",
      "email": "ada@example.org",
      "emailVerified": false,
      "firstName": "Ada",
      "lastName": "Lovelace",
      "userType": 2,
      "isActive": true,
      "customerId": null,
      "roles": [],
      "crew": null,
      "profile": {},
      "createdAt": "[time]",
      "updatedAt": "[time]"
    }
    "#);
    let published = node.published().await;
    assert_json_snapshot!(published, { "[][].userId" => "[id]" }, @r#"
    [
      [
        "user.created",
        {
          "userId": "[id]",
          "email": "ada@example.org",
          "firstName": "Ada",
          "lastName": "Lovelace",
          "customerId": null
        }
      ]
    ]
    "#);
}

#[tokio::test]
async fn an_address_has_one_account_however_it_is_typed() {
    let node = node().await;
    sign_up(&node, "ada@example.org").await;
    let again = node.post(&Caller::anonymous(), USERS, new_user("ADA@example.ORG")).await;
    again.expect_problem(409, "email_taken");
    assert_eq!(node.published_kinds().await, ["user.created"]);
}

#[tokio::test]
async fn two_who_sign_up_with_one_address_at_once_get_one_account() {
    let node = node().await;
    let anonymous = Caller::anonymous();
    let post = || node.post(&anonymous, USERS, new_user("ada@example.org"));
    let (first, second) = tokio::join!(post(), post());
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

#[tokio::test]
async fn wrong_input_is_explained_and_changes_nothing() {
    let node = node().await;
    let anonymous = Caller::anonymous();
    let long = "x".repeat(101);
    let wrong = [
        ("email", json!("ada")),
        ("email", json!("a\u{0}@b")),
        ("password", json!("short")),
        ("password", json!("password123")),
        ("password", json!("ada@example.org")),
        ("firstName", json!("")),
        ("firstName", json!("A\u{0}da")),
        ("lastName", json!(long)),
    ];
    for (field, value) in wrong {
        let mut body = new_user("ada@example.org");
        body[field] = value;
        let problem =
            node.post(&anonymous, USERS, body).await.expect_problem(422, "invalid_values");
        assert_eq!(problem.body["errors"][0]["field"], field, "{}", problem.body);
        assert_eq!(problem.body["errors"].as_array().map(Vec::len), Some(1));
    }
    for (field, value) in [("userType", json!(1)), ("email", json!(7)), ("customerId", json!("x"))]
    {
        let mut body = new_user("ada@example.org");
        body[field] = value;
        node.post(&anonymous, USERS, body).await.expect_problem(400, "malformed_request");
    }
    assert!(node.published().await.is_empty());
}

#[tokio::test]
async fn an_account_for_a_customer_is_made_by_who_runs_it() {
    let node = node().await;
    let (own, other) = (CustomerId::new(), CustomerId::new());
    let organiser = node.caller(&[("organiser-admin", Some(own))]);
    let body = |customer: CustomerId| {
        let mut body = new_user("grace@example.org");
        body["customerId"] = json!(customer);
        body
    };
    let post = |caller: Caller, customer| {
        let (node, body) = (&node, body(customer));
        async move { node.post(&caller, USERS, body).await }
    };
    post(Caller::anonymous(), own).await.expect_problem(401, "unauthenticated");
    post(node.caller(&[("member", None)]), own).await.expect_problem(403, "not_permitted");
    post(organiser.clone(), other).await.expect_problem(403, "not_permitted");
    let created = post(organiser, own).await.expect(201);
    assert_eq!(created.text("customerId"), own.to_string());
    assert_eq!(created.body["roles"], json!([]));
    let nil = CustomerId(Default::default());
    let admin = node.caller(&[("admin", None)]);
    post(admin, nil).await.expect_problem(422, "invalid_values");
}

#[tokio::test]
async fn everybody_is_told_what_their_roles_permit() {
    let node = node().await;
    let id = id_of(&sign_up(&node, "ada@example.org").await);
    let customer = CustomerId::new();
    let door = node.caller_with_id(id, &[("door", Some(customer)), ("member", None)]);
    let me = node.get(&door, "/api/v1/users/me").await.expect(200);
    let held = me.body["permissions"].as_array().expect("a list");
    let permission = |name: &str| held.iter().find(|held| held["permission"] == name).cloned();
    let inside = json!({ "permission": "tickets:check-in", "everywhere": false,
        "customerIds": [customer], "itself": false });
    assert_eq!(permission("tickets:check-in"), Some(inside));
    assert_eq!(permission("customers:found").expect("held")["everywhere"], true);
    assert_eq!(permission("users:read").expect("held")["itself"], true);
    assert_eq!(permission("events:create"), None);

    let admin = node.caller_with_id(id, &[("admin", None)]);
    let me = node.get(&admin, "/api/v1/users/me").await.expect(200);
    assert_eq!(me.body["permissions"][0]["permission"], "*:*");
}

#[tokio::test]
async fn everybody_sees_the_own_account_also_before_the_first_role() {
    let node = node().await;
    let created = sign_up(&node, "ada@example.org").await;
    let ada = node.caller_with_id(id_of(&created), &[]);
    let mut expected = created.body.clone();
    expected["permissions"] = json!([]);
    assert_eq!(node.get(&ada, "/api/v1/users/me").await.expect(200).body, expected);
    assert_eq!(node.get(&ada, &path_of(id_of(&created))).await.expect(200).body, created.body);
    node.get(&Caller::anonymous(), "/api/v1/users/me").await.expect_problem(401, "unauthenticated");
    let users = node.service_caller("tokens");
    node.get(&users, "/api/v1/users/me").await.expect_problem(404, "user_not_found");
}

#[tokio::test]
async fn accounts_of_others_are_seen_by_who_runs_their_customer() {
    let node = node().await;
    let (own, other) = (CustomerId::new(), CustomerId::new());
    let path = path_of(id_of(&sign_up_for(&node, "grace@example.org", own).await));
    let runs = |customer| node.caller(&[("organiser-admin", Some(customer))]);
    node.get(&runs(own), &path).await.expect(200);
    node.get(&runs(other), &path).await.expect_problem(403, "not_permitted");
    node.get(&node.caller(&[("member", None)]), &path).await.expect_problem(403, "not_permitted");
    node.get(&Caller::anonymous(), &path).await.expect_problem(401, "unauthenticated");
    node.get(&node.caller(&[("admin", None)]), &path).await.expect(200);
}

#[tokio::test]
async fn that_there_is_no_such_account_is_told_to_administrators_only() {
    let node = node().await;
    let nobody = path_of(UserId::new());
    let admin = node.caller(&[("admin", None)]);
    node.get(&admin, &nobody).await.expect_problem(404, "user_not_found");
    node.get(&admin, "/api/v1/users/7").await.expect_problem(400, "malformed_request");
    let organiser = node.caller(&[("organiser-admin", Some(CustomerId::new()))]);
    node.get(&organiser, &nobody).await.expect_problem(403, "not_permitted");
    node.get(&Caller::anonymous(), &nobody).await.expect_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_change_is_merged_into_the_profile() {
    let node = node().await;
    let id = id_of(&sign_up(&node, "ada@example.org").await);
    let ada = node.caller_with_id(id, &[("member", None)]);
    let change = json!({ "firstName": "Augusta", "profile": { "city": "London", "likes": { "tea": true } } });
    let changed = node.patch(&ada, &path_of(id), change).await.expect(200);
    assert_eq!((changed.text("firstName"), changed.etag()), ("Augusta", "\"2\""));
    let change = json!({ "profile": { "city": null, "likes": { "cake": 2 } } });
    let changed = node.patch(&ada, &path_of(id), change).await.expect(200);
    assert_eq!(changed.body["profile"], json!({ "likes": { "tea": true, "cake": 2 } }));
    let changed = node.patch(&ada, &path_of(id), json!({ "profile": null })).await.expect(200);
    assert_eq!(changed.body["profile"], json!({}));
    let mut updates = node.published().await;
    updates.retain(|(kind, _)| kind == "user.updated");
    assert_eq!(updates.len(), 3);
    assert_json_snapshot!(updates[0], { "[].userId" => "[id]" }, @r#"
    [
      "user.updated",
      {
        "userId": "[id]",
        "email": "ada@example.org",
        "firstName": "Augusta",
        "lastName": "Lovelace",
        "customerId": null,
        "isActive": true
      }
    ]
    "#);
}

#[tokio::test]
async fn a_change_with_wrong_values_is_refused() {
    let node = node().await;
    let id = id_of(&sign_up(&node, "ada@example.org").await);
    let admin = node.caller(&[("admin", None)]);
    let long = json!({ "x": "x".repeat(17_000) });
    let wrong = [
        json!({ "firstName": null }),
        json!({ "lastName": " " }),
        json!({ "userType": 4 }),
        json!({ "isActive": null }),
        json!({ "customerId": "00000000-0000-0000-0000-000000000000" }),
        json!({ "profile": { "a": ["\u{0}"] } }),
        json!({ "profile": { "\u{0}": 1 } }),
        json!({ "profile": long }),
    ];
    for change in wrong {
        node.patch(&admin, &path_of(id), change).await.expect_problem(422, "invalid_values");
    }
    let malformed = [
        json!({ "email": "other@example.org" }),
        json!({ "password": PASSWORD }),
        json!({ "profile": [] }),
        json!({ "userType": 1e30 }),
        json!("text"),
    ];
    for change in malformed {
        node.patch(&admin, &path_of(id), change).await.expect_problem(400, "malformed_request");
    }
    assert_eq!(node.get(&admin, &path_of(id)).await.expect(200).etag(), "\"1\"");
}

#[tokio::test]
async fn what_an_account_is_changes_by_administrators_only() {
    let node = node().await;
    let customer = CustomerId::new();
    let id = id_of(&sign_up_for(&node, "grace@example.org", customer).await);
    let grace = node.caller_with_id(id, &[("member", None)]);
    let organiser = node.caller(&[("organiser-admin", Some(customer))]);
    let path = path_of(id);
    let changes = [
        json!({ "isActive": false }),
        json!({ "userType": 1 }),
        json!({ "customerId": CustomerId::new() }),
    ];
    for change in changes {
        node.patch(&grace, &path, change.clone()).await.expect_problem(403, "not_permitted");
        node.patch(&organiser, &path, change).await.expect_problem(403, "not_permitted");
    }
    node.patch(&organiser, &path, json!({ "lastName": "Hopper" })).await.expect(200);
    let admin = node.caller(&[("admin", None)]);
    let change = json!({ "isActive": false, "userType": 3, "customerId": null });
    let changed = node.patch(&admin, &path, change).await.expect(200);
    let now = [&changed.body["isActive"], &changed.body["userType"], &changed.body["customerId"]];
    assert_eq!(now, [&json!(false), &json!(3), &Value::Null]);
}

#[tokio::test]
async fn a_change_based_on_an_old_version_is_refused() {
    let node = node().await;
    let created = sign_up(&node, "ada@example.org").await;
    let (admin, path) = (node.caller(&[("admin", None)]), path_of(id_of(&created)));
    let if_match = [("if-match", created.etag())];
    let change = || Some(json!({ "lastName": "King" }));
    node.send(&admin, Method::PATCH, &path, change(), &if_match).await.expect(200);
    node.send(&admin, Method::PATCH, &path, change(), &if_match)
        .await
        .expect_problem(412, "stale_version");
    let crew = || Some(json!({ "category": "stage" }));
    let crew_path = format!("{path}/crew");
    node.send(&admin, Method::PUT, &crew_path, crew(), &if_match)
        .await
        .expect_problem(412, "stale_version");
    node.send(&admin, Method::DELETE, &path, None, &if_match)
        .await
        .expect_problem(412, "stale_version");
    node.send(&admin, Method::DELETE, &path, None, &[("if-match", "\"2\"")]).await.expect(204);
}

#[tokio::test]
async fn the_list_holds_what_the_reader_may_see() {
    let node = node().await;
    let (own, other) = (CustomerId::new(), CustomerId::new());
    sign_up(&node, "ada@example.org").await;
    sign_up_for(&node, "grace@example.org", own).await;
    sign_up_for(&node, "edith@example.org", other).await;
    let emails = |caller: Caller, query: String| {
        let node = &node;
        async move {
            let page = node.get(&caller, &format!("{USERS}{query}")).await.expect(200);
            let email = |user: &Value| user["email"].as_str().expect("an address").to_owned();
            page.items().iter().map(email).collect::<Vec<_>>()
        }
    };
    let organiser = || node.caller(&[("organiser-admin", Some(own))]);
    let admin = || node.caller(&[("admin", None)]);
    assert_eq!(emails(organiser(), String::new()).await, ["grace@example.org"]);
    assert!(emails(organiser(), format!("?customerId={other}")).await.is_empty());
    assert_eq!(emails(admin(), String::new()).await.len(), 3);
    assert_eq!(emails(admin(), format!("?customerId={other}")).await, ["edith@example.org"]);
    assert_eq!(emails(admin(), "?email=ADA@example.org".into()).await, ["ada@example.org"]);
    assert!(emails(admin(), "?userType=3".into()).await.is_empty());
    let first = node.get(&admin(), &format!("{USERS}?limit=2")).await.expect(200);
    let cursor = first.text("nextCursor");
    assert_eq!(emails(admin(), format!("?limit=2&cursor={cursor}")).await, ["edith@example.org"]);
    node.get(&node.caller(&[("member", None)]), USERS).await.expect_problem(403, "not_permitted");
    node.get(&Caller::anonymous(), USERS).await.expect_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_list_with_wrong_filters_is_refused() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    for wrong in
        ["email=ada", "email=a%00@b", "role=%00", "role=Stage+Hand", "userType=9", "limit=0"]
    {
        node.get(&admin, &format!("{USERS}?{wrong}")).await.expect_problem(422, "invalid_values");
    }
    for wrong in
        ["customerId=x", "userType=x", "userType=99999999999999999999", "cursor=x", "limit=-1"]
    {
        node.get(&admin, &format!("{USERS}?{wrong}"))
            .await
            .expect_problem(400, "malformed_request");
    }
    node.get(&admin, "/api/v1/users/random?role=%00").await.expect_problem(422, "invalid_values");
}

#[tokio::test]
async fn finding_somebody_in_a_list_is_not_seeing_everything() {
    let node = node().await;
    let id = id_of(&sign_up(&node, "ada@example.org").await);
    let admin = node.caller(&[("admin", None)]);
    node.patch(&admin, &path_of(id), json!({ "profile": { "diary": "secret" } })).await.expect(200);
    node.put(
        &admin,
        &format!("{}/crew", path_of(id)),
        json!({ "category": "stage", "phone": "112" }),
    )
    .await;
    node.knowledge().set_role("receptionist", ["users:list".to_owned()]);
    let receptionist = node.caller(&[("receptionist", None)]);
    let page = node.get(&receptionist, USERS).await.expect(200);
    assert_eq!((&page.items()[0]["profile"], &page.items()[0]["crew"]), (&json!({}), &Value::Null));
    let page = node.get(&admin, USERS).await.expect(200);
    assert_eq!(page.items()[0]["profile"], json!({ "diary": "secret" }));
}

#[tokio::test]
async fn a_random_account_is_active_and_holds_the_role() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let random = "/api/v1/users/random?role=worker";
    node.get(&admin, random).await.expect_problem(404, "no_such_user");
    let mut workers = vec![];
    for name in ["ada", "grace", "edith"] {
        let id = id_of(&sign_up(&node, &format!("{name}@example.org")).await);
        let path = format!("{}/roles", path_of(id));
        node.post(&admin, &path, json!({ "role": "worker" })).await.expect(200);
        workers.push(id);
    }
    sign_up(&node, "idle@example.org").await;
    node.patch(&admin, &path_of(workers[0]), json!({ "isActive": false })).await.expect(200);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..40 {
        seen.insert(id_of(&node.get(&admin, random).await.expect(200)));
    }
    assert_eq!(seen, workers[1..].iter().copied().collect());
    node.get(&node.caller(&[("member", None)]), random).await.expect_problem(403, "not_permitted");
    let organiser = node.caller(&[("organiser-admin", Some(CustomerId::new()))]);
    node.get(&organiser, random).await.expect_problem(404, "no_such_user");
}

#[tokio::test]
async fn crew_data_makes_a_crew_member() {
    let node = node().await;
    let company = CustomerId::new();
    let id = id_of(&sign_up_for(&node, "grace@example.org", company).await);
    let path = format!("{}/crew", path_of(id));
    let boss = node.caller(&[("crew-admin", Some(company))]);
    let crew = json!({ "category": "stage", "skills": ["rigging", "sound"], "phone": "+46 8 123" });
    let saved = node.put(&boss, &path, crew).await.expect(200);
    assert_eq!(saved.body["userType"], 3);
    assert_json_snapshot!(saved.body["crew"], @r#"
    {
      "category": "stage",
      "skills": [
        "rigging",
        "sound"
      ],
      "phone": "+46 8 123",
      "isActive": true
    }
    "#);
    let crew = json!({ "category": "light", "isActive": false });
    let saved = node.put(&boss, &path, crew).await.expect(200);
    assert_eq!(saved.body["crew"]["phone"], Value::Null);
    let kinds = node.published_kinds().await;
    let kinds: Vec<_> = kinds.iter().filter(|kind| kind.starts_with("crew.")).collect();
    assert_eq!(kinds, ["crew.created", "crew.updated"]);
    let stranger = node.caller(&[("crew-admin", Some(CustomerId::new()))]);
    node.put(&stranger, &path, json!({ "category": "x" }))
        .await
        .expect_problem(403, "not_permitted");
    let grace = node.caller_with_id(id, &[("crew-member", Some(company))]);
    node.put(&grace, &path, json!({ "category": "x" })).await.expect_problem(403, "not_permitted");
    let many: Vec<_> = (0..51).map(|n| n.to_string()).collect();
    for wrong in [
        json!({ "category": "" }),
        json!({ "category": "x", "skills": many }),
        json!({ "category": "x", "phone": "\u{0}" }),
    ] {
        node.put(&boss, &path, wrong).await.expect_problem(422, "invalid_values");
    }
}

#[tokio::test]
async fn deleting_an_account_takes_its_roles_and_announces_both() {
    let node = node().await;
    let id = id_of(&sign_up(&node, "ada@example.org").await);
    super::wait_for_roles(&node, id, &["member"]).await;
    let ada = node.caller_with_id(id, &[("member", None)]);
    node.delete(&node.caller(&[("member", None)]), &path_of(id))
        .await
        .expect_problem(403, "not_permitted");
    node.delete(&ada, &path_of(id)).await.expect(204);
    let kinds = node.published_kinds().await;
    assert_eq!(kinds, ["user.created", "role.assigned", "role.revoked", "user.deleted"]);
    node.get(&node.caller(&[("admin", None)]), &path_of(id))
        .await
        .expect_problem(404, "user_not_found");
    sign_up(&node, "ada@example.org").await;
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let node = node().await;
    let first = make_administrator(&node, "ada@example.org").await;
    let admin = node.caller(&[("admin", None)]);
    let role = format!("{}/roles/admin", path_of(first));
    let refused = |answer: testkit::Answer| drop(answer.expect_problem(409, "last_administrator"));
    refused(node.delete(&admin, &path_of(first)).await);
    refused(node.patch(&admin, &path_of(first), json!({ "isActive": false })).await);
    refused(node.delete(&admin, &role).await);
    // One who cannot sign in, or who runs only a customer, is no replacement.
    let second = make_administrator(&node, "grace@example.org").await;
    node.patch(&admin, &path_of(second), json!({ "isActive": false })).await.expect(200);
    refused(node.delete(&admin, &role).await);
    let third = id_of(&sign_up(&node, "edith@example.org").await);
    let inside = json!({ "role": "admin", "customerId": CustomerId::new() });
    node.post(&admin, &format!("{}/roles", path_of(third)), inside).await.expect(200);
    refused(node.delete(&admin, &path_of(first)).await);
    node.delete(&admin, &path_of(second)).await.expect(204);
    node.post(&admin, &format!("{}/roles", path_of(third)), json!({ "role": "admin" }))
        .await
        .expect(200);
    node.delete(&admin, &role).await.expect(204);
    refused(node.delete(&admin, &path_of(third)).await);
}

#[tokio::test]
async fn an_unknown_or_wrong_setting_stops_the_start() {
    let roles = FakeRoles::default();
    let node = builder(&roles).settings(json!({ "default_role": "worker" })).start().await;
    let id = id_of(&sign_up(&node, "ada@example.org").await);
    super::wait_for_roles(&node, id, &["worker"]).await;
    for wrong in [json!({ "default_role": "No Role" }), json!({ "colour": "red" })] {
        let node = tokio::spawn(builder(&roles).settings(wrong).start());
        assert!(node.await.is_err(), "started all the same");
    }
}
