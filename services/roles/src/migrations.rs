//! The history of the schema, with its reasons.

use database::Migration;

/// In the order they are applied. Released steps never change.
pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "role",
    sql: "
        create table role (
            name text not null,
            description text not null,
            permissions jsonb not null,     -- an array of `resource:action[:own|:self]`
            built_in boolean not null,
            -- Counted from messages of the users service, so that a role in use is not deleted
            -- without asking it.
            holders bigint not null,
            version bigint not null,        -- counts changes, for ETag and If-Match
            created_at bigint not null,     -- milliseconds since the epoch, UTC
            updated_at bigint not null,
            constraint role_name_key primary key (name)
        );
    ",
}];
