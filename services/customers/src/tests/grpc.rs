use contracts::grpc::customers::customers_client::CustomersClient;
use contracts::grpc::customers::{Customer, GetCustomerRequest};
use contracts::ids::CustomerId;
use testkit::{Caller, TestNode};
use tonic::{Code, Status};

use super::{CUSTOMERS, festival, id_of, node};

async fn get_customer(node: &TestNode, caller: &Caller, id: &str) -> Result<Customer, Status> {
    let request = node.grpc_request(caller, GetCustomerRequest { customer_id: id.to_owned() });
    CustomersClient::new(node.channel())
        .get_customer(request)
        .await
        .map(|answer| answer.into_inner())
}

#[tokio::test]
async fn services_get_customers_by_id() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let created = node.post(&admin, CUSTOMERS, festival("55")).await.expect(201);
    let events = node.service_caller("events");
    let customer = get_customer(&node, &events, created.text("id")).await.expect("the customer");
    let expected = Customer {
        id: created.text("id").to_owned(),
        name: "Northern Lights".into(),
        customer_type: "organiser".into(),
        is_active: true,
    };
    assert_eq!(customer, expected);
    let missing = get_customer(&node, &events, &CustomerId::new().to_string()).await;
    assert_eq!(missing.expect_err("no such customer").code(), Code::NotFound);
    for wrong in ["", "55", "\0"] {
        let refused = get_customer(&node, &events, wrong).await.expect_err("refused");
        assert_eq!(refused.code(), Code::InvalidArgument, "{wrong}");
    }
}

#[tokio::test]
async fn people_get_only_customers_that_they_may_see() {
    let node = node().await;
    let admin = node.caller(&[("admin", None)]);
    let created = node.post(&admin, CUSTOMERS, festival("55")).await.expect(201);
    let own = node.caller(&[("organiser-member", Some(id_of(&created)))]);
    assert!(get_customer(&node, &own, created.text("id")).await.is_ok());
    let foreign = node.caller(&[("organiser-admin", Some(CustomerId::new()))]);
    let refused = get_customer(&node, &foreign, created.text("id")).await.expect_err("refused");
    assert_eq!(refused.code(), Code::PermissionDenied);
    let refused = get_customer(&node, &Caller::anonymous(), created.text("id")).await;
    assert_eq!(refused.expect_err("refused").code(), Code::Unauthenticated);
}
