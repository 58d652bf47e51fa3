//! The same bytes to our server and to nats-server: the answers must be the same.
//!
//! Where ours is stricter on purpose nothing is compared: it refuses subjects with wildcards, empty words, control
//! characters or other than UTF-8 to publish to, whether the client is pedantic or not.

use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use broker::server::Settings;

use crate::permissions::Guard;
use crate::support::{PATIENCE, Raw, TestServer};

/// The original, ended with the test.
struct NatsServer {
    process: Child,
    address: SocketAddr,
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl NatsServer {
    /// `None` if it is not installed.
    async fn start(options: &[&str]) -> Option<Self> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = free.local_addr().expect("its number");
        drop(free);
        let mut command = Command::new("nats-server");
        command.args(["-a", "127.0.0.1", "-p", &address.port().to_string()]).args(options);
        let process = match command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(process) => process,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                eprintln!("skipped: there is no nats-server on this machine to compare with");
                return None;
            }
            Err(error) => panic!("nats-server does not start: {error}"),
        };
        let server = Self { process, address };
        let begin = tokio::time::Instant::now();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            assert!(begin.elapsed() < PATIENCE, "nats-server does not listen");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        Some(server)
    }
}

const QUIET: &str = r#"CONNECT {"verbose":false,"headers":true,"no_responders":true,"protocol":1}"#;
const VERBOSE: &str = r#"CONNECT {"verbose":true,"headers":true,"no_responders":true}"#;
const PEDANTIC: &str = r#"CONNECT {"verbose":false,"pedantic":true,"headers":true}"#;
const NO_ECHO: &str =
    r#"CONNECT {"verbose":false,"echo":false,"headers":true,"no_responders":true}"#;
const NO_HEADERS: &str = r#"CONNECT {"verbose":false,"headers":false}"#;

/// The original's configuration for what [`Guard`] decides.
const AUTHORIZATION: &str = r#"authorization { users = [
    { user: user, password: right, permissions: { publish: ["ok.>"], subscribe: ["ok.>"] } }
] }"#;

/// What follows CONNECT.
const SCRIPTS: &[&str] = &[
    "",
    "ping\r\nsub a 1\r\npub a 2\r\nhi\r\n",
    "SUB a 1\r\nPUB a 2\r\nhi\r\nUNSUB 1\r\nUNSUB 77\r\nPUB a 2\r\nhi\r\n",
    "SUB a 1\r\nSUB b 1\r\nPUB a 1\r\nx\r\nPUB b 1\r\ny\r\n",
    "SUB a q 1\r\nPUB a 1\r\nx\r\n",
    "SUB a.*.c 1\r\nSUB d.> 2\r\nPUB a.b.c 1\r\nx\r\nPUB a.b 1\r\nx\r\nPUB d.e.f r 1\r\nx\r\nPUB d 0\r\n\r\n",
    "SUB a 1\r\nPUB\ta\t1\r\nx\r\nPUB  a   b  1  \r\ny\r\n",
    "SUB a 1\nPUB a 1\nx\r\n",
    "SUB a 1\r\nPUB a 4\r\n\r\n\r\n\r\n",
    "SUB a 1\r\nHPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\nHPUB a r 12 12\r\nNATS/1.0\r\n\r\n\r\n",
    "SUB a 1\r\nHPUB a 0 2\r\nhi\r\n",
    "SUB a 1\r\nHPUB a 4 6\r\nabcdhi\r\n",
    "SUB a 1\r\nUNSUB 1 2\r\nPUB a 1\r\na\r\nPUB a 1\r\nb\r\nPUB a 1\r\nc\r\n",
    "SUB a 1\r\nPUB a 1\r\na\r\nPUB a 1\r\nb\r\nUNSUB 1 2\r\nPUB a 1\r\nc\r\n",
    "SUB a 1\r\nPUB a 1\r\na\r\nUNSUB 1 2\r\nPUB a 1\r\nb\r\nPUB a 1\r\nc\r\n",
    "SUB a 1\r\nUNSUB 1 0\r\nPUB a 1\r\na\r\n",
    "SUB a 1\r\nUNSUB 1 x\r\nPUB a 1\r\na\r\n",
    "SUB a 1\r\nUNSUB 1 5\r\nUNSUB 1\r\nPUB a 1\r\na\r\n",
    "SUB in 1\r\nPUB nobody in 0\r\n\r\nHPUB nobody in 12 12\r\nNATS/1.0\r\n\r\n\r\n",
    "SUB in.* 1\r\nPUB nobody in.7 0\r\n\r\nPUB nobody 0\r\n\r\nPUB nobody other 0\r\n\r\n",
    "SUB in q 1\r\nPUB nobody in 0\r\n\r\n",
    "SUB a 1\r\nSUB in 2\r\nPUB a in 1\r\nx\r\n",
    "PUB a $JS.ACK.x 1\r\nx\r\nPUB a _R_.x 1\r\nx\r\n",
    "SUB a..b 1\r\nSUB >.a 2\r\nSUB .a 3\r\nSUB a. 4\r\n",
    "SUB \u{f6} 1\r\nPUB \u{f6} 1\r\nx\r\n",
    "SUB a *.>$ \r\nPUB a 1\r\nx\r\n",
    "PING abc\r\nPONG\r\n+OK\r\nINFO {}\r\nPING\r\r\n",
    "CONNECT {\"verbose\":true}\r\nSUB a 1\r\nCONNECT {\"verbose\":false}\r\nSUB b 2\r\n",
    "CONNECT {\"echo\":false}\r\nSUB a 1\r\nPUB a 1\r\nx\r\nCONNECT {}\r\nPUB a 1\r\nx\r\n",
    // From here on the connection is closed.
    "FOO bar\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "\r\n",
    "SUB a\r\n",
    "SUB a b c d\r\n",
    "SUB \r\n",
    "SUB\r\n",
    "PUB a x\r\n",
    "PUB a -1\r\n",
    "PUB\r\n",
    "PUB a\r\n",
    "PUB a b c 1\r\n",
    "PUB a 1\r\nxyz\r\n",
    "PUB a 5\r\nx\r\nPING\r\n",
    "SUB a 1\r\nPUB a 1\r\nx\nPING\r\n",
    "PUB a 1048577\r\n",
    "PUB a 99999999999999999999\r\n",
    "PUB a 2147483648\r\n",
    "PUB a 000000000001\r\nx\r\n",
    "HPUB a 15 14\r\n",
    "HPUB a 4\r\n",
    "HPUB a -1 4\r\n",
    "HPUB a 2 x\r\n",
    "HPUB a b c 1 1\r\n",
    "HPUB a 12 1048577\r\n",
    "UNSUB\r\n",
    "UNSUB \r\n",
    "UNSUB 1 2 3\r\n",
    "MSG a 1 2\r\nhi\r\n",
    "A+ foo\r\n",
    "P\r\n",
    "-ERR 'x'\r\n",
    "CONNECT {\r\n",
    "CONNECT\r\n",
    "CONNECT {\"verbose\":\"yes\"}\r\n",
    "CONNECT {\"protocol\":2}\r\n",
];

/// Sends a script and reads on until the answer to a last PING, or until the connection is closed.
async fn transcript(
    address: SocketAddr,
    connect: &str,
    script: &str,
    bytes_at_once: usize,
) -> String {
    let mut raw = Raw::connect(address).await;
    let stream = format!("{connect}\r\n{script}PING\r\nPUB \r\n");
    for piece in stream.as_bytes().chunks(bytes_at_once) {
        // The other side may have closed already.
        if tokio::io::AsyncWriteExt::write_all(&mut raw.stream, piece).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    as_of_version_2_10(&raw.rest().await)
}

/// Newer versions send INFO again after the first PONG, and name the subject when nobody responds.
fn as_of_version_2_10(transcript: &str) -> String {
    let mut lines: Vec<_> = transcript.split_inclusive("\r\n").map(str::to_owned).collect();
    lines.retain(|line| !line.starts_with("INFO ") && !line.starts_with("Nats-Subject: "));
    for number in 1..lines.len() {
        if lines[number] == "NATS/1.0 503\r\n" {
            let words: Vec<_> = lines[number - 1].split(' ').take(3).collect();
            lines[number - 1] = words.join(" ") + " 16 16\r\n";
        }
    }
    lines.concat()
}

/// Tells what differs in the answers to these scripts after each of these CONNECTs.
async fn compare(nats: &NatsServer, ours: &TestServer, connects: &[&str], scripts: &[&str]) {
    let mut different = vec![];
    for (script, connect) in scripts.iter().flat_map(|s| connects.iter().map(move |c| (s, c))) {
        let theirs = transcript(nats.address, connect, script, 100_000).await;
        for bytes_at_once in [100_000, 7] {
            let here = transcript(ours.address(), connect, script, bytes_at_once).await;
            if here != theirs {
                let start: String = script.chars().take(100).collect();
                let answers = format!("  nats: {theirs:?}\n  ours: {here:?}");
                different.push(format!("{connect}\n  {start:?}\n{answers}"));
            }
        }
    }
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}

#[tokio::test]
async fn our_server_answers_as_nats_does() {
    let Some(nats) = NatsServer::start(&[]).await else { return };
    let ours = TestServer::start().await;
    let long = format!("SUB {} 1\r\n", "a".repeat(900));
    let too_long = format!("SUB {} 1\r\n", "a".repeat(4200));
    let scripts = [SCRIPTS, &[&long, &too_long]].concat();
    let connects = [QUIET, VERBOSE, PEDANTIC, NO_ECHO, NO_HEADERS, "PING"];
    compare(&nats, &ours, &connects, &scripts).await;
}

#[tokio::test]
async fn our_server_refuses_as_nats_does() {
    let mut config = tempfile::NamedTempFile::new().expect("a file");
    config.write_all(AUTHORIZATION.as_bytes()).expect("written");
    let path = config.path().to_str().expect("a path");
    let Some(nats) = NatsServer::start(&["-c", path]).await else { return };
    let ours = TestServer::guarded(Settings::default(), Arc::new(Guard::default())).await;
    let known = r#"CONNECT {"verbose":false,"user":"user","pass":"right"}"#;
    let verbose = r#"CONNECT {"verbose":true,"user":"user","pass":"right"}"#;
    let wrong = r#"CONNECT {"verbose":true,"user":"user","pass":"wrong"}"#;
    let unknown = r#"CONNECT {"verbose":true}"#;
    let scripts = [
        "",
        "SUB no 1\r\nSUB no q 2\r\nSUB ok.a 3\r\nPUB no 1\r\nx\r\nPUB ok.a 1\r\ny\r\n",
        "SUB > 1\r\nSUB ok.> 2\r\nSUB ok.* q 3\r\nSUB *.a 4\r\nPUB ok 0\r\n\r\n",
        "SUB n\"o 1\r\nPUB n'\\o 1\r\nx\r\n",
        "CONNECT {\"user\":\"user\",\"pass\":\"wrong\"}\r\n",
        "FOO\r\n",
    ];
    let connects = [known, verbose, wrong, unknown, "PING", "FOO", "PUB ok.a 1\r\nx"];
    compare(&nats, &ours, &connects, &scripts).await;
}
