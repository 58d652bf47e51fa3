//! Torn ends and flipped bits.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use broker::log::faults::FaultyFiles;
use broker::log::{Damage, Error, File, Files, Log, Purge, TornTail};

use crate::*;

const LIVE: &str = "messages.log";

/// A small log, closed.
fn small_log(entries: u64, segment_bytes: u64) -> FaultyFiles {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, segment_bytes);
    append_many(&log, entries);
    files
}

#[test]
fn a_torn_end_is_cut_and_reported_wherever_it_is_torn() {
    let whole = small_log(3, 1 << 20);
    let bytes = whole.bytes_of(LIVE);
    let record = (bytes.len() - 56) / 3;
    for length in 0..bytes.len() {
        let files = FaultyFiles::new();
        files.put(LIVE, &bytes[..length]);
        let (log, recovery) = open(&files, 1 << 20);
        let expected = (length.saturating_sub(bytes.len() - 3 * record)) / record;
        assert_eq!(recovery.entries, expected as u64, "cut at {length}");
        assert_eq!(recovery.damaged, [], "cut at {length}");
        let seq = append(&log, entry("a", "new"));
        assert!(seq > recovery.entries, "cut at {length}");
        drop(log);
        let (log, second) = open(&files, 1 << 20);
        assert_eq!((second.entries, second.torn), (recovery.entries + 1, None), "cut at {length}");
        assert_eq!(log.get(seq).unwrap().unwrap().payload, "new");
    }
}

#[test]
fn a_torn_end_says_where_and_how_much_and_its_sequence_is_not_used_again() {
    let files = small_log(3, 1 << 20);
    let bytes = files.bytes_of(LIVE);
    files.put(LIVE, &bytes[..bytes.len() - 1]);
    let (log, recovery) = open(&files, 1 << 20);
    let offset = files.bytes_of(LIVE).len() as u64 - 32;
    let bytes = bytes.len() as u64 - 1 - offset;
    assert_eq!(recovery.torn, Some(TornTail { file: LIVE.to_owned(), offset, bytes }));
    drop(log);
    let (log, recovery) = open(&files, 1 << 20);
    assert_eq!(recovery.torn, None);
    assert_eq!(append(&log, entry("a", "x")), 4);
}

#[test]
fn one_flipped_bit_costs_at_most_its_own_record_and_is_reported() {
    let whole = small_log(5, 1 << 20);
    let bytes = whole.bytes_of(LIVE);
    for offset in 0..bytes.len() {
        let files = FaultyFiles::new();
        files.put(LIVE, &bytes);
        files.flip_bit(LIVE, offset, (offset % 8) as u8);
        let (log, recovery) = open(&files, 1 << 20);
        let found = sequences(&log);
        assert!(found.len() >= 4, "bit at {offset}: {found:?}");
        assert!(recovery.torn.is_some() || recovery.damaged.len() == 1, "bit at {offset}");
        let missing: Vec<u64> = (1..=5).filter(|seq| !found.contains(seq)).collect();
        let quarantined = recovery.damaged.first().and_then(|damage| damage.sequences);
        match (missing.as_slice(), quarantined) {
            ([], None) | ([5], None) => {}
            ([seq], Some(range)) => assert_eq!((*seq, *seq), range, "bit at {offset}"),
            other => panic!("bit at {offset}: {other:?}"),
        }
        assert!(append(&log, entry("a", "x")) > 5, "bit at {offset}");
        for entry in read_all(&log).iter().filter(|entry| entry.seq <= 5) {
            assert_eq!(entry.payload, (entry.seq - 1).to_string());
        }
        let before = sequences(&log);
        drop(log);
        assert_eq!(sequences(&open(&files, 1 << 20).0), before, "bit at {offset}");
    }
}

#[test]
fn a_damaged_length_hides_no_record_wherever_it_seems_to_end() {
    let whole = small_log(6, 1 << 20).bytes_of(LIVE);
    let record = (whole.len() - 56) / 6;
    // Also where records will begin that are written later.
    for (damaged, lengths) in (0..6).flat_map(|damaged| (2..10).map(move |times| (damaged, times)))
    {
        let files = FaultyFiles::new();
        files.put(LIVE, &with_length(&whole, 56 + damaged * record, lengths * record));
        let (log, recovery) = open(&files, 1 << 20);
        let found = sequences(&log);
        let expected: Vec<u64> = (1..=6).filter(|seq| *seq != damaged as u64 + 1).collect();
        assert_eq!(found, expected, "{damaged} as long as {lengths}");
        assert!(!recovery.damaged.is_empty() || recovery.torn.is_some());
        append_many(&log, 4);
        let before = sequences(&log);
        drop(log);
        assert_eq!(sequences(&open(&files, 1 << 20).0), before, "{damaged} as long as {lengths}");
    }
}

#[test]
fn what_was_found_once_is_found_at_every_start_even_if_a_damaged_length_seems_right() {
    let whole = small_log(6, 1 << 20).bytes_of(LIVE);
    let record = (whole.len() - 56) / 6;
    for (damaged, lengths) in (0..6).flat_map(|damaged| (2..10).map(move |times| (damaged, times)))
    {
        let (files, at) = (FaultyFiles::new(), 56 + damaged * record);
        let mut bytes = with_length(&whole, at, lengths * record);
        let crc = crc32fast_of(&bytes[at + 8..at + 12]).to_le_bytes();
        bytes[at + 13] = crc.into_iter().fold(0, |check, byte| check ^ byte);
        files.put(LIVE, &bytes);
        let mut expected = Vec::new();
        for _ in 0..3 {
            let (log, _) = open(&files, 1 << 20);
            let found = sequences(&log);
            assert!(found.starts_with(&expected), "{damaged} as long as {lengths}: {found:?}");
            append_many(&log, 2);
            expected = sequences(&log);
        }
    }
}

#[test]
fn what_a_damaged_length_hides_is_not_given_out_again() {
    let whole = small_log(6, 1 << 20).bytes_of(LIVE);
    let record = (whole.len() - 56) / 6;
    let (files, at) = (FaultyFiles::new(), 56 + 3 * record);
    // The fourth seems to reach to the end, and its length to be sound; a removal is behind it.
    let (log, _) = open(&files, 1 << 20);
    append_many(&log, 6);
    wait(log.remove(2).unwrap().unwrap()).unwrap();
    drop(log);
    let mut bytes = with_length(&files.bytes_of(LIVE), at, 3 * record);
    let crc = crc32fast_of(&bytes[at + 8..at + 12]).to_le_bytes();
    bytes[at + 13] = crc.into_iter().fold(0, |check, byte| check ^ byte);
    files.put(LIVE, &bytes);
    let (log, recovery) = open(&files, 1 << 20);
    assert_eq!(recovery.damaged[0].sequences, Some((4, 6)));
    assert_eq!((sequences(&log), append(&log, entry("a", "new"))), (vec![1, 3], 7));
}

/// A file whose record at a place says that it is so long.
fn with_length(whole: &[u8], at: usize, length: usize) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    bytes[at + 8..at + 12].copy_from_slice(&(length as u32).to_le_bytes());
    bytes
}

#[test]
fn damage_in_a_sealed_file_is_reported_with_its_sequences_and_left_on_disk() {
    let files = small_log(40, 600);
    let name = names(&files)[1].clone();
    let seq = name[9..29].parse::<u64>().unwrap();
    let length = files.bytes_of(&name).len();
    files.flip_bit(&name, 24 + 32 + 50, 3);
    let (log, recovery) = open(&files, 600);
    let [damage] = recovery.damaged.as_slice() else { panic!("{recovery:?}") };
    assert_eq!(*damage, Damage { sequences: Some((seq, seq)), ..damage.clone() });
    assert_eq!((damage.file.as_str(), damage.offset), (name.as_str(), 56));
    assert_eq!(recovery.entries, 39);
    assert_eq!(files.bytes_of(&name).len(), length);
    assert_eq!(log.get(seq).unwrap(), None);
    assert!(log.get(seq + 1).unwrap().is_some());
}

#[test]
fn what_a_header_says_was_given_out_is_not_given_out_again() {
    let files = small_log(40, 600);
    let live = files.bytes_of(LIVE);
    let first_seq = u64::from_le_bytes(live[12..20].try_into().unwrap());
    let sealed: Vec<String> = names(&files).into_iter().filter(|name| name.contains('-')).collect();
    let newest = sealed.last().unwrap();
    // The live file is torn behind its header, and the end of the one before it is damaged.
    files.put(LIVE, &live[..24]);
    let bytes = files.bytes_of(newest);
    files.put(newest, &bytes[..bytes.len() / 2]);
    let (log, _) = open(&files, 600);
    let seq = append(&log, entry("a", "new"));
    assert!(seq >= first_seq, "{seq} is below {first_seq}");
    assert_eq!(log.get(seq).unwrap().unwrap().payload, "new");
}

#[test]
fn a_sealed_file_that_cannot_be_read_is_reported_and_never_deleted() {
    let files = small_log(40, 600);
    let name = names(&files)[1].clone();
    files.put(&name, &[0xff; 300]);
    let (log, recovery) = open(&files, 600);
    assert_eq!(recovery.unreadable.len(), 1);
    assert_eq!(recovery.unreadable[0].file, name);
    assert!(recovery.entries < 40 && recovery.entries > 20);
    let (_, ticket) = log.purge(&broker::log::Purge::default()).unwrap();
    wait(ticket).unwrap();
    append_many(&log, 20);
    drop(log);
    assert!(names(&files).contains(&name));
}

#[test]
fn damage_that_appears_later_is_an_error_of_that_entry_only() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 1 << 20);
    append_many(&log, 5);
    let record = (small_log(5, 1 << 20).bytes_of(LIVE).len() - 56) / 5;
    files.flip_bit(LIVE, 56 + record + 40, 0);
    assert!(matches!(log.get(2), Err(Error::Damaged { seq: 2 })));
    assert_eq!(log.next(0, &[], 9).unwrap().len(), 1);
    assert!(matches!(log.next(1, &[], 9), Err(Error::Damaged { seq: 2 })));
    assert_eq!(log.next(2, &[], 9).unwrap().len(), 3);
}

#[test]
fn a_file_of_an_unknown_version_is_refused() {
    let files = small_log(1, 1 << 20);
    let mut bytes = files.bytes_of(LIVE);
    bytes[8] = 2;
    let crc = crc32fast_of(&bytes[..20]);
    bytes[20..24].copy_from_slice(&crc.to_le_bytes());
    files.put(LIVE, &bytes);
    let refused = Log::open(settings(1 << 20), Arc::new(files)).map(|_| ());
    assert!(matches!(refused, Err(Error::Version { version: 2, .. })), "{refused:?}");
}

/// The checksum, written down a second time.
fn crc32fast_of(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

/// The newest sealed file, and with which sequence it begins.
fn newest_sealed(files: &FaultyFiles) -> (String, u64) {
    let name = names(files).into_iter().rfind(|name| name.contains('-')).unwrap();
    let first_seq = name[9..29].parse().unwrap();
    (name, first_seq)
}

#[test]
fn an_unreadable_file_is_not_replaced_when_the_live_one_lost_its_header() {
    for live in [Some(vec![]), Some(vec![0xff; 40]), None] {
        let files = small_log(40, 600);
        let (newest, first_seq) = newest_sealed(&files);
        files.put(&newest, &[0xff; 300]);
        match live {
            Some(bytes) => files.put(LIVE, &bytes),
            None => files.remove(LIVE).unwrap(),
        }
        let (log, recovery) = open(&files, 600);
        assert_eq!(recovery.unreadable[0].file, newest);
        assert!(append(&log, entry("a", "new")) > first_seq);
        append_many(&log, 40);
        drop(log);
        assert_eq!(files.bytes_of(&newest), [0xff; 300]);
    }
}

/// A disk that cannot read one file for a while.
#[derive(Clone)]
struct ForAWhile {
    files: FaultyFiles,
    name: String,
    fails: Arc<AtomicBool>,
}

impl Files for ForAWhile {
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        if name == self.name && self.fails.load(Ordering::Relaxed) {
            return Err(io::Error::other("cannot be read today"));
        }
        self.files.open(name)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.files.create(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.files.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.files.remove(name)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.files.list()
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.files.sync_folder()
    }

    fn export(&self, name: &str, to: &Path) -> io::Result<()> {
        self.files.export(name, to)
    }
}

#[test]
fn what_could_not_be_read_once_is_there_when_it_can_be_read_again() {
    for is_live_whole in [true, false] {
        let files = small_log(40, 600);
        let (name, _) = newest_sealed(&files);
        if !is_live_whole {
            files.put(LIVE, &[]);
        }
        let before = sequences(&open(&files.after_kill(), 600).0);
        let fails = Arc::new(AtomicBool::new(true));
        let failing = Arc::new(ForAWhile { files: files.clone(), name, fails: fails.clone() });
        match Log::open(settings(600), failing) {
            Ok((log, recovery)) => {
                assert!(is_live_whole && recovery.unreadable.len() == 1);
                append_many(&log, 40);
            }
            // Nobody can say where a new file would have to begin.
            Err(error) => assert!(!is_live_whole && matches!(error, Error::Io { .. }), "{error}"),
        }
        fails.store(false, Ordering::Relaxed);
        let (log, _) = open(&files, 600);
        for seq in before {
            assert_eq!(log.get(seq).unwrap().unwrap().payload, (seq - 1).to_string());
        }
    }
}

#[test]
fn what_is_acknowledged_beside_a_damaged_file_is_not_deleted_with_it() {
    let files = small_log(40, 600);
    let (newest, _) = newest_sealed(&files);
    let mut bytes = files.bytes_of(&newest);
    // The header and all entries; the mark between them is whole.
    bytes[0] ^= 1;
    bytes[56..].fill(0xff);
    files.put(&newest, &bytes);
    files.put(LIVE, &[]);
    let (log, _) = open(&files, 600);
    let seq = append(&log, entry("a", "new"));
    append_many(&log, 20);
    wait(log.purge(&Purge { below: Some(seq), ..Purge::default() }).unwrap().1).unwrap();
    wait_until("the damaged file is gone", || !names(&files).contains(&newest));
    let before = sequences(&log);
    assert_eq!(before, (seq..=seq + 20).collect::<Vec<_>>());
    drop(log);
    assert_eq!(sequences(&open(&files, 600).0), before);
}

#[test]
fn sequences_of_a_damaged_end_are_not_used_again() {
    let files = small_log(40, 600);
    let (newest, _) = newest_sealed(&files);
    let live_first = u64::from_le_bytes(files.bytes_of(LIVE)[12..20].try_into().unwrap());
    let mut bytes = files.bytes_of(&newest);
    let length = bytes.len();
    bytes[length - 60..].fill(0xff);
    files.put(&newest, &bytes);
    files.put(LIVE, &[]);
    let (log, _) = open(&files, 600);
    assert!(append(&log, entry("a", "new")) >= live_first);
}

#[test]
fn a_new_file_says_where_it_begins_before_it_is_the_live_one() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 600);
    for _ in 0..60 {
        append_many(&log, 1);
        let live = files.after_kill().bytes_of(LIVE);
        let first = u64::from_le_bytes(live[12..20].try_into().unwrap());
        assert!(first <= log.next_seq(), "{first}");
    }
}

#[test]
fn a_damaged_last_entry_with_a_removal_behind_it_is_not_given_out_again() {
    let files = small_log(5, 1 << 20);
    let entries_end = files.bytes_of(LIVE).len();
    let (log, _) = open(&files, 1 << 20);
    wait(log.remove(3).unwrap().unwrap()).unwrap();
    drop(log);
    // In the payload of the fifth.
    files.flip_bit(LIVE, entries_end - 1, 0);
    let (log, recovery) = open(&files, 1 << 20);
    assert_eq!(sequences(&log), [1, 2, 4]);
    assert_eq!(recovery.damaged[0].sequences, Some((5, 5)));
    assert_eq!(append(&log, entry("a", "new")), 6);
}

/// With which sequence the second file of a log of small entries begins.
fn second_first() -> u64 {
    names(&small_log(40, 600))[1][9..29].parse().unwrap()
}

#[test]
fn a_damaged_last_entry_of_a_sealed_file_with_a_removal_behind_it_is_not_given_out_again() {
    let second = second_first();
    let files = small_log(second - 1, 600);
    let entries_end = files.bytes_of(LIVE).len();
    let (log, _) = open(&files, 600);
    wait(log.remove(2).unwrap().unwrap()).unwrap();
    assert_eq!(append(&log, entry("a.b", "x")), second);
    drop(log);
    let (sealed, _) = newest_sealed(&files);
    files.flip_bit(&sealed, entries_end - 1, 0);
    files.put(LIVE, &[]);
    let (log, recovery) = open(&files, 600);
    let seq = append(&log, entry("a", "new"));
    assert!(seq >= second, "{seq} was given out before: {recovery:?}");
}

#[test]
fn sequences_of_a_rewritten_file_are_not_used_again_when_the_live_one_lost_its_header() {
    let second = second_first();
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 600);
    append(&log, entry("a.c", "0"));
    append_many(&log, second - 1);
    let (sealed, _) = newest_sealed(&files);
    let others = Purge { filter: filter("a.b").into(), below: Some(second), keep: 0 };
    wait(log.purge(&others).unwrap().1).unwrap();
    // The header, the mark and one entry.
    wait_until("it is rewritten", || files.bytes_of(&sealed).len() < 150);
    drop(log);
    let live_first = u64::from_le_bytes(files.bytes_of(LIVE)[12..20].try_into().unwrap());
    files.put(LIVE, &[]);
    let (log, recovery) = open(&files, 600);
    let seq = append(&log, entry("a", "new"));
    assert!(
        seq >= live_first,
        "{seq} was given out before, the live file began at {live_first}: {recovery:?}"
    );
}
