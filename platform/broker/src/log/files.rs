//! The few things a log asks of a file system, so that a test can put a failing one in its place.
//!
//! Owns nothing. [`DiskFiles`] is one real folder; names are plain file names in it. What is written is certain only
//! after [`File::sync_data`], and a name only after [`Files::sync_folder`].

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Written at once when a file is filled with zeros.
const ZEROS_BYTES: usize = 1 << 20;
/// Synced at once, so that nobody who syncs another file has to wait for more than that.
const ZEROS_BYTES_SYNCED: u64 = 4 << 20;

/// One folder.
pub trait Files: Send + Sync {
    /// Opens a file that is there, to read and write.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;
    /// Makes an empty file; one of that name is emptied.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;
    /// Gives a file another name, in one step; a file that had the name is gone.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Deletes a file. Who has it open can go on reading.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// All names, in order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Makes names certain: those made, changed and deleted so far.
    fn sync_folder(&self) -> io::Result<()>;
    /// Puts a file that is no longer written into another folder, shared or copied. Refuses when the name is taken.
    fn export(&self, name: &str, folder: &Path) -> io::Result<()>;
}

/// One open file.
pub trait File: Send + Sync {
    /// Reads some bytes; none at the end.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
    /// Writes some of the bytes and says how many.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize>;
    /// Makes what has been written certain, and as much of its description as is needed to read it.
    fn sync_data(&self) -> io::Result<()>;
    /// Cuts or extends.
    fn truncate(&self, length: u64) -> io::Result<()>;
    /// Bytes in it.
    fn length(&self) -> io::Result<u64>;

    /// Fills the file with zeros up to a length and syncs. Overwriting such a file is half as expensive to sync as
    /// appending, because its description does not change.
    fn preallocate(&self, length: u64) -> io::Result<()> {
        let zeros = vec![0; ZEROS_BYTES];
        let mut offset = self.length()?;
        while offset < length {
            let some = (length - offset).min(ZEROS_BYTES as u64) as usize;
            write_all(self, offset, &zeros[..some])?;
            offset += some as u64;
            if offset % ZEROS_BYTES_SYNCED == 0 {
                self.sync_data()?;
            }
        }
        self.sync_data()
    }
}

/// Writes all of it, however little the system takes at a time.
pub(crate) fn write_all(file: &(impl File + ?Sized), offset: u64, bytes: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match file.write_at(offset + done as u64, &bytes[done..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(some) => done += some,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads until the buffer is full or the file ends; says how much there was.
pub(crate) fn read_full(file: &dyn File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(offset + done as u64, &mut buffer[done..]) {
            Ok(0) => break,
            Ok(some) => done += some,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Where the files of a log come from: the disk, and in tests also one that fails.
#[derive(Clone)]
pub struct OpenFiles(Arc<Opener>);

type Opener = dyn Fn(&Path) -> io::Result<Arc<dyn Files>> + Send + Sync;

impl OpenFiles {
    /// By a function of the folder, which may have to be made.
    pub fn new(open: impl Fn(&Path) -> io::Result<Arc<dyn Files>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(open))
    }

    /// The files of a folder.
    pub fn open(&self, folder: &Path) -> io::Result<Arc<dyn Files>> {
        (self.0)(folder)
    }
}

impl Default for OpenFiles {
    fn default() -> Self {
        Self::new(|folder| Ok(Arc::new(DiskFiles::new(folder)?)))
    }
}

impl fmt::Debug for OpenFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenFiles")
    }
}

/// A folder on disk.
#[derive(Clone, Debug)]
pub struct DiskFiles {
    folder: PathBuf,
}

impl DiskFiles {
    /// Uses a folder, which is made when it is not there.
    pub fn new(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        if !folder.is_dir() {
            fs::create_dir_all(&folder)?;
            if let Some(parent) = folder.parent().filter(|parent| parent.is_dir()) {
                fs::File::open(parent)?.sync_all()?;
            }
        }
        Ok(Self { folder })
    }

    fn open_with(&self, name: &str, options: &mut fs::OpenOptions) -> io::Result<Arc<dyn File>> {
        let file = options.read(true).write(true).open(self.folder.join(name))?;
        Ok(Arc::new(DiskFile(file)))
    }
}

impl Files for DiskFiles {
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.open_with(name, &mut fs::OpenOptions::new())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.open_with(name, fs::OpenOptions::new().create(true).truncate(true))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.folder.join(from), self.folder.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.folder.join(name))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            names.extend(name.to_str().map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    fn sync_folder(&self) -> io::Result<()> {
        fs::File::open(&self.folder)?.sync_all()
    }

    fn export(&self, name: &str, folder: &Path) -> io::Result<()> {
        let (from, to) = (self.folder.join(name), folder.join(name));
        match fs::hard_link(&from, &to) {
            Ok(()) => return Ok(()),
            // It may be this very file, shared before: copying over it would empty both.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            // Another file system, or one without links.
            Err(_) => {}
        }
        fs::copy(&from, &to)?;
        fs::File::open(&to)?.sync_all()
    }
}

struct DiskFile(fs::File);

impl File for DiskFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}
