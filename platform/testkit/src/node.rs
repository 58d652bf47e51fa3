//! One service, started for a test.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use contracts::audit::{AuditRecorded, Outcome};
use contracts::grpc::tokens::SnapshotRequest;
use contracts::grpc::tokens::tokens_client::TokensClient;
use contracts::ids::{CustomerId, SessionId, UserId};
use database::{Database, Migration, Sealer};
use http::{Method, Request, header};
use identity::{AUDIENCE, Claims, KeyPair, Knowledge, NodeSecret, SigningAlgorithm, Verifier};
use mail::{Letter, Mailer, Memory};
use messages::{Engine, Message, Payload, Subscription};
use policies::Grant;
use serde_json::Value;
use service_kit::calls::ServiceTokens;
use service_kit::http::{Authenticate, identify};
use service_kit::{Calls, Channel, Consumer, Context, Job, Service, StartError, Trail};
use stdx::Clock;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tower::ServiceExt;
use uuid::Uuid;

use crate::postgres::TestDatabase;
use crate::{Answer, Recorder};

/// The installation's address in tests.
const PUBLIC_URL: &str = "http://127.0.0.1:5000";
const TOKEN_LIFETIME_SECONDS: i64 = 900;

type Start = fn(&Context) -> Result<Service, StartError>;

/// Where the service keeps its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file in a temporary folder.
    Sqlite,
    /// A database made for the test.
    Postgres,
}

/// Somebody with a token.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who it is.
    pub user_id: UserId,
    /// What proves it; nothing for an anonymous caller.
    pub token: Option<String>,
}

impl Caller {
    /// Nobody in particular.
    pub fn anonymous() -> Self {
        Self { user_id: UserId(Uuid::nil()), token: None }
    }
}

/// Says how a [`TestNode`] is to be.
pub struct TestNodeBuilder {
    service: &'static str,
    start: Start,
    migrations: &'static [Migration],
    backend: Backend,
    settings: Value,
    clock: Clock,
    sealer: Sealer,
    stubs: Vec<(&'static str, Routes)>,
}

impl TestNodeBuilder {
    /// Keeps the data there.
    pub fn on(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// The service's section of the configuration.
    pub fn settings(mut self, settings: Value) -> Self {
        self.settings = settings;
        self
    }

    /// The time: a manual clock lets the test move it.
    pub fn clock(mut self, clock: &Clock) -> Self {
        self.clock = clock.clone();
        self
    }

    /// Seals secrets in the database.
    pub fn sealed_by(mut self, sealer: &Sealer) -> Self {
        self.sealer = sealer.clone();
        self
    }

    /// What answers calls to another service.
    pub fn stub(mut self, service: &'static str, routes: Routes) -> Self {
        self.stubs.push((service, routes));
        self
    }

    /// Starts it.
    pub async fn start(self) -> TestNode {
        let (clock, mailbox) = (self.clock, Memory::default());
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (url, test_database) = match self.backend {
            Backend::Sqlite => {
                (format!("sqlite:{}", folder.path().join("test.db").display()), None)
            }
            Backend::Postgres => {
                let made = TestDatabase::create().await;
                (made.url(), Some(made))
            }
        };
        let database = Database::open(self.service, &url, clock.clone(), self.migrations)
            .await
            .expect("an open database")
            .sealed_by(self.sealer);
        let node_secret = Arc::new(NodeSecret::new(None, clock.clone()));
        let key = KeyPair::generate(SigningAlgorithm::EdDsa).expect("a key");
        let knowledge = Arc::new(Knowledge::default());
        knowledge.set_keys([(key.kid(), key.public())]);
        let verifier =
            Verifier::new(knowledge.clone(), node_secret.clone(), PUBLIC_URL, clock.clone());
        let authenticate: Arc<dyn Authenticate> = Arc::new(verifier);
        let calls = Calls::new(&HashMap::new(), node_secret.clone()).expect("calls");
        for (name, routes) in self.stubs {
            calls.add_local(name, with_identity(routes.into_axum_router(), &authenticate));
        }
        let engine = Arc::new(Recorder::default());
        let ctx = Context {
            service: self.service,
            database: database.clone(),
            clock: clock.clone(),
            calls: calls.clone(),
            messages: engine.clone(),
            mail: Mailer::memory(&mailbox),
            trail: Trail::new(clock.clone()),
            settings: self.settings,
            public_url: PUBLIC_URL.into(),
        };
        let service = ctx.with_trail((self.start)(&ctx).expect("a service"));
        for preparation in service.preparations {
            preparation.await.expect("a prepared service");
        }
        let grpc = service.grpc.into_axum_router();
        calls.add_local(self.service, with_identity(grpc, &authenticate));
        let stopping = CancellationToken::new();
        identity::listen(&knowledge, &*engine).await.expect("listening");
        start_work(service.consumers, service.jobs, &database, &engine, &stopping).await;
        TestNode {
            service: self.service,
            router: with_identity(service.http, &authenticate),
            database,
            calls,
            clock,
            engine,
            mailbox,
            ctx,
            node_secret,
            knowledge,
            key,
            stopping,
            test_database,
            _folder: folder,
        }
    }
}

/// A running service.
pub struct TestNode {
    service: &'static str,
    ctx: Context,
    router: axum::Router,
    database: Database,
    calls: Calls,
    clock: Clock,
    engine: Arc<Recorder>,
    mailbox: Memory,
    node_secret: Arc<NodeSecret>,
    knowledge: Arc<Knowledge>,
    key: KeyPair,
    stopping: CancellationToken,
    test_database: Option<TestDatabase>,
    _folder: TempDir,
}

impl TestNode {
    /// A service on SQLite with default settings.
    pub async fn of(service: &'static str, start: Start, migrations: &'static [Migration]) -> Self {
        Self::builder(service, start, migrations).start().await
    }

    /// A service that is to be different from [`TestNode::of`].
    pub fn builder(
        service: &'static str,
        start: Start,
        migrations: &'static [Migration],
    ) -> TestNodeBuilder {
        let settings = Value::Object(serde_json::Map::new());
        TestNodeBuilder {
            service,
            start,
            migrations,
            backend: Backend::Sqlite,
            settings,
            clock: Clock::system(),
            sealer: Sealer::default(),
            stubs: vec![],
        }
    }

    /// Accepts tokens of the tokens service under test as well, and hears of its revocations.
    pub async fn follow_issuer(&self) {
        let request = self.calls.as_service("identity", SnapshotRequest { since_ms: 0 });
        let snapshot = TokensClient::new(self.channel()).snapshot(request).await;
        let issued = snapshot.expect("a snapshot").into_inner().keys;
        let mut keys = vec![(self.key.kid(), self.key.public())];
        keys.extend(issued.iter().map(|key| (key.kid.as_str(), key.x.as_str())));
        self.knowledge.set_keys(keys);
    }

    /// Somebody new who holds `roles`, each everywhere or inside a customer.
    pub fn caller(&self, roles: &[(&str, Option<CustomerId>)]) -> Caller {
        self.caller_with_id(UserId::new(), roles)
    }

    /// A known user who holds `roles`.
    pub fn caller_with_id(&self, user_id: UserId, roles: &[(&str, Option<CustomerId>)]) -> Caller {
        let grant = |(role, customer): &(&str, Option<CustomerId>)| Grant {
            role: (*role).to_owned(),
            customer: customer.map(Uuid::from),
        };
        let now = self.clock.now().as_second();
        let claims = Claims {
            iss: PUBLIC_URL.into(),
            aud: AUDIENCE.into(),
            sub: user_id.0,
            sid: SessionId::new().0,
            jti: Uuid::now_v7(),
            iat: now,
            exp: now + TOKEN_LIFETIME_SECONDS,
            client_id: "test".into(),
            scope: String::new(),
            permissions: None,
            client_name: String::new(),
            cnf: None,
            email: "somebody@example.org".into(),
            customer: roles.iter().find_map(|(_, customer)| customer.map(Uuid::from)),
            roles: roles.iter().map(grant).collect(),
        };
        Caller { user_id, token: Some(self.key.sign(&claims).expect("a token")) }
    }

    /// Another service, acting on its own behalf.
    pub fn service_caller(&self, name: &str) -> Caller {
        Caller { token: Some(self.node_secret.token_for(name)), ..Caller::anonymous() }
    }

    /// `GET`.
    pub async fn get(&self, caller: &Caller, path: &str) -> Answer {
        self.send(caller, Method::GET, path, None, &[]).await
    }

    /// `POST` with a JSON body.
    pub async fn post(&self, caller: &Caller, path: &str, body: Value) -> Answer {
        self.send(caller, Method::POST, path, Some(body), &[]).await
    }

    /// `PUT` with a JSON body.
    pub async fn put(&self, caller: &Caller, path: &str, body: Value) -> Answer {
        self.send(caller, Method::PUT, path, Some(body), &[]).await
    }

    /// `PATCH` with a JSON Merge Patch.
    pub async fn patch(&self, caller: &Caller, path: &str, body: Value) -> Answer {
        self.send(caller, Method::PATCH, path, Some(body), &[]).await
    }

    /// `DELETE`.
    pub async fn delete(&self, caller: &Caller, path: &str) -> Answer {
        self.send(caller, Method::DELETE, path, None, &[]).await
    }

    /// Any request, with headers.
    pub async fn send(
        &self,
        caller: &Caller,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = &caller.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send_raw(request.body(body).expect("a request")).await
    }

    /// A request as it is.
    pub async fn send_raw(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        Answer::read(response).await
    }

    /// What the service was built from: another replica of it can be built from the same.
    pub fn context(&self) -> Context {
        self.ctx.clone()
    }

    /// A channel to the service under test, for its generated client.
    pub fn channel(&self) -> Channel {
        self.calls.channel(self.service)
    }

    /// A gRPC request of `caller`.
    pub fn grpc_request<T>(&self, caller: &Caller, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        if let Some(token) = &caller.token {
            let value = format!("Bearer {token}").parse().expect("a header value");
            request.metadata_mut().insert("authorization", value);
        }
        request
    }

    /// Every message of its business that this service has published so far, in order, as type and data. What it
    /// told the audit log is in [`TestNode::audited`].
    pub async fn published(&self) -> Vec<(String, Value)> {
        let all = self.all_published().await.into_iter();
        let business = all.filter(|message| message.kind != AuditRecorded::TYPE);
        business.map(|message| (message.kind, message.data)).collect()
    }

    /// What this service has told the audit log so far, in order. Denials and failed tries come a moment later.
    pub async fn audited(&self) -> Vec<AuditRecorded> {
        let all = self.all_published().await.into_iter();
        let told = all.filter(|message| message.kind == AuditRecorded::TYPE);
        told.map(|message| message.payload().expect("a record")).collect()
    }

    /// Waits for an entry of the audit log with this action and outcome: the first one.
    pub async fn wait_for_audited(&self, action: &str, outcome: Outcome) -> AuditRecorded {
        crate::eventually("an entry of the audit log", || async {
            let mut told = self.audited().await.into_iter();
            told.find(|record| record.action == action && record.outcome == outcome)
        })
        .await
    }

    async fn all_published(&self) -> Vec<Message> {
        let relay = self.database.relay(self.engine.clone());
        relay.empty().await.expect("an empty outbox");
        let published = self.engine.published().into_iter();
        published.filter(|message| message.source == self.service).collect()
    }

    /// The types of the messages published so far.
    pub async fn published_kinds(&self) -> Vec<String> {
        self.published().await.into_iter().map(|(kind, _)| kind).collect()
    }

    /// Delivers a message of another service; the one returned can be delivered again.
    pub async fn deliver<P: Payload>(&self, payload: &P) -> Message {
        let now = self.clock.now();
        let message = Message::new("test", now, payload).expect("a message");
        self.redeliver(&message).await;
        message
    }

    /// Delivers a message once more.
    pub async fn redeliver(&self, message: &Message) {
        self.engine.publish(std::slice::from_ref(message)).await.expect("a delivery");
    }

    /// Every letter the service has sent so far, in order.
    pub fn letters(&self) -> Vec<Letter> {
        self.mailbox.letters()
    }

    /// Where letters go: it can be away for a while.
    pub fn mailbox(&self) -> &Memory {
        &self.mailbox
    }

    /// The service's database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// What this node knows of revocations, roles and keys.
    pub fn knowledge(&self) -> &Knowledge {
        &self.knowledge
    }

    /// Stops the service and removes what the test made. Needed on PostgreSQL; a folder goes by itself.
    pub async fn stop(self) {
        self.stopping.cancel();
        self.database.close().await.expect("closed");
        if let Some(database) = self.test_database {
            database.drop_now().await;
        }
    }
}

/// Starts what a node would: each consumer on its inbox, and the jobs.
async fn start_work(
    consumers: Vec<Consumer>,
    jobs: Vec<Job>,
    database: &Database,
    engine: &Recorder,
    stopping: &CancellationToken,
) {
    for consumer in consumers {
        let inbox = database.inbox();
        let subscription = Subscription {
            consumer: consumer.name.into(),
            pattern: consumer.pattern,
            inbox: Arc::new(inbox.clone()),
        };
        engine.subscribe(subscription).await.expect("a subscription");
        tokio::spawn((consumer.run)(inbox, stopping.clone()));
    }
    for job in jobs {
        tokio::spawn((job.run)(stopping.clone()));
    }
}

fn with_identity(router: axum::Router, authenticate: &Arc<dyn Authenticate>) -> axum::Router {
    router.layer(axum::middleware::from_fn_with_state(authenticate.clone(), identify))
}
