//! The life of a process: connect, migrate, build, start, listen, ready; and back in the same order.
//!
//! On SIGTERM or SIGINT: not ready → stop accepting → requests in hand finish → consumers and jobs finish → outboxes
//! are emptied → databases close. Every stage has a bound, and whatever is cut off goes on after the next start.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use database::{Database, Sealer};
use futures::FutureExt;
use identity::{Knowledge, NodeSecret, Verifier};
use mail::Mailer;
use messages::Subscription;
use metrics_exporter_prometheus::PrometheusHandle;
use revocations::{Revocations, Source};
use service_kit::http::{Authenticate, identify};
use service_kit::{Calls, Consumer, Context, Job, Service, Trail};
use stdx::Clock;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

use crate::broker::{EmbeddedBroker, FOLDER as BROKER};
use crate::config::{Config, Engine, MailConfig, RevocationsConfig};
use crate::inboxes::Inboxes;
use crate::listening::Listening;
use crate::services::{Entry, GATEWAY, TABLE, TOKENS};
use crate::{demo, engines, master_key, openapi, telemetry, text};

const CONSUMERS_FINISH: Duration = Duration::from_secs(10);
/// In the data folder: letters, as long as no server takes them.
const MAILBOX: &str = "mailbox";
const OUTBOX_EMPTIES: Duration = Duration::from_secs(3);

/// Everything a running process consists of.
struct Node {
    config: Config,
    clock: Clock,
    engine: Arc<dyn messages::Engine>,
    broker: Option<EmbeddedBroker>,
    calls: Calls,
    mail: Mailer,
    verifier: Arc<Verifier>,
    revocations: Option<Arc<Revocations>>,
    sealer: Sealer,
    metrics: PrometheusHandle,
    databases: Vec<(&'static str, Database)>,
    is_stopping: Arc<AtomicBool>,
    stopping: CancellationToken,
    tasks: TaskTracker,
    /// Held as long as the process lives: a SQLite file belongs to one process.
    _data_locks: Vec<File>,
}

/// Runs the services of this process until a signal.
pub async fn run(config: Config, demo: bool) -> Result<(), String> {
    let mut node = Node::connect(config).await?;
    let services = node.build().await?;
    let festival = if demo { demo::begin(&node.databases, &node.config).await? } else { None };
    let served = node.start(services).await?;
    let (door, outside) = node.door(&served).await?;
    let mut doors = vec![Listening::http(node.config.node.listen, door.clone()).await?];
    if let Some(address) = node.config.node.internal_listen {
        doors.push(Listening::http(address, node.internal(&served)).await?);
    }
    doors.extend(node.grpc_door(outside).await?);
    if demo {
        demo::finish(festival, door.clone(), &node.config).await?;
    }
    tracing::info!(address = %node.config.node.listen, "listening");
    eprintln!("Backline is up: {}", node.config.public_url());
    node.serve_until_signal(doors).await;
    node.stop().await;
    Ok(())
}

/// Whether every service accepts its settings. Touches no database of the installation.
pub async fn check(config: &Config) -> Result<(), String> {
    let folder = std::env::temp_dir().join(format!("backline-check-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let mut elsewhere = config.clone();
    elsewhere.node.data = folder.clone();
    elsewhere.database.url.clear();
    elsewhere.messages.engine = Engine::InProcess;
    elsewhere.broker.listen.clear();
    let built = async {
        let mut node = Node::connect(elsewhere).await?;
        node.build().await?;
        node.door(&Served::default()).await.map(drop)
    };
    let built = built.await;
    std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    built
}

impl Node {
    async fn connect(config: Config) -> Result<Self, String> {
        let data_locks = lock_data(&config)?;
        // Before anything that counts.
        let metrics = telemetry::init_metrics()?;
        let clock = Clock::system();
        let secret = (!config.node.secret.is_empty()).then_some(config.node.secret.as_str());
        let secret = Arc::new(NodeSecret::new(secret, clock.clone()));
        let calls = Calls::new(&config.node.addresses, secret.clone()).map_err(text)?;
        let knowledge = Arc::new(Knowledge::default());
        let verifier =
            Verifier::new(knowledge, secret.clone(), &config.public_url(), clock.clone());
        let revocations = revocations(&config, &verifier, &clock)?;
        let verifier = Arc::new(verifier);
        let broker =
            EmbeddedBroker::start(&config, verifier.clone(), secret.clone(), &clock).await?;
        Ok(Self {
            engine: engines::connect(&config, broker.as_ref(), secret).await?,
            broker,
            calls,
            mail: mailer(&config)?,
            revocations,
            sealer: master_key::sealer(&config.node).map_err(text)?,
            verifier,
            metrics,
            databases: vec![],
            is_stopping: Arc::default(),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
            _data_locks: data_locks,
            clock,
            config,
        })
    }

    /// Opens and migrates the databases and builds the services. Nothing runs yet.
    async fn build(&mut self) -> Result<Vec<Service>, String> {
        let mut services = vec![];
        for entry in TABLE.iter().filter(|entry| self.config.runs(entry.name)) {
            let database = self.open(entry).await?;
            let ctx = Context {
                service: entry.name,
                database: database.clone(),
                clock: self.clock.clone(),
                calls: self.calls.clone(),
                messages: self.engine.clone(),
                mail: self.mail.clone(),
                trail: Trail::new(self.clock.clone()),
                settings: self.config.section(entry.name),
                public_url: self.config.public_url(),
            };
            services.push(ctx.with_trail((entry.start)(&ctx).map_err(text)?));
            self.databases.push((entry.name, database));
        }
        Ok(services)
    }

    async fn open(&self, entry: &Entry) -> Result<Database, String> {
        let url = self.config.database_url(entry.name);
        let opened = Database::open(entry.name, &url, self.clock.clone(), entry.migrations).await;
        let opened = opened.map_err(|error| format!("database of `{}`: {error}", entry.name))?;
        Ok(opened.sealed_by(self.sealer.clone()))
    }

    /// Prepares the services and starts their consumers and jobs, then all relays.
    async fn start(&self, services: Vec<Service>) -> Result<Served, String> {
        identity::listen(self.verifier.knowledge(), &*self.engine).await.map_err(text)?;
        let inboxes = Inboxes::new(&self.databases, &services);
        let mut routers = vec![];
        for service in services {
            for preparation in service.preparations {
                preparation.await.map_err(|error| format!("`{}`: {error}", service.name))?;
            }
            // In this process a service is asked by its name for what is in its database, too.
            let reachable = service.grpc.clone().add_service(inboxes.server());
            self.calls.add_local(service.name, self.identified(reachable.into_axum_router()));
            let grpc = self.identified(service.grpc.into_axum_router());
            let http = self.identified(service.http);
            routers.push(Routers { name: service.name, http, grpc });
            self.start_work(service.name, service.consumers, service.jobs).await?;
        }
        // Not before every consumer of this process has subscribed: a relay throws away what nobody wants, and what
        // a crash left in the outbox of the first service may be for the last one.
        for (_, database) in &self.databases {
            self.tasks.spawn(database.relay(self.engine.clone()).run(self.stopping.clone()));
        }
        let follow = identity::follow(
            self.verifier.knowledge().clone(),
            self.calls.clone(),
            self.clock.clone(),
            self.stopping.clone(),
        );
        self.tasks.spawn(follow);
        if let Some(revocations) = &self.revocations {
            let run = revocations.clone().run(self.revocation_source(), self.stopping.clone());
            self.tasks.spawn(run);
        }
        self.tasks.spawn(inboxes.clone().measure_forever(self.stopping.clone()));
        self.tasks.spawn(telemetry::upkeep_forever(self.metrics.clone(), self.stopping.clone()));
        let inboxes = Routes::new(inboxes.server()).into_axum_router();
        Ok(Served { routers, inboxes: self.identified(inboxes) })
    }

    /// Who knows what was revoked, if that is a service of this process.
    fn revocation_source(&self) -> Option<Source> {
        let (_, tokens) = self.databases.iter().find(|(name, _)| *name == TOKENS)?;
        Some(Source::of_tokens(self.calls.clone(), tokens.changes()))
    }

    async fn start_work(
        &self,
        name: &'static str,
        consumers: Vec<Consumer>,
        jobs: Vec<Job>,
    ) -> Result<(), String> {
        let Some((_, database)) = self.databases.iter().find(|(owner, _)| *owner == name) else {
            return Err(format!("`{name}` has no database"));
        };
        for consumer in consumers {
            let inbox = database.inbox();
            let subscription = Subscription {
                consumer: consumer.name.into(),
                pattern: consumer.pattern,
                inbox: Arc::new(inbox.clone()),
            };
            self.engine.subscribe(subscription).await.map_err(text)?;
            self.tasks.spawn((consumer.run)(inbox, self.stopping.clone()));
        }
        for job in jobs {
            self.tasks.spawn((job.run)(self.stopping.clone()));
        }
        Ok(())
    }

    fn identified(&self, router: Router) -> Router {
        let authenticate: Arc<dyn Authenticate> = self.verifier.clone();
        router.layer(axum::middleware::from_fn_with_state(authenticate, identify))
    }

    /// What listens at the process's address: the gateway, or without it the services for the other processes. With
    /// the gateway comes what programs outside reach over gRPC.
    async fn door(&self, served: &Served) -> Result<(Router, Option<gateway::Outside>), String> {
        if !self.config.runs(GATEWAY) {
            return Ok((self.internal(served), None));
        }
        let metrics = self.metrics.clone();
        let parts = gateway::Parts {
            settings: self.config.section(GATEWAY),
            public_url: self.config.public_url(),
            verifier: self.verifier.clone(),
            calls: self.calls.clone(),
            local: served.routers.iter().map(|r| (r.name.to_owned(), r.http.clone())).collect(),
            remote: self.config.node.addresses.clone(),
            openapi: Bytes::from_static(openapi::SNAPSHOT),
            readiness: self.readiness(),
            metrics: Arc::new(move || metrics.render()),
            clock: self.clock.clone(),
        };
        let gateway = Arc::new(gateway::Gateway::new(parts).map_err(text)?);
        let outside = gateway::Outside::new(gateway.clone()).await.map_err(text)?;
        Ok((gateway::serve(gateway), Some(outside)))
    }

    async fn grpc_door(
        &self,
        outside: Option<gateway::Outside>,
    ) -> Result<Option<Listening>, String> {
        let address = self.config.grpc_listen().map_err(text)?;
        let (Some(outside), Some(address)) = (outside, address) else { return Ok(None) };
        self.tasks.spawn(outside.follow_readiness(self.stopping.clone()));
        tracing::info!(%address, "listening for gRPC");
        Ok(Some(Listening::grpc(address, outside.routes).await?))
    }

    /// Services for other processes: gRPC and REST on one port.
    fn internal(&self, served: &Served) -> Router {
        // Each answers what it does not know; together only one of them may.
        let mut internal = served.inboxes.clone().reset_fallback();
        for Routers { http, grpc, .. } in &served.routers {
            internal = internal.merge(http.clone()).merge(grpc.clone().reset_fallback());
        }
        let (readiness, metrics) = (self.readiness(), self.metrics.clone());
        internal
            .route("/health", axum::routing::get(|| async { "alive" }))
            .route("/ready", axum::routing::get(move || ready(readiness.clone())))
            .route("/metrics", axum::routing::get(move || async move { metrics.render() }))
    }

    fn readiness(&self) -> Readiness {
        let databases = self.databases.clone();
        let (engine, verifier) = (self.engine.clone(), self.verifier.clone());
        let (is_stopping, revocations) = (self.is_stopping.clone(), self.revocations.clone());
        let broker = self.broker.as_ref().map(EmbeddedBroker::running);
        Arc::new(move || {
            let (databases, engine, verifier, revocations) =
                (databases.clone(), engine.clone(), verifier.clone(), revocations.clone());
            let broker = broker.clone();
            let is_stopping = is_stopping.load(Ordering::Relaxed);
            async move {
                let state = if is_stopping { Err("stopping".to_owned()) } else { Ok(None) };
                let mut checks = vec![("node".to_owned(), state)];
                for (name, database) in &databases {
                    let answers = database.ping().await.map(|()| None).map_err(text);
                    checks.push((format!("database {name}"), answers));
                }
                checks.push(("messages".to_owned(), engine.ready().map(|()| None).map_err(text)));
                if let Some(broker) = broker {
                    checks.push(("broker".to_owned(), broker.check().await.map(|()| None)));
                }
                let has_keys = verifier.knowledge().has_keys();
                let keys =
                    if has_keys { Ok(None) } else { Err("no signing key is known yet".to_owned()) };
                checks.push(("identity".to_owned(), keys));
                if let Some(revocations) = revocations {
                    let remark = revocations.remark().map(str::to_owned);
                    checks.push(("revocations".to_owned(), Ok(remark)));
                }
                checks
            }
            .boxed()
        })
    }

    async fn serve_until_signal(&self, doors: Vec<Listening>) {
        let closing = CancellationToken::new();
        let servers = doors.into_iter().map(|door| tokio::spawn(door.serve(closing.clone())));
        let servers: Vec<_> = servers.collect();
        wait_for_signal().await;
        tracing::info!("stopping: requests in hand finish first");
        self.is_stopping.store(true, Ordering::Relaxed);
        closing.cancel();
        let drain = Duration::from_secs(self.config.node.drain_seconds);
        if tokio::time::timeout(drain, futures::future::join_all(servers)).await.is_err() {
            tracing::warn!(
                seconds = drain.as_secs(),
                "some requests did not finish in time and were cut off"
            );
        }
    }

    async fn stop(self) {
        self.engine.stop().await;
        self.stopping.cancel();
        self.tasks.close();
        if tokio::time::timeout(CONSUMERS_FINISH, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                "some consumers or jobs did not finish in time; they go on after the next start"
            );
        }
        for (name, database) in &self.databases {
            let relay = database.relay(self.engine.clone());
            match tokio::time::timeout(OUTBOX_EMPTIES, relay.empty()).await {
                Ok(Ok(())) => {}
                _ => tracing::warn!(
                    service = name,
                    "messages stay in the outbox until the next start"
                ),
            }
            if let Err(error) = database.close().await {
                tracing::warn!(service = name, %error, "closing the database failed");
            }
        }
        if let Some(broker) = self.broker {
            broker.stop().await;
        }
        tracing::info!("stopped");
    }
}

/// What this process serves, behind `identify`.
#[derive(Default)]
struct Served {
    routers: Vec<Routers>,
    /// The in- and outboxes of all its services: once, however many services there are.
    inboxes: Router,
}

/// What a service of this process serves.
struct Routers {
    name: &'static str,
    http: Router,
    grpc: Router,
}

/// What was looked at, and why it cannot serve; or that it can, perhaps with a remark.
type Checks = Vec<(String, Result<Option<String>, String>)>;
type Readiness = Arc<dyn Fn() -> futures::future::BoxFuture<'static, Checks> + Send + Sync>;

async fn ready(readiness: Readiness) -> (http::StatusCode, axum::Json<HashMap<String, String>>) {
    let checks = readiness().await;
    let is_ready = checks.iter().all(|(_, outcome)| outcome.is_ok());
    let status =
        if is_ready { http::StatusCode::OK } else { http::StatusCode::SERVICE_UNAVAILABLE };
    let words = |outcome: Result<Option<String>, String>| match outcome {
        Ok(remark) => remark.unwrap_or_else(|| "ok".into()),
        Err(reason) => reason,
    };
    let shown = checks.into_iter().map(|(name, outcome)| (name, words(outcome)));
    (status, axum::Json(shown.collect()))
}

async fn wait_for_signal() {
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminate => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// In the configured Redis, if there is one.
fn revocations(
    config: &Config,
    verifier: &Verifier,
    clock: &Clock,
) -> Result<Option<Arc<Revocations>>, String> {
    let RevocationsConfig { redis_url, prefix } = &config.revocations;
    if redis_url.is_empty() {
        return Ok(None);
    }
    let knowledge = verifier.knowledge().clone();
    let made = Revocations::new(redis_url, prefix, knowledge, clock.clone());
    made.map(|made| Some(Arc::new(made))).map_err(text)
}

/// To the configured server, or as long as there is none into the data folder.
fn mailer(config: &Config) -> Result<Mailer, String> {
    let MailConfig { smtp_url, from } = &config.mail;
    if smtp_url.is_empty() {
        return Mailer::mailbox(&config.node.data.join(MAILBOX), from).map_err(text);
    }
    Mailer::smtp(smtp_url, from).map_err(text)
}

/// Makes the data folder and takes the files of this process's services in it.
fn lock_data(config: &Config) -> Result<Vec<File>, String> {
    let has_files = config.database.url.is_empty();
    let services = TABLE.iter().map(|entry| entry.name);
    let mut names: Vec<&str> = services.filter(|name| has_files && config.runs(name)).collect();
    if config.broker_listen().map_err(text)?.is_some() {
        names.push(BROKER);
    }
    if names.is_empty() {
        return Ok(vec![]);
    }
    let folder = &config.node.data;
    make_private_folder(folder)
        .map_err(|error| format!("data folder {}: {error}", folder.display()))?;
    names.into_iter().map(|name| lock(folder, name)).collect()
}

fn lock(folder: &Path, service: &str) -> Result<File, String> {
    let path = folder.join(format!("{service}.lock"));
    let file = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    file.try_lock().map_err(|_| {
        format!(
            "`{service}` in the data folder {} is run by another process; stop it first",
            folder.display()
        )
    })?;
    Ok(file)
}

/// Keys and password hashes are in it: nobody else on the machine may look.
fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
