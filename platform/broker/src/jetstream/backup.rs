//! A copy of all streams, made while a broker writes to them or while none does.
//!
//! Promise: what was acknowledged before the copy was begun is in it, and a broker can be started on it; a stream that is
//! deleted meanwhile is not. It works on the files alone: a sealed file never changes but as a whole, and in the live one
//! nothing changes before the end of a whole record. Consumers are copied before messages, so that none has received
//! what the copy does not have; what they acknowledge meanwhile comes to them again.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::Path;

use super::store::{StoredStream, StreamFolder, list_folders, sync_folder};
use crate::log::{self, LIVE_NAME};

/// How often files may come and go while they are copied: they do so once in many megabytes.
const ROUNDS_MAX: usize = 100;

/// Copies the streams of a broker's folder into another one, which must be empty or not there yet; says which.
pub fn copy(broker: &Path, to: &Path) -> io::Result<Vec<String>> {
    let (from, to) = (super::streams_of(broker), super::streams_of(to));
    fs::create_dir_all(&to)?;
    if fs::read_dir(&to)?.next().is_some() {
        return Err(io::ErrorKind::DirectoryNotEmpty.into());
    }
    let mut copied = vec![];
    for name in list_folders(&from)? {
        let (stream, copy) = (StreamFolder::new(&from, &name), StreamFolder::new(&to, &name));
        // One that is being deleted has a name with a dot.
        if !name.contains('.') && copy_whole(&stream, &copy)? {
            copied.push(name);
        }
    }
    sync_folder(&to)?;
    Ok(copied)
}

/// Copies a stream, unless it is deleted meanwhile; again if another one has its name then.
fn copy_whole(from: &StreamFolder, to: &StreamFolder) -> io::Result<bool> {
    while let Some(stored) = from.load_stream()? {
        let copied = copy_stream(&stored, from, to);
        let is_same = |now: StoredStream| now.created == stored.created;
        if from.load_stream()?.is_some_and(is_same) {
            return copied.map(|()| true);
        }
        to.delete()?;
    }
    Ok(false)
}

fn copy_stream(stored: &StoredStream, from: &StreamFolder, to: &StreamFolder) -> io::Result<()> {
    to.save_stream(stored)?;
    for consumer in from.load_consumers()? {
        to.save_consumer(&consumer)?;
    }
    fs::create_dir_all(to.messages())?;
    // One that is just being made has a file and no messages yet.
    if from.has_messages() { copy_messages(&from.messages(), &to.messages()) } else { Ok(()) }
}

/// Again until no file has come or gone meanwhile: between looking and copying the live file may have been sealed.
fn copy_messages(from: &Path, to: &Path) -> io::Result<()> {
    for _ in 0..ROUNDS_MAX {
        let before = names(from)?;
        let have = names(to)?;
        for gone in have.difference(&before) {
            fs::remove_file(to.join(gone))?;
        }
        for name in before.iter().filter(|name| *name == LIVE_NAME || !have.contains(*name)) {
            copy_file(from, to, name)?;
        }
        if names(from)? == before {
            return sync_folder(to);
        }
    }
    Err(io::Error::other(format!(
        "{}: its files change faster than they are copied",
        from.display()
    )))
}

/// One that has gone since it was listed is no failure.
fn copy_file(from: &Path, to: &Path, name: &OsString) -> io::Result<()> {
    let mut source = match File::open(from.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut copy = File::create(to.join(name))?;
    if name == LIVE_NAME {
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes)?;
        // Read anew: of what was being written, the beginning may have been read before it was there.
        source.rewind()?;
        io::copy(&mut source.take(log::end_of_records(&bytes)), &mut copy)?;
    } else {
        io::copy(&mut source, &mut copy)?;
    }
    copy.sync_all()
}

fn names(folder: &Path) -> io::Result<BTreeSet<OsString>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect()
}
