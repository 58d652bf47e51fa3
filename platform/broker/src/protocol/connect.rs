//! The options that a client sends with CONNECT.

use serde::Deserialize;

use super::{PROTOCOL_VERSION, ProtocolError};

/// What CONNECT said. A field that is absent keeps what it was before, as in the original server.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Connect {
    /// Whether each operation is answered with `+OK`.
    pub verbose: Option<bool>,
    /// Whether subjects are checked more strictly. Ours always are.
    pub pedantic: Option<bool>,
    /// Whether the client wants to receive what it publishes itself.
    pub echo: Option<bool>,
    /// Whether the client understands HMSG.
    pub headers: Option<bool>,
    /// Whether a request that nobody hears is answered with status 503.
    pub no_responders: Option<bool>,
    /// The version of the protocol the client speaks.
    pub protocol: Option<i64>,
    /// The name of the connection, for people.
    pub name: Option<String>,
    /// The language of the client library.
    pub lang: Option<String>,
    /// The version of the client library.
    pub version: Option<String>,
    /// Credential: a token.
    pub auth_token: Option<String>,
    /// Credential: a user.
    pub user: Option<String>,
    /// Credential: the password of that user.
    pub pass: Option<String>,
}

impl Connect {
    /// Reads the argument of CONNECT.
    pub(super) fn parse(json: &[u8]) -> Result<Self, ProtocolError> {
        let connect: Self = serde_json::from_slice(json).map_err(|_| ProtocolError::Connect)?;
        let is_known = connect.protocol.is_none_or(|v| (0..=PROTOCOL_VERSION).contains(&v));
        if !is_known {
            return Err(ProtocolError::ProtocolVersion);
        }
        if connect.no_responders == Some(true) && connect.headers != Some(true) {
            return Err(ProtocolError::NoRespondersWithoutHeaders);
        }
        Ok(connect)
    }
}

impl std::fmt::Debug for Connect {
    /// Without the credentials, so that they reach no log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Connect");
        shown.field("name", &self.name).field("lang", &self.lang).field("version", &self.version);
        shown.field("verbose", &self.verbose).field("echo", &self.echo);
        shown.field("headers", &self.headers).field("no_responders", &self.no_responders);
        shown.finish_non_exhaustive()
    }
}
