//! No role that is held inside one customer reaches into another one: every role, every action of every service's
//! policies, both ways. The cells are made of the policy files themselves, so a new action is in them by itself.

use contracts::permissions::BUILT_IN_ROLES;
use policies::{Actor, Grant, Holdings, Policies, Principal, Resource, RoleBook};
use uuid::Uuid;

use crate::tree::Tree;

/// An action, and what it is done to.
type Cell = (String, &'static str);

/// A service's policies with every action of its schema.
fn policies_of_services(tree: &Tree) -> Vec<(Policies, Vec<Cell>)> {
    let services = tree.services().into_iter().filter_map(|folder| {
        let name = folder.strip_prefix("services/")?.to_owned();
        let schema = tree.text(&format!("{folder}/policies/{name}.cedarschema"))?;
        let text = tree.text(&format!("{folder}/policies/{name}.cedar"))?;
        let loaded = Policies::load(&name, schema, text).expect("policies that fit their schema");
        let cells = cells(schema);
        let mut known: Vec<&str> = loaded.actions().collect();
        let mut found: Vec<&str> = cells.iter().map(|(action, _)| action.as_str()).collect();
        known.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, known, "{folder}: the schema has been read whole");
        Some((loaded, cells))
    });
    services.collect()
}

/// What `action "a:b", "a:c" appliesTo { … resource: [Kind] }` says.
fn cells(schema: &str) -> Vec<Cell> {
    let code = schema.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code = code.collect::<Vec<_>>().join(" ");
    let mut cells = vec![];
    for declaration in code.split("action ").skip(1) {
        let (names, rest) = declaration.split_once("appliesTo").expect("what it applies to");
        let kind = rest.split_once("resource:").expect("a resource").1;
        let kind = kind.split(['[', ']']).nth(1).expect("one kind").trim().to_owned();
        let kind: &'static str = Box::leak(kind.into_boxed_str());
        cells.extend(names.split('"').skip(1).step_by(2).map(|name| (name.to_owned(), kind)));
    }
    cells
}

fn somebody(holdings: Holdings) -> Actor {
    let (id, session) = (Uuid::now_v7(), Uuid::now_v7());
    let principal = Principal::User { id, session, email: String::new(), customer: None };
    Actor::new(principal, holdings, vec![], None)
}

/// A thing of somebody's in a customer, neither public nor open.
fn thing(kind: &'static str, customer: Uuid) -> Resource {
    let thing = Resource::new(kind, Uuid::now_v7()).owner(Uuid::now_v7()).customer(customer);
    match kind {
        "Event" => thing.flag("published", false),
        "Grant" => thing.flag("draws_in", false),
        _ => thing,
    }
}

#[test]
fn c31_a_role_inside_one_customer_reaches_nothing_of_another() {
    let book = RoleBook::default();
    for role in BUILT_IN_ROLES {
        let permissions = role.permissions.iter().map(|text| text.parse().expect("readable"));
        book.set(role.name, permissions.collect());
    }
    let tenants = [Uuid::now_v7(), Uuid::now_v7()];
    let nobody = somebody(Holdings::default());
    let services = policies_of_services(Tree::of_repository());
    let (mut crossing, mut inside, mut count) = (vec![], 0, 0);
    for role in BUILT_IN_ROLES {
        for (own, foreign) in [(tenants[0], tenants[1]), (tenants[1], tenants[0])] {
            let grant = Grant { role: role.name.into(), customer: Some(own) };
            let actor = somebody(book.holdings(&[grant]));
            for (policies, cells) in &services {
                for (action, kind) in cells {
                    let may = |actor: &Actor, customer| {
                        policies.permits(actor, action, &thing(kind, customer))
                    };
                    count += 1;
                    inside += usize::from(may(&actor, own) && !may(&nobody, own));
                    // What everybody may, without any role, is no matter of customers.
                    if may(&actor, foreign) && !may(&nobody, foreign) {
                        crossing.push(format!("{} does {action} to a {kind}", role.name));
                    }
                }
            }
        }
    }
    assert!(crossing.is_empty(), "from one customer into another:\n  {}", crossing.join("\n  "));
    assert!(count > 500 && inside > 40, "{inside} of {count} cells permit something inside");
}

#[test]
fn every_action_of_a_schema_is_found() {
    let schema = "// action \"no:no\"\naction \"a:b\", \"a:c\"\n  appliesTo { principal: [User], resource: [Doc] };\n\
                  action \"d:e\" appliesTo { principal: [User], resource: [Tag] };";
    let found = cells(schema);
    let expected = [("a:b", "Doc"), ("a:c", "Doc"), ("d:e", "Tag")];
    assert_eq!(found, expected.map(|(action, kind)| (action.to_owned(), kind)));
}
