use contracts::ids::{EventId, UserId};

use crate::domain::order::{Buyer, NewOrder, parse_buyer_email, parse_buyer_name, parse_wishes};

#[test]
fn an_order_has_1_to_20_tickets_and_each_event_once() {
    let [one, other] = [EventId::new(), EventId::new()];
    assert!(parse_wishes(&[(one, 20)]).is_ok());
    assert!(parse_wishes(&[(one, 10), (other, 10)]).is_ok());
    let many: Vec<_> = (0..21).map(|_| (EventId::new(), 1)).collect();
    assert!(parse_wishes(&many[..20]).is_ok());
    let bad: [&[(EventId, i64)]; 8] = [
        &[],
        &[(one, 21)],
        &[(one, 11), (other, 10)],
        &[(one, 0)],
        &[(one, -1), (other, 2)],
        &[(one, 1), (one, 1)],
        &[(one, i64::MAX), (other, i64::MAX)],
        &many,
    ];
    for lines in bad {
        assert!(parse_wishes(lines).is_err(), "{lines:?}");
    }
}

#[test]
fn a_buyer_has_a_name_and_perhaps_an_address() {
    assert!(parse_buyer_name("Åsa 🎷").is_ok());
    for bad in ["", " ", "a\0b", &"a".repeat(201)] {
        assert!(parse_buyer_name(bad).is_err(), "{bad}");
    }
    assert!(parse_buyer_email("asa@example.org").is_ok());
    for bad in ["", "asa", "@b", "a@", "a@b@c", "a b@c", "a@b\0", &format!("{}@b", "a".repeat(254))]
    {
        assert!(parse_buyer_email(bad).is_err(), "{bad}");
    }
}

#[test]
fn orders_that_differ_in_anything_differ_in_their_canonical_form() {
    let (buyer_id, event_id) = (UserId::new(), EventId::new());
    let order = |name: Option<&str>, email: Option<&str>, quantity| {
        let buyer = name.map(|name| Buyer { name: name.into(), email: email.map(Into::into) });
        let wishes = parse_wishes(&[(event_id, quantity)]).expect("wishes");
        NewOrder { buyer_id, buyer, wishes }.canonical()
    };
    let forms = [
        order(None, None, 1),
        order(None, None, 2),
        order(Some("a"), None, 1),
        order(Some("a"), Some("b"), 1),
        order(Some("a\" Some(\"b"), None, 1),
        NewOrder { buyer_id: UserId::new(), buyer: None, wishes: vec![] }.canonical(),
    ];
    for (place, form) in forms.iter().enumerate() {
        assert!(!forms[..place].contains(form), "{form}");
    }
    assert_eq!(order(Some("a"), None, 1), order(Some("a"), None, 1));
}
