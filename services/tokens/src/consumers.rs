//! What other services' messages do here.

use std::sync::Arc;

use contracts::ids::UserId;
use contracts::messages::{
    HeldRole, RoleAssigned, RoleRevoked, TokenRevoked, UserDeleted, UserPasswordChanged,
    UserUpdated,
};
use database::{Delivery, Tx};
use jiff::Timestamp;

use crate::Tokens;
use crate::app::logouts;
use crate::error::Result;
use crate::store;

/// New tokens carry the role, and processes that start later hear of it. Only the newest state counts, so
/// messages may come twice or overtake each other.
pub async fn follow_assigned_role(_: Arc<Tokens>, delivery: Delivery<RoleAssigned>) -> Result<()> {
    let tx = delivery.begin().await?;
    let assigned = &delivery.payload;
    follow_roles(&tx, assigned.user_id, &assigned.roles, delivery.time).await?;
    Ok(tx.commit().await?)
}

/// As [`follow_assigned_role`], for a role that was taken.
pub async fn follow_revoked_role(_: Arc<Tokens>, delivery: Delivery<RoleRevoked>) -> Result<()> {
    let tx = delivery.begin().await?;
    let revoked = &delivery.payload;
    follow_roles(&tx, revoked.user_id, &revoked.roles, delivery.time).await?;
    Ok(tx.commit().await?)
}

async fn follow_roles(tx: &Tx, user_id: UserId, roles: &[HeldRole], at: Timestamp) -> Result<()> {
    store::update_roles_in_sessions(tx, user_id, roles, at).await?;
    store::upsert_changed_roles(tx, user_id, roles, at).await
}

/// A disabled account is signed out everywhere; otherwise its next tokens say what it is now.
pub async fn follow_updated_user(
    tokens: Arc<Tokens>,
    delivery: Delivery<UserUpdated>,
) -> Result<()> {
    let tx = delivery.begin().await?;
    let user = &delivery.payload;
    if user.is_active {
        store::update_account_in_sessions(&tx, user).await?;
    } else {
        revoke(&tx, user.user_id, tokens.clock.now()).await?;
    }
    Ok(tx.commit().await?)
}

/// Whoever knew the old password is out; the session in which it was changed goes on. Repeating it ends nothing more.
pub async fn end_sessions_after_password_change(
    tokens: Arc<Tokens>,
    delivery: Delivery<UserPasswordChanged>,
) -> Result<()> {
    let tx = delivery.begin().await?;
    let UserPasswordChanged { user_id, keep_session_id } = delivery.payload;
    tokens.end_others(&tx, user_id, keep_session_id).await?;
    Ok(tx.commit().await?)
}

/// Nobody goes on with an account that is gone.
pub async fn end_sessions_of_deleted_user(
    tokens: Arc<Tokens>,
    delivery: Delivery<UserDeleted>,
) -> Result<()> {
    let tx = delivery.begin().await?;
    let user_id = delivery.payload.user_id;
    revoke(&tx, user_id, tokens.clock.now()).await?;
    store::grants::delete_consents_of_user(&tx, user_id).await?;
    Ok(tx.commit().await?)
}

/// Ends all sessions of a user and kills all access tokens issued so far. Repeating it only moves the moment.
async fn revoke(tx: &Tx, user_id: UserId, now: Timestamp) -> Result<()> {
    store::end_sessions_of_user(tx, user_id, now).await?;
    logouts::announce_all_of_user(tx, user_id, now).await?;
    store::upsert_revoked_user(tx, user_id, now).await?;
    Ok(tx.publish(TokenRevoked { user_id, before: now }).await?)
}
