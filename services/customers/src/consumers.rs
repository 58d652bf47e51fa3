//! What other services' messages do here.

use std::sync::Arc;

use contracts::messages::UserDeleted;
use database::Delivery;

use crate::Customers;
use crate::error::Result;
use crate::store;

/// Erases who somebody was from what they created. A second time there is nothing left to erase.
pub async fn forget_deleted_user(_: Arc<Customers>, delivery: Delivery<UserDeleted>) -> Result<()> {
    let tx = delivery.begin().await?;
    store::forget_user(&tx, delivery.payload.user_id).await?;
    Ok(tx.commit().await?)
}
