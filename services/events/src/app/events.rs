//! Planning, publishing, finding and deleting events.

use contracts::audit::AuditRecorded;
use contracts::grpc::customers::GetCustomerRequest;
use contracts::grpc::customers::customers_client::CustomersClient;
use contracts::ids::{CustomerId, EventId};
use contracts::messages::{EventCreated, EventDeleted};
use policies::{Actor, Resource};
use serde_json::Value;
use service_kit::http::{IfMatch, merge};
use service_kit::paging::Page;
use service_kit::{FieldErrors, Kind, ServiceError};

use super::{event_updated, require_somebody};
use crate::Events;
use crate::domain::event::{Details, Event, EventChange, EventFilter, EventPlan};
use crate::error::{Error, Result};
use crate::store;
use crate::store::event::EventCursor;

/// The kind of customer that may have events.
const ORGANISER: &str = "organiser";

/// What changes about an event, as it was asked for.
#[derive(Default)]
pub struct EventPatch {
    pub change: EventChange,
    /// A merge patch of the details: what it means depends on the present ones.
    pub details: Option<Value>,
}

impl Events {
    /// Plans an event of a customer, as a draft.
    pub async fn create_event(
        &self,
        actor: &Actor,
        customer_id: CustomerId,
        plan: EventPlan,
    ) -> Result<Event> {
        let of_customer = Resource::any("Event").customer(customer_id).flag("published", false);
        self.require(actor, "events:create", &of_customer)?;
        self.check_organiser(customer_id).await?;
        let creator = actor.user_id().map(Into::into);
        let event = Event::new(customer_id, creator, plan, self.clock.now())?;

        // One transaction, so that the event exists if and only if the others hear of it.
        let tx = self.database.begin().await?;
        store::event::insert_event(&tx, &event).await?;
        tx.publish(event_created(&event)).await?;
        tx.commit().await?;
        Ok(event)
    }

    /// Asks the customers service; before, not in, the transaction.
    async fn check_organiser(&self, customer_id: CustomerId) -> Result<()> {
        let wrong = |what: &str| Error::from(FieldErrors::one("customerId", what));
        let request = GetCustomerRequest { customer_id: customer_id.to_string() };
        let mut customers = CustomersClient::new(self.context.channel("customers"));
        let answer = customers.get_customer(self.context.on_own_behalf(request)).await;
        match answer.map_err(Error::from) {
            Ok(customer) if customer.get_ref().customer_type != ORGANISER => {
                Err(wrong("must be an organiser"))
            }
            Ok(customer) if !customer.get_ref().is_active => {
                Err(wrong("must be an active customer"))
            }
            Ok(_) => Ok(()),
            Err(error) if error.kind() == Kind::NotFound => Err(wrong("there is no such customer")),
            Err(error) => Err(error),
        }
    }

    /// One event; a draft only for those who may see the organiser's.
    pub async fn find_event(&self, actor: &Actor, event_id: EventId) -> Result<Event> {
        let event = store::event::find_event(self.database.read(), event_id).await?;
        self.require(actor, "events:read", &resource(&event))?;
        Ok(event)
    }

    /// A page of the events that the actor may see, by start, and one more if there are more.
    pub async fn list_events(
        &self,
        actor: &Actor,
        filter: &EventFilter,
        page: &Page<EventCursor>,
    ) -> Result<Vec<Event>> {
        // What is public is everybody's; the query leaves out what else the actor may not see.
        self.require(actor, "events:read", &Resource::any("Event").flag("published", true))?;
        let seen_by = (&actor.reach("events:read"), actor.user_id());
        store::event::list_events(self.database.read(), seen_by, filter, page).await
    }

    /// Changes, publishes, cancels or completes an event.
    pub async fn update_event(
        &self,
        actor: &Actor,
        event_id: EventId,
        if_match: IfMatch,
        patch: EventPatch,
    ) -> Result<Event> {
        self.require_for(actor, "events:update", event_id).await?;
        let tx = self.database.begin().await?;
        let event = store::event::find_event(&tx, event_id).await?;
        if_match.require(event.version)?;
        let before = event.status;
        let details =
            patch.details.map(|details| merged(&event.plan.details, details)).transpose()?;
        let changed = event.changed(EventChange { details, ..patch.change }, self.clock.now())?;
        let Some(event) = store::event::update_event(&tx, &changed).await? else {
            // Somebody bought or changed between looking and writing; what they did says what is wrong.
            let present = store::event::find_event(&tx, event_id).await?;
            return Err(refused_update(&present, &changed));
        };
        tx.publish(event_updated(&event)).await?;
        if event.status != before {
            tx.publish(
                AuditRecorded::done(actor, "events:update")
                    .on("Event", event_id)
                    .customer(event.customer_id)
                    .detail("status", event.status.as_str())
                    .detail("name", event.plan.name.as_str()),
            )
            .await?;
        }
        tx.commit().await?;
        Ok(event)
    }

    /// Deletes an event for which no ticket was ever sold.
    pub async fn delete_event(
        &self,
        actor: &Actor,
        event_id: EventId,
        if_match: IfMatch,
    ) -> Result<()> {
        self.require_for(actor, "events:delete", event_id).await?;
        let tx = self.database.begin().await?;
        let event = store::event::find_event(&tx, event_id).await?;
        if_match.require(event.version)?;
        if !store::event::delete_unsold_event(&tx, event_id).await? {
            return Err(Error::EventHasOrders);
        }
        let customer_id = event.customer_id;
        tx.publish(EventDeleted { event_id, customer_id }).await?;
        tx.publish(
            AuditRecorded::done(actor, "events:delete")
                .on("Event", event_id)
                .customer(customer_id)
                .detail("name", event.plan.name),
        )
        .await?;
        Ok(tx.commit().await?)
    }

    /// Whether the actor may do `action` to this event. Read beside the writer, so that who may not, delays nobody.
    pub(super) async fn require_for(
        &self,
        actor: &Actor,
        action: &str,
        event_id: EventId,
    ) -> Result<Event> {
        require_somebody(actor)?;
        let event = store::event::find_event(self.database.read(), event_id).await?;
        self.require(actor, action, &resource(&event))?;
        Ok(event)
    }
}

/// Why the statement that writes a changed event did not: by what the row holds now.
fn refused_update(present: &Event, wanted: &Event) -> Error {
    if present.version + 1 != wanted.version {
        return service_kit::Error::Stale.into();
    }
    let sold = present.seats_sold();
    if wanted.plan.seats < sold {
        return Error::SeatsBelowSold { sold };
    }
    Error::EventHasOrders
}

fn merged(details: &Details, patch: Value) -> Result<Details> {
    let mut merged =
        serde_json::from_str(details.as_json()).map_err(service_kit::Error::internal)?;
    merge(&mut merged, patch);
    Ok(Details::parse(merged.to_string()).map_err(|error| FieldErrors::one("details", error))?)
}

fn resource(event: &Event) -> Resource {
    let resource = Resource::new("Event", event.id).customer(event.customer_id);
    let resource = resource.flag("published", event.is_public);
    match event.created_by {
        Some(user_id) => resource.owner(user_id),
        None => resource,
    }
}

fn event_created(event: &Event) -> EventCreated {
    let same = event_updated(event);
    EventCreated {
        event_id: same.event_id,
        customer_id: same.customer_id,
        name: same.name,
        start_date: same.start_date,
        end_date: same.end_date,
        time_zone: same.time_zone,
        location: same.location,
        status: same.status,
        seats: same.seats,
        price: same.price,
    }
}
