//! Durable subscriptions: from the queue into the inbox, one message after another.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};

use super::link::{Link, answer};
use super::topology::Topology;
use super::{broker, history};
use crate::{Error, Message, Subscription};

const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(5);
/// The next message is sent when this one is stored, so that none overtakes another.
const IN_HAND_MAX: u16 = 1;

/// Receives for one subscription, whatever happens to the connection.
pub(super) async fn forever(link: Arc<Link>, topology: Arc<Topology>, subscription: Subscription) {
    let consumer = subscription.consumer.as_str();
    let mut failures = 0;
    loop {
        link.connected().await;
        let receiving = receive(&link, &topology, &subscription, &mut failures);
        if let Err(error) = link.while_connected(receiving).await {
            tracing::warn!(consumer, %error, failures, "receiving messages failed, trying again");
        }
        tokio::time::sleep(stdx::backoff::delay(failures, RETRY_FIRST, RETRY_LONGEST)).await;
        failures = failures.saturating_add(1);
    }
}

async fn receive(
    link: &Link,
    topology: &Topology,
    subscription: &Subscription,
    failures: &mut u32,
) -> Result<(), Error> {
    topology.declare_consumer(link, subscription).await?;
    if !topology.is_caught_up(link, &subscription.consumer).await? {
        history::catch_up(link, topology, subscription).await?;
    }
    let channel = link.channel().await?;
    let queue = topology.queue(&subscription.consumer);
    let mut deliveries = consume(&channel, &queue, IN_HAND_MAX, FieldTable::default()).await?;
    *failures = 0;
    while let Some(delivery) = deliveries.next().await {
        handle(&channel, subscription, &delivery.map_err(broker)?).await?;
    }
    Err(broker(format!("the broker ended what came from `{queue}`")))
}

async fn handle(
    channel: &Channel,
    subscription: &Subscription,
    delivery: &Delivery,
) -> Result<(), Error> {
    match serde_json::from_slice::<Message>(&delivery.data) {
        Ok(message) => {
            store_patiently(channel, subscription, &message).await?;
            acknowledge(delivery).await
        }
        // Waiting will not make it readable. Without going back to the queue it becomes a dead letter.
        Err(error) => {
            let key = delivery.routing_key.as_str();
            tracing::error!(consumer = subscription.consumer, key, %error, "not a message of ours, set aside");
            let rejected = delivery.reject(BasicRejectOptions { requeue: false });
            answer("setting a message aside", rejected).await.map(drop)
        }
    }
}

/// Stores a message if it takes for ever, so that nothing overtakes it; fails when another replica may have got it.
pub(super) async fn store_patiently(
    channel: &Channel,
    subscription: &Subscription,
    message: &Message,
) -> Result<(), Error> {
    let consumer = subscription.consumer.as_str();
    // A queue also holds what an earlier version of the consumer wanted.
    if !subscription.pattern.matches(&message.kind) {
        return Ok(());
    }
    let mut failures = 0;
    while let Err(error) = subscription.inbox.accept(consumer, message).await {
        tracing::warn!(consumer, %error, failures, "storing a message failed, trying again");
        if !channel.status().connected() {
            return Err(broker("the connection was lost with a message in hand"));
        }
        tokio::time::sleep(stdx::backoff::delay(failures, RETRY_FIRST, RETRY_LONGEST)).await;
        failures = failures.saturating_add(1);
    }
    Ok(())
}

pub(super) async fn acknowledge(delivery: &Delivery) -> Result<(), Error> {
    answer("acknowledging a message", delivery.ack(BasicAckOptions::default())).await.map(drop)
}

/// Begins to receive from a queue, with at most so many messages in hand.
pub(super) async fn consume(
    channel: &Channel,
    queue: &str,
    in_hand_max: u16,
    arguments: FieldTable,
) -> Result<Consumer, Error> {
    answer(queue, channel.basic_qos(in_hand_max, BasicQosOptions::default())).await?;
    let options = BasicConsumeOptions::default();
    answer(queue, channel.basic_consume(queue.into(), "".into(), options, arguments)).await
}
