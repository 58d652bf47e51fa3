use contracts::ids::{EventId, OrderId};
use http::Method;
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use testkit::{Answer, Backend};

use crate::tests::stage::{ORDERS, Stage, codes, order, wrong_fields};

#[tokio::test]
async fn buying_issues_tickets_and_announces_them() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.event_with_seats(10).await;
    let mut wanted = order(&event, 2);
    wanted["buyer"] = json!({ "name": " Åsa Öberg ", "email": "asa@example.org" });
    let bought = stage.node.post(&stage.member, ORDERS, wanted).await.expect(201);
    assert_json_snapshot!(bought.body, {
        ".id" => "[id]", ".buyerId" => "[id]", ".**.eventId" => "[id]", ".**.orderId" => "[id]",
        ".**.ownerId" => "[id]", ".**.code" => "[code]", ".**.issuedAt" => "[time]", ".createdAt" => "[time]",
        ".tickets[1]" => "[ticket]",
    }, @r#"
    {
      "id": "[id]",
      "status": "confirmed",
      "buyerId": "[id]",
      "buyer": {
        "name": "Åsa Öberg",
        "email": "asa@example.org"
      },
      "lines": [
        {
          "eventId": "[id]",
          "packetId": null,
          "quantity": 2,
          "unitPrice": {
            "amountMinor": 45000,
            "currency": "SEK"
          }
        }
      ],
      "total": {
        "amountMinor": 90000,
        "currency": "SEK"
      },
      "tickets": [
        {
          "code": "[code]",
          "orderId": "[id]",
          "eventId": "[id]",
          "packetId": null,
          "ownerId": "[id]",
          "holderName": "Åsa Öberg",
          "status": "valid",
          "price": {
            "amountMinor": 45000,
            "currency": "SEK"
          },
          "issuedAt": "[time]",
          "checkedInAt": null,
          "checkedInBy": null
        },
        "[ticket]"
      ],
      "createdAt": "[time]"
    }
    "#);
    let published = stage.node.published().await;
    let kinds: Vec<_> = published.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds[2..], ["order.placed", "ticket.issued", "ticket.issued"]);
    assert_eq!(published[2].1["tickets"], json!(codes(&bought)));
    assert_eq!(published[3].1["customerId"], json!(stage.customer_id));
    assert_eq!(stage.seats_left(&event).await, 8);
    let path = format!("{ORDERS}/{}", bought.text("id"));
    let again = stage.node.get(&stage.member, &path).await.expect(200);
    assert_eq!(
        (again.etag(), again.body["total"].clone()),
        (bought.etag(), bought.body["total"].clone())
    );
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_explained_by_its_fields() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.event_with_seats(100).await;
    let foreign_money =
        stage.published(json!({ "price": { "amountMinor": 1, "currency": "EUR" } })).await;
    let line = |event: &str, quantity: i64| json!({ "eventId": event, "quantity": quantity });
    let nowhere = EventId::new().to_string();
    let two = |other: &str| json!({ "lines": [line(&event, 1), line(other, 1)] });
    let with_buyer = |buyer: Value| json!({ "lines": [line(&event, 1)], "buyer": buyer });
    let packet = json!({ "packetId": EventId::new(), "quantity": 1 });
    for (wrong, fields) in [
        (json!({ "lines": [] }), vec!["lines"]),
        (order(&event, 0), vec!["lines[0].quantity"]),
        (order(&event, -1), vec!["lines[0].quantity"]),
        (order(&event, 21), vec!["lines", "lines[0].quantity"]),
        (order(&event, i64::MAX), vec!["lines", "lines[0].quantity"]),
        (two(&event), vec!["lines[1].eventId"]),
        (two(&nowhere), vec!["lines[1].eventId"]),
        (two(&foreign_money), vec!["lines"]),
        (json!({ "lines": [packet] }), vec!["lines[0].packetId"]),
        (json!({ "lines": [{ "quantity": 1 }] }), vec!["lines[0].eventId"]),
        (with_buyer(json!({ "name": "" })), vec!["buyer.name"]),
        (
            with_buyer(json!({ "name": "a\u{0}b", "email": "nobody" })),
            vec!["buyer.name", "buyer.email"],
        ),
    ] {
        let problem = stage.node.post(&stage.member, ORDERS, wrong.clone()).await;
        let problem = problem.expect_problem(422, "invalid_values");
        assert_eq!(wrong_fields(&problem), fields, "{wrong}");
    }
    for wrong in
        [json!({}), order("me", 1), json!({ "lines": [{ "eventId": event, "quantity": 1.5 }] })]
    {
        let problem = stage.node.post(&stage.member, ORDERS, wrong).await;
        problem.expect_problem(400, "malformed_request");
    }
    assert_eq!(stage.seats_left(&event).await, 100);
    assert_eq!(stage.count("select count(*) from orders").await, 0);
}

#[tokio::test]
async fn what_is_not_on_sale_cannot_be_bought() {
    let stage = Stage::on(Backend::Sqlite).await;
    let draft = stage.draft(json!({})).await;
    stage.buy(&stage.member, &draft, 1).await.expect_problem(409, "event_not_on_sale");
    let event = stage.event_with_seats(10).await;
    let tickets = stage.tickets(&event, 1).await;
    stage.change(&event, json!({ "status": "cancelled" })).await.expect(200);
    stage.buy(&stage.member, &event, 1).await.expect_problem(409, "event_not_on_sale");
    let ticket =
        stage.node.get(&stage.member, &format!("/api/v1/tickets/{}", tickets[0])).await.expect(200);
    assert_eq!(ticket.text("status"), "valid", "cancelling an event cancels no ticket");
    let over = stage.event_with_seats(10).await;
    let past = json!({ "startDate": "2001-01-01T00:00:00Z", "endDate": "2001-01-01T02:00:00Z" });
    stage.change(&over, past).await.expect(200);
    stage.buy(&stage.member, &over, 1).await.expect_problem(409, "event_not_on_sale");
}

#[tokio::test]
async fn an_order_over_several_events_is_sold_whole_or_not_at_all() {
    let stage = Stage::on(Backend::Sqlite).await;
    let (plenty, few) = (stage.event_with_seats(10).await, stage.event_with_seats(1).await);
    let both = |quantity: i64| {
        let line = |event: &str| json!({ "eventId": event, "quantity": quantity });
        json!({ "lines": [line(&plenty), line(&few)] })
    };
    stage.node.post(&stage.member, ORDERS, both(2)).await.expect_problem(409, "event_sold_out");
    assert_eq!((stage.seats_left(&plenty).await, stage.seats_left(&few).await), (10, 1));
    let bought = stage.node.post(&stage.member, ORDERS, both(1)).await.expect(201);
    assert_eq!(bought.body["total"]["amountMinor"], 90000);
    assert_eq!((stage.seats_left(&plenty).await, stage.seats_left(&few).await), (9, 0));
    stage.check_invariants().await;
}

async fn buy_with_key(stage: &Stage, body: Value, key: &str) -> Answer {
    let headers = [("idempotency-key", key)];
    stage.node.send(&stage.member, Method::POST, ORDERS, Some(body), &headers).await
}

#[tokio::test]
async fn the_same_key_and_order_answers_the_same() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.event_with_seats(10).await;
    let first = buy_with_key(&stage, order(&event, 2), "k").await.expect(201);
    let again = buy_with_key(&stage, order(&event, 2), "k").await.expect(201);
    let sorted = |answer: &Answer| {
        let mut codes = codes(answer);
        codes.sort();
        codes
    };
    assert_eq!(sorted(&again), sorted(&first));
    assert_eq!((again.text("id"), again.etag()), (first.text("id"), first.etag()));
    let reused = buy_with_key(&stage, order(&event, 1), "k").await;
    let reused = reused.expect_problem(422, "idempotency_key_reused");
    assert_eq!(wrong_fields(&reused), ["Idempotency-Key"]);
    let headers = [("idempotency-key", "k")];
    let other = stage.other_member();
    let other =
        stage.node.send(&other, Method::POST, ORDERS, Some(order(&event, 2)), &headers).await;
    assert_ne!(
        other.expect(201).text("id"),
        first.text("id"),
        "another person's key is another key"
    );
    assert_eq!(stage.seats_left(&event).await, 6);
    buy_with_key(&stage, order(&event, 1), "").await.expect_problem(400, "malformed_request");
}

#[tokio::test]
async fn a_refused_order_may_be_tried_again_with_its_key() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.event_with_seats(1).await;
    buy_with_key(&stage, order(&event, 2), "k").await.expect_problem(409, "event_sold_out");
    stage.change(&event, json!({ "seats": 2 })).await.expect(200);
    buy_with_key(&stage, order(&event, 2), "k").await.expect(201);
}

#[tokio::test]
async fn a_single_ticket_is_bought_once_with_its_key() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.event_with_seats(2).await;
    let path = format!("/api/v1/clients/{}/tickets", stage.member.user_id);
    let body = || Some(json!({ "eventId": event }));
    let key = [("idempotency-key", "k")];
    let first = stage.node.send(&stage.member, Method::POST, &path, body(), &key).await.expect(201);
    let again = stage.node.send(&stage.member, Method::POST, &path, body(), &key).await.expect(201);
    assert_eq!(first.body, again.body);
    assert_eq!(stage.seats_left(&event).await, 1);
    let packet = json!({ "packetId": EventId::new() });
    let problem =
        stage.node.post(&stage.member, &path, packet).await.expect_problem(422, "invalid_values");
    assert_eq!(wrong_fields(&problem), ["packetId"]);
    stage.node.post(&stage.member, &path, json!({})).await.expect_problem(422, "invalid_values");
}

#[tokio::test]
async fn own_orders_are_listed_latest_first() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event = stage.event_with_seats(10).await;
    let mut bought = vec![];
    for _ in 0..3 {
        bought
            .insert(0, stage.buy(&stage.member, &event, 1).await.expect(201).text("id").to_owned());
    }
    stage.buy(&stage.other_member(), &event, 1).await.expect(201);
    let first = stage.node.get(&stage.member, &format!("{ORDERS}?limit=2")).await.expect(200);
    let next = format!("{ORDERS}?limit=2&cursor={}", first.text("nextCursor"));
    let second = stage.node.get(&stage.member, &next).await.expect(200);
    let ids = first
        .items()
        .iter()
        .chain(second.items())
        .map(|order| order["id"].as_str().expect("an id"));
    assert_eq!(ids.collect::<Vec<_>>(), bought);
    assert!(second.body["nextCursor"].is_null());
    let unknown = format!("{ORDERS}/{}", OrderId::new());
    stage.node.get(&stage.member, &unknown).await.expect_problem(404, "order_not_found");
    stage
        .node
        .get(&stage.member, &format!("{ORDERS}/1"))
        .await
        .expect_problem(400, "malformed_request");
}
