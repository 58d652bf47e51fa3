//! The load on whoever speaks the protocol of NATS, with its official client.

use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::jetstream::{self, Context, stream};
use bytes::Bytes;
use futures::StreamExt;

use super::{Figures, IN_FLIGHT, PAYLOAD_BYTES, keep_in_flight};
use crate::report::{Outcome, histogram};
use crate::{Plan, Result};

const STREAM: &str = "BENCH";
const SUBJECT: &str = "bench.message";
/// Asked for at a time.
const BATCH: usize = 500;

/// Everything that is measured of a broker at `address`.
pub async fn measure(plan: &Plan, name: &str, address: &str) -> Result<Figures> {
    let context = jetstream::new(async_nats::connect(address).await?);
    let config = stream::Config {
        name: STREAM.into(),
        subjects: vec!["bench.>".into()],
        storage: stream::StorageType::File,
        ..Default::default()
    };
    let stream = context.create_stream(config).await?;
    let one_by_one = publish(plan, &context, 1).await?;
    let pipelined = publish(plan, &context, IN_FLIGHT).await?;
    stream.purge().await?;
    let received = receive(plan, &context, &consumer(&stream, "all").await?).await?;
    stream.purge().await?;
    let receipt = receive_one_by_one(plan, &context, &consumer(&stream, "one").await?).await?;
    context.delete_stream(STREAM).await?;
    Ok(Figures { name: name.to_owned(), one_by_one, pipelined, received, receipt })
}

async fn consumer(stream: &stream::Stream, name: &str) -> Result<Consumer<pull::Config>> {
    let config = pull::Config {
        durable_name: Some(name.to_owned()),
        deliver_policy: DeliverPolicy::New,
        ack_policy: AckPolicy::Explicit,
        max_ack_pending: 20_000,
        ..Default::default()
    };
    Ok(stream.create_consumer(config).await?)
}

fn payload() -> Bytes {
    Bytes::from(vec![b'x'; PAYLOAD_BYTES])
}

/// Publishes one message and waits until it is acknowledged; how long that took.
async fn publish_one(context: &Context, payload: Bytes) -> Result<Duration> {
    let begun = Instant::now();
    context.publish(SUBJECT, payload).await?.await?;
    Ok(begun.elapsed())
}

async fn publish(plan: &Plan, context: &Context, in_flight: usize) -> Result<Outcome> {
    let payload = payload();
    keep_in_flight(plan, in_flight, || publish_one(context, payload.clone())).await
}

/// Publishes as much as is acknowledged while a consumer receives and acknowledges; what counts is what it received.
async fn receive(
    plan: &Plan,
    context: &Context,
    consumer: &Consumer<pull::Config>,
) -> Result<Outcome> {
    let (from, plan_of_publisher) = (context.clone(), plan.clone());
    let publisher =
        tokio::spawn(async move { publish(&plan_of_publisher, &from, IN_FLIGHT).await });
    let begin = Instant::now() + plan.warm_up;
    let end = begin + plan.measured;
    let mut messages = consumer.stream().max_messages_per_batch(BATCH).messages().await?;
    let (mut finished, mut received) = (0, histogram());
    while let Ok(Some(message)) = tokio::time::timeout_at(end.into(), messages.next()).await {
        message?.ack().await?;
        finished += 1;
        if Instant::now() >= begin {
            received.saturating_record(0);
        }
    }
    publisher.await??;
    Ok(Outcome::new(finished, received, plan.measured))
}

/// One message is published, received and acknowledged, and then the next.
async fn receive_one_by_one(
    plan: &Plan,
    context: &Context,
    consumer: &Consumer<pull::Config>,
) -> Result<Outcome> {
    let (begin, payload) = (Instant::now() + plan.warm_up, payload());
    let end = begin + plan.measured;
    let mut messages = consumer.stream().max_messages_per_batch(BATCH).messages().await?;
    let (mut finished, mut latencies) = (0, histogram());
    while Instant::now() < end {
        let begun = Instant::now();
        let acknowledged = context.publish(SUBJECT, payload.clone()).await?;
        let message = messages.next().await.ok_or("the consumer ended")??;
        let latency = begun.elapsed();
        message.ack().await?;
        acknowledged.await?;
        finished += 1;
        if begun >= begin {
            latencies.saturating_record(latency.as_micros() as u64);
        }
    }
    Ok(Outcome::new(finished, latencies, plan.measured))
}
