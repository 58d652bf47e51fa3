//! The desk itself: groups, keys, poisoned orders, callers that go away.

use contracts::ids::{EventId, OrderId, UserId};
use database::idempotency::Key;
use futures::future::join_all;
use service_kit::http::IdempotencyKey;
use service_kit::{Kind, ServiceError};
use testkit::{Backend, eventually};
use tokio_util::sync::CancellationToken;

use super::{events_on, member};
use crate::app::order_desk::{self, Claim, Request};
use crate::domain::order::{NewOrder, Wish};
use crate::error::Error;
use crate::tests::stage::Stage;

fn wants(event_id: EventId, quantity: u32) -> NewOrder {
    let wishes = vec![Wish { event_id, quantity }];
    NewOrder { buyer_id: UserId::new(), buyer: None, wishes }
}

fn request(new_order: NewOrder) -> Request {
    Request { new_order, claim: None }
}

fn claimed(new_order: NewOrder, key: &str) -> Request {
    let claim = Claim {
        key: Key { actor: "somebody".into(), key: key.into() },
        fingerprint: new_order.canonical(),
    };
    Request { new_order, claim: Some(claim) }
}

async fn event_id(stage: &Stage, seats: i64) -> EventId {
    stage.event_with_seats(seats).await.parse().expect("an id")
}

#[tokio::test]
async fn a_group_is_decided_in_the_order_of_arrival() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event_id = event_id(&stage, 3).await;
    let (_, clerk) = order_desk::open(stage.node.database());
    let group = [1, 5, 2, 1].map(|quantity| request(wants(event_id, quantity)));
    let outcomes = clerk.settle(&group.each_ref()).await.expect("settled");
    let sold: Vec<_> = outcomes
        .iter()
        .map(|outcome| outcome.as_ref().map(|order| order.tickets.len()).ok())
        .collect();
    assert_eq!(sold, [Some(1), None, Some(2), None]);
    assert!(matches!(outcomes[3], Err(Error::EventSoldOut(_))));
    stage.check_invariants().await;
}

#[tokio::test]
async fn the_same_key_in_one_group_is_one_order() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event_id = event_id(&stage, 10).await;
    let (_, clerk) = order_desk::open(stage.node.database());
    let order = wants(event_id, 2);
    let group = [
        claimed(order.clone(), "a"),
        claimed(order.clone(), "a"),
        claimed(NewOrder { buyer_id: UserId::new(), ..order.clone() }, "a"),
        claimed(order.clone(), "b"),
    ];
    let outcomes = clerk.settle(&group.each_ref()).await.expect("settled");
    let ids: Vec<Option<OrderId>> =
        outcomes.iter().map(|outcome| outcome.as_ref().map(|order| order.id).ok()).collect();
    assert!(ids[0].is_some());
    assert_eq!(ids[0], ids[1]);
    assert!(matches!(outcomes[2], Err(Error::KeyReused(_))));
    assert!(ids[3].is_some() && ids[3] != ids[0]);
    assert_eq!(stage.count("select count(*) from orders").await, 2);
}

#[tokio::test]
async fn a_poisoned_order_does_not_hurt_those_beside_it() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event_id = event_id(&stage, 10).await;
    let (desk, clerk) = order_desk::open(stage.node.database());
    // Nothing that comes from outside gets this far; the table refuses a line without tickets.
    let poisoned = request(wants(event_id, 0));
    let orders = [request(wants(event_id, 1)), poisoned, request(wants(event_id, 2))];
    let waiting = join_all(orders.into_iter().map(|order| desk.place(order)));
    let stopping = CancellationToken::new();
    let serving = tokio::spawn(async move {
        // All three wait before the clerk begins, so that they are one group.
        tokio::task::yield_now().await;
        clerk.serve_until(stopping).await;
    });
    let outcomes = waiting.await;
    assert_eq!(outcomes[0].as_ref().expect("sold").tickets.len(), 1);
    assert_eq!(outcomes[1].as_ref().expect_err("refused").kind(), Kind::Internal);
    assert_eq!(outcomes[2].as_ref().expect("sold").tickets.len(), 2);
    stage.check_invariants().await;
    serving.abort();
}

#[tokio::test]
async fn a_crash_between_commit_and_answer_loses_no_order() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event_id = event_id(&stage, 10).await;
    let order = wants(event_id, 2);
    let (_, clerk) = order_desk::open(stage.node.database());
    let committed = clerk.settle(&[&claimed(order.clone(), "k")]).await.expect("settled");
    let id = committed[0].as_ref().expect("an order").id;
    // Nobody was answered. After the start that follows, the same request comes again.
    drop((committed, clerk));
    let (desk, clerk) = order_desk::open(stage.node.database());
    let serving = tokio::spawn(clerk.serve_until(CancellationToken::new()));
    let again = desk.place(claimed(order, "k")).await.expect("the order");
    assert_eq!((again.id, again.tickets.len()), (id, 2));
    assert_eq!(stage.count("select count(*) from orders").await, 1);
    stage.check_invariants().await;
    serving.abort();
}

#[tokio::test]
async fn a_caller_that_goes_away_learns_of_the_order_by_its_key() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event_id = event_id(&stage, 10).await;
    let stopping = CancellationToken::new();
    let events = events_on(&stage, &stopping);
    let (buyer_id, actor) = member();
    let order = || NewOrder { buyer_id, ..wants(event_id, 1) };
    let key = || Some(IdempotencyKey("k".into()));
    for _ in 0..20 {
        let (events, actor, order, key) = (events.clone(), actor.clone(), order(), key());
        let request =
            tokio::spawn(async move { events.place_order(&actor, key, order).await.map(drop) });
        tokio::task::yield_now().await;
        request.abort();
    }
    let placed = events.place_order(&actor, key(), order()).await.expect("an order");
    let ids = eventually("the one order", || async {
        let again = events.place_order(&actor, key(), order()).await.ok()?;
        Some(again.id)
    })
    .await;
    assert_eq!(ids, placed.id);
    assert_eq!(stage.count("select count(*) from orders").await, 1);
    stopping.cancel();
}

#[tokio::test]
async fn a_full_desk_says_so_at_once() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event_id = event_id(&stage, 10).await;
    let (desk, clerk) = order_desk::open(stage.node.database());
    // Nobody serves: whoever comes stays.
    let waiting = (0..5000).map(|_| desk.place(request(wants(event_id, 1))));
    let mut waiting = Box::pin(join_all(waiting));
    assert!(futures::poll!(&mut waiting).is_pending());
    let refused = desk.place(request(wants(event_id, 1))).await.expect_err("no room");
    assert!(matches!(refused, Error::OrderDeskFull));
    assert_eq!((refused.kind(), refused.code()), (Kind::Unavailable, "order_desk_full"));
    drop((waiting, clerk));
    let refused = desk.place(request(wants(event_id, 1))).await.expect_err("nobody there");
    assert_eq!(refused.kind(), Kind::Unavailable);
}

#[tokio::test]
async fn who_waits_when_the_service_stops_is_still_served() {
    let stage = Stage::on(Backend::Sqlite).await;
    let event_id = event_id(&stage, 1000).await;
    let (desk, clerk) = order_desk::open(stage.node.database());
    let stopping = CancellationToken::new();
    stopping.cancel();
    let waiting = join_all((0..600).map(|_| desk.place(request(wants(event_id, 1)))));
    let (outcomes, ()) = tokio::join!(waiting, clerk.serve_until(stopping));
    assert!(outcomes.iter().all(Result::is_ok));
    assert!(desk.place(request(wants(event_id, 1))).await.is_err(), "the desk is closed");
    stage.check_invariants().await;
}
