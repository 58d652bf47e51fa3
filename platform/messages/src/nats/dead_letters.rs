//! Dead letters of the consumers of a stream, by the requests that the embedded broker has beside those of NATS.

use async_nats::jetstream::stream::{RawMessageErrorKind, Stream};
use async_nats::jetstream::{self, ErrorCode, response::Response};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::broker;
use crate::{BrokerConsumer, Chosen, DeadLetter, DeadLetterError, DeadLetterPage, Deed};

type Result<T> = std::result::Result<T, DeadLetterError>;

/// Of a longer message only its beginning is read.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// How much of messages a page has, unless a single one is longer.
const PAGE_BYTES: usize = 1024 * 1024;
/// Messages that are asked for before the first one has come.
const READS_AT_ONCE: usize = 16;

#[derive(Deserialize)]
struct Page {
    dead_letters: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    stream_seq: u64,
    subject: String,
    deliveries: u64,
    reason: String,
    time: Timestamp,
}

/// What a broker says of a consumer.
#[derive(Deserialize)]
struct Info {
    /// Said by the embedded broker only.
    num_dead: Option<u64>,
}

/// Dead letters of a consumer after a message, in the order of the stream: at most `limit`, and fewer when they are long.
pub async fn list_dead_letters(
    context: &jetstream::Context,
    consumer: &BrokerConsumer,
    after: u64,
    limit: usize,
) -> Result<DeadLetterPage> {
    must_keep_dead_letters(context, consumer).await?;
    let mut listed = list_after(context, consumer, after, limit).await?;
    let mut page = DeadLetterPage { has_more: listed.len() > limit, ..DeadLetterPage::default() };
    listed.truncate(limit);
    let stream = context.get_stream_no_info(consumer.stream.as_str()).await.map_err(broker)?;
    let reads = listed.into_iter().map(|letter| with_message(&stream, letter));
    let mut reads = futures::stream::iter(reads).buffered(READS_AT_ONCE);
    let mut bytes = 0;
    while let Some(letter) = reads.try_next().await? {
        bytes += letter.message.as_deref().map_or(0, str::len);
        if bytes > PAGE_BYTES && !page.letters.is_empty() {
            page.has_more = true;
            break;
        }
        page.letters.push(letter);
    }
    Ok(page)
}

/// Replays or drops; how many there were.
pub async fn settle_dead_letters(
    context: &jetstream::Context,
    consumer: &BrokerConsumer,
    deed: Deed,
    chosen: Chosen,
) -> Result<u64> {
    let question = match chosen {
        Chosen::All => json!({ "all": true }),
        // Numbers begin with 1; to the broker 0 is none.
        Chosen::Sequence(0) => return Err(DeadLetterError::NoDeadLetter),
        Chosen::Sequence(sequence) => json!({ "seq": sequence }),
    };
    let (verb, member) = match deed {
        Deed::Replay => ("REPLAY", "replayed"),
        Deed::Drop => ("DROP", "dropped"),
    };
    must_keep_dead_letters(context, consumer).await?;
    let answer: Value = ask(context, &format!("DEAD.{verb}"), consumer, question).await?;
    let count = answer[member].as_u64();
    count.ok_or_else(|| broker(format!("an answer that cannot be read: {answer}")).into())
}

/// NATS itself does not answer requests that it does not know: whoever asks learns nothing, and late.
async fn must_keep_dead_letters(
    context: &jetstream::Context,
    consumer: &BrokerConsumer,
) -> Result<()> {
    let info: Info = ask(context, "INFO", consumer, json!({})).await?;
    info.num_dead.map(drop).ok_or(DeadLetterError::NotKept)
}

/// One more than `limit`, if there are so many: the broker gives a few hundred at a time.
async fn list_after(
    context: &jetstream::Context,
    consumer: &BrokerConsumer,
    mut after: u64,
    limit: usize,
) -> Result<Vec<Listed>> {
    let mut found = vec![];
    while found.len() <= limit {
        let page: Page = ask(context, "DEAD.LIST", consumer, json!({ "after": after })).await?;
        let Some(last) = page.dead_letters.last() else { break };
        after = last.stream_seq;
        found.extend(page.dead_letters);
    }
    Ok(found)
}

async fn with_message(stream: &Stream<()>, listed: Listed) -> Result<DeadLetter> {
    let Listed { stream_seq: sequence, subject, deliveries, reason, time: given_up_at } = listed;
    let (message, is_cut) = match stream.get_raw_message(sequence).await {
        Ok(message) => text(&message.payload),
        Err(error) if matches!(error.kind(), RawMessageErrorKind::Other) => {
            return Err(broker(error).into());
        }
        // Gone meanwhile, or damaged on disk; the letter tells what there is to tell.
        Err(_) => (None, false),
    };
    Ok(DeadLetter { sequence, subject, deliveries, reason, given_up_at, message, is_cut })
}

/// What can be shown of a message, and whether that is not all of it.
fn text(payload: &[u8]) -> (Option<String>, bool) {
    let is_cut = payload.len() > MESSAGE_BYTES_MAX;
    let beginning = String::from_utf8_lossy(&payload[..payload.len().min(MESSAGE_BYTES_MAX)]);
    if !is_cut {
        return (Some(beginning.into_owned()), false);
    }
    // The last character may have been cut in two.
    (Some(beginning.trim_end_matches(char::REPLACEMENT_CHARACTER).to_owned()), true)
}

async fn ask<T: DeserializeOwned>(
    context: &jetstream::Context,
    what: &str,
    BrokerConsumer { stream, name }: &BrokerConsumer,
    question: Value,
) -> Result<T> {
    let subject = format!("CONSUMER.{what}.{stream}.{name}");
    match context.request(subject, &question).await.map_err(broker)? {
        Response::Ok(answer) => Ok(answer),
        Response::Err { error } => Err(match error.error_code() {
            ErrorCode::CONSUMER_NOT_FOUND | ErrorCode::STREAM_NOT_FOUND => {
                DeadLetterError::NoConsumer
            }
            ErrorCode::SEQUENCE_NOT_FOUND => DeadLetterError::NoDeadLetter,
            _ => broker(error).into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_message_the_beginning_is_shown_in_whole_characters() {
        assert_eq!(text(b"{}"), (Some("{}".to_owned()), false));
        let whole = "ä".repeat(MESSAGE_BYTES_MAX / 2);
        assert_eq!(text(whole.as_bytes()), (Some(whole.clone()), false));
        let long = format!("x{whole}");
        let (shown, is_cut) = text(long.as_bytes());
        let shown = shown.expect("text");
        assert!(is_cut && long.starts_with(&shown), "{}", shown.len());
        assert_eq!(shown.len(), MESSAGE_BYTES_MAX - 1);
    }
}
