//! What other services' messages do here.

use std::sync::Arc;

use contracts::messages::{RoleAssigned, RoleRevoked};
use database::Delivery;

use crate::Roles;
use crate::error::Result;
use crate::store;

/// Counts a holder. A repeated delivery is recognised by the inbox and counts nothing twice.
pub async fn count_holder(_: Arc<Roles>, delivery: Delivery<RoleAssigned>) -> Result<()> {
    let tx = delivery.begin().await?;
    store::add_holders(&tx, &delivery.payload.granted.role, 1).await?;
    Ok(tx.commit().await?)
}

/// Counts a holder less. A repeated delivery is recognised by the inbox.
pub async fn discount_holder(_: Arc<Roles>, delivery: Delivery<RoleRevoked>) -> Result<()> {
    let tx = delivery.begin().await?;
    store::add_holders(&tx, &delivery.payload.revoked.role, -1).await?;
    Ok(tx.commit().await?)
}
