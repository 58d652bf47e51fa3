//! Tests of the whole service: the real router, the real database, the real tokens. What the processes would say of
//! their databases comes from a [`Process`].

mod at_broker;
mod broker;
mod domain;
mod http;
mod jobs;
mod store;

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::grpc::messages::inboxes_server::{Inboxes, InboxesServer};
use contracts::grpc::messages::{
    Consumer, DeadLetter, DeadLettersRequest, DeadLettersResponse, ListDeadLettersRequest,
    ListDeadLettersResponse, Position, StandingRequest, StandingResponse,
};
use parking_lot::Mutex;
use policies::{Actor, Grant, Principal, RoleBook};
use service_kit::Context;
use service_kit::calls::actor_of;
use testkit::{Caller, TestNode, TestNodeBuilder};
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::Messaging;

const MESSAGES: &str = "/api/v1/admin/messages";
const LETTERS: &str = "/api/v1/admin/messages/dead-letters";

/// A process that runs some services, for whom it answers as the test says.
#[derive(Clone, Default)]
struct Process {
    standings: Arc<Mutex<BTreeMap<String, StandingResponse>>>,
    letters: Arc<Mutex<BTreeMap<String, Vec<DeadLetter>>>>,
    settled: Arc<Mutex<Vec<(&'static str, DeadLettersRequest)>>>,
}

impl Process {
    fn stands(&self, service: &str, consumers: Vec<Consumer>) {
        let standing = StandingResponse { consumers, ..StandingResponse::default() };
        self.standings.lock().insert(service.to_owned(), standing);
    }

    /// Gives up messages of a consumer, numbered from 1.
    fn gives_up(&self, service: &str, consumer: &str, count: u128) {
        let mut letters = self.letters.lock();
        let numbers = 1..=count;
        letters.entry(service.into()).or_default().extend(numbers.map(|n| letter(consumer, n)));
    }

    /// What was done, with which letters, and how many there were.
    fn settle(
        &self,
        deed: &'static str,
        request: Request<DeadLettersRequest>,
    ) -> Result<Response<DeadLettersResponse>, Status> {
        must_be_messaging(&request)?;
        let asked = request.into_inner();
        let is_meant = |letter: &DeadLetter| {
            let is_this_one = asked.message_id.is_empty() || asked.message_id == letter.message_id;
            letter.consumer == asked.consumer && is_this_one
        };
        let mut letters = self.letters.lock();
        let letters = letters.entry(asked.service.clone()).or_default();
        let before = letters.len();
        letters.retain(|letter| !is_meant(letter));
        let count = (before - letters.len()) as u64;
        self.settled.lock().push((deed, asked));
        Ok(Response::new(DeadLettersResponse { count }))
    }
}

#[tonic::async_trait]
impl Inboxes for Process {
    async fn standing(
        &self,
        request: Request<StandingRequest>,
    ) -> Result<Response<StandingResponse>, Status> {
        must_be_messaging(&request)?;
        let found = self.standings.lock().get(&request.get_ref().service).cloned();
        found.map(Response::new).ok_or_else(|| Status::unavailable("it stumbles"))
    }

    async fn list_dead_letters(
        &self,
        request: Request<ListDeadLettersRequest>,
    ) -> Result<Response<ListDeadLettersResponse>, Status> {
        must_be_messaging(&request)?;
        let ListDeadLettersRequest { service, consumer, after, limit } = request.into_inner();
        let after = after.map(|Position { consumer, message_id }| (consumer, message_id));
        let mut letters = self.letters.lock().get(&service).cloned().unwrap_or_default();
        letters.retain(|letter| consumer.is_empty() || letter.consumer == consumer);
        letters.retain(|letter| {
            let place = (letter.consumer.clone(), letter.message_id.clone());
            after.as_ref().is_none_or(|after| place > *after)
        });
        let limit = usize::try_from(limit).expect("a limit");
        let has_more = letters.len() > limit;
        letters.truncate(limit);
        Ok(Response::new(ListDeadLettersResponse { letters, has_more }))
    }

    async fn replay_dead_letters(
        &self,
        request: Request<DeadLettersRequest>,
    ) -> Result<Response<DeadLettersResponse>, Status> {
        self.settle("replay", request)
    }

    async fn drop_dead_letters(
        &self,
        request: Request<DeadLettersRequest>,
    ) -> Result<Response<DeadLettersResponse>, Status> {
        self.settle("drop", request)
    }
}

fn must_be_messaging<T>(request: &Request<T>) -> Result<(), Status> {
    match actor_of(request)?.principal() {
        Principal::Service(name) if name == "messaging" => Ok(()),
        other => Err(Status::permission_denied(format!("{other:?} is not `messaging`"))),
    }
}

fn builder(process: &Process, services: &[&'static str]) -> TestNodeBuilder {
    let alone = TestNode::builder("messaging", crate::start, crate::MIGRATIONS);
    services.iter().fold(alone, |builder, service| {
        builder.stub(service, Routes::new(InboxesServer::new(process.clone())))
    })
}

async fn node(process: &Process, services: &[&'static str]) -> TestNode {
    builder(process, services).start().await
}

fn administrator(node: &TestNode) -> Caller {
    node.caller(&[("admin", None)])
}

fn consumer(name: &str, waiting: u64, dead_letters: u64) -> Consumer {
    Consumer { name: name.to_owned(), waiting, dead_letters, ..Consumer::default() }
}

fn letter(consumer: &str, number: u128) -> DeadLetter {
    let message_id = Uuid::from_u128(number).to_string();
    let envelope = serde_json::json!({
        "specversion": "1.0", "id": message_id, "type": "role.assigned", "source": "users",
        "subject": "ada-1", "time": "2026-11-20T10:00:00Z", "data": { "role": "door" },
    });
    DeadLetter {
        consumer: consumer.to_owned(),
        message_id,
        envelope: envelope.to_string(),
        error: "the role is not known".into(),
        attempts: 12,
        received_at: 1_795_168_800_000,
        tried_at: 1_795_169_700_000,
    }
}

/// The use cases, from what a service is built from.
fn messaging(ctx: &Context) -> Messaging {
    let policies = ctx.policies(
        include_str!("../policies/messaging.cedarschema"),
        include_str!("../policies/messaging.cedar"),
    );
    Messaging {
        database: ctx.database.clone(),
        policies: policies.expect("policies"),
        clock: ctx.clock.clone(),
        calls: ctx.calls.clone(),
        engine: ctx.messages.clone(),
    }
}

fn somebody_who_may_everything() -> Actor {
    let book = RoleBook::default();
    book.set("admin", vec!["*:*".parse().expect("a permission")]);
    let email = "admin@example.org".to_owned();
    let (id, session) = (Uuid::now_v7(), Uuid::now_v7());
    let principal = Principal::User { id, session, email, customer: None };
    let grant = Grant { role: "admin".into(), customer: None };
    Actor::new(principal, book.holdings(&[grant]), vec![], None)
}
