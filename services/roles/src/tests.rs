//! Tests of the whole service: the real router, the real database, the real tokens.

mod consumers;
mod domain;
mod grpc;
mod http;
mod store;

use testkit::TestNode;

async fn node() -> TestNode {
    TestNode::of("roles", crate::start, crate::MIGRATIONS).await
}
