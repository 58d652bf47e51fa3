//! How fast the order desk sells: `cargo test --release -p events rush -- --ignored --nocapture --test-threads 1`.

use std::time::Duration;

use contracts::ids::EventId;
use service_kit::http::IdempotencyKey;
use testkit::Backend;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{events_on, member};
use crate::domain::order::{NewOrder, Wish};
use crate::tests::stage::Stage;

const CLIENTS: usize = 256;

/// Every client buys one ticket after the other; orders a second.
async fn rush(stage: &Stage, time: Duration, with_keys: bool) -> f64 {
    let stopping = CancellationToken::new();
    let events = events_on(stage, &stopping);
    let event_id: EventId = stage.event_with_seats(10_000_000).await.parse().expect("an id");
    let start = Instant::now();
    let clients = (0..CLIENTS).map(|_| {
        let events = events.clone();
        tokio::spawn(async move {
            let (buyer_id, actor) = member();
            let mut orders = 0u32;
            while start.elapsed() < time {
                let wishes = vec![Wish { event_id, quantity: 1 }];
                let new_order = NewOrder { buyer_id, buyer: None, wishes };
                let key = with_keys.then(|| IdempotencyKey(Uuid::now_v7().to_string()));
                events.place_order(&actor, key, new_order).await.expect("an order");
                orders += 1;
            }
            orders
        })
    });
    let clients: Vec<_> = clients.collect();
    let mut orders = 0;
    for client in clients {
        orders += client.await.expect("a client");
    }
    let rate = f64::from(orders) / start.elapsed().as_secs_f64();
    stopping.cancel();
    stage.check_invariants().await;
    rate
}

async fn measure(backend: Backend) {
    for with_keys in [false, true, true] {
        let stage = Stage::on(backend).await;
        let rate = rush(&stage, Duration::from_secs(5), with_keys).await;
        println!("{backend:?}, {CLIENTS} clients, keys: {with_keys}: {rate:.0} orders/s");
        stage.node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures; for a release build on a quiet machine"]
async fn a_rush_on_sqlite() {
    measure(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures; for a release build on a quiet machine"]
async fn a_rush_on_postgres() {
    measure(Backend::Postgres).await;
}

#[tokio::test]
async fn a_rush_is_sold_without_an_error() {
    let stage = Stage::on(Backend::Sqlite).await;
    assert!(rush(&stage, Duration::from_millis(300), true).await > 0.0);
}
