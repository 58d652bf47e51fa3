use contracts::ids::{CustomerId, UserId};
use contracts::permissions::{BUILT_IN_ROLES, PERMISSIONS};
use insta::assert_json_snapshot;
use jiff::Timestamp;
use policies::RoleBook;
use serde_json::json;
use testkit::Caller;

use super::{id_of, node, path_of, sign_up, sign_up_for, wait_for_roles};
use crate::domain::explanation::{Question, RolePermissions, explain};
use crate::domain::{Email, Grant, NewUser, RoleName, User, UserType};

fn roles() -> Vec<RolePermissions> {
    let parsed = |text: &&str| text.parse().expect("a permission");
    let role = |role: &contracts::permissions::BuiltInRole| RolePermissions {
        role: RoleName::stored(role.name.to_owned()),
        permissions: role.permissions.iter().map(parsed).collect(),
    };
    BUILT_IN_ROLES.iter().map(role).collect()
}

fn holder(grants: &[Grant]) -> User {
    let new_user = NewUser {
        email: Email::parse("ada@example.org").expect("an address"),
        first_name: "Ada".into(),
        last_name: "Byron".into(),
        user_type: UserType::CustomerUser,
        customer_id: None,
    };
    let user = User::new(UserId::new(), new_user, Timestamp::UNIX_EPOCH);
    grants.iter().fold(user, |user, grant| user.with_role(grant.clone(), Timestamp::UNIX_EPOCH))
}

/// Every role in every place, asked about every permission in every place.
#[test]
fn the_explanation_is_what_the_decision_is_made_from() {
    let book = RoleBook::default();
    for RolePermissions { role, permissions } in roles() {
        book.set(role.as_str(), permissions);
    }
    let (here, there) = (CustomerId::new(), CustomerId::new());
    for known in roles() {
        for held_in in [None, Some(here)] {
            let grant = Grant::new(known.role.clone(), held_in);
            let user = holder(std::slice::from_ref(&grant));
            let grant =
                policies::Grant { role: known.role.to_string(), customer: held_in.map(Into::into) };
            let holdings = book.holdings(&[grant]);
            for (permission, _) in PERMISSIONS {
                let reach = holdings.reach(permission);
                for customer in [None, Some(here), Some(there)] {
                    let permission = (*permission).to_owned();
                    let question = Question { permission: permission.clone(), customer };
                    let explanation = explain(&user, &roles(), question);
                    let reaches = |customer: CustomerId| reach.customers.contains(&customer.0);
                    let is_permitted = reach.everywhere || customer.is_some_and(reaches);
                    let asked =
                        format!("{} in {held_in:?}: {permission} in {customer:?}", known.role);
                    assert_eq!(explanation.is_permitted, is_permitted, "{asked}");
                    let for_own = is_permitted || reach.itself;
                    assert_eq!(explanation.is_permitted_for_own, for_own, "{asked}");
                    assert_eq!(explanation.remedies.is_empty(), is_permitted, "{asked}");
                    // What is said to help does help.
                    for remedy in explanation.remedies {
                        let helped = holder(&[remedy]);
                        let question = Question { permission: permission.clone(), customer };
                        assert!(explain(&helped, &roles(), question).is_permitted, "{asked}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn an_administrator_is_told_why_somebody_may_do_something_and_what_would_help_if_not() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let vera = id_of(&sign_up(&node, "vera@example.org").await);
    wait_for_roles(&node, vera, &["member"]).await;
    let customer = CustomerId::new();
    let door = json!({ "role": "door", "customerId": customer });
    node.post(&admin, &format!("{}/roles", path_of(vera)), door).await.expect(200);

    let ask = |query: String| {
        let path = format!("{}/permissions/explanation?{query}", path_of(vera));
        let (node, admin) = (&node, &admin);
        async move { node.get(admin, &path).await }
    };
    let may = ask(format!("permission=tickets:check-in&customerId={customer}")).await.expect(200);
    assert_json_snapshot!(may.body, { ".userId" => "[id]", ".customerId" => "[id]", ".sources[].customerId" => "[id]" }, @r#"
    {
      "userId": "[id]",
      "permission": "tickets:check-in",
      "customerId": "[id]",
      "isActive": true,
      "isPermitted": true,
      "isPermittedForOwn": true,
      "sources": [
        {
          "role": "door",
          "customerId": "[id]",
          "listed": "tickets:check-in:own",
          "reach": "customer",
          "isEnough": true
        }
      ],
      "remedies": []
    }
    "#);

    let elsewhere = CustomerId::new();
    let may_not = ask(format!("permission=tickets:check-in&customerId={elsewhere}")).await;
    let may_not = may_not.expect(200).body;
    assert_eq!(may_not["isPermitted"], false);
    assert_eq!(may_not["sources"][0]["isEnough"], false);
    let remedies = may_not["remedies"].as_array().expect("remedies");
    assert!(remedies.contains(&json!({ "role": "door", "customerId": elsewhere })), "{remedies:?}");
    assert!(!remedies.iter().any(|remedy| remedy["role"] == "member"), "{remedies:?}");

    let own = ask("permission=orders:read".into()).await.expect(200).body;
    assert_eq!((&own["isPermitted"], &own["isPermittedForOwn"]), (&json!(false), &json!(true)));

    node.patch(&admin, &path_of(vera), json!({ "isActive": false })).await.expect(200);
    let disabled = ask(format!("permission=tickets:check-in&customerId={customer}")).await;
    let disabled = disabled.expect(200).body;
    assert_eq!((&disabled["isActive"], &disabled["isPermitted"]), (&json!(false), &json!(false)));
    assert_eq!(disabled["remedies"], json!([]), "no role helps a disabled account");
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_refused_and_nobody_else_may_ask() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let customer = CustomerId::new();
    let vera = id_of(&sign_up_for(&node, "vera@example.org", customer).await);
    let path = format!("{}/permissions/explanation", path_of(vera));
    let ghost = format!("{path}?permission=events:fly");
    node.get(&admin, &ghost).await.expect_problem(422, "invalid_values");
    node.get(&admin, &path).await.expect_problem(400, "malformed_request");
    let fine = format!("{path}?permission=events:update");
    node.get(&Caller::anonymous(), &fine).await.expect_problem(401, "unauthenticated");
    let organiser = node.caller(&[("organiser-admin", Some(customer))]);
    node.get(&organiser, &fine).await.expect_problem(403, "not_permitted");
    let herself = node.caller_with_id(vera, &[("member", None)]);
    node.get(&herself, &fine).await.expect_problem(403, "not_permitted");
    let nobody = path_of(UserId::new());
    let nobody = format!("{nobody}/permissions/explanation?permission=events:update");
    node.get(&admin, &nobody).await.expect(404);
}
