mod founding;

use http::Method;
use insta::assert_json_snapshot;
use serde_json::json;
use testkit::{Caller, TestNode};

use super::{CUSTOMERS, festival, id_of, node, path_of};

#[tokio::test]
async fn an_administrator_enters_a_customer_for_others() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let customer = json!({
        "name": " Northern Lights ", "orgNumber": "556677-8899", "address": "Main Street 1\nOslo",
        "email": "office@nl.example", "phone": "+46 8 123", "customerType": "crewCompany",
    });
    let created = node.post(&admin, CUSTOMERS, customer).await.expect(201);
    assert_eq!(created.etag(), "\"1\"");
    let id = created.text("id").to_owned();
    assert_json_snapshot!(
        created.body,
        { ".id" => "[id]", ".createdAt" => "[time]", ".updatedAt" => "[time]" },
        @r#"
        {
          "id": "[id]",
          "name": "Northern Lights",
          "orgNumber": "556677-8899",
          "address": "Main Street 1\nOslo",
          "email": "office@nl.example",
          "phone": "+46 8 123",
          "customerType": "crewCompany",
          "isActive": true,
          "createdAt": "[time]",
          "updatedAt": "[time]"
        }
        "#
    );
    let published = node.published().await;
    assert_eq!(published[0].1["customerId"], id);
    assert_json_snapshot!(published, { "[][1].customerId" => "[id]" }, @r#"
    [
      [
        "customer.created",
        {
          "customerId": "[id]",
          "name": "Northern Lights",
          "customerType": "crewCompany",
          "founderId": null,
          "founderRole": null
        }
      ]
    ]
    "#);
}

#[tokio::test]
async fn what_is_not_given_is_null_and_a_patch_gives_and_removes_it() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let mut customer = festival("55 66");
    customer["email"] = json!(null);
    customer["phone"] = json!("");
    let created = node.post(&admin, CUSTOMERS, customer).await.expect(201);
    assert_eq!((&created.body["address"], &created.body["email"]), (&json!(null), &json!(null)));
    assert_eq!(created.body["phone"], json!(null));
    let path = path_of(&created);
    let change =
        json!({ "name": "Southern Lights", "orgNumber": "77", "address": "Here", "phone": "1" });
    let changed = node.patch(&admin, &path, change).await.expect(200);
    assert_eq!((changed.text("name"), changed.text("orgNumber")), ("Southern Lights", "77"));
    assert_eq!((changed.text("address"), changed.text("phone")), ("Here", "1"));
    let change = json!({ "address": null, "phone": "", "isActive": false });
    let changed = node.patch(&admin, &path, change).await.expect(200);
    assert_eq!((&changed.body["address"], &changed.body["phone"]), (&json!(null), &json!(null)));
    assert_eq!((changed.etag(), &changed.body["isActive"]), ("\"3\"", &json!(false)));
    assert_eq!(node.get(&admin, &path).await.expect(200).body, changed.body);
    let (kind, data) = node.published().await.pop().expect("a message");
    assert_eq!((kind.as_str(), &data["name"]), ("customer.updated", &json!("Southern Lights")));
    assert_eq!((&data["isActive"], &data["customerType"]), (&json!(false), &json!("organiser")));
}

#[tokio::test]
async fn an_organisation_number_is_taken_once_however_it_is_typed() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    node.post(&admin, CUSTOMERS, festival("AB 55-66")).await.expect(201);
    let same = festival("ab5566");
    node.post(&admin, CUSTOMERS, same).await.expect_problem(409, "org_number_taken");
    let other = node.post(&admin, CUSTOMERS, festival("77")).await.expect(201);
    let change = json!({ "orgNumber": "a-b 5566" });
    node.patch(&admin, &path_of(&other), change).await.expect_problem(409, "org_number_taken");
    let respelled = json!({ "orgNumber": "7 7" });
    let changed = node.patch(&admin, &path_of(&other), respelled).await.expect(200);
    assert_eq!(changed.text("orgNumber"), "7 7");
    let kinds = ["customer.created", "customer.created", "customer.updated"];
    assert_eq!(node.published_kinds().await, kinds);
}

#[tokio::test]
async fn wrong_input_is_explained_and_changes_nothing() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let wrong = json!({
        "name": "a\u{0}b", "orgNumber": "-", "address": "a".repeat(501), "email": "nobody",
        "phone": "call me", "customerType": "venue",
    });
    let problem = node.post(&admin, CUSTOMERS, wrong).await.expect_problem(422, "invalid_values");
    let errors = problem.body["errors"].as_array().expect("errors");
    let fields: Vec<_> =
        errors.iter().map(|error| error["field"].as_str().expect("a field")).collect();
    assert_eq!(fields, ["name", "orgNumber", "address", "email", "phone", "customerType"]);
    for malformed in [
        json!("text"),
        json!({ "name": "a" }),
        json!({ "name": 1, "orgNumber": "55", "customerType": "organiser" }),
        json!({ "name": "a", "orgNumber": "55", "customerType": "organiser", "isActive": true }),
    ] {
        node.post(&admin, CUSTOMERS, malformed).await.expect_problem(400, "malformed_request");
    }
    assert!(node.published().await.is_empty());
}

#[tokio::test]
async fn a_wrong_change_is_explained_and_changes_nothing() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let created = node.post(&admin, CUSTOMERS, festival("55")).await.expect(201);
    let path = path_of(&created);
    for invalid in [
        json!({ "name": null }),
        json!({ "name": "" }),
        json!({ "orgNumber": null }),
        json!({ "orgNumber": "\u{0}\u{0}" }),
        json!({ "email": "a@b@c" }),
        json!({ "phone": "\u{0}" }),
        json!({ "address": "\u{0}" }),
        json!({ "isActive": null }),
    ] {
        node.patch(&admin, &path, invalid).await.expect_problem(422, "invalid_values");
    }
    for malformed in [
        json!({ "customerType": "crewCompany" }),
        json!({ "isActive": "no" }),
        json!({ "name": 7 }),
        json!("text"),
    ] {
        node.patch(&admin, &path, malformed).await.expect_problem(400, "malformed_request");
    }
    assert_eq!(node.get(&admin, &path).await.expect(200).body, created.body);
    assert_eq!(node.published_kinds().await, ["customer.created"]);
}

#[tokio::test]
async fn a_path_or_query_that_cannot_be_read_is_refused() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    for id in ["1", "%00", "not-a-uuid", &"9".repeat(500)] {
        let path = format!("{CUSTOMERS}/{id}");
        node.get(&admin, &path).await.expect_problem(400, "malformed_request");
        node.patch(&admin, &path, json!({})).await.expect_problem(400, "malformed_request");
        node.delete(&admin, &path).await.expect_problem(400, "malformed_request");
    }
    for query in [
        "limit=x",
        "limit=-1",
        "limit=99999999999999999999",
        "isActive=maybe",
        "cursor=x",
        "cursor=IiI",
    ] {
        let path = format!("{CUSTOMERS}?{query}");
        node.get(&admin, &path).await.expect_problem(400, "malformed_request");
    }
    let long = format!("q={}", "a".repeat(201));
    for query in ["limit=0", "limit=201", "q=%00", "customerType=venue", &long] {
        let path = format!("{CUSTOMERS}?{query}");
        node.get(&admin, &path).await.expect_problem(422, "invalid_values");
    }
}

#[tokio::test]
async fn a_change_based_on_an_old_version_is_refused() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let created = node.post(&admin, CUSTOMERS, festival("55")).await.expect(201);
    let path = path_of(&created);
    let change = || Some(json!({ "name": "Lights" }));
    let if_match = [("if-match", created.etag())];
    let changed = node.send(&admin, Method::PATCH, &path, change(), &if_match).await.expect(200);
    assert_eq!((changed.etag(), changed.text("name")), ("\"2\"", "Lights"));
    node.send(&admin, Method::PATCH, &path, change(), &if_match)
        .await
        .expect_problem(412, "stale_version");
    node.send(&admin, Method::DELETE, &path, None, &if_match)
        .await
        .expect_problem(412, "stale_version");
    let if_match = [("if-match", changed.etag())];
    node.send(&admin, Method::DELETE, &path, None, &if_match).await.expect(204);
}

#[tokio::test]
async fn deleting_a_customer_announces_it_and_frees_its_number() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let created = node.post(&admin, CUSTOMERS, festival("55")).await.expect(201);
    let path = path_of(&created);
    node.delete(&admin, &path).await.expect(204);
    for gone in [node.get(&admin, &path).await, node.delete(&admin, &path).await] {
        gone.expect_problem(404, "customer_not_found");
    }
    node.patch(&admin, &path, json!({})).await.expect_problem(404, "customer_not_found");
    let (kind, data) = node.published().await.pop().expect("a message");
    assert_eq!(
        (kind.as_str(), data),
        ("customer.deleted", json!({ "customerId": created.text("id") }))
    );
    node.post(&admin, CUSTOMERS, festival("5-5")).await.expect(201);
}

#[tokio::test]
async fn nobody_in_particular_is_told_nothing() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let created = node.post(&admin, CUSTOMERS, festival("55")).await.expect(201);
    let (path, nobody) = (path_of(&created), Caller::anonymous());
    for answer in [
        node.get(&nobody, CUSTOMERS).await,
        node.post(&nobody, CUSTOMERS, festival("66")).await,
        node.get(&nobody, &path).await,
        node.patch(&nobody, &path, json!({ "name": "Mine" })).await,
        node.delete(&nobody, &path).await,
    ] {
        answer.expect_problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn its_people_see_a_customer_and_only_its_administrator_changes_it() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let created = node.post(&admin, CUSTOMERS, festival("55")).await.expect(201);
    let (path, customer) = (path_of(&created), Some(id_of(&created)));
    for role in ["organiser-admin", "organiser-member", "crew-admin"] {
        let own = node.caller(&[(role, customer)]);
        node.get(&own, &path).await.expect(200);
        node.delete(&own, &path).await.expect_problem(403, "not_permitted");
        node.post(&own, CUSTOMERS, festival("66")).await.expect_problem(403, "not_permitted");
        let status = if role == "organiser-admin" { 200 } else { 403 };
        node.patch(&own, &path, json!({ "name": "Lights" })).await.expect(status);
        let switched_off = json!({ "name": "Lights", "isActive": false });
        node.patch(&own, &path, switched_off).await.expect_problem(403, "not_permitted");
    }
    for role in ["crew-member", "door", "member"] {
        let own = node.caller(&[(role, customer)]);
        node.get(&own, &path).await.expect_problem(403, "not_permitted");
    }
}

#[tokio::test]
async fn a_customer_of_others_is_forbidden_and_one_that_is_not_looks_the_same() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let created = node.post(&admin, CUSTOMERS, festival("55")).await.expect(201);
    let other = node.post(&admin, CUSTOMERS, festival("66")).await.expect(201);
    let foreign = node.caller(&[("organiser-admin", Some(id_of(&other)))]);
    let nothing = format!("{CUSTOMERS}/{}", contracts::ids::CustomerId::new());
    for path in [path_of(&created), nothing] {
        for answer in [
            node.get(&foreign, &path).await,
            node.patch(&foreign, &path, json!({ "name": "Mine" })).await,
            node.delete(&foreign, &path).await,
        ] {
            answer.expect_problem(403, "not_permitted");
        }
    }
    assert_eq!(names(&node, &foreign, "").await.len(), 1);
    assert_eq!(names(&node, &admin, "").await.len(), 2);
    assert!(names(&node, &node.caller(&[("member", None)]), "").await.is_empty());
}

/// The names in the whole list, page by page.
async fn names(node: &TestNode, caller: &Caller, filter: &str) -> Vec<String> {
    let (mut names, mut cursor) = (vec![], String::new());
    loop {
        let page =
            node.get(caller, &format!("{CUSTOMERS}?limit=2&{filter}{cursor}")).await.expect(200);
        names.extend(
            page.items().iter().map(|row| row["name"].as_str().expect("a name").to_owned()),
        );
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return names,
        }
    }
}

#[tokio::test]
async fn a_list_is_read_page_by_page_and_filtered() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let rows = [
        ("Åland Sound", "organiser"),
        ("100% Live", "organiser"),
        ("Stage_Hands", "crewCompany"),
        ("Sound!", "crewCompany"),
        ("Lights", "organiser"),
    ];
    for (number, (name, customer_type)) in (10..).zip(rows) {
        let customer =
            json!({ "name": name, "orgNumber": number.to_string(), "customerType": customer_type });
        let created = node.post(&admin, CUSTOMERS, customer).await.expect(201);
        let change = json!({ "isActive": name != "Lights" });
        node.patch(&admin, &path_of(&created), change).await.expect(200);
    }
    for (filter, expected) in [
        ("", vec!["Åland Sound", "100% Live", "Stage_Hands", "Sound!", "Lights"]),
        ("q=SOUND", vec!["Åland Sound", "Sound!"]),
        ("q=%C3%A5LAND", vec!["Åland Sound"]),
        ("q=%25", vec!["100% Live"]),
        ("q=_", vec!["Stage_Hands"]),
        ("q=!", vec!["Sound!"]),
        ("q=", vec!["Åland Sound", "100% Live", "Stage_Hands", "Sound!", "Lights"]),
        ("q=%27%3B--", vec![]),
        ("customerType=crewCompany", vec!["Stage_Hands", "Sound!"]),
        ("isActive=false", vec!["Lights"]),
        ("q=s&customerType=organiser&isActive=true", vec!["Åland Sound"]),
    ] {
        assert_eq!(names(&node, &admin, filter).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn what_is_done_to_a_customer_is_on_record() {
    let node = node().await;
    let (member, admin) = (node.caller(&[("member", None)]), node.caller(&[("admin", None)]));
    let founded = node.post(&member, CUSTOMERS, festival("10")).await.expect(201);
    let path = path_of(&founded);
    let change = json!({ "phone": "+46 8 123", "address": "Pier 1" });
    node.patch(&admin, &path, change).await.expect(200);
    node.delete(&admin, &path).await.expect(204);
    let told = node.audited().await;
    let actions: Vec<_> = told.iter().map(|record| record.action.as_str()).collect();
    assert_eq!(actions, ["customers:found", "customers:update", "customers:delete"]);
    assert_eq!(told[0].by.id, Some(member.user_id.to_string()));
    assert_eq!(told[1].details["fields"], json!(["address", "phone"]));
    assert!(told.iter().all(|record| record.customer_id == Some(id_of(&founded))));
}
