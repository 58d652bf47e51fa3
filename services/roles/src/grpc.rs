//! gRPC: the same use cases, other wire.

use std::sync::Arc;

use contracts::grpc::roles::roles_server::{Roles as RolesRpc, RolesServer};
use contracts::grpc::roles::{
    FindRoleRequest, ListRolesRequest, ListRolesResponse, Role as RoleMessage,
};
use policies::Permission;
use service_kit::Problem;
use service_kit::calls::actor_of;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::Roles;
use crate::domain::{Role, RoleName};
use crate::error::Error;

/// The RPCs of this service.
pub fn routes(roles: Arc<Roles>) -> Routes {
    Routes::new(RolesServer::new(Rpc(roles)))
}

struct Rpc(Arc<Roles>);

#[tonic::async_trait]
impl RolesRpc for Rpc {
    async fn find_role(
        &self,
        request: Request<FindRoleRequest>,
    ) -> Result<Response<RoleMessage>, Status> {
        let actor = actor_of(&request)?;
        let name = request.into_inner().name;
        let name = RoleName::parse(&name).map_err(|_| Problem::from(Error::NotFound(name)))?;
        let role = self.0.find_role(&actor, &name).await.map_err(Problem::from)?;
        Ok(Response::new(message(role)))
    }

    async fn list_roles(
        &self,
        request: Request<ListRolesRequest>,
    ) -> Result<Response<ListRolesResponse>, Status> {
        let actor = actor_of(&request)?;
        let roles = self.0.list_all_roles(&actor).await.map_err(Problem::from)?;
        let roles = roles.into_iter().map(message).collect();
        Ok(Response::new(ListRolesResponse { roles }))
    }
}

fn message(role: Role) -> RoleMessage {
    let permissions = role.permissions.iter().map(Permission::to_string).collect();
    RoleMessage { name: role.name.to_string(), permissions }
}
