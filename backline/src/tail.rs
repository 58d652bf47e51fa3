//! `backline messages tail`, `publish`, `consumers` and `backup`: what travels, how far its consumers are, and what is kept of it,
//! seen from the command line.
//!
//! Talks to the broker of the settings as any program outside does: the embedded one, or NATS.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use async_nats::ConnectErrorKind;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::{self, stream::Stream};
use broker::jetstream::{JetStream, Recovered, backup};
use broker::server::Router;
use futures::StreamExt;
use jiff::Timestamp;
use messages::{ConsumerReport, Pattern};
use serde_json::Value;

use crate::broker::{FOLDER, url_of};
use crate::config::{Config, Engine};
use crate::text;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Prints messages of this pattern (`user.*`, `#`), one JSON line each: those since then, and what comes, until the
/// process is ended or nobody reads any more.
pub async fn tail(
    config: &Config,
    token: Option<String>,
    pattern: &str,
    since: Option<Timestamp>,
) -> Result<(), String> {
    let stream = stream(config, token).await?;
    let deliver_policy = match since {
        None => DeliverPolicy::New,
        Some(since) => {
            let start = std::time::SystemTime::from(since);
            DeliverPolicy::ByStartTime { start_time: start.into() }
        }
    };
    let filter_subject = Pattern::new(pattern).nats_subject(&config.messages.prefix);
    let settings = pull::OrderedConfig { filter_subject, deliver_policy, ..Default::default() };
    let consumer = stream.create_consumer(settings).await.map_err(text)?;
    let mut messages = consumer.messages().await.map_err(text)?;
    while let Some(message) = messages.next().await {
        let payload = message.map_err(text)?.payload.clone();
        // Anything else than JSON is not from a service, and shown as it is.
        let line = serde_json::from_slice::<Value>(&payload).map_or_else(
            |_| String::from_utf8_lossy(&payload).into_owned(),
            |json| json.to_string(),
        );
        if writeln!(std::io::stdout(), "{line}").is_err() {
            return Ok(());
        }
    }
    Err("the broker went away".into())
}

/// Sends a message to other programs, and says whether a stream keeps it.
pub async fn publish(
    config: &Config,
    token: Option<String>,
    subject: String,
    body: String,
) -> Result<(), String> {
    let context = context(config, token).await?;
    let sent = context.publish(subject.clone(), body.into()).await.map_err(text)?;
    match sent.await {
        Ok(kept) => println!("kept in {} as number {}", kept.stream, kept.sequence),
        Err(error) if error.kind() == PublishErrorKind::StreamNotFound => {
            println!("sent to those who listen now; no stream keeps `{subject}`");
        }
        Err(error) => {
            return Err(format!("{error} (it takes the permission `messages:publish`)"));
        }
    }
    Ok(())
}

/// Prints each consumer of Backline's stream with what it has still to receive.
pub async fn print_consumers(config: &Config, token: Option<String>) -> Result<(), String> {
    let context = context(config, token).await?;
    let stream = config.messages.nats().stream_name();
    let mut consumers = messages::list_consumers(&context, &stream).await.map_err(text)?;
    consumers.sort_by(|a, b| a.name.cmp(&b.name));
    println!(
        "{:<40} {:>10} {:>14} {:>12} {:>12}",
        "consumer", "waiting", "unacknowledged", "redelivered", "dead letters"
    );
    for ConsumerReport { name, waiting, unacknowledged, redelivered, dead_letters, .. } in
        &consumers
    {
        println!(
            "{name:<40} {waiting:>10} {unacknowledged:>14} {redelivered:>12} {dead_letters:>12}"
        );
    }
    println!("{} consumers", consumers.len());
    Ok(())
}

/// Copies the embedded broker's streams, also while it runs, and opens the copy to see that it is good.
pub async fn back_up(config: &Config, to: &Path) -> Result<(), String> {
    let from = config.node.data.join(FOLDER);
    let target = to.to_owned();
    let copied = tokio::task::spawn_blocking(move || backup::copy(&from, &target)).await;
    copied.map_err(text)?.map_err(|error| match error.kind() {
        ErrorKind::DirectoryNotEmpty => format!("{} is not empty", to.display()),
        ErrorKind::NotFound => {
            format!("{} has no broker's streams", config.node.data.display())
        }
        _ => error.to_string(),
    })?;
    let opened = JetStream::open(to, Router::new(), broker::jetstream::Settings::default()).await;
    let opened = opened.map_err(|error| format!("the copy is not good: {error}"))?;
    for Recovered { stream, recovery } in opened.recovered() {
        if !recovery.damaged.is_empty() || !recovery.unreadable.is_empty() {
            return Err(format!("`{stream}` is damaged, here and in the copy: {recovery:?}"));
        }
        println!("{stream}: {} messages, {} bytes", recovery.entries, recovery.bytes);
    }
    opened.stop().await;
    Ok(())
}

async fn stream(config: &Config, token: Option<String>) -> Result<Stream, String> {
    let name = config.messages.nats().stream_name();
    context(config, token).await?.get_stream(name).await.map_err(text)
}

/// The streams of the broker of the settings.
pub(crate) async fn context(
    config: &Config,
    token: Option<String>,
) -> Result<jetstream::Context, String> {
    let url = url(config)?;
    let options = match token {
        Some(token) => async_nats::ConnectOptions::with_token(token),
        None => async_nats::ConnectOptions::new(),
    };
    let servers: Vec<&str> = url.split(',').map(str::trim).collect();
    let connected = options.connection_timeout(CONNECT_TIMEOUT).connect(servers).await;
    let client = connected.map_err(|error| match error.kind() {
        ConnectErrorKind::AuthorizationViolation => {
            "the broker let nobody in: show an access token with the permission `messages:subscribe` \
             (--token-stdin)"
                .to_owned()
        }
        _ => format!("the broker at {url}: {error}"),
    })?;
    Ok(jetstream::new(client))
}

/// Where the broker of the settings is.
fn url(config: &Config) -> Result<String, String> {
    let address = config.broker_listen().map_err(text)?;
    let Some(address) = address else {
        return match config.messages.engine {
            Engine::InProcess => Err("there is no broker: `broker.listen` is empty".into()),
            Engine::Embedded | Engine::Nats => Ok(config.messages.url().to_owned()),
            Engine::RabbitMq => {
                Err("RabbitMQ has tools of its own for this: rabbitmqctl list_queues".into())
            }
        };
    };
    let scheme = if config.broker.is_encrypted() { "tls" } else { "nats" };
    Ok(url_of(scheme, address))
}
