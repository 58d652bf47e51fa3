use contracts::grpc::roles::roles_client::RolesClient;
use contracts::grpc::roles::{FindRoleRequest, ListRolesRequest};
use testkit::Caller;
use tonic::Code;

use super::node;

#[tokio::test]
async fn services_find_roles_by_name() {
    let node = node().await;
    let users = node.service_caller("users");
    let mut client = RolesClient::new(node.channel());
    let find = |name: &str| node.grpc_request(&users, FindRoleRequest { name: name.into() });
    let member = client.find_role(find("member")).await.expect("the role").into_inner();
    assert!(member.permissions.contains(&"orders:create:self".to_owned()));
    let missing = client.find_role(find("ghost")).await.expect_err("no such role");
    assert_eq!(missing.code(), Code::NotFound);
}

#[tokio::test]
async fn nobody_in_particular_is_told_nothing() {
    let node = node().await;
    let mut client = RolesClient::new(node.channel());
    let anonymous = node.grpc_request(&Caller::anonymous(), ListRolesRequest {});
    let refused = client.list_roles(anonymous).await.expect_err("refused");
    assert_eq!(refused.code(), Code::Unauthenticated);
    let forged = Caller { token: Some("forged".into()), ..Caller::anonymous() };
    let refused = client.list_roles(node.grpc_request(&forged, ListRolesRequest {})).await;
    assert_eq!(refused.expect_err("refused").code(), Code::Unauthenticated);
}
