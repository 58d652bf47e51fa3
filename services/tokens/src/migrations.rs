//! The history of the schema, with its reasons.

use database::Migration;

/// In the order they are applied. Released steps never change.
pub const MIGRATIONS: &[Migration] = &[
Migration {
    name: "key_session_refresh_token_revocation",
    sql: "
        -- The keys that sign access tokens. One is active; replicas that start together on an empty
        -- database all try to insert it, and the unique column lets one win.
        create table signing_key (
            kid text not null primary key,
            active bigint,                  -- 1 for the active one, else null
            private_key text not null,      -- PKCS #8, base64url
            created_at bigint not null,
            constraint signing_key_active_key unique (active)
        );
        -- One row for each sign-in. It keeps what tokens say of the user, so that refreshing does not
        -- need the users service.
        create table session (
            session_id uuid not null primary key,
            user_id uuid not null,
            email text not null,
            customer_id uuid,
            roles jsonb not null,
            roles_as_of bigint not null,
            user_agent text not null,
            created_at bigint not null,
            last_used_at bigint not null,
            expires_at bigint not null,
            ended_at bigint
        );
        create index session_by_user on session (user_id);
        create index session_by_end on session (ended_at);
        create index session_by_expiry on session (expires_at);
        -- Only digests: who reads the database cannot use the tokens.
        create table refresh_token (
            digest text not null primary key,
            session_id uuid not null,
            issued_at bigint not null,
            spent_at bigint                 -- a second use after this means that it was stolen
        );
        create index refresh_token_by_session on refresh_token (session_id);
        -- Tokens of a user from before a moment are dead: the account was deleted or disabled.
        create table revoked_user (
            user_id uuid not null primary key,
            before_at bigint not null
        );
        -- Tokens that were issued before a change of roles still carry the old ones.
        create table changed_roles (
            user_id uuid not null primary key,
            changed_at bigint not null,
            roles jsonb not null
        );
    ",
},
Migration {
    name: "client_consent_code_device",
    sql: "
        -- ID tokens are signed by kinds of keys that access tokens are not. `active` is 1, 2, 3 for the key that
        -- signs by each algorithm, the same number below zero for the one that comes next.
        alter table signing_key add column algorithm text not null default 'EdDSA';
        alter table signing_key add column retired_at bigint;

        -- A client's tokens have a session of their own below the browser's, so that either can end alone.
        alter table session add column client_id text not null default 'backline';
        alter table session add column parent_id uuid;
        alter table session add column scope text not null default 'api';
        alter table session add column authenticated_at bigint not null default 0;
        alter table session add column amr text not null default 'pwd';
        alter table session add column first_name text not null default '';
        alter table session add column last_name text not null default '';
        alter table session add column email_verified boolean not null default false;
        alter table session add column cookie_digest text;
        create index session_by_parent on session (parent_id);
        create index session_by_client on session (client_id, user_id);
        create unique index session_by_cookie on session (cookie_digest);

        -- What the successor of a spent token was made with: who shows the spent one again at once gets the same.
        alter table refresh_token add column salt text;

        create table client (
            client_id uuid not null primary key,
            name text not null,
            authentication text not null,
            grants text not null,               -- words in a row, as in `grant_types`
            scope text not null,
            redirect_uris jsonb not null,
            post_logout_redirect_uris jsonb not null,
            id_token_algorithm text not null,
            key_set text,                       -- a JWK set
            permissions jsonb not null,         -- on its own behalf
            customer_id uuid,                   -- inside which customer
            is_first_party boolean not null,
            is_active boolean not null,
            created_at bigint not null,
            updated_at bigint not null,
            version bigint not null
        );
        -- Several at a time while a secret is replaced; only digests.
        create table client_secret (
            digest text not null primary key,
            client_id uuid not null,
            created_at bigint not null,
            expires_at bigint
        );
        create index client_secret_by_client on client_secret (client_id);
        create table pushed_request (
            digest text not null primary key,
            client_id text not null,
            parameters jsonb not null,
            expires_at bigint not null
        );
        create table authorization_code (
            digest text not null primary key,
            client_id text not null,
            session_id uuid not null,           -- the browser's
            redirect_uri text not null,
            scope text not null,
            nonce text,
            challenge text not null,
            expires_at bigint not null,
            spent_at bigint,
            granted_session_id uuid             -- ends when the code is shown a second time
        );
        create table consent (
            user_id uuid not null,
            client_id text not null,
            client_name text not null,
            scope text not null,
            given_at bigint not null,
            constraint consent_user_id_client_id_key primary key (user_id, client_id)
        );
        create index consent_by_client on consent (client_id);
        create table device_code (
            digest text not null primary key,
            user_code text not null,
            client_id text not null,
            scope text not null,
            state text not null,
            session_id uuid,
            polled_at bigint not null,
            interval_seconds bigint not null,
            expires_at bigint not null,
            constraint device_code_user_code_key unique (user_code)
        );
        -- An assertion (RFC 7523) is good once.
        create table used_assertion (
            digest text not null primary key,
            expires_at bigint not null
        );
    ",
},
Migration {
    name: "keys_of_clients_demands_logout_notices",
    sql: "
        -- Tokens that are good only with a proof that their client has the key (RFC 9449).
        alter table client add column is_bound_to_key boolean not null default false;
        alter table authorization_code add column key_thumbprint text;
        alter table session add column key_thumbprint text;

        -- What a client asks for beside the scopes: `id_token:name userinfo:email`; how sure the sign-in was of
        -- what it demanded (`acr`).
        alter table authorization_code add column single_claims text not null default '';
        alter table authorization_code add column assurance text not null default '';
        alter table session add column single_claims text not null default '';

        -- Who wants to be told that a session has ended. A row is written where the session ends and goes when
        -- the client has been told. It says all that telling takes: the client may be gone by then.
        alter table client add column backchannel_logout_uri text;
        alter table client add column backchannel_logout_session_required boolean not null default false;
        create table logout_notice (
            id uuid not null primary key,
            client_id text not null,
            uri text not null,
            algorithm text not null,
            user_id uuid not null,
            session_id uuid not null,
            created_at bigint not null,
            due_at bigint not null
        );
        create index logout_notice_by_due on logout_notice (due_at, client_id);
    ",
}];
