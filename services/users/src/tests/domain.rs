use contracts::ids::{CustomerId, UserId};
use jiff::Timestamp;

use crate::domain::{
    Email, Grant, NewUser, Password, Profile, RoleName, User, UserType, parse_skills,
};

fn email(text: &str) -> Email {
    Email::parse(text).expect("an address")
}

fn ada() -> User {
    let new_user = NewUser {
        email: email("ada@example.org"),
        first_name: "Ada".into(),
        last_name: "Lovelace".into(),
        user_type: UserType::CustomerUser,
        customer_id: None,
    };
    User::new(UserId::new(), new_user, Timestamp::UNIX_EPOCH)
}

fn role(name: &str) -> RoleName {
    RoleName::parse(name).expect("a name")
}

#[test]
fn an_address_has_one_at_sign_and_no_capitals() {
    assert_eq!(email(" Ada@Example.ORG ").as_str(), "ada@example.org");
    let long = format!("{}@example.org", "a".repeat(243));
    // Its lower case is two characters, which makes the address too long.
    let longer_in_lower_case = format!("İ{}@example.org", "a".repeat(241));
    for bad in
        ["", "a", "@", "a@", "@b", "a@b@c", "a b@c", "a\0@c", "a\n@c", &long, &longer_in_lower_case]
    {
        assert!(Email::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn c25_a_password_is_long_enough_and_not_what_is_guessed_first() {
    let ada = email("ada.lovelace@example.org");
    assert!(Password::parse("correct horse battery", &ada).is_ok());
    assert!(Password::parse(&"å".repeat(128), &ada).is_ok());
    let long = "a".repeat(129);
    let bad = [
        "",
        "short",
        "123456789",
        "1234567890",
        "Password123",
        "ada.lovelace",
        "Ada.Lovelace@example.org",
    ];
    for bad in bad.into_iter().chain([long.as_str()]) {
        assert!(Password::parse(bad, &ada).is_err(), "{bad}");
    }
}

#[test]
fn the_common_passwords_are_some_that_would_otherwise_do() {
    let list = include_str!("../domain/common_passwords.txt");
    assert!(list.lines().count() > 300);
    assert!(list.lines().all(|line| line.chars().count() >= 10 && line == line.to_lowercase()));
    assert!(list.lines().is_sorted());
}

#[test]
fn nobody_passes_off_the_nil_uuid_as_a_customer() {
    let nil = CustomerId(Default::default());
    assert_eq!(Grant::new(role("admin"), Some(nil)), Grant::administrator());
}

#[test]
fn the_first_customer_somebody_holds_a_role_in_is_the_main_one() {
    let (first, second) = (CustomerId::new(), CustomerId::new());
    let user = ada()
        .with_role(Grant::new(role("member"), None), Timestamp::MAX)
        .with_role(Grant::new(role("organiser-admin"), Some(first)), Timestamp::MAX)
        .with_role(Grant::new(role("crew-admin"), Some(second)), Timestamp::MAX);
    assert_eq!((user.customer_id, user.version), (Some(first), 4));
    assert!(user.roles.is_sorted());
    assert!(user.belongs_to(second));
    assert!(!user.belongs_to(CustomerId::new()));
}

#[test]
fn skills_keep_their_order_and_are_listed_once() {
    let skills =
        |list: &[&str]| parse_skills(&list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
    assert_eq!(skills(&[" sound ", "light"]), Ok(vec!["sound".into(), "light".into()]));
    assert!(skills(&["sound", "sound "]).is_err());
    assert!(skills(&[""]).is_err());
    assert!(skills(&["a"; 51]).is_err());
}

#[test]
fn a_profile_has_its_limit() {
    assert!(Profile::parse(format!(r#"{{"a":"{}"}}"#, "x".repeat(16 * 1024 - 8))).is_ok());
    assert!(Profile::parse(format!(r#"{{"a":"{}"}}"#, "x".repeat(16 * 1024 - 7))).is_err());
}
