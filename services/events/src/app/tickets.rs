//! Showing tickets, giving them back, letting people in.

use contracts::audit::AuditRecorded;
use contracts::messages::{TicketCancelled, TicketCheckedIn};
use database::Tx;
use policies::{Actor, Denied, Resource};
use service_kit::http::IfMatch;
use service_kit::paging::Page;

use super::require_somebody;
use crate::Events;
use crate::domain::ticket::{CheckIn, Ticket, TicketCode, TicketFilter, TicketStatus};
use crate::error::{Error, Result};
use crate::store;
use crate::store::ticket::TicketCursor;

impl Events {
    /// One ticket, for its owner and for those who see the tickets of its event's organiser.
    pub async fn find_ticket(&self, actor: &Actor, code: TicketCode) -> Result<Ticket> {
        self.require_for_ticket(actor, "tickets:read", code).await
    }

    /// A page of the actor's own tickets, or of those of an event that the actor may see, the latest first, and
    /// one more if there are more.
    pub async fn list_tickets(
        &self,
        actor: &Actor,
        filter: &TicketFilter,
        page: &Page<TicketCursor>,
    ) -> Result<Vec<Ticket>> {
        let reach = self.require_reach(actor, "tickets:read", "Ticket")?;
        let user_id = actor.user_id().ok_or(Denied::Anonymous)?;
        store::ticket::list_tickets(self.database.read(), (&reach, user_id), filter, page).await
    }

    /// Gives a ticket back: its seat is free again, and an order without tickets is cancelled.
    pub async fn cancel_ticket(
        &self,
        actor: &Actor,
        code: TicketCode,
        if_match: IfMatch,
    ) -> Result<()> {
        let ticket = self.require_for_ticket(actor, "tickets:cancel", code).await?;
        if_match.require(ticket.version())?;
        let tx = self.database.begin().await?;
        // Order, ticket, event: everybody who takes several takes them in this order.
        store::order::lock_order(&tx, ticket.order_id).await?;
        if !store::ticket::cancel_ticket(&tx, code, self.clock.now()).await? {
            return Err(refused(&tx, code).await?.unwrap_or(Error::TooLateToCancel));
        }
        store::event::give_seat_back(&tx, ticket.event_id).await?;
        store::order::cancel_empty_order(&tx, ticket.order_id).await?;
        tx.publish(ticket_cancelled(&ticket)).await?;
        // What owners do with their own tickets is no business of the log.
        if actor.user_id() != Some(ticket.owner_id.0) {
            tx.publish(
                AuditRecorded::done(actor, "tickets:cancel")
                    .on("Ticket", code.in_logs())
                    .customer(ticket.customer_id)
                    .detail("ownerId", ticket.owner_id.to_string())
                    .detail("eventId", ticket.event_id.to_string()),
            )
            .await?;
        }
        Ok(tx.commit().await?)
    }

    /// Lets the holder of a ticket in, once, and only where the ticket is for.
    pub async fn check_in(
        &self,
        actor: &Actor,
        code: TicketCode,
        check_in: CheckIn,
    ) -> Result<Ticket> {
        let ticket = self.require_for_ticket(actor, "tickets:check-in", code).await?;
        if check_in.event_id.is_some_and(|here| here != ticket.event_id) {
            return Err(Error::TicketOfOtherEvent(ticket.event_id));
        }
        let by = actor.user_id().map(Into::into);
        let at = check_in.time(&ticket, self.clock.now());
        let tx = self.database.begin().await?;
        if !store::ticket::check_in(&tx, code, by, at).await? {
            return Err(refused(&tx, code).await?.unwrap_or(Error::TicketNotFound));
        }
        let ticket = ticket.checked_in(by, at);
        tx.publish(ticket_checked_in(&ticket)).await?;
        tx.commit().await?;
        Ok(ticket)
    }

    async fn require_for_ticket(
        &self,
        actor: &Actor,
        action: &str,
        code: TicketCode,
    ) -> Result<Ticket> {
        require_somebody(actor)?;
        let ticket = store::ticket::find_ticket(self.database.read(), code).await?;
        // Whoever has the whole code comes in: a denial is on record without it.
        let resource = Resource::new("Ticket", code.in_logs());
        let resource = resource.owner(ticket.owner_id).customer(ticket.customer_id);
        self.require(actor, action, &resource)?;
        Ok(ticket)
    }
}

/// Why a statement did not change a ticket, if it is the ticket's own state.
async fn refused(tx: &Tx, code: TicketCode) -> Result<Option<Error>> {
    let ticket = store::ticket::find_ticket(tx, code).await?;
    Ok(match ticket.status {
        TicketStatus::Valid => None,
        TicketStatus::Cancelled => Some(Error::TicketCancelled),
        TicketStatus::CheckedIn => Some(Error::AlreadyCheckedIn {
            at: ticket.checked_in_at.unwrap_or(ticket.issued_at),
            by: ticket.checked_in_by,
        }),
    })
}

fn ticket_cancelled(ticket: &Ticket) -> TicketCancelled {
    TicketCancelled {
        code: ticket.code.to_string(),
        order_id: ticket.order_id,
        event_id: ticket.event_id,
        customer_id: ticket.customer_id,
        owner_id: ticket.owner_id,
        price: ticket.price,
    }
}

fn ticket_checked_in(ticket: &Ticket) -> TicketCheckedIn {
    TicketCheckedIn {
        code: ticket.code.to_string(),
        order_id: ticket.order_id,
        event_id: ticket.event_id,
        customer_id: ticket.customer_id,
        owner_id: ticket.owner_id,
        price: ticket.price,
    }
}
