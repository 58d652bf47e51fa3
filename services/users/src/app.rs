//! The use cases. REST, gRPC and tests all call these; each authorizes in its first line.

mod accounts;
mod crew;
mod email;
mod email_link;
mod explanation;
mod guard;
mod letters;
mod own_password;
mod passkeys;
mod passwords;
mod profile;
mod roles;
mod second_factor;
mod setup;
mod sign_in;
mod webauthn;

use contracts::audit::{AuditRecorded, Party};
use contracts::ids::UserId;
use contracts::messages::{HeldRole, RoleAssigned, RoleRevoked, UserCreated, UserUpdated};
use database::Tx;
use policies::{Actor, Resource};

use crate::Users;
use crate::domain::{Grant, User};
use crate::error::{Error, Result};
use crate::store;

pub use guard::Guard;
pub use passwords::Passwords;
pub use roles::{empty_customer, give, itself, take_from_everybody};
pub use second_factor::seal_secrets;
pub use setup::{create_user, has_accounts, import_user, offer_setup};
pub use sign_in::{SignIn, SignedIn};
pub use webauthn::WebAuthn;

#[cfg(test)]
pub use passwords::{Pool, gauge::Gauge};

impl Users {
    fn require(&self, actor: &Actor, action: &str, resource: &Resource) -> Result<()> {
        Ok(self.policies.require(actor, action, resource)?)
    }

    /// The actor's own account, to make it safer: also before the first role has arrived. Whoever is no
    /// person has none.
    async fn own_account(&self, actor: &Actor) -> Result<User> {
        self.permitted(actor, "users:secure", UserId(actor.user_id().unwrap_or_default())).await
    }

    /// The account, if the actor may do `action` to it. That there is no such account is told only to
    /// those who may do it to any.
    async fn permitted(&self, actor: &Actor, action: &str, id: UserId) -> Result<User> {
        let user = store::find_user(self.database.read(), id).await?;
        let resource =
            user.as_ref().map_or_else(|| Resource::new("Account", id).owner(id), account);
        self.require(actor, action, &resource)?;
        user.ok_or(Error::NotFound(id))
    }
}

async fn lock_user(tx: &Tx, id: UserId) -> Result<User> {
    store::lock_user(tx, id).await?.ok_or(Error::NotFound(id))
}

/// An account as policies see it.
fn account(user: &User) -> Resource {
    let resource = Resource::new("Account", user.id).owner(user.id);
    match user.customer_id {
        Some(customer) => resource.customer(customer),
        None => resource,
    }
}

/// Something that was done to an account, for the audit log.
fn on_record(by: impl Into<Party>, action: &str, user: &User) -> AuditRecorded {
    let record = AuditRecorded::done(by, action).on("Account", user.id);
    record.customer(user.customer_id).detail("email", user.email.as_str())
}

/// The owner of an account, who has shown that they are: by a link, or by the password.
fn owner(actor: &Actor, user: &User) -> Party {
    Party::user(user.id, user.email.as_str()).from_origin(actor.origin())
}

fn user_created(user: &User) -> UserCreated {
    UserCreated {
        user_id: user.id,
        email: user.email.to_string(),
        first_name: user.first_name.clone(),
        last_name: user.last_name.clone(),
        customer_id: user.customer_id,
    }
}

fn user_updated(user: &User) -> UserUpdated {
    UserUpdated {
        user_id: user.id,
        email: user.email.to_string(),
        first_name: user.first_name.clone(),
        last_name: user.last_name.clone(),
        customer_id: user.customer_id,
        is_active: user.is_active,
    }
}

fn role_assigned(user: &User, grant: &Grant) -> RoleAssigned {
    RoleAssigned {
        user_id: user.id,
        granted: held(grant),
        roles: user.roles.iter().map(held).collect(),
    }
}

fn role_revoked(user: &User, grant: &Grant) -> RoleRevoked {
    RoleRevoked {
        user_id: user.id,
        revoked: held(grant),
        roles: user.roles.iter().map(held).collect(),
    }
}

fn held(grant: &Grant) -> HeldRole {
    HeldRole { role: grant.role().to_string(), customer_id: grant.customer() }
}
