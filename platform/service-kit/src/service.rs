//! A built service: data that the node serves and runs.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use database::{Delivery, HandlerError, Inbox};
use messages::{Pattern, Payload};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{Kind, ServiceError};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Run = Box<dyn FnOnce(Inbox, CancellationToken) -> Boxed<()> + Send>;

/// A service: what it serves, what it consumes, what it does by itself.
pub struct Service {
    /// Its name.
    pub name: &'static str,
    /// REST.
    pub http: axum::Router,
    /// The description of `http`.
    pub api: OpenApi,
    /// gRPC.
    pub grpc: Routes,
    /// Durable consumers of messages.
    pub consumers: Vec<Consumer>,
    /// What runs beside requests until the node stops.
    pub jobs: Vec<Job>,
    /// What must be done once before the service can serve.
    pub preparations: Vec<Boxed<Result<(), String>>>,
}

/// Something that runs until it is told to stop.
pub struct Job {
    /// For the log.
    pub name: &'static str,
    /// Runs it.
    pub run: Box<dyn FnOnce(CancellationToken) -> Boxed<()> + Send>,
}

/// A durable consumer of one type of message.
pub struct Consumer {
    /// Durable: `users.provision_default_role`. Renaming it makes a new consumer.
    pub name: &'static str,
    /// The message type it wants.
    pub pattern: Pattern,
    /// Works off its inbox.
    pub run: Run,
}

impl Service {
    /// A service that does nothing yet.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            http: axum::Router::new(),
            api: OpenApi::default(),
            grpc: Routes::default(),
            consumers: vec![],
            jobs: vec![],
            preparations: vec![],
        }
    }

    /// Serves REST.
    pub fn http(mut self, router: OpenApiRouter) -> Self {
        let (http, api) = router.split_for_parts();
        self.http = http;
        self.api = crate::openapi::with_problems(api, self.name);
        self
    }

    /// Serves gRPC.
    pub fn grpc(mut self, routes: Routes) -> Self {
        self.grpc = routes;
        self
    }

    /// Handles every message of type `P` at least once, in order per subject, effect and mark in one transaction.
    pub fn consumer<S, P, H, F, E>(mut self, name: &'static str, state: &Arc<S>, handler: H) -> Self
    where
        S: Send + Sync + 'static,
        P: Payload,
        H: Fn(Arc<S>, Delivery<P>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: ServiceError,
    {
        let state = state.clone();
        let run: Run = Box::new(move |inbox, stopping| {
            let handler = move |delivery| {
                let outcome = handler(state.clone(), delivery);
                async move { outcome.await.map_err(|error| handler_error(&error)) }
            };
            Box::pin(inbox.work(name.to_owned(), handler, stopping))
        });
        self.consumers.push(Consumer { name, pattern: Pattern::new(P::TYPE), run });
        self
    }

    /// Runs beside requests until the node stops.
    pub fn job<F>(
        mut self,
        name: &'static str,
        job: impl FnOnce(CancellationToken) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.jobs.push(Job { name, run: Box::new(move |stopping| Box::pin(job(stopping))) });
        self
    }

    /// Must succeed before the service can serve.
    pub fn prepare<E: ServiceError>(
        mut self,
        preparation: impl Future<Output = Result<(), E>> + Send + 'static,
    ) -> Self {
        let preparation = async move { preparation.await.map_err(|error| error.to_string()) };
        self.preparations.push(Box::pin(preparation));
        self
    }
}

fn handler_error(error: &impl ServiceError) -> HandlerError {
    HandlerError { is_unavailable: error.kind() == Kind::Unavailable, reason: error.to_string() }
}
