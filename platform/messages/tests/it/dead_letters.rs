//! What programs outside gave up: kept by the embedded broker, and by nothing else.

use messages::{
    BrokerConsumer, BrokerName, Chosen, DeadLetterError, Deed, Engine, Message, Payload,
};
use testkit::TestBroker;

use crate::{Changed, message, numbered, publish};

testkit::on_engine!(
    embedded,
    Embedded,
    what_was_given_up_is_listed_replayed_and_dropped,
    a_list_has_as_many_as_there_are_a_page_at_a_time,
    long_messages_are_cut_and_make_short_pages,
    who_or_what_is_not_there_is_told_apart,
    a_broker_that_is_away_is_no_broker_without_dead_letters,
);

testkit::on_engine!(in_process, InProcess, nothing_else_keeps_dead_letters_of_programs);
testkit::on_engine!(mirrored_on_nats, Mirrored, nothing_else_keeps_dead_letters_of_programs);
testkit::on_engine!(nats, Nats, nothing_else_keeps_dead_letters_of_programs);
testkit::on_engine!(rabbitmq, RabbitMq, nothing_else_keeps_dead_letters_of_programs);

/// The numbers in the stream of what is listed, and whether there are more.
async fn listed(
    engine: &dyn Engine,
    consumer: &BrokerConsumer,
    after: u64,
    limit: usize,
) -> (Vec<u64>, bool) {
    let page = engine.dead_letters(consumer, after, limit).await.expect("a page");
    (page.letters.iter().map(|letter| letter.sequence).collect(), page.has_more)
}

async fn what_was_given_up_is_listed_replayed_and_dropped(broker: &TestBroker) {
    let engine = broker.connect().await;
    let messages = numbered(0..5);
    publish(&*engine, &messages).await;
    let wiki = broker.give_up("wiki", 5).await;
    assert_eq!(listed(&*engine, &wiki, 0, 2).await, (vec![1, 2], true));
    assert_eq!(listed(&*engine, &wiki, 2, 3).await, (vec![3, 4, 5], false));

    let page = engine.dead_letters(&wiki, 0, 1).await.expect("a page");
    let letter = &page.letters[0];
    assert!(letter.subject.ends_with(Changed::TYPE), "{}", letter.subject);
    assert_eq!((letter.deliveries, letter.is_cut), (1, false));
    assert!(!letter.reason.is_empty() && letter.given_up_at > messages[0].time);
    let shown = serde_json::from_str::<Message>(letter.message.as_deref().expect("a message"));
    assert_eq!(shown.expect("a CloudEvent"), messages[0]);

    let settle = async |deed, chosen| engine.settle_dead_letters(&wiki, deed, chosen).await;
    assert_eq!(settle(Deed::Replay, Chosen::Sequence(2)).await.expect("replayed"), 1);
    assert_eq!(settle(Deed::Drop, Chosen::Sequence(4)).await.expect("dropped"), 1);
    assert_eq!(listed(&*engine, &wiki, 0, 9).await, (vec![1, 3, 5], false));
    for gone in [0, 2, 4, 6] {
        let refused = settle(Deed::Drop, Chosen::Sequence(gone)).await;
        assert!(matches!(refused, Err(DeadLetterError::NoDeadLetter)), "{gone}: {refused:?}");
    }
    assert_eq!(settle(Deed::Drop, Chosen::All).await.expect("dropped"), 3);
    assert_eq!(settle(Deed::Replay, Chosen::All).await.expect("none is no fault"), 0);
    // What was replayed is delivered as if it were new.
    broker.give_up("wiki", 1).await;
    assert_eq!(listed(&*engine, &wiki, 0, 9).await, (vec![2], false));
}

async fn a_list_has_as_many_as_there_are_a_page_at_a_time(broker: &TestBroker) {
    let engine = broker.connect().await;
    // The broker itself lists 256 at a time.
    publish(&*engine, &numbered(0..300)).await;
    let wiki = broker.give_up("wiki", 300).await;
    let (mut all, mut has_more) = (vec![], true);
    while has_more {
        let after = all.last().copied().unwrap_or_default();
        let (page, goes_on) = listed(&*engine, &wiki, after, 130).await;
        // What is dropped meanwhile moves nothing.
        let first = Chosen::Sequence(page[0]);
        engine.settle_dead_letters(&wiki, Deed::Drop, first).await.expect("dropped");
        all.extend(page);
        has_more = goes_on;
    }
    assert_eq!(all, (1..=300).collect::<Vec<_>>());
}

async fn long_messages_are_cut_and_make_short_pages(broker: &TestBroker) {
    let engine = broker.connect().await;
    let long = |number| {
        let mut message = message(Changed::TYPE, number);
        message.data["subject"] = "x".repeat(100_000).into();
        message
    };
    publish(&*engine, &(0..20).map(long).collect::<Vec<_>>()).await;
    let wiki = broker.give_up("wiki", 20).await;
    let page = engine.dead_letters(&wiki, 0, 20).await.expect("a page");
    assert_eq!((page.letters.len(), page.has_more), (16, true));
    let is_beginning = |text: &str| text.len() == 64 * 1024 && text.starts_with("{\"specversion\"");
    let is_good = |letter: &messages::DeadLetter| {
        letter.is_cut && letter.message.as_deref().is_some_and(is_beginning)
    };
    assert!(page.letters.iter().all(is_good), "{:?}", page.letters[0].message);
    assert_eq!(listed(&*engine, &wiki, 16, 20).await, (vec![17, 18, 19, 20], false));
}

async fn who_or_what_is_not_there_is_told_apart(broker: &TestBroker) {
    let engine = broker.connect().await;
    publish(&*engine, &numbered(0..1)).await;
    let wiki = broker.give_up("wiki", 0).await;
    assert_eq!(listed(&*engine, &wiki, 0, 9).await, (vec![], false));
    let name = |name| BrokerName::parse(name).expect("a name");
    let nobody = BrokerConsumer { name: name("nobody"), ..wiki.clone() };
    let nowhere = BrokerConsumer { stream: name("nowhere"), ..wiki };
    for missing in [nobody, nowhere] {
        let refused = engine.dead_letters(&missing, 0, 9).await;
        assert!(matches!(refused, Err(DeadLetterError::NoConsumer)), "{refused:?}");
        let refused = engine.settle_dead_letters(&missing, Deed::Drop, Chosen::All).await;
        assert!(matches!(refused, Err(DeadLetterError::NoConsumer)), "{refused:?}");
    }
}

async fn a_broker_that_is_away_is_no_broker_without_dead_letters(broker: &TestBroker) {
    let engine = broker.connect().await;
    publish(&*engine, &numbered(0..2)).await;
    let wiki = broker.give_up("wiki", 2).await;
    broker.cut();
    let away = || async { engine.ready().is_err().then_some(()) };
    testkit::eventually("the engine to see that the broker is away", away).await;
    let refused = engine.settle_dead_letters(&wiki, Deed::Drop, Chosen::All).await;
    assert!(matches!(refused, Err(DeadLetterError::Broker(_))), "{refused:?}");
    let refused = engine.dead_letters(&wiki, 0, 9).await;
    assert!(matches!(refused, Err(DeadLetterError::Broker(_))), "{refused:?}");
    broker.restore();
    // Nor is it done later.
    let back = || async { engine.dead_letters(&wiki, 0, 9).await.ok() };
    let page = testkit::eventually("the broker to be back", back).await;
    assert_eq!(page.letters.len(), 2);
}

async fn nothing_else_keeps_dead_letters_of_programs(broker: &TestBroker) {
    let engine = broker.connect().await;
    publish(&*engine, &numbered(0..1)).await;
    let wiki = broker.give_up("wiki", 1).await;
    let refused = engine.dead_letters(&wiki, 0, 9).await;
    assert!(matches!(refused, Err(DeadLetterError::NotKept)), "{refused:?}");
    let refused = engine.settle_dead_letters(&wiki, Deed::Replay, Chosen::All).await;
    assert!(matches!(refused, Err(DeadLetterError::NotKept)), "{refused:?}");
}
