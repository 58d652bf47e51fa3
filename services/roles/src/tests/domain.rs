use jiff::Timestamp;

use crate::domain::{NewRole, Role, RoleChange, RoleName, parse_permissions};
use crate::error::Error;

fn merch_seller() -> Role {
    let name = RoleName::parse("merch-seller").expect("a name");
    let permissions = parse_permissions(&["events:read".into()]).expect("permissions");
    Role::new(NewRole { name, description: String::new(), permissions }, Timestamp::UNIX_EPOCH)
}

#[test]
fn a_name_is_lower_case_words_joined_by_hyphens() {
    for good in ["admin", "crew-member", "stage-2"] {
        assert!(RoleName::parse(good).is_ok(), "{good}");
    }
    let long = "a".repeat(51);
    for bad in ["", "Admin", "a b", "-a", "a-", "a--b", "rôle", &long] {
        assert!(RoleName::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_role_lists_only_permissions_that_exist() {
    for bad in ["events:fly", "*:*", "events"] {
        assert!(parse_permissions(&[bad.into()]).is_err(), "{bad}");
    }
    assert!(parse_permissions(&[]).is_err());
}

#[test]
fn a_change_counts_the_version_and_leaves_what_it_does_not_name() {
    let change = RoleChange { description: Some("Sells shirts".into()), permissions: None };
    let changed = merch_seller().changed(change, Timestamp::MAX).expect("changed");
    assert_eq!((changed.version, changed.description.as_str()), (2, "Sells shirts"));
    assert_eq!(changed.permissions, merch_seller().permissions);
}

#[test]
fn a_built_in_role_neither_changes_nor_goes() {
    let built_in = Role { built_in: true, ..merch_seller() };
    assert!(matches!(built_in.check_deletable(), Err(Error::BuiltIn(_))));
    assert!(matches!(
        built_in.changed(RoleChange::default(), Timestamp::MAX),
        Err(Error::BuiltIn(_))
    ));
}
