use crate::domain::{ActionPrefix, ActorFilter, Details, cell, word};

#[test]
fn a_cell_is_never_a_formula() {
    for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"] {
        assert_eq!(cell(formula), format!("'{formula}"));
    }
    for text in ["", "users:disable", "a=1", "{\"a\":\"=1\"}", "2026-11-21T10:00:00Z"] {
        assert_eq!(cell(text), text);
    }
}

#[test]
fn the_beginning_of_an_action_holds_nothing_that_means_something_in_a_pattern() {
    for good in ["users:", "users:disable", "oauth-clients:rotate-secret", "u"] {
        assert!(ActionPrefix::parse(good).is_ok(), "{good}");
    }
    for bad in ["", "%", "users_", "Users:", "users:*", &"a".repeat(101)] {
        assert!(ActionPrefix::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn who_is_looked_for_by_id_or_by_address() {
    assert_eq!(
        ActorFilter::parse(" Ada@Example.org "),
        Ok(ActorFilter::Label("ada@example.org".into()))
    );
    assert_eq!(ActorFilter::parse("users"), Ok(ActorFilter::Id("users".into())));
    assert!(ActorFilter::parse(" ").is_err() && word("a\0b").is_err());
    assert!(word(&"ä".repeat(200)).is_ok() && word(&"ä".repeat(201)).is_err());
}

#[test]
fn details_have_a_bounded_size() {
    let whole = r#"{"a":1}"#;
    assert_eq!(Details::new(whole.into()).as_str(), whole);
    assert!(Details::new("x".repeat(10_000)).as_str().len() < 100);
}
