//! What a client may not do itself, it cannot make a consumer do.

use std::sync::Arc;

use async_trait::async_trait;
use broker::server::{Authenticator, Credentials, Permissions, Refused};
use broker::subject::{Filter, Subject};
use serde_json::json;

use crate::support::TestBroker;

/// Everybody may use the API and publish below `mine`.
struct Narrow;

#[async_trait]
impl Authenticator for Narrow {
    async fn authenticate(&self, _: &Credentials) -> Result<Arc<dyn Permissions>, Refused> {
        Ok(Arc::new(Self))
    }
}

impl Permissions for Narrow {
    fn may_publish(&self, subject: &Subject) -> bool {
        ["$JS.API.", "mine."].iter().any(|start| subject.as_str().starts_with(start))
    }

    fn may_subscribe(&self, _: &Filter, _: Option<&str>) -> bool {
        true
    }

    fn name(&self) -> &str {
        "narrow"
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_pushes_only_to_where_its_maker_may_publish() {
    let broker = TestBroker::with(|settings| settings.authenticator = Arc::new(Narrow)).await;
    broker.orders().await;
    let make = async |subject: &str| {
        let config =
            json!({ "durable_name": "c", "ack_policy": "explicit", "deliver_subject": subject });
        let request = json!({ "stream_name": "ORDERS", "config": config });
        broker.ask("CONSUMER.DURABLE.CREATE.ORDERS.c", request).await
    };
    let refused = make("yours.x").await;
    assert_eq!(
        refused["error"],
        json!({
            "code": 400, "err_code": 10112,
            "description": "no permission to publish to the deliver subject",
        })
    );
    assert_eq!(make("mine.x").await["config"]["deliver_subject"], "mine.x");
    // Nor by changing it.
    assert_eq!(make("yours.x").await["error"]["err_code"], 10112);
    let info = broker.ask("CONSUMER.INFO.ORDERS.c", json!(null)).await;
    assert_eq!(info["config"]["deliver_subject"], "mine.x");
}
