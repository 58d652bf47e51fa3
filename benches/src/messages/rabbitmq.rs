//! The load on RabbitMQ: a durable quorum queue, publisher confirms, a client of the field.

use std::time::{Duration, Instant};

use futures::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, Consumer};

use super::{Figures, IN_FLIGHT, PAYLOAD_BYTES, keep_in_flight};
use crate::report::{Outcome, histogram};
use crate::{Plan, Result};

/// Kept on disk.
const PERSISTENT: u8 = 2;

/// Everything that is measured of the broker at `url`, in a queue that is gone afterwards.
pub async fn measure(plan: &Plan, url: &str) -> Result<Figures> {
    let queue = format!("backline-bench-{}", uuid::Uuid::now_v7().simple());
    let connection = Connection::connect(url, Default::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    channel.queue_declare(queue.as_str().into(), durable, arguments).await?;
    let figures = measure_queue(plan, &connection, &channel, &queue).await;
    channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await?;
    figures
}

async fn measure_queue(
    plan: &Plan,
    connection: &Connection,
    channel: &Channel,
    queue: &str,
) -> Result<Figures> {
    let one_by_one = publish(plan, channel, queue, 1).await?;
    let pipelined = publish(plan, channel, queue, IN_FLIGHT).await?;
    channel.queue_purge(queue.into(), QueuePurgeOptions::default()).await?;
    let received = receive(plan, &connection.create_channel().await?, channel, queue).await?;
    channel.queue_purge(queue.into(), QueuePurgeOptions::default()).await?;
    let receiving = connection.create_channel().await?;
    let receipt = receive_one_by_one(plan, &receiving, channel, queue).await?;
    Ok(Figures { name: "RabbitMQ".into(), one_by_one, pipelined, received, receipt })
}

/// Sends one message; what is returned waits for its confirmation.
async fn send(
    channel: &Channel,
    queue: &str,
) -> Result<impl Future<Output = lapin::Result<Confirmation>> + use<>> {
    let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
    let options = BasicPublishOptions::default();
    let body = [b'x'; PAYLOAD_BYTES];
    Ok(channel.basic_publish("".into(), queue.into(), options, &body, properties).await?)
}

async fn publish_one(channel: &Channel, queue: &str) -> Result<Duration> {
    let begun = Instant::now();
    send(channel, queue).await?.await?;
    Ok(begun.elapsed())
}

async fn publish(plan: &Plan, channel: &Channel, queue: &str, in_flight: usize) -> Result<Outcome> {
    keep_in_flight(plan, in_flight, || publish_one(channel, queue)).await
}

async fn receive(
    plan: &Plan,
    receiving: &Channel,
    publishing: &Channel,
    queue: &str,
) -> Result<Outcome> {
    let (to, name, plan_of_publisher) = (publishing.clone(), queue.to_owned(), plan.clone());
    let publisher =
        tokio::spawn(async move { publish(&plan_of_publisher, &to, &name, IN_FLIGHT).await });
    let begin = Instant::now() + plan.warm_up;
    let end = begin + plan.measured;
    let mut messages = consume(receiving, queue, "all").await?;
    let (mut finished, mut received) = (0, histogram());
    while let Ok(Some(message)) = tokio::time::timeout_at(end.into(), messages.next()).await {
        message?.ack(BasicAckOptions::default()).await?;
        finished += 1;
        if Instant::now() >= begin {
            received.saturating_record(0);
        }
    }
    publisher.await??;
    stop(receiving, messages, "all").await?;
    Ok(Outcome::new(finished, received, plan.measured))
}

async fn receive_one_by_one(
    plan: &Plan,
    receiving: &Channel,
    publishing: &Channel,
    queue: &str,
) -> Result<Outcome> {
    let begin = Instant::now() + plan.warm_up;
    let end = begin + plan.measured;
    let mut messages = consume(receiving, queue, "one").await?;
    let (mut finished, mut latencies) = (0, histogram());
    while Instant::now() < end {
        let begun = Instant::now();
        let acknowledged = send(publishing, queue).await?;
        let message = messages.next().await.ok_or("the consumer ended")??;
        let latency = begun.elapsed();
        message.ack(BasicAckOptions::default()).await?;
        acknowledged.await?;
        finished += 1;
        if begun >= begin {
            latencies.saturating_record(latency.as_micros() as u64);
        }
    }
    stop(receiving, messages, "one").await?;
    Ok(Outcome::new(finished, latencies, plan.measured))
}

/// Before the consumer is dropped: otherwise the client cancels it in the background, and takes the answer for an error.
async fn stop(channel: &Channel, consumer: Consumer, tag: &str) -> Result<()> {
    channel.basic_cancel(tag.into(), BasicCancelOptions::default()).await?;
    drop(consumer);
    Ok(channel.close(200, "done".into()).await?)
}

async fn consume(channel: &Channel, queue: &str, tag: &str) -> Result<Consumer> {
    channel.basic_qos(IN_FLIGHT as u16, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    Ok(channel.basic_consume(queue.into(), tag.into(), options, FieldTable::default()).await?)
}
