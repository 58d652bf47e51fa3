//! What a service is built from. Everything that a test wants to set comes in here.

use std::sync::Arc;

use database::Database;
use mail::Mailer;
use messages::Engine;
use policies::{Policies, PolicyError};
use serde::de::DeserializeOwned;
use stdx::Clock;
use tonic::Request;

use crate::Service;
use crate::audit::Trail;
use crate::calls::{Calls, Channel};

/// A service cannot be built: its policies or its settings are wrong.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The policies do not fit their schema.
    #[error(transparent)]
    Policies(#[from] PolicyError),
    /// A setting is unknown or out of range.
    #[error("settings of `{service}`: {reason}")]
    Settings {
        /// Whose section.
        service: String,
        /// What is wrong.
        reason: String,
    },
}

/// What a service is built from.
#[derive(Clone)]
pub struct Context {
    /// The service's name.
    pub service: &'static str,
    /// Its own database.
    pub database: Database,
    /// The time.
    pub clock: Clock,
    /// The way to other services.
    pub calls: Calls,
    /// What moves messages. Services publish in transactions; this is for looking at the broker.
    pub messages: Arc<dyn Engine>,
    /// The way out for letters.
    pub mail: Mailer,
    /// The way into the audit log for what has no transaction of its own.
    pub trail: Trail,
    /// Its section of the configuration.
    pub settings: serde_json::Value,
    /// Where the world reaches this installation, without a slash at the end: `http://127.0.0.1:5000`.
    pub public_url: String,
}

impl Context {
    /// Loads and checks the service's policies. What they deny goes into the audit log.
    pub fn policies(&self, schema: &str, policies: &str) -> Result<Policies, StartError> {
        let loaded = Policies::load(self.service, schema, policies)?;
        Ok(loaded.watched_by(Arc::new(self.trail.clone())))
    }

    /// The service with the job that writes its part of the audit log.
    pub fn with_trail(&self, service: Service) -> Service {
        let (trail, database) = (self.trail.clone(), self.database.clone());
        service.job("audit trail", move |stopping| trail.write_until(database, stopping))
    }

    /// The service's settings; what is not set has its default.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, StartError> {
        T::deserialize(&self.settings).map_err(|error| StartError::Settings {
            service: self.service.to_owned(),
            reason: error.to_string(),
        })
    }

    /// A channel to another service, for its generated client.
    pub fn channel(&self, service: &str) -> Channel {
        self.calls.channel(service)
    }

    /// A request to another service on this service's own behalf.
    pub fn on_own_behalf<T>(&self, message: T) -> Request<T> {
        self.calls.as_service(self.service, message)
    }
}
