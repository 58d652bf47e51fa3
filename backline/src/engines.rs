//! Which engine moves the messages of a process, and how it is reached.

use std::sync::Arc;
use std::time::Duration;

use identity::NodeSecret;
use messages::{InProcess, Mirrored, Nats, NatsConfig, RabbitMq};

use crate::broker::EmbeddedBroker;
use crate::config::{Config, Engine};

/// How long a process waits at its start for a broker that is away.
const BROKER_PATIENCE: Duration = Duration::from_secs(30);
const BROKER_PAUSE: Duration = Duration::from_secs(1);

/// Connects to what moves the messages of this process.
pub async fn connect(
    config: &Config,
    broker: Option<&EmbeddedBroker>,
    secret: Arc<NodeSecret>,
) -> Result<Arc<dyn messages::Engine>, String> {
    let own = broker.map(EmbeddedBroker::as_service);
    Ok(match (config.messages.engine, own) {
        (Engine::InProcess, None) => Arc::new(InProcess::default()),
        (Engine::InProcess, Some(own)) => Arc::new(Mirrored::new(reach_nats(own).await?)),
        (Engine::Embedded, Some(own)) => Arc::new(reach_nats(own).await?),
        (Engine::Embedded, None) => {
            Arc::new(reach_nats(EmbeddedBroker::elsewhere(config, secret)).await?)
        }
        (Engine::Nats, _) => Arc::new(reach_nats(config.messages.nats()).await?),
        (Engine::RabbitMq, _) => {
            let settings = config.messages.rabbitmq();
            Arc::new(reach(|| RabbitMq::connect(settings.clone())).await?)
        }
    })
}

async fn reach_nats(settings: NatsConfig) -> Result<Nats, String> {
    reach(|| Nats::connect(settings.clone())).await
}

/// Processes that are started together need not be started in order.
async fn reach<T>(try_once: impl AsyncFn() -> Result<T, messages::Error>) -> Result<T, String> {
    let deadline = tokio::time::Instant::now() + BROKER_PATIENCE;
    loop {
        match try_once().await {
            Ok(reached) => return Ok(reached),
            Err(error) if tokio::time::Instant::now() > deadline => return Err(error.to_string()),
            Err(error) => tracing::warn!(%error, "the broker cannot be reached yet, trying again"),
        }
        tokio::time::sleep(BROKER_PAUSE).await;
    }
}
