use jiff::{SignedDuration, Timestamp};
use testkit::{Backend, TestNode};

use crate::domain::{Peak, hour_of};
use crate::store;

fn peak(consumer: &str, hour: Timestamp, waiting: u64, dead_letters: u64) -> Peak {
    Peak { service: "audit".into(), consumer: consumer.into(), hour, waiting, dead_letters }
}

async fn raise(node: &TestNode, peaks: &[Peak]) {
    let tx = node.database().begin().await.expect("begun");
    store::raise_peaks(&tx, peaks).await.expect("noted");
    tx.commit().await.expect("committed");
}

async fn list(node: &TestNode, from: Timestamp) -> Vec<Peak> {
    store::list_peaks(node.database().read(), from).await.expect("read")
}

/// The same walk through every query, on both databases.
async fn the_highest_of_an_hour_stays(backend: Backend) {
    let process = super::Process::default();
    let node = super::builder(&process, &[]).on(backend).start().await;
    let hour = hour_of(testkit::now());
    let next = hour + SignedDuration::from_hours(1);
    raise(&node, &[]).await;
    raise(&node, &[peak("b", hour, 5, 0), peak("a", hour, 0, 2)]).await;
    raise(&node, &[peak("a", hour, 7, 1), peak("b", hour, 3, 0)]).await;
    raise(&node, &[peak("a", next, 1, 1)]).await;
    let expected = [peak("a", hour, 7, 2), peak("a", next, 1, 1), peak("b", hour, 5, 0)];
    assert_eq!(list(&node, hour).await, expected);
    assert_eq!(list(&node, next).await, expected[1..2]);

    let tx = node.database().begin().await.expect("begun");
    store::delete_peaks_before(&tx, next).await.expect("deleted");
    tx.commit().await.expect("committed");
    assert_eq!(list(&node, hour).await, expected[1..2]);
    node.stop().await;
}

#[tokio::test]
async fn the_highest_of_an_hour_stays_on_sqlite() {
    the_highest_of_an_hour_stays(Backend::Sqlite).await;
}

#[tokio::test]
async fn the_highest_of_an_hour_stays_on_postgres() {
    the_highest_of_an_hour_stays(Backend::Postgres).await;
}
