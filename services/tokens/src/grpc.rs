//! gRPC: the same use cases, other wire.

use std::sync::Arc;

use contracts::grpc::tokens::tokens_server::{Tokens as TokensRpc, TokensServer};
use contracts::grpc::tokens::{
    ChangedRoles, EndedSession, RefreshRequest, RevokedUser, RoleGrant, SnapshotRequest,
    SnapshotResponse, TokenPair as TokenPairMessage, VerificationKey,
};
use contracts::messages::HeldRole;
use jiff::Timestamp;
use service_kit::calls::actor_of;
use service_kit::{Error, Problem};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::Tokens;
use crate::domain::{ACCESS_TOKEN_LIFETIME, Revocations};

/// The RPCs of this service.
pub fn routes(tokens: Arc<Tokens>) -> Routes {
    Routes::new(TokensServer::new(Rpc(tokens)))
}

struct Rpc(Arc<Tokens>);

#[tonic::async_trait]
impl TokensRpc for Rpc {
    async fn snapshot(
        &self,
        request: Request<SnapshotRequest>,
    ) -> Result<Response<SnapshotResponse>, Status> {
        let actor = actor_of(&request)?;
        let since = since(request.get_ref().since_ms)?;
        let snapshot = self.0.snapshot(&actor, since).await;
        let (keys, revocations) = snapshot.map_err(Problem::from)?;
        let keys = keys.into_iter().map(|(kid, x)| VerificationKey { kid, x }).collect();
        Ok(Response::new(SnapshotResponse { keys, ..message(revocations) }))
    }

    async fn refresh(
        &self,
        request: Request<RefreshRequest>,
    ) -> Result<Response<TokenPairMessage>, Status> {
        let actor = actor_of(&request)?;
        let refresh_token = request.into_inner().refresh_token;
        let pair = self.0.refresh(&actor, &refresh_token).await.map_err(Problem::from)?;
        let left = pair.session_expires_at.as_second() - self.0.clock.now().as_second();
        Ok(Response::new(TokenPairMessage {
            access_token: pair.access_token,
            refresh_token: pair.refresh_token,
            expires_in: ACCESS_TOKEN_LIFETIME.as_secs(),
            refresh_expires_in: left,
        }))
    }
}

fn since(ms: i64) -> Result<Timestamp, Status> {
    let unreadable = |_| Error::Malformed("`since_ms` is not a time".into());
    Timestamp::from_millisecond(ms).map_err(unreadable).map_err(|error| Problem::from(error).into())
}

fn message(revocations: Revocations) -> SnapshotResponse {
    let ended = |(id, at): (contracts::ids::SessionId, jiff::Timestamp)| EndedSession {
        session_id: id.to_string(),
        ended_at_ms: at.as_millisecond(),
    };
    let revoked = |(id, before): (contracts::ids::UserId, jiff::Timestamp)| RevokedUser {
        user_id: id.to_string(),
        before_ms: before.as_millisecond(),
    };
    let changed =
        |(id, at, roles): (contracts::ids::UserId, jiff::Timestamp, Vec<HeldRole>)| ChangedRoles {
            user_id: id.to_string(),
            changed_at_ms: at.as_millisecond(),
            roles: roles.into_iter().map(grant).collect(),
        };
    SnapshotResponse {
        keys: vec![],
        ended_sessions: revocations.ended_sessions.into_iter().map(ended).collect(),
        revoked_users: revocations.revoked_users.into_iter().map(revoked).collect(),
        changed_roles: revocations.changed_roles.into_iter().map(changed).collect(),
    }
}

fn grant(held: HeldRole) -> RoleGrant {
    let customer_id = held.customer_id.map(|id| id.to_string()).unwrap_or_default();
    RoleGrant { role: held.role, customer_id }
}
