//! What people type. Exit codes follow sysexits(3); errors are one clear line on standard error.

use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use contracts::audit::Party;
use database::{Database, DeadLetter, DeadLetters, DeadLettersPage};
use jiff::Timestamp;
use messages::Message;
use stdx::Clock;
use uuid::Uuid;

use crate::at_broker::Chosen;
use crate::config::{Config, ConfigError, Overrides};
use crate::inboxes::{Deed, settle};
use crate::services::{GATEWAY, GATEWAY_CALLS, TABLE};
use crate::{at_broker, master_key, node, openapi, tail, telemetry};

/// Wrong use of the command line, or input that cannot be.
const EX_USAGE: u8 = 64;
const EX_DATA: u8 = 65;
const EX_SOFTWARE: u8 = 70;
const EX_CONFIG: u8 = 78;
/// Longer passwords and tokens are refused anyway.
const SECRET_BYTES_MAX: u64 = 16 * 1024;
/// Dead letters that are in memory at a time.
const LETTERS_AT_ONCE: u64 = 500;

/// The platform on which a live-event business runs.
#[derive(Parser)]
#[command(name = "backline", version, about)]
struct Cli {
    /// The settings file (backline.toml in this folder when it is there)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run all services, or some
    Serve(ServeArgs),
    /// Accounts, straight in the database
    #[command(subcommand)]
    Users(UsersCommand),
    /// The keys that sign tokens
    #[command(subcommand)]
    Keys(KeysCommand),
    /// The settings as they are in force
    #[command(subcommand)]
    Config(ConfigCommand),
    /// What services there are and whom they call
    Services,
    /// What travels between services, and what was given up
    #[command(subcommand)]
    Messages(MessagesCommand),
    /// Print the OpenAPI document
    Openapi,
}

#[derive(Args)]
struct ServeArgs {
    /// The services to run, separated by commas (all)
    #[arg(long, value_delimiter = ',')]
    services: Option<Vec<String>>,
    /// Where the data is (./data)
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where to listen (127.0.0.1:5000)
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Fill an empty store with a believable festival and print its sign-ins
    #[arg(long)]
    demo: bool,
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Sign with new keys from now on; tokens signed with the old ones stay good until they expire
    Rotate(DataArgs),
    /// Print a new master key, to be kept in a file that `node.master_key_file` names
    GenerateMaster,
}

#[derive(Subcommand)]
enum UsersCommand {
    /// Make an account with a role
    Create {
        /// The e-mail address to sign in with
        #[arg(long)]
        email: String,
        /// The role it holds everywhere
        #[arg(long, default_value = "admin")]
        role: String,
        #[command(flatten)]
        secret: SecretArgs,
        /// Where the data is (./data)
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
}

/// Standard input is the only way: what stands on the command line is seen by everybody on the machine.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct SecretArgs {
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// Read the password's hash from standard input: bcrypt or argon2id, from another system
    #[arg(long)]
    password_hash_stdin: bool,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Print all settings, secrets left out
    Print,
    /// Say whether the settings are good
    Check,
}

#[derive(Subcommand)]
enum MessagesCommand {
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
struct BrokerArgs {
    /// Read an access token with the permission `messages:subscribe` from standard input
    #[arg(long)]
    token_stdin: bool,
}

#[derive(Args)]
struct AtBrokerArgs {
    /// Those of a program outside, which the embedded broker keeps
    #[arg(long)]
    at_broker: bool,
    #[command(flatten)]
    broker: BrokerArgs,
}

#[derive(Args)]
struct DataArgs {
    /// Where the data is (./data)
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Args)]
struct LetterArgs {
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

/// A failure, with its exit code.
struct Failure(u8, String);

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self(EX_CONFIG, error.to_string())
    }
}

impl From<database::Error> for Failure {
    fn from(error: database::Error) -> Self {
        Self(EX_SOFTWARE, error.to_string())
    }
}

/// Reads the command line and does what it says.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { EX_USAGE } else { 0 };
            // Nowhere to say that standard error is closed.
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    // Two are linked in, so somebody has to say which; the first word counts, and it cannot be said twice.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(execute(cli)),
        Err(error) => Err(Failure(EX_SOFTWARE, format!("no runtime: {error}"))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(code, reason)) => {
            eprintln!("backline: {reason}");
            ExitCode::from(code)
        }
    }
}

async fn execute(cli: Cli) -> Result<(), Failure> {
    let file = cli.config.as_deref();
    let load = |overrides| Config::load(file, overrides);
    let load_with_data =
        |args: &DataArgs| load(Overrides { data: args.data.clone(), ..Overrides::default() });
    match cli.command {
        Command::Serve(args) => {
            let ServeArgs { services, data, listen, demo } = args;
            serve(load(Overrides { services, data, listen })?, demo).await
        }
        Command::Users(UsersCommand::Create { email, role, secret, data }) => {
            let config = load(Overrides { data, ..Overrides::default() })?;
            create_user(&config, &email, &role, &secret).await
        }
        Command::Keys(KeysCommand::Rotate(args)) => rotate_keys(&load_with_data(&args)?).await,
        Command::Keys(KeysCommand::GenerateMaster) => {
            println!("{}", database::MasterKey::generate());
            Ok(())
        }
        Command::Config(ConfigCommand::Print) => {
            println!("{}", load(Overrides::default())?.to_toml());
            Ok(())
        }
        Command::Config(ConfigCommand::Check) => {
            node::check(&load(Overrides::default())?)
                .await
                .map_err(|error| Failure(EX_CONFIG, error))?;
            println!("the settings are good");
            Ok(())
        }
        Command::Services => {
            print_services();
            Ok(())
        }
        Command::Messages(MessagesCommand::Tail { pattern, since, broker }) => {
            let (config, token) = (load(Overrides::default())?, token(&broker)?);
            let told = tail::tail(&config, token, &pattern, since).await;
            told.map_err(|error| Failure(EX_SOFTWARE, error))
        }
        Command::Messages(MessagesCommand::Consumers(broker)) => {
            let (config, token) = (load(Overrides::default())?, token(&broker)?);
            let printed = tail::print_consumers(&config, token).await;
            printed.map_err(|error| Failure(EX_SOFTWARE, error))
        }
        Command::Messages(MessagesCommand::DeadLetters { service, consumer, at_broker, data }) => {
            let config = load_with_data(&data)?;
            if at_broker.at_broker {
                return print_dead_letters_at_broker(&config, &at_broker, consumer).await;
            }
            print_dead_letters(&config, service.as_deref(), consumer).await
        }
        Command::Messages(MessagesCommand::Replay(args)) => {
            let config = load_with_data(&args.data)?;
            let count = settle_dead_letters(&config, &args, Deed::Replay).await?;
            report(count, "will be tried again")
        }
        Command::Messages(MessagesCommand::Drop(args)) => {
            let config = load_with_data(&args.data)?;
            let count = settle_dead_letters(&config, &args, Deed::Drop).await?;
            report(count, "forgotten")
        }
        Command::Messages(MessagesCommand::Backup { to, data }) => {
            let copied = tail::back_up(&load_with_data(&data)?, &to).await;
            copied.map_err(|error| Failure(EX_DATA, error))
        }
        Command::Openapi => {
            let document =
                openapi::document().await.map_err(|error| Failure(EX_SOFTWARE, error))?;
            print!("{document}");
            Ok(())
        }
    }
}

async fn serve(config: Config, demo: bool) -> Result<(), Failure> {
    telemetry::init_log(&config.log)?;
    if demo && !config.runs_all() {
        return Err(Failure(EX_USAGE, "`--demo` needs all services in one process".into()));
    }
    node::run(config, demo).await.map_err(|error| Failure(EX_SOFTWARE, error))
}

async fn create_user(
    config: &Config,
    email: &str,
    role: &str,
    secret: &SecretArgs,
) -> Result<(), Failure> {
    let typed = read_secret("password")?;
    let database = open(config, "users").await?;
    let made = if secret.password_hash_stdin {
        users::import_user(&database, email, &typed, role).await
    } else {
        users::create_user(&database, email, &typed, role).await
    };
    let user_id = made.map_err(|error| Failure(EX_DATA, error.to_string()))?;
    database.close().await?;
    println!("made account {user_id} for {email} with the role {role}");
    Ok(())
}

fn token(args: &BrokerArgs) -> Result<Option<String>, Failure> {
    args.token_stdin.then(|| read_secret("token")).transpose()
}

fn read_secret(what: &str) -> Result<String, Failure> {
    let mut typed = String::new();
    let read = std::io::stdin().take(SECRET_BYTES_MAX).read_to_string(&mut typed);
    read.map_err(|error| Failure(EX_DATA, format!("the {what} cannot be read: {error}")))?;
    Ok(typed.trim_end_matches(['\r', '\n']).to_owned())
}

async fn rotate_keys(config: &Config) -> Result<(), Failure> {
    let database = open(config, "tokens").await?;
    let replaced = tokens::rotate_keys(&database).await;
    let replaced = replaced.map_err(|error| Failure(EX_SOFTWARE, error.to_string()))?;
    database.close().await?;
    match replaced {
        0 => println!("there is no key yet; the first start makes one"),
        count => {
            println!("{count} keys replaced; running processes sign with the new ones in a moment")
        }
    }
    Ok(())
}

fn print_services() {
    for entry in TABLE {
        println!("{:<12} calls {}", entry.name, calls(entry.calls));
    }
    println!("{GATEWAY:<12} calls {}", calls(GATEWAY_CALLS));
}

fn calls(names: &[&str]) -> String {
    if names.is_empty() { "nobody".into() } else { names.join(", ") }
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
    let token = token(&args.broker)?;
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
    let token = token(&args.at_broker.broker)?;
    let settled = match deed {
        Deed::Replay => at_broker::replay(config, token, &args.consumer, chosen).await,
        Deed::Drop => at_broker::drop_letters(config, token, &args.consumer, chosen).await,
    };
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

async fn open(config: &Config, service: &str) -> Result<Database, Failure> {
    let entry = TABLE.iter().find(|entry| entry.name == service);
    let migrations = entry.map_or(&[][..], |entry| entry.migrations);
    std::fs::create_dir_all(&config.node.data)
        .map_err(|error| Failure(EX_DATA, format!("{}: {error}", config.node.data.display())))?;
    let sealer = master_key::sealer(&config.node)?;
    let url = config.database_url(service);
    Ok(Database::open(service, &url, Clock::system(), migrations).await?.sealed_by(sealer))
}
