//! Buying, and what was bought.

use std::sync::Arc;

use contracts::ids::{CustomerId, OrderId};
use database::idempotency::Key;
use policies::{Actor, Denied, Resource};
use service_kit::http::IdempotencyKey;
use service_kit::paging::Page;

use super::order_desk::{Claim, Request};
use super::require_somebody;
use crate::Events;
use crate::domain::order::{NewOrder, Order};
use crate::error::Result;
use crate::store;
use crate::store::order::OrdersOf;

impl Events {
    /// Sells tickets, all of the order or none. The same key and order again answers what was sold then.
    pub async fn place_order(
        &self,
        actor: &Actor,
        key: Option<IdempotencyKey>,
        new_order: NewOrder,
    ) -> Result<Arc<Order>> {
        self.require(actor, "orders:create", &Resource::any("Order").owner(new_order.buyer_id))?;
        let claim = key.map(|IdempotencyKey(key)| Claim {
            key: Key { actor: actor.user_id().unwrap_or_default().to_string(), key },
            fingerprint: stdx::secret::digest(&new_order.canonical()),
        });
        self.order_desk.place(Request { new_order, claim }).await
    }

    /// One order, for its buyer and for those who see all of its events' organiser's.
    pub async fn find_order(&self, actor: &Actor, order_id: OrderId) -> Result<Order> {
        require_somebody(actor)?;
        let order = store::order::find_order(self.database.read(), order_id).await?;
        let mut resource = Resource::new("Order", order.id).owner(order.buyer_id);
        if let Some(customer_id) = order.customer_id {
            resource = resource.customer(customer_id);
        }
        self.require(actor, "orders:read", &resource)?;
        Ok(order)
    }

    /// A page of the actor's own orders, or of a customer's, the latest first, and one more if there are more.
    pub async fn list_orders(
        &self,
        actor: &Actor,
        customer_id: Option<CustomerId>,
        page: &Page<OrderId>,
    ) -> Result<Vec<Order>> {
        let of = match customer_id {
            Some(customer_id) => {
                self.require(actor, "orders:read", &Resource::any("Order").customer(customer_id))?;
                OrdersOf::Customer(customer_id)
            }
            None => {
                let user_id = actor.user_id().ok_or(Denied::Anonymous)?;
                self.require(actor, "orders:read", &Resource::any("Order").owner(user_id))?;
                OrdersOf::Buyer(user_id.into())
            }
        };
        store::order::list_orders(self.database.read(), of, page).await
    }
}
