use contracts::ids::CustomerId;
use http::Method;
use insta::assert_json_snapshot;
use serde_json::json;
use testkit::{Backend, Caller};

use crate::tests::stage::{
    CREW_COMPANY, EVENTS, INACTIVE_CUSTOMER, NO_CUSTOMER, Stage, UNREACHABLE_CUSTOMER, wrong_fields,
};

#[tokio::test]
async fn planning_an_event_announces_it() {
    let stage = Stage::on(Backend::Sqlite).await;
    let plan = stage.plan(json!({
        "startDate": "2031-06-01T18:00:00+02:00", "endDate": "2031-06-01T22:00:00.123456789+02:00",
        "timeZone": "europe/stockholm", "details": { "doors": "17:00", "åldersgräns": 18 },
    }));
    let created = stage.node.post(&stage.organiser, EVENTS, plan).await.expect(201);
    assert_eq!(created.etag(), "\"1\"");
    assert_json_snapshot!(created.body, {
        ".id" => "[id]", ".customerId" => "[id]", ".createdAt" => "[time]", ".updatedAt" => "[time]",
    }, @r#"
    {
      "id": "[id]",
      "customerId": "[id]",
      "name": "Moonlight Jazz",
      "description": "An evening under the stars",
      "startDate": "2031-06-01T16:00:00Z",
      "endDate": "2031-06-01T20:00:00.123Z",
      "timeZone": "Europe/Stockholm",
      "location": "Göta Lejon, Stockholm",
      "eventType": "concert",
      "status": "draft",
      "seats": 100,
      "seatsLeft": 100,
      "price": {
        "amountMinor": 45000,
        "currency": "SEK"
      },
      "crewSlots": 0,
      "details": {
        "doors": "17:00",
        "åldersgräns": 18
      },
      "createdAt": "[time]",
      "updatedAt": "[time]"
    }
    "#);
    assert_json_snapshot!(stage.node.published().await, {
        "[0][1].eventId" => "[id]", "[0][1].customerId" => "[id]",
    }, @r#"
    [
      [
        "event.created",
        {
          "eventId": "[id]",
          "customerId": "[id]",
          "name": "Moonlight Jazz",
          "startDate": "2031-06-01T16:00:00Z",
          "endDate": "2031-06-01T20:00:00.123Z",
          "timeZone": "Europe/Stockholm",
          "location": "Göta Lejon, Stockholm",
          "status": "draft",
          "seats": 100,
          "price": {
            "amountMinor": 45000,
            "currency": "SEK"
          }
        }
      ]
    ]
    "#);
}

#[tokio::test]
async fn only_an_active_organiser_has_events() {
    let stage = Stage::on(Backend::Sqlite).await;
    let admin = stage.node.caller(&[("admin", None)]);
    for customer_id in [NO_CUSTOMER, CREW_COMPANY, INACTIVE_CUSTOMER] {
        let plan = stage.plan_of(customer_id, json!({}));
        let problem = stage.node.post(&admin, EVENTS, plan).await;
        let problem = problem.expect_problem(422, "invalid_values");
        assert_eq!(wrong_fields(&problem), ["customerId"]);
    }
    let plan = stage.plan_of(UNREACHABLE_CUSTOMER, json!({}));
    let away = stage.node.post(&admin, EVENTS, plan).await.expect_problem(503, "unavailable");
    assert!(away.headers.contains_key("retry-after"));
    let foreign = stage.plan_of(CustomerId::new(), json!({}));
    stage.node.post(&stage.organiser, EVENTS, foreign).await.expect_problem(403, "not_permitted");
    assert!(stage.node.published().await.is_empty());
}

#[tokio::test]
async fn wrong_values_are_explained_each_by_its_field() {
    let stage = Stage::on(Backend::Sqlite).await;
    let too_long = "x".repeat(10_001);
    let wrong = stage.plan(json!({
        "name": " ", "description": too_long, "endDate": "2001-01-01T00:00:00Z", "timeZone": "Mars/Olympus",
        "location": "a\u{0}b", "eventType": "Big Show", "seats": -1,
        "price": { "amountMinor": -5, "currency": "SEK" }, "crewSlots": 100_001,
        "details": { "a": "\u{0}" },
    }));
    let problem = stage.node.post(&stage.organiser, EVENTS, wrong).await;
    let problem = problem.expect_problem(422, "invalid_values");
    assert_eq!(
        wrong_fields(&problem),
        [
            "name",
            "description",
            "endDate",
            "timeZone",
            "location",
            "eventType",
            "seats",
            "price",
            "crewSlots",
            "details",
        ]
    );
    let large = stage.plan(json!({ "details": { "a": "x".repeat(17_000) } }));
    let problem = stage
        .node
        .post(&stage.organiser, EVENTS, large)
        .await
        .expect_problem(422, "invalid_values");
    assert_eq!(wrong_fields(&problem), ["details"]);
    let beyond_counting = stage.plan(json!({
        "seats": 10_000_000, "price": { "amountMinor": 1_000_000_000_000i64, "currency": "SEK" },
    }));
    let problem = stage.node.post(&stage.organiser, EVENTS, beyond_counting).await;
    assert_eq!(wrong_fields(&problem.expect_problem(422, "invalid_values")), ["price"]);
    assert!(stage.node.published().await.is_empty());
}

#[tokio::test]
async fn what_has_the_wrong_shape_is_malformed() {
    let stage = Stage::on(Backend::Sqlite).await;
    for wrong in [
        json!({ "seats": "many" }),
        json!({ "seats": 1.5 }),
        json!({ "seats": 10e30 }),
        json!({ "price": { "amountMinor": 1, "currency": "XYZ" } }),
        json!({ "price": { "amountMinor": 1 } }),
        json!({ "startDate": "tomorrow" }),
        json!({ "startDate": "99999-01-01T00:00:00Z" }),
        json!({ "customerId": "me" }),
        json!({ "details": [] }),
        json!({ "seatsLeft": 5 }),
        json!({ "status": "published" }),
    ] {
        let answer = stage.node.post(&stage.organiser, EVENTS, stage.plan(wrong)).await;
        answer.expect_problem(400, "malformed_request");
    }
    let event = format!("{EVENTS}/{}", stage.draft(json!({})).await);
    for wrong in [json!({ "seatsLeft": 5 }), json!({ "customerId": CustomerId::new() }), json!("x")]
    {
        let answer = stage.node.patch(&stage.organiser, &event, wrong).await;
        answer.expect_problem(400, "malformed_request");
    }
    let nobody = Caller::anonymous();
    stage
        .node
        .get(&nobody, &format!("{EVENTS}/one"))
        .await
        .expect_problem(400, "malformed_request");
    let unknown = format!("{EVENTS}/{}", CustomerId::new());
    stage.node.get(&nobody, &unknown).await.expect_problem(404, "event_not_found");
    stage
        .node
        .patch(&stage.organiser, &unknown, json!({}))
        .await
        .expect_problem(404, "event_not_found");
    stage.node.delete(&stage.organiser, &unknown).await.expect_problem(404, "event_not_found");
}

#[tokio::test]
async fn a_change_leaves_what_it_does_not_name_and_merges_the_details() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.draft(json!({ "details": { "a": 1, "b": { "c": 2, "d": 3 } } })).await;
    let change = json!({
        "name": "Late Show", "seats": 50, "price": { "amountMinor": 0, "currency": "EUR" },
        "details": { "a": null, "b": { "c": 5 }, "e": [1] },
    });
    let changed = stage.change(&event, change).await.expect(200);
    assert_eq!(changed.etag(), "\"2\"");
    assert_eq!(
        (changed.text("name"), changed.text("location")),
        ("Late Show", "Göta Lejon, Stockholm")
    );
    assert_eq!(
        (changed.body["seats"].clone(), changed.body["seatsLeft"].clone()),
        (json!(50), json!(50))
    );
    assert_eq!(changed.body["price"], json!({ "amountMinor": 0, "currency": "EUR" }));
    assert_eq!(changed.body["details"], json!({ "b": { "c": 5, "d": 3 }, "e": [1] }));
    let path = format!("{EVENTS}/{event}");
    assert_eq!(stage.node.get(&stage.organiser, &path).await.expect(200).body, changed.body);

    let wrong =
        json!({ "name": null, "seats": -1, "status": "gone", "timeZone": "", "details": null });
    let problem = stage.change(&event, wrong).await.expect_problem(422, "invalid_values");
    assert_eq!(wrong_fields(&problem), ["name", "timeZone", "seats", "status", "details"]);
    let early = json!({ "endDate": "2001-01-01T00:00:00Z" });
    let problem = stage.change(&event, early).await.expect_problem(422, "invalid_values");
    assert_eq!(wrong_fields(&problem), ["endDate"]);
    let large = json!({ "details": { "big": "x".repeat(16_384) } });
    let problem = stage.change(&event, large).await.expect_problem(422, "invalid_values");
    assert_eq!(wrong_fields(&problem), ["details"]);
    assert_eq!(stage.node.published_kinds().await, ["event.created", "event.updated"]);
}

#[tokio::test]
async fn a_change_based_on_an_old_version_is_refused() {
    let stage = Stage::on(Backend::Sqlite).await;
    let path = format!("{EVENTS}/{}", stage.draft(json!({})).await);
    let old = [("if-match", "\"1\"")];
    let change = || Some(json!({ "name": "Late Show" }));
    stage.node.send(&stage.organiser, Method::PATCH, &path, change(), &old).await.expect(200);
    let answer = stage.node.send(&stage.organiser, Method::PATCH, &path, change(), &old).await;
    answer.expect_problem(412, "stale_version");
    let answer = stage.node.send(&stage.organiser, Method::DELETE, &path, None, &old).await;
    answer.expect_problem(412, "stale_version");
}

#[tokio::test]
async fn the_status_goes_one_way() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.draft(json!({})).await;
    let to = |status: &str| json!({ "status": status });
    stage.change(&event, to("completed")).await.expect_problem(409, "event_status_conflict");
    stage.change(&event, to("published")).await.expect(200);
    stage.change(&event, to("draft")).await.expect_problem(409, "event_status_conflict");
    stage.change(&event, to("completed")).await.expect(200);
    stage.change(&event, to("cancelled")).await.expect_problem(409, "event_status_conflict");
    let past = json!({ "startDate": "2001-01-01T00:00:00Z", "endDate": "2001-01-01T02:00:00Z" });
    let past = stage.draft(past).await;
    stage.change(&past, to("published")).await.expect_problem(409, "event_over");
}

#[tokio::test]
async fn seats_and_price_are_bound_by_what_is_sold() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.event_with_seats(10).await;
    stage.tickets(&event, 4).await;
    stage.change(&event, json!({ "seats": 3 })).await.expect_problem(409, "seats_below_sold");
    let price = json!({ "price": { "amountMinor": 1, "currency": "SEK" } });
    stage.change(&event, price).await.expect_problem(409, "event_has_orders");
    let same = json!({ "seats": 4, "price": { "amountMinor": 45000, "currency": "SEK" } });
    let changed = stage.change(&event, same).await.expect(200);
    assert_eq!(changed.body["seatsLeft"], 0);
    stage.buy(&stage.member, &event, 1).await.expect_problem(409, "event_sold_out");
    stage.change(&event, json!({ "seats": 5 })).await.expect(200);
    stage.buy(&stage.member, &event, 1).await.expect(201);
    stage.check_invariants().await;
}

#[tokio::test]
async fn only_an_event_without_orders_can_be_deleted() {
    let stage = Stage::on(Backend::Sqlite).await;
    let sold = stage.event_with_seats(10).await;
    let code = stage.tickets(&sold, 1).await.remove(0);
    let path = format!("{EVENTS}/{sold}");
    stage.node.delete(&stage.organiser, &path).await.expect_problem(409, "event_has_orders");
    stage.node.delete(&stage.member, &format!("/api/v1/tickets/{code}")).await.expect(204);
    stage.node.delete(&stage.organiser, &path).await.expect_problem(409, "event_has_orders");
    let unsold = format!("{EVENTS}/{}", stage.event_with_seats(10).await);
    stage.node.delete(&stage.organiser, &unsold).await.expect(204);
    stage.node.get(&stage.organiser, &unsold).await.expect_problem(404, "event_not_found");
    assert_eq!(stage.node.published_kinds().await.last().expect("a message"), "event.deleted");
}

#[tokio::test]
async fn a_list_is_read_page_by_page_by_start() {
    let stage = Stage::on(Backend::Sqlite).await;
    for day in [3, 1, 2, 2, 2, 5] {
        let (start, end) =
            (format!("2031-01-0{day}T10:00:00Z"), format!("2031-01-0{day}T12:00:00Z"));
        stage.published(json!({ "startDate": start, "endDate": end })).await;
    }
    let mut starts = vec![];
    let mut path = format!("{EVENTS}?limit=2");
    loop {
        let page = stage.node.get(&Caller::anonymous(), &path).await.expect(200);
        starts.extend(
            page.items()
                .iter()
                .map(|event| event["startDate"].as_str().expect("a time").to_owned()),
        );
        let Some(cursor) = page.body["nextCursor"].as_str() else { break };
        path = format!("{EVENTS}?limit=2&cursor={cursor}");
    }
    assert_eq!(starts.len(), 6);
    assert!(starts.is_sorted());
}

#[tokio::test]
async fn a_list_has_what_is_looked_for() {
    let stage = Stage::on(Backend::Sqlite).await;
    stage
        .published(json!({ "name": "ÅRETS Fest", "eventType": "festival",
        "startDate": "2031-01-01T10:00:00Z", "endDate": "2031-01-01T12:00:00Z" }))
        .await;
    stage
        .published(json!({ "name": "100% Jazz_Club", "location": "Malmö",
        "startDate": "2031-02-01T10:00:00Z", "endDate": "2031-02-01T12:00:00Z" }))
        .await;
    stage
        .draft(json!({ "startDate": "2031-03-01T10:00:00Z", "endDate": "2031-03-01T12:00:00Z" }))
        .await;
    for (query, count) in [
        ("", 3),
        ("q=%C3%A5rets", 1),
        ("q=100%25", 1),
        ("q=0%25j", 0),
        ("q=z_c", 1),
        ("q=z%5Cc", 0),
        ("q=MALM%C3%96", 1),
        ("q=&location=", 3),
        ("location=malm%C3%B6", 1),
        ("location=jazz", 0),
        ("eventType=festival", 1),
        ("status=published", 2),
        ("status=draft", 1),
        ("from=2031-02-01T10:00:00Z", 2),
        ("to=2031-02-01T10:00:00Z", 2),
        ("from=2031-01-15T00:00:00%2B01:00&to=2031-02-15T00:00:00Z", 1),
        (&format!("customerId={}", stage.customer_id), 3),
        (&format!("customerId={}", CustomerId::new()), 0),
    ] {
        let list = stage.node.get(&stage.organiser, &format!("{EVENTS}?{query}")).await.expect(200);
        assert_eq!(list.items().len(), count, "{query}");
    }
}

#[tokio::test]
async fn a_query_that_makes_no_sense_is_explained() {
    let stage = Stage::on(Backend::Sqlite).await;
    let long = "x".repeat(201);
    for query in
        ["status=sold", "q=a%00b", "location=%01", "limit=0", "limit=201", &format!("q={long}")]
    {
        let answer = stage.node.get(&stage.organiser, &format!("{EVENTS}?{query}")).await;
        answer.expect_problem(422, "invalid_values");
    }
    for query in
        ["from=now", "to=", "customerId=me", "cursor=forged", "limit=x", "cursor=WzEsICJ4Il0"]
    {
        let answer = stage.node.get(&stage.organiser, &format!("{EVENTS}?{query}")).await;
        answer.expect_problem(400, "malformed_request");
    }
}
