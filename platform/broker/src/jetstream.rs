//! JetStream: streams that keep what is published below their subjects, and consumers that remember what was
//! delivered and acknowledged. A subset of nats-server's, spoken so that its official clients notice no difference.
//!
//! Owns a folder with all streams. Promises: a publication is acknowledged when it is on disk; a message that was not
//! acknowledged comes again, also after a crash; what is not offered is refused, never ignored. Absent by design:
//! replicas, mirrors and sources, priority groups, compression, transformation of subjects.

mod advisory;
mod api;
pub mod backup;
mod config;
mod consumer;
mod duplicates;
mod error;
mod json;
mod pulls;
mod store;
mod stream;
mod streams;
mod views;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::Rng;
use rand::distr::Alphanumeric;
use stdx::Clock;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::log::{self, Recovery};
use crate::server::{Handler, Registration, Router};
use crate::subject::Filter;
use api::{Answers, Requests};
use stream::{Command, Environment};
use streams::Streams;
use views::StreamInfo;

/// Requests that concern no single stream and wait for their turn.
const GLOBAL_CALLS_MAX: usize = 4096;

/// How streams behave.
#[derive(Clone, Debug)]
pub struct Settings {
    /// More streams are refused.
    pub streams_max: usize,
    /// How many publications may wait for a stream; the publisher of one more gets an error.
    pub publications_max: usize,
    /// How many bytes of them.
    pub publication_bytes_max: usize,
    /// How messages are kept on disk. Each stream's log has its own name.
    pub log: log::Settings,
    /// Where the files of these logs come from.
    pub files: log::OpenFiles,
    /// What time it is.
    pub clock: Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            streams_max: 1024,
            publications_max: 64 * 1024,
            publication_bytes_max: 64 << 20,
            log: log::Settings::default(),
            files: log::OpenFiles::default(),
            clock: Clock::system(),
        }
    }
}

/// Where the streams of a broker's folder are.
fn streams_of(folder: &Path) -> PathBuf {
    folder.join("streams")
}

/// What was found of a stream on disk.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// Its name.
    pub stream: String,
    /// Its messages.
    pub recovery: Recovery,
}

/// A stream whose disk failed: it is read, and takes nothing until it is opened anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedStream {
    /// Its name.
    pub stream: String,
    /// What happened.
    pub reason: String,
}

/// Why JetStream could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder or file could not be read.
    #[error("cannot open the streams: {0}")]
    Io(#[from] io::Error),
}

/// See the module. Dropped without being stopped it ends as by a crash.
pub struct JetStream {
    streams: Arc<Streams>,
    recovered: Vec<Recovered>,
    api: JoinHandle<()>,
    dropped: CancellationToken,
    _registrations: Vec<Registration>,
}

impl JetStream {
    /// Opens all streams of a folder, and answers requests that come by the router.
    pub async fn open(folder: &Path, router: Router, settings: Settings) -> Result<Self, Error> {
        let dropped = CancellationToken::new();
        let environment = Environment {
            streams: streams_of(folder),
            router: router.clone(),
            clock: settings.clock,
            publications_max: settings.publications_max,
            publication_bytes_max: settings.publication_bytes_max,
            log: settings.log,
            files: settings.files,
            dropped: dropped.clone(),
        };
        let folder = environment.streams.clone();
        let list = move || {
            store::delete_leftovers(&folder)?;
            store::list_folders(&folder)
        };
        let names = blocking(list).await?;
        let streams = Arc::new(Streams::new(environment, settings.streams_max));
        let mut recovered = Vec::new();
        for name in names {
            recovered.extend(streams.load(name).await?);
        }
        let (global, calls) = mpsc::channel(GLOBAL_CALLS_MAX);
        let requests = Requests { streams: streams.clone(), global, router: router.clone() };
        let api = tokio::spawn(api::serve(streams.clone(), router.clone(), calls));
        let registrations = register(&router, requests);
        Ok(Self { streams, recovered, api, dropped, _registrations: registrations })
    }

    /// What was found on disk at the start.
    pub fn recovered(&self) -> &[Recovered] {
        &self.recovered
    }

    /// The streams that take nothing any more. None is healthy.
    pub async fn failed(&self) -> Vec<FailedStream> {
        let infos = self.streams.describe_all().await.into_iter();
        let failed = |info: StreamInfo| {
            let reason = info.failure?;
            Some(FailedStream { stream: info.config.name, reason })
        };
        infos.filter_map(failed).collect()
    }

    /// Ends all streams; what they know is on disk then.
    pub async fn stop(&self) {
        self.streams.stop().await;
    }
}

impl Drop for JetStream {
    fn drop(&mut self) {
        self.api.abort();
        self.dropped.cancel();
    }
}

fn register(router: &Router, requests: Requests) -> Vec<Registration> {
    let answers = |command| Answers { streams: requests.streams.clone(), command };
    let acks = Arc::new(answers(Command::Acknowledge));
    let flow_control = Arc::new(answers(Command::Continue));
    let handlers: [(&'static str, Arc<dyn Handler>); 3] =
        [("$JS.ACK.>", acks), ("$JS.FC.>", flow_control), ("$JS.API.>", Arc::new(requests))];
    let filter = |text| Filter::parse(text).expect("these are filters");
    handlers.into_iter().map(|(text, handler)| router.handle(filter(text), handler)).collect()
}

/// Runs what blocks where it does no harm.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(error.into()))
}

/// Letters and digits that nobody has had before.
fn random_name(letters: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(letters).map(char::from).collect()
}
