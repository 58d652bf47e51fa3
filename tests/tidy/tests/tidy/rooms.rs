//! Rooms are equal: who knows one service knows all of them.

use crate::hold;
use crate::tree::Tree;

const ROOMS: [&str; 7] = ["lib", "http", "app", "domain", "store", "migrations", "error"];
const ROOMS_WHERE_NEEDED: [&str; 4] = ["grpc", "consumers", "jobs", "sagas"];
/// Everything that keeps no data of its own and so has no policies about them: it has no room for either.
///
/// `gateway`: the front door. It passes requests on; what they may do is decided by the services, which
/// also own what is done to.
const WITHOUT_DATA: [&str; 1] = ["services/gateway"];
const DATA_ROOMS: [&str; 2] = ["store", "migrations"];

/// What a service's domain does not know: how it is reached, stored, scheduled and written down.
const NOT_IN_DOMAIN: [&str; 8] =
    ["axum", "hyper", "reqwest", "sea_orm", "serde", "sqlx", "tokio", "tonic"];
const DATABASE_CRATES: [&str; 4] = ["rusqlite", "sea_orm", "sea_orm_migration", "sqlx"];
/// Where database types may be, beside a service's `store` and `migrations`.
///
/// `platform/database` is what the rule protects. `service-kit` names the error type once, for `?` in
/// stores. `testkit` makes and drops whole databases, and the tests and benchmarks look at them from outside.
const MAY_NAME_DATABASES: [&str; 5] = [
    "benches/",
    "platform/database/",
    "platform/service-kit/src/lib.rs",
    "platform/testkit/",
    "tests/",
];

fn unequal_rooms(tree: &Tree) -> Vec<String> {
    let mut broken = vec![];
    for service in tree.services() {
        let has_data = !WITHOUT_DATA.contains(&service.as_str());
        let rooms = || ROOMS.iter().filter(|room| has_data || !DATA_ROOMS.contains(*room));
        let has = |path: String| tree.exists(&path);
        for room in rooms() {
            if !has(format!("{service}/src/{room}.rs")) && !has(format!("{service}/src/{room}")) {
                broken.push(format!("{service}: has no src/{room}.rs"));
            }
        }
        for (path, is_needed) in [("README.md", true), ("src/tests", true), ("policies", has_data)]
        {
            if is_needed && !has(format!("{service}/{path}")) {
                broken.push(format!("{service}: has no {path}"));
            }
        }
        for name in tree.names_in(&format!("{service}/src")) {
            let room = name.strip_suffix(".rs").unwrap_or(name);
            let is_room = room == "tests" || ROOMS_WHERE_NEEDED.contains(&room);
            if !is_room && !rooms().any(|known| *known == room) {
                broken.push(format!("{service}/src/{name}: is not a room"));
            }
        }
    }
    broken
}

/// Whether a file belongs to a room of a service: `http.rs`, or below `http/`.
fn is_in_room(path: &str, rooms: &[&str]) -> bool {
    let mut parts = path.split('/');
    if parts.next() != Some("services") || parts.nth(1) != Some("src") {
        return false;
    }
    let room = parts.next().unwrap_or_default();
    rooms.contains(&room.strip_suffix(".rs").unwrap_or(room))
}

fn frameworks_in_domains(tree: &Tree) -> Vec<String> {
    let domains = tree.rust().iter().filter(|file| is_in_room(&file.path, &["domain"]));
    let mut broken = vec![];
    for file in domains {
        for name in NOT_IN_DOMAIN {
            let lines = file.lines_with_word(name);
            broken.extend(lines.iter().map(|line| format!("{}:{line}: names `{name}`", file.path)));
        }
    }
    broken
}

fn databases_outside_stores(tree: &Tree) -> Vec<String> {
    let mut broken = vec![];
    for file in tree.rust() {
        let path = &file.path;
        // Tests may look into the tables: that is how they know what a use case really left there.
        let is_store = is_in_room(path, &DATA_ROOMS) || path.contains("/src/tests/");
        if is_store || MAY_NAME_DATABASES.iter().any(|place| path.starts_with(place)) {
            continue;
        }
        for name in DATABASE_CRATES {
            let lines = file.lines_with_word(name);
            broken.extend(lines.iter().map(|line| format!("{path}:{line}: names `{name}`")));
        }
        let statements = file.literals.iter().filter(|(_, text)| !file.is_test() && is_sql(text));
        broken.extend(statements.map(|(line, _)| format!("{path}:{line}: has SQL")));
    }
    broken
}

fn is_sql(text: &str) -> bool {
    let text = text.trim_start().to_lowercase();
    let begins = |verb: &str, with: &str| text.starts_with(verb) && text.contains(with);
    begins("select ", " from ")
        || begins("insert into ", " values")
        || begins("delete from ", " where ")
        || begins("update ", " set ")
        || text.starts_with("create table ")
}

#[test]
fn every_service_has_the_same_rooms() {
    hold(
        "a service has src/{lib,http,app,domain,store,migrations,error}.rs, README.md, policies/ and src/tests/; \
         grpc, consumers, jobs and sagas where needed; nothing else",
        "write the missing room, or move the file into the room it belongs to: src/http/tickets.rs",
        unequal_rooms(Tree::of_repository()),
    );
}

#[test]
fn a_domain_knows_no_framework() {
    hold(
        "domain.rs has types and rules only: no I/O, no wire format, no framework",
        "translate in http.rs, grpc.rs or store.rs, and hand the domain its own types",
        frameworks_in_domains(Tree::of_repository()),
    );
}

#[test]
fn databases_are_spoken_to_in_stores_only() {
    hold(
        "queries and database types are in a service's store and migrations only",
        "write a function in store.rs that takes and returns types of the domain, and call it",
        databases_outside_stores(Tree::of_repository()),
    );
}

#[cfg(test)]
mod samples {
    use super::*;

    #[test]
    fn a_missing_and_a_foreign_room_are_found() {
        let rooms = ["lib", "http", "app", "domain", "migrations", "error"];
        let mut files: Vec<String> = rooms.map(|room| format!("services/a/src/{room}.rs")).into();
        let more = ["README.md", "policies/a.cedar", "src/tests/http.rs", "src/http/seats.rs"];
        files.extend(more.map(|path| format!("services/a/{path}")));
        files.push("services/a/src/utils.rs".into());
        let files: Vec<(&str, &str)> = files.iter().map(|path| (path.as_str(), "")).collect();
        let broken = unequal_rooms(&Tree::sample(&files));
        let expected =
            ["services/a: has no src/store.rs", "services/a/src/utils.rs: is not a room"];
        assert_eq!(broken, expected);
    }

    #[test]
    fn the_gateway_has_no_room_for_data() {
        let files = ["lib", "http", "app", "domain", "store", "error", "tests/http"];
        let mut files: Vec<String> = files.map(|f| format!("services/gateway/src/{f}.rs")).into();
        files.push("services/gateway/README.md".into());
        let files: Vec<(&str, &str)> = files.iter().map(|path| (path.as_str(), "")).collect();
        let broken = unequal_rooms(&Tree::sample(&files));
        assert_eq!(broken, ["services/gateway/src/store.rs: is not a room"]);
    }

    #[test]
    fn a_folder_without_anything_a_service_has_is_found() {
        let tree = Tree::sample(&[("services/stray/notes.txt", "")]);
        assert_eq!(unequal_rooms(&tree).len(), ROOMS.len() + 3);
    }

    #[test]
    fn a_framework_in_a_domain_is_found() {
        let tree = Tree::sample(&[
            ("services/a/src/domain/seat.rs", "use serde::Serialize;\n"),
            ("services/a/src/domain.rs", "// serde\nuse stdx::Money;\n"),
            ("services/a/src/http.rs", "use serde::Serialize;\n"),
        ]);
        assert_eq!(
            frameworks_in_domains(&tree),
            ["services/a/src/domain/seat.rs:1: names `serde`"]
        );
    }

    #[test]
    fn a_query_outside_a_store_is_found() {
        let tree = Tree::sample(&[
            ("services/a/src/app.rs", "fn f() {\n    sea_orm::query();\n}\n"),
            ("services/a/src/http.rs", "const Q: &str = \"select 1 from seat\";\n"),
            ("services/a/src/store.rs", "use sea_orm::X;\n"),
            ("services/a/src/store/seat.rs", "use sqlx::X;\n"),
            ("platform/policies/src/lib.rs", "use sqlx::X;\n"),
        ]);
        assert_eq!(
            databases_outside_stores(&tree),
            [
                "platform/policies/src/lib.rs:1: names `sqlx`",
                "services/a/src/app.rs:2: names `sea_orm`",
                "services/a/src/http.rs:1: has SQL",
            ]
        );
    }
}
