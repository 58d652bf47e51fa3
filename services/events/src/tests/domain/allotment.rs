use std::collections::HashMap;

use contracts::ids::{CustomerId, EventId, UserId};
use iso_currency::Currency;
use proptest::prelude::*;
use stdx::Money;
use uuid::Uuid;

use crate::domain::allotment::{Allotted, Refusal, Stock, allot};
use crate::domain::order::{NewOrder, Wish};

fn event(number: u128) -> EventId {
    EventId(Uuid::from_u128(number))
}

fn stock_of(seats_left: i64) -> Stock {
    let price = Money::new(100, Currency::SEK);
    Stock { customer_id: CustomerId(Uuid::nil()), price, seats_left, is_on_sale: true }
}

fn order(wishes: &[(u128, u32)]) -> NewOrder {
    let wish = |&(number, quantity): &(u128, u32)| Wish { event_id: event(number), quantity };
    let wishes = wishes.iter().map(wish).collect();
    NewOrder { buyer_id: UserId(Uuid::nil()), buyer: None, wishes }
}

fn decide(
    stock: impl IntoIterator<Item = (u128, Stock)>,
    orders: &[NewOrder],
) -> (HashMap<EventId, Stock>, Vec<Result<Allotted, Refusal>>) {
    let mut stock = stock.into_iter().map(|(number, stock)| (event(number), stock)).collect();
    let decided = allot(&mut stock, orders);
    (stock, decided)
}

#[test]
fn the_first_come_are_served_first_and_a_smaller_order_may_still_fit() {
    let orders = [order(&[(1, 3)]), order(&[(1, 4)]), order(&[(1, 2)]), order(&[(1, 1)])];
    let (stock, decided) = decide([(1, stock_of(5))], &orders);
    assert!(decided[0].is_ok());
    assert_eq!(decided[1], Err(Refusal::SoldOut(event(1))));
    assert!(decided[2].is_ok());
    assert_eq!(decided[3], Err(Refusal::SoldOut(event(1))));
    assert_eq!(stock[&event(1)].seats_left, 0);
}

#[test]
fn an_order_is_sold_whole_or_not_at_all() {
    let orders = [order(&[(1, 2), (2, 2)]), order(&[(1, 2)])];
    let (stock, decided) = decide([(1, stock_of(2)), (2, stock_of(1))], &orders);
    assert_eq!(decided[0], Err(Refusal::SoldOut(event(2))));
    assert!(decided[1].is_ok(), "what the refused order did not get is still there");
    assert_eq!((stock[&event(1)].seats_left, stock[&event(2)].seats_left), (0, 1));
}

#[test]
fn what_is_not_on_sale_is_not_sold() {
    let closed = Stock { is_on_sale: false, ..stock_of(9) };
    let orders = [order(&[(1, 1)]), order(&[(2, 1), (3, 1)])];
    let (_, decided) = decide([(1, closed), (2, stock_of(9))], &orders);
    assert_eq!(decided[0], Err(Refusal::NotOnSale(event(1))));
    assert_eq!(decided[1], Err(Refusal::NoSuchEvent { line: 1 }));
}

#[test]
fn one_order_is_paid_in_one_currency_and_can_be_counted() {
    let euros = Stock { price: Money::new(100, Currency::EUR), ..stock_of(9) };
    let dear = Stock { price: Money::new(i64::MAX, Currency::SEK), ..stock_of(9) };
    let orders = [order(&[(1, 1), (2, 1)]), order(&[(3, 2)]), order(&[(1, 1), (3, 1)])];
    let (stock, decided) = decide([(1, stock_of(9)), (2, euros), (3, dear)], &orders);
    assert_eq!(decided[0], Err(Refusal::Currencies));
    assert_eq!(decided[1], Err(Refusal::Total));
    assert_eq!(decided[2], Err(Refusal::Total));
    assert!(stock.values().all(|stock| stock.seats_left == 9));
}

#[test]
fn an_order_belongs_to_a_customer_only_if_all_its_events_do() {
    let other = Stock { customer_id: CustomerId(Uuid::from_u128(7)), ..stock_of(9) };
    let orders = [order(&[(1, 1)]), order(&[(1, 1), (2, 1)])];
    let (_, decided) = decide([(1, stock_of(9)), (2, other)], &orders);
    let customers = decided.iter().map(|decided| decided.as_ref().expect("sold").only_customer());
    assert_eq!(customers.collect::<Vec<_>>(), [Some(CustomerId(Uuid::nil())), None]);
}

fn any_orders() -> impl Strategy<Value = Vec<NewOrder>> {
    let wishes = proptest::collection::btree_map(0u128..4, 1u32..6, 1..4);
    let order = wishes.prop_map(|wishes| order(&wishes.into_iter().collect::<Vec<_>>()));
    proptest::collection::vec(order, 0..60)
}

proptest! {
    #[test]
    fn never_more_than_there_is_each_whole_in_the_order_of_arrival(
        seats in proptest::collection::vec(0i64..40, 4),
        orders in any_orders(),
    ) {
        let stock: HashMap<_, _> =
            seats.iter().zip(0..).map(|(seats, number)| (event(number), stock_of(*seats))).collect();
        let mut left = stock.clone();
        let decided = allot(&mut left, &orders);
        prop_assert_eq!(decided.len(), orders.len());

        // Told again, one order at a time, with nothing but a count of what is left.
        let mut model: HashMap<EventId, i64> =
            stock.iter().map(|(id, stock)| (*id, stock.seats_left)).collect();
        for (order, decided) in orders.iter().zip(&decided) {
            let fits = order.wishes.iter().all(|wish| model[&wish.event_id] >= i64::from(wish.quantity));
            prop_assert_eq!(fits, decided.is_ok());
            let Ok(allotted) = decided else { continue };
            let got: Vec<_> = allotted.lines.iter().map(|line| (line.event_id, line.quantity)).collect();
            let wanted: Vec<_> = order.wishes.iter().map(|wish| (wish.event_id, wish.quantity)).collect();
            prop_assert_eq!(got, wanted);
            prop_assert_eq!(allotted.total.amount_minor, i64::from(order.quantity()) * 100);
            for wish in &order.wishes {
                *model.get_mut(&wish.event_id).expect("known") -= i64::from(wish.quantity);
            }
        }
        for (id, seats) in model {
            prop_assert!(seats >= 0);
            prop_assert_eq!(left[&id].seats_left, seats);
        }
    }
}
