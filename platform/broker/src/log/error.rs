//! What can go wrong with a log, in words for whoever has to act. Clones, because one failure answers a whole batch.

use std::io;
use std::sync::Arc;

/// Why a call to the log did not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The queue's bound is reached. Nothing was taken: wait for [`Log::room`](super::Log::room) and call again.
    #[error("the log's queue is full, wait for room")]
    Full,
    /// The disk has no room. Nothing of the entry is kept; the log goes on as soon as there is room again.
    #[error("the disk is full, make room or keep less")]
    DiskFull,
    /// Writing or syncing failed, and what is on disk is not known. Nothing more is taken until the log is opened anew.
    #[error("the log stopped and must be opened again: {0}")]
    Failed(Arc<str>),
    /// The entry is larger than a record may be.
    #[error("an entry of {bytes} bytes is larger than the log takes")]
    TooLarge {
        /// What it would have taken.
        bytes: usize,
    },
    /// The record on disk is not what was written.
    #[error("the record of sequence {seq} is damaged")]
    Damaged {
        /// Whose record it is.
        seq: u64,
    },
    /// The file was written by a version that this program does not know.
    #[error("{file} has format version {version}, use the program that wrote it")]
    Version {
        /// Which file.
        file: String,
        /// What its header says.
        version: u32,
    },
    /// The file system refused something.
    #[error("cannot {action}: {cause}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        cause: Arc<io::Error>,
    },
}

/// What a call to the log gives.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// For `map_err`: says what was tried.
    pub(crate) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Io { action, cause: Arc::new(cause) }
    }
}

/// Whether the system says that the disk, or what one may use of it, is full.
pub(crate) fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
