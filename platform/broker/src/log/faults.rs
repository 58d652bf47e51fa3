//! A folder in memory that fails on demand, for tests: loses power, tears writes, runs full, refuses to sync, and
//! counts what it was asked to do.
//!
//! Owns nothing on disk. It is as cruel as a real disk may be: until a sync, each sector of a write and each change of
//! a name survives or not by itself; after a sync that failed, what it should have saved is lost although it can
//! still be read.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::files::{File, Files};

/// What a disk writes in one step.
const SECTOR_BYTES: u64 = 512;

/// A folder in memory. Clones are the same folder.
#[derive(Clone, Default)]
pub struct FaultyFiles {
    world: Arc<World>,
}

#[derive(Default)]
struct World {
    names: Mutex<Names>,
    faults: Mutex<Faults>,
    /// Syncs wait here while they are held.
    released: Condvar,
}

#[derive(Default)]
struct Names {
    now: BTreeMap<String, Arc<Inode>>,
    certain: BTreeMap<String, Arc<Inode>>,
    uncertain: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Set(String, Arc<Inode>),
    Rename(String, String, Arc<Inode>),
    Unset(String),
}

#[derive(Default)]
struct Inode {
    contents: Mutex<Contents>,
}

#[derive(Clone, Default)]
struct Contents {
    now: Vec<u8>,
    certain: Vec<u8>,
    uncertain: Vec<Write>,
}

#[derive(Clone)]
enum Write {
    At(u64, Vec<u8>),
    Truncate(u64),
}

#[derive(Default)]
struct Faults {
    counts: Counts,
    failing_syncs: Vec<u64>,
    failing_writes: Vec<u64>,
    fails_truncate: bool,
    write_bytes_max: Option<usize>,
    capacity_bytes: Option<u64>,
    holds_syncs: bool,
    operations: u64,
    /// At which operation the power goes, and with which seed.
    dies_at: Option<(u64, u64)>,
    /// What is found after that.
    found: Option<FaultyFiles>,
}

/// What has been asked for so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls that write.
    pub writes: u64,
    /// Syncs of files.
    pub syncs: u64,
}

impl FaultyFiles {
    /// An empty folder without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// What has been asked for so far.
    pub fn counts(&self) -> Counts {
        self.world.faults.lock().counts
    }

    /// The n-th sync from now fails (1 is the next one), and what it should have saved is lost.
    pub fn fail_sync(&self, nth: u64) {
        let mut faults = self.world.faults.lock();
        let place = faults.counts.syncs + nth;
        faults.failing_syncs.push(place);
    }

    /// The n-th write from now fails.
    pub fn fail_write(&self, nth: u64) {
        let mut faults = self.world.faults.lock();
        let place = faults.counts.writes + nth;
        faults.failing_writes.push(place);
    }

    /// Whether files can be cut.
    pub fn set_fails_truncate(&self, fails: bool) {
        self.world.faults.lock().fails_truncate = fails;
    }

    /// A write takes at most so many bytes at a time.
    pub fn set_write_bytes_max(&self, bytes: Option<usize>) {
        self.world.faults.lock().write_bytes_max = bytes;
    }

    /// All files together take at most so many bytes.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.world.faults.lock().capacity_bytes = bytes;
    }

    /// Syncs wait until they are released.
    pub fn hold_syncs(&self, holds: bool) {
        self.world.faults.lock().holds_syncs = holds;
        self.world.released.notify_all();
    }

    /// Turns one bit of a file over, for certain.
    pub fn flip_bit(&self, name: &str, offset: usize, bit: u8) {
        let inode = self.world.names.lock().now.get(name).cloned();
        let inode = inode.expect("a test names files that are there");
        let mut contents = inode.contents.lock();
        let Contents { now, certain, .. } = &mut *contents;
        for bytes in [now, certain] {
            if let Some(byte) = bytes.get_mut(offset) {
                *byte ^= 1 << bit;
            }
        }
    }

    /// What a file holds now.
    pub fn bytes_of(&self, name: &str) -> Vec<u8> {
        let inode = self.world.names.lock().now.get(name).cloned();
        inode.map(|inode| inode.contents.lock().now.clone()).unwrap_or_default()
    }

    /// Puts a file there, for certain.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let contents =
            Contents { now: bytes.to_vec(), certain: bytes.to_vec(), uncertain: Vec::new() };
        let inode = Arc::new(Inode { contents: Mutex::new(contents) });
        let mut names = self.world.names.lock();
        names.now.insert(name.to_owned(), inode.clone());
        names.certain.insert(name.to_owned(), inode);
    }

    /// The power goes at the n-th change from now (1 is the next one): in the middle of it, when it is a write. From
    /// then on everything fails, and [`FaultyFiles::found_after_death`] has what is found.
    pub fn die_at(&self, nth: u64, seed: u64) {
        let mut faults = self.world.faults.lock();
        faults.dies_at = Some((faults.operations + nth, seed));
    }

    /// What is found when the power is back, if it went.
    pub fn found_after_death(&self) -> Option<Self> {
        self.world.faults.lock().found.clone()
    }

    /// What the next process finds when this one is killed at this moment: everything that was written, but what was
    /// not synced is still not certain.
    pub fn after_kill(&self) -> Self {
        let names = self.world.names.lock();
        let mut copies: BTreeMap<*const Inode, Arc<Inode>> = BTreeMap::new();
        let mut copy = |inode: &Arc<Inode>| {
            let contents = || Mutex::new(inode.contents.lock().clone());
            let copied = copies.entry(Arc::as_ptr(inode));
            copied.or_insert_with(|| Arc::new(Inode { contents: contents() })).clone()
        };
        let mut copy_all = |from: &BTreeMap<String, Arc<Inode>>| {
            from.iter().map(|(name, inode)| (name.clone(), copy(inode))).collect()
        };
        let copied = Names {
            now: copy_all(&names.now),
            certain: copy_all(&names.certain),
            uncertain: names.uncertain.iter().map(|change| change.map(&mut copy)).collect(),
        };
        Self { world: Arc::new(World { names: Mutex::new(copied), ..World::default() }) }
    }

    /// What a machine finds that lost its power at this moment. The folder itself goes on, as if nothing happened.
    pub fn after_power_loss(&self, seed: u64) -> Self {
        self.world.after_power_loss(seed)
    }
}

/// How much of what was not synced survives: nothing and everything are as likely as a part.
enum Survivors {
    None,
    All,
    Some,
}

impl Survivors {
    fn choose(random: &mut StdRng) -> Self {
        match random.random_range(0..4) {
            0 => Self::None,
            1 => Self::All,
            _ => Self::Some,
        }
    }

    fn has(&self, random: &mut StdRng) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Some => random.random_bool(0.5),
        }
    }
}

fn apply_change(names: &mut BTreeMap<String, Arc<Inode>>, change: Change) {
    match change {
        Change::Set(name, inode) => {
            names.insert(name, inode);
        }
        Change::Rename(from, to, inode) => {
            names.remove(&from);
            names.insert(to, inode);
        }
        Change::Unset(name) => {
            names.remove(&name);
        }
    }
}

impl Change {
    fn map(&self, copy: &mut impl FnMut(&Arc<Inode>) -> Arc<Inode>) -> Self {
        match self {
            Self::Set(name, inode) => Self::Set(name.clone(), copy(inode)),
            Self::Rename(from, to, inode) => Self::Rename(from.clone(), to.clone(), copy(inode)),
            Self::Unset(name) => Self::Unset(name.clone()),
        }
    }
}

impl Names {
    fn change(&mut self, change: Change) {
        apply_change(&mut self.now, change.clone());
        self.uncertain.push(change);
    }
}

impl Contents {
    fn after_power_loss(&self, random: &mut StdRng) -> Vec<u8> {
        let mut found = self.certain.clone();
        let survivors = Survivors::choose(random);
        for write in &self.uncertain {
            match write {
                Write::Truncate(length) if survivors.has(random) => {
                    found.resize(*length as usize, 0);
                }
                Write::Truncate(_) => {}
                Write::At(offset, bytes) => {
                    keep_sectors(&mut found, *offset, bytes, || survivors.has(random))
                }
            }
        }
        found
    }
}

fn keep_sectors(
    found: &mut Vec<u8>,
    offset: u64,
    bytes: &[u8],
    mut survives: impl FnMut() -> bool,
) {
    let mut done = 0;
    while done < bytes.len() {
        let at = offset + done as u64;
        let sector_end = (at / SECTOR_BYTES + 1) * SECTOR_BYTES;
        let length = (bytes.len() - done).min((sector_end - at) as usize);
        if survives() {
            put_bytes(found, at as usize, &bytes[done..done + length]);
        }
        done += length;
    }
}

fn put_bytes(contents: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if contents.len() < at + bytes.len() {
        contents.resize(at + bytes.len(), 0);
    }
    contents[at..at + bytes.len()].copy_from_slice(bytes);
}

impl World {
    fn after_power_loss(&self, seed: u64) -> FaultyFiles {
        let mut random = StdRng::seed_from_u64(seed);
        let names = self.names.lock();
        let mut found = names.certain.clone();
        let survivors = Survivors::choose(&mut random);
        for change in &names.uncertain {
            if survivors.has(&mut random) {
                apply_change(&mut found, change.clone());
            }
        }
        let after = FaultyFiles::new();
        for (name, inode) in &found {
            after.put(name, &inode.contents.lock().after_power_loss(&mut random));
        }
        after
    }

    fn find(&self, name: &str) -> io::Result<Arc<Inode>> {
        let found = self.names.lock().now.get(name).cloned();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Counts a change, before it is made or, when it is a write, after. Fails when the power is gone.
    fn pass(&self) -> io::Result<()> {
        let mut faults = self.faults.lock();
        faults.operations += 1;
        let operations = faults.operations;
        if let Some((_, seed)) = faults.dies_at.filter(|(at, _)| *at <= operations)
            && faults.found.is_none()
        {
            faults.found = Some(self.after_power_loss(seed));
        }
        drop(faults);
        self.check_power()
    }

    /// A sync looks again at its end: another thread's change may have met the end while it was at it.
    fn check_power(&self) -> io::Result<()> {
        match self.faults.lock().found {
            Some(_) => Err(io::Error::other("the power is gone")),
            None => Ok(()),
        }
    }

    fn used_bytes(&self) -> u64 {
        let names = self.names.lock();
        names.now.values().map(|inode| inode.contents.lock().now.len() as u64).sum()
    }
}

impl Files for FaultyFiles {
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let inode = self.world.find(name)?;
        Ok(Arc::new(FaultyFile { world: self.world.clone(), inode }))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.world.pass()?;
        let file = FaultyFile { world: self.world.clone(), inode: Arc::default() };
        let change = Change::Set(name.to_owned(), file.inode.clone());
        self.world.names.lock().change(change);
        Ok(Arc::new(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.world.pass()?;
        let inode = self.world.find(from)?;
        let change = Change::Rename(from.to_owned(), to.to_owned(), inode);
        self.world.names.lock().change(change);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.world.pass()?;
        self.world.find(name)?;
        self.world.names.lock().change(Change::Unset(name.to_owned()));
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.world.names.lock().now.keys().cloned().collect())
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.world.pass()?;
        let mut names = self.world.names.lock();
        names.certain = names.now.clone();
        names.uncertain.clear();
        drop(names);
        self.world.check_power()
    }

    fn export(&self, name: &str, folder: &Path) -> io::Result<()> {
        std::fs::write(folder.join(name), self.bytes_of(name))
    }
}

struct FaultyFile {
    world: Arc<World>,
    inode: Arc<Inode>,
}

impl FaultyFile {
    /// How much of a write of this length is taken.
    fn admit(&self, offset: u64, length: usize) -> io::Result<usize> {
        let used = self.world.used_bytes();
        let mut faults = self.world.faults.lock();
        faults.counts.writes += 1;
        let count = faults.counts.writes;
        if faults.failing_writes.contains(&count) {
            return Err(io::Error::other("the disk refused to write"));
        }
        let some = length.min(faults.write_bytes_max.unwrap_or(length));
        let Some(capacity) = faults.capacity_bytes else { return Ok(some) };
        let there = self.inode.contents.lock().now.len() as u64;
        let room = there.saturating_sub(offset) + capacity.saturating_sub(used);
        match some.min(room as usize) {
            0 => Err(io::ErrorKind::StorageFull.into()),
            fitting => Ok(fitting),
        }
    }

    fn admit_sync(&self) -> io::Result<()> {
        let mut faults = self.world.faults.lock();
        faults.counts.syncs += 1;
        let count = faults.counts.syncs;
        while faults.holds_syncs {
            self.world.released.wait(&mut faults);
        }
        if faults.failing_syncs.contains(&count) {
            return Err(io::Error::other("the disk refused to sync"));
        }
        Ok(())
    }
}

impl File for FaultyFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let contents = self.inode.contents.lock();
        let rest = contents.now.get(offset as usize..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let length = self.admit(offset, bytes.len())?;
        let mut contents = self.inode.contents.lock();
        put_bytes(&mut contents.now, offset as usize, &bytes[..length]);
        contents.uncertain.push(Write::At(offset, bytes[..length].to_vec()));
        drop(contents);
        self.world.pass()?;
        Ok(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.world.pass()?;
        // What is written while the disk is at it may or may not be included: here it is not.
        let written = self.inode.contents.lock().uncertain.len();
        let admitted = self.admit_sync();
        let mut contents = self.inode.contents.lock();
        let synced: Vec<Write> = contents.uncertain.drain(..written).collect();
        admitted?;
        for write in synced {
            match write {
                Write::At(offset, bytes) => {
                    put_bytes(&mut contents.certain, offset as usize, &bytes);
                }
                Write::Truncate(length) => contents.certain.resize(length as usize, 0),
            }
        }
        drop(contents);
        self.world.check_power()
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.world.pass()?;
        if self.world.faults.lock().fails_truncate {
            return Err(io::Error::other("the disk refused to cut"));
        }
        let mut contents = self.inode.contents.lock();
        contents.now.resize(length as usize, 0);
        contents.uncertain.push(Write::Truncate(length));
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.inode.contents.lock().now.len() as u64)
    }
}
