//! What other services' messages do here.

use std::sync::Arc;

use contracts::audit::AuditRecorded;
use database::Delivery;
use service_kit::Error as PlatformError;

use crate::Audit;
use crate::domain::{Details, Entry};
use crate::error::Result;
use crate::store;

/// Writes an entry. A repeated delivery is recognised by the inbox, and long after that by the entry's key.
pub async fn record(_: Arc<Audit>, delivery: Delivery<AuditRecorded>) -> Result<()> {
    let entry = entry(&delivery)?;
    let tx = delivery.begin().await?;
    store::insert_entry(&tx, &entry).await?;
    Ok(tx.commit().await?)
}

fn entry(delivery: &Delivery<AuditRecorded>) -> Result<Entry> {
    let record = &delivery.payload;
    let details = serde_json::to_string(&record.details).map_err(PlatformError::internal)?;
    Ok(Entry {
        id: delivery.message_id,
        at: record.last_at.unwrap_or(delivery.time),
        first_at: record.first_at,
        service: delivery.source.clone(),
        action: record.action.clone(),
        outcome: record.outcome,
        by: record.by.clone(),
        on: record.on.clone(),
        customer_id: record.customer_id,
        details: Details::new(details),
        count: i64::try_from(record.count).unwrap_or(i64::MAX),
    })
}
