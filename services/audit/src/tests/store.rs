use contracts::audit::{AuditRecorded, Party};
use contracts::ids::CustomerId;
use futures::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use policies::Origin;
use service_kit::paging::Page;
use testkit::{Backend, TestNode};
use uuid::Uuid;

use crate::domain::{ActionPrefix, ActorFilter, Details, Entry, EntryFilter};
use crate::store;

/// Some entries of the present: older ones are swept.
fn entries(count: i64) -> Vec<Entry> {
    let now = testkit::now();
    (0..count).map(|number| entry(now, number)).collect()
}

fn entry(now: Timestamp, number: i64) -> Entry {
    let origin = Origin { address: Some([0, 0, 0, 0, 0, 0, 0, 1].into()), agent: Some("x".into()) };
    let by = Party::user(number, "ada@example.org").from_origin(&origin);
    let record = AuditRecorded::done(by, "users:create").on("Account", number);
    Entry {
        id: Uuid::now_v7(),
        // Several in the same millisecond, so that the id decides their order.
        at: now + SignedDuration::from_millis(number / 3),
        first_at: (number % 2 == 0).then_some(Timestamp::UNIX_EPOCH),
        service: "users".into(),
        action: record.action,
        outcome: record.outcome,
        by: record.by,
        on: record.on,
        customer_id: (number % 2 == 0).then(CustomerId::new),
        details: Details::new(r#"{"ä":"€"}"#.into()),
        count: number + 1,
    }
}

/// The same walk through every query, on both databases.
async fn everything_is_stored_and_found_again(backend: Backend) {
    let node =
        TestNode::builder("audit", crate::start, crate::MIGRATIONS).on(backend).start().await;
    let entries = entries(1200);
    let tx = node.database().begin().await.expect("begun");
    for entry in &entries {
        store::insert_entry(&tx, entry).await.expect("written");
    }
    // A second time is the same entry, as it was.
    let forged = Entry { action: "users:forge".into(), ..entries[7].clone() };
    store::insert_entry(&tx, &forged).await.expect("ignored");
    tx.commit().await.expect("committed");

    let db = node.database().read();
    let all = EntryFilter::default();
    let mut read: Vec<Entry> = vec![];
    loop {
        let page = Page { limit: 200, after: read.last().map(Entry::position) };
        let mut rows = store::list_entries(db, &all, &page).await.expect("read");
        let has_more = rows.len() == 201;
        rows.truncate(200);
        read.extend(rows);
        if !has_more {
            break;
        }
    }
    read.reverse();
    let is_same = read == entries;
    assert!(is_same, "read {} entries that are not those written", read.len());

    let only = |filter: EntryFilter| async move {
        let page = Page { limit: 10, after: None };
        store::list_entries(db, &filter, &page).await.expect("read").len()
    };
    let actor = Some(ActorFilter::Id("9".into()));
    assert_eq!(only(EntryFilter { actor, ..all.clone() }).await, 1);
    let action = ActionPrefix::parse("users:f").ok();
    assert_eq!(only(EntryFilter { action, ..all.clone() }).await, 0);
    let customer_id = entries[8].customer_id;
    assert_eq!(only(EntryFilter { customer_id, ..all.clone() }).await, 1);
    assert!(store::has_more_than(db, &all, 1199).await.expect("counted"));
    assert!(!store::has_more_than(db, &all, 1200).await.expect("counted"));

    let tx = node.database().begin().await.expect("begun");
    let before = entries[1197].at;
    assert_eq!(store::delete_entries_before(&tx, before).await.expect("deleted"), 1197);
    assert_eq!(store::delete_entries_before(&tx, before).await.expect("deleted"), 0);
    tx.commit().await.expect("committed");
    node.stop().await;
}

#[tokio::test]
async fn everything_is_stored_and_found_again_on_sqlite() {
    everything_is_stored_and_found_again(Backend::Sqlite).await;
}

#[tokio::test]
async fn everything_is_stored_and_found_again_on_postgres() {
    everything_is_stored_and_found_again(Backend::Postgres).await;
}

#[tokio::test]
async fn an_export_goes_on_over_pages_and_never_holds_more_than_one() {
    let node = super::node().await;
    let tx = node.database().begin().await.expect("begun");
    for entry in entries(1200) {
        store::insert_entry(&tx, &entry).await.expect("written");
    }
    tx.commit().await.expect("committed");
    let audit = std::sync::Arc::new(super::jobs::audit(&node));
    let administrator = super::jobs::somebody_who_reads();
    let pages = audit.export_entries(&administrator, EntryFilter::default(), "csv").await;
    let pages: Vec<Vec<Entry>> = pages.expect("permitted").try_collect().await.expect("all pages");
    let sizes: Vec<usize> = pages.iter().map(Vec::len).collect();
    assert_eq!(sizes, [500, 500, 200]);
    let ids: std::collections::BTreeSet<Uuid> = pages.iter().flatten().map(|e| e.id).collect();
    assert_eq!(ids.len(), 1200);
}
