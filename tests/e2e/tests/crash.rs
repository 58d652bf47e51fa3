//! Killed at any moment, started again: what was acknowledged is there, once.

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Method;
use parking_lot::Mutex;
use serde_json::{Value, json};
use support::{Client, Cluster, Topology, eventually};

const SEATS: u32 = 100_000;
const ROUNDS: u32 = 5;

/// What somebody was told, to be held against what is there afterwards.
#[derive(Default)]
struct Told {
    /// Order → codes of its tickets.
    orders: Mutex<Vec<(String, Vec<String>)>>,
    /// Ids of accounts.
    accounts: Mutex<Vec<String>>,
}

async fn buy_until(stop: Arc<AtomicBool>, told: Arc<Told>, buyer: Client, event_id: String) {
    while !stop.load(Ordering::Relaxed) {
        let lines = json!({ "lines": [{ "eventId": event_id, "quantity": 2 }] }).to_string();
        let answer = buyer.try_send(Method::POST, "/api/v1/orders", Some(lines)).await;
        let Some(answer) = answer.filter(|answer| answer.status == 201) else { continue };
        let tickets = answer.body["tickets"].as_array().expect("tickets");
        let codes =
            tickets.iter().map(|ticket| ticket["code"].as_str().expect("a code").to_owned());
        told.orders.lock().push((answer.text("id").to_owned(), codes.collect()));
    }
}

async fn sign_up_until(stop: Arc<AtomicBool>, told: Arc<Told>, client: Client, round: u32) {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let account = json!({
            "email": format!("visitor-{round}-{number}@example.org"), "password": "a long enough secret",
            "firstName": "Visitor", "lastName": number.to_string(),
        });
        let answer =
            client.try_send(Method::POST, "/api/v1/users", Some(account.to_string())).await;
        if let Some(answer) = answer.filter(|answer| answer.status == 201) {
            told.accounts.lock().push(answer.text("id").to_owned());
        }
    }
}

/// Every ticket of the event, as the organiser sees them.
async fn tickets(organiser: &Client, event_id: &str) -> Vec<Value> {
    let mut all = vec![];
    let mut path = format!("/api/v1/tickets?eventId={event_id}&limit=200");
    loop {
        let page = organiser.get(&path).await.expect(200);
        all.extend(page.items().iter().cloned());
        let Some(cursor) = page.body["nextCursor"].as_str() else { return all };
        path = format!("/api/v1/tickets?eventId={event_id}&limit=200&cursor={cursor}");
    }
}

async fn nothing_acknowledged_is_lost(topology: Topology, victim: &'static str) {
    let cluster = Cluster::start(topology).await;
    let admin = cluster.administrator().await;
    let client = cluster.client();
    let organiser = client.new_member("organiser@example.org").await;
    let customer_id = organiser.found_organiser("556677-8899").await;
    let event_id = organiser.publish_event(&customer_id, SEATS).await;
    let buyer = client.new_member("buyer@example.org").await;
    let told = Arc::new(Told::default());
    for round in 0..ROUNDS {
        let stop = Arc::new(AtomicBool::new(false));
        let mut work = vec![];
        for _ in 0..8 {
            let buying = buy_until(stop.clone(), told.clone(), buyer.clone(), event_id.clone());
            work.push(tokio::spawn(buying));
        }
        work.push(tokio::spawn(sign_up_until(stop.clone(), told.clone(), client.clone(), round)));
        // Another moment each round.
        tokio::time::sleep(Duration::from_millis(150 + 170 * u64::from(round))).await;
        cluster.kill(victim);
        stop.store(true, Ordering::Relaxed);
        for task in work {
            task.await.expect("finished");
        }
        cluster.restart(victim);
        cluster.wait_until_ready().await;
    }
    let sold = tickets(&organiser, &event_id).await;
    let codes: BTreeSet<&str> =
        sold.iter().map(|ticket| ticket["code"].as_str().expect("a code")).collect();
    assert_eq!(codes.len(), sold.len(), "no ticket is there twice");
    let orders = told.orders.lock().clone();
    assert!(orders.len() > 20, "the rounds sold something: {}", orders.len());
    for (order_id, order_codes) in &orders {
        for code in order_codes {
            assert!(codes.contains(code.as_str()), "ticket {code} of order {order_id} is lost");
        }
    }
    let event = client.get(&format!("/api/v1/events/{event_id}")).await.expect(200);
    let left = event.body["seatsLeft"].as_u64().expect("a number");
    assert_eq!(left + sold.len() as u64, u64::from(SEATS));
    let accounts = told.accounts.lock().clone();
    assert!(!accounts.is_empty());
    for id in accounts {
        eventually("the role of everybody who signed up", || async {
            let user = admin.get(&format!("/api/v1/users/{id}")).await.expect(200);
            let roles = user.body["roles"].as_array().cloned().unwrap_or_default();
            (roles == [json!({ "role": "member", "customerId": null })]).then_some(())
        })
        .await;
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_the_one_process_loses_nothing_acknowledged() {
    nothing_acknowledged_is_lost(Topology::OneProcess, "events").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_events_split_loses_nothing_acknowledged() {
    nothing_acknowledged_is_lost(Topology::Split, "events").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_users_split_loses_nothing_acknowledged() {
    nothing_acknowledged_is_lost(Topology::Split, "users").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_the_broker_split_loses_nothing_acknowledged() {
    nothing_acknowledged_is_lost(Topology::SplitOnFiles, "broker").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_to_stop_the_program_finishes_what_it_has_begun_and_ends_well() {
    let cluster = Cluster::start(Topology::OneProcess).await;
    let client = cluster.client();
    let organiser = client.new_member("organiser@example.org").await;
    let customer_id = organiser.found_organiser("556677-8899").await;
    let event_id = organiser.publish_event(&customer_id, 500).await;
    let buyer = client.new_member("buyer@example.org").await;
    let orders: Vec<_> = (0..50)
        .map(|_| {
            let (buyer, event_id) = (buyer.clone(), event_id.clone());
            let lines = json!({ "lines": [{ "eventId": event_id, "quantity": 1 }] }).to_string();
            tokio::spawn(async move {
                buyer.try_send(Method::POST, "/api/v1/orders", Some(lines)).await
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(cluster.terminate("events").success());
    let answers = futures::future::join_all(orders).await;
    let sold = answers.into_iter().filter_map(|answer| answer.expect("finished"));
    let sold = sold.filter(|answer| answer.status == 201).count() as u64;
    cluster.restart("events");
    cluster.wait_until_ready().await;
    let event = client.get(&format!("/api/v1/events/{event_id}")).await.expect(200);
    let left = event.body["seatsLeft"].as_u64().expect("a number");
    assert!(left <= 500 - sold, "{sold} were told that they have a ticket, {left} seats are left");
    cluster.stop().await;
}
