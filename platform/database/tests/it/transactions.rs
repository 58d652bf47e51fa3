use database::{Error, OnConstraint};
use testkit::Backend;

use crate::{
    Place, changed, count_things, count_waiting, insert_on_shelf, insert_thing, on_both_databases,
};

on_both_databases!(
    a_dropped_transaction_undoes_state_and_message,
    a_committed_transaction_keeps_state_and_message,
    a_transaction_in_use_elsewhere_is_not_committed,
    a_violated_constraint_has_the_same_name_everywhere,
    transactions_at_once_wait_for_each_other,
);

async fn a_dropped_transaction_undoes_state_and_message(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let tx = database.begin().await.expect("a transaction");
    insert_thing(&tx, 1).await.expect("inserted");
    tx.publish(changed("one", 1)).await.expect("published");
    drop(tx);
    assert_eq!((count_things(&database).await, count_waiting(&database).await), (0, 0));
    place.remove([database]).await;
}

async fn a_committed_transaction_keeps_state_and_message(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let tx = database.begin().await.expect("a transaction");
    insert_thing(&tx, 1).await.expect("inserted");
    tx.publish(changed("one", 1)).await.expect("published");
    assert_eq!((count_things(&database).await, count_waiting(&database).await), (0, 0));
    tx.commit().await.expect("committed");
    let again = place.things().await;
    assert_eq!((count_things(&again).await, count_waiting(&again).await), (1, 1));
    place.remove([database, again]).await;
}

async fn a_transaction_in_use_elsewhere_is_not_committed(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let tx = database.begin().await.expect("a transaction");
    insert_thing(&tx, 1).await.expect("inserted");
    let held = tx.clone();
    assert!(tx.commit().await.is_err());
    drop(held);
    assert_eq!(count_things(&database).await, 0);
    place.remove([database]).await;
}

#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("taken")]
    Taken,
    #[error(transparent)]
    Database(#[from] Error),
}

async fn a_violated_constraint_has_the_same_name_everywhere(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let tx = database.begin().await.expect("a transaction");
    insert_thing(&tx, 1).await.expect("inserted");
    tx.commit().await.expect("committed");
    for (constraint, id, name, on_shelf) in [
        ("thing_id_key", 1, "new", 2),
        ("thing_name_key", 2, "thing 1", 2),
        ("thing_shelf_place_key", 2, "new", 1),
    ] {
        for expected in [constraint, "thing_other_key"] {
            let tx = database.begin().await.expect("a transaction");
            let inserted = insert_on_shelf(&tx, id, name, on_shelf).await;
            let refused = inserted.on_constraint(expected, || Refused::Taken).expect_err("refused");
            match refused {
                Refused::Taken => assert_eq!(expected, constraint),
                Refused::Database(Error::Unique { constraint: named }) => {
                    assert_eq!((expected, named.as_str()), ("thing_other_key", constraint));
                }
                Refused::Database(other) => panic!("{constraint}: {other}"),
            }
        }
    }
    place.remove([database]).await;
}

async fn transactions_at_once_wait_for_each_other(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let insert = async |id| {
        let tx = database.begin().await.expect("a transaction");
        insert_thing(&tx, id).await.expect("inserted");
        tokio::task::yield_now().await;
        tx.publish(changed("one", id)).await.expect("published");
        tx.commit().await.expect("committed");
    };
    tokio::join!(insert(1), insert(2), insert(3), insert(4), insert(5));
    assert_eq!((count_things(&database).await, count_waiting(&database).await), (5, 5));
    place.remove([database]).await;
}
