use jiff::SignedDuration;
use policies::{Actor, Grant, Principal, RoleBook};
use serde_json::json;
use stdx::Clock;
use testkit::TestNode;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{AUDIT, actions, administrator, done, wait_for};
use crate::jobs::sweep;
use crate::{Audit, retention};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The use cases on a node's database.
pub fn audit(node: &TestNode) -> Audit {
    let ctx = node.context();
    let policies = ctx.policies(
        include_str!("../../policies/audit.cedarschema"),
        include_str!("../../policies/audit.cedar"),
    );
    Audit {
        database: ctx.database.clone(),
        policies: policies.expect("policies"),
        clock: ctx.clock.clone(),
        retention: retention(&ctx).expect("a retention"),
    }
}

/// Somebody who may read everything.
pub fn somebody_who_reads() -> Actor {
    let book = RoleBook::default();
    book.set("admin", vec!["*:*".parse().expect("a permission")]);
    let id = Uuid::now_v7();
    let email = "admin@example.org".to_owned();
    let principal = Principal::User { id, session: Uuid::now_v7(), email, customer: None };
    let grant = Grant { role: "admin".into(), customer: None };
    Actor::new(principal, book.holdings(&[grant]), vec![], None)
}

#[tokio::test]
async fn an_entry_goes_when_its_time_is_over_and_no_other_with_it() {
    let clock = Clock::manual(testkit::now());
    let node = TestNode::builder("audit", crate::start, crate::MIGRATIONS)
        .clock(&clock)
        .settings(json!({ "retention_days": 30 }))
        .start()
        .await;
    node.deliver(&done("users:create")).await;
    wait_for(&node, "", 1).await;
    clock.advance(DAY.saturating_mul(20));
    node.deliver(&done("users:delete")).await;
    wait_for(&node, "", 2).await;

    let audit = audit(&node);
    clock.advance(DAY.saturating_mul(10));
    sweep(&audit, &CancellationToken::new()).await.expect("swept");
    let admin = administrator(&node);
    let left = node.get(&admin, AUDIT).await.expect(200);
    assert_eq!(actions(&left), ["users:delete", "users:create"], "to the last moment");
    clock.advance(SignedDuration::from_secs(1));
    sweep(&audit, &CancellationToken::new()).await.expect("swept");
    let admin = administrator(&node);
    let left = node.get(&admin, AUDIT).await.expect(200);
    assert_eq!(actions(&left), ["users:delete"]);
}

#[tokio::test]
async fn a_retention_of_no_time_is_refused_at_start() {
    let node = super::node().await;
    for days in [0, 40_000] {
        let ctx =
            service_kit::Context { settings: json!({ "retention_days": days }), ..node.context() };
        let refused = crate::start(&ctx).err().expect("refused").to_string();
        assert!(refused.contains("retention_days"), "{refused}");
    }
}
