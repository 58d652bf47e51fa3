//! `backline messages`: what travels between services and to programs outside, what was given up, and a copy of it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use contracts::audit::Party;
use database::{DeadLetter, DeadLetters, DeadLettersPage};
use jiff::Timestamp;
use messages::{Chosen, Deed, Message};
use uuid::Uuid;

use super::{DataArgs, EX_DATA, EX_SOFTWARE, EX_USAGE, Failure, open, read_secret};
use crate::config::{Config, ConfigError, Overrides};
use crate::inboxes::settle;
use crate::services::TABLE;
use crate::{at_broker, tail};

/// Dead letters that are in memory at a time.
const LETTERS_AT_ONCE: u64 = 500;

#[derive(Subcommand)]
pub(super) enum MessagesCommand {
    /// Print messages as they are published, one JSON line each
    Tail {
        /// Which types: `user.created`, `user.*`, `#` for all
        #[arg(default_value = "#")]
        pattern: String,
        /// Begin with those published since then, such as 2026-06-01T18:00:00Z
        #[arg(long, value_name = "TIME")]
        since: Option<Timestamp>,
        #[command(flatten)]
        broker: BrokerArgs,
    },
    /// Send a message to other programs over the broker
    Publish {
        /// Where to, such as `tills.opened`; Backline's own subjects are for its services
        subject: String,
        /// What it says
        body: String,
        #[command(flatten)]
        broker: PublishArgs,
    },
    /// List who receives messages from the broker, and how many wait for each
    Consumers(BrokerArgs),
    /// List the messages that were given up, with the reason
    DeadLetters {
        /// Only those of this service
        #[arg(long)]
        service: Option<String>,
        /// Only those of this consumer
        #[arg(long)]
        consumer: Option<String>,
        #[command(flatten)]
        at_broker: AtBrokerArgs,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Copy what the embedded broker keeps into an empty folder, also while it runs
    Backup {
        /// The folder, which takes the place of `broker` in a data folder
        to: PathBuf,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Try one again, or all of a consumer
    Replay(LetterArgs),
    /// Forget one for good, or all of a consumer
    Drop(LetterArgs),
}

/// The broker is asked as a program outside asks it.
#[derive(Args)]
pub(super) struct BrokerArgs {
    /// Read an access token with the permission `messages:subscribe` from standard input
    #[arg(long)]
    token_stdin: bool,
}

#[derive(Args)]
pub(super) struct PublishArgs {
    /// Read an access token with the permission `messages:publish` from standard input
    #[arg(long)]
    token_stdin: bool,
}

#[derive(Args)]
pub(super) struct AtBrokerArgs {
    /// Those of a program outside, which the embedded broker keeps
    #[arg(long)]
    at_broker: bool,
    #[command(flatten)]
    broker: BrokerArgs,
}

#[derive(Args)]
pub(super) struct LetterArgs {
    /// The consumer, as `dead-letters` shows it
    consumer: String,
    /// The message's id
    #[arg(required_unless_present_any = ["all", "at_broker"], conflicts_with = "all")]
    message_id: Option<Uuid>,
    /// All dead letters of the consumer
    #[arg(long)]
    all: bool,
    /// At the broker: the message's number in the stream
    #[arg(long, requires = "at_broker", conflicts_with_all = ["all", "message_id"])]
    sequence: Option<u64>,
    #[command(flatten)]
    at_broker: AtBrokerArgs,
    #[command(flatten)]
    data: DataArgs,
}

/// Does what was typed, with the settings that `load` finds.
pub(super) async fn execute(
    command: MessagesCommand,
    load: impl Fn(Overrides) -> Result<Config, ConfigError>,
) -> Result<(), Failure> {
    let load_with_data =
        |args: &DataArgs| load(Overrides { data: args.data.clone(), ..Overrides::default() });
    match command {
        MessagesCommand::Tail { pattern, since, broker } => {
            let (config, token) = (load(Overrides::default())?, token(broker.token_stdin)?);
            let told = tail::tail(&config, token, &pattern, since).await;
            told.map_err(|error| Failure(EX_SOFTWARE, error))
        }
        MessagesCommand::Publish { subject, body, broker } => {
            let (config, token) = (load(Overrides::default())?, token(broker.token_stdin)?);
            let sent = tail::publish(&config, token, subject, body).await;
            sent.map_err(|error| Failure(EX_SOFTWARE, error))
        }
        MessagesCommand::Consumers(broker) => {
            let (config, token) = (load(Overrides::default())?, token(broker.token_stdin)?);
            let printed = tail::print_consumers(&config, token).await;
            printed.map_err(|error| Failure(EX_SOFTWARE, error))
        }
        MessagesCommand::DeadLetters { service, consumer, at_broker, data } => {
            let config = load_with_data(&data)?;
            if at_broker.at_broker {
                return print_dead_letters_at_broker(&config, &at_broker, consumer).await;
            }
            print_dead_letters(&config, service.as_deref(), consumer).await
        }
        MessagesCommand::Replay(args) => {
            let config = load_with_data(&args.data)?;
            let count = settle_dead_letters(&config, &args, Deed::Replay).await?;
            report(count, "will be tried again")
        }
        MessagesCommand::Drop(args) => {
            let config = load_with_data(&args.data)?;
            let count = settle_dead_letters(&config, &args, Deed::Drop).await?;
            report(count, "forgotten")
        }
        MessagesCommand::Backup { to, data } => {
            let copied = tail::back_up(&load_with_data(&data)?, &to).await;
            copied.map_err(|error| Failure(EX_DATA, error))
        }
    }
}

fn token(from_stdin: bool) -> Result<Option<String>, Failure> {
    from_stdin.then(|| read_secret("token")).transpose()
}

async fn print_dead_letters(
    config: &Config,
    service: Option<&str>,
    consumer: Option<String>,
) -> Result<(), Failure> {
    if let Some(unknown) = service.filter(|name| !TABLE.iter().any(|entry| entry.name == *name)) {
        return Err(Failure(EX_DATA, format!("there is no service `{unknown}`")));
    }
    let wanted = TABLE.iter().filter(|entry| service.is_none_or(|name| entry.name == name));
    let mut count = 0;
    for entry in wanted.filter(|entry| config.runs(entry.name)) {
        let database = open(config, entry.name).await?;
        let consumer = consumer.clone();
        let mut page = DeadLetters { consumer, after: None, limit: LETTERS_AT_ONCE };
        loop {
            let DeadLettersPage { letters, has_more } =
                database.inbox().dead_letters(&page).await?;
            letters.iter().for_each(print_dead_letter);
            count += letters.len();
            page.after = letters.last().map(|last| (last.consumer.clone(), last.message_id));
            if !has_more {
                break;
            }
        }
        database.close().await?;
    }
    println!("{count} dead letters");
    Ok(())
}

fn print_dead_letter(letter: &DeadLetter) {
    let DeadLetter { consumer, message_id, subject, envelope, error, attempts, .. } = letter;
    let message: Option<Message> = serde_json::from_str(envelope).ok();
    let kind = message.map_or_else(|| "unreadable".to_owned(), |message| message.kind);
    println!("{consumer} {message_id} {kind} about {subject} after {attempts} tries: {error}");
    println!("  {envelope}");
}

/// How many there were. The service of a consumer is the first word of its name.
async fn settle_dead_letters(
    config: &Config,
    args: &LetterArgs,
    deed: Deed,
) -> Result<u64, Failure> {
    let LetterArgs { consumer, message_id, .. } = args;
    if args.at_broker.at_broker {
        return settle_at_broker(config, args, deed).await;
    }
    let service = consumer.split('.').next().unwrap_or_default();
    if !TABLE.iter().any(|entry| entry.name == service) {
        return Err(Failure(EX_DATA, format!("no service has a consumer `{consumer}`")));
    }
    let database = open(config, service).await?;
    let count = settle(&database, deed, consumer, *message_id, Party::OPERATOR).await?;
    database.close().await?;
    Ok(count)
}

async fn print_dead_letters_at_broker(
    config: &Config,
    args: &AtBrokerArgs,
    consumer: Option<String>,
) -> Result<(), Failure> {
    let unnamed = || Failure(EX_USAGE, "say which: `--consumer NAME`".into());
    let consumer = consumer.ok_or_else(unnamed)?;
    let token = token(args.broker.token_stdin)?;
    let printed = at_broker::print_dead_letters(config, token, &consumer).await;
    printed.map_err(|error| Failure(EX_DATA, error))
}

async fn settle_at_broker(config: &Config, args: &LetterArgs, deed: Deed) -> Result<u64, Failure> {
    let chosen = match (args.all, args.sequence) {
        (true, _) => Chosen::All,
        (false, Some(sequence)) => Chosen::Sequence(sequence),
        (false, None) => {
            return Err(Failure(EX_USAGE, "say which: `--sequence N` or `--all`".into()));
        }
    };
    let token = token(args.at_broker.broker.token_stdin)?;
    let settled = at_broker::settle(config, token, &args.consumer, deed, chosen).await;
    settled.map_err(|error| Failure(EX_DATA, error))
}

fn report(count: u64, done: &str) -> Result<(), Failure> {
    match count {
        0 => return Err(Failure(EX_DATA, "there is no such dead letter".into())),
        1 => println!("{done}"),
        count => println!("{count} dead letters {done}"),
    }
    Ok(())
}
