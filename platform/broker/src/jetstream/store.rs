//! Streams and consumers on disk: `<name>/stream.json` and `<name>/consumers/<consumer>.json`.
//!
//! Owns these files and promises that each is either the old one or the new one, whole, whatever happens in between.
//! Every function blocks: call them where that does no harm.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::config::{ConsumerConfig, StreamConfig};
use super::consumer::State;
use super::random_name;

const STREAM_FILE: &str = "stream.json";
const CONSUMERS_FOLDER: &str = "consumers";
const MESSAGES_FOLDER: &str = "messages";
/// A file that is being written ends so; one that is found at the start is of no worth.
const UNFINISHED: &str = "unfinished";
/// How the names of folders begin that are being deleted. No stream's name has a dot.
const DELETED: &str = ".deleted-";
const DELETED_LETTERS: usize = 12;

/// What is kept of a stream besides its messages.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredStream {
    /// When it was made.
    pub created: Timestamp,
    /// How it is set up.
    pub config: StreamConfig,
}

/// What is kept of a consumer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredConsumer {
    /// When it was made.
    pub created: Timestamp,
    /// Its name, also where the client gave none.
    pub name: String,
    /// How it is set up.
    pub config: ConsumerConfig,
    /// Its numbers.
    pub state: State,
}

/// The folder of one stream.
#[derive(Clone, Debug)]
pub struct StreamFolder(PathBuf);

impl StreamFolder {
    /// Below the folder of all streams.
    pub fn new(streams: &Path, name: &str) -> Self {
        Self(streams.join(name))
    }

    /// Where its messages are.
    pub fn messages(&self) -> PathBuf {
        self.0.join(MESSAGES_FOLDER)
    }

    /// Writes the stream's own file, and makes the folders when they are missing.
    pub fn save_stream(&self, stream: &StoredStream) -> io::Result<()> {
        fs::create_dir_all(self.0.join(CONSUMERS_FOLDER))?;
        write_json(&self.0, STREAM_FILE, stream)?;
        // The folder's own name is durable once its parent is.
        self.0.parent().map_or(Ok(()), sync_folder)
    }

    /// Reads the stream's own file; `None` when it was never written to the end.
    pub fn load_stream(&self) -> io::Result<Option<StoredStream>> {
        read_json(&self.0.join(STREAM_FILE))
    }

    /// Writes a consumer's file.
    pub fn save_consumer(&self, consumer: &StoredConsumer) -> io::Result<()> {
        let name = format!("{}.json", consumer.name);
        write_json(&self.0.join(CONSUMERS_FOLDER), &name, consumer)
    }

    /// Deletes a consumer's file; none is fine.
    pub fn delete_consumer(&self, name: &str) -> io::Result<()> {
        let folder = self.0.join(CONSUMERS_FOLDER);
        match fs::remove_file(folder.join(format!("{name}.json"))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => sync_folder(&folder),
        }
    }

    /// Reads all consumers.
    pub fn load_consumers(&self) -> io::Result<Vec<StoredConsumer>> {
        let mut consumers = Vec::new();
        for entry in fs::read_dir(self.0.join(CONSUMERS_FOLDER))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                consumers.extend(read_json(&path)?);
            }
        }
        Ok(consumers)
    }

    /// Whether there are messages, of this stream or, when it has no file, of nobody knows which.
    pub fn has_messages(&self) -> bool {
        self.messages().exists()
    }

    /// Deletes everything. It gets a name that says so first: what a crash leaves of it is deleted at the next start.
    pub fn delete(&self) -> io::Result<()> {
        let streams = self.0.parent().unwrap_or(Path::new("."));
        let name = format!("{DELETED}{}", random_name(DELETED_LETTERS));
        let deleted = streams.join(name);
        fs::rename(&self.0, &deleted)?;
        sync_folder(streams)?;
        fs::remove_dir_all(deleted)
    }
}

/// Deletes what was left of streams that were being deleted.
pub fn delete_leftovers(streams: &Path) -> io::Result<()> {
    fs::create_dir_all(streams)?;
    for entry in fs::read_dir(streams)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(DELETED) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// The names of the folders that may be streams.
pub fn list_folders(streams: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(streams)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.extend(entry.file_name().into_string());
        }
    }
    names.sort();
    Ok(names)
}

/// Another file first, on disk, under its name only then, and that on disk too.
fn write_json(folder: &Path, name: &str, value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec(value)?;
    let unfinished = folder.join(format!("{name}.{UNFINISHED}"));
    let mut file = File::create(&unfinished)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&unfinished, folder.join(name))?;
    sync_folder(folder)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(text) => {
            serde_json::from_slice(&text).map(Some).map_err(|error| about(path, error.into()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(about(path, error)),
    }
}

fn about(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Makes the names in a folder certain.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_being_deleted_is_gone_after_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join(".deleted-abc/messages")).unwrap();
        fs::create_dir_all(folder.path().join("s")).unwrap();
        delete_leftovers(folder.path()).unwrap();
        assert_eq!(list_folders(folder.path()).unwrap(), ["s"]);
    }

    #[test]
    fn what_was_saved_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let stream = StreamFolder::new(folder.path(), "s");
        assert!(stream.load_stream().unwrap().is_none());
        let config: StreamConfig = serde_json::from_str(r#"{"name":"s"}"#).unwrap();
        let config = config.complete().unwrap();
        let created = Timestamp::UNIX_EPOCH;
        stream.save_stream(&StoredStream { created, config: config.clone() }).unwrap();
        assert_eq!(stream.load_stream().unwrap().unwrap().config, config);
        let consumer = StoredConsumer {
            created,
            name: "c".into(),
            config: ConsumerConfig::default(),
            state: State::default(),
        };
        stream.save_consumer(&consumer).unwrap();
        assert_eq!(stream.load_consumers().unwrap().len(), 1);
        stream.delete_consumer("c").unwrap();
        stream.delete_consumer("c").unwrap();
        assert!(stream.load_consumers().unwrap().is_empty());
        assert_eq!(list_folders(folder.path()).unwrap(), ["s"]);
        stream.delete().unwrap();
        assert!(list_folders(folder.path()).unwrap().is_empty());
    }
}
