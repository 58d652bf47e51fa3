//! What this service does by itself: it lets go of entries whose time is over.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::Audit;
use crate::error::Result;
use crate::store;

const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// Sweeps now and again until told to stop.
pub fn sweep_forever(
    audit: Arc<Audit>,
) -> impl FnOnce(CancellationToken) -> BoxFuture<'static, ()> {
    move |stopping| {
        Box::pin(async move {
            loop {
                if let Err(error) = sweep(&audit, &stopping).await {
                    tracing::warn!(%error, "sweeping the audit log failed");
                }
                let pause = tokio::time::sleep(SWEEP_EVERY);
                if stopping.run_until_cancelled(pause).await.is_none() {
                    return;
                }
            }
        })
    }
}

/// Deletes what is older than the retention, some at a time, so that new entries do not wait long.
pub async fn sweep(audit: &Audit, stopping: &CancellationToken) -> Result<()> {
    let before = audit.clock.now() - audit.retention;
    while !stopping.is_cancelled() {
        let tx = audit.database.begin().await?;
        let deleted = store::delete_entries_before(&tx, before).await?;
        tx.commit().await?;
        if deleted < store::SWEPT_AT_ONCE {
            break;
        }
    }
    Ok(())
}
