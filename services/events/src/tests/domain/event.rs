use contracts::ids::{CustomerId, UserId};
use iso_currency::Currency;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use stdx::Money;

use crate::domain::event::{
    Details, Event, EventChange, EventPlan, EventStatus, Period, parse_event_type, parse_price,
    parse_seats, parse_time_zone,
};
use crate::error::Error;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn hours(hours: i64) -> Timestamp {
    NOW + SignedDuration::from_hours(hours)
}

fn plan() -> EventPlan {
    EventPlan {
        name: "Moonlight Jazz".into(),
        description: String::new(),
        period: Period::new(hours(24), hours(28)).expect("a period"),
        time_zone: "UTC".into(),
        location: "Stockholm".into(),
        event_type: "concert".into(),
        seats: 100,
        price: Money::new(45000, Currency::SEK),
        crew_slots: 0,
        details: Details::stored("{}".into()),
    }
}

fn draft() -> Event {
    Event::new(CustomerId::new(), Some(UserId::new()), plan(), NOW).expect("an event")
}

fn to(status: EventStatus) -> EventChange {
    EventChange { status: Some(status), ..Default::default() }
}

#[test]
fn the_state_of_an_event_goes_one_way() {
    use EventStatus::{Cancelled, Completed, Draft, Published};
    let allowed =
        [(Draft, Published), (Draft, Cancelled), (Published, Cancelled), (Published, Completed)];
    for from in EventStatus::ALL {
        for next in EventStatus::ALL {
            let event = Event { status: from, ..draft() };
            let changed = event.changed(to(next), NOW);
            let is_allowed = from == next || allowed.contains(&(from, next));
            assert_eq!(changed.is_ok(), is_allowed, "{from:?} to {next:?}");
        }
    }
}

#[test]
fn an_event_that_is_over_cannot_be_published_but_can_be_completed() {
    let over = hours(28);
    assert!(matches!(draft().changed(to(EventStatus::Published), over), Err(Error::EventOver)));
    let published = draft().changed(to(EventStatus::Published), NOW).expect("published");
    assert!(published.changed(to(EventStatus::Completed), over).is_ok());
}

#[test]
fn what_was_public_stays_so_and_what_never_was_does_not_become_so() {
    let published = draft().changed(to(EventStatus::Published), NOW).expect("published");
    assert!(published.changed(to(EventStatus::Cancelled), NOW).expect("cancelled").is_public);
    assert!(!draft().changed(to(EventStatus::Cancelled), NOW).expect("cancelled").is_public);
}

#[test]
fn a_change_counts_the_version_and_leaves_what_it_does_not_name() {
    let event = draft();
    let change = EventChange { name: Some("Moonlight Blues".into()), ..Default::default() };
    let changed = event.clone().changed(change, hours(1)).expect("changed");
    assert_eq!((changed.version, changed.updated_at), (2, hours(1)));
    assert_eq!(EventPlan { name: event.plan.name.clone(), ..changed.plan }, event.plan);
}

#[test]
fn the_price_stays_once_a_ticket_is_sold_even_if_it_was_given_back() {
    let sold = Event { tickets_issued: 1, ..draft() };
    let price = |price| EventChange { price: Some(price), ..Default::default() };
    let dearer = price(Money::new(1, Currency::EUR));
    assert!(matches!(sold.clone().changed(dearer, NOW), Err(Error::EventHasOrders)));
    assert!(sold.changed(price(plan().price), NOW).is_ok());
}

#[test]
fn a_period_has_an_end_after_its_start_within_a_year() {
    assert!(Period::new(NOW, hours(366 * 24)).is_ok());
    assert!(Period::new(NOW, hours(366 * 24 + 1)).is_err());
    assert!(Period::new(NOW, NOW).is_err());
    assert!(Period::new(hours(1), NOW).is_err());
    assert!(Period::new(Timestamp::MIN, Timestamp::MAX).is_err());
    let instant = NOW + SignedDuration::from_nanos(1);
    assert!(Period::new(NOW, instant).is_err(), "stored in milliseconds they would be the same");
}

#[test]
fn a_time_zone_is_one_of_the_iana_names() {
    assert_eq!(parse_time_zone("europe/stockholm").as_deref(), Ok("Europe/Stockholm"));
    assert_eq!(parse_time_zone("UTC").as_deref(), Ok("UTC"));
    let long = "a".repeat(1000);
    for bad in ["", "Mars/Olympus", "Etc/Unknown", "+02:00", "../../etc/passwd", "a\0b", &long] {
        assert!(parse_time_zone(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_type_is_lower_case_words_joined_by_hyphens() {
    for good in ["concert", "club-night", "föreläsning", "5k-run"] {
        assert!(parse_event_type(good).is_ok(), "{good}");
    }
    for bad in ["", "Concert", "club night", "-", "a--b", "a\0", &"a".repeat(51)] {
        assert!(parse_event_type(bad).is_err(), "{bad}");
    }
}

#[test]
fn numbers_have_limits() {
    assert!(parse_seats(0).is_ok() && parse_seats(10_000_000).is_ok());
    for bad in [-1, 10_000_001, i64::MIN, i64::MAX] {
        assert!(parse_seats(bad).is_err(), "{bad}");
        let price =
            Money::new(if bad == 10_000_001 { 1_000_000_000_001 } else { bad }, Currency::SEK);
        assert!(parse_price(price).is_err(), "{bad}");
    }
    let price = Money::new(1_000_000_000_000, Currency::SEK);
    let beyond_counting = EventPlan { seats: 10_000_000, price, ..plan() };
    assert!(Event::new(CustomerId::new(), None, beyond_counting, NOW).is_err());
}

#[test]
fn details_are_small_and_free_of_nul() {
    assert!(Details::parse(format!("{{\"a\":\"{}\"}}", "x".repeat(16 * 1024 - 8))).is_ok());
    assert!(Details::parse(format!("{{\"a\":\"{}\"}}", "x".repeat(16 * 1024))).is_err());
    assert!(Details::parse(r#"{"a":"\u0000"}"#.into()).is_err());
}

proptest! {
    #[test]
    fn seats_never_go_below_what_is_sold(seats in 0i64..1000, sold in 0i64..1000, wanted in 0i64..1000) {
        let sold = sold.min(seats);
        let plan = EventPlan { seats, ..plan() };
        let event = Event { plan, seats_left: seats - sold, tickets_issued: sold, ..draft() };
        let change = EventChange { seats: Some(wanted), ..Default::default() };
        match event.changed(change, NOW) {
            Ok(changed) => {
                prop_assert!(wanted >= sold);
                prop_assert_eq!(changed.seats_left, wanted - sold);
            }
            Err(error) => {
                prop_assert!(wanted < sold);
                let is_below = matches!(error, Error::SeatsBelowSold { sold: told } if told == sold);
                prop_assert!(is_below);
            }
        }
    }
}
