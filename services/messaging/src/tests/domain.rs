use std::collections::BTreeSet;

use contracts::SERVICES;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::{
    DeadLetter, HOURS_KEPT, Hours, LetterFilter, LetterPage, Part, Position, consumer, service,
};

fn letters(service: &'static str, count: u128) -> Vec<DeadLetter> {
    let letter = |number| DeadLetter {
        service,
        consumer: "a.consumer".into(),
        message_id: Uuid::from_u128(number),
        envelope: "{}".into(),
        error: "told so".into(),
        attempts: 12,
        received_at: Timestamp::UNIX_EPOCH,
        tried_at: Timestamp::UNIX_EPOCH,
    };
    (1..=count).map(letter).collect()
}

fn part(service: &'static str, count: u128, has_more: bool) -> Part {
    Part { service, letters: Some(letters(service, count)), has_more }
}

fn joined(parts: Vec<Part>) -> (Vec<(&'static str, u128)>, bool, Vec<&'static str>) {
    let page = LetterPage::join(parts, 3);
    let places = page.letters.iter().map(|found| (found.service, found.message_id.as_u128()));
    (places.collect(), page.has_more, page.unreachable)
}

#[test]
fn a_page_has_what_fits_in_the_order_of_the_services() {
    let page = joined(vec![part("roles", 1, false), part("users", 2, false)]);
    assert_eq!(page, (vec![("roles", 1), ("users", 1), ("users", 2)], false, vec![]));
    let page = joined(vec![part("roles", 2, false), part("users", 2, false)]);
    assert_eq!(page, (vec![("roles", 1), ("roles", 2), ("users", 1)], true, vec![]));
    assert_eq!(joined(vec![]), (vec![], false, vec![]));
}

#[test]
fn what_a_service_has_left_out_is_not_jumped_over() {
    let page = joined(vec![part("roles", 1, true), part("users", 2, false)]);
    assert_eq!(page, (vec![("roles", 1)], true, vec![]));
}

#[test]
fn a_service_that_is_away_is_named_and_hides_no_other() {
    let away = Part { service: "roles", letters: None, has_more: false };
    let also_away = Part { service: "events", ..away.clone() };
    let page = joined(vec![away, part("users", 4, false), also_away]);
    let places = vec![("users", 1), ("users", 2), ("users", 3)];
    assert_eq!(page, (places, true, vec!["roles", "events"]));
}

#[test]
fn a_list_goes_on_with_the_service_where_it_stopped() {
    let all = LetterFilter::default();
    assert_eq!(all.services(None), SERVICES);
    let after = letters("events", 1)[0].position();
    assert_eq!(all.services(Some(&after)), ["events", "audit", "messaging"]);
    let only = LetterFilter { service: Some("audit"), consumer: None };
    assert_eq!(only.services(Some(&after)), ["audit"]);
    let behind = Position { service: "messaging", ..after };
    assert!(only.services(Some(&behind)).is_empty());
}

#[test]
fn hours_are_counted_back_from_the_present_one() {
    let now: Timestamp = "2026-11-21T17:42:29Z".parse().expect("a time");
    let before = |hours| Hours::parse(hours).expect("allowed").before(now).to_string();
    assert_eq!(before(Some(1)), "2026-11-21T17:00:00Z");
    assert_eq!(before(None), "2026-11-20T18:00:00Z");
    for wrong in [0, -1, HOURS_KEPT + 1, i64::MAX] {
        assert!(Hours::parse(Some(wrong)).is_err());
    }
}

#[test]
fn services_are_known_and_consumers_have_names() {
    let known: BTreeSet<_> = SERVICES.iter().map(|name| service(name).expect("known")).collect();
    assert_eq!(known.len(), SERVICES.len());
    assert!(service("gateway").is_err() && service("").is_err());
    assert_eq!(consumer("audit.record").as_deref(), Ok("audit.record"));
    assert!(
        consumer("").is_err() && consumer("a\0").is_err() && consumer(&"x".repeat(201)).is_err()
    );
}
