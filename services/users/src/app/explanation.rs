//! Why somebody may do something, for those who give roles.

use contracts::grpc::roles::ListRolesRequest;
use contracts::grpc::roles::roles_client::RolesClient;
use contracts::ids::UserId;
use policies::{Actor, PermissionError};

use crate::Users;
use crate::domain::RoleName;
use crate::domain::explanation::{Explanation, Question, RolePermissions, explain};
use crate::error::Result;

impl Users {
    /// Whether an account may do something, by which of its roles, and which would permit it if none does.
    ///
    /// As far as roles decide it: a service may have rules of its own beside them. Where one of those forbade
    /// something, the audit log names it.
    pub async fn explain_permission(
        &self,
        actor: &Actor,
        id: UserId,
        question: Question,
    ) -> Result<Explanation> {
        let user = self.permitted(actor, "users:explain", id).await?;
        Ok(explain(&user, &self.list_roles().await?, question))
    }

    async fn list_roles(&self) -> Result<Vec<RolePermissions>> {
        let mut roles = RolesClient::new(self.ctx.channel("roles"));
        let answer = roles.list_roles(self.ctx.on_own_behalf(ListRolesRequest {})).await?;
        let parsed = answer.into_inner().roles.into_iter().map(|role| {
            let permissions = role.permissions.iter().map(|text| text.parse());
            let permissions = permissions.collect::<Result<_, PermissionError>>();
            let permissions = permissions.map_err(service_kit::Error::internal)?;
            Ok(RolePermissions { role: RoleName::stored(role.name), permissions })
        });
        parsed.collect()
    }
}
