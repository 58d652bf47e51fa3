//! Every benchmark runs, and sells nothing twice. Nothing is asserted of time.

use benches::{
    Plan, authorization_server, doors, gateway, idle, messages, orders, orders_postgres, sign_ins,
};

fn plan() -> Plan {
    Plan::quick(env!("CARGO_BIN_EXE_benches").into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_memory_and_starts_are_measured() {
    assert_eq!(idle::measure(&plan()).await.expect("measured").len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_measured_and_none_is_sold_twice() {
    assert_eq!(orders::measure(&plan()).await.expect("measured").len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_on_postgres_are_measured() {
    assert!(!orders_postgres::measure(&plan()).await.expect("measured").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_is_measured() {
    assert!(gateway::measure(&plan()).await.expect("measured").len() >= 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_ins_are_measured() {
    assert_eq!(sign_ins::measure(&plan()).await.expect("measured").len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_programs_ask_of_the_authorization_server_is_measured() {
    assert!(authorization_server::measure(&plan()).await.expect("measured").len() >= 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_pages_and_check_ins_are_measured() {
    assert_eq!(doors::measure(&plan()).await.expect("measured").len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publications_and_deliveries_are_measured() {
    assert!(!messages::measure(&plan()).await.expect("measured").is_empty());
}
