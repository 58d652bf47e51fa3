//! Keeps a process's [`Knowledge`] up to date.

use std::sync::Arc;
use std::time::Duration;

use contracts::grpc::{roles, tokens};
use contracts::ids::CustomerId;
use contracts::messages::{
    HeldRole, RoleAssigned, RoleCreated, RoleDeleted, RoleRevoked, RoleUpdated, SessionEnded,
    TokenRevoked,
};
use messages::{Engine, Message, Pattern, Payload};
use policies::Grant;
use service_kit::{Calls, Error};
use stdx::Clock;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Knowledge;

/// A change reaches a process as a message, in milliseconds. The snapshot is for what it missed.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(5);
/// Until the first snapshot no token is good, so this one is not waited for long.
const FIRST_SNAPSHOT_RETRY: Duration = Duration::from_millis(200);

/// Hears of every revocation and change of roles from now on.
pub async fn listen(
    knowledge: &Arc<Knowledge>,
    engine: &dyn Engine,
) -> Result<(), messages::Error> {
    for pattern in ["session.ended", "token.revoked", "role.*"] {
        let knowledge = knowledge.clone();
        let listener = Arc::new(move |message: &Message| hear(&knowledge, message));
        engine.listen(Pattern::new(pattern), listener).await?;
    }
    Ok(())
}

fn hear(knowledge: &Knowledge, message: &Message) {
    let at = message.time.as_millisecond();
    let understood = match message.kind.as_str() {
        SessionEnded::TYPE => message
            .payload()
            .map(|ended: SessionEnded| knowledge.end_session(ended.session_id.0, at)),
        TokenRevoked::TYPE => message.payload().map(|revoked: TokenRevoked| {
            knowledge.revoke_user(revoked.user_id.0, revoked.before.as_millisecond());
        }),
        RoleAssigned::TYPE => message.payload().map(|assigned: RoleAssigned| {
            knowledge.change_roles(assigned.user_id.0, at, grants(assigned.roles));
        }),
        RoleRevoked::TYPE => message.payload().map(|revoked: RoleRevoked| {
            knowledge.change_roles(revoked.user_id.0, at, grants(revoked.roles));
        }),
        RoleCreated::TYPE => message
            .payload()
            .map(|created: RoleCreated| knowledge.set_role(&created.name, created.permissions)),
        RoleUpdated::TYPE => message
            .payload()
            .map(|updated: RoleUpdated| knowledge.set_role(&updated.name, updated.permissions)),
        RoleDeleted::TYPE => {
            message.payload().map(|deleted: RoleDeleted| knowledge.remove_role(&deleted.name))
        }
        _ => Ok(()),
    };
    if let Err(error) = understood {
        tracing::error!(kind = message.kind, id = %message.id, %error, "message not understood");
    }
}

fn grants(held: Vec<HeldRole>) -> Vec<Grant> {
    let grant = |held: HeldRole| Grant {
        role: held.role,
        customer: held.customer_id.map(|CustomerId(id)| id),
    };
    held.into_iter().map(grant).collect()
}

/// Takes a snapshot of the tokens and roles services now and again until `stopping`.
pub async fn follow(
    knowledge: Arc<Knowledge>,
    calls: Calls,
    clock: Clock,
    stopping: CancellationToken,
) {
    let mut is_away = false;
    while !stopping.is_cancelled() {
        let outcome = take_snapshot(&knowledge, &calls).await;
        // Said once when it begins and once when it ends, not every few seconds.
        match &outcome {
            Err(error) if !is_away => {
                tracing::warn!(%error, "identity snapshot failed; working with what is known")
            }
            Ok(()) if is_away => tracing::info!("identity snapshots work again"),
            _ => {}
        }
        is_away = outcome.is_err();
        knowledge.forget_before(clock.now().as_millisecond());
        let pause = if knowledge.has_keys() { SNAPSHOT_EVERY } else { FIRST_SNAPSHOT_RETRY };
        stopping.run_until_cancelled(tokio::time::sleep(pause)).await;
    }
}

async fn take_snapshot(knowledge: &Knowledge, calls: &Calls) -> Result<(), Error> {
    let mut tokens = tokens::tokens_client::TokensClient::new(calls.channel("tokens"));
    let request = calls.as_service("identity", tokens::SnapshotRequest { since_ms: 0 });
    apply_tokens(knowledge, &tokens.snapshot(request).await?.into_inner());
    let mut roles = roles::roles_client::RolesClient::new(calls.channel("roles"));
    let request = calls.as_service("identity", roles::ListRolesRequest {});
    for role in roles.list_roles(request).await?.into_inner().roles {
        knowledge.set_role(&role.name, role.permissions);
    }
    Ok(())
}

fn apply_tokens(knowledge: &Knowledge, snapshot: &tokens::SnapshotResponse) {
    knowledge.set_keys(snapshot.keys.iter().map(|key| (key.kid.as_str(), key.x.as_str())));
    for ended in &snapshot.ended_sessions {
        if let Ok(session) = ended.session_id.parse() {
            knowledge.end_session(session, ended.ended_at_ms);
        }
    }
    for revoked in &snapshot.revoked_users {
        if let Ok(user) = revoked.user_id.parse() {
            knowledge.revoke_user(user, revoked.before_ms);
        }
    }
    for changed in &snapshot.changed_roles {
        let grant = |grant: &tokens::RoleGrant| Grant {
            role: grant.role.clone(),
            customer: grant.customer_id.parse::<Uuid>().ok(),
        };
        if let Ok(user) = changed.user_id.parse() {
            let roles = changed.roles.iter().map(grant).collect();
            knowledge.change_roles(user, changed.changed_at_ms, roles);
        }
    }
}
