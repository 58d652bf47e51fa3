//! What a process must know to verify tokens alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use contracts::permissions::BUILT_IN_ROLES;
use jsonwebtoken::DecodingKey;
use parking_lot::RwLock;
use policies::{Grant, Permission, RoleBook};
use uuid::Uuid;

use crate::Claims;
use crate::keys::verifying_key;

/// A token may have been issued this long after a change of roles and still carry the roles before it,
/// because reading the roles and signing take a moment. The newer roles are used for those as well.
const ROLE_CHANGE_SLACK_MS: i64 = 5_000;
/// How long a revocation must be remembered: longer than an access token lives.
const REMEMBERED_MS: i64 = 30 * 60 * 1000;

/// Keys, revocations, changed roles, permissions of roles. Shared by the process.
pub struct Knowledge {
    keys: ArcSwap<HashMap<String, DecodingKey>>,
    changes: RwLock<Changes>,
    role_book: RoleBook,
    /// Counts up when anything changes that an actor is made of.
    generation: AtomicU64,
}

#[derive(Default)]
struct Changes {
    /// Session → when it ended.
    ended_sessions: HashMap<Uuid, i64>,
    /// User → tokens issued before this are dead.
    revoked_users: HashMap<Uuid, i64>,
    /// User → since when they have which roles.
    changed_roles: HashMap<Uuid, (i64, Arc<[Grant]>)>,
}

impl Default for Knowledge {
    /// Knows the built-in roles and no key: no token is good yet.
    fn default() -> Self {
        let knowledge = Self {
            keys: ArcSwap::default(),
            changes: RwLock::default(),
            role_book: RoleBook::default(),
            generation: AtomicU64::default(),
        };
        for role in BUILT_IN_ROLES {
            let permissions = role.permissions.iter().map(|text| (*text).to_owned());
            knowledge.set_role(role.name, permissions);
        }
        knowledge
    }
}

impl Knowledge {
    /// Replaces the public keys: pairs of `kid` and the `x` of the JWK.
    pub fn set_keys<'a>(&self, keys: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let keys =
            keys.into_iter().filter_map(|(kid, x)| Some((kid.to_owned(), verifying_key(x)?)));
        self.keys.store(Arc::new(keys.collect()));
    }

    /// A session is over.
    pub fn end_session(&self, session: Uuid, at_ms: i64) {
        self.changes.write().ended_sessions.insert(session, at_ms);
        self.changed();
    }

    /// Tokens issued to a user before a moment are dead.
    pub fn revoke_user(&self, user: Uuid, before_ms: i64) {
        let mut changes = self.changes.write();
        let latest = changes.revoked_users.entry(user).or_insert(before_ms);
        *latest = before_ms.max(*latest);
        drop(changes);
        self.changed();
    }

    /// A user has these roles since a moment. An older change that arrives late is ignored.
    pub fn change_roles(&self, user: Uuid, since_ms: i64, roles: Vec<Grant>) {
        let mut changes = self.changes.write();
        let is_older = changes.changed_roles.get(&user).is_some_and(|(known, _)| *known > since_ms);
        if !is_older {
            changes.changed_roles.insert(user, (since_ms, roles.into()));
        }
        drop(changes);
        self.changed();
    }

    /// A role permits this now.
    pub fn set_role(&self, role: &str, permissions: impl IntoIterator<Item = String>) {
        let readable = permissions.into_iter().filter_map(|text| text.parse::<Permission>().ok());
        self.role_book.set(role, readable.collect());
        self.changed();
    }

    /// A role is gone.
    pub fn remove_role(&self, role: &str) {
        self.role_book.remove(role);
        self.changed();
    }

    /// Forgets what no living token can be concerned by.
    pub fn forget_before(&self, now_ms: i64) {
        let oldest = now_ms - REMEMBERED_MS;
        let mut changes = self.changes.write();
        changes.ended_sessions.retain(|_, at| *at > oldest);
        changes.revoked_users.retain(|_, before| *before > oldest);
        changes.changed_roles.retain(|_, (since, _)| *since > oldest);
    }

    /// Whether any key is known yet.
    pub fn has_keys(&self) -> bool {
        !self.keys.load().is_empty()
    }

    /// What every role permits.
    pub(crate) fn role_book(&self) -> &RoleBook {
        &self.role_book
    }

    pub(crate) fn key(&self, kid: &str) -> Option<DecodingKey> {
        self.keys.load().get(kid).cloned()
    }

    pub(crate) fn is_revoked(&self, claims: &Claims) -> bool {
        let changes = self.changes.read();
        changes.ended_sessions.contains_key(&claims.sid)
            || changes
                .revoked_users
                .get(&claims.sub)
                .is_some_and(|before| claims.issued_at_ms() < *before)
    }

    /// The roles the token's user has now, as far as this process has heard.
    pub(crate) fn roles_now(&self, claims: &Claims) -> Arc<[Grant]> {
        let changes = self.changes.read();
        match changes.changed_roles.get(&claims.sub) {
            Some((since, roles)) if claims.issued_at_ms() < since + ROLE_CHANGE_SLACK_MS => {
                roles.clone()
            }
            _ => claims.roles.as_slice().into(),
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn changed(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }
}
