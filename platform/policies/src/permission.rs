//! Permissions, what roles list, and what a set of grants adds up to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use parking_lot::RwLock;
use uuid::Uuid;

/// How far a permission reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everywhere, or inside the customer for which the role was given.
    Any,
    /// Only inside the customer for which the role was given: `:own`.
    Own,
    /// Only what is the holder's own: `:self`.
    Itself,
}

/// One entry of a role: `events:update:own`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission {
    /// `resource:action`; `*:*` is everything.
    pub name: String,
    /// How far it reaches.
    pub scope: Scope,
}

/// The text is not a permission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a permission; write resource:action, with :own or :self to narrow it")]
pub struct PermissionError(String);

impl Permission {
    /// The permission that contains all others.
    pub const EVERYTHING: &'static str = "*:*";
}

impl FromStr for Permission {
    type Err = PermissionError;

    fn from_str(text: &str) -> Result<Self, PermissionError> {
        let (name, scope) = match text.rsplit_once(':') {
            Some((name, "own")) => (name, Scope::Own),
            Some((name, "self")) => (name, Scope::Itself),
            _ => (text, Scope::Any),
        };
        let is_word = |word: &str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        };
        match name.split_once(':') {
            _ if text == Self::EVERYTHING => {}
            Some((resource, action)) if is_word(resource) && is_word(action) => {}
            _ => return Err(PermissionError(text.to_owned())),
        }
        Ok(Self { name: name.to_owned(), scope })
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = match self.scope {
            Scope::Any => "",
            Scope::Own => ":own",
            Scope::Itself => ":self",
        };
        write!(f, "{}{suffix}", self.name)
    }
}

/// A role given to somebody, everywhere or inside one customer.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct Grant {
    /// The role's name.
    pub role: String,
    /// The customer it is limited to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Uuid>,
}

/// How far one permission reaches for one actor, all roles together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reach {
    /// Every resource.
    pub everywhere: bool,
    /// The resources of these customers.
    pub customers: BTreeSet<Uuid>,
    /// The actor's own resources.
    pub itself: bool,
}

/// What an actor's roles add up to.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    everything: bool,
    reaches: HashMap<String, Reach>,
}

impl Holdings {
    /// These permissions, inside one customer or everywhere.
    pub fn of(permissions: impl IntoIterator<Item = Permission>, customer: Option<Uuid>) -> Self {
        let mut holdings = Self::default();
        for permission in permissions {
            holdings.add(&permission, customer);
        }
        holdings
    }

    /// How far the permission `name` reaches. Also what a list must be filtered by.
    pub fn reach(&self, name: &str) -> Reach {
        let mut reach = self.reaches.get(name).cloned().unwrap_or_default();
        reach.everywhere |= self.everything;
        reach
    }

    /// Everything held, by name; [`Permission::EVERYTHING`] stands for all there is.
    pub fn list(&self) -> BTreeMap<&str, Reach> {
        let mut list: BTreeMap<_, _> =
            self.reaches.iter().map(|(name, reach)| (name.as_str(), reach.clone())).collect();
        if self.everything {
            let everywhere = Reach { everywhere: true, ..Reach::default() };
            list.insert(Permission::EVERYTHING, everywhere);
        }
        list
    }

    /// Whether these holdings contain `permission` for a role given inside `customer` (or everywhere).
    pub fn contain(&self, permission: &Permission, customer: Option<Uuid>) -> bool {
        let reach = self.reach(&permission.name);
        match (permission.scope, customer) {
            _ if self.everything => true,
            (Scope::Itself, _) => true, // over one's own things, which takes nothing from anybody
            (_, Some(customer)) => reach.everywhere || reach.customers.contains(&customer),
            (Scope::Own, None) => true, // reaches nothing without a customer
            (Scope::Any, None) => reach.everywhere,
        }
    }

    fn add(&mut self, permission: &Permission, customer: Option<Uuid>) {
        if permission.name == Permission::EVERYTHING {
            self.everything |= customer.is_none();
            return;
        }
        let reach = self.reaches.entry(permission.name.clone()).or_default();
        match (permission.scope, customer) {
            (Scope::Itself, _) => reach.itself = true,
            // A role given inside a customer never reaches beyond it, whatever the role lists.
            (_, Some(customer)) => drop(reach.customers.insert(customer)),
            (Scope::Any, None) => reach.everywhere = true,
            (Scope::Own, None) => {}
        }
    }
}

/// The permissions of every role, by name. Shared by the process and kept up to date from outside.
#[derive(Debug, Default)]
pub struct RoleBook {
    roles: RwLock<HashMap<String, Arc<[Permission]>>>,
}

impl RoleBook {
    /// Replaces what is known of all roles.
    pub fn replace(&self, roles: impl IntoIterator<Item = (String, Vec<Permission>)>) {
        *self.roles.write() = roles.into_iter().map(|(name, list)| (name, list.into())).collect();
    }

    /// Adds a role or changes its permissions.
    pub fn set(&self, role: &str, permissions: Vec<Permission>) {
        self.roles.write().insert(role.to_owned(), permissions.into());
    }

    /// Forgets a role: who still holds it has nothing from it.
    pub fn remove(&self, role: &str) {
        self.roles.write().remove(role);
    }

    /// What grants add up to. A role that is not in the book adds nothing.
    pub fn holdings(&self, grants: &[Grant]) -> Holdings {
        let roles = self.roles.read();
        let mut holdings = Holdings::default();
        for grant in grants {
            for permission in roles.get(&grant.role).into_iter().flat_map(|list| list.iter()) {
                holdings.add(permission, grant.customer);
            }
        }
        holdings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permission(text: &str) -> Permission {
        text.parse().expect("a permission")
    }

    fn book() -> RoleBook {
        let book = RoleBook::default();
        book.set("boss", vec![permission("*:*")]);
        book.set("editor", vec![permission("events:update:own"), permission("users:read:self")]);
        book.set("reader", vec![permission("events:read")]);
        book
    }

    #[test]
    fn permissions_are_read_and_written_alike() {
        for text in ["events:update", "tickets:check-in:own", "users:read:self", "*:*"] {
            assert_eq!(permission(text).to_string(), text);
        }
        for text in ["", "events", "Events:read", "events:read:all", ":own", "a:b:c:own", "*:read"]
        {
            assert!(text.parse::<Permission>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_own_permission_reaches_only_the_customer_it_was_given_for() {
        let customer = Uuid::now_v7();
        let grant = Grant { role: "editor".into(), customer: Some(customer) };
        let holdings = book().holdings(&[grant]);
        let reach = holdings.reach("events:update");
        assert!(!reach.everywhere);
        assert_eq!(reach.customers, BTreeSet::from([customer]));
        assert!(holdings.reach("users:read").itself);
        assert_eq!(holdings.reach("events:delete"), Reach::default());
    }

    #[test]
    fn a_role_given_inside_a_customer_never_reaches_beyond_it() {
        let customer = Some(Uuid::now_v7());
        let everything_inside = Grant { role: "boss".into(), customer };
        assert!(!book().holdings(&[everything_inside]).reach("events:read").everywhere);
        let reader_inside = Grant { role: "reader".into(), customer };
        assert!(!book().holdings(&[reader_inside]).reach("events:read").everywhere);
    }

    #[test]
    fn nobody_can_hand_on_what_they_do_not_hold() {
        let customer = Uuid::now_v7();
        let editor = book().holdings(&[Grant { role: "editor".into(), customer: Some(customer) }]);
        assert!(editor.contain(&permission("events:update:own"), Some(customer)));
        assert!(!editor.contain(&permission("events:update:own"), Some(Uuid::now_v7())));
        assert!(!editor.contain(&permission("events:read"), None));
        assert!(!editor.contain(&permission("*:*"), None));
        let boss = book().holdings(&[Grant { role: "boss".into(), customer: None }]);
        assert!(boss.contain(&permission("*:*"), None));
    }

    #[test]
    fn what_is_held_can_be_listed() {
        let customer = Uuid::now_v7();
        let grants = [
            Grant { role: "editor".into(), customer: Some(customer) },
            Grant { role: "boss".into(), customer: None },
        ];
        let held = book().holdings(&grants);
        let list = held.list();
        assert_eq!(
            list.keys().copied().collect::<Vec<_>>(),
            ["*:*", "events:update", "users:read"]
        );
        assert_eq!(list["events:update"].customers, BTreeSet::from([customer]));
        assert!(list["*:*"].everywhere && list["users:read"].itself);
    }

    #[test]
    fn an_unknown_role_gives_nothing() {
        let holdings = book().holdings(&[Grant { role: "ghost".into(), customer: None }]);
        assert_eq!(holdings.reach("events:read"), Reach::default());
    }
}
