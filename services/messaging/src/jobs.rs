//! What this service does by itself: it looks how messages stand, and remembers the most of each hour.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::Messaging;
use crate::domain::{HOURS_KEPT, hour_of, peaks};
use crate::error::Result;
use crate::store;

const SAMPLE_EVERY: Duration = Duration::from_secs(60);

/// Samples now and again until told to stop.
pub fn sample_forever(
    messaging: Arc<Messaging>,
) -> impl FnOnce(CancellationToken) -> BoxFuture<'static, ()> {
    move |stopping| {
        Box::pin(async move {
            loop {
                match stopping.run_until_cancelled(sample(&messaging)).await {
                    Some(Err(error)) => tracing::warn!(%error, "sampling messages failed"),
                    Some(Ok(())) => {}
                    None => return,
                }
                let pause = tokio::time::sleep(SAMPLE_EVERY);
                if stopping.run_until_cancelled(pause).await.is_none() {
                    return;
                }
            }
        })
    }
}

/// Looks once, and forgets what is too old. Replicas that look at the same time do no harm: the highest counts.
pub async fn sample(messaging: &Messaging) -> Result<()> {
    let standings = messaging.standings().await;
    let now = messaging.clock.now();
    let tx = messaging.database.begin().await?;
    store::raise_peaks(&tx, &peaks(&standings, now)).await?;
    let before = hour_of(now) - SignedDuration::from_hours(HOURS_KEPT);
    store::delete_peaks_before(&tx, before).await?;
    Ok(tx.commit().await?)
}
