//! The first administrator: made once, by whoever starts the server.

use std::sync::Arc;

use contracts::audit::Party;
use contracts::ids::UserId;
use contracts::permissions::{ADMIN, BUILT_IN_ROLES};
use database::Database;
use jiff::Timestamp;
use policies::{Actor, Resource};
use service_kit::FieldErrors;
use stdx::secret;

use super::passwords::parse_hash;
use super::{Passwords, on_record, roles, user_created};
use crate::Users;
use crate::domain::{Email, Grant, NewUser, Password, RoleName, User, UserType};
use crate::error::{CreateUserError, Error, Result};
use crate::store;

impl Users {
    /// Whether the first administrator can be made.
    pub async fn is_setup_open(&self, actor: &Actor) -> Result<bool> {
        self.require(actor, "setup:read", &Resource::any("Setup"))?;
        let db = self.database.read();
        Ok(store::is_setup_token(db, None).await? && !store::has_administrator(db).await?)
    }

    /// Makes the first administrator, for whoever has the link.
    pub async fn complete_setup(
        &self,
        actor: &Actor,
        token: &str,
        new_user: NewUser,
        password: Password,
    ) -> Result<User> {
        self.require(actor, "setup:complete", &Resource::any("Setup"))?;
        let digest = secret::digest(token);
        // Spares the hash for those who only try; who may is decided when the token is spent.
        if !store::is_setup_token(self.database.read(), Some(&digest)).await? {
            return Err(Error::SetupClosed);
        }
        let password_hash = self.passwords.hash(password).await?;
        let tx = self.database.begin().await?;
        if !store::spend_setup_token(&tx, &digest).await? {
            return Err(Error::SetupClosed);
        }
        let administrator = Grant::administrator();
        let made = Made { by: actor.into(), action: "setup:complete", at: self.clock.now() };
        let user = insert_holder(&tx, made, new_user, &password_hash, &administrator).await?;
        self.ask_to_verify(&tx, user.id, &user.email).await?;
        self.commit_with_letters(tx).await?;
        Ok(user)
    }
}

/// Prints a link for making the first administrator, as long as there is none. It is a new one at every
/// start, and only its digest is kept.
pub async fn offer_setup(users: Arc<Users>) -> Result<()> {
    if store::has_administrator(users.database.read()).await? {
        return Ok(());
    }
    let token = secret::random_token();
    let tx = users.database.begin().await?;
    store::replace_setup_token(&tx, &secret::digest(&token), users.clock.now()).await?;
    tx.commit().await?;
    let link = format!("{}/setup?token={token}", users.ctx.public_url);
    let line = format!("No administrator yet. Open this link once to make the first one: {link}");
    // Not into the log: whoever reads that later must not become the administrator.
    eprintln!("{line}");
    Ok(())
}

/// Whether anybody has an account yet, asked directly of the database.
pub async fn has_accounts(database: &Database) -> Result<bool, CreateUserError> {
    Ok(store::has_accounts(database.read()).await?)
}

/// Makes an account that holds a built-in role everywhere, directly in the database of this service: for
/// whoever has the files, who needs nobody's permission. A server that runs, or the next one to start,
/// tells the other services.
///
/// The account is named after the address and the role, until its owner changes that.
pub async fn create_user(
    database: &Database,
    email: &str,
    password: &str,
    role: &str,
) -> Result<UserId, CreateUserError> {
    let parse_password = |email: &Email| Password::parse(password, email);
    let (new_user, password, grant) = parse(email, "password", parse_password, role)?;
    let password_hash = Passwords::for_this_machine().hash(password).await?;
    insert(database, "users:create", new_user, &password_hash, &grant).await
}

/// As [`create_user`], for somebody who brings the hash of the password from another system: bcrypt or argon2id.
pub async fn import_user(
    database: &Database,
    email: &str,
    password_hash: &str,
    role: &str,
) -> Result<UserId, CreateUserError> {
    let parse_hash = |_: &Email| parse_hash(password_hash).map_err(str::to_owned);
    let (new_user, password_hash, grant) = parse(email, "password hash", parse_hash, role)?;
    insert(database, "users:import", new_user, &password_hash, &grant).await
}

async fn insert(
    database: &Database,
    action: &'static str,
    new_user: NewUser,
    password_hash: &str,
    grant: &Grant,
) -> Result<UserId, CreateUserError> {
    let tx = database.begin().await.map_err(Error::from)?;
    let made = Made { by: Party::OPERATOR, action, at: database.clock().now() };
    let user = insert_holder(&tx, made, new_user, password_hash, grant).await?;
    tx.commit().await.map_err(Error::from)?;
    Ok(user.id)
}

/// `parse_secret` reads what opens the account; what it may be depends on the address.
fn parse<T>(
    email: &str,
    secret: &str,
    parse_secret: impl FnOnce(&Email) -> Result<T, String>,
    role: &str,
) -> Result<(NewUser, T, Grant), FieldErrors> {
    let mut errors = FieldErrors::new();
    let email = errors.check("email", Email::parse(email));
    let secret = email.as_ref().and_then(|email| errors.check(secret, parse_secret(email)));
    // Roles of one's own are known by another service, which need not be running.
    let role = errors.check("role", parse_built_in_role(role));
    let all = email.zip(secret).zip(role);
    errors.finish(
        all.map(|((email, secret), role)| {
            (named_after(email, &role), secret, Grant::new(role, None))
        }),
    )
}

fn parse_built_in_role(role: &str) -> Result<RoleName, String> {
    let names: Vec<_> = BUILT_IN_ROLES.iter().map(|role| role.name).collect();
    if !names.contains(&role) {
        return Err(format!("must be one of {}", names.join(", ")));
    }
    Ok(RoleName::stored(role.to_owned()))
}

fn named_after(email: Email, role: &RoleName) -> NewUser {
    let first_name = email.local_part().chars().take(100).collect();
    let user_type =
        if role.as_str() == ADMIN { UserType::Administrator } else { UserType::CustomerUser };
    NewUser { email, first_name, last_name: role.to_string(), user_type, customer_id: None }
}

/// By whom an account is made, in which way, and when.
struct Made {
    by: Party,
    action: &'static str,
    at: Timestamp,
}

/// Makes an account that holds a role from its first moment.
async fn insert_holder(
    tx: &database::Tx,
    Made { by, action, at }: Made,
    new_user: NewUser,
    password_hash: &str,
    grant: &Grant,
) -> Result<User> {
    let user = User::new(UserId::new(), new_user, at);
    store::insert_user(tx, &user, password_hash).await?;
    tx.publish(user_created(&user)).await?;
    tx.publish(on_record(&by, action, &user)).await?;
    roles::give(tx, &by, user.id, grant, at).await?.ok_or(Error::NotFound(user.id))
}
