//! What holds with a broker and without.

use std::sync::Arc;

use testkit::TestBroker;

use crate::{Heard, Memory, message, numbered, numbers, publish};

testkit::on_every_engine!(
    everybody_gets_what_matches_in_order,
    an_inbox_that_fails_gets_the_message_again_and_in_order,
    listeners_hear_what_matches,
    a_stopped_engine_still_publishes,
);

mod with_a_broker {
    use super::*;

    testkit::on_every_broker!(
        a_broker_that_is_away_takes_nothing_and_everything_when_it_is_back,
        the_broker_tells_what_it_keeps,
    );

    async fn a_broker_that_is_away_takes_nothing_and_everything_when_it_is_back(
        broker: &TestBroker,
    ) {
        let engine = broker.connect().await;
        let inbox = Arc::new(Memory::default());
        broker.subscribe(&*engine, "a.all", "#", inbox.clone()).await;
        let messages = numbered(0..20);
        publish(&*engine, &messages[..10]).await;
        broker.cut();
        let away = || async { engine.ready().is_err().then_some(()) };
        testkit::eventually("the engine to see that the broker is away", away).await;
        engine.publish(&messages[10..]).await.expect_err("nobody has taken them");
        broker.restore();
        publish(&*engine, &messages[10..]).await;
        engine.ready().expect("ready again");
        inbox.wait_for("a.all", &messages).await;
    }

    async fn the_broker_tells_what_it_keeps(broker: &TestBroker) {
        let engine = broker.connect().await;
        let messages = numbered(0..3);
        publish(&*engine, &messages).await;
        let kept = || async {
            // One fails when another test removes its stream meanwhile.
            let report = engine.report().await.ok()?;
            let ours = report.streams.into_iter().find(|stream| broker.is_stream(&stream.name));
            ours.filter(|stream| stream.messages == 3)
        };
        testkit::eventually("the broker to tell of three messages", kept).await;
    }
}

async fn everybody_gets_what_matches_in_order(broker: &TestBroker) {
    let engine = broker.connect().await;
    let inbox = Arc::new(Memory::default());
    for (consumer, pattern) in [
        ("a.exact", "user.created"),
        ("a.words", "*.created"),
        ("a.user", "user.*"),
        ("a.rest", "ticket.#"),
        ("a.all", "#"),
    ] {
        broker.subscribe(&*engine, consumer, pattern, inbox.clone()).await;
    }
    let kinds =
        ["user.created", "user.deleted", "ticket.created", "user.created", "ticket.seat.freed"];
    let messages: Vec<_> = (0..).zip(kinds).map(|(number, kind)| message(kind, number)).collect();
    let those =
        |wanted: &[usize]| wanted.iter().map(|at| messages[*at].clone()).collect::<Vec<_>>();
    publish(&*engine, &messages[..2]).await;
    publish(&*engine, &messages[2..]).await;
    inbox.wait_for("a.exact", &those(&[0, 3])).await;
    inbox.wait_for("a.words", &those(&[0, 2, 3])).await;
    inbox.wait_for("a.user", &those(&[0, 1, 3])).await;
    inbox.wait_for("a.rest", &those(&[2, 4])).await;
    inbox.wait_for("a.all", &messages).await;
    assert!(kinds.iter().all(|kind| engine.wants(kind)));
    engine.ready().expect("ready");
}

async fn an_inbox_that_fails_gets_the_message_again_and_in_order(broker: &TestBroker) {
    let engine = broker.connect().await;
    let inbox = Memory::failing_at([3, 3, 7]);
    broker.subscribe(&*engine, "a.once", "#", inbox.clone()).await;
    let messages = numbered(0..20);
    publish(&*engine, &messages[..10]).await;
    publish(&*engine, &messages[10..]).await;
    inbox.wait_for("a.once", &messages).await;
    assert!(inbox.failures.lock().is_empty(), "the inbox has failed as often as it was told");
}

async fn listeners_hear_what_matches(broker: &TestBroker) {
    let engine = broker.connect().await;
    let heard = Heard::from(&*engine, "session.*").await;
    let (first, second) = (message("session.ended", 1), message("session.ended", 2));
    publish(&*engine, &[message("user.created", 0), first.clone(), second.clone()]).await;
    heard.wait_for(&second).await;
    assert_eq!(numbers(&heard.0.lock()), [1, 2]);
}

async fn a_stopped_engine_still_publishes(broker: &TestBroker) {
    let engine = broker.connect().await;
    engine.stop().await;
    publish(&*engine, &numbered(0..2)).await;
}
