use contracts::grpc::users::users_client::UsersClient;
use contracts::grpc::users::{
    AuthenticateLinkRequest, AuthenticatePasskeyRequest, AuthenticateRequest, BeginPasskeyRequest,
    GetUserRequest, GrantRoleRequest,
};
use contracts::ids::{CustomerId, UserId};
use serde_json::json;
use testkit::{Caller, TestNode};
use tonic::{Code, Status};

use super::{PASSWORD, id_of, make_administrator, node, path_of, published, sign_up};

async fn authenticate(
    node: &TestNode,
    caller: &Caller,
    email: &str,
    password: &str,
) -> Result<contracts::grpc::users::User, Status> {
    let request = AuthenticateRequest {
        email: email.into(),
        password: password.into(),
        ..Default::default()
    };
    let mut client = UsersClient::new(node.channel());
    Ok(client.authenticate(node.grpc_request(caller, request)).await?.into_inner())
}

#[tokio::test]
async fn who_signs_in_is_found_however_the_address_is_typed() {
    let node = node().await;
    let tokens = node.service_caller("tokens");
    let id = make_administrator(&node, "ada@example.org").await;
    let user = authenticate(&node, &tokens, " ADA@example.org", PASSWORD).await.expect("signed in");
    assert_eq!((user.id, user.is_active), (id.to_string(), true));
    assert_eq!((user.roles[0].role.as_str(), user.roles[0].customer_id.as_str()), ("admin", ""));
}

#[tokio::test]
async fn c26_unknown_wrong_and_disabled_are_answered_alike() {
    let node = node().await;
    let tokens = node.service_caller("tokens");
    sign_up(&node, "ada@example.org").await;
    let disabled = id_of(&sign_up(&node, "grace@example.org").await);
    let admin = node.caller(&[("admin", None)]);
    node.patch(&admin, &path_of(disabled), json!({ "isActive": false })).await.expect(200);
    let long = "x".repeat(100_000);
    let attempts = [
        ("ada@example.org", "wrong password"),
        ("ada@example.org", ""),
        ("ada@example.org", &long),
        ("grace@example.org", PASSWORD),
        ("eve@example.org", PASSWORD),
        ("not an address", PASSWORD),
        ("a\u{0}@b", PASSWORD),
        ("", ""),
    ];
    for (email, password) in attempts {
        let refused = authenticate(&node, &tokens, email, password).await.expect_err("refused");
        let code = refused.metadata().get("backline-code").expect("a code").to_str().expect("text");
        assert_eq!((refused.code(), code), (Code::Unauthenticated, "bad_credentials"), "{email:?}");
        let words =
            "e-mail address and password do not belong together, or the account is disabled";
        assert_eq!(refused.message(), words);
    }
}

#[tokio::test]
async fn only_the_tokens_service_signs_anybody_in() {
    let node = node().await;
    sign_up(&node, "ada@example.org").await;
    let others = [
        (Caller::anonymous(), Code::Unauthenticated),
        (node.caller(&[("member", None)]), Code::PermissionDenied),
        (node.caller(&[("admin", None)]), Code::PermissionDenied),
        (node.service_caller("customers"), Code::PermissionDenied),
    ];
    for (caller, code) in others {
        let refused = authenticate(&node, &caller, "ada@example.org", PASSWORD).await;
        assert_eq!(refused.expect_err("refused").code(), code);
        let mut users = UsersClient::new(node.channel());
        let begun = users.begin_passkey(node.grpc_request(&caller, BeginPasskeyRequest {})).await;
        assert_eq!(begun.expect_err("refused").code(), code);
        let request = node.grpc_request(&caller, AuthenticatePasskeyRequest::default());
        assert_eq!(users.authenticate_passkey(request).await.expect_err("refused").code(), code);
        let request = node.grpc_request(&caller, AuthenticateLinkRequest::default());
        assert_eq!(users.authenticate_link(request).await.expect_err("refused").code(), code);
    }
}

#[tokio::test]
async fn services_read_accounts_and_people_their_own() {
    let node = node().await;
    let id = id_of(&sign_up(&node, "ada@example.org").await);
    let mut client = UsersClient::new(node.channel());
    let request = |id: String| GetUserRequest { user_id: id };
    let tokens = node.service_caller("tokens");
    let user =
        client.get_user(node.grpc_request(&tokens, request(id.to_string()))).await.expect("found");
    assert_eq!(user.into_inner().email, "ada@example.org");
    let nobody = request(UserId::new().to_string());
    let missing = client.get_user(node.grpc_request(&tokens, nobody)).await.expect_err("none");
    assert_eq!(missing.code(), Code::NotFound);
    let malformed = client.get_user(node.grpc_request(&tokens, request("x".into()))).await;
    assert_eq!(malformed.expect_err("no id").code(), Code::InvalidArgument);
    let ada = node.caller_with_id(id, &[("member", None)]);
    assert!(client.get_user(node.grpc_request(&ada, request(id.to_string()))).await.is_ok());
    let other = node.caller(&[("member", None)]);
    let refused = client.get_user(node.grpc_request(&other, request(id.to_string()))).await;
    assert_eq!(refused.expect_err("refused").code(), Code::PermissionDenied);
}

#[tokio::test]
async fn the_customers_service_grants_roles_and_nobody_else_does() {
    let node = node().await;
    let id = id_of(&sign_up(&node, "ada@example.org").await);
    let customer = CustomerId::new();
    let mut client = UsersClient::new(node.channel());
    let request = |role: &str, customer_id: &str| GrantRoleRequest {
        user_id: id.to_string(),
        role: role.into(),
        customer_id: customer_id.into(),
    };
    let customers = node.service_caller("customers");
    for _ in 0..2 {
        let message = request("organiser-admin", &customer.to_string());
        let user =
            client.grant_role(node.grpc_request(&customers, message)).await.expect("granted");
        let user = user.into_inner();
        assert_eq!((user.roles.len(), user.customer_id), (1, customer.to_string()));
    }
    let nil = "00000000-0000-0000-0000-000000000000";
    for (role, customer) in [("ghost", ""), ("No Role", ""), ("door", "x"), ("admin", nil)] {
        let wrong = client.grant_role(node.grpc_request(&customers, request(role, customer))).await;
        assert_eq!(wrong.expect_err("refused").code(), Code::InvalidArgument, "{role} {customer}");
    }
    for caller in [node.caller(&[("admin", None)]), node.service_caller("tokens")] {
        let refused = client.grant_role(node.grpc_request(&caller, request("door", ""))).await;
        assert_eq!(refused.expect_err("refused").code(), Code::PermissionDenied);
    }
    let kinds = published(&node, "role.assigned").await;
    assert!((1..=2).contains(&kinds), "one, and perhaps the default role by now");
}
