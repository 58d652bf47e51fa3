//! A broker by itself, for trying it out and for running other people's tests against it:
//! `cargo run -p broker --example serve -- FOLDER [ADDRESS [USER PASSWORD | TOKEN]]`. Ends on
//! ctrl-c or when it is told to.

#![allow(clippy::print_stdout, reason = "it says where it listens")]

use std::error::Error;
use std::io::Write;
use std::sync::Arc;

use async_trait::async_trait;
use broker::server::{Authenticator, Credentials, Everything, Permissions, Refused};
use broker::{Broker, BrokerSettings};
use tokio::signal::unix::{SignalKind, signal};

/// One user or one token, who may do everything.
struct Secret(Vec<String>);

#[async_trait]
impl Authenticator for Secret {
    async fn authenticate(&self, shown: &Credentials) -> Result<Arc<dyn Permissions>, Refused> {
        let is_right = match self.0.as_slice() {
            [token] => shown.token.as_ref() == Some(token),
            [user, password] => {
                shown.user.as_ref() == Some(user) && shown.password.as_ref() == Some(password)
            }
            _ => false,
        };
        if is_right { Ok(Arc::new(Everything)) } else { Err(Refused("wrong secret".into())) }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut settings = BrokerSettings::new(arguments.next().ok_or("say which folder")?);
    if let Some(address) = arguments.next() {
        settings.server.listen = address.parse()?;
    }
    let secret: Vec<String> = arguments.collect();
    if !secret.is_empty() {
        settings.authenticator = Arc::new(Secret(secret));
    }
    let broker = Broker::start(settings).await?;
    writeln!(std::io::stdout(), "listening on {}", broker.address())?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result?,
        _ = terminated.recv() => {}
    }
    broker.stop().await;
    Ok(())
}
