//! What programs outside gave up, seen from the command line: dead letters of consumers of the embedded broker.
//!
//! Those of services are in the services' own inboxes; these are kept by the broker, whom this asks as any program does.

use messages::{
    BrokerConsumer, BrokerName, Chosen, DeadLetter, DeadLetterError, DeadLetterPage, Deed,
};

use crate::config::Config;
use crate::tail;

/// Dead letters that are in memory at a time.
const LETTERS_AT_ONCE: usize = 200;

/// Prints the dead letters of a consumer, with their messages.
pub async fn print_dead_letters(
    config: &Config,
    token: Option<String>,
    consumer: &str,
) -> Result<(), String> {
    let consumer = named(config, consumer)?;
    let context = tail::context(config, token).await?;
    let (mut count, mut after) = (0, 0);
    loop {
        let page = messages::list_dead_letters(&context, &consumer, after, LETTERS_AT_ONCE).await;
        let DeadLetterPage { letters, has_more } = page.map_err(advice)?;
        letters.iter().for_each(print);
        count += letters.len();
        after = letters.last().map_or(after, |letter| letter.sequence);
        if !has_more {
            break;
        }
    }
    println!("{count} dead letters");
    Ok(())
}

fn print(letter: &DeadLetter) {
    let DeadLetter { sequence, subject, deliveries, reason, given_up_at, message, is_cut } = letter;
    println!("{sequence} {given_up_at} {subject} after {deliveries} deliveries: {reason}");
    match message {
        Some(message) if *is_cut => println!("  {message} … (it is longer)"),
        Some(message) => println!("  {message}"),
        None => println!("  (its message cannot be read)"),
    }
}

/// Does it with dead letters of a consumer; how many there were.
pub async fn settle(
    config: &Config,
    token: Option<String>,
    consumer: &str,
    deed: Deed,
    chosen: Chosen,
) -> Result<u64, String> {
    let consumer = named(config, consumer)?;
    let context = tail::context(config, token).await?;
    let settled = messages::settle_dead_letters(&context, &consumer, deed, chosen).await;
    settled.map_err(advice)
}

/// A consumer of Backline's own stream.
fn named(config: &Config, consumer: &str) -> Result<BrokerConsumer, String> {
    let stream = config.messages.nats().stream_name();
    let stream = BrokerName::parse(&stream).map_err(|why| format!("`messages.prefix` {why}"))?;
    let name = BrokerName::parse(consumer).map_err(|why| format!("the consumer's name {why}"))?;
    Ok(BrokerConsumer { stream, name })
}

fn advice(error: DeadLetterError) -> String {
    match error {
        DeadLetterError::NoConsumer => {
            format!("{error}; `backline messages consumers` lists those that there are")
        }
        _ => error.to_string(),
    }
}
