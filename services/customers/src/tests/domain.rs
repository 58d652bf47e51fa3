use contracts::ids::UserId;
use jiff::Timestamp;

use crate::domain::{
    Customer, CustomerChange, CustomerType, NewCustomer, OrgNumber, parse_address, parse_email,
    parse_name, parse_phone,
};

fn festival() -> NewCustomer {
    NewCustomer {
        name: "Northern Lights".into(),
        org_number: OrgNumber::parse("556677-8899").expect("a number"),
        address: None,
        email: None,
        phone: Some("+46 8 123".into()),
        customer_type: CustomerType::Organiser,
    }
}

#[test]
fn a_number_is_the_same_in_every_spelling_and_kept_as_typed() {
    let number = OrgNumber::parse(" NO 9877-65B ").expect("a number");
    assert_eq!((number.as_str(), number.key().as_str()), ("NO 9877-65B", "no987765b"));
    for same in ["no987765b", "NO-987765-b", "no\u{a0}98\u{2011}77 65B"] {
        assert_eq!(OrgNumber::parse(same).expect("a number").key(), number.key(), "{same}");
    }
}

#[test]
fn a_number_has_2_to_50_characters_that_can_be_seen() {
    let long = "1".repeat(51);
    for bad in ["", "1", "- -", "1 -", "12\u{0}3", "1\n2", &long] {
        assert!(OrgNumber::parse(bad).is_err(), "{bad}");
    }
    assert!(OrgNumber::parse(&long[1..]).is_ok());
}

#[test]
fn what_is_not_given_is_none_and_what_is_given_is_checked() {
    assert_eq!(
        (parse_address("  "), parse_email(""), parse_phone(" ")),
        (Ok(None), Ok(None), Ok(None))
    );
    assert_eq!(parse_address("Main Street 1\nOslo"), Ok(Some("Main Street 1\nOslo".into())));
    assert_eq!(parse_email(" Office@a.example "), Ok(Some("Office@a.example".into())));
    assert_eq!(parse_phone("+46 (0)8-12"), Ok(Some("+46 (0)8-12".into())));
    let long = format!("a@{}", "b".repeat(253));
    for bad in ["a", "a@", "@b", "a@b@c", "a b@c", "a\u{0}@b", &long] {
        assert!(parse_email(bad).is_err(), "{bad}");
    }
    for bad in ["call me", "1/2", "٣", "1\n2", &"1".repeat(51)] {
        assert!(parse_phone(bad).is_err(), "{bad}");
    }
    assert!(parse_address(&"a".repeat(501)).is_err());
    assert!(parse_name("").is_err() && parse_name(&"ö".repeat(201)).is_err());
    assert!(parse_name(&"ö".repeat(200)).is_ok());
}

#[test]
fn types_are_read_and_written_alike() {
    for customer_type in [CustomerType::Organiser, CustomerType::CrewCompany] {
        assert_eq!(CustomerType::parse(customer_type.as_str()), Ok(customer_type));
    }
    assert!(CustomerType::parse("venue").is_err());
}

#[test]
fn a_change_counts_the_version_and_leaves_what_it_does_not_name() {
    let customer = Customer::entered(festival(), None, Timestamp::UNIX_EPOCH);
    let change =
        CustomerChange { email: Some(Some("a@b".into())), phone: Some(None), ..Default::default() };
    let changed = customer.clone().changed(change, Timestamp::MAX);
    assert_eq!((changed.version, changed.updated_at), (2, Timestamp::MAX));
    assert_eq!((changed.email.as_deref(), changed.phone), (Some("a@b"), None));
    assert_eq!((changed.name, changed.org_number), (customer.name, customer.org_number));
}

#[test]
fn only_what_was_founded_has_a_founder() {
    let user_id = UserId::new();
    let entered = Customer::entered(festival(), Some(user_id), Timestamp::UNIX_EPOCH);
    assert_eq!((entered.created_by, entered.founder()), (Some(user_id), None));
    let founded = Customer::founded(festival(), user_id, Timestamp::UNIX_EPOCH);
    assert_eq!((founded.created_by, founded.founder()), (Some(user_id), Some(user_id)));
}
