//! The history of the schema, with its reasons.

use database::Migration;

/// In the order they are applied. Released steps never change.
pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "event_orders_ticket",
    sql: "
        create table event (
            event_id uuid not null,
            customer_id uuid not null,
            created_by uuid,                    -- nobody once the account is deleted
            name text not null,
            description text not null,
            start_at bigint not null,           -- milliseconds since the epoch, UTC
            end_at bigint not null,
            time_zone text not null,            -- IANA name
            location text not null,
            event_type text not null,
            status text not null,               -- draft, published, cancelled, completed
            is_public boolean not null,         -- once published it stays readable
            seats bigint not null,
            -- The stock: taken and given back by conditional statements, never counted.
            seats_left bigint not null,
            -- Tickets ever sold. Only grows, so that `has it been sold?` is a question to one row.
            tickets_issued bigint not null,
            price_minor bigint not null,
            currency text not null,
            crew_slots bigint not null,
            details jsonb not null,             -- a free object
            -- Lower-cased here because the databases disagree on what lower case is.
            search_text text not null,          -- name, location, type
            search_location text not null,
            version bigint not null,            -- counts the organiser's changes, not the sales
            created_at bigint not null,
            updated_at bigint not null,
            constraint event_event_id_key primary key (event_id),
            -- The last guard against overselling, should every statement above it be wrong.
            constraint event_seats_left_check check (seats_left >= 0 and seats_left <= seats)
        );
        create index event_start on event (start_at, event_id);
        create index event_status_start on event (status, start_at, event_id);
        create index event_customer_start on event (customer_id, start_at, event_id);
        create index event_type_start on event (event_type, start_at, event_id);
        create index event_status_end on event (status, end_at);

        create table orders (                   -- `order` is a word of SQL
            order_id uuid not null,
            buyer_id uuid not null,
            buyer_name text,
            buyer_email text,
            customer_id uuid,                   -- of all its events; nobody's when they are of several
            status text not null,               -- confirmed, cancelled
            total_minor bigint not null,
            currency text not null,
            created_at bigint not null,
            constraint orders_order_id_key primary key (order_id)
        );
        create index orders_buyer on orders (buyer_id, order_id);
        create index orders_customer on orders (customer_id, order_id);

        create table order_line (
            order_id uuid not null,
            line bigint not null,               -- its place in the order
            event_id uuid not null,
            quantity bigint not null,
            unit_price_minor bigint not null,
            constraint order_line_order_id_line_key primary key (order_id, line),
            constraint order_line_quantity_check check (quantity > 0)
        );

        create table ticket (
            code text not null,                 -- 16 characters, without hyphens
            order_id uuid not null,
            event_id uuid not null,
            customer_id uuid not null,          -- the event's, for the question who may see it
            owner_id uuid not null,
            holder_name text not null,
            status text not null,               -- valid, checkedIn, cancelled
            price_minor bigint not null,
            currency text not null,
            issued_at bigint not null,
            checked_in_at bigint,
            checked_in_by uuid,
            cancelled_at bigint,
            constraint ticket_code_key primary key (code)
        );
        -- By time first: new rows go to the end, so that selling does not slow down as the table grows.
        create index ticket_event on ticket (event_id, issued_at, code);
        create index ticket_owner on ticket (owner_id, issued_at, code);
        create index ticket_order on ticket (order_id);
    ",
}];
