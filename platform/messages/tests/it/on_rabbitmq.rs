//! What only the engine for RabbitMQ does.

use std::sync::Arc;

use testkit::{TestBroker, eventually};

use crate::{Memory, numbered, publish};

testkit::on_engine!(
    rabbitmq,
    RabbitMq,
    what_is_not_a_message_of_ours_waits_in_the_dead_letter_queue,
    a_consumer_whose_queue_was_deleted_begins_with_the_history,
);

async fn what_is_not_a_message_of_ours_waits_in_the_dead_letter_queue(broker: &TestBroker) {
    let engine = broker.connect().await;
    let inbox = Arc::new(Memory::default());
    broker.subscribe(&*engine, "a.strict", "thing.*", inbox.clone()).await;
    broker.publish_nonsense("thing.changed").await;
    let messages = numbered(0..1);
    publish(&*engine, &messages).await;
    inbox.wait_for("a.strict", &messages).await;
    let dead = || async {
        let streams = engine.report().await.expect("a report").streams;
        streams.into_iter().find(|stream| stream.name.ends_with(".a.strict.dead"))
    };
    assert_eq!(eventually("a dead letter", dead).await.messages, 1);
}

async fn a_consumer_whose_queue_was_deleted_begins_with_the_history(broker: &TestBroker) {
    let (before, after) = (broker.connect().await, broker.connect().await);
    let messages = numbered(0..10);
    let inboxes = [Arc::new(Memory::default()), Arc::new(Memory::default())];
    broker.subscribe(&*before, "a.durable", "#", inboxes[0].clone()).await;
    publish(&*before, &messages[..5]).await;
    inboxes[0].wait_for("a.durable", &messages[..5]).await;
    before.stop().await;
    broker.delete_queue("a.durable").await;
    publish(&*before, &messages[5..]).await;
    broker.subscribe(&*after, "a.durable", "#", inboxes[1].clone()).await;
    inboxes[1].wait_for("a.durable", &messages).await;
}
