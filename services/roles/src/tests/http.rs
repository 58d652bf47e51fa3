use http::Method;
use insta::assert_json_snapshot;
use serde_json::json;
use testkit::Caller;

use super::node;

const ROLES: &str = "/api/v1/roles";

#[tokio::test]
async fn creating_a_role_announces_it() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let role = json!({ "name": "stage-hand", "description": "Carries", "permissions": ["events:read:own"] });
    let created = node.post(&admin, ROLES, role).await.expect(201);
    assert_json_snapshot!(created.body, { ".createdAt" => "[time]", ".updatedAt" => "[time]" }, @r#"
    {
      "name": "stage-hand",
      "description": "Carries",
      "permissions": [
        "events:read:own"
      ],
      "builtIn": false,
      "holders": 0,
      "createdAt": "[time]",
      "updatedAt": "[time]"
    }
    "#);
    assert_json_snapshot!(node.published().await, @r#"
    [
      [
        "role.created",
        {
          "name": "stage-hand",
          "permissions": [
            "events:read:own"
          ]
        }
      ]
    ]
    "#);
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let role = json!({ "name": "stage-hand", "permissions": ["events:read:own"] });
    node.post(&admin, ROLES, role.clone()).await.expect(201);
    node.post(&admin, ROLES, role).await.expect_problem(409, "role_name_taken");
    assert_eq!(node.published_kinds().await, ["role.created"]);
}

#[tokio::test]
async fn wrong_input_is_explained_and_changes_nothing() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let wrong = json!({ "name": "Stage Hand", "permissions": ["events:fly"] });
    let problem = node.post(&admin, ROLES, wrong).await.expect_problem(422, "invalid_values");
    let fields: Vec<_> = problem.body["errors"].as_array().expect("errors").iter().collect();
    assert_eq!(fields.len(), 2, "{}", problem.body);
    let unknown = json!({ "name": "a", "permissions": ["events:read"], "builtIn": true });
    node.post(&admin, ROLES, unknown).await.expect_problem(400, "malformed_request");
    node.post(&admin, ROLES, json!("text")).await.expect_problem(400, "malformed_request");
    let null = json!({ "description": null });
    node.patch(&admin, "/api/v1/roles/member", null).await.expect_problem(422, "invalid_values");
    assert!(node.published().await.is_empty());
}

#[tokio::test]
async fn a_change_based_on_an_old_version_is_refused() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let role = json!({ "name": "stage-hand", "permissions": ["events:read:own"] });
    let created = node.post(&admin, ROLES, role).await.expect(201);
    let path = "/api/v1/roles/stage-hand";
    let change = || Some(json!({ "description": "Lifts" }));
    let if_match = [("if-match", created.etag())];
    let changed = node.send(&admin, Method::PATCH, path, change(), &if_match).await.expect(200);
    assert_eq!((changed.etag(), changed.text("description")), ("\"2\"", "Lifts"));
    node.send(&admin, Method::PATCH, path, change(), &if_match)
        .await
        .expect_problem(412, "stale_version");
    node.send(&admin, Method::DELETE, path, None, &if_match)
        .await
        .expect_problem(412, "stale_version");
}

#[tokio::test]
async fn built_in_roles_are_there_and_stay() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let member = node.get(&admin, "/api/v1/roles/member").await.expect(200);
    assert_eq!(member.body["builtIn"], true);
    node.delete(&admin, "/api/v1/roles/member").await.expect_problem(409, "role_built_in");
    let change = json!({ "permissions": ["events:read"] });
    node.patch(&admin, "/api/v1/roles/admin", change).await.expect_problem(409, "role_built_in");
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let node = node().await;
    let member = node.caller(&[("member", None)]);
    let mut names = vec![];
    let mut path = format!("{ROLES}?limit=4");
    loop {
        let page = node.get(&member, &path).await.expect(200);
        names.extend(
            page.items().iter().map(|role| role["name"].as_str().expect("a name").to_owned()),
        );
        let Some(cursor) = page.body["nextCursor"].as_str() else { break };
        path = format!("{ROLES}?limit=4&cursor={cursor}");
    }
    assert_eq!(names.len(), contracts::permissions::BUILT_IN_ROLES.len());
    assert!(names.is_sorted());
}

#[tokio::test]
async fn only_administrators_define_roles() {
    let node = node().await;
    let role = json!({ "name": "boss", "permissions": ["users:read"] });
    let nobody = Caller::anonymous();
    node.post(&nobody, ROLES, role.clone()).await.expect_problem(401, "unauthenticated");
    node.get(&nobody, ROLES).await.expect_problem(401, "unauthenticated");
    let member = node.caller(&[("member", None)]);
    node.post(&member, ROLES, role).await.expect_problem(403, "not_permitted");
    node.delete(&member, "/api/v1/roles/member").await.expect_problem(403, "not_permitted");
}

#[tokio::test]
async fn what_is_done_to_a_role_is_on_record_with_what_it_permits() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let role = json!({ "name": "stage-hand", "permissions": ["events:read:own", "users:read"] });
    node.post(&admin, ROLES, role.clone()).await.expect(201);
    // Fails at the unique name, after it was noted in the same transaction.
    node.post(&admin, ROLES, role).await.expect(409);
    let change = json!({ "permissions": ["events:read:own", "events:update:own"] });
    node.patch(&admin, "/api/v1/roles/stage-hand", change).await.expect(200);
    node.delete(&admin, "/api/v1/roles/stage-hand").await.expect(204);
    let told = node.audited().await;
    let actions: Vec<_> = told.iter().map(|record| record.action.as_str()).collect();
    assert_eq!(actions, ["roles:create", "roles:update", "roles:delete"]);
    assert_eq!(told[1].details["permitsNow"], json!(["events:update:own"]));
    assert_eq!(told[1].details["permitsNoMore"], json!(["users:read"]));
    assert!(told.iter().all(|record| record.by.id == Some(admin.user_id.to_string())));
}
