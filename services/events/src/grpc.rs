//! gRPC: the same use cases, other wire.

use std::sync::Arc;

use contracts::grpc::events::events_server::{Events as EventsRpc, EventsServer};
use contracts::grpc::events::{Event as EventMessage, GetEventRequest};
use contracts::ids::EventId;
use service_kit::Problem;
use service_kit::calls::actor_of;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::Events;
use crate::domain::event::Event;

/// The RPCs of this service.
pub fn routes(events: Arc<Events>) -> Routes {
    Routes::new(EventsServer::new(Rpc(events)))
}

struct Rpc(Arc<Events>);

#[tonic::async_trait]
impl EventsRpc for Rpc {
    async fn get_event(
        &self,
        request: Request<GetEventRequest>,
    ) -> Result<Response<EventMessage>, Status> {
        let actor = actor_of(&request)?;
        let event_id: EventId = request.into_inner().event_id.parse().map_err(|_| malformed())?;
        let event = self.0.find_event(&actor, event_id).await.map_err(Problem::from)?;
        Ok(Response::new(message(event)))
    }
}

fn malformed() -> Problem {
    service_kit::Error::Malformed("`event_id` must be a UUID".into()).into()
}

fn message(event: Event) -> EventMessage {
    EventMessage {
        id: event.id.to_string(),
        customer_id: event.customer_id.to_string(),
        name: event.plan.name,
        start_ms: event.plan.period.start.as_millisecond(),
        end_ms: event.plan.period.end.as_millisecond(),
        time_zone: event.plan.time_zone,
        status: event.status.as_str().to_owned(),
        seats: event.plan.seats,
        seats_left: event.seats_left,
    }
}
