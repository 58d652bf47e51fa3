//! All streams: finding, making, changing and deleting them.
//!
//! Owns the folder of streams and the list of their queues. Promises that no two streams keep the same subject, and
//! that a stream whose making was acknowledged is there after a crash.

use std::collections::BTreeMap;
use std::io;

use parking_lot::{Mutex, RwLock};
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use super::Recovered;
use super::advisory::{Action, Advisory};
use super::config::{Storage, StreamConfig};
use super::error::{self, ApiError};
use super::store::{StoredStream, StreamFolder};
use super::stream::{Command, Environment, Inlet, Stream};
use super::views::StreamInfo;
use crate::subject::Filter;

/// See the module.
pub struct Streams {
    environment: Environment,
    streams_max: usize,
    open: RwLock<BTreeMap<String, Inlet>>,
    /// Held while a stream is made, changed or deleted.
    changing: tokio::sync::Mutex<()>,
    tasks: Mutex<TaskTracker>,
}

impl Streams {
    /// None yet.
    pub fn new(environment: Environment, streams_max: usize) -> Self {
        Self {
            environment,
            streams_max,
            open: RwLock::default(),
            changing: tokio::sync::Mutex::default(),
            tasks: Mutex::default(),
        }
    }

    /// The way into a stream.
    pub fn find(&self, name: &str) -> Option<Inlet> {
        self.open.read().get(name).cloned()
    }

    /// Opens a stream that is on disk. `None` if it is none: it was never finished, or is to be forgotten. Messages
    /// without a stream are left alone: somebody has to look at them.
    pub async fn load(&self, name: String) -> io::Result<Option<Recovered>> {
        let folder = StreamFolder::new(&self.environment.streams, &name);
        let environment = self.environment.clone();
        let opened = super::blocking(move || match folder.load_stream()? {
            Some(stored) if stored.config.storage == Storage::File => {
                Stream::open(&environment, stored).map(Some)
            }
            None if folder.has_messages() => Ok(None),
            _ => folder.delete().map(|()| None),
        });
        let Some((stream, commands, recovery)) = opened.await? else {
            tracing::warn!(
                folder = name,
                "a folder among the streams is none, or held a stream in memory"
            );
            return Ok(None);
        };
        self.start(name.clone(), stream, commands);
        Ok(Some(Recovered { stream: name, recovery }))
    }

    fn start(
        &self,
        name: String,
        mut stream: Stream,
        commands: tokio::sync::mpsc::Receiver<Command>,
    ) {
        stream.listen();
        self.open.write().insert(name, stream.inlet());
        self.tasks.lock().spawn(stream.run(commands));
    }

    /// Makes a stream. One that is there already and is the same is fine.
    pub async fn create(&self, config: StreamConfig) -> Result<StreamInfo, ApiError> {
        let _changing = self.changing.lock().await;
        if let Some(existing) = self.find(&config.name) {
            let info = describe(&existing).await.ok_or(error::STREAM_NOT_FOUND)?;
            let is_same = info.config == config;
            return if is_same { Ok(info) } else { Err(error::STREAM_NAME_EXISTS) };
        }
        if config.sealed {
            return Err(error::invalid_stream("stream configuration for create can not be sealed"));
        }
        if config.first_seq > 1 {
            return Err(error::unsupported("first_seq"));
        }
        if self.open.read().len() >= self.streams_max {
            return Err(error::STREAMS_MAX);
        }
        self.check_overlap(&config).await?;
        let name = config.name.clone();
        let (stream, commands) = self.write_new(config).await.map_err(|cause| {
            tracing::error!(stream = name, %cause, "cannot make a stream");
            error::stream_create(cause.to_string())
        })?;
        self.start(name.clone(), stream, commands);
        self.tell(&name, Action::Create);
        let inlet = self.find(&name).ok_or(error::STREAM_NOT_FOUND)?;
        describe(&inlet).await.ok_or(error::STREAM_NOT_FOUND)
    }

    async fn write_new(
        &self,
        config: StreamConfig,
    ) -> io::Result<(Stream, tokio::sync::mpsc::Receiver<Command>)> {
        let environment = self.environment.clone();
        let stored = StoredStream { created: environment.clock.now(), config };
        super::blocking(move || {
            let folder = StreamFolder::new(&environment.streams, &stored.config.name);
            if folder.has_messages() {
                return Err(io::Error::other(
                    "its folder has messages of another one: move it away",
                ));
            }
            folder.save_stream(&stored)?;
            let (stream, commands, _) = Stream::open(&environment, stored)?;
            Ok((stream, commands))
        })
        .await
    }

    async fn check_overlap(&self, config: &StreamConfig) -> Result<(), ApiError> {
        let wanted = config.filters();
        let overlaps = |other: &Filter| wanted.iter().any(|filter| filter.overlaps(other));
        for info in self.describe_all().await {
            let is_other = info.config.name != config.name;
            if is_other && info.config.filters().iter().any(overlaps) {
                return Err(error::SUBJECTS_OVERLAP);
            }
        }
        Ok(())
    }

    /// Changes a stream.
    pub async fn update(&self, config: StreamConfig) -> Result<StreamInfo, ApiError> {
        let _changing = self.changing.lock().await;
        let inlet = self.find(&config.name).ok_or(error::STREAM_NOT_FOUND)?;
        self.check_overlap(&config).await?;
        let (done, result) = oneshot::channel();
        inlet.send_waiting(Command::Update(Box::new(config), done)).await;
        result.await.unwrap_or(Err(error::STREAM_NOT_FOUND))
    }

    /// Deletes a stream and all that is in it.
    pub async fn delete(&self, name: &str) -> Result<(), ApiError> {
        let _changing = self.changing.lock().await;
        let inlet = self.open.write().remove(name).ok_or(error::STREAM_NOT_FOUND)?;
        let (done, ended) = oneshot::channel();
        inlet.send_waiting(Command::Delete(done)).await;
        // An error says that it has ended already.
        let _ = ended.await;
        let folder = StreamFolder::new(&self.environment.streams, name);
        super::blocking(move || folder.delete()).await.map_err(|cause| {
            tracing::error!(stream = name, %cause, "cannot delete a stream");
            error::STREAM_DELETE
        })?;
        self.tell(name, Action::Delete);
        Ok(())
    }

    fn tell(&self, stream: &str, action: Action) {
        let now = self.environment.clock.now();
        if let Some(message) = Advisory::Stream(action).into_message(stream, now) {
            self.environment.router.publish(&message, None);
        }
    }

    /// All streams, by name.
    pub async fn describe_all(&self) -> Vec<StreamInfo> {
        let inlets: Vec<Inlet> = self.open.read().values().cloned().collect();
        let mut infos = Vec::new();
        for inlet in inlets {
            infos.extend(describe(&inlet).await);
        }
        infos
    }

    /// Ends all streams; what they know is on disk then.
    pub async fn stop(&self) {
        let _changing = self.changing.lock().await;
        let inlets = std::mem::take(&mut *self.open.write());
        let mut ended = Vec::new();
        for inlet in inlets.values() {
            let (done, end) = oneshot::channel();
            inlet.send_waiting(Command::Stop(done)).await;
            ended.push(end);
        }
        for end in ended {
            // An error says that it has ended already.
            let _ = end.await;
        }
        let tasks = self.tasks.lock().clone();
        tasks.close();
        tasks.wait().await;
    }
}

async fn describe(inlet: &Inlet) -> Option<StreamInfo> {
    let (done, info) = oneshot::channel();
    inlet.send_waiting(Command::Describe(done)).await;
    info.await.ok()
}
