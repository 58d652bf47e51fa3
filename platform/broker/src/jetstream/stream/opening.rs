//! Opening a stream: its log, its consumers, and the message ids of late.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use tokio::sync::mpsc::Receiver;

use super::expiring::{Expiring, time_to_live};
use super::inlet::{Command, Inlet};
use super::metering::Meters;
use super::running::Running;
use super::saving::{self, Saver};
use super::{Environment, Rest, Stream};
use crate::jetstream::config::Storage;
use crate::jetstream::duplicates::{Duplicates, MESSAGE_ID};
use crate::jetstream::store::{StoredStream, StreamFolder};
use crate::log::{self, Entry, Log, Recovery};
use crate::protocol::Headers;

/// How many messages are read at once when the window of message ids is built up.
const READ_MESSAGES_MAX: usize = 256;

impl Stream {
    /// Opens a stream that is on disk, or whose file has just been written. Blocks.
    pub fn open(
        environment: &Environment,
        stored: StoredStream,
    ) -> io::Result<(Self, Receiver<Command>, Recovery)> {
        let folder = StreamFolder::new(&environment.streams, &stored.config.name);
        let settings = log::Settings {
            name: stored.config.name.clone(),
            sync: stored.config.storage == Storage::File,
            ..environment.log.clone()
        };
        let files = environment.files.open(&folder.messages())?;
        let (log, recovery) = Log::open(settings, files).map_err(io::Error::other)?;
        let (inlet, commands) =
            Inlet::new(environment.publications_max, environment.publication_bytes_max);
        let mut stream = Self {
            filters: stored.config.filters(),
            duplicates: Duplicates::new(stored.config.duplicate_window),
            config: stored.config,
            created: stored.created,
            folder,
            router: environment.router.clone(),
            clock: environment.clock.clone(),
            inlet,
            registrations: Vec::new(),
            last_message_id: String::new(),
            unconfirmed: VecDeque::new(),
            unconfirmed_bytes: 0,
            expiring: Expiring::new(),
            consumers: BTreeMap::new(),
            saver: Saver::default(),
            meters: Meters::default(),
            last_time_ns: log.state().last_time_ns,
            dropped: environment.dropped.clone(),
            is_failed: false,
            is_interest_changed: false,
            rest: Rest::More,
            log,
        };
        stream.load_consumers()?;
        stream.remember_ids();
        stream.remember_lifetimes();
        Ok((stream, commands, recovery))
    }

    fn load_consumers(&mut self) -> io::Result<()> {
        let now_ns = self.now_ns();
        for stored in self.folder.load_consumers()? {
            let name = stored.name.clone();
            if !saving::is_kept(&stored.config) {
                // It was written for this start only.
                self.folder.delete_consumer(&name)?;
            }
            self.consumers.insert(name, Running::new(stored, now_ns));
        }
        Ok(())
    }

    /// Builds up the window of message ids from what was published lately.
    fn remember_ids(&mut self) {
        let since_ns = self.duplicates.since_ns(self.now_ns());
        let after = self.log.seq_at(since_ns).saturating_sub(1);
        self.read_headers(after, Self::remember_id);
    }

    /// Finds out when messages end, where they may say so themselves.
    fn remember_lifetimes(&mut self) {
        if self.config.allow_msg_ttl {
            self.read_headers(0, Self::remember_lifetime);
        }
    }

    fn read_headers(
        &mut self,
        mut after: u64,
        mut remember: impl FnMut(&mut Self, &Entry, &Headers),
    ) {
        loop {
            match self.log.next(after, &[], READ_MESSAGES_MAX) {
                Ok(entries) if entries.is_empty() => return,
                Ok(entries) => {
                    for entry in entries {
                        after = entry.seq;
                        let headers = Headers::parse(&entry.headers).unwrap_or_default();
                        remember(self, &entry, &headers);
                    }
                }
                Err(log::Error::Damaged { seq }) => after = seq,
                Err(error) => {
                    tracing::error!(stream = self.config.name, %error, "cannot read headers");
                    return;
                }
            }
        }
    }

    fn remember_lifetime(&mut self, entry: &Entry, headers: &Headers) {
        if let Ok(Some(ttl_ns)) = time_to_live(headers, &self.config) {
            self.expiring.insert((entry.time_ns.saturating_add(ttl_ns), entry.seq));
        }
    }

    fn remember_id(&mut self, entry: &Entry, headers: &Headers) {
        let id = headers.get(MESSAGE_ID).unwrap_or_default();
        id.clone_into(&mut self.last_message_id);
        if !id.is_empty() {
            self.duplicates.remember(id, entry.seq, entry.time_ns);
        }
    }
}
