use contracts::grpc::events::GetEventRequest;
use contracts::grpc::events::events_client::EventsClient;
use contracts::ids::EventId;
use serde_json::json;
use testkit::{Backend, Caller};
use tonic::Code;

use super::stage::Stage;

#[tokio::test]
async fn services_find_every_event_and_others_what_they_may_see() {
    let stage = Stage::on(Backend::Sqlite).await;
    let (draft, event) = (stage.draft(json!({})).await, stage.event_with_seats(5).await);
    let mut client = EventsClient::new(stage.node.channel());
    let ask = |caller: &Caller, event_id: &str| {
        stage.node.grpc_request(caller, GetEventRequest { event_id: event_id.into() })
    };
    let bookings = stage.node.service_caller("bookings");
    let found = client.get_event(ask(&bookings, &draft)).await.expect("the draft").into_inner();
    assert_eq!((found.id, found.status.as_str()), (draft.clone(), "draft"));
    assert_eq!(found.customer_id, stage.customer_id.to_string());

    stage.tickets(&event, 2).await;
    let nobody = Caller::anonymous();
    let found = client.get_event(ask(&nobody, &event)).await.expect("the event").into_inner();
    assert_eq!((found.seats, found.seats_left), (5, 3));
    assert_eq!(found.end_ms - found.start_ms, 4 * 3_600_000);
    assert_eq!(found.time_zone, "Europe/Stockholm");
    for (caller, event_id, code) in [
        (&nobody, &draft, Code::Unauthenticated),
        (&stage.member, &draft, Code::PermissionDenied),
        (&bookings, &EventId::new().to_string(), Code::NotFound),
        (&bookings, &"one".to_owned(), Code::InvalidArgument),
    ] {
        let refused = client.get_event(ask(caller, event_id)).await.expect_err("refused");
        assert_eq!(refused.code(), code);
    }
}
