//! How the embedded broker is, for whoever asks whether the process can serve.

use std::sync::Arc;
use std::time::Duration;

use broker::Broker;
use broker::jetstream::FailedStream;
use tokio::sync::RwLock;

/// A disk that hangs holds up a stream, and must not hold up the answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// More are counted and not named.
const NAMED_MAX: usize = 5;

/// A broker, as long as it runs. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Running(Arc<RwLock<Option<Broker>>>);

impl Running {
    pub(super) fn new(broker: Broker) -> Self {
        Self(Arc::new(RwLock::new(Some(broker))))
    }

    /// `Err` says which streams take nothing any more, and why.
    pub async fn check(&self) -> Result<(), String> {
        let failed = async {
            let running = self.0.read().await;
            match running.as_ref() {
                Some(broker) => broker.failed_streams().await,
                None => vec![],
            }
        };
        let failed = tokio::time::timeout(PATIENCE, failed).await;
        let failed = failed.map_err(|_| "its streams do not answer in time".to_owned())?;
        if failed.is_empty() { Ok(()) } else { Err(words(&failed)) }
    }

    /// Brings everything to disk and says goodbye to the clients.
    pub(super) async fn stop(&self) {
        if let Some(broker) = self.0.write().await.take() {
            broker.stop().await;
        }
    }
}

fn words(failed: &[FailedStream]) -> String {
    let named = failed.iter().take(NAMED_MAX);
    let named = named.map(|FailedStream { stream, reason }| format!("`{stream}`: {reason}"));
    let named = named.collect::<Vec<_>>().join("; ");
    match failed.len().saturating_sub(NAMED_MAX) {
        0 => named,
        others => format!("{named}; and {others} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use async_nats::jetstream::{self, stream};
    use broker::BrokerSettings;
    use broker::log::OpenFiles;
    use broker::log::faults::FaultyFiles;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stream_whose_disk_failed_is_named_with_the_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = FaultyFiles::new();
        let opened = disk.clone();
        let mut settings = BrokerSettings::new(folder.path());
        settings.jetstream.files = OpenFiles::new(move |_| Ok(Arc::new(opened.clone())));
        let broker = Broker::start(settings).await.expect("a broker");
        let client = async_nats::connect(broker.address().to_string()).await.expect("let in");
        let running = Running::new(broker);
        let context = jetstream::new(client);
        let config = stream::Config {
            name: "ORDERS".into(),
            subjects: vec!["orders".into()],
            ..stream::Config::default()
        };
        context.create_stream(config).await.expect("a stream");
        let publish = async || context.publish("orders", "one".into()).await.expect("sent").await;
        publish().await.expect("kept");
        assert_eq!(running.check().await, Ok(()));

        disk.fail_sync(1);
        publish().await.expect_err("kept without a sync");
        let why = running.check().await.expect_err("the disk failed");
        assert!(why.starts_with("`ORDERS`: ") && why.contains("cannot sync"), "{why}");
        running.stop().await;
        assert_eq!(running.check().await, Ok(()), "nothing is left that could fail");
    }

    #[test]
    fn of_many_streams_the_first_are_named_and_the_others_counted() {
        let failed = |number: usize| FailedStream {
            stream: format!("S{number}"),
            reason: "cannot sync".into(),
        };
        let of = |count| words(&(1..=count).map(failed).collect::<Vec<_>>());
        assert_eq!(of(2), "`S1`: cannot sync; `S2`: cannot sync");
        assert!(of(7).ends_with("`S5`: cannot sync; and 2 more"), "{}", of(7));
    }
}
