//! What this service does by itself: it tells clients of log-outs, replaces keys and forgets what nobody needs any more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::SignedDuration;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::Tokens;
use crate::error::Result;
use crate::store;

const SWEEP_EVERY: Duration = Duration::from_secs(600);
const FOLLOW_KEYS_EVERY: Duration = Duration::from_secs(15);
/// How long a client waits at most before it is told of a log-out.
const LOGOUT_POLL: Duration = Duration::from_millis(500);
/// Clients told at once. One that hangs holds one place, for as long as a call may take.
const CLIENTS_TOLD_AT_ONCE: usize = 16;
/// What a key signed lives for minutes; relying parties that ask for the key again later are given time.
const KEYS_KEPT_AFTER_RETIREMENT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Sessions stay a while after their end: a spent refresh token is still recognised, and nothing revoked is forgotten
/// while an access token lives.
const KEPT_AFTER_END: SignedDuration = SignedDuration::from_hours(24);

/// Sweeps now and again until told to stop.
pub fn sweep_forever(
    tokens: Arc<Tokens>,
) -> impl FnOnce(CancellationToken) -> BoxFuture<'static, ()> {
    move |stopping| {
        Box::pin(async move {
            while stopping.run_until_cancelled(tokio::time::sleep(SWEEP_EVERY)).await.is_some() {
                if let Err(error) = sweep(&tokens).await {
                    tracing::warn!(%error, "sweeping sessions failed");
                }
            }
        })
    }
}

/// Looks at the signing keys now and again until told to stop: replaces them when they are old, and sees what other
/// replicas have replaced.
pub fn follow_keys_forever(
    tokens: Arc<Tokens>,
    rotate_after: SignedDuration,
) -> impl FnOnce(CancellationToken) -> BoxFuture<'static, ()> {
    move |stopping| {
        Box::pin(async move {
            let pause = || tokio::time::sleep(FOLLOW_KEYS_EVERY);
            while stopping.run_until_cancelled(pause()).await.is_some() {
                if let Err(error) = tokens.follow_keys(rotate_after).await {
                    tracing::warn!(%error, "the signing keys could not be read");
                }
            }
        })
    }
}

/// Tells clients of log-outs until told to stop. What is under way then is told after the next start.
pub fn send_logouts_forever(
    tokens: Arc<Tokens>,
) -> impl FnOnce(CancellationToken) -> BoxFuture<'static, ()> {
    move |stopping| {
        Box::pin(async move {
            let mut calls = Calls::default();
            while !stopping.is_cancelled() {
                if let Err(error) = calls.begin(&tokens).await {
                    tracing::warn!(%error, "clients wait to be told of log-outs");
                }
                tokio::select! {
                    () = tokio::time::sleep(LOGOUT_POLL) => {}
                    () = stopping.cancelled() => {}
                }
                calls.end();
            }
        })
    }
}

/// Clients that are being told something: one that does not answer keeps nobody else waiting.
#[derive(Default)]
struct Calls {
    tasks: JoinSet<()>,
    clients: HashMap<Id, String>,
}

impl Calls {
    async fn begin(&mut self, tokens: &Arc<Tokens>) -> Result<()> {
        let free = CLIENTS_TOLD_AT_ONCE - self.clients.len();
        if free == 0 {
            return Ok(());
        }
        let waiting = tokens.clients_to_tell(self.clients.values(), free as u64).await?;
        for client_id in waiting {
            let (tokens, told) = (tokens.clone(), client_id.clone());
            let task = self.tasks.spawn(async move {
                if let Err(error) = tokens.tell_client(&told).await {
                    tracing::warn!(client_id = told, %error, "a client waits to be told");
                }
            });
            self.clients.insert(task.id(), client_id);
        }
        Ok(())
    }

    /// Forgets those that are over, however they ended.
    fn end(&mut self) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
            self.clients.remove(&id);
        }
    }
}

/// Forgets sessions, refresh tokens and revocations that are long over.
pub async fn sweep(tokens: &Tokens) -> Result<()> {
    let tx = tokens.database.begin().await?;
    let now = tokens.clock.now();
    store::sweep(&tx, now - KEPT_AFTER_END).await?;
    store::grants::sweep_grants(&tx, now - KEPT_AFTER_END).await?;
    store::clients::sweep_secrets(&tx, now - KEPT_AFTER_END).await?;
    store::keys::sweep_keys(&tx, now - KEYS_KEPT_AFTER_RETIREMENT).await?;
    Ok(tx.commit().await?)
}
