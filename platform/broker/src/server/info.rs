//! INFO: what the server tells each client about itself.

use std::net::SocketAddr;

use bytes::BytesMut;
use rand::Rng;
use rand::seq::IndexedRandom;
use serde::Serialize;

use super::client::Client;
use super::settings::Settings;
use crate::protocol::PROTOCOL_VERSION;
use crate::protocol::write::ServerOperation;

/// Clients decide by it what they may ask for: what we do is what this version of the original did.
const VERSION: &str = "2.10.22";

/// Ids of the original are public keys in this alphabet, and begin with N for a server.
const ID_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const ID_LETTERS: usize = 55;

/// What is the same for all clients.
pub(super) struct ServerInfo {
    server_id: String,
    server_name: String,
    address: SocketAddr,
    max_payload: usize,
    jetstream: bool,
    auth_required: bool,
    tls_required: bool,
}

#[derive(Serialize)]
struct InfoJson<'a> {
    server_id: &'a str,
    server_name: &'a str,
    version: &'a str,
    proto: i64,
    host: String,
    port: u16,
    headers: bool,
    #[serde(skip_serializing_if = "is_false")]
    auth_required: bool,
    #[serde(skip_serializing_if = "is_false")]
    tls_required: bool,
    max_payload: usize,
    #[serde(skip_serializing_if = "is_false")]
    jetstream: bool,
    client_id: u64,
    client_ip: String,
    #[serde(skip_serializing_if = "is_false")]
    ldm: bool,
}

impl ServerInfo {
    pub fn new(settings: &Settings, address: SocketAddr, auth_required: bool) -> Self {
        Self {
            server_id: create_id(&mut rand::rng()),
            server_name: settings.server_name.clone(),
            address,
            max_payload: settings.max_payload,
            jetstream: settings.jetstream,
            auth_required,
            tls_required: settings.tls.is_some(),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The greeting.
    pub fn write(&self, buffer: &mut BytesMut, client: &Client) {
        ServerOperation::Info(&self.json(client, false)).write(buffer);
    }

    /// The last word: connect elsewhere.
    pub fn write_lame_duck(&self, buffer: &mut BytesMut, client: &Client) {
        ServerOperation::Info(&self.json(client, true)).write(buffer);
    }

    fn json(&self, client: &Client, ldm: bool) -> String {
        let info = InfoJson {
            server_id: &self.server_id,
            server_name: &self.server_name,
            version: VERSION,
            proto: PROTOCOL_VERSION,
            host: self.address.ip().to_string(),
            port: self.address.port(),
            headers: true,
            auth_required: self.auth_required,
            tls_required: self.tls_required,
            max_payload: self.max_payload,
            jetstream: self.jetstream,
            client_id: client.id.0,
            client_ip: client.address.ip().to_string(),
            ldm,
        };
        serde_json::to_string(&info).expect("it has only texts and numbers")
    }
}

fn create_id(random: &mut impl Rng) -> String {
    let letters = (0..ID_LETTERS).filter_map(|_| ID_ALPHABET.choose(random));
    let letters: String = letters.map(|letter| char::from(*letter)).collect();
    format!("N{letters}")
}

fn is_false(value: &bool) -> bool {
    !*value
}
