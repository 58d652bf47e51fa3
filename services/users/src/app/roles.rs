//! Roles, given and taken.

use contracts::audit::{AuditRecorded, Party};
use contracts::grpc::roles::FindRoleRequest;
use contracts::grpc::roles::roles_client::RolesClient;
use contracts::ids::{CustomerId, UserId};
use database::Tx;
use jiff::Timestamp;
use policies::{Actor, Permission, PermissionError, Resource};
use service_kit::FieldErrors;
use tonic::Code;

use super::{lock_user, on_record, role_assigned, role_revoked, user_updated};
use crate::Users;
use crate::domain::{Grant, RoleName, User, UserChange};
use crate::error::{Error, Result};
use crate::store;

impl Users {
    /// Gives a role. Giving what is held already changes nothing.
    pub async fn give_role(&self, actor: &Actor, id: UserId, grant: Grant) -> Result<User> {
        let user = self.permitted_to_assign(actor, id, &grant).await?.ok_or(Error::NotFound(id))?;
        let permissions = self.find_role(grant.role()).await?;
        require_contained(actor, &permissions, &grant)?;
        self.grant(&actor.into(), user.id, &grant).await
    }

    /// Gives a role for the service `customers`, which knows who founded what.
    pub async fn grant_role(&self, actor: &Actor, id: UserId, grant: Grant) -> Result<User> {
        self.require(actor, "users:grant-role", &Resource::new("Account", id))?;
        self.find_role(grant.role()).await?;
        self.grant(&actor.into(), id, &grant).await
    }

    async fn grant(&self, by: &Party, id: UserId, grant: &Grant) -> Result<User> {
        let tx = self.database.begin().await?;
        let user = give(&tx, by, id, grant, self.clock.now()).await?.ok_or(Error::NotFound(id))?;
        tx.commit().await?;
        Ok(user)
    }

    /// Takes a role.
    pub async fn take_role(&self, actor: &Actor, id: UserId, grant: Grant) -> Result<()> {
        self.require(actor, "roles:assign", &assignment(id, &grant).flag("draws_in", false))?;
        let tx = self.database.begin().await?;
        if grant == Grant::administrator() && store::is_last_administrator(&tx, id).await? {
            return Err(Error::LastAdministrator);
        }
        let user = lock_user(&tx, id).await?;
        if take(&tx, &actor.into(), user, &grant, self.clock.now()).await?.is_none() {
            return Err(Error::RoleNotHeld(grant.role().to_string()));
        }
        Ok(tx.commit().await?)
    }

    /// The account that is to get a role, if the actor may give it.
    async fn permitted_to_assign(
        &self,
        actor: &Actor,
        id: UserId,
        grant: &Grant,
    ) -> Result<Option<User>> {
        let user = store::find_user(self.database.read(), id).await?;
        let draws_in = grant
            .customer()
            .is_some_and(|customer| !user.as_ref().is_some_and(|user| user.belongs_to(customer)));
        self.require(actor, "roles:assign", &assignment(id, grant).flag("draws_in", draws_in))?;
        Ok(user)
    }

    /// What a role permits, from `roles`; a role that does not exist is a wrong value of the field `role`.
    pub async fn find_role(&self, name: &RoleName) -> Result<Vec<Permission>> {
        let mut roles = RolesClient::new(self.ctx.channel("roles"));
        let request = self.ctx.on_own_behalf(FindRoleRequest { name: name.to_string() });
        let role = roles.find_role(request).await.map_err(|status| match status.code() {
            Code::NotFound => FieldErrors::one("role", format!("there is no role `{name}`")).into(),
            _ => Error::from(status),
        })?;
        let permissions = role.into_inner().permissions;
        let permissions = permissions.iter().map(|text| text.parse());
        permissions
            .collect::<Result<_, _>>()
            .map_err(|error: PermissionError| service_kit::Error::internal(error).into())
    }
}

/// A role of an account as policies see it.
fn assignment(id: UserId, grant: &Grant) -> Resource {
    let resource = Resource::new("Grant", id);
    match grant.customer() {
        Some(customer) => resource.customer(customer),
        None => resource,
    }
}

/// Nobody hands on what they do not hold, so nobody can make themselves or a friend more than they are.
fn require_contained(actor: &Actor, permissions: &[Permission], grant: &Grant) -> Result<()> {
    let customer = grant.customer().map(Into::into);
    match permissions.iter().find(|permission| !actor.holdings().contain(permission, customer)) {
        None => Ok(()),
        Some(missing) => Err(Error::BeyondOwnPermissions {
            role: grant.role().clone(),
            permission: missing.to_string(),
        }),
    }
}

/// Gives a role in a transaction and tells of it, unless it is held already; the account after that, or
/// `None` if there is none.
pub async fn give(
    tx: &Tx,
    by: &Party,
    id: UserId,
    grant: &Grant,
    now: Timestamp,
) -> Result<Option<User>> {
    let Some(before) = store::lock_user(tx, id).await? else { return Ok(None) };
    if !store::insert_grant(tx, id, grant).await? {
        return Ok(Some(before));
    }
    let customer_before = before.customer_id;
    let user = before.with_role(grant.clone(), now);
    store::update_user(tx, &user).await?;
    tx.publish(role_assigned(&user, grant)).await?;
    tx.publish(of_role(by, "roles:assign", &user, grant)).await?;
    if user.customer_id != customer_before {
        tx.publish(user_updated(&user)).await?;
    }
    Ok(Some(user))
}

/// Takes a role from a locked account and tells of it; the account after that, or `None` if it did not
/// hold the role.
async fn take(
    tx: &Tx,
    by: &Party,
    user: User,
    grant: &Grant,
    now: Timestamp,
) -> Result<Option<User>> {
    if !store::delete_grant(tx, user.id, grant).await? {
        return Ok(None);
    }
    let user = user.without_role(grant, now);
    store::update_user(tx, &user).await?;
    tx.publish(role_revoked(&user, grant)).await?;
    tx.publish(of_role(by, "roles:revoke", &user, grant)).await?;
    Ok(Some(user))
}

fn of_role(by: &Party, action: &str, user: &User, grant: &Grant) -> AuditRecorded {
    let record = on_record(by, action, user).customer(grant.customer());
    record.detail("role", grant.role().as_str())
}

/// Who acts when a message of another service is followed.
pub fn itself() -> Party {
    Party::service("users")
}

/// Takes a role from everybody who holds it, wherever.
pub async fn take_from_everybody(tx: &Tx, role: &RoleName, now: Timestamp) -> Result<()> {
    for id in store::people_holding(tx, role).await? {
        take_all(tx, id, now, |held| held.role() == role).await?;
    }
    Ok(())
}

/// Takes everybody out of a customer, with every role inside it.
pub async fn empty_customer(tx: &Tx, customer: CustomerId, now: Timestamp) -> Result<()> {
    for id in store::people_of(tx, customer).await? {
        let user = take_all(tx, id, now, |held| held.customer() == Some(customer)).await?;
        let Some(user) = user.filter(|user| user.customer_id == Some(customer)) else { continue };
        let user =
            user.changed(UserChange { customer_id: Some(None), ..UserChange::default() }, now);
        store::update_user(tx, &user).await?;
        tx.publish(user_updated(&user)).await?;
    }
    Ok(())
}

async fn take_all(
    tx: &Tx,
    id: UserId,
    now: Timestamp,
    is_meant: impl Fn(&Grant) -> bool,
) -> Result<Option<User>> {
    let Some(mut user) = store::lock_user(tx, id).await? else { return Ok(None) };
    let meant: Vec<Grant> = user.roles.iter().filter(|held| is_meant(held)).cloned().collect();
    for grant in meant {
        let Some(after) = take(tx, &itself(), user, &grant, now).await? else { return Ok(None) };
        user = after;
    }
    Ok(Some(user))
}
