use database::Migration;
use testkit::Backend;

use crate::{Place, THING, count, count_things, on_both_databases};

on_both_databases!(
    a_step_that_fails_half_way_leaves_nothing,
    a_newer_schema_is_refused,
    a_released_step_that_was_changed_is_refused,
);

async fn a_step_that_fails_half_way_leaves_nothing(backend: Backend) {
    let place = Place::on(backend).await;
    let fails = Migration {
        name: "half",
        sql: "create table half (id bigint not null); create table thing (id bigint not null);",
    };
    let refused = place.open(&[THING, fails]).await.err().expect("refused").to_string();
    assert!(refused.contains("nothing of it was kept"), "{refused}");
    // Neither the table nor the mark that the step was taken is there.
    let mended = Migration { name: "half", sql: "create table half (id bigint not null);" };
    let database = place.open(&[THING, mended]).await.expect("mended");
    assert_eq!(count(&database, "select count(*) from half", []).await, 0);
    assert_eq!(count_things(&database).await, 0);
    place.remove([database]).await;
}

async fn a_newer_schema_is_refused(backend: Backend) {
    let place = Place::on(backend).await;
    let newer = Migration { name: "newer", sql: "create table newer (id bigint not null);" };
    let database = place.open(&[THING, newer]).await.expect("an open database");
    let refused = place.open(&[THING]).await.err().expect("refused").to_string();
    assert!(refused.contains("newer than this program"), "{refused}");
    place.remove([database]).await;
}

async fn a_released_step_that_was_changed_is_refused(backend: Backend) {
    let place = Place::on(backend).await;
    let database = place.things().await;
    let other = Migration { sql: "create table thing (id bigint not null);", ..THING };
    assert!(place.open(&[other]).await.is_err());
    let again = place.things().await;
    place.remove([database, again]).await;
}

#[tokio::test]
async fn replicas_that_start_together_take_every_step_once() {
    let place = Place::on(Backend::Postgres).await;
    let (one, other, third) = tokio::join!(place.things(), place.things(), place.things());
    assert_eq!(count(&one, "select count(*) from service_migrations", []).await, 1);
    place.remove([one, other, third]).await;
}
