//! The use cases. REST, gRPC and tests all call these; each authorizes in its first line.

pub mod events;
pub mod order_desk;
pub mod orders;
pub mod sales;
pub mod tickets;

use contracts::messages::EventUpdated;
use policies::{Actor, Denied, Reach, Resource};

use crate::Events;
use crate::domain::event::Event;
use crate::error::Result;

impl Events {
    fn require(&self, actor: &Actor, action: &str, resource: &Resource) -> Result<()> {
        Ok(self.policies.require(actor, action, resource)?)
    }

    /// How far a permission reaches, for a list: `Ok` only if it reaches anything at all.
    fn require_reach(&self, actor: &Actor, action: &str, kind: &'static str) -> Result<Reach> {
        let reach = actor.reach(action);
        // What is nearest to the actor: if not even that is permitted, nothing is.
        let mut nearest = Resource::any(kind);
        if let Some(user_id) = actor.user_id() {
            nearest = nearest.owner(user_id);
        }
        if let Some(customer_id) = reach.customers.first() {
            nearest = nearest.customer(*customer_id);
        }
        self.require(actor, action, &nearest)?;
        Ok(reach)
    }
}

/// Nobody in particular is told to sign in before being told what there is.
fn require_somebody(actor: &Actor) -> Result<()> {
    if actor.is_anonymous() { Err(Denied::Anonymous.into()) } else { Ok(()) }
}

/// What the others hear when an event changed.
pub fn event_updated(event: &Event) -> EventUpdated {
    EventUpdated {
        event_id: event.id,
        customer_id: event.customer_id,
        name: event.plan.name.clone(),
        start_date: event.plan.period.start,
        end_date: event.plan.period.end,
        time_zone: event.plan.time_zone.clone(),
        location: event.plan.location.clone(),
        status: event.status.as_str().to_owned(),
        seats: event.plan.seats,
        price: event.plan.price,
    }
}
