//! A folder of this machine, for as long as no server is configured: a file for each letter.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use lettre::message::Mailbox as Address;

use crate::{Letter, SendError};

/// A folder with letters in it.
pub struct Mailbox {
    folder: PathBuf,
    from: Address,
}

impl Mailbox {
    pub fn new(folder: &Path, from: Address) -> Self {
        Self { folder: folder.to_owned(), from }
    }

    /// Writes the letter. The log says where it is, not what it says: there are links in it that open accounts.
    pub async fn send(&self, letter: &Letter) -> Result<(), SendError> {
        let wire = letter.message(&self.from)?.formatted();
        let folder = self.folder.clone();
        // The same letter has the same name: sent again, it takes its own place.
        let path = self.folder.join(format!("{}.eml", letter.id()));
        let file = path.clone();
        let written = tokio::task::spawn_blocking(move || write(&folder, &file, &wire)).await;
        match written {
            Ok(Ok(())) => tracing::info!("letter for {} is in {}", letter.to(), path.display()),
            Ok(Err(error)) => return Err(SendError::NotTaken(error.to_string())),
            Err(error) => return Err(SendError::NotTaken(error.to_string())),
        }
        Ok(())
    }
}

/// Whole or not at all, and for nobody else on this machine to read.
fn write(folder: &Path, file: &Path, wire: &[u8]) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let unfinished = file.with_extension("part");
    let mut options = std::fs::OpenOptions::new();
    let mut written =
        options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    written.write_all(wire)?;
    written.sync_all()?;
    std::fs::rename(&unfinished, file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use uuid::Uuid;

    use crate::{Letter, Mailer};

    #[tokio::test]
    async fn a_letter_is_a_file_that_only_its_owner_reads() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("mailbox");
        let mailer = Mailer::mailbox(&folder, "noreply@example.org").expect("a mailer");
        let id = Uuid::now_v7();
        let letter =
            Letter::new(id, "ada@example.org", "Hello", "A secret link").expect("a letter");
        mailer.send(&letter).await.expect("sent");
        mailer.send(&letter).await.expect("sent again");
        let files: Vec<_> = std::fs::read_dir(&folder).expect("a folder").collect();
        assert_eq!(files.len(), 1, "the same letter is one file");
        let path = folder.join(format!("{id}.eml"));
        let text = std::fs::read_to_string(&path).expect("a letter");
        assert!(text.contains("To: ada@example.org") && text.contains("A secret link"), "{text}");
        let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
