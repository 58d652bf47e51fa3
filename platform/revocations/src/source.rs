//! What was revoked, and who knows it: the tokens service of this process.

use std::sync::Arc;

use contracts::grpc::tokens::SnapshotRequest;
use contracts::grpc::tokens::tokens_client::TokensClient;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service_kit::{Calls, Error};
use tokio::sync::watch;
use uuid::Uuid;

/// Something that was revoked, with its time in milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Revoked {
    /// Session → when it ended.
    pub sessions: Vec<(Uuid, i64)>,
    /// User → tokens issued before this are dead.
    pub users: Vec<(Uuid, i64)>,
}

impl Revoked {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.users.is_empty()
    }
}

type Read = Arc<dyn Fn(Timestamp) -> BoxFuture<'static, Result<Revoked, Error>> + Send + Sync>;

/// Who knows what was revoked.
#[derive(Clone)]
pub struct Source {
    read: Read,
    changes: watch::Receiver<u64>,
}

impl Source {
    /// The tokens service, within reach of `calls`; `changes` counts up when its database has changed.
    pub fn of_tokens(calls: Calls, changes: watch::Receiver<u64>) -> Self {
        Self::new(move |since| read_tokens(calls.clone(), since).boxed(), changes)
    }

    /// Whoever tells what was revoked since a moment, and by `changes` that there may be more.
    pub fn new(
        read: impl Fn(Timestamp) -> BoxFuture<'static, Result<Revoked, Error>> + Send + Sync + 'static,
        changes: watch::Receiver<u64>,
    ) -> Self {
        Self { read: Arc::new(read), changes }
    }

    pub(crate) async fn read(&self, since: Timestamp) -> Result<Revoked, Error> {
        (self.read)(since).await
    }

    pub(crate) async fn changed(&mut self) {
        if self.changes.changed().await.is_err() {
            // Whoever counted has ended; from here on only time tells.
            std::future::pending().await
        }
    }
}

async fn read_tokens(calls: Calls, since: Timestamp) -> Result<Revoked, Error> {
    let mut tokens = TokensClient::new(calls.channel("tokens"));
    let request = SnapshotRequest { since_ms: since.as_millisecond() };
    let snapshot = tokens.snapshot(calls.as_service("identity", request)).await?.into_inner();
    let sessions = snapshot.ended_sessions.iter();
    let sessions = sessions.map(|ended| Ok((id(&ended.session_id)?, ended.ended_at_ms)));
    let users = snapshot.revoked_users.iter();
    let users = users.map(|revoked| Ok((id(&revoked.user_id)?, revoked.before_ms)));
    Ok(Revoked {
        sessions: sessions.collect::<Result<_, Error>>()?,
        users: users.collect::<Result<_, Error>>()?,
    })
}

fn id(text: &str) -> Result<Uuid, Error> {
    text.parse().map_err(Error::internal)
}
