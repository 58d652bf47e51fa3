mod order_desk;
mod rush;

use std::collections::HashMap;
use std::sync::Arc;

use contracts::ids::UserId;
use contracts::permissions::{BUILT_IN_ROLES, MEMBER};
use messages::{Engine, InProcess};
use policies::{Actor, Grant, Permission, Principal, RoleBook};
use serde_json::json;
use service_kit::calls::ServiceTokens;
use service_kit::{Calls, Context, Trail};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Events;
use crate::tests::stage::Stage;

struct NoTokens;

impl ServiceTokens for NoTokens {
    fn token_for(&self, _: &str) -> String {
        String::new()
    }

    fn voucher_for(&self, _: &str) -> String {
        String::new()
    }
}

/// The use cases on the stage's database, as another replica has them: with a desk of its own that is served, and
/// an outbox that is emptied, until the token is cancelled.
pub fn events_on(stage: &Stage, stopping: &CancellationToken) -> Arc<Events> {
    let database = stage.node.database().clone();
    let engine: Arc<dyn Engine> = Arc::new(InProcess::default());
    let context = Context {
        service: "events",
        clock: database.clock().clone(),
        calls: Calls::new(&HashMap::new(), Arc::new(NoTokens)).expect("calls"),
        mail: testkit::mailer(),
        trail: Trail::new(database.clock().clone()),
        messages: engine.clone(),
        settings: json!({}),
        public_url: "http://127.0.0.1:5000".into(),
        database,
    };
    let (events, clerk) = Events::new(&context).expect("a service");
    tokio::spawn(clerk.serve_until(stopping.clone()));
    tokio::spawn(context.database.relay(engine).run(stopping.clone()));
    events
}

/// Somebody who may buy.
pub fn member() -> (UserId, Actor) {
    let book = RoleBook::default();
    let member = BUILT_IN_ROLES.iter().find(|role| role.name == MEMBER).expect("the role");
    let permissions = member.permissions.iter().map(|text| text.parse().expect("a permission"));
    book.set(MEMBER, permissions.collect::<Vec<Permission>>());
    let id = Uuid::now_v7();
    let (email, session) = ("a@example.org".to_owned(), Uuid::now_v7());
    let principal = Principal::User { id, session, email, customer: None };
    let grant = Grant { role: MEMBER.into(), customer: None };
    (UserId(id), Actor::new(principal, book.holdings(&[grant]), vec![MEMBER.into()], None))
}
