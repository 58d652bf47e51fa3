//! Who may connect and what they may do: decided by whoever starts the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::protocol::Connect;
use crate::subject::{Filter, Subject};

/// Decides whether a client may connect.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// Says what the bearer of the credentials may do. Given up after the server's `auth_timeout`.
    async fn authenticate(
        &self,
        credentials: &Credentials,
    ) -> Result<Arc<dyn Permissions>, Refused>;

    /// Whether a client must say who it is. If not, one that has not said anything yet may do what
    /// empty credentials may.
    fn is_required(&self) -> bool {
        true
    }
}

/// What a connected client may do.
pub trait Permissions: Send + Sync {
    /// Whether it may publish to the subject. Asked for every message.
    fn may_publish(&self, subject: &Subject) -> bool;

    /// Whether an answer to it may go to this subject. An answer comes from this process, which may publish anywhere:
    /// who may choose any subject for it may make this process say something there.
    fn may_be_answered_at(&self, _: &Subject) -> bool {
        true
    }

    /// Whether it may subscribe to all the filter matches, in that queue group.
    fn may_subscribe(&self, filter: &Filter, queue: Option<&str>) -> bool;

    /// Whom it was taken for.
    fn name(&self) -> &str;

    /// How long this holds, counted from now; then the connection is closed. `None` for ever.
    fn expires_in(&self) -> Option<Duration> {
        None
    }

    /// Cancelled when this no longer holds; then the connection is closed.
    fn revoked(&self) -> Option<CancellationToken> {
        None
    }
}

/// What a client shows.
#[derive(Clone)]
pub struct Credentials {
    /// `auth_token`.
    pub token: Option<String>,
    /// `user`.
    pub user: Option<String>,
    /// `pass`.
    pub password: Option<String>,
    /// What the client calls its connection. Proves nothing.
    pub name: Option<String>,
    /// Where it comes from.
    pub address: SocketAddr,
}

impl Credentials {
    pub(super) fn of(connect: &Connect, address: SocketAddr) -> Self {
        Self {
            token: connect.auth_token.clone(),
            user: connect.user.clone(),
            password: connect.pass.clone(),
            name: connect.name.clone(),
            address,
        }
    }
}

impl std::fmt::Debug for Credentials {
    /// Without the secrets, so that they reach no log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Credentials");
        shown.field("user", &self.user).field("name", &self.name).field("address", &self.address);
        shown.finish_non_exhaustive()
    }
}

/// The client may not connect. Why is for the log; the client hears `Authorization Violation`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the credentials were refused: {0}")]
pub struct Refused(pub String);

/// Everybody may do everything: for tests, and for a server that only this machine reaches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Everything;

#[async_trait]
impl Authenticator for Everything {
    async fn authenticate(&self, _: &Credentials) -> Result<Arc<dyn Permissions>, Refused> {
        Ok(Arc::new(Self))
    }

    fn is_required(&self) -> bool {
        false
    }
}

impl Permissions for Everything {
    fn may_publish(&self, _: &Subject) -> bool {
        true
    }

    fn may_subscribe(&self, _: &Filter, _: Option<&str>) -> bool {
        true
    }

    fn name(&self) -> &str {
        ""
    }
}
