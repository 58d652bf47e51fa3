use contracts::messages::UserDeleted;
use serde_json::json;
use testkit::{Backend, eventually};

use super::{CUSTOMERS, festival, id_of, node_on, path_of};
use crate::domain::FOUNDED_MAX;
use crate::store;

/// The same walk through every query, on both databases.
async fn everything_is_stored_and_found_again(backend: Backend) {
    let node = node_on(backend).await;
    let (admin, member) = (node.caller(&[("admin", None)]), node.caller(&[("member", None)]));
    let customer = json!({
        "name": "Åland 100%", "orgNumber": "AB 55-66", "address": "Street 1\nOslo", "email": "a@b.example",
        "phone": "+46 (0)8-12", "customerType": "crewCompany",
    });
    let created = node.post(&member, CUSTOMERS, customer).await.expect(201);
    let path = path_of(&created);
    assert_eq!(node.get(&admin, &path).await.expect(200).body, created.body);
    node.post(&admin, CUSTOMERS, festival("ab5566")).await.expect_problem(409, "org_number_taken");
    let other = node.post(&admin, CUSTOMERS, festival("77")).await.expect(201);
    let taken = json!({ "orgNumber": "A-B-5566" });
    node.patch(&admin, &path_of(&other), taken).await.expect_problem(409, "org_number_taken");
    let change = json!({ "address": null, "email": "c@d.example", "isActive": false });
    let changed = node.patch(&admin, &path, change).await.expect(200);
    assert_eq!(node.get(&admin, &path).await.expect(200).body, changed.body);

    let filter = "q=%C3%A5LAND%20100%25&customerType=crewCompany&isActive=false";
    let found = node.get(&admin, &format!("{CUSTOMERS}?{filter}")).await.expect(200);
    assert_eq!(found.items(), std::slice::from_ref(&changed.body));
    let first = node.get(&admin, &format!("{CUSTOMERS}?limit=1")).await.expect(200);
    let second = format!("{CUSTOMERS}?limit=1&cursor={}", first.text("nextCursor"));
    assert_eq!(node.get(&admin, &second).await.expect(200).items(), [other.body]);
    let own = node.caller(&[("organiser-member", Some(id_of(&created)))]);
    assert_eq!(node.get(&own, CUSTOMERS).await.expect(200).items(), [changed.body]);
    assert!(node.get(&member, CUSTOMERS).await.expect(200).items().is_empty());

    node.deliver(&UserDeleted { user_id: member.user_id }).await;
    eventually("the creator to be erased", || async {
        let customer = store::find_customer(node.database().read(), id_of(&created)).await;
        customer.expect("the customer").created_by.is_none().then_some(())
    })
    .await;
    node.delete(&admin, &path).await.expect(204);
    node.get(&admin, &path).await.expect(404);
    let kinds = ["customer.created", "customer.created", "customer.updated", "customer.deleted"];
    assert_eq!(node.published_kinds().await, kinds);
    node.stop().await;
}

#[tokio::test]
async fn everything_is_stored_and_found_again_on_sqlite() {
    everything_is_stored_and_found_again(Backend::Sqlite).await;
}

#[tokio::test]
async fn everything_is_stored_and_found_again_on_postgres() {
    everything_is_stored_and_found_again(Backend::Postgres).await;
}

async fn one_of_two_at_once_gets_the_number(backend: Backend) {
    let node = node_on(backend).await;
    let admin = node.caller(&[("admin", None)]);
    for round in 10..20 {
        let (one, other) = (format!("AB-{round}"), format!("a b {round}"));
        let (one, other) = tokio::join!(
            node.post(&admin, CUSTOMERS, festival(&one)),
            node.post(&admin, CUSTOMERS, festival(&other)),
        );
        let (taken, created) = if one.status == 201 { (other, one) } else { (one, other) };
        created.expect(201);
        taken.expect_problem(409, "org_number_taken");
    }
    assert_eq!(node.published().await.len(), 10);
    node.stop().await;
}

#[tokio::test]
async fn one_of_two_at_once_gets_the_number_on_sqlite() {
    one_of_two_at_once_gets_the_number(Backend::Sqlite).await;
}

#[tokio::test]
async fn one_of_two_at_once_gets_the_number_on_postgres() {
    one_of_two_at_once_gets_the_number(Backend::Postgres).await;
}

async fn nobody_founds_too_many_by_doing_it_at_once(backend: Backend) {
    let node = node_on(backend).await;
    let member = node.caller(&[("member", None)]);
    let attempts = (0..FOUNDED_MAX + 5).map(|number| {
        let (node, member) = (&node, &member);
        async move {
            node.post(member, CUSTOMERS, festival(&format!("10{number}"))).await.status.as_u16()
        }
    });
    let mut statuses = futures::future::join_all(attempts).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![201; 10], vec![409; 5]].concat());
    node.stop().await;
}

#[tokio::test]
async fn nobody_founds_too_many_by_doing_it_at_once_on_sqlite() {
    nobody_founds_too_many_by_doing_it_at_once(Backend::Sqlite).await;
}

#[tokio::test]
async fn nobody_founds_too_many_by_doing_it_at_once_on_postgres() {
    nobody_founds_too_many_by_doing_it_at_once(Backend::Postgres).await;
}
