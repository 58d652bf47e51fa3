//! Three real nats-servers, for those who outgrow one machine: what is promised to them there must be true too.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_nats::ConnectOptions;
use async_nats::jetstream::{self, Context, stream};

use crate::support::{PATIENCE, orders, read_all};

const NODES: usize = 3;
/// Publications before a node is killed, and as many afterwards.
const MESSAGES: usize = 300;
/// A publication that is not answered for so long is in doubt, and the next one is sent.
const ANSWER_WAIT: Duration = Duration::from_secs(2);

/// Ended with the test.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Cluster {
    nodes: Vec<Option<Node>>,
    addresses: Vec<String>,
    _folder: tempfile::TempDir,
}

fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port"));
    listeners.map(|listener| listener.local_addr().expect("its number").port())
}

fn configuration(folder: &Path, number: usize, port: u16, routes: [u16; NODES]) -> String {
    let urls: Vec<String> = routes.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
    format!(
        "server_name: n{number}\nlisten: 127.0.0.1:{port}\n\
         jetstream {{ store_dir: {:?}, sync_interval: always }}\n\
         cluster {{ name: c, listen: 127.0.0.1:{}, routes: [{}] }}\n",
        folder.join(format!("n{number}")),
        routes[number],
        urls.join(", ")
    )
}

impl Cluster {
    /// `None` if nats-server is not installed.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let (ports, routes) = (free_ports::<NODES>(), free_ports::<NODES>());
        let mut nodes = Vec::new();
        for (number, port) in ports.into_iter().enumerate() {
            let file = folder.path().join(format!("n{number}.conf"));
            let text = configuration(folder.path(), number, port, routes);
            std::fs::write(&file, text).expect("written");
            let mut command = Command::new("nats-server");
            command.arg("-c").arg(file).stdout(Stdio::null()).stderr(Stdio::null());
            match command.spawn() {
                Ok(process) => nodes.push(Some(Node(process))),
                Err(error) if error.kind() == ErrorKind::NotFound => return None,
                Err(error) => panic!("nats-server does not start: {error}"),
            }
        }
        let addresses = ports.map(|port| format!("127.0.0.1:{port}")).to_vec();
        Some(Self { nodes, addresses, _folder: folder })
    }

    /// Whether all accepted their configuration: syncing each message is since nats-server 2.10.
    async fn is_running(&mut self) -> bool {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut nodes = self.nodes.iter_mut().flatten();
        nodes.all(|node| matches!(node.0.try_wait(), Ok(None)))
    }

    async fn connect(&self) -> Context {
        let options = ConnectOptions::new().retry_on_initial_connect();
        let mut context =
            jetstream::new(options.connect(self.addresses.clone()).await.expect("a connection"));
        context.set_timeout(ANSWER_WAIT);
        context
    }
}

/// The stream, as soon as there is a majority.
async fn create_stream(context: &Context) -> stream::Stream {
    let begun = tokio::time::Instant::now();
    loop {
        let config = stream::Config { num_replicas: NODES, ..orders() };
        match context.get_or_create_stream(config).await {
            Ok(stream) => return stream,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "no stream: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Publishes until so many were acknowledged. The broker knows each by its id.
async fn publish(context: &Context, kept: &mut BTreeMap<u64, String>, until: usize) {
    let begun = tokio::time::Instant::now();
    for number in 0.. {
        if kept.len() >= until {
            return;
        }
        assert!(begun.elapsed() < 2 * PATIENCE, "only {} of {until} were kept", kept.len());
        let body = format!("{until}-{number}");
        let Ok(sent) = context.publish("orders.a", body.clone().into()).await else { continue };
        if let Ok(answer) = sent.await {
            kept.insert(answer.sequence, body);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nats_servers_lose_nothing_when_their_leader_crashes() {
    let Some(mut cluster) = Cluster::start() else {
        eprintln!("SKIPPED: nats-server is not installed");
        return;
    };
    if !cluster.is_running().await {
        eprintln!("SKIPPED: nats-server is too old to sync each message");
        return;
    }
    let context = cluster.connect().await;
    let stream = create_stream(&context).await;
    let mut kept = BTreeMap::new();
    publish(&context, &mut kept, MESSAGES).await;
    let leader = stream.get_info().await.expect("info").cluster.and_then(|it| it.leader);
    let leader = leader.expect("a leader");
    let number: usize = leader[1..].parse().expect("its number");
    let publishing = tokio::spawn({
        let context = context.clone();
        async move {
            publish(&context, &mut kept, 2 * MESSAGES).await;
            kept
        }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    cluster.nodes[number] = None;
    let kept = publishing.await.expect("published");
    let found = read_all(&context).await;
    for (sequence, body) in &kept {
        assert_eq!(found.get(sequence), Some(body), "{sequence} was acknowledged");
    }
}
