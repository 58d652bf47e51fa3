//! The history of the schema, with its reasons.

use database::Migration;

/// In the order they are applied. Released steps never change.
pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "entry",
    sql: "
        create table entry (
            -- The id of the message, so that a second delivery is the same entry.
            entry_id uuid not null primary key,
            at bigint not null,             -- milliseconds since the epoch, UTC; of several, the last
            first_at bigint,                -- of several, the first
            service text not null,
            action text not null,           -- resource:action
            outcome text not null,          -- done, denied, failed
            actor_kind text not null,       -- user, client, service, anonymous, operator
            -- Text, because a service acts too; what it was called then, because accounts go.
            actor_id text,
            actor_label text,
            address text,
            agent text,
            on_kind text,
            on_id text,
            customer_id uuid,
            details text not null,          -- a JSON object
            count bigint not null           -- equal ones, counted together
        );
        -- The log is read from its end, as a whole or by one of these.
        create index entry_at on entry (at, entry_id);
        create index entry_actor_id on entry (actor_id, at);
        create index entry_actor_label on entry (actor_label, at);
        create index entry_on_id on entry (on_id, at);
        create index entry_customer_id on entry (customer_id, at);
    ",
}];
