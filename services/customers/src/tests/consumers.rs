use contracts::ids::CustomerId;
use contracts::messages::UserDeleted;
use testkit::{TestNode, eventually};

use super::{CUSTOMERS, festival, id_of, node};
use crate::domain::FOUNDED_MAX;
use crate::store;

async fn created_by(node: &TestNode, id: CustomerId) -> Option<contracts::ids::UserId> {
    store::find_customer(node.database().read(), id).await.expect("the customer").created_by
}

#[tokio::test]
async fn who_created_a_customer_is_erased_with_the_account_and_the_customer_stays() {
    let node = node().await;
    let (member, admin) = (node.caller(&[("member", None)]), node.caller(&[("admin", None)]));
    let mut ids = vec![];
    for number in 0..FOUNDED_MAX {
        let created =
            node.post(&member, CUSTOMERS, festival(&format!("10{number}"))).await.expect(201);
        ids.push(id_of(&created));
    }
    let others = node.post(&admin, CUSTOMERS, festival("55")).await.expect(201);
    assert_eq!(created_by(&node, ids[0]).await, Some(member.user_id));

    let message = node.deliver(&UserDeleted { user_id: member.user_id }).await;
    node.redeliver(&message).await;
    for id in ids {
        let erased = || async { created_by(&node, id).await.is_none().then_some(()) };
        eventually("the creator to be erased", erased).await;
        node.get(&admin, &format!("{CUSTOMERS}/{id}")).await.expect(200);
    }
    assert_eq!(created_by(&node, id_of(&others)).await, Some(admin.user_id));
    // Nothing remembers how many it were.
    node.post(&member, CUSTOMERS, festival("66")).await.expect(201);
}
