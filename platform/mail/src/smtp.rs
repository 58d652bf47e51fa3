//! Through an SMTP server.

use std::time::Duration;

use lettre::message::Mailbox as Address;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use crate::{Letter, MailerError, SendError};

/// How long the server may take for each of its answers.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// A server that takes letters.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Address,
}

impl Smtp {
    pub fn new(url: &str, from: Address) -> Result<Self, MailerError> {
        // Neither the address nor the reason is repeated: there is a password in it.
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|_| {
            MailerError(
                "the address of the SMTP server must be like smtps://user:password@host:465, \
                 smtp://user:password@host:587?tls=required or smtp://host:25; in user and password \
                 write % and what an address cannot have as %25, …"
                    .into(),
            )
        })?;
        Ok(Self { transport: builder.timeout(Some(ANSWER_TIMEOUT)).build(), from })
    }

    pub async fn send(&self, letter: &Letter) -> Result<(), SendError> {
        let message = letter.message(&self.from)?;
        let sent = self.transport.send(message).await;
        sent.map(drop).map_err(|error| SendError::NotTaken(error.to_string()))
    }
}
