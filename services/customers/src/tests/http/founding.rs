//! Members who found a customer of their own.

use std::sync::{Arc, Mutex};

use contracts::grpc::users::users_server::{Users, UsersServer};
use contracts::grpc::users::{
    AuthenticateLinkRequest, AuthenticatePasskeyRequest, AuthenticateRequest, BeginPasskeyRequest,
    GetUserRequest, GrantRoleRequest, PasskeyChallenge, User,
};
use insta::assert_json_snapshot;
use policies::Principal;
use serde_json::json;
use service_kit::calls::actor_of;
use testkit::{TestNode, TestNodeBuilder};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::domain::FOUNDED_MAX;
use crate::tests::{CUSTOMERS, festival, node, path_of};

/// Stands for `users`: notes which roles it was told to give, and by whom.
#[derive(Clone, Default)]
struct UsersStub {
    granted: Arc<Mutex<Vec<(Principal, GrantRoleRequest)>>>,
}

#[tonic::async_trait]
impl Users for UsersStub {
    async fn authenticate(
        &self,
        _: Request<AuthenticateRequest>,
    ) -> Result<Response<User>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    async fn get_user(&self, _: Request<GetUserRequest>) -> Result<Response<User>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    async fn begin_passkey(
        &self,
        _: Request<BeginPasskeyRequest>,
    ) -> Result<Response<PasskeyChallenge>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    async fn authenticate_passkey(
        &self,
        _: Request<AuthenticatePasskeyRequest>,
    ) -> Result<Response<User>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    async fn authenticate_link(
        &self,
        _: Request<AuthenticateLinkRequest>,
    ) -> Result<Response<User>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    async fn grant_role(
        &self,
        request: Request<GrantRoleRequest>,
    ) -> Result<Response<User>, Status> {
        let caller = actor_of(&request)?.principal().clone();
        self.granted.lock().expect("a lock").push((caller, request.into_inner()));
        Ok(Response::new(User::default()))
    }
}

fn builder() -> TestNodeBuilder {
    TestNode::builder("customers", crate::start, crate::MIGRATIONS)
}

#[tokio::test]
async fn a_member_founds_a_customer_and_is_made_its_administrator() {
    let users = UsersStub::default();
    let node = builder().stub("users", Routes::new(UsersServer::new(users.clone()))).start().await;
    let member = node.caller(&[("member", None)]);
    let mut crew = festival("66");
    crew["customerType"] = json!("crewCompany");
    let organiser = node.post(&member, CUSTOMERS, festival("55")).await.expect(201);
    let company = node.post(&member, CUSTOMERS, crew).await.expect(201);
    let granted = users.granted.lock().expect("a lock").clone();
    let expected =
        [(organiser, "organiser-admin"), (company, "crew-admin")].map(|(customer, role)| {
            let request = GrantRoleRequest {
                user_id: member.user_id.to_string(),
                role: role.to_owned(),
                customer_id: customer.text("id").to_owned(),
            };
            (Principal::Service("customers".into()), request)
        });
    assert_eq!(granted, expected);
    let published = node.published().await;
    assert_eq!(published[0].1["founderId"], member.user_id.to_string());
    assert_json_snapshot!(
        published,
        { "[][1].customerId" => "[id]", "[][1].founderId" => "[founder]" },
        @r#"
        [
          [
            "customer.created",
            {
              "customerId": "[id]",
              "name": "Northern Lights",
              "customerType": "organiser",
              "founderId": "[founder]",
              "founderRole": "organiser-admin"
            }
          ],
          [
            "customer.created",
            {
              "customerId": "[id]",
              "name": "Northern Lights",
              "customerType": "crewCompany",
              "founderId": "[founder]",
              "founderRole": "crew-admin"
            }
          ]
        ]
        "#
    );
}

#[tokio::test]
async fn a_customer_is_founded_also_while_users_is_away() {
    let node = node().await;
    let member = node.caller(&[("member", None)]);
    node.post(&member, CUSTOMERS, festival("55")).await.expect(201);
    assert_eq!(node.published().await[0].1["founderRole"], "organiser-admin");
}

#[tokio::test]
async fn nobody_founds_more_than_the_most() {
    let node = node().await;
    let (member, admin) = (node.caller(&[("member", None)]), node.caller(&[("admin", None)]));
    let mut last = None;
    for number in 0..FOUNDED_MAX {
        let customer = festival(&format!("10{number}"));
        last = Some(node.post(&member, CUSTOMERS, customer).await.expect(201));
    }
    let one_more = festival("one more");
    node.post(&member, CUSTOMERS, one_more.clone()).await.expect_problem(409, "too_many_customers");
    node.post(&admin, CUSTOMERS, one_more).await.expect(201);
    node.delete(&admin, &path_of(&last.expect("a customer"))).await.expect(204);
    node.post(&member, CUSTOMERS, festival("after one is gone")).await.expect(201);
    node.post(&member, CUSTOMERS, festival("again"))
        .await
        .expect_problem(409, "too_many_customers");
}

#[tokio::test]
async fn a_refused_founding_is_not_counted() {
    let node = node().await;
    let member = node.caller(&[("member", None)]);
    node.post(&member, CUSTOMERS, festival("55")).await.expect(201);
    for _ in 0..FOUNDED_MAX {
        node.post(&member, CUSTOMERS, festival("5 5"))
            .await
            .expect_problem(409, "org_number_taken");
    }
    node.post(&member, CUSTOMERS, festival("66")).await.expect(201);
}

#[tokio::test]
async fn founding_can_be_switched_off() {
    let node = builder().settings(json!({ "members_may_found": false })).start().await;
    let member = node.caller(&[("member", None)]);
    node.post(&member, CUSTOMERS, festival("55")).await.expect_problem(403, "founding_closed");
    let admin = node.caller(&[("admin", None)]);
    node.post(&admin, CUSTOMERS, festival("55")).await.expect(201);
}

#[tokio::test]
async fn only_members_found() {
    let node = node().await;
    for roles in [&[][..], &[("door", None)], &[("worker", None)]] {
        let caller = node.caller(roles);
        node.post(&caller, CUSTOMERS, festival("55")).await.expect_problem(403, "not_permitted");
    }
    let service = node.service_caller("events");
    node.post(&service, CUSTOMERS, festival("55")).await.expect_problem(403, "not_permitted");
    assert!(node.published().await.is_empty());
}
