//! Accounts: made, found, changed, deleted.

use contracts::audit::AuditRecorded;
use contracts::ids::{CustomerId, UserId};
use contracts::messages::UserDeleted;
use policies::{Actor, Resource};
use service_kit::http::IfMatch;
use service_kit::paging::Page;

use super::profile::{ProfilePatch, patched};
use super::{account, lock_user, on_record, role_revoked, user_created, user_updated};
use crate::Users;
use crate::domain::{NewUser, Password, User, UserChange, UserFilter};
use crate::error::{Error, Result};
use crate::store::{self, Sight};

impl Users {
    /// Makes an account: one's own, or one for a customer the actor runs.
    pub async fn create_user(
        &self,
        actor: &Actor,
        new_user: NewUser,
        password: Password,
    ) -> Result<User> {
        self.require_creator(actor, new_user.customer_id)?;
        let user = User::new(UserId::new(), new_user, self.clock.now());
        // Hashing takes its time; no transaction waits for it.
        let password_hash = self.passwords.hash(password).await?;

        // One transaction, so that the account exists if and only if the others hear of it.
        let tx = self.database.begin().await?;
        store::insert_user(&tx, &user, &password_hash).await?;
        tx.publish(user_created(&user)).await?;
        tx.publish(on_record(actor, "users:create", &user)).await?;
        self.ask_to_verify(&tx, user.id, &user.email).await?;
        self.commit_with_letters(tx).await?;
        Ok(user)
    }

    fn require_creator(&self, actor: &Actor, customer: Option<CustomerId>) -> Result<()> {
        let account = Resource::any("Account");
        match customer {
            None => self.require(actor, "users:sign-up", &account),
            Some(customer) => self.require(actor, "users:create", &account.customer(customer)),
        }
    }

    /// One account.
    pub async fn find_user(&self, actor: &Actor, id: UserId) -> Result<User> {
        self.permitted(actor, "users:read", id).await
    }

    /// The actor's own account. Whoever is no person has none, as the nil UUID is nobody's.
    pub async fn find_me(&self, actor: &Actor) -> Result<User> {
        self.permitted(actor, "users:read", UserId(actor.user_id().unwrap_or_default())).await
    }

    /// A page of the accounts the actor may see, by id, and one more if there are more.
    pub async fn list_users(
        &self,
        actor: &Actor,
        filter: &UserFilter,
        page: &Page<UserId>,
    ) -> Result<Vec<User>> {
        self.require(actor, "users:list", &Resource::any("Account"))?;
        let found = store::list_users(self.database.read(), filter, &sight(actor), page).await?;
        Ok(found.into_iter().map(|user| self.as_seen_by(actor, user)).collect())
    }

    /// Any one of the accounts that match.
    pub async fn find_random_user(&self, actor: &Actor, filter: &UserFilter) -> Result<User> {
        self.require(actor, "users:list", &Resource::any("Account"))?;
        let db = self.database.read();
        let found = store::find_random_user(db, filter, &sight(actor), random_number()).await?;
        Ok(self.as_seen_by(actor, found.ok_or(Error::NoneLikeThat)?))
    }

    /// To find somebody in a list is not to see everything about them.
    fn as_seen_by(&self, actor: &Actor, user: User) -> User {
        if self.policies.permits(actor, "users:read", &account(&user)) {
            user
        } else {
            user.concealed()
        }
    }

    /// Changes an account.
    pub async fn update_user(
        &self,
        actor: &Actor,
        id: UserId,
        if_match: IfMatch,
        change: UserChange,
        profile: ProfilePatch,
    ) -> Result<User> {
        let user = self.permitted(actor, "users:update", id).await?;
        self.require_standing(actor, &user, &change)?;
        let tx = self.database.begin().await?;
        if change.is_active == Some(false) && store::is_last_administrator(&tx, id).await? {
            return Err(Error::LastAdministrator);
        }
        let user = lock_user(&tx, id).await?;
        if_match.require(user.version)?;
        let profile = patched(&user.profile, profile)?;
        let fields = change.fields(profile.is_some());
        let action = if change.is_about_standing() { "users:disable" } else { "users:update" };
        let user = user.changed(UserChange { profile, ..change }, self.clock.now());
        store::update_user(&tx, &user).await?;
        tx.publish(user_updated(&user)).await?;
        let record = on_record(actor, action, &user).detail("fields", fields);
        tx.publish(record.detail("isActive", user.is_active)).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// Whether the actor may change what the account is, if the change does that. Who moves an account
    /// into a customer must be permitted to do so there as well.
    fn require_standing(&self, actor: &Actor, user: &User, change: &UserChange) -> Result<()> {
        if change.is_about_standing() {
            self.require(actor, "users:disable", &account(user))?;
        }
        match change.customer_id.flatten() {
            Some(customer) => {
                self.require(actor, "users:disable", &Resource::any("Account").customer(customer))
            }
            None => Ok(()),
        }
    }

    /// Deletes an account.
    pub async fn delete_user(&self, actor: &Actor, id: UserId, if_match: IfMatch) -> Result<()> {
        self.permitted(actor, "users:delete", id).await?;
        let tx = self.database.begin().await?;
        if store::is_last_administrator(&tx, id).await? {
            return Err(Error::LastAdministrator);
        }
        let mut user = lock_user(&tx, id).await?;
        if_match.require(user.version)?;
        let record: AuditRecorded = on_record(actor, "users:delete", &user);
        tx.publish(record.detail("roles", held_roles(&user))).await?;
        store::delete_user(&tx, id).await?;
        // The roles go one by one: whoever counts holders, or knows what a living token permits, hears of each.
        for grant in user.roles.clone() {
            user = user.without_role(&grant, self.clock.now());
            tx.publish(role_revoked(&user, &grant)).await?;
        }
        tx.publish(UserDeleted { user_id: id }).await?;
        Ok(tx.commit().await?)
    }
}

fn held_roles(user: &User) -> Vec<String> {
    user.roles.iter().map(|held| held.role().to_string()).collect()
}

fn random_number() -> u64 {
    u64::from_be_bytes(stdx::secret::random_bytes())
}

fn sight(actor: &Actor) -> Sight {
    Sight { reach: actor.reach("users:list"), viewer: actor.user_id().map(UserId) }
}
