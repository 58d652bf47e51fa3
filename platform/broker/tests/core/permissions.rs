//! Who may connect, and what for.

use std::sync::Arc;
use std::time::Duration;

use async_nats::ConnectOptions;
use async_trait::async_trait;
use broker::server::{Authenticator, Credentials, Permissions, Refused, Settings};
use broker::subject::{Filter, Subject};
use tokio_util::sync::CancellationToken;

use crate::support::TestServer;

/// Lets the token `right` in, or `user` with that password, to all below `ok`.
#[derive(Clone, Default)]
pub struct Guard {
    expires_in: Option<Duration>,
    revoked: CancellationToken,
    /// Never comes to a decision.
    is_stuck: bool,
}

#[async_trait]
impl Authenticator for Guard {
    async fn authenticate(
        &self,
        credentials: &Credentials,
    ) -> Result<Arc<dyn Permissions>, Refused> {
        if self.is_stuck {
            std::future::pending::<()>().await;
        }
        let is_password = credentials.user.as_deref() == Some("user")
            && credentials.password.as_deref() == Some("right");
        if is_password || credentials.token.as_deref() == Some("right") {
            return Ok(Arc::new(self.clone()));
        }
        Err(Refused("wrong token".into()))
    }
}

impl Permissions for Guard {
    fn may_publish(&self, subject: &Subject) -> bool {
        subject.as_str().starts_with("ok.")
    }

    fn may_be_answered_at(&self, subject: &Subject) -> bool {
        subject.as_str() != "secret"
    }

    fn may_subscribe(&self, filter: &Filter, _: Option<&str>) -> bool {
        Filter::parse("ok.>").expect("a filter").covers(filter)
    }

    fn name(&self) -> &str {
        "guarded"
    }

    fn expires_in(&self) -> Option<Duration> {
        self.expires_in
    }

    fn revoked(&self) -> Option<CancellationToken> {
        Some(self.revoked.clone())
    }
}

async fn guarded(guard: Guard) -> TestServer {
    TestServer::guarded(Settings::default(), Arc::new(guard)).await
}

const CONNECT: &str = "CONNECT {\"auth_token\":\"right\",\"verbose\":false}\r\n";

#[tokio::test]
async fn a_client_that_is_known_is_let_in() {
    let server = guarded(Guard::default()).await;
    let address = server.address().to_string();
    ConnectOptions::with_token("right".into()).connect(&address).await.expect("a token");
    let client = ConnectOptions::with_user_and_password("user".into(), "right".into());
    let _client = client.connect(&address).await.expect("a password");
    let users = server.server.connections();
    assert!(users.last().is_some_and(|connection| connection.user == "guarded"));
    ConnectOptions::with_token("wrong".into()).connect(&address).await.expect_err("a wrong token");
    ConnectOptions::new().connect(&address).await.expect_err("no token");
}

#[tokio::test]
async fn nothing_is_done_for_a_client_that_is_not_known() {
    let server = guarded(Guard::default()).await;
    for sent in ["PING\r\n", "SUB ok.a 1\r\n", "PUB ok.a 999999999\r\n", "FOO\r\n", "\r\n"] {
        let mut raw = server.raw().await;
        raw.send(sent).await;
        assert_eq!(raw.rest().await, "-ERR 'Authorization Violation'\r\n", "{sent}");
    }
    let mut raw = server.raw().await;
    raw.send("CONNECT {\"auth_token\":\"wrong\"}\r\nPING\r\n").await;
    assert_eq!(raw.rest().await, "-ERR 'Authorization Violation'\r\n");
}

#[tokio::test]
async fn what_is_not_allowed_is_refused_and_the_connection_goes_on() {
    let server = guarded(Guard::default()).await;
    let mut raw = server.raw().await;
    raw.send(CONNECT).await;
    raw.send(
        "SUB no 1\r\nSUB > 2\r\nSUB no q 3\r\nSUB ok.a 4\r\nPUB no 1\r\nx\r\nPUB ok.a 1\r\ny\r\n",
    )
    .await;
    assert_eq!(
        raw.all().await,
        "-ERR 'Permissions Violation for Subscription to \"no\"'\r\n\
         -ERR 'Permissions Violation for Subscription to \">\"'\r\n\
         -ERR 'Permissions Violation for Subscription to \"no\" using queue \"q\"'\r\n\
         -ERR 'Permissions Violation for Publish to \"no\"'\r\n\
         MSG ok.a 4 1\r\ny\r\n"
    );
}

#[tokio::test]
async fn a_client_cannot_have_the_server_confirm_something_else() {
    let server = TestServer::start().await;
    let mut raw = server.raw().await;
    raw.send("CONNECT {\"verbose\":false}\r\nSUB a 1\r\nPUB a $JS.ACK.s.c.1.1.1.1.0 1\r\nx\r\n")
        .await;
    let expected =
        "-ERR 'Permissions Violation for Publish with Reply of \"$JS.ACK.s.c.1.1.1.1.0\"'\r\n";
    assert_eq!(raw.all().await, expected);
}

#[tokio::test]
async fn a_client_cannot_have_the_server_answer_where_it_may_not() {
    let server = guarded(Guard::default()).await;
    let mut raw = server.raw().await;
    raw.send(CONNECT).await;
    raw.send("SUB ok.a 1\r\nPUB ok.a secret 1\r\nx\r\nPUB ok.a elsewhere 1\r\ny\r\n").await;
    let expected = "-ERR 'Permissions Violation for Publish with Reply of \"secret\"'\r\n\
                    MSG ok.a 1 elsewhere 1\r\ny\r\n";
    assert_eq!(raw.all().await, expected);
}

#[tokio::test]
async fn a_client_that_does_not_say_who_it_is_is_disconnected() {
    let auth_timeout = Duration::from_millis(50);
    let settings = Settings { auth_timeout, ..Settings::default() };
    let server = TestServer::guarded(settings.clone(), Arc::new(Guard::default())).await;
    let mut raw = server.raw().await;
    raw.send("CONN").await;
    assert_eq!(raw.rest().await, "-ERR 'Authentication Timeout'\r\n");

    let stuck = Guard { is_stuck: true, ..Guard::default() };
    let server = TestServer::guarded(settings, Arc::new(stuck)).await;
    let mut raw = server.raw().await;
    raw.send(CONNECT).await;
    assert_eq!(raw.rest().await, "-ERR 'Authentication Timeout'\r\n");
}

#[tokio::test]
async fn a_connection_ends_when_its_permission_does() {
    let expires_in = Some(Duration::from_millis(100));
    let server = guarded(Guard { expires_in, ..Guard::default() }).await;
    let mut raw = server.raw().await;
    raw.send(CONNECT).await;
    assert_eq!(raw.rest().await, "-ERR 'User Authentication Expired'\r\n");

    let guard = Guard::default();
    let server = guarded(guard.clone()).await;
    let mut raw = server.raw().await;
    raw.send(CONNECT).await;
    assert_eq!(raw.all().await, "");
    guard.revoked.cancel();
    assert_eq!(raw.rest().await, "-ERR 'User Authentication Revoked'\r\n");
}
