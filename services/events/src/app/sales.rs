//! How an event sells.

use contracts::ids::EventId;
use policies::Actor;

use crate::Events;
use crate::domain::sales::{Bucket, Sales};
use crate::error::Result;
use crate::store;

impl Events {
    /// What was sold of an event, in all and over time.
    pub async fn find_sales(
        &self,
        actor: &Actor,
        event_id: EventId,
        bucket: Bucket,
    ) -> Result<Sales> {
        let event = self.require_for(actor, "events:read-sales", event_id).await?;
        let db = self.database.read();
        let currency = event.plan.price.currency;
        let counts = store::sales::count_tickets(db, event_id).await?;
        let points = store::sales::sum_sales(db, event_id, bucket, currency).await?;
        Ok(Sales { event, counts, points })
    }
}
