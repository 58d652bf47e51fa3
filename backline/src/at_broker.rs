//! What programs outside gave up, seen from the command line: dead letters of consumers of the embedded broker.
//!
//! Those of services are in the services' own inboxes; these are kept by the broker, whom this asks as any program does.

use async_nats::jetstream::{self, ErrorCode, response::Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::Config;
use crate::inboxes::Deed;
use crate::{tail, text};

/// Which dead letters are meant.
#[derive(Clone, Copy, Debug)]
pub enum Chosen {
    /// All of the consumer.
    All,
    /// That of the message with this number in the stream.
    Sequence(u64),
}

#[derive(Deserialize)]
struct Page {
    total: usize,
    dead_letters: Vec<DeadLetter>,
}

#[derive(Deserialize)]
struct DeadLetter {
    stream_seq: u64,
    subject: String,
    deliveries: u64,
    reason: String,
    time: String,
}

/// Prints the dead letters of a consumer, with their messages.
pub async fn print_dead_letters(
    config: &Config,
    token: Option<String>,
    consumer: &str,
) -> Result<(), String> {
    let context = tail::context(config, token).await?;
    let stream = config.messages.nats().stream_name();
    let messages = context.get_stream(&stream).await.map_err(text)?;
    let mut count = 0;
    loop {
        let question = json!({ "offset": count });
        let page: Page = ask(&context, "LIST", &stream, consumer, question).await?;
        for DeadLetter { stream_seq, subject, deliveries, reason, time } in &page.dead_letters {
            println!("{stream_seq} {time} {subject} after {deliveries} deliveries: {reason}");
            match messages.get_raw_message(*stream_seq).await {
                Ok(message) => println!("  {}", String::from_utf8_lossy(&message.payload)),
                Err(error) => println!("  (its message cannot be read: {error})"),
            }
        }
        count += page.dead_letters.len();
        if page.dead_letters.is_empty() || count >= page.total {
            break;
        }
    }
    println!("{count} dead letters");
    Ok(())
}

/// Does it with dead letters of a consumer; how many there were.
pub async fn settle(
    config: &Config,
    token: Option<String>,
    consumer: &str,
    deed: Deed,
    chosen: Chosen,
) -> Result<u64, String> {
    let context = tail::context(config, token).await?;
    let stream = config.messages.nats().stream_name();
    let question = match chosen {
        Chosen::All => json!({ "all": true }),
        Chosen::Sequence(sequence) => json!({ "seq": sequence }),
    };
    let (verb, member) = match deed {
        Deed::Replay => ("REPLAY", "replayed"),
        Deed::Drop => ("DROP", "dropped"),
    };
    let answer: Value = ask(&context, verb, &stream, consumer, question).await?;
    answer[member].as_u64().ok_or_else(|| format!("the broker answered {answer}"))
}

async fn ask<T: serde::de::DeserializeOwned>(
    context: &jetstream::Context,
    verb: &str,
    stream: &str,
    consumer: &str,
    question: Value,
) -> Result<T, String> {
    let subject = format!("CONSUMER.DEAD.{verb}.{stream}.{consumer}");
    let answer = context.request(subject, &question).await.map_err(|error| {
        format!("{error} (only the embedded broker keeps dead letters; NATS itself does not)")
    })?;
    match answer {
        Response::Ok(answer) => Ok(answer),
        Response::Err { error } if error.error_code() == ErrorCode::CONSUMER_NOT_FOUND => Err(
            format!("there is no consumer `{consumer}`; `backline messages consumers` lists them"),
        ),
        Response::Err { error } => Err(error.to_string()),
    }
}
