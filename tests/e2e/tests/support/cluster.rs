//! The program, running: one process on SQLite; or a process for each service, on PostgreSQL and NATS or on nothing but
//! files and the embedded broker.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use http::Method;
use tempfile::TempDir;
use testkit::postgres::ServiceDatabases;

use super::client::{Client, PASSWORD};

const SERVICES: &[&str] = contracts::SERVICES;
const GATEWAY: &str = "gateway";
const ALL: &str = "all";
/// Not a process: the port at which the door signs programs in.
const GRPC: &str = "grpc";
/// Not a process either: where the embedded broker listens for NATS clients.
const NATS_DOOR: &str = "nats";
const BROKER: &str = "broker";
/// What the processes of a test share.
pub const SECRET: &str = "a secret that all processes of a test share";
pub const NATS: &str = "nats://127.0.0.1:4222";
const ADMIN: &str = "admin@example.org";
/// An unoptimised process for each service, on a busy machine.
const START_PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    OneProcess,
    Split,
    /// A process for each service and one for the broker, and no other software.
    SplitOnFiles,
}

pub struct Cluster {
    pub topology: Topology,
    folder: TempDir,
    ports: BTreeMap<&'static str, u16>,
    grpc_port: u16,
    broker_port: u16,
    environment: Vec<(String, String)>,
    processes: std::sync::Mutex<BTreeMap<&'static str, Child>>,
    databases: Option<ServiceDatabases>,
    prefix: String,
}

impl Cluster {
    /// Starts everything and waits until it is ready.
    pub async fn start(topology: Topology) -> Self {
        Self::start_with(topology, &[]).await
    }

    /// As [`Cluster::start`], with further settings: `("BACKLINE_USERS__DEFAULT_ROLE", "door")`.
    pub async fn start_with(topology: Topology, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let names: Vec<&'static str> = match topology {
            Topology::OneProcess => vec![ALL],
            Topology::Split => SERVICES.iter().copied().chain([GATEWAY]).collect(),
            Topology::SplitOnFiles => SERVICES.iter().copied().chain([GATEWAY, BROKER]).collect(),
        };
        let mut ports = free_ports(&[&names[..], &[GRPC, NATS_DOOR]].concat());
        let grpc_port = ports.remove(GRPC).expect("a port");
        let broker_port = ports.remove(NATS_DOOR).expect("a port");
        let databases = match topology {
            Topology::OneProcess | Topology::SplitOnFiles => None,
            Topology::Split => Some(ServiceDatabases::create(SERVICES).await),
        };
        let prefix = format!("backline-test-{}", uuid::Uuid::now_v7().simple());
        let mut environment: Vec<(String, String)> = vec![
            // Many people come from one address here.
            ("BACKLINE_GATEWAY__RATE_LIMIT__ENABLED".into(), "false".into()),
            ("BACKLINE_LOG__FILTER".into(), "warn,audit=warn,access=warn".into()),
            ("BACKLINE_NODE__GRPC_LISTEN".into(), format!("127.0.0.1:{grpc_port}")),
            ("BACKLINE_BROKER__LISTEN".into(), format!("127.0.0.1:{broker_port}")),
        ];
        let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        if topology != Topology::OneProcess {
            environment.extend(split_settings(&ports));
        }
        if let Some(databases) = &databases {
            environment.extend([
                setting("BACKLINE_DATABASE__URL", &databases.url()),
                setting("BACKLINE_MESSAGES__ENGINE", "nats"),
                setting("BACKLINE_MESSAGES__URL", NATS),
                setting("BACKLINE_MESSAGES__PREFIX", &prefix),
            ]);
        } else if topology == Topology::SplitOnFiles {
            environment.extend([
                setting("BACKLINE_MESSAGES__ENGINE", "embedded"),
                setting("BACKLINE_MESSAGES__URL", &format!("nats://127.0.0.1:{broker_port}")),
            ]);
        }
        // Last, so that a test has its way.
        environment.extend(settings.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        let processes = std::sync::Mutex::default();
        let cluster = Self {
            topology,
            folder,
            ports,
            grpc_port,
            broker_port,
            environment,
            processes,
            databases,
            prefix,
        };
        for name in names {
            cluster.spawn(name);
        }
        cluster.wait_until_ready().await;
        cluster
    }

    /// A client in front of the gateway.
    pub fn client(&self) -> Client {
        Client::new(&self.address(self.door()))
    }

    /// The first administrator, made on the command line as an operator would.
    pub async fn administrator(&self) -> Client {
        let mut command = self.command();
        command.args(["users", "create", "--email", ADMIN, "--role", "admin", "--password-stdin"]);
        command.arg("--data").arg(self.folder.path());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("started");
        let mut stdin = child.stdin.take().expect("standard input");
        stdin.write_all(PASSWORD.as_bytes()).expect("written");
        drop(stdin);
        assert!(child.wait().expect("ended").success());
        self.client().sign_in(ADMIN).await
    }

    /// The letters that were sent to an address, in order: without a mail server they are files.
    pub fn letters_to(&self, email: &str) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(self.folder.path().join("mailbox")) else {
            return vec![];
        };
        let paths = files.map(|file| file.expect("a file").path());
        let mut paths: Vec<_> =
            paths.filter(|path| path.extension().is_some_and(|kind| kind == "eml")).collect();
        paths.sort();
        let letters = paths.iter().map(|path| std::fs::read_to_string(path).expect("a letter"));
        letters.filter(|letter| letter.contains(&format!("To: {email}\r\n"))).collect()
    }

    /// Where programs sign in over gRPC.
    pub fn grpc_address(&self) -> String {
        format!("http://127.0.0.1:{}", self.grpc_port)
    }

    /// Where programs receive messages, when the broker is the embedded one.
    pub fn broker_address(&self) -> String {
        format!("nats://127.0.0.1:{}", self.broker_port)
    }

    /// Where a service listens for the other processes.
    pub fn address_of(&self, service: &'static str) -> String {
        self.address(self.process_of(service))
    }

    /// Kills what runs the service, at whatever it is doing.
    pub fn kill(&self, service: &'static str) {
        let name = self.process_of(service);
        let mut child = self.processes.lock().expect("processes").remove(name).expect("running");
        child.kill().expect("killed");
        child.wait().expect("ended");
    }

    /// Starts what runs the service again; its data are where they were.
    pub fn restart(&self, service: &'static str) {
        self.spawn(self.process_of(service));
    }

    /// Asks what runs the service to stop, and waits until it has; its exit status.
    pub fn terminate(&self, service: &'static str) -> std::process::ExitStatus {
        let name = self.process_of(service);
        let mut child = self.processes.lock().expect("processes").remove(name).expect("running");
        let asked = Command::new("kill").arg(child.id().to_string()).status().expect("kill");
        assert!(asked.success());
        child.wait().expect("ended")
    }

    /// Waits until every process says that it is ready.
    pub async fn wait_until_ready(&self) {
        for (name, port) in &self.ports {
            let client = Client::new(&format!("http://127.0.0.1:{port}"));
            let deadline = tokio::time::Instant::now() + START_PATIENCE;
            loop {
                let answer = client.try_send(Method::GET, "/ready", None).await;
                if answer.is_some_and(|answer| answer.status == 200) {
                    break;
                }
                assert!(
                    tokio::time::Instant::now() < deadline,
                    "`{name}` does not get ready: {}",
                    self.log(name)
                );
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// Where the data of all processes are.
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// What the names of this test begin with on a broker that others use too.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// What the process of a service has written.
    pub fn log(&self, service: &'static str) -> String {
        let path = self.folder.path().join(format!("{}.log", self.process_of(service)));
        std::fs::read_to_string(path).unwrap_or_default()
    }

    /// Runs the program with other arguments on this cluster's data.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backline-under-test"));
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.folder.path());
        command
    }

    /// Ends everything and removes what was made.
    pub async fn stop(mut self) {
        self.kill_all();
        if let Some(databases) = self.databases.take() {
            databases.drop_now().await;
            if let Ok(client) = async_nats::connect(NATS).await {
                let context = async_nats::jetstream::new(client);
                drop(context.delete_stream(&self.prefix).await);
            }
        }
    }

    fn spawn(&self, name: &'static str) {
        let path = self.folder.path().join(format!("{name}.log"));
        let log = std::fs::File::options().append(true).create(true).open(path).expect("a log");
        let mut command = self.command();
        command.arg("serve").arg("--data").arg(self.folder.path());
        command.arg("--listen").arg(format!("127.0.0.1:{}", self.ports[name]));
        if name != ALL {
            command.args(["--services", name]);
        }
        let errors = log.try_clone().expect("a log");
        let child =
            command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().expect("started");
        self.processes.lock().expect("processes").insert(name, child);
    }

    fn is_alive(&self, name: &'static str) -> bool {
        let mut processes = self.processes.lock().expect("processes");
        let child = processes.get_mut(name).expect("started");
        child.try_wait().expect("a state").is_none()
    }

    fn process_of(&self, service: &'static str) -> &'static str {
        if self.topology == Topology::OneProcess { ALL } else { service }
    }

    fn door(&self) -> &'static str {
        self.process_of(GATEWAY)
    }

    fn address(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}", self.ports[name])
    }

    fn kill_all(&mut self) {
        for (_, mut child) in std::mem::take(&mut *self.processes.lock().expect("processes")) {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for name in self.ports.keys() {
                let log = std::fs::read_to_string(self.folder.path().join(format!("{name}.log")));
                eprintln!("--- log of `{name}`\n{}", log.unwrap_or_default());
            }
        }
        self.kill_all();
    }
}

/// Settings of a process for each service, as an operator would write them.
fn split_settings(ports: &BTreeMap<&'static str, u16>) -> Vec<(String, String)> {
    let mut settings = vec![
        ("BACKLINE_NODE__SECRET".to_owned(), SECRET.to_owned()),
        ("BACKLINE_NODE__PUBLIC_URL".to_owned(), format!("http://127.0.0.1:{}", ports[GATEWAY])),
    ];
    for service in SERVICES {
        let name = format!("BACKLINE_NODE__ADDRESSES__{}", service.to_uppercase());
        settings.push((name, format!("http://127.0.0.1:{}", ports[service])));
    }
    settings
}

/// Ports that nobody listens at. All are held until the last is found, so they differ.
fn free_ports(names: &[&'static str]) -> BTreeMap<&'static str, u16> {
    let listeners: Vec<_> =
        names.iter().map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
    let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
    names.iter().copied().zip(listeners.iter().map(port)).collect()
}
