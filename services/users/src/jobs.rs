//! What this service does by itself: it sends letters, and forgets what nobody needs any more.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::Users;
use crate::error::Result;
use crate::store;

/// Without a wake-up (another replica wrote, the process ended before it sent, a try is due) a letter waits this long.
const POLL: Duration = Duration::from_millis(500);
const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// How long the record that a letter was sent stays, without what it said.
const LETTERS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long an address that is not used any more counts as the owner's.
const ADDRESSES_KEPT: SignedDuration = SignedDuration::from_hours(180 * 24);

/// Sends letters until told to stop. A letter in hand is finished, or tried again after the next start.
pub fn send_letters_forever(
    users: Arc<Users>,
) -> impl FnOnce(CancellationToken) -> BoxFuture<'static, ()> {
    move |stopping| {
        Box::pin(async move {
            while !stopping.is_cancelled() {
                if let Err(error) = send_letters(&users, &stopping).await {
                    tracing::warn!(%error, "letters wait");
                }
                tokio::select! {
                    () = users.letters_waiting.notified() => {}
                    () = tokio::time::sleep(POLL) => {}
                    () = stopping.cancelled() => {}
                }
            }
        })
    }
}

async fn send_letters(users: &Users, stopping: &CancellationToken) -> Result<()> {
    users.answer_reset_requests().await?;
    users.answer_sign_in_requests().await?;
    users.send_due_letters(stopping).await
}

/// Sweeps now and again until told to stop.
pub fn sweep_forever(
    users: Arc<Users>,
) -> impl FnOnce(CancellationToken) -> BoxFuture<'static, ()> {
    move |stopping| {
        Box::pin(async move {
            while stopping.run_until_cancelled(tokio::time::sleep(SWEEP_EVERY)).await.is_some() {
                if let Err(error) = sweep(&users).await {
                    tracing::warn!(%error, "sweeping letters and links failed");
                }
            }
        })
    }
}

/// Forgets letters, links, challenges and addresses that are long over.
pub async fn sweep(users: &Users) -> Result<()> {
    let now = users.clock.now();
    let tx = users.database.begin().await?;
    store::sweep_letters(&tx, now - LETTERS_KEPT, now).await?;
    store::sweep_links(&tx, now).await?;
    store::sweep_ceremonies(&tx, now).await?;
    store::sweep_addresses(&tx, now - ADDRESSES_KEPT).await?;
    Ok(tx.commit().await?)
}
