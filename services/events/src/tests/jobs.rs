use jiff::SignedDuration;
use serde_json::json;
use testkit::Backend;
use tokio_util::sync::CancellationToken;

use super::app::events_on;
use super::stage::{EVENTS, Stage};
use crate::jobs::complete_all_past_events;

async fn events_are_completed_a_day_after_their_end(backend: Backend) {
    let stage = Stage::on(backend).await;
    let event = stage.event_with_seats(5).await;
    let recent = stage.event_with_seats(5).await;
    let draft = stage.draft(json!({})).await;
    for (id, hours) in [(&event, 25), (&recent, 23), (&draft, 25)] {
        let end = stage.now() - SignedDuration::from_hours(hours);
        let change = json!({ "startDate": end - SignedDuration::from_hours(1), "endDate": end });
        stage.change(id, change).await.expect(200);
    }
    let before = stage.node.published_kinds().await.len();
    let stopping = CancellationToken::new();
    let events = events_on(&stage, &stopping);
    stopping.cancel();
    complete_all_past_events(&events).await.expect("completed");
    complete_all_past_events(&events).await.expect("nothing left");
    let mut statuses = vec![];
    for id in [event, recent, draft] {
        let found = stage.node.get(&stage.organiser, &format!("{EVENTS}/{id}")).await.expect(200);
        statuses.push(found.text("status").to_owned());
    }
    assert_eq!(statuses, ["completed", "published", "draft"]);
    assert_eq!(stage.node.published_kinds().await[before..], ["event.updated"]);
    stage.node.stop().await;
}

#[tokio::test]
async fn events_are_completed_a_day_after_their_end_on_sqlite() {
    events_are_completed_a_day_after_their_end(Backend::Sqlite).await;
}

#[tokio::test]
async fn events_are_completed_a_day_after_their_end_on_postgres() {
    events_are_completed_a_day_after_their_end(Backend::Postgres).await;
}
