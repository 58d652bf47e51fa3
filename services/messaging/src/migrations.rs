//! The history of the schema, with its reasons.

use database::Migration;

/// In the order they are applied. Released steps never change.
pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "peak",
    sql: "
        -- The most that waited for a consumer within an hour, of all samples: enough for a curve over days, and of a
        -- size that does not depend on how often somebody looks.
        create table peak (
            service text not null,
            consumer text not null,
            hour bigint not null,           -- its beginning, milliseconds since the epoch, UTC
            waiting bigint not null,
            dead_letters bigint not null,
            primary key (service, consumer, hour)
        );
        -- Curves begin somewhere, and what is old goes.
        create index peak_hour on peak (hour);
    ",
}];
