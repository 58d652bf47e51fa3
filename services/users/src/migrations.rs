//! The history of the schema, with its reasons.

use database::Migration;

/// In the order they are applied. Released steps never change.
pub const MIGRATIONS: &[Migration] =
    &[USERS_GRANTS_SETUP_TOKEN, LETTERS, LINKS, SECOND_FACTOR, SIGN_IN_ADDRESSES, PASSKEYS];

const USERS_GRANTS_SETUP_TOKEN: Migration = Migration {
    name: "users_grants_setup_token",
    sql: "
        -- Plural, because `user` and `grant` are words of SQL itself.
        create table users (
            id uuid not null,               -- version 7: sorts by time of signing up
            email text not null,            -- in lower case, so that capitals make no second account
            first_name text not null,
            last_name text not null,
            password_hash text not null,    -- a PHC string
            user_type bigint not null,      -- 1 administrator, 2 customer user, 3 crew
            is_active boolean not null,
            customer_id uuid,               -- the main customer
            profile jsonb not null,         -- an object; its shape is its owner's business
            crew jsonb,                     -- {category, skills, phone, isActive} of a crew member
            version bigint not null,        -- counts changes, also of roles; for ETag and If-Match
            created_at bigint not null,     -- milliseconds since the epoch, UTC
            updated_at bigint not null,
            constraint users_id_key primary key (id),
            constraint users_email_key unique (email)
        );
        create index users_by_customer on users (customer_id, id);

        -- Who holds which role.
        create table grants (
            user_id uuid not null references users (id) on delete cascade,
            role text not null,
            -- The nil UUID is everywhere: null would not be equal to itself, and a role could be held twice.
            customer_id uuid not null,
            constraint grants_user_id_role_customer_id_key primary key (user_id, role, customer_id)
        );
        create index grants_by_role on grants (role, customer_id, user_id);
        create index grants_by_customer on grants (customer_id, user_id);

        -- At most one row: what opens the page that makes the first administrator.
        create table setup_token (
            slot bigint not null,           -- always 1
            digest text not null,           -- the token itself is printed once and kept nowhere
            created_at bigint not null,
            constraint setup_token_slot_key primary key (slot)
        );
    ",
};

const LETTERS: Migration = Migration {
    name: "letters",
    sql: "
        -- Letters, written with the change they tell of and sent after it.
        create table letter (
            id uuid not null,
            recipient text not null,
            subject text not null,
            body text,                      -- null as soon as it is sent or given up: there are links in it
            due_at bigint,                  -- not tried before; null when there is nothing left to do
            tries bigint not null,
            created_at bigint not null,
            sent_at bigint,
            constraint letter_id_key primary key (id)
        );
        create index letter_by_due on letter (due_at);
        create index letter_by_age on letter (created_at);

        -- When an address had its last three letters of a kind, so that nobody floods it.
        create table letter_allowance (
            recipient text not null,
            kind text not null,             -- link, notice
            latest bigint not null,
            second bigint not null,
            third bigint not null,
            constraint letter_allowance_recipient_kind_key primary key (recipient, kind)
        );
        create index letter_allowance_by_age on letter_allowance (latest);
    ",
};

const LINKS: Migration = Migration {
    name: "links",
    sql: "
        -- Accounts from before have neither shown their address nor changed their password, as far as we know.
        alter table users add column email_verified_at bigint;
        alter table users add column password_changed_at bigint;

        -- Links that were sent: at most one of each purpose for an account, so that a newer one replaces the older.
        create table one_time_link (
            user_id uuid not null references users (id) on delete cascade,
            purpose text not null,          -- verify-email, reset-password
            digest text not null,           -- the token itself is in the letter only
            email text not null,            -- where it was sent to, which is what it proves
            expires_at bigint not null,
            constraint one_time_link_user_id_purpose_key primary key (user_id, purpose),
            constraint one_time_link_digest_key unique (digest)
        );
        create index one_time_link_by_age on one_time_link (expires_at);

        -- Addresses for which somebody asked for a new password, whether there is an account or not: that is
        -- looked up later, so that asking tells nobody.
        create table reset_request (
            email text not null,
            requested_at bigint not null,
            constraint reset_request_email_key primary key (email)
        );
        create index reset_request_by_age on reset_request (requested_at);
    ",
};

const SECOND_FACTOR: Migration = Migration {
    name: "second_factor",
    sql: "
        -- The secret that an account shares with its owner's authenticator.
        create table totp (
            user_id uuid not null references users (id) on delete cascade,
            secret text not null,           -- base32; needed as it is to compute codes
            confirmed_at bigint,            -- null: not asked for at sign-in before a first code was right
            last_step bigint not null,      -- of the last code that was used: each is good once
            wrong_tries bigint not null,    -- since the last right one
            last_wrong_at bigint not null,
            constraint totp_user_id_key primary key (user_id)
        );

        -- What opens an account whose authenticator is lost; a row is deleted when it is used.
        create table recovery_code (
            user_id uuid not null references users (id) on delete cascade,
            digest text not null,
            constraint recovery_code_user_id_digest_key primary key (user_id, digest)
        );
    ",
};

const SIGN_IN_ADDRESSES: Migration = Migration {
    name: "sign_in_addresses",
    sql: "
        -- Where an account's owner has signed in from: there they are let in while somebody elsewhere guesses.
        create table sign_in_address (
            user_id uuid not null references users (id) on delete cascade,
            digest text not null,           -- of the network address
            last_used_at bigint not null,
            constraint sign_in_address_user_id_digest_key primary key (user_id, digest)
        );
        create index sign_in_address_by_age on sign_in_address (last_used_at);
    ",
};

const PASSKEYS: Migration = Migration {
    name: "passkeys",
    sql: "
        create table passkey (
            id uuid not null,
            user_id uuid not null references users (id) on delete cascade,
            credential_id text not null,    -- what its authenticator knows it by, base64url
            credential text not null,       -- public key and counter; nothing secret
            name text not null,
            created_at bigint not null,
            last_used_at bigint,
            constraint passkey_id_key primary key (id),
            -- An authenticator that names a key names one account.
            constraint passkey_credential_id_key unique (credential_id)
        );
        create index passkey_by_user on passkey (user_id, id);

        -- Challenges that browsers have been given and not answered yet; a row is deleted by the first answer.
        create table passkey_ceremony (
            digest text not null,           -- of the challenge
            user_id uuid references users (id) on delete cascade, -- who adds a passkey; null: somebody signs in
            state text not null,            -- what the answer is checked against
            expires_at bigint not null,
            constraint passkey_ceremony_digest_key primary key (digest),
            -- An account adds one passkey at a time. Nulls differ from each other, so sign-ins are not limited by it.
            constraint passkey_ceremony_user_id_key unique (user_id)
        );
        create index passkey_ceremony_by_age on passkey_ceremony (expires_at);

        -- Addresses for which somebody asked for a link to sign in; as reset_request.
        create table sign_in_request (
            email text not null,
            requested_at bigint not null,
            constraint sign_in_request_email_key primary key (email)
        );
        create index sign_in_request_by_age on sign_in_request (requested_at);
    ",
};
