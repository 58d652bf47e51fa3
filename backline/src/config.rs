//! Settings: `backline.toml`, then `BACKLINE_<SECTION>__<KEY>` of the environment, then the command line.
//!
//! Every setting has a default, shown in `backline.example.toml`. A setting that nobody knows is an error, not ignored.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use messages::{NatsConfig, RabbitMqConfig};
use serde::{Deserialize, Serialize};

use crate::services;

/// The file that is read when it is there and no other is named.
const DEFAULT_FILE: &str = "backline.toml";
/// As many as NATS takes.
const REPLICAS_MAX: usize = 5;
/// Shorter secrets can be guessed.
const SECRET_LENGTH_MIN: usize = 32;

/// The settings are wrong. The text says which one and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// All settings.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// This process.
    pub node: NodeConfig,
    /// Where data is kept.
    pub database: DatabaseConfig,
    /// How messages travel.
    pub messages: MessagesConfig,
    /// Where programs outside reach the messages.
    pub broker: BrokerConfig,
    /// What was revoked, beside the messages.
    pub revocations: RevocationsConfig,
    /// How letters leave.
    pub mail: MailConfig,
    /// What is logged.
    pub log: LogConfig,
    /// The public door.
    pub gateway: Section,
    /// Accounts.
    pub users: Section,
    /// Sessions.
    pub tokens: Section,
    /// Roles.
    pub roles: Section,
    /// Organisers and crew companies.
    pub customers: Section,
    /// Events and tickets.
    pub events: Section,
    /// The audit log.
    pub audit: Section,
}

/// The settings of one service; the service itself knows which there are.
pub type Section = BTreeMap<String, serde_json::Value>;

/// This process.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct NodeConfig {
    /// Where the gateway listens; in a process without it, where its services listen for the others.
    pub listen: SocketAddr,
    /// Where the services of a process that also has the gateway listen for other processes.
    pub internal_listen: Option<SocketAddr>,
    /// Where the gateway signs programs in over gRPC; nowhere when empty.
    pub grpc_listen: String,
    /// Where SQLite files are.
    pub data: PathBuf,
    /// How the world reaches this installation; the listening address when empty.
    pub public_url: String,
    /// The services to run; all when empty.
    pub services: Vec<String>,
    /// Shared by all processes of an installation; needed as soon as there are several.
    pub secret: String,
    /// The file with the key that seals private keys and the like in the databases; they lie in the clear when empty.
    pub master_key_file: PathBuf,
    /// The master key itself, instead of a file.
    pub master_key: String,
    /// The file with the master key from before, as long as something may be sealed with it.
    pub previous_master_key_file: PathBuf,
    /// That key itself, instead of a file.
    pub previous_master_key: String,
    /// Base addresses of services in other processes.
    pub addresses: HashMap<String, String>,
    /// How long requests in hand may take when the process stops, seconds.
    pub drain_seconds: u64,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 5000)),
            internal_listen: None,
            grpc_listen: "127.0.0.1:50051".into(),
            data: PathBuf::from("data"),
            public_url: String::new(),
            services: vec![],
            secret: String::new(),
            master_key_file: PathBuf::new(),
            master_key: String::new(),
            previous_master_key_file: PathBuf::new(),
            previous_master_key: String::new(),
            addresses: HashMap::new(),
            drain_seconds: 10,
        }
    }
}

/// Where data is kept.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `postgres://…` with `{service}` in it; SQLite files in the data folder when empty.
    pub url: String,
}

/// How messages travel.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MessagesConfig {
    /// `in-process`, `embedded`, `nats` or `rabbitmq`.
    pub engine: Engine,
    /// Where the broker is, several addresses separated by commas; at its usual port on this machine when empty.
    pub url: String,
    /// Subject prefix; installations that share a broker need different ones.
    pub prefix: String,
    /// How long the broker keeps messages, days.
    pub retention_days: u64,
    /// How many servers of a NATS cluster keep them.
    pub replicas: usize,
}

impl Default for MessagesConfig {
    fn default() -> Self {
        let NatsConfig { prefix, retention, replicas, .. } = NatsConfig::default();
        let retention_days = retention.as_secs() / (24 * 3600);
        Self { engine: Engine::InProcess, url: String::new(), prefix, retention_days, replicas }
    }
}

impl MessagesConfig {
    /// Where the broker is.
    pub fn url(&self) -> &str {
        match (self.url.as_str(), self.engine) {
            ("", Engine::Nats) => "nats://127.0.0.1:4222",
            ("", Engine::InProcess | Engine::Embedded) => "nats://127.0.0.1:4333",
            ("", Engine::RabbitMq) => "amqp://guest:guest@127.0.0.1:5672/%2f",
            (url, _) => url,
        }
    }

    /// The settings of an engine that speaks the protocol of NATS.
    pub fn nats(&self) -> NatsConfig {
        NatsConfig {
            url: self.url().to_owned(),
            prefix: self.prefix.clone(),
            retention: self.retention(),
            replicas: if self.engine == Engine::Nats { self.replicas } else { 1 },
            ..NatsConfig::default()
        }
    }

    /// The settings of the RabbitMQ engine.
    pub fn rabbitmq(&self) -> RabbitMqConfig {
        RabbitMqConfig {
            url: self.url().to_owned(),
            prefix: self.prefix.clone(),
            retention: self.retention(),
            ..RabbitMqConfig::default()
        }
    }

    fn retention(&self) -> Duration {
        Duration::from_secs(self.retention_days * 24 * 3600)
    }
}

/// The embedded broker.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct BrokerConfig {
    /// Where it listens for NATS clients; there is none when empty.
    pub listen: String,
    /// The certificates of an encrypted broker, PEM; in the clear when empty.
    pub tls_certificate_file: PathBuf,
    /// The key that goes with them, PEM.
    pub tls_key_file: PathBuf,
    /// How many clients there may be.
    pub connections_max: usize,
    /// How much of Backline's own messages is kept, bytes.
    pub bytes_max: u64,
}

impl BrokerConfig {
    /// Whether clients are to encrypt.
    pub fn is_encrypted(&self) -> bool {
        let files = [&self.tls_certificate_file, &self.tls_key_file];
        files.iter().any(|file| !file.as_os_str().is_empty())
    }
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:4333".into(),
            tls_certificate_file: PathBuf::new(),
            tls_key_file: PathBuf::new(),
            connections_max: 10_000,
            bytes_max: 1 << 30,
        }
    }
}

/// What moves messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// Directly, between the services of one process.
    InProcess,
    /// The embedded broker of one of our processes.
    Embedded,
    /// NATS JetStream.
    Nats,
    /// RabbitMQ.
    #[serde(rename = "rabbitmq")]
    RabbitMq,
}

/// What was revoked, beside the messages.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RevocationsConfig {
    /// Where Redis is, `redis://` or, over TLS, `rediss://user:password@host:port/database`; none when empty.
    pub redis_url: String,
    /// What every name there begins with; installations that share a Redis need different ones.
    pub prefix: String,
}

impl Default for RevocationsConfig {
    fn default() -> Self {
        Self { redis_url: String::new(), prefix: "backline".into() }
    }
}

/// How letters leave.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailConfig {
    /// The server that takes letters: `smtps://user:password@host:465`; a folder in the data folder when empty.
    pub smtp_url: String,
    /// The sender.
    pub from: String,
}

impl Default for MailConfig {
    fn default() -> Self {
        Self { smtp_url: String::new(), from: "Backline <backline@localhost>".into() }
    }
}

/// What is logged, to standard error.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// `text` for people, `json` for collectors.
    pub format: LogFormat,
    /// `info`, `warn,access=info`, … (the syntax of `tracing_subscriber::EnvFilter`).
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".into() }
    }
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For collectors.
    Json,
}

/// What the command line sets.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--services`.
    pub services: Option<Vec<String>>,
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<SocketAddr>,
}

impl Config {
    /// Reads and checks the settings. `file` must exist when it is named.
    pub fn load(file: Option<&Path>, overrides: Overrides) -> Result<Self, ConfigError> {
        let source = match file {
            Some(file) => config::File::from(file).required(true),
            None => config::File::with_name(DEFAULT_FILE).required(false),
        };
        let environment = config::Environment::with_prefix("BACKLINE")
            .prefix_separator("_")
            .separator("__")
            .source(Some(settings_in_environment()))
            .try_parsing(true)
            .list_separator(",")
            .with_list_parse_key("node.services");
        let read = config::Config::builder().add_source(source).add_source(environment).build();
        let mut config: Self = read
            .and_then(config::Config::try_deserialize)
            .map_err(|error| ConfigError(error.to_string()))?;
        config.node.services = overrides.services.unwrap_or(config.node.services);
        config.node.data = overrides.data.unwrap_or(config.node.data);
        config.node.listen = overrides.listen.unwrap_or(config.node.listen);
        config.check()?;
        Ok(config)
    }

    /// Whether this process runs the service.
    pub fn runs(&self, service: &str) -> bool {
        self.node.services.is_empty() || self.node.services.iter().any(|name| name == service)
    }

    /// Whether this process runs every service. A broker of its own it need not have.
    pub fn runs_all(&self) -> bool {
        services::names().iter().all(|name| self.runs(name) || *name == services::BROKER)
    }

    /// The database of a service.
    pub fn database_url(&self, service: &str) -> String {
        if self.database.url.is_empty() {
            format!("sqlite:{}", self.node.data.join(format!("{service}.db")).display())
        } else {
            self.database.url.replace("{service}", service)
        }
    }

    /// Where this process signs programs in over gRPC, if it does.
    pub fn grpc_listen(&self) -> Result<Option<SocketAddr>, ConfigError> {
        let address = self.node.grpc_listen.as_str();
        if address.is_empty() || !self.runs(services::GATEWAY) {
            return Ok(None);
        }
        let wrong = || {
            ConfigError(format!(
                "`node.grpc_listen`: `{address}` is not an address like `127.0.0.1:50051`"
            ))
        };
        address.parse().map(Some).map_err(|_| wrong())
    }

    /// Where the embedded broker of this process listens, if it has one: beside another broker there is none.
    pub fn broker_listen(&self) -> Result<Option<SocketAddr>, ConfigError> {
        let address = self.broker.listen.as_str();
        let is_elsewhere = matches!(self.messages.engine, Engine::Nats | Engine::RabbitMq);
        if is_elsewhere || !self.runs(services::BROKER) {
            return Ok(None);
        }
        match (address, self.messages.engine) {
            ("", Engine::Embedded) => {
                let what = "`broker.listen` is empty, but this process is to run the broker";
                return Err(ConfigError(what.into()));
            }
            ("", _) => return Ok(None),
            _ => {}
        }
        let wrong = || {
            ConfigError(format!(
                "`broker.listen`: `{address}` is not an address like `127.0.0.1:4333`"
            ))
        };
        address.parse().map(Some).map_err(|_| wrong())
    }

    /// How the world reaches this installation, without a slash at the end.
    pub fn public_url(&self) -> String {
        match self.node.public_url.trim_end_matches('/') {
            "" => format!("http://{}", self.node.listen),
            url => url.to_owned(),
        }
    }

    /// The settings of a service.
    pub fn section(&self, service: &str) -> serde_json::Value {
        let section = match service {
            "gateway" => &self.gateway,
            "users" => &self.users,
            "tokens" => &self.tokens,
            "roles" => &self.roles,
            "customers" => &self.customers,
            "events" => &self.events,
            "audit" => &self.audit,
            _ => return serde_json::json!({}),
        };
        serde_json::json!(section)
    }

    /// The settings as TOML, without secrets.
    pub fn to_toml(&self) -> String {
        let mut shown = self.clone();
        let node = &mut shown.node;
        for secret in [&mut node.secret, &mut node.master_key, &mut node.previous_master_key] {
            if !secret.is_empty() {
                *secret = "(set)".into();
            }
        }
        shown.database.url = without_password(&shown.database.url);
        shown.messages.url = without_password(&shown.messages.url);
        shown.revocations.redis_url = without_password(&shown.revocations.redis_url);
        shown.mail.smtp_url = without_password(&shown.mail.smtp_url);
        // All of it came from TOML or can be written as such.
        toml::to_string_pretty(&shown).unwrap_or_default()
    }

    fn check(&self) -> Result<(), ConfigError> {
        let known = services::names();
        let unknown = self.node.services.iter().chain(self.node.addresses.keys());
        for name in unknown {
            if !known.contains(&name.as_str()) {
                let known = known.join(", ");
                return Err(ConfigError(format!(
                    "there is no service `{name}`; there are {known}"
                )));
            }
        }
        if !self.database.url.is_empty() && !self.database.url.contains("{service}") {
            let what =
                "`database.url` needs `{service}` in it: each service has a database of its own";
            return Err(ConfigError(what.into()));
        }
        if !(1..=REPLICAS_MAX).contains(&self.messages.replicas) {
            return Err(ConfigError(format!("`messages.replicas` must be 1 to {REPLICAS_MAX}")));
        }
        self.grpc_listen()?;
        self.broker_listen()?;
        if self.runs_all() && self.node.internal_listen.is_none() {
            return Ok(());
        }
        self.check_split()
    }

    fn check_split(&self) -> Result<(), ConfigError> {
        if self.node.secret.len() < SECRET_LENGTH_MIN {
            return Err(ConfigError(format!(
                "`node.secret` must be set to the same {SECRET_LENGTH_MIN} or more characters in every \
                 process, because this one does not run all services (openssl rand -base64 32 makes one)"
            )));
        }
        if self.messages.engine == Engine::InProcess {
            return Err(ConfigError(
                "`messages.engine` must be `embedded`, `nats` or `rabbitmq`, because this process does not run all \
                 services"
                    .into(),
            ));
        }
        if self.node.public_url.is_empty() {
            return Err(ConfigError(
                "`node.public_url` must be set to the same address in every process, because tokens are \
                 issued in its name"
                    .into(),
            ));
        }
        Ok(())
    }
}

/// `BACKLINE_<SECTION>__<KEY>`. Other variables that begin alike are somebody else's.
#[allow(clippy::disallowed_methods, reason = "this is where settings come from")]
fn settings_in_environment() -> HashMap<String, String> {
    std::env::vars()
        .filter(|(name, _)| name.starts_with("BACKLINE_") && name.contains("__"))
        .collect()
}

/// `scheme://user:…@host` without what stands between.
fn without_password(url: &str) -> String {
    let Some((head, host)) = url.rsplit_once('@') else { return url.to_owned() };
    match head.rsplit_once(':') {
        Some((user, _)) if user.contains("//") => format!("{user}:…@{host}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("backline.toml");
        std::fs::write(&file, text).expect("written");
        Config::load(Some(&file), Overrides::default())
    }

    #[test]
    fn nothing_need_be_set() {
        let config = load("").expect("good");
        assert!(config.runs_all());
        assert_eq!(config.public_url(), "http://127.0.0.1:5000");
        assert_eq!(config.database_url("users"), "sqlite:data/users.db");
    }

    #[test]
    fn an_unknown_setting_or_service_is_refused() {
        assert!(load("[node]\nport = 1").is_err());
        assert!(load("[nodes]").is_err());
        let unknown = load("[node]\nservices = [\"bookkeeping\"]").expect_err("refused");
        assert!(unknown.to_string().contains("there are roles, users"), "{unknown}");
    }

    #[test]
    fn several_processes_need_a_secret_a_broker_and_a_public_address() {
        let some = "[node]\nservices = [\"users\"]\n";
        assert!(load(some).expect_err("refused").to_string().contains("node.secret"));
        let some = format!("{some}secret = \"{}\"\n", "s".repeat(32));
        assert!(load(&some).expect_err("refused").to_string().contains("messages.engine"));
        let nats = "[messages]\nengine = \"nats\"";
        assert!(
            load(&format!("{some}{nats}")).expect_err("refused").to_string().contains("public_url")
        );
        let whole = format!("{some}public_url = \"https://x.example\"\n{nats}");
        assert!(load(&whole).is_ok());
    }

    #[test]
    fn there_is_no_embedded_broker_beside_another_one_or_when_none_is_wanted() {
        let there = |text: &str| load(text).expect("good").broker_listen().expect("good").is_some();
        assert!(there(""));
        assert!(!there("[broker]\nlisten = \"\""));
        assert!(!there("[messages]\nengine = \"nats\""));
        let split = format!(
            "[messages]\nengine = \"embedded\"\n[node]\nsecret = \"{}\"\n\
             public_url = \"https://x.example\"\n",
            "s".repeat(32)
        );
        assert!(!there(&format!("{split}services = [\"users\"]")));
        let with_broker = format!("{split}services = [\"users\", \"broker\"]");
        assert!(there(&with_broker));
        let nowhere =
            load(&format!("{with_broker}\n[broker]\nlisten = \"\"")).expect_err("refused");
        assert!(nowhere.to_string().contains("`broker.listen`"), "{nowhere}");
        let wrong = load("[broker]\nlisten = \"4333\"").expect_err("refused");
        assert!(wrong.to_string().contains("`broker.listen`"), "{wrong}");
    }

    #[test]
    fn secrets_are_not_shown() {
        let url = "postgres://backline:hunter2@db/backline_{service}";
        let text = format!(
            "[node]\nsecret = \"{}\"\nmaster_key = \"s3cr3t\"\nprevious_master_key = \"s3cr3t\"\n\
             [database]\nurl = \"{url}\"\n[mail]\nsmtp_url = \"smtps://u:hunter2@m:465\"\n\
             [revocations]\nredis_url = \"rediss://:hunter2@cache:6379\"",
            "s3cr3t".repeat(6)
        );
        let shown = load(&text).expect("good").to_toml();
        assert!(!shown.contains("hunter2") && !shown.contains("s3cr3t"), "{shown}");
    }

    #[test]
    fn the_example_file_shows_the_defaults() {
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../backline.example.toml");
        let example = Config::load(Some(Path::new(example)), Overrides::default()).expect("good");
        let defaults = load("").expect("good");
        assert_eq!(example.node.listen, defaults.node.listen);
        assert_eq!(example.node.grpc_listen, defaults.node.grpc_listen);
        assert_eq!(format!("{:?}", example.messages), format!("{:?}", defaults.messages));
        assert_eq!(format!("{:?}", example.broker), format!("{:?}", defaults.broker));
        assert_eq!(format!("{:?}", example.revocations), format!("{:?}", defaults.revocations));
        assert_eq!(example.node.master_key_file, defaults.node.master_key_file);
        assert_eq!(format!("{:?}", example.mail), format!("{:?}", defaults.mail));
        assert_eq!(format!("{:?}", example.log), format!("{:?}", defaults.log));
    }
}
