//! The two connections to Redis: one that listens and one that asks. Every answer has its time.
//!
//! The client's own reconnection is not used: it would hide the moment after which everything has to be read anew.

use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use redis::aio::{MultiplexedConnection, PubSubSink, PubSubStream};
use redis::{AsyncConnectionConfig, Client, Pipeline};
use uuid::Uuid;

use crate::{Error, KEPT, Names, Revoked};

/// For connecting and for each answer. Whoever waits longer knows enough: it is away.
const PATIENCE: Duration = Duration::from_secs(1);
/// Entries in one transaction and in one message.
const WRITTEN_AT_ONCE: usize = 1000;
const READ_AT_ONCE: usize = 5000;

pub struct Link {
    commands: MultiplexedConnection,
    sink: PubSubSink,
    messages: PubSubStream,
    names: Names,
}

impl Link {
    /// Connects and begins to hear.
    pub async fn connect(client: &Client, names: &Names) -> Result<Self, Error> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let commands = client.get_multiplexed_async_connection_with_config(&config).await?;
        let listening = in_time(client.get_async_pubsub()).await?;
        let (mut sink, messages) = listening.split();
        in_time(sink.subscribe(&names.channel)).await?;
        Ok(Self { commands, sink, messages, names: names.clone() })
    }

    /// The next that somebody writes.
    pub async fn hear(&mut self) -> Result<Revoked, Error> {
        loop {
            let message = self.messages.next().await.ok_or(Error::Closed)?;
            match serde_json::from_slice(message.get_payload_bytes()) {
                Ok(revoked) => return Ok(revoked),
                // Somebody else uses our channel; waiting will not make it readable.
                Err(error) => {
                    tracing::error!(channel = self.names.channel, %error, "not a revocation of ours, skipped");
                }
            }
        }
    }

    /// All that is there and is not older.
    pub async fn read(&mut self, oldest: Timestamp) -> Result<Revoked, Error> {
        let names = self.names.clone();
        Ok(Revoked {
            sessions: self.read_set(&names.ended_sessions, oldest).await?,
            users: self.read_set(&names.revoked_users, oldest).await?,
        })
    }

    /// From the newest on: what is added meanwhile shifts the pages so that some is read twice, and nothing is missed.
    async fn read_set(&mut self, name: &str, oldest: Timestamp) -> Result<Vec<(Uuid, i64)>, Error> {
        let mut all = vec![];
        loop {
            let mut range = redis::cmd("ZRANGE");
            range.arg(name).arg("+inf").arg(oldest.as_millisecond()).arg("BYSCORE").arg("REV");
            range.arg("LIMIT").arg(all.len()).arg(READ_AT_ONCE).arg("WITHSCORES");
            let page: Vec<(String, f64)> = range.query_async(&mut self.commands).await?;
            let is_last = page.len() < READ_AT_ONCE;
            // An id that cannot be read is none of ours; it takes its place so that the pages fit.
            all.extend(
                page.into_iter().map(|(id, at)| (id.parse().unwrap_or_default(), at as i64)),
            );
            if is_last {
                return Ok(all);
            }
        }
    }

    /// Adds, forgets what is older, and tells everybody; all of it or nothing.
    pub async fn write(&mut self, new: &Revoked, oldest: Timestamp) -> Result<(), Error> {
        let sessions = new.sessions.chunks(WRITTEN_AT_ONCE);
        let sessions =
            sessions.map(|chunk| Revoked { sessions: chunk.to_vec(), ..Revoked::default() });
        let users = new.users.chunks(WRITTEN_AT_ONCE);
        let users = users.map(|chunk| Revoked { users: chunk.to_vec(), ..Revoked::default() });
        for part in sessions.chain(users) {
            let mut pipe = redis::pipe();
            pipe.atomic();
            add(&mut pipe, &self.names.ended_sessions, &part.sessions, oldest);
            add(&mut pipe, &self.names.revoked_users, &part.users, oldest);
            // A list of ids and numbers has no way to fail.
            let message = serde_json::to_string(&part).unwrap_or_default();
            pipe.cmd("PUBLISH").arg(&self.names.channel).arg(message).ignore();
            pipe.query_async::<()>(&mut self.commands).await?;
        }
        Ok(())
    }

    /// Whether both connections live: one of them may have died without a word.
    pub async fn ping(&mut self) -> Result<(), Error> {
        redis::cmd("PING").query_async::<()>(&mut self.commands).await?;
        in_time(self.sink.ping::<redis::Value>()).await.map(drop)
    }
}

fn add(pipe: &mut Pipeline, name: &str, entries: &[(Uuid, i64)], oldest: Timestamp) {
    if entries.is_empty() {
        return;
    }
    // GT: an older moment that arrives late takes nothing back.
    let zadd = pipe.cmd("ZADD").arg(name).arg("GT");
    for (id, at_ms) in entries {
        zadd.arg(*at_ms).arg(id.to_string());
    }
    zadd.ignore();
    let before = format!("({}", oldest.as_millisecond());
    pipe.cmd("ZREMRANGEBYSCORE").arg(name).arg("-inf").arg(before).ignore();
    pipe.cmd("PEXPIRE").arg(name).arg(KEPT.as_millis() as i64).ignore();
}

async fn in_time<T>(answer: impl Future<Output = redis::RedisResult<T>>) -> Result<T, Error> {
    let answer = tokio::time::timeout(PATIENCE, answer).await;
    Ok(answer.map_err(|_| Error::TimedOut)??)
}
