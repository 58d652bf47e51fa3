//! What people type. Exit codes follow sysexits(3); errors are one clear line on standard error.

mod messages;

use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use database::Database;
use stdx::Clock;

use self::messages::MessagesCommand;
use crate::config::{Config, ConfigError, Overrides};
use crate::services::{GATEWAY, GATEWAY_CALLS, TABLE};
use crate::{master_key, node, openapi, telemetry};

/// Wrong use of the command line, or input that cannot be.
const EX_USAGE: u8 = 64;
const EX_DATA: u8 = 65;
const EX_SOFTWARE: u8 = 70;
const EX_CONFIG: u8 = 78;
/// Longer passwords and tokens are refused anyway.
const SECRET_BYTES_MAX: u64 = 16 * 1024;

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

#[derive(Args)]
struct DataArgs {
    /// Where the data is (./data)
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
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
        Command::Messages(command) => messages::execute(command, load).await,
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

async fn open(config: &Config, service: &str) -> Result<Database, Failure> {
    let entry = TABLE.iter().find(|entry| entry.name == service);
    let migrations = entry.map_or(&[][..], |entry| entry.migrations);
    std::fs::create_dir_all(&config.node.data)
        .map_err(|error| Failure(EX_DATA, format!("{}: {error}", config.node.data.display())))?;
    let sealer = master_key::sealer(&config.node)?;
    let url = config.database_url(service);
    Ok(Database::open(service, &url, Clock::system(), migrations).await?.sealed_by(sealer))
}
