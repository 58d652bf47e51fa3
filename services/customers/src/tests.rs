//! Tests of the whole service: the real router, the real database, the real tokens.

mod consumers;
mod domain;
mod grpc;
mod http;
mod store;

use contracts::ids::CustomerId;
use serde_json::{Value, json};
use testkit::{Answer, Backend, TestNode};

const CUSTOMERS: &str = "/api/v1/customers";

async fn node() -> TestNode {
    TestNode::of("customers", crate::start, crate::MIGRATIONS).await
}

async fn node_on(backend: Backend) -> TestNode {
    TestNode::builder("customers", crate::start, crate::MIGRATIONS).on(backend).start().await
}

fn festival(org_number: &str) -> Value {
    json!({ "name": "Northern Lights", "orgNumber": org_number, "customerType": "organiser" })
}

fn path_of(created: &Answer) -> String {
    format!("{CUSTOMERS}/{}", created.text("id"))
}

fn id_of(created: &Answer) -> CustomerId {
    created.text("id").parse().expect("an id")
}
