//! The stream that keeps everything for a while, and those who read it: consumers that are new, and listeners.
//!
//! A new consumer's queue gets messages before this reads the history, so that nothing is between the two, and is
//! received from after it, so that the order is kept. It has read enough when it comes to a note of its own, which it
//! sent to the stream when the queue was there. When it is killed before it has marked itself as caught up, it reads
//! again, and when two replicas read at once, both store the same: the inbox knows a message by its id.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use lapin::message::Delivery;
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Consumer};
use uuid::Uuid;

use super::link::{Link, within};
use super::receive::{acknowledge, consume, store_patiently};
use super::topology::Topology;
use super::{PUBLISH_TIMEOUT, broker, confirming, expect_taken};
use crate::{Error, Listener, Message, Pattern, Subscription};

/// From where a new consumer reads.
const FROM_THE_BEGINNING: &str = "first";
/// From where a listener reads, by the broker's clock. Longer than an access token lives, so that one who begins to
/// listen hears of every revocation that still matters.
const FROM_A_LITTLE_BEFORE: &str = "20m";
const IN_HAND_MAX: u16 = 200;
/// A message that was on its way when the queue was bound is in the stream by then.
const SETTLING: Duration = Duration::from_millis(250);
/// The history does not end before the reader's note; a broker that sends nothing for so long is asked again.
const SILENCE_MAX: Duration = Duration::from_secs(30);
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// Stores everything a new consumer wants of what there was before its queue, and marks it as caught up.
pub(super) async fn catch_up(
    link: &Link,
    topology: &Topology,
    subscription: &Subscription,
) -> Result<(), Error> {
    tokio::time::sleep(SETTLING).await;
    let channel = confirming(link).await?;
    let note = Uuid::now_v7().to_string();
    send_note(&channel, &topology.history(), &note).await?;
    let mut deliveries = read(&channel, topology, FROM_THE_BEGINNING).await?;
    loop {
        let delivery = within(SILENCE_MAX, "reading the history", next(&mut deliveries)).await?;
        if delivery.properties.message_id().as_ref().is_some_and(|id| id.as_str() == note) {
            break;
        }
        if let Some(message) = message_in(&delivery, topology) {
            store_patiently(&channel, subscription, &message).await?;
        }
        acknowledge(&delivery).await?;
    }
    topology.mark_caught_up(&channel, &subscription.consumer).await?;
    tracing::info!(consumer = subscription.consumer, "a new consumer has read the history");
    Ok(())
}

/// Tells a listener what matches, whatever happens to the connection; each time from a little before.
pub(super) async fn listen_forever(
    link: Arc<Link>,
    topology: Arc<Topology>,
    pattern: Pattern,
    listener: Listener,
) {
    loop {
        link.connected().await;
        let listening = listen(&link, &topology, &pattern, &listener);
        if let Err(error) = link.while_connected(listening).await {
            tracing::warn!(pattern = pattern.as_str(), %error, "listening to messages failed, trying again");
        }
        tokio::time::sleep(RETRY_DELAY).await;
    }
}

async fn listen(
    link: &Link,
    topology: &Topology,
    pattern: &Pattern,
    listener: &Listener,
) -> Result<(), Error> {
    topology.declare(link).await?;
    let channel = link.channel().await?;
    let mut deliveries = read(&channel, topology, FROM_A_LITTLE_BEFORE).await?;
    loop {
        let delivery = next(&mut deliveries).await?;
        let message = message_in(&delivery, topology);
        if let Some(message) = message.filter(|message| pattern.matches(&message.kind)) {
            listener(&message);
        }
        acknowledge(&delivery).await?;
    }
}

async fn read(channel: &Channel, topology: &Topology, from: &str) -> Result<Consumer, Error> {
    let mut arguments = FieldTable::default();
    arguments.insert("x-stream-offset".into(), AMQPValue::LongString(from.into()));
    consume(channel, &topology.history(), IN_HAND_MAX, arguments).await
}

async fn next(deliveries: &mut Consumer) -> Result<Delivery, Error> {
    let ended = || Err(broker("the broker ended the history"));
    deliveries.next().await.map_or_else(ended, |delivery| delivery.map_err(broker))
}

/// Straight to the stream, not through the exchange, so that no queue gets it.
async fn send_note(channel: &Channel, history: &str, note: &str) -> Result<(), Error> {
    let properties = BasicProperties::default().with_message_id(note.into());
    let sent = channel.basic_publish(
        "".into(),
        history.into(),
        BasicPublishOptions::default(),
        b"",
        properties,
    );
    let confirmation = within(PUBLISH_TIMEOUT, "a note in the history", async {
        sent.await.map_err(broker)?.await.map_err(broker)
    });
    expect_taken(&confirmation.await?)
}

/// The message of a delivery; none in a reader's note, or in what strangers have published.
fn message_in(delivery: &Delivery, topology: &Topology) -> Option<Message> {
    let is_message = delivery.exchange == topology.exchange();
    serde_json::from_slice(&delivery.data).ok().filter(|_| is_message)
}
