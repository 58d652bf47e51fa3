use insta::assert_json_snapshot;
use serde_json::json;
use testkit::Backend;

use crate::tests::stage::{EVENTS, Stage, TICKETS};

#[tokio::test]
async fn sales_are_counted_by_state_and_over_time() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.event_with_seats(10).await;
    let codes = stage.tickets(&event, 4).await;
    let day_ms = 24 * 3_600_000;
    // Sold on the first day of the epoch, and in the second hour of the second.
    let issued = [0, day_ms - 1, day_ms + 3_600_000, day_ms + 3_600_001];
    for (code, issued_at) in codes.iter().zip(issued) {
        let code = code.replace('-', "");
        stage
            .force(&format!("update ticket set issued_at = {issued_at} where code = '{code}'"))
            .await;
    }
    stage.node.delete(&stage.member, &format!("{TICKETS}/{}", codes[3])).await.expect(204);
    let door = stage.with_role("door");
    stage
        .node
        .post(&door, &format!("{TICKETS}/{}/check-in", codes[0]), json!({}))
        .await
        .expect(200);
    let path = format!("{EVENTS}/{event}/sales");
    let sales = stage.node.get(&stage.organiser, &path).await.expect(200);
    assert_json_snapshot!(sales.body, { ".eventId" => "[id]" }, @r#"
    {
      "eventId": "[id]",
      "seats": 10,
      "seatsLeft": 7,
      "ticketsSold": 3,
      "ticketsCancelled": 1,
      "ticketsCheckedIn": 1,
      "revenue": {
        "amountMinor": 135000,
        "currency": "SEK"
      },
      "points": [
        {
          "start": "1970-01-01T00:00:00Z",
          "tickets": 2,
          "revenue": {
            "amountMinor": 90000,
            "currency": "SEK"
          }
        },
        {
          "start": "1970-01-02T00:00:00Z",
          "tickets": 1,
          "revenue": {
            "amountMinor": 45000,
            "currency": "SEK"
          }
        }
      ]
    }
    "#);
    let by_hour =
        stage.node.get(&stage.organiser, &format!("{path}?bucket=hour")).await.expect(200);
    let starts =
        by_hour.body["points"].as_array().expect("points").iter().map(|point| &point["start"]);
    let hours = ["1970-01-01T00:00:00Z", "1970-01-01T23:00:00Z", "1970-01-02T01:00:00Z"];
    assert_eq!(starts.collect::<Vec<_>>(), hours);
    let wrong = stage.node.get(&stage.organiser, &format!("{path}?bucket=week")).await;
    wrong.expect_problem(422, "invalid_values");
}
