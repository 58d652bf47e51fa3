//! Every permission there is, and what the built-in roles hold.
//!
//! Written here and not only in a database because every process must know them from its first
//! moment, also while the `roles` service is away. Administrators define further roles there.

/// Name and meaning of every permission, in the order they are shown.
pub const PERMISSIONS: &[(&str, &str)] = &[
    ("users:create", "create accounts for a customer"),
    ("users:read", "see accounts"),
    ("users:list", "list and search accounts"),
    ("users:update", "change accounts"),
    ("users:disable", "disable, enable and move accounts"),
    ("users:delete", "delete accounts"),
    ("users:manage-crew", "make and change crew members"),
    ("users:explain", "see why an account may do something, or may not"),
    ("roles:read", "see roles and permissions"),
    ("roles:create", "define roles"),
    ("roles:update", "change roles"),
    ("roles:delete", "delete roles"),
    ("roles:assign", "give roles to accounts and take them"),
    ("sessions:list", "list sessions"),
    ("sessions:end", "end sessions"),
    ("oauth-clients:read", "see the programs that sign users in"),
    ("oauth-clients:manage", "register, change and remove programs that sign users in"),
    ("consents:manage", "see and withdraw what users have allowed programs"),
    ("tokens:introspect", "ask about tokens that were issued to others"),
    ("customers:create", "enter customers for others"),
    ("customers:found", "found a customer and run it"),
    ("customers:read", "see customers"),
    ("customers:update", "change customers"),
    ("customers:delete", "delete customers"),
    ("events:create", "plan events"),
    ("events:read", "see events that are not public"),
    ("events:update", "change, publish and cancel events"),
    ("events:delete", "delete events"),
    ("events:read-sales", "see how an event sells"),
    ("orders:create", "buy tickets"),
    ("orders:read", "see orders"),
    ("tickets:read", "see tickets"),
    ("tickets:cancel", "cancel tickets"),
    ("tickets:check-in", "check tickets in at the door"),
    ("audit:read", "read and export the audit log"),
    ("messages:subscribe", "receive what the services say, at the broker"),
    ("messages:publish", "send messages to other programs over the broker"),
    ("messages:read", "see what waits between the services, and what was given up"),
    (
        "messages:manage",
        "replay and drop what was given up; make and remove streams and consumers at the broker",
    ),
];

/// A role that is always there and cannot be changed.
#[derive(Clone, Copy, Debug)]
pub struct BuiltInRole {
    /// Its name.
    pub name: &'static str,
    /// For people.
    pub description: &'static str,
    /// `resource:action`, with `:own` or `:self` when narrowed.
    pub permissions: &'static [&'static str],
}

/// Holds everything.
pub const ADMIN: &str = "admin";
/// The default of every new account.
pub const MEMBER: &str = "member";
/// Runs an organiser.
pub const ORGANISER_ADMIN: &str = "organiser-admin";
/// What a program that acts on its own behalf is called; it holds what its registration lists.
pub const SERVICE: &str = "service";
/// Runs a crew company.
pub const CREW_ADMIN: &str = "crew-admin";

/// What every role needs to use its own account.
macro_rules! with_own_account {
    ($($permission:literal),* $(,)?) => {
        &["users:read:self", "users:update:self", "users:delete:self",
          "sessions:list:self", "sessions:end:self", "consents:manage:self", $($permission),*]
    };
}

/// The built-in roles. Those of services still to come are here already, so that they can be given.
pub const BUILT_IN_ROLES: &[BuiltInRole] = &[
    BuiltInRole { name: ADMIN, description: "Holds everything", permissions: &["*:*"] },
    BuiltInRole {
        name: ORGANISER_ADMIN,
        description: "Runs an organiser: its events, tickets, people and bookings",
        permissions: with_own_account![
            "customers:read:own",
            "customers:update:own",
            "users:create:own",
            "users:read:own",
            "users:list:own",
            "users:update:own",
            "users:manage-crew:own",
            "roles:assign:own",
            "events:create:own",
            "events:read:own",
            "events:update:own",
            "events:delete:own",
            "events:read-sales:own",
            "orders:read:own",
            "tickets:read:own",
            "tickets:cancel:own",
            "tickets:check-in:own",
        ],
    },
    BuiltInRole {
        name: "organiser-member",
        description: "Sees the organiser's events and bookings, changes nothing",
        permissions: with_own_account!["customers:read:own", "events:read:own"],
    },
    BuiltInRole {
        name: CREW_ADMIN,
        description: "Runs a crew company: its crew, their availability and bookings",
        permissions: with_own_account![
            "customers:read:own",
            "users:create:own",
            "users:read:own",
            "users:list:own",
            "users:update:own",
            "users:manage-crew:own",
            "roles:assign:own",
        ],
    },
    BuiltInRole {
        name: "crew-member",
        description: "Keeps the own availability, answers the own bookings",
        permissions: with_own_account![],
    },
    BuiltInRole {
        name: MEMBER,
        description: "Buys tickets, lends and borrows gear, may found a customer",
        permissions: with_own_account![
            "customers:found",
            "orders:create:self",
            "orders:read:self",
            "tickets:read:self",
            "tickets:cancel:self",
        ],
    },
    BuiltInRole {
        name: "worker",
        description: "Gets tasks, finishes them, sees the own account",
        permissions: with_own_account![],
    },
    BuiltInRole {
        name: "manager",
        description: "Creates tasks and has them assigned",
        permissions: with_own_account![],
    },
    BuiltInRole {
        name: "accountant",
        description: "Reads all accounts and closes the billing cycle",
        permissions: with_own_account![],
    },
    BuiltInRole {
        name: "door",
        description: "Checks the customer's tickets in",
        permissions: with_own_account!["events:read:own", "tickets:check-in:own"],
    },
    BuiltInRole {
        name: SERVICE,
        description: "A program; holds what its registration lists",
        permissions: &[],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_roles_hold_only_permissions_that_exist() {
        for role in BUILT_IN_ROLES.iter().filter(|role| role.name != ADMIN) {
            for permission in role.permissions {
                let name = permission.trim_end_matches(":own").trim_end_matches(":self");
                assert!(PERMISSIONS.iter().any(|(known, _)| *known == name), "{permission}");
            }
        }
    }
}
