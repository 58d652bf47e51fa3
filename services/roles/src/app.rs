//! The use cases. REST, gRPC and tests all call these; each authorizes in its first line.

use std::collections::BTreeSet;
use std::sync::Arc;

use contracts::audit::AuditRecorded;
use contracts::messages::{RoleCreated, RoleDeleted, RoleUpdated};
use contracts::permissions::BUILT_IN_ROLES;
use policies::{Actor, Permission, Resource};
use service_kit::http::IfMatch;
use service_kit::paging::Page;

use crate::Roles;
use crate::domain::{NewRole, Role, RoleChange, RoleName};
use crate::error::{Error, Result};
use crate::store;

impl Roles {
    /// Defines a role.
    pub async fn create_role(&self, actor: &Actor, new_role: NewRole) -> Result<Role> {
        self.require(actor, "roles:create", &Resource::any("Role"))?;
        let role = Role::new(new_role, self.clock.now());

        // One transaction, so that the role exists if and only if the others hear of it.
        let tx = self.database.begin().await?;
        store::insert_role(&tx, &role).await?;
        let (name, permissions) = (role.name.to_string(), texts(&role));
        tx.publish(on_record(actor, "roles:create", &role.name).detail("permits", texts(&role)))
            .await?;
        tx.publish(RoleCreated { name, permissions }).await?;
        tx.commit().await?;
        Ok(role)
    }

    /// One role.
    pub async fn find_role(&self, actor: &Actor, name: &RoleName) -> Result<Role> {
        self.require(actor, "roles:read", &Resource::new("Role", name))?;
        store::find_role(self.database.read(), name).await
    }

    /// A page of roles, by name, and one more if there are more.
    pub async fn list_roles(&self, actor: &Actor, page: &Page<String>) -> Result<Vec<Role>> {
        self.require(actor, "roles:read", &Resource::any("Role"))?;
        store::list_roles(self.database.read(), page).await
    }

    /// Every role, for the caches of other services.
    pub async fn list_all_roles(&self, actor: &Actor) -> Result<Vec<Role>> {
        self.require(actor, "roles:read", &Resource::any("Role"))?;
        store::list_all_roles(self.database.read()).await
    }

    /// Whether the actor may see what permissions there are.
    pub fn check_reader(&self, actor: &Actor) -> Result<()> {
        self.require(actor, "roles:read", &Resource::any("Role"))
    }

    /// Changes a role for everybody who holds it.
    pub async fn update_role(
        &self,
        actor: &Actor,
        name: &RoleName,
        if_match: IfMatch,
        change: RoleChange,
    ) -> Result<Role> {
        self.require(actor, "roles:update", &Resource::new("Role", name))?;
        let tx = self.database.begin().await?;
        let role = store::find_role(&tx, name).await?;
        if_match.require(role.version)?;
        let before = role.permissions.clone();
        let role = role.changed(change, self.clock.now())?;
        if !store::update_role(&tx, &role).await? {
            return Err(service_kit::Error::Stale.into());
        }
        let (added, removed) = (&role.permissions - &before, &before - &role.permissions);
        tx.publish(
            on_record(actor, "roles:update", &role.name)
                .detail("permitsNow", written(&added))
                .detail("permitsNoMore", written(&removed)),
        )
        .await?;
        let (name, permissions) = (role.name.to_string(), texts(&role));
        tx.publish(RoleUpdated { name, permissions }).await?;
        tx.commit().await?;
        Ok(role)
    }

    /// Deletes a role that nobody holds.
    pub async fn delete_role(
        &self,
        actor: &Actor,
        name: &RoleName,
        if_match: IfMatch,
    ) -> Result<()> {
        self.require(actor, "roles:delete", &Resource::new("Role", name))?;
        let tx = self.database.begin().await?;
        let role = store::find_role(&tx, name).await?;
        if_match.require(role.version)?;
        role.check_deletable()?;
        if !store::delete_unheld_role(&tx, name).await? {
            // It was given to somebody between looking and deleting.
            return Err(Error::InUse { name: role.name, holders: 1 });
        }
        tx.publish(on_record(actor, "roles:delete", name).detail("permitted", texts(&role)))
            .await?;
        tx.publish(RoleDeleted { name: name.to_string() }).await?;
        Ok(tx.commit().await?)
    }

    fn require(&self, actor: &Actor, action: &str, resource: &Resource) -> Result<()> {
        Ok(self.policies.require(actor, action, resource)?)
    }
}

/// Writes the built-in roles as this version of the program has them.
pub async fn seed_built_in_roles(roles: Arc<Roles>) -> Result<()> {
    let now = roles.clock.now();
    let tx = roles.database.begin().await?;
    for built_in in BUILT_IN_ROLES {
        let permissions = built_in.permissions.iter().map(|text| text.parse::<Permission>());
        let new_role = NewRole {
            name: RoleName::stored(built_in.name.to_owned()),
            description: built_in.description.to_owned(),
            permissions: permissions
                .collect::<Result<_, _>>()
                .map_err(service_kit::Error::internal)?,
        };
        let role = Role { built_in: true, ..Role::new(new_role, now) };
        store::upsert_built_in_role(&tx, &role).await?;
    }
    Ok(tx.commit().await?)
}

fn on_record(actor: &Actor, action: &str, role: &RoleName) -> AuditRecorded {
    AuditRecorded::done(actor, action).on("Role", role)
}

fn texts(role: &Role) -> Vec<String> {
    written(&role.permissions)
}

fn written(permissions: &BTreeSet<Permission>) -> Vec<String> {
    permissions.iter().map(Permission::to_string).collect()
}
