//! Processes that are measured: started, watched from outside, ended.
//!
//! This crate's executable plays several roles and looks at the name it was called by, so that one `cargo run` builds
//! all that is measured, with the same compiler settings.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::http_load::Connection;
use crate::{Error, Plan, Result};

/// The name under which the executable is the program, as it is shipped.
pub const PROGRAM: &str = "backline";
/// The name under which it is a bare server (see [`crate::bare`]).
pub const BARE_SERVER: &str = "bare-server";
/// The name under which it is a bare proxy (see [`crate::bare`]).
pub const BARE_PROXY: &str = "bare-proxy";

/// The name under which it is the embedded broker alone (see [`crate::messages`]).
pub const EMBEDDED_BROKER: &str = "embedded-broker";

const START_PATIENCE: Duration = Duration::from_secs(60);
const STOP_PATIENCE: Duration = Duration::from_secs(20);
/// How often `/ready` is asked; what a start-up time can be wrong by.
const READY_POLL: Duration = Duration::from_millis(1);
/// Of `/proc/<pid>/stat`; the kernel has shown this many to every program for decades.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running process with a port. Dropping it kills it.
pub struct Process {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From its start until it answered.
    pub start: Duration,
    log: PathBuf,
}

impl Process {
    /// Starts the program on a data folder and waits until it is ready.
    pub async fn program(plan: &Plan, folder: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        let address = free_address()?;
        let mut command = program(plan, folder, settings);
        command.args(["serve", "--listen", &address.to_string(), "--data"]).arg(folder);
        let mut process = Self::start(command, address, folder)?;
        process.wait_until("/ready").await?;
        Ok(process)
    }

    /// Starts this executable in another role, with arguments after the address.
    pub async fn role(plan: &Plan, role: &str, folder: &Path, arguments: &[&str]) -> Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(&plan.executable);
        command.arg0(role).arg(address.to_string()).args(arguments);
        let mut process = Self::start(command, address, folder)?;
        process.wait_until("/").await?;
        Ok(process)
    }

    /// Starts a foreign program that listens at `address`, and is ready when it answers this path.
    pub async fn foreign(
        command: Command,
        address: SocketAddr,
        folder: &Path,
        path: &str,
    ) -> Result<Self> {
        let mut process = Self::start(command, address, folder)?;
        process.wait_until(path).await?;
        Ok(process)
    }

    /// User and system time so far.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The second field is the name, in parentheses, and may have spaces in it.
        let (_, fields) = text.rsplit_once(") ").ok_or("an unreadable stat")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let (user, system): (f64, f64) = (fields[11].parse()?, fields[12].parse()?);
        Ok((user + system) / TICKS_PER_SECOND)
    }

    /// Resident memory, MiB.
    pub fn resident_mib(&self) -> Result<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib / 1024.0)
    }

    /// Asks it to stop and waits until it has.
    pub async fn stop(mut self) -> Result<()> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        let deadline = Instant::now() + STOP_PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                return Err(self.failed("does not stop"));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    fn start(mut command: Command, address: SocketAddr, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{}.log", address.port()));
        let file = std::fs::File::create(&log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        Ok(Self { child: command.spawn()?, address, start: Duration::ZERO, log })
    }

    async fn wait_until(&mut self, path: &str) -> Result<()> {
        let spawned = Instant::now();
        let deadline = spawned + START_PATIENCE;
        while !self.is_ready(path).await {
            if self.child.try_wait()?.is_some() || Instant::now() > deadline {
                return Err(self.failed("does not get ready"));
            }
            tokio::time::sleep(READY_POLL).await;
        }
        self.start = spawned.elapsed();
        Ok(())
    }

    async fn is_ready(&self, path: &str) -> bool {
        let Ok(mut connection) = Connection::open(self.address).await else { return false };
        matches!(connection.get(path, None).await, Ok(answer) if answer.status == 200)
    }

    fn failed(&self, what: &str) -> Error {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        format!("process {} {what}: {log}", self.child.id()).into()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The program's command line, with nothing of this process's environment but what is wanted.
pub fn program(plan: &Plan, folder: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(&plan.executable);
    command.arg0(PROGRAM).env_clear().current_dir(folder);
    // All clients come from one address here, and a log line costs about as much as a request.
    command.env("BACKLINE_GATEWAY__RATE_LIMIT__ENABLED", "false");
    command.env("BACKLINE_NODE__GRPC_LISTEN", "");
    command.env("BACKLINE_BROKER__LISTEN", "127.0.0.1:0");
    command.env("BACKLINE_LOG__FILTER", "warn,access=off");
    command.envs(settings.iter().copied());
    command
}

/// An address that nobody listens at.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// The whole path of a program of this machine, if it is installed.
pub fn installed(name: &str) -> Option<PathBuf> {
    let folders = ["/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin"];
    folders.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists())
}
