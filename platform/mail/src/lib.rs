//! Letters by e-mail: through an SMTP server, or into a folder of this machine as long as none is configured.
//!
//! Promises: what a letter says is never logged; no text of a letter can add a header or a recipient; sending ends
//! within [`SEND_TIMEOUT`]. Does not try again: who must not lose a letter keeps it in its own database until
//! [`Mailer::send`] has taken it. A letter that is sent again bears the same `Message-ID`, so that it can be recognised.

mod letter;
mod mailbox;
mod memory;
mod smtp;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lettre::message::Mailbox as Address;

pub use letter::{Letter, LetterError};
pub use memory::Memory;

use mailbox::Mailbox;
use smtp::Smtp;

/// The longest that sending one letter takes.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(60);

/// The settings cannot be used. The text says which one and why, and holds no password.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct MailerError(String);

/// A letter was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Nobody has such an address: trying again will not help.
    #[error("the address cannot be written to: {0}")]
    Unaddressable(String),
    /// The server or the folder did not take it; perhaps later.
    #[error("the letter was not taken: {0}")]
    NotTaken(String),
}

/// Where letters are handed in. Clones share it.
#[derive(Clone)]
pub struct Mailer(Arc<Engine>);

enum Engine {
    Smtp(Smtp),
    Mailbox(Mailbox),
    Memory(Memory),
}

impl Mailer {
    /// By SMTP. The address says how: `smtps://user:password@host:465` (TLS), `smtp://…:587?tls=required` (STARTTLS)
    /// or `smtp://host:25` (in the clear). `from` is the sender: `Backline <noreply@example.org>`.
    pub fn smtp(url: &str, from: &str) -> Result<Self, MailerError> {
        Ok(Self(Arc::new(Engine::Smtp(Smtp::new(url, sender(from)?)?))))
    }

    /// Into a folder, a file for each letter. The folder is made when the first letter comes.
    pub fn mailbox(folder: &Path, from: &str) -> Result<Self, MailerError> {
        Ok(Self(Arc::new(Engine::Mailbox(Mailbox::new(folder, sender(from)?)))))
    }

    /// Into memory, where a test reads them.
    pub fn memory(memory: &Memory) -> Self {
        Self(Arc::new(Engine::Memory(memory.clone())))
    }

    /// Hands a letter in. `Ok` when the server has taken it, or it is on disk.
    pub async fn send(&self, letter: &Letter) -> Result<(), SendError> {
        let sending = async {
            match &*self.0 {
                Engine::Smtp(smtp) => smtp.send(letter).await,
                Engine::Mailbox(mailbox) => mailbox.send(letter).await,
                Engine::Memory(memory) => memory.send(letter),
            }
        };
        let sent = tokio::time::timeout(SEND_TIMEOUT, sending).await;
        sent.unwrap_or_else(|_| Err(SendError::NotTaken("it took too long".into())))
    }
}

fn sender(from: &str) -> Result<Address, MailerError> {
    from.parse().map_err(|error| MailerError(format!("the sender `{from}` is no address: {error}")))
}
