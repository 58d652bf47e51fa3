//! The history of the schema, with its reasons.

use database::Migration;

/// In the order they are applied. Released steps never change.
pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "customer",
    sql: "
        create table customer (
            id uuid not null primary key,
            name text not null,
            -- The name in lower case: the databases do not agree on the lower case of all letters.
            name_key text not null,
            org_number text not null,       -- as it was typed
            -- Without spaces and hyphens and in lower case, so that a number is taken once.
            org_number_key text not null,
            address text,
            email text,
            phone text,
            customer_type text not null,    -- organiser, crewCompany
            is_active boolean not null,
            created_by uuid,                -- erased when that account is
            is_founded boolean not null,    -- by whoever created it, and not entered for others
            version bigint not null,        -- counts changes, for ETag and If-Match
            created_at bigint not null,     -- milliseconds since the epoch, UTC
            updated_at bigint not null,
            constraint customer_org_number_key_key unique (org_number_key)
        );
        create index customer_created_by on customer (created_by);
        -- How many customers somebody has founded: a row to count on, so that two at once are not both
        -- the last one.
        create table founder (
            user_id uuid not null primary key,
            customers bigint not null
        );
    ",
}];
