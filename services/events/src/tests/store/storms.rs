use std::collections::{BTreeMap, HashSet};

use futures::future::join_all;
use http::Method;
use serde_json::json;
use testkit::{Answer, Backend, Caller};
use tokio_util::sync::CancellationToken;

use crate::domain::order::{NewOrder, Wish};
use crate::tests::app::{events_on, member};
use crate::tests::stage::{ORDERS, Stage, TICKETS, codes, order};

/// How many answers had which status and code.
fn tally(answers: &[Answer]) -> BTreeMap<(u16, String), usize> {
    let mut tally = BTreeMap::new();
    for answer in answers {
        let code = answer.body["code"].as_str().filter(|_| answer.status.as_u16() >= 400);
        let key = (answer.status.as_u16(), code.unwrap_or_default().to_owned());
        *tally.entry(key).or_default() += 1;
    }
    tally
}

async fn the_last_seats_are_sold_once(backend: Backend) {
    let stage = Stage::on(backend).await;
    let event = stage.event_with_seats(100).await;
    let buyers: Vec<Caller> = (0..200).map(|_| stage.other_member()).collect();
    let answers = join_all(buyers.iter().map(|buyer| stage.buy(buyer, &event, 1))).await;
    let expected = [((201, String::new()), 100), ((409, "event_sold_out".to_owned()), 100)];
    assert_eq!(tally(&answers), BTreeMap::from(expected));
    let sold: HashSet<String> =
        answers.iter().filter(|answer| answer.status == 201).flat_map(codes).collect();
    assert_eq!(sold.len(), 100);
    assert_eq!(stage.seats_left(&event).await, 0);
    assert_eq!(stage.count("select count(*) from ticket where status = 'valid'").await, 100);
    stage.check_invariants().await;
    stage.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_seats_are_sold_once_on_sqlite() {
    the_last_seats_are_sold_once(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_seats_are_sold_once_on_postgres() {
    the_last_seats_are_sold_once(Backend::Postgres).await;
}

/// Two replicas, each with a desk of its own, several events, orders over two of them in either order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_desks_on_one_database_oversell_nothing() {
    let stage = Stage::on(Backend::Postgres).await;
    let stopping = CancellationToken::new();
    let replicas = [events_on(&stage, &stopping), events_on(&stage, &stopping)];
    let [one, other] = [stage.event_with_seats(60).await, stage.event_with_seats(60).await]
        .map(|id| id.parse().expect("an id"));
    let buyers = (0..200).map(|number| {
        let events = replicas[number % 2].clone();
        let (first, second) = if number % 3 == 0 { (one, other) } else { (other, one) };
        tokio::spawn(async move {
            let (buyer_id, actor) = member();
            let wishes = [first, second].map(|event_id| Wish { event_id, quantity: 1 }).to_vec();
            let new_order = NewOrder { buyer_id, buyer: None, wishes };
            events.place_order(&actor, None, new_order).await.is_ok()
        })
    });
    let outcomes = join_all(buyers.collect::<Vec<_>>()).await;
    let sold =
        outcomes.into_iter().filter(|outcome| *outcome.as_ref().expect("an outcome")).count();
    assert_eq!(sold, 60);
    stage.check_invariants().await;
    stopping.cancel();
    stage.node.stop().await;
}

async fn buying_cancelling_and_changing_seats_at_once_agree(backend: Backend) {
    let stage = Stage::on(backend).await;
    let event = stage.event_with_seats(60).await;
    let before = codes(&stage.buy(&stage.member, &event, 20).await.expect(201));
    let buying = join_all((0..60).map(|_| stage.buy(&stage.member, &event, 1)));
    let paths: Vec<String> = before.iter().map(|code| format!("{TICKETS}/{code}")).collect();
    // Each twice, at the same time: one of them is too late.
    let cancelling =
        join_all(paths.iter().chain(&paths).map(|path| stage.node.delete(&stage.member, path)));
    let seats = [40, 10, 70, 20, 55, 30, 64, 48];
    let changing = join_all(seats.map(|seats| stage.change(&event, json!({ "seats": seats }))));
    let (bought, cancelled, changed) = tokio::join!(buying, cancelling, changing);

    let cancelled = tally(&cancelled);
    assert_eq!(cancelled[&(204, String::new())], 20);
    assert_eq!(cancelled[&(409, "ticket_cancelled".to_owned())], 20);
    let known =
        [(201, ""), (409, "event_sold_out")].map(|(status, code)| (status, code.to_owned()));
    assert!(tally(&bought).keys().all(|key| known.contains(key)), "{:?}", tally(&bought));
    let known = [(200, ""), (409, "seats_below_sold"), (412, "stale_version")];
    let known = known.map(|(status, code)| (status, code.to_owned()));
    assert!(tally(&changed).keys().all(|key| known.contains(key)), "{:?}", tally(&changed));
    stage.check_invariants().await;
    stage.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buying_cancelling_and_changing_seats_at_once_agree_on_sqlite() {
    buying_cancelling_and_changing_seats_at_once_agree(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buying_cancelling_and_changing_seats_at_once_agree_on_postgres() {
    buying_cancelling_and_changing_seats_at_once_agree(Backend::Postgres).await;
}

async fn one_key_at_once_is_one_order(backend: Backend) {
    let stage = Stage::on(backend).await;
    let event = stage.event_with_seats(100).await;
    let key = [("idempotency-key", "once")];
    let body = || Some(order(&event, 2));
    let requests =
        (0..20).map(|_| stage.node.send(&stage.member, Method::POST, ORDERS, body(), &key));
    let answers = join_all(requests).await;
    assert_eq!(tally(&answers), BTreeMap::from([((201, String::new()), 20)]));
    let ids: HashSet<&str> = answers.iter().map(|answer| answer.text("id")).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(stage.seats_left(&event).await, 98);
    stage.check_invariants().await;
    stage.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_at_once_is_one_order_on_sqlite() {
    one_key_at_once_is_one_order(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_at_once_is_one_order_on_postgres() {
    one_key_at_once_is_one_order(Backend::Postgres).await;
}

/// The key is in the table, so that the replica which comes second finds it, or runs into it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_at_two_replicas_is_one_order() {
    let stage = Stage::on(Backend::Postgres).await;
    let stopping = CancellationToken::new();
    let replicas = [events_on(&stage, &stopping), events_on(&stage, &stopping)];
    let event_id = stage.event_with_seats(100).await.parse().expect("an id");
    let (buyer_id, actor) = member();
    for number in 0..20 {
        let place = |replica: usize| {
            let (events, actor) = (replicas[replica].clone(), actor.clone());
            let new_order =
                NewOrder { buyer_id, buyer: None, wishes: vec![Wish { event_id, quantity: 1 }] };
            let key = service_kit::http::IdempotencyKey(number.to_string());
            tokio::spawn(async move { events.place_order(&actor, Some(key), new_order).await })
        };
        let (first, second) = tokio::join!(place(0), place(1));
        let order_id = |answer: Result<crate::error::Result<_>, _>| {
            let order: std::sync::Arc<crate::domain::order::Order> =
                answer.expect("joined").expect("an order");
            order.id
        };
        assert_eq!(order_id(first), order_id(second));
    }
    assert_eq!(stage.count("select count(*) from orders").await, 20);
    stage.check_invariants().await;
    stopping.cancel();
    stage.node.stop().await;
}

async fn of_fifty_doors_one_lets_the_holder_in(backend: Backend) {
    let stage = Stage::on(backend).await;
    let event = stage.event_with_seats(1).await;
    let code = stage.tickets(&event, 1).await.remove(0);
    let doors: Vec<Caller> = (0..50).map(|_| stage.with_role("door")).collect();
    let path = format!("{TICKETS}/{code}/check-in");
    let answers = join_all(doors.iter().map(|door| stage.node.post(door, &path, json!({})))).await;
    let expected = [((200, String::new()), 1), ((409, "already_checked_in".to_owned()), 49)];
    assert_eq!(tally(&answers), BTreeMap::from(expected));
    let by = |answer: &Answer| answer.text("checkedInBy").to_owned();
    let winner = answers.iter().find(|answer| answer.status == 200).map(by);
    assert!(answers.iter().all(|answer| Some(by(answer)) == winner));
    let kinds = stage.node.published_kinds().await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "ticket.checked_in").count(), 1);
    stage.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_doors_one_lets_the_holder_in_on_sqlite() {
    of_fifty_doors_one_lets_the_holder_in(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_doors_one_lets_the_holder_in_on_postgres() {
    of_fifty_doors_one_lets_the_holder_in(Backend::Postgres).await;
}
