//! Log and metrics of the process.

use std::io::IsTerminal;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::time::SystemTime;

use crate::config::{ConfigError, LogConfig, LogFormat};

/// Bounds of the buckets for durations, seconds.
const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0];
/// How often the exporter drops samples that nobody has fetched.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// The client of RabbitMQ calls it an error when a queue that was asked for is not there. Who asked knows better, so
/// that is not logged unless the filter names the client.
const CLIENT_OF_RABBITMQ: &str = "lapin";
const ITS_ERRORS_OFF: &str = "lapin::channel=off";

/// Begins to log to standard error.
pub fn init_log(config: &LogConfig) -> Result<(), ConfigError> {
    let filter =
        filter(&config.filter).map_err(|error| ConfigError(format!("`log.filter`: {error}")))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let begun = match config.format {
        LogFormat::Text => log.with_timer(SystemTime).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    begun.map_err(|error| ConfigError(error.to_string()))
}

fn filter(wanted: &str) -> Result<EnvFilter, ParseError> {
    let filter = EnvFilter::try_new(wanted)?;
    if wanted.contains(CLIENT_OF_RABBITMQ) {
        return Ok(filter);
    }
    Ok(filter.add_directive(ITS_ERRORS_OFF.parse()?))
}

/// Begins to count.
pub fn init_metrics() -> Result<PrometheusHandle, String> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| format!("metrics: {error}"))
}

/// Keeps the memory of the metrics bounded while nobody fetches them.
pub async fn upkeep_forever(metrics: PrometheusHandle, stopping: CancellationToken) {
    while stopping.run_until_cancelled(tokio::time::sleep(UPKEEP_EVERY)).await.is_some() {
        metrics.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_of_rabbitmq_is_heard_when_it_is_named() {
        assert!(filter("info").expect("a filter").to_string().contains(ITS_ERRORS_OFF));
        assert!(!filter("info,lapin=debug").expect("a filter").to_string().contains("off"));
        assert!(filter("info,=,").is_err());
    }
}
