//! What other services' messages do here.

use std::sync::Arc;

use contracts::messages::{CustomerDeleted, UserDeleted};
use database::Delivery;

use crate::Events;
use crate::app::event_updated;
use crate::error::Result;
use crate::store;

/// Cancels what a deleted customer still planned or sold. A repeated delivery finds nothing left to cancel.
pub async fn cancel_events(events: Arc<Events>, delivery: Delivery<CustomerDeleted>) -> Result<()> {
    let tx = delivery.begin().await?;
    let now = events.clock.now();
    let cancelled = store::event::cancel_events_of(&tx, delivery.payload.customer_id, now).await?;
    for event in &cancelled {
        tx.publish(event_updated(event)).await?;
    }
    Ok(tx.commit().await?)
}

/// Forgets the names of a deleted account; its tickets stay valid. A repeated delivery finds nothing left.
pub async fn forget_user(_: Arc<Events>, delivery: Delivery<UserDeleted>) -> Result<()> {
    let user_id = delivery.payload.user_id;
    let tx = delivery.begin().await?;
    store::order::forget_buyer(&tx, user_id).await?;
    store::ticket::forget_holder(&tx, user_id).await?;
    store::event::forget_creator(&tx, user_id).await?;
    Ok(tx.commit().await?)
}
