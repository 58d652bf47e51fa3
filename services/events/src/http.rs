//! REST: translates, decides nothing.

mod events;
mod orders;
mod sales;
mod tickets;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Events;

/// The URLs of this service.
pub fn router(state: Arc<Events>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(events::list_events, events::create_event)) // /api/v1/events
        .routes(routes!(events::find_event, events::update_event, events::delete_event)) // /{id}
        .routes(routes!(sales::find_sales)) //                         /{id}/sales
        .routes(routes!(orders::list_orders, orders::place_order)) // /api/v1/orders
        .routes(routes!(orders::find_order)) //                        /{id}
        .routes(routes!(tickets::buy_ticket)) //                       /api/v1/clients/{id}/tickets
        .routes(routes!(tickets::list_tickets)) //                     /api/v1/tickets
        .routes(routes!(tickets::find_ticket, tickets::cancel_ticket)) // /{code}
        .routes(routes!(tickets::check_in)) //                         /{code}/check-in
        .with_state(state)
}
