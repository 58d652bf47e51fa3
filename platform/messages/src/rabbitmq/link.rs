//! A connection to the broker that is made anew, with growing delay, whenever it was lost.
//!
//! One task makes it; everybody else waits for the connection or is told that there is none. The library could
//! reconnect by itself, but then nobody would know what has become of what was under way.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::FieldTable;
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties, ErrorKind};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::broker;
use crate::Error;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For one question to the broker.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(5);
/// How soon a lost connection is noticed by the one who makes it anew; those who use it notice at once.
const CHECK_EVERY: Duration = Duration::from_millis(250);
/// Half of the silence after which a connection counts as broken, unless the address says something else.
const HEARTBEAT_SECONDS: u16 = 10;

/// See the module.
pub(super) struct Link {
    /// None while it is being made anew.
    current: watch::Receiver<Option<Arc<Connection>>>,
    /// Ends the task that keeps the connection.
    closing: CancellationToken,
    _close: DropGuard,
}

impl Link {
    /// Connects; `name` is what the broker's operator sees.
    pub(super) async fn open(mut address: AMQPUri, name: &'static str) -> Result<Arc<Self>, Error> {
        address.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        let (made, current) = watch::channel(Some(Arc::new(connect(&address, name).await?)));
        let closing = CancellationToken::new();
        let until = closing.clone();
        tokio::spawn(async move {
            until.run_until_cancelled(keep_connected(address, name, &made)).await;
            let last = made.borrow().clone();
            // Also of a link that was dropped: left open, the broker would go on delivering to it.
            take_leave(last).await;
        });
        Ok(Arc::new(Self { current, _close: closing.clone().drop_guard(), closing }))
    }

    /// `Ok` when the broker is connected and takes messages.
    pub(super) fn ready(&self) -> Result<(), Error> {
        if self.connection()?.status().blocked() {
            return Err(broker("it takes no messages now, for want of disk or memory"));
        }
        Ok(())
    }

    /// Waits until there is a connection.
    pub(super) async fn connected(&self) {
        // An error means that the link is being dropped; the question that follows will say so.
        drop(self.current.clone().wait_for(is_connected).await);
    }

    /// Does the work as long as the connection lasts. What is under way when it is lost, the library may never answer.
    pub(super) async fn while_connected<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut current = self.current.clone();
        let connection = self.connection()?;
        let is_another = |now: &Option<Arc<Connection>>| {
            now.as_ref().is_none_or(|now| !Arc::ptr_eq(now, &connection))
        };
        tokio::select! {
            outcome = work => outcome,
            _ = current.wait_for(is_another) => Err(broker("the connection was lost")),
        }
    }

    /// A channel on the connection that is there.
    pub(super) async fn channel(&self) -> Result<Channel, Error> {
        answer("a channel", self.connection()?.create_channel()).await
    }

    fn connection(&self) -> Result<Arc<Connection>, Error> {
        let current = self.current.borrow();
        let connection = current.as_ref().filter(|connection| connection.status().connected());
        connection.cloned().ok_or_else(|| broker("not connected"))
    }

    /// How many messages wait in a queue; `None` when there is no such queue.
    pub(super) async fn queue_length(&self, queue: &str) -> Result<Option<u64>, Error> {
        let passive = QueueDeclareOptions { passive: true, ..Default::default() };
        // The broker closes a channel that asks for what is not there, so it is asked on one of its own.
        let channel = self.channel().await?;
        let asked = channel.queue_declare(queue.into(), passive, FieldTable::default());
        Ok(find(queue, asked).await?.map(|queue| queue.message_count().into()))
    }

    /// For good: takes leave of the broker.
    pub(super) async fn close(&self) {
        self.closing.cancel();
        let last = self.current.borrow().clone();
        take_leave(last).await;
    }
}

async fn take_leave(connection: Option<Arc<Connection>>) {
    // One that is lost already, or closed by somebody else, needs no farewell.
    if let Some(connection) = connection.filter(|connection| connection.status().connected()) {
        drop(answer("the end", connection.close(200, "stopped".into())).await);
    }
}

/// Gives the work so much time.
pub(super) async fn within<T>(
    limit: Duration,
    what: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let ended = tokio::time::timeout(limit, work).await;
    ended.unwrap_or_else(|_| Err(broker(format!("{what}: no answer within {limit:?}"))))
}

/// What the broker answers to one question.
pub(super) async fn answer<T>(
    what: &str,
    question: impl Future<Output = lapin::Result<T>>,
) -> Result<T, Error> {
    let named = |error| broker(format!("{what}: {error}"));
    within(ANSWER_TIMEOUT, what, async { question.await.map_err(named) }).await
}

/// What the broker answers to a question about something; `None` when there is no such thing.
pub(super) async fn find<T>(
    what: &str,
    question: impl Future<Output = lapin::Result<T>>,
) -> Result<Option<T>, Error> {
    let found = async {
        match question.await {
            Err(error) if is_not_found(&error) => Ok(None),
            answered => answered.map(Some),
        }
    };
    answer(what, found).await
}

fn is_not_found(error: &lapin::Error) -> bool {
    let not_found = AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND);
    matches!(error.kind(), ErrorKind::ProtocolError(error) if *error.kind() == not_found)
}

async fn connect(address: &AMQPUri, name: &str) -> Result<Connection, Error> {
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let connected = Connection::connect_uri(address.clone(), properties);
    within(CONNECT_TIMEOUT, "connecting", async { connected.await.map_err(broker) }).await
}

fn is_connected(connection: &Option<Arc<Connection>>) -> bool {
    connection.as_ref().is_some_and(|connection| connection.status().connected())
}

async fn keep_connected(
    address: AMQPUri,
    name: &str,
    current: &watch::Sender<Option<Arc<Connection>>>,
) {
    loop {
        while is_connected(&current.borrow()) {
            tokio::time::sleep(CHECK_EVERY).await;
        }
        current.send_replace(None);
        tracing::warn!(name, "the message broker is away");
        let connection = connect_patiently(&address, name).await;
        current.send_replace(Some(Arc::new(connection)));
        tracing::info!(name, "the message broker is back");
    }
}

async fn connect_patiently(address: &AMQPUri, name: &str) -> Connection {
    let mut failures = 0;
    loop {
        match connect(address, name).await {
            Ok(connection) => return connection,
            Err(error) => {
                tracing::warn!(name, %error, failures, "connecting to the message broker failed, trying again");
                tokio::time::sleep(stdx::backoff::delay(failures, RETRY_FIRST, RETRY_LONGEST))
                    .await;
                failures = failures.saturating_add(1);
            }
        }
    }
}
