//! What other services' messages do here.

use std::sync::Arc;

use contracts::messages::{CustomerCreated, CustomerDeleted, RoleDeleted, UserCreated};
use database::Delivery;

use crate::Users;
use crate::app;
use crate::domain::{Grant, RoleName};
use crate::error::Result;

/// Gives a new account the default role. A repeated delivery finds it held already; an account that was
/// deleted meanwhile needs none. While `roles` is away the message waits.
pub async fn provision_default_role(
    users: Arc<Users>,
    delivery: Delivery<UserCreated>,
) -> Result<()> {
    let role = users.default_role.clone();
    users.find_role(&role).await?;
    let tx = delivery.begin().await?;
    let (id, grant) = (delivery.payload.user_id, Grant::new(role, None));
    app::give(&tx, &app::itself(), id, &grant, users.clock.now()).await?;
    Ok(tx.commit().await?)
}

/// Gives the founder of a customer the role that runs it. A repeated delivery finds it held already.
pub async fn grant_founder_role(
    users: Arc<Users>,
    delivery: Delivery<CustomerCreated>,
) -> Result<()> {
    let CustomerCreated { customer_id, founder_id, founder_role, .. } = &delivery.payload;
    let Some((founder, role)) = founder_id.zip(founder_role.as_deref()) else { return Ok(()) };
    let role = RoleName::parse(role).map_err(service_kit::Error::internal)?;
    let tx = delivery.begin().await?;
    let grant = Grant::new(role, Some(*customer_id));
    app::give(&tx, &app::itself(), founder, &grant, users.clock.now()).await?;
    Ok(tx.commit().await?)
}

/// Takes a deleted role from everybody who was given it at the last moment. A repeated delivery finds
/// nobody left who holds it.
pub async fn revoke_roles_of_deleted_role(
    users: Arc<Users>,
    delivery: Delivery<RoleDeleted>,
) -> Result<()> {
    let role = RoleName::stored(delivery.payload.name.clone());
    let tx = delivery.begin().await?;
    app::take_from_everybody(&tx, &role, users.clock.now()).await?;
    Ok(tx.commit().await?)
}

/// Takes every role inside a deleted customer, and takes its people out of it. A repeated delivery finds
/// nobody left in it.
pub async fn revoke_roles_of_deleted_customer(
    users: Arc<Users>,
    delivery: Delivery<CustomerDeleted>,
) -> Result<()> {
    let tx = delivery.begin().await?;
    app::empty_customer(&tx, delivery.payload.customer_id, users.clock.now()).await?;
    Ok(tx.commit().await?)
}
