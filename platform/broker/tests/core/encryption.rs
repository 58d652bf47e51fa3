//! Connections that nobody else can read. The key in `tls/` is in the repository and protects nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::ConnectOptions;
use broker::server::Settings;
use futures::StreamExt;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::{PATIENCE, Raw, TestServer};

fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/core/tls")).join(name)
}

fn encrypted() -> Settings {
    // The client asks for the one of the process, and in a build of everything two are linked in.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let certificate =
        CertificateDer::from_pem_file(file("certificate.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(file("key.pem")).expect("a key");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a configuration");
    Settings { tls: Some(Arc::new(config)), ..Settings::default() }
}

#[tokio::test]
async fn a_client_that_trusts_the_certificate_is_served() {
    let server = TestServer::with(encrypted()).await;
    let options = ConnectOptions::new().add_root_certificates(file("certificate.pem"));
    let client = options.connect(server.address().to_string()).await.expect("a client");
    let mut subscriber = client.subscribe("a").await.expect("subscribed");
    let payload = vec![b'x'; 300_000];
    client.publish("a", payload.clone().into()).await.expect("published");
    let next = tokio::time::timeout(PATIENCE, subscriber.next()).await.expect("in time");
    assert!(next.expect("a message").payload == payload);
    let stopping = server.server.stop();
    tokio::time::timeout(PATIENCE, stopping).await.expect("stopped");
}

#[tokio::test]
async fn a_client_that_does_not_is_not() {
    let server = TestServer::with(encrypted()).await;
    let address = server.address().to_string();
    ConnectOptions::new().connect(address).await.expect_err("an unknown certificate");
    let mut plain = Raw::connect(server.address()).await;
    plain.send("CONNECT {}\r\nPING\r\n").await;
    assert!(!plain.rest().await.contains("PONG"));
}

#[tokio::test]
async fn a_client_that_never_begins_the_handshake_is_disconnected() {
    let settings = Settings { auth_timeout: Duration::from_millis(50), ..encrypted() };
    let server = TestServer::with(settings).await;
    let mut silent = Raw::connect_unread(server.address()).await;
    let info = silent.rest().await;
    assert!(info.contains("\"tls_required\":true"), "{info}");
    crate::support::eventually("it is forgotten", || server.server.connections().is_empty()).await;
}
