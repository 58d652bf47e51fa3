//! What only NATS promises.

use std::sync::Arc;

use messages::Payload;
use testkit::TestBroker;

use crate::{Changed, Memory, message, numbered, publish};

testkit::on_engine!(nats, Nats, a_message_published_twice_arrives_once);
testkit::on_engine!(embedded, Embedded, a_message_published_twice_arrives_once);

async fn a_message_published_twice_arrives_once(broker: &TestBroker) {
    let engine = broker.connect().await;
    let inbox = Arc::new(Memory::default());
    broker.subscribe(&*engine, "a.once", "#", inbox.clone()).await;
    let messages = numbered(0..3);
    publish(&*engine, &messages[..2]).await;
    publish(&*engine, &messages).await;
    let last = message(Changed::TYPE, 3);
    publish(&*engine, std::slice::from_ref(&last)).await;
    let all = [messages, vec![last]].concat();
    inbox.wait_for("a.once", &all).await;
    assert_eq!(inbox.given("a.once"), all, "no repetition");
}
