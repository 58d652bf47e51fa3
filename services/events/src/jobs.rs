//! What happens by itself as time passes.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::Events;
use crate::app::event_updated;
use crate::error::Result;
use crate::store;

const COMPLETE_EVERY: Duration = Duration::from_secs(600);
/// An event that ran late, or whose end is moved the morning after, is not completed under the organiser's hands.
const COMPLETED_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// Events of one transaction.
const BATCH: u64 = 200;

/// Marks published events that are over as completed, now and then, until `stopping`.
pub async fn complete_past_events(events: Arc<Events>, stopping: CancellationToken) {
    loop {
        if let Err(error) = complete_all_past_events(&events).await {
            tracing::warn!(%error, "completing past events failed, trying again later");
        }
        if stopping.run_until_cancelled(tokio::time::sleep(COMPLETE_EVERY)).await.is_none() {
            return;
        }
    }
}

/// Completes what is over now. Replicas that do so at once find different events, or none.
pub async fn complete_all_past_events(events: &Events) -> Result<()> {
    loop {
        let now = events.clock.now();
        let tx = events.database.begin().await?;
        let before = now - COMPLETED_AFTER;
        let completed = store::event::complete_events_ended_before(&tx, before, BATCH, now).await?;
        for event in &completed {
            tx.publish(event_updated(event)).await?;
        }
        tx.commit().await?;
        if completed.is_empty() {
            return Ok(());
        }
    }
}
