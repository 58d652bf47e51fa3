//! The one table of services: how each is built, and whom it may call. Nothing else in the program names all of them.

use database::Migration;
use service_kit::{Context, Service, StartError};

/// The public door; built last, from all the others.
pub const GATEWAY: &str = "gateway";
/// The embedded broker: what a process runs beside services, or alone for those of others.
pub const BROKER: &str = "broker";
/// The service that revokes.
pub const TOKENS: &str = "tokens";

/// A service of the table.
pub struct Entry {
    /// Its name: of the crate, the database, the configuration section.
    pub name: &'static str,
    /// Builds it.
    pub start: fn(&Context) -> Result<Service, StartError>,
    /// Its schema.
    pub migrations: &'static [Migration],
    /// The services it may call. A call is for "I cannot answer this request without it"; without cycles, so that
    /// no service waits for itself.
    pub calls: &'static [&'static str],
}

/// Every service that has a database. Whoever calls comes after whom it calls.
///
/// Beside these calls every process asks `tokens` and `roles` for what it needs to verify tokens by itself.
pub const TABLE: &[Entry] = &[
    Entry { name: "roles", start: roles::start, migrations: roles::MIGRATIONS, calls: &[] },
    Entry { name: "users", start: users::start, migrations: users::MIGRATIONS, calls: &["roles"] },
    Entry { name: TOKENS, start: tokens::start, migrations: tokens::MIGRATIONS, calls: &["users"] },
    Entry {
        name: "customers",
        start: customers::start,
        migrations: customers::MIGRATIONS,
        calls: &["users"],
    },
    Entry {
        name: "events",
        start: events::start,
        migrations: events::MIGRATIONS,
        calls: &["customers"],
    },
    Entry { name: "audit", start: audit::start, migrations: audit::MIGRATIONS, calls: &[] },
    // Asks all of them how their messages stand, so it is the last one.
    Entry {
        name: "messaging",
        start: messaging::start,
        migrations: messaging::MIGRATIONS,
        calls: &["roles", "users", "tokens", "customers", "events", "audit"],
    },
];

/// Whom the gateway calls itself; requests it passes on go wherever its routes say.
pub const GATEWAY_CALLS: &[&str] = &["tokens"];

/// The names of all that a process can run.
pub fn names() -> Vec<&'static str> {
    TABLE.iter().map(|entry| entry.name).chain([GATEWAY, BROKER]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contracts_name_the_same_services() {
        let names: Vec<&str> = TABLE.iter().map(|entry| entry.name).collect();
        assert_eq!(names, contracts::SERVICES);
    }

    #[test]
    fn nobody_calls_who_comes_later_so_calls_have_no_cycle() {
        for (position, entry) in TABLE.iter().enumerate() {
            for called in entry.calls {
                let found = TABLE[..position].iter().any(|earlier| earlier.name == *called);
                assert!(
                    found,
                    "`{}` calls `{called}`, which is not above it in the table",
                    entry.name
                );
            }
        }
    }
}
