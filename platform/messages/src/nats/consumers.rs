//! The consumers of a stream, with what the embedded broker says of them beside what NATS does.

use async_nats::jetstream::{self, response::Response};
use serde::Deserialize;
use serde_json::json;

use super::broker;
use crate::{ConsumerReport, Error};

/// More are not listed.
const LISTED_MAX: usize = 1_000;

#[derive(Deserialize)]
struct Page {
    total: usize,
    /// Absent instead of empty.
    #[serde(default)]
    consumers: Option<Vec<Listed>>,
}

#[derive(Deserialize)]
struct Listed {
    stream_name: String,
    name: String,
    config: Config,
    num_pending: u64,
    num_ack_pending: u64,
    num_redelivered: u64,
    /// NATS itself keeps no dead letters.
    #[serde(default)]
    num_dead: u64,
}

#[derive(Deserialize)]
struct Config {
    description: Option<String>,
}

/// How far the consumers of a stream are: the first thousand.
pub async fn list_consumers(
    context: &jetstream::Context,
    stream: &str,
) -> Result<Vec<ConsumerReport>, Error> {
    let mut listed = vec![];
    loop {
        let question = json!({ "offset": listed.len() });
        let answer = context.request(format!("CONSUMER.LIST.{stream}"), &question).await;
        let page: Page = match answer.map_err(broker)? {
            Response::Ok(page) => page,
            Response::Err { error } => return Err(broker(error)),
        };
        let consumers = page.consumers.unwrap_or_default();
        let is_last = consumers.is_empty();
        listed.extend(consumers.into_iter().map(report));
        if is_last || listed.len() >= page.total.min(LISTED_MAX) {
            return Ok(listed);
        }
    }
}

fn report(listed: Listed) -> ConsumerReport {
    ConsumerReport {
        stream: listed.stream_name,
        name: listed.name,
        waiting: listed.num_pending,
        unacknowledged: listed.num_ack_pending,
        redelivered: listed.num_redelivered,
        dead_letters: listed.num_dead,
        description: listed.config.description,
    }
}
