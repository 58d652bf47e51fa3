//! Opening: reads every file from its beginning, checks every record, builds the index, and says what was found.
//!
//! Promises: only the end of the live file is ever cut, and only when no whole record follows. What is damaged with
//! whole records behind it is skipped, reported and left on disk; so is a sealed file in which nothing can be read.
//! Nothing is ever written behind damage, so that what was found once is found at every start.
//! What is shown afterwards is on disk: the live file is synced before anybody can read from it.

use std::ops::ControlFlow;

use super::LIVE_NAME;
use super::error::{Error, Result};
use super::files::{self, File, Files};
use super::index::Index;
use super::keeper;
use super::parts::{self, Part, Parts};
use super::record::{self, Body, EntryBody, Header, Mark, Record};
use super::segment::Segment;
use super::writer::Live;
use crate::subject::Subject;

/// What was found when a log was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Entries that are there.
    pub entries: u64,
    /// What their records take.
    pub bytes: u64,
    /// Files, with the live one.
    pub files: usize,
    /// The end of the live file, when it was not whole and has been cut.
    pub torn: Option<TornTail>,
    /// Records that cannot be read, with whole ones behind them. Still in their files.
    pub damaged: Vec<Damage>,
    /// Sealed files in which nothing can be read. Still there.
    pub unreadable: Vec<Unreadable>,
}

/// What was cut from the live file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// Which file.
    pub file: String,
    /// Where it was cut.
    pub offset: u64,
    /// How much was cut.
    pub bytes: u64,
}

/// A part of a file that is not whole records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Which file.
    pub file: String,
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
    /// First and last sequence that may have been there. `None`: no entries, but a header or a removal.
    pub sequences: Option<(u64, u64)>,
}

/// A sealed file without anything that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Which file.
    pub file: String,
    /// What is wrong.
    pub reason: String,
}

/// All that the log begins with.
pub(crate) struct Recovered {
    pub index: Index,
    pub live: Live,
    pub recovery: Recovery,
}

/// Reads a folder.
pub(crate) fn recover(files: &dyn Files, segment_bytes: u64) -> Result<Recovered> {
    let mut scanner = Scanner { segment_bytes, ..Scanner::default() };
    scanner.index.raise(Mark { truncated: 0, next_seq: 1 });
    let names = files.list().map_err(Error::io("list the folder"))?;
    for name in names.iter().filter(|name| keeper::is_leftover(name)) {
        files.remove(name).map_err(Error::io("remove an unfinished file"))?;
    }
    for name in &names {
        if let Some(first_seq) = first_seq_in_name(name) {
            scanner.scan_sealed(files, name, first_seq)?;
        }
    }
    let has_live = names.iter().any(|name| name == LIVE_NAME);
    let live = match has_live {
        true => scanner.scan_live(files)?,
        false => {
            scanner.begin_behind_hidden()?;
            scanner.create_live(files)?
        }
    };
    Ok(scanner.finish(live))
}

/// Gives the live file the name of a sealed one, which no other must have: it would be gone.
pub(crate) fn seal(files: &dyn Files, sealed: &str) -> std::io::Result<()> {
    match files.open(sealed) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            files.rename(LIVE_NAME, sealed)
        }
        _ => Err(std::io::Error::other(format!("there is a file {sealed} already"))),
    }
}

/// The name of a sealed file.
pub(crate) fn sealed_name(first_seq: u64) -> String {
    format!("messages-{first_seq:020}.log")
}

fn first_seq_in_name(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("messages-")?.strip_suffix(".log")?;
    (digits.len() == 20).then(|| digits.parse().ok())?
}

#[derive(Default)]
struct Scanner {
    index: Index,
    recovery: Recovery,
    highest_entry: u64,
    /// Damaged parts whose last sequence is not known before the next entry: place in the report, and of the segment.
    open_damages: Vec<(usize, usize)>,
    hidden: Hidden,
    /// How long files become.
    segment_bytes: u64,
}

/// What the newest sealed file may hold behind the last sequence that is known. Otherwise the live file says where it
/// begins itself.
enum Hidden {
    AtMost(u64),
    /// It could not be read now, for this reason.
    Unknown(std::io::Error),
}

impl Default for Hidden {
    fn default() -> Self {
        Self::AtMost(0)
    }
}

impl Scanner {
    fn scan_sealed(&mut self, files: &dyn Files, name: &str, named_seq: u64) -> Result<()> {
        // Whatever can be read of it: it has an entry at least, and no other file may get its name.
        self.index.raise(Mark { truncated: 0, next_seq: named_seq + 1 });
        self.hidden = Hidden::AtMost(0);
        let read = files.open(name).and_then(|file| Ok((read_whole(&*file)?, file)));
        let (bytes, file) = match read {
            Ok(found) => found,
            Err(error) => {
                self.report_unreadable(name, error.to_string());
                self.hidden = Hidden::Unknown(error);
                return Ok(());
            }
        };
        let start = check_header(name, &bytes)?;
        if !Parts::new(&bytes, start).any(|part| matches!(part, Part::Record(..))) {
            self.report_unreadable(name, "no whole record in it".to_owned());
            // It may have been longer, before what was removed was left out.
            let longest = self.segment_bytes.max(bytes.len() as u64);
            self.hidden = Hidden::AtMost(longest / record::ENTRY_BYTES as u64 + 1);
            return Ok(());
        }
        let first_seq = first_seq_of(&bytes).unwrap_or(named_seq);
        let end = self.scan(Segment::new(first_seq, name.to_owned(), file), &bytes, start);
        if let Some((offset, length)) = end.torn {
            self.report_damage(offset, length);
        }
        self.hidden = Hidden::AtMost(end.uncounted);
        Ok(())
    }

    /// Where a live file begins that does not say so itself: behind all that may have been given out before.
    fn begin_behind_hidden(&mut self) -> Result<u64> {
        match std::mem::take(&mut self.hidden) {
            Hidden::AtMost(count) => {
                let next_seq = self.index.mark.next_seq + count;
                self.index.raise(Mark { truncated: 0, next_seq });
                Ok(next_seq)
            }
            // It may be readable tomorrow: then nothing must have taken the place of what is in it.
            Hidden::Unknown(error) => {
                Err(Error::io("read the newest file, behind which the next one is to begin")(error))
            }
        }
    }

    fn scan_live(&mut self, files: &dyn Files) -> Result<Live> {
        let file = files.open(LIVE_NAME).map_err(Error::io("open the live file"))?;
        let bytes = read_whole(&*file).map_err(Error::io("read the live file"))?;
        let start = check_header(LIVE_NAME, &bytes)?;
        let first_seq = match first_seq_of(&bytes) {
            Some(first_seq) => first_seq,
            None => self.begin_behind_hidden()?,
        };
        let segment = Segment::new(first_seq, LIVE_NAME.to_owned(), file.clone());
        let end = self.scan(segment, &bytes, start);
        if self.recovery.damaged.iter().any(|damage| damage.file == LIVE_NAME) {
            return self.go_on_elsewhere(files, &*file, first_seq, &end);
        }
        // A file without a whole header and without records is begun anew.
        let is_begun = end.position >= record::HEADER_BYTES;
        let position = if is_begun { end.position as u64 } else { 0 };
        let mut live =
            Live { position, has_entries: self.has_entries(), ..Live::new(file, first_seq) };
        if let Some((_, length)) = end.torn {
            self.cut(&mut live, length, end.uncounted)?;
        }
        // A process that was killed may have left what is in memory only.
        live.file.sync_data().map_err(Error::io("sync the live file"))?;
        self.set_live_bytes(live.position);
        Ok(live)
    }

    /// Seals a live file with damage in it, and begins a new one. A damaged record may seem to end anywhere, also where
    /// the next one would begin that is written behind it: then what is between them would be skipped.
    fn go_on_elsewhere(
        &mut self,
        files: &dyn Files,
        file: &dyn File,
        first_seq: u64,
        end: &End,
    ) -> Result<Live> {
        let mut length = end.position;
        if let Some((offset, torn)) = end.torn {
            self.report_damage(offset, torn);
            length = offset + torn;
        }
        file.truncate(length as u64).map_err(Error::io("shorten the damaged file"))?;
        file.sync_data().map_err(Error::io("sync the damaged file"))?;
        let next_seq = (self.index.mark.next_seq + end.uncounted).max(first_seq + 1);
        self.index.raise(Mark { truncated: 0, next_seq });
        self.see_next_seq(next_seq);
        let sealed = sealed_name(first_seq);
        seal(files, &sealed).map_err(Error::io("seal the damaged file"))?;
        for damage in self.recovery.damaged.iter_mut().filter(|damage| damage.file == LIVE_NAME) {
            damage.file.clone_from(&sealed);
        }
        if let Some(segment) = self.index.segments.last_mut() {
            segment.name = sealed;
        }
        let mut live = self.create_live(files)?;
        self.recovery.files += 1;
        self.write_mark(&mut live)?;
        live.file.sync_data().map_err(Error::io("sync the live file"))?;
        self.set_live_bytes(live.position);
        Ok(live)
    }

    fn create_live(&mut self, files: &dyn Files) -> Result<Live> {
        let file = files.create(LIVE_NAME).map_err(Error::io("create the live file"))?;
        files.sync_folder().map_err(Error::io("sync the folder"))?;
        let first_seq = self.index.mark.next_seq;
        self.index.segments.push(Segment::new(first_seq, LIVE_NAME.to_owned(), file.clone()));
        Ok(Live::new(file, first_seq))
    }

    /// Reads all records of one file into the index.
    fn scan(&mut self, segment: Segment, bytes: &[u8], start: usize) -> End {
        if start > 0 {
            // What was before may be damaged: whatever its last sequence was, it is not given out again.
            self.index.raise(Mark { truncated: 0, next_seq: segment.first_seq });
            self.see_next_seq(segment.first_seq);
        }
        self.index.segments.push(segment);
        self.recovery.files += 1;
        let mut end = End { position: start, torn: None, uncounted: 0 };
        for part in Parts::new(bytes, start) {
            match part {
                Part::Record(offset, record) => {
                    end.position = offset + record.length;
                    if !matches!(record.body, Body::Removed(_)) {
                        end.uncounted = 0;
                    }
                    self.take(offset, record);
                }
                Part::Damaged(offset, length) => {
                    end.uncounted += record::entries_in(&bytes[offset..offset + length]);
                    self.report_damage(offset, length);
                }
                Part::Torn(offset, length) => {
                    end.uncounted += record::entries_in(&bytes[offset..offset + length]);
                    end.torn = Some((offset, length));
                }
            }
        }
        self.set_live_bytes(end.position as u64);
        end
    }

    fn take(&mut self, offset: usize, record: Record<'_>) {
        match record.body {
            Body::Entry(entry) => self.take_entry(offset, record.length, &entry),
            Body::Removed(ranges) => self.take_removed(&ranges, record.length),
            Body::Mark(mark) => {
                self.index.raise(mark);
                self.see_next_seq(mark.next_seq);
            }
        }
    }

    fn take_entry(&mut self, offset: usize, length: usize, entry: &EntryBody<'_>) {
        let subject = Subject::parse(entry.subject.to_vec());
        let Some(subject) = subject.filter(|_| self.is_in_order(entry.seq)) else {
            self.report_damage(offset, length);
            return;
        };
        self.see_next_seq(entry.seq);
        self.index.push(entry.seq, entry.time_ns, subject, (offset as u64, length as u64));
        self.index.raise(Mark { truncated: 0, next_seq: entry.seq + 1 });
        self.highest_entry = entry.seq;
    }

    fn is_in_order(&self, seq: u64) -> bool {
        let first = self.index.segments.last().map_or(1, |segment| segment.first_seq);
        seq > self.highest_entry && seq >= first && seq - first < u64::from(u32::MAX)
    }

    fn take_removed(&mut self, ranges: &[(u64, u64)], length: usize) {
        for (first, last) in ranges {
            kill_range(&mut self.index, *first, *last);
            // They were there.
            self.index.raise(Mark { truncated: 0, next_seq: last.saturating_add(1) });
        }
        if let Some(segment) = self.index.segments.last_mut() {
            segment.push_removals(ranges, length as u64);
        }
    }

    fn report_damage(&mut self, offset: usize, length: usize) {
        let newest = self.index.segments.len().saturating_sub(1);
        let Some(segment) = self.index.segments.last_mut() else { return };
        let first = segment.first_seq.max(self.highest_entry + 1);
        segment.damaged_to = Some(segment.damaged_to.unwrap_or(0));
        self.open_damages.push((self.recovery.damaged.len(), newest));
        self.recovery.damaged.push(Damage {
            file: segment.name.clone(),
            offset: offset as u64,
            bytes: length as u64,
            sequences: Some((first, first)),
        });
    }

    fn report_unreadable(&mut self, name: &str, reason: String) {
        tracing::error!(file = name, reason, "a sealed file cannot be read; it is left as it is");
        self.recovery.unreadable.push(Unreadable { file: name.to_owned(), reason });
    }

    /// All sequences below this belong to what has been read: open damages end before it.
    fn see_next_seq(&mut self, next_seq: u64) {
        for (place, segment) in std::mem::take(&mut self.open_damages) {
            let damage = &mut self.recovery.damaged[place];
            let last = next_seq - 1;
            damage.sequences = damage.sequences.map(|(first, _)| (first, last));
            damage.sequences = damage.sequences.filter(|(first, _)| *first <= last);
            if damage.sequences.is_some() {
                self.index.segments[segment].damaged_to = Some(last);
            }
        }
    }

    /// Cuts the torn end. The sequences that may have been in it are not given out again, and a mark remembers that.
    fn cut(&mut self, live: &mut Live, length: usize, skipped: u64) -> Result<()> {
        let cut_at = live.position;
        live.file.truncate(cut_at).map_err(Error::io("cut the torn end"))?;
        live.extended_to = cut_at;
        let next_seq = self.index.mark.next_seq + skipped;
        let torn = TornTail { file: LIVE_NAME.to_owned(), offset: cut_at, bytes: length as u64 };
        tracing::warn!(?torn, next_seq, "the live file had a torn end, which has been cut");
        self.recovery.torn = Some(torn);
        self.index.raise(Mark { truncated: 0, next_seq });
        self.write_mark(live)
    }

    /// Writes what must not be forgotten of what cannot be read.
    fn write_mark(&self, live: &mut Live) -> Result<()> {
        let mut buffer = Vec::new();
        if live.position == 0 {
            record::encode_header(&mut buffer, live.first_seq);
        }
        record::encode_mark(&mut buffer, self.index.mark);
        files::write_all(&*live.file, live.position, &buffer)
            .map_err(Error::io("write what is not to be forgotten"))?;
        live.position += buffer.len() as u64;
        Ok(())
    }

    fn has_entries(&self) -> bool {
        let live = self.index.segments.last();
        live.is_some_and(|live| !live.slots.is_empty())
    }

    fn set_live_bytes(&mut self, bytes: u64) {
        if let Some(segment) = self.index.segments.last_mut() {
            segment.bytes = bytes;
        }
    }

    fn finish(mut self, live: Live) -> Recovered {
        let mark = self.index.mark;
        self.see_next_seq(mark.next_seq);
        kill_range(&mut self.index, 0, mark.truncated);
        self.index.confirm_mark(mark.truncated);
        for damage in &self.recovery.damaged {
            tracing::error!(?damage, "records are damaged; they are skipped and left on disk");
        }
        let state = self.index.state();
        self.recovery.entries = state.messages;
        self.recovery.bytes = state.bytes;
        Recovered { index: self.index, live, recovery: self.recovery }
    }
}

fn kill_range(index: &mut Index, first: u64, last: u64) {
    let mut gone = Vec::new();
    index.walk(first, |segment, slot| {
        let seq = segment.seq_of(slot);
        if seq > last {
            return ControlFlow::Break(());
        }
        gone.push(seq);
        ControlFlow::Continue(())
    });
    for seq in gone {
        index.kill(seq);
    }
}

fn read_whole(file: &dyn File) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; file.length()? as usize];
    let length = files::read_full(file, 0, &mut bytes)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// Where records begin: behind the header, or at the very beginning when there is no whole header.
fn check_header(name: &str, bytes: &[u8]) -> Result<usize> {
    match record::decode_header(bytes) {
        Header::First(_) => Ok(record::HEADER_BYTES),
        Header::Damaged => Ok(0),
        Header::Unknown(version) => Err(Error::Version { file: name.to_owned(), version }),
    }
}

/// From the header, or else from the first entry.
fn first_seq_of(bytes: &[u8]) -> Option<u64> {
    match record::decode_header(bytes) {
        Header::First(first_seq) => Some(first_seq),
        _ => parts::first_entry(bytes),
    }
}

/// Where the whole records of a file end, and what is behind them.
struct End {
    position: usize,
    torn: Option<(usize, usize)>,
    /// Sequences that may have been in what is damaged or torn, and that no entry or mark behind it bounds.
    uncounted: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::faults::FaultyFiles;

    #[test]
    fn a_file_is_never_sealed_over_another_one() {
        let (files, taken) = (FaultyFiles::new(), sealed_name(7));
        files.put(&taken, b"old");
        files.put(LIVE_NAME, b"new");
        assert!(seal(&files, &taken).is_err());
        assert_eq!(
            (files.bytes_of(&taken), files.bytes_of(LIVE_NAME)),
            (b"old".into(), b"new".into())
        );
        seal(&files, &sealed_name(8)).unwrap();
        assert_eq!(files.bytes_of(&sealed_name(8)), b"new");
    }
}
