//! Tokens: sessions, the access and refresh tokens of each, the keys that sign them, and what was revoked; and the
//! OpenID Connect provider, by which other programs sign users in.
//!
//! Owns the database `tokens`; no other service reads it.
//! Publishes `SessionEnded`, `TokenRevoked`. Consumes `RoleAssigned`, `RoleRevoked`, `UserUpdated`,
//! `UserPasswordChanged`, `UserDeleted`.
//! Calls the clients that want to be told when a session ends (OpenID Connect Back-Channel Logout).
//! Invariants: a refresh token is spent once, and spending it again ends its session; a session ends at the
//! latest seven days after its sign-in; only digests of refresh tokens are kept; the signing key is made at the
//! first start and kept.
//! Calls `users` to check a password, a passkey or a link. Refreshing needs nobody: a session knows its user's roles.

mod app;
mod consumers;
mod domain;
mod error;
mod grpc;
mod http;
mod jobs;
mod migrations;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arc_swap::ArcSwap;
use contracts::audit::Party;
use contracts::grpc::users::users_client::UsersClient;
use database::Database;
use identity::{Claims, Proofs};
use jiff::SignedDuration;
use policies::Policies;
use serde::Deserialize;
use service_kit::{Channel, Context, Service, StartError};
use stdx::Clock;
use tokio::sync::Mutex;

pub use error::RotateKeysError;
pub use migrations::MIGRATIONS;

use app::keys::KeyRing;
use app::logouts::LogoutCaller;
use app::recent::{Moment, Recent};
use domain::Session;
use domain::client::Client;
use domain::logout::LogoutReach;

/// Replaces the keys that sign, straight in the database: running processes see it within seconds. The number of keys
/// that were replaced.
pub async fn rotate_keys(database: &Database) -> Result<usize, RotateKeysError> {
    Ok(app::keys::rotate(database, &Party::OPERATOR).await?)
}

/// Builds the service.
pub fn start(ctx: &Context) -> Result<Service, StartError> {
    let settings: Settings = ctx.settings()?;
    let tokens = Arc::new(Tokens::new(ctx)?);
    let rotate_after = SignedDuration::from_hours(24 * i64::from(settings.key_rotation_days));
    Ok(Service::new("tokens")
        .http(http::router(tokens.clone()))
        .grpc(grpc::routes(tokens.clone()))
        .consumer("tokens.follow_assigned_role", &tokens, consumers::follow_assigned_role)
        .consumer("tokens.follow_revoked_role", &tokens, consumers::follow_revoked_role)
        .consumer("tokens.follow_updated_user", &tokens, consumers::follow_updated_user)
        .consumer(
            "tokens.end_sessions_of_deleted_user",
            &tokens,
            consumers::end_sessions_of_deleted_user,
        )
        .consumer(
            "tokens.end_sessions_after_password_change",
            &tokens,
            consumers::end_sessions_after_password_change,
        )
        .job("tokens.sweep", jobs::sweep_forever(tokens.clone()))
        .job("tokens.send_logouts", jobs::send_logouts_forever(tokens.clone()))
        .job("tokens.follow_keys", jobs::follow_keys_forever(tokens.clone(), rotate_after))
        .prepare(async move { tokens.prepare_keys().await }))
}

/// The section `[tokens]` of the configuration.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// How long a key signs.
    key_rotation_days: u32,
    /// Whether programs inside the own network are told of the end of sessions.
    internal_logout_addresses: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { key_rotation_days: 90, internal_logout_addresses: false }
    }
}

/// What every request needs. Shared by all of them; holds nothing of any one.
struct Tokens {
    ctx: Context,
    database: Database,
    policies: Policies,
    clock: Clock,
    users: UsersClient<Channel>,
    /// Read before the service serves, and again whenever they change.
    keys: ArcSwap<KeyRing>,
    /// Held by who makes one: many may ask at once for a key that is not there yet.
    making_key: Mutex<()>,
    proofs: Proofs,
    logout_reach: LogoutReach,
    logout_caller: LogoutCaller,
    /// Access tokens that were good.
    recently_alive: Recent<(Claims, Session)>,
    /// Clients that showed their secret.
    recently_proved: Recent<Client>,
    /// The sessions of clients that act for themselves.
    recent_own_sessions: Recent<Session>,
}

impl Tokens {
    fn new(ctx: &Context) -> Result<Self, StartError> {
        let policies = ctx.policies(
            include_str!("../policies/tokens.cedarschema"),
            include_str!("../policies/tokens.cedar"),
        )?;
        let settings: Settings = ctx.settings()?;
        let reach = LogoutReach::new(&ctx.public_url, settings.internal_logout_addresses);
        Ok(Self {
            ctx: ctx.clone(),
            database: ctx.database.clone(),
            policies,
            clock: ctx.clock.clone(),
            users: UsersClient::new(ctx.channel("users")),
            keys: ArcSwap::default(),
            making_key: Mutex::default(),
            proofs: Proofs::new(ctx.clock.clone()),
            logout_reach: reach,
            logout_caller: LogoutCaller::new(reach),
            recently_alive: Recent::new(),
            recently_proved: Recent::new(),
            recent_own_sessions: Recent::new(),
        })
    }

    /// Before the database is asked, for what is remembered of its answer.
    fn moment(&self) -> Moment {
        Moment { commits: self.database.commits(), at: self.clock.now() }
    }
}
