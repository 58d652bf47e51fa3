//! What a broker promises to several processes.

use std::sync::Arc;

use testkit::TestBroker;

use crate::{Heard, Memory, message, numbered, publish};

testkit::between_processes!(
    a_new_consumer_starts_from_the_beginning,
    a_new_consumer_that_is_killed_on_the_way_misses_nothing,
    replicas_that_are_new_at_once_share_the_beginning,
    a_consumer_goes_on_where_it_stopped,
    a_process_that_stopped_receives_no_more,
    replicas_share_a_consumer_and_keep_its_order,
    another_replica_goes_on_when_one_is_cut_off,
    a_listener_hears_also_what_was_said_a_moment_before,
    what_is_not_a_message_of_ours_is_passed_over,
    what_is_cut_off_goes_on_and_nothing_is_lost,
    the_broker_tells_how_far_a_consumer_is,
);

async fn a_new_consumer_starts_from_the_beginning(broker: &TestBroker) {
    let engine = broker.connect().await;
    let messages = numbered(0..500);
    publish(&*engine, &messages[..450]).await;
    let inbox = Memory::failing_at([0, 200, 449]);
    broker.subscribe(&*engine, "a.new", "thing.*", inbox.clone()).await;
    publish(&*engine, &messages[450..]).await;
    inbox.wait_for("a.new", &messages).await;
}

async fn a_new_consumer_that_is_killed_on_the_way_misses_nothing(broker: &TestBroker) {
    let messages = numbered(0..300);
    let publisher = broker.connect().await;
    publish(&*publisher, &messages).await;
    // It comes to the middle and no further.
    let inbox = Memory::failing_at([150; 10_000]);
    let killed = broker.connect().await;
    broker.subscribe(&*killed, "a.new", "#", inbox.clone()).await;
    inbox.wait_for("a.new", &messages[..150]).await;
    drop(killed);
    inbox.failures.lock().clear();
    let next = broker.connect().await;
    broker.subscribe(&*next, "a.new", "#", inbox.clone()).await;
    inbox.wait_for("a.new", &messages).await;
}

async fn replicas_that_are_new_at_once_share_the_beginning(broker: &TestBroker) {
    let replicas = [broker.connect().await, broker.connect().await];
    let messages = numbered(0..300);
    publish(&*replicas[0], &messages[..250]).await;
    let inbox = Memory::failing_at([100, 249]);
    tokio::join!(
        broker.subscribe(&*replicas[0], "a.new", "#", inbox.clone()),
        broker.subscribe(&*replicas[1], "a.new", "#", inbox.clone()),
    );
    publish(&*replicas[1], &messages[250..]).await;
    inbox.wait_for("a.new", &messages).await;
}

async fn a_consumer_goes_on_where_it_stopped(broker: &TestBroker) {
    let messages = numbered(0..6);
    let inbox = Arc::new(Memory::default());
    let before = broker.connect().await;
    broker.subscribe(&*before, "a.durable", "#", inbox.clone()).await;
    publish(&*before, &messages[..3]).await;
    inbox.wait_for("a.durable", &messages[..3]).await;
    before.stop().await;
    publish(&*before, &messages[3..]).await;
    let after = broker.connect().await;
    broker.subscribe(&*after, "a.durable", "#", inbox.clone()).await;
    inbox.wait_for("a.durable", &messages).await;
}

async fn a_process_that_stopped_receives_no_more(broker: &TestBroker) {
    let engines = [broker.connect().await, broker.connect().await];
    let inboxes = [Arc::new(Memory::default()), Arc::new(Memory::default())];
    for (engine, inbox) in engines.iter().zip(&inboxes) {
        broker.subscribe(&**engine, "a.shared", "#", inbox.clone()).await;
    }
    engines[0].stop().await;
    let before = inboxes[0].given("a.shared");
    let messages = numbered(0..5);
    publish(&*engines[0], &messages).await;
    inboxes[1].wait_for("a.shared", &messages).await;
    assert_eq!(inboxes[0].given("a.shared"), before);
}

async fn replicas_share_a_consumer_and_keep_its_order(broker: &TestBroker) {
    let inbox = Memory::failing_at([20, 50]);
    let replicas = [broker.connect().await, broker.connect().await];
    for replica in &replicas {
        broker.subscribe(&**replica, "a.shared", "#", inbox.clone()).await;
    }
    let messages = numbered(0..100);
    for chunk in messages.chunks(10) {
        publish(&*replicas[0], chunk).await;
    }
    inbox.wait_for("a.shared", &messages).await;
}

async fn another_replica_goes_on_when_one_is_cut_off(broker: &TestBroker) {
    let inbox = Arc::new(Memory::default());
    let replicas = [broker.connect().await, broker.connect().await];
    for replica in &replicas {
        broker.subscribe(&**replica, "a.shared", "#", inbox.clone()).await;
    }
    let messages = numbered(0..60);
    publish(&*replicas[1], &messages[..30]).await;
    inbox.wait_for("a.shared", &messages[..30]).await;
    let [first, second] = replicas;
    // Without leave: nobody stops it, it is gone.
    drop(first);
    publish(&*second, &messages[30..]).await;
    inbox.wait_for("a.shared", &messages).await;
}

async fn a_listener_hears_also_what_was_said_a_moment_before(broker: &TestBroker) {
    let engine = broker.connect().await;
    let (before, after) = (message("session.ended", 1), message("session.ended", 2));
    publish(&*engine, std::slice::from_ref(&before)).await;
    let heard = Heard::from(&*engine, "session.*").await;
    heard.wait_for(&before).await;
    publish(&*engine, std::slice::from_ref(&after)).await;
    heard.wait_for(&after).await;
}

async fn what_is_not_a_message_of_ours_is_passed_over(broker: &TestBroker) {
    let engine = broker.connect().await;
    let (inbox, late) = (Arc::new(Memory::default()), Arc::new(Memory::default()));
    broker.subscribe(&*engine, "a.strict", "#", inbox.clone()).await;
    let heard = Heard::from(&*engine, "#").await;
    let messages = numbered(0..2);
    publish(&*engine, &messages[..1]).await;
    broker.publish_nonsense("thing.changed").await;
    publish(&*engine, &messages[1..]).await;
    inbox.wait_for("a.strict", &messages).await;
    heard.wait_for(&messages[1]).await;
    // Also not in the history.
    broker.subscribe(&*engine, "a.late", "#", late.clone()).await;
    late.wait_for("a.late", &messages).await;
}

async fn what_is_cut_off_goes_on_and_nothing_is_lost(broker: &TestBroker) {
    let engine = broker.connect().await;
    let inbox = Arc::new(Memory::default());
    broker.subscribe(&*engine, "a.all", "#", inbox.clone()).await;
    let heard = Heard::from(&*engine, "#").await;
    let messages = numbered(0..200);
    for (round, chunk) in messages.chunks(100).enumerate() {
        tokio::join!(publish(&*engine, chunk), async {
            // In the middle of publishing and receiving.
            inbox.wait_for_count("a.all", 100 * round + 1).await;
            broker.cut();
            broker.restore();
        });
        inbox.wait_for("a.all", &messages[..100 * (round + 1)]).await;
        heard.wait_for(&chunk[99]).await;
    }
}

async fn the_broker_tells_how_far_a_consumer_is(broker: &TestBroker) {
    let engine = broker.connect().await;
    let inbox = Arc::new(Memory::default());
    broker.subscribe(&*engine, "a.slow", "#", inbox.clone()).await;
    let waiting = |expected: u64| {
        let engine = &engine;
        testkit::eventually("the broker to tell what waits", move || async move {
            // One fails when another test removes its stream meanwhile.
            let mut consumers = engine.report().await.ok()?.consumers;
            consumers.retain(|consumer| broker.is_stream(&consumer.stream));
            let [consumer] = consumers.as_slice() else { panic!("{consumers:?}") };
            (consumer.waiting == expected && consumer.unacknowledged == 0).then_some(())
        })
    };
    publish(&*engine, &numbered(0..3)).await;
    waiting(0).await;
    engine.stop().await;
    publish(&*engine, &numbered(3..7)).await;
    waiting(4).await;
}
