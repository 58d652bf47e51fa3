//! How a segment looks in bytes: a header, then records one after another, all numbers little-endian.
//!
//! | record  | bytes                                                                                              |
//! |---------|----------------------------------------------------------------------------------------------------|
//! | all     | marker u32, crc32 u32 over all that follows, length u32 of the whole, kind u8, check u8 of the length, u16 |
//! | entry   | (u16 = length of the subject) sequence u64, time i64, length of headers u32, subject, headers, payload |
//! | removed | pairs of u64: first and last of sequences that are gone                                            |
//! | mark    | u64: all up to this sequence are gone; u64: the next sequence is at least this                     |
//!
//! The marker is there to find the next record behind a damaged one, and so is the length, as far as its own check says
//! that it is not what was damaged. Pure: no files here.

use super::NewEntry;

/// What every file begins with.
pub(crate) const HEADER_BYTES: usize = 24;
/// What an entry takes beside subject, headers and payload.
pub(crate) const ENTRY_BYTES: usize = 36;
/// No record is larger.
pub(crate) const RECORD_BYTES_MAX: usize = 128 << 20;

const MAGIC: [u8; 8] = *b"BLINELOG";
const VERSION: u32 = 1;
const MARKER: [u8; 4] = [0xb1, 0x0c, 0xe5, 0x9d];
const PREFIX_BYTES: usize = 16;
const CHECK_AT: usize = 13;
const MARK_BYTES: usize = PREFIX_BYTES + 16;

const KIND_ENTRY: u8 = 1;
const KIND_REMOVED: u8 = 2;
const KIND_MARK: u8 = 3;

/// What the first bytes of a file say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// Entries from this sequence on.
    First(u64),
    /// Whole, but of a version that is not known here.
    Unknown(u32),
    /// Not whole.
    Damaged,
}

/// One record, as it lies in the bytes.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    /// Bytes of the whole record.
    pub length: usize,
    pub body: Body<'a>,
}

#[derive(Debug)]
pub(crate) enum Body<'a> {
    Entry(EntryBody<'a>),
    Removed(Vec<(u64, u64)>),
    Mark(Mark),
}

#[derive(Debug)]
pub(crate) struct EntryBody<'a> {
    pub seq: u64,
    pub time_ns: i64,
    pub subject: &'a [u8],
    pub headers: &'a [u8],
    pub payload: &'a [u8],
}

/// What is gone and what is given out, so that neither comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// All up to this sequence are gone.
    pub truncated: u64,
    /// The next sequence is at least this.
    pub next_seq: u64,
}

/// Appends a file's header.
pub(crate) fn encode_header(buffer: &mut Vec<u8>, first_seq: u64) {
    let start = buffer.len();
    buffer.extend_from_slice(&MAGIC);
    buffer.extend_from_slice(&VERSION.to_le_bytes());
    buffer.extend_from_slice(&first_seq.to_le_bytes());
    let crc = crc32fast::hash(&buffer[start..]);
    buffer.extend_from_slice(&crc.to_le_bytes());
}

/// Reads a file's header.
pub(crate) fn decode_header(bytes: &[u8]) -> Header {
    let Some(header) = bytes.get(..HEADER_BYTES) else { return Header::Damaged };
    let is_whole = crc32fast::hash(&header[..20]) == u32_at(header, 20);
    if !is_whole || header[..8] != MAGIC {
        return Header::Damaged;
    }
    match u32_at(header, 8) {
        VERSION => Header::First(u64_at(header, 12)),
        version => Header::Unknown(version),
    }
}

/// What the entry takes on disk.
pub(crate) fn entry_length(entry: &NewEntry) -> usize {
    ENTRY_BYTES + entry.subject.as_str().len() + entry.headers.len() + entry.payload.len()
}

/// Appends an entry. Its length has been checked.
pub(crate) fn encode_entry(buffer: &mut Vec<u8>, seq: u64, entry: &NewEntry) {
    let subject = entry.subject.as_str().as_bytes();
    let start = begin(buffer, KIND_ENTRY, subject.len() as u16);
    buffer.extend_from_slice(&seq.to_le_bytes());
    buffer.extend_from_slice(&entry.time_ns.to_le_bytes());
    buffer.extend_from_slice(&(entry.headers.len() as u32).to_le_bytes());
    buffer.extend_from_slice(subject);
    buffer.extend_from_slice(&entry.headers);
    buffer.extend_from_slice(&entry.payload);
    finish(buffer, start);
}

/// Appends the removal of single sequences.
pub(crate) fn encode_removed(buffer: &mut Vec<u8>, ranges: &[(u64, u64)]) {
    let start = begin(buffer, KIND_REMOVED, 0);
    for (first, last) in ranges {
        buffer.extend_from_slice(&first.to_le_bytes());
        buffer.extend_from_slice(&last.to_le_bytes());
    }
    finish(buffer, start);
}

/// Appends a mark.
pub(crate) fn encode_mark(buffer: &mut Vec<u8>, mark: Mark) {
    let start = begin(buffer, KIND_MARK, 0);
    buffer.extend_from_slice(&mark.truncated.to_le_bytes());
    buffer.extend_from_slice(&mark.next_seq.to_le_bytes());
    finish(buffer, start);
}

fn begin(buffer: &mut Vec<u8>, kind: u8, extra: u16) -> usize {
    let start = buffer.len();
    buffer.extend_from_slice(&MARKER);
    buffer.extend_from_slice(&[0; 8]);
    buffer.extend_from_slice(&[kind, 0]);
    buffer.extend_from_slice(&extra.to_le_bytes());
    start
}

fn finish(buffer: &mut [u8], start: usize) {
    let record = &mut buffer[start..];
    let length = (record.len() as u32).to_le_bytes();
    record[8..12].copy_from_slice(&length);
    record[CHECK_AT] = check_of(length);
    let crc = crc32fast::hash(&record[8..]);
    record[4..8].copy_from_slice(&crc.to_le_bytes());
}

/// Differs for lengths that differ in one bit, and for most others.
fn check_of(length: [u8; 4]) -> u8 {
    crc32fast::hash(&length).to_le_bytes().into_iter().fold(0, |check, byte| check ^ byte)
}

/// The record that begins here, when there is a whole one.
pub(crate) fn decode(bytes: &[u8]) -> Option<Record<'_>> {
    let length = claimed_length(bytes)?;
    let record = bytes.get(..length)?;
    if crc32fast::hash(&record[8..]) != u32_at(record, 4) {
        return None;
    }
    let body = match record[12] {
        KIND_ENTRY => Body::Entry(decode_entry(record)?),
        KIND_REMOVED => Body::Removed(decode_removed(record)),
        KIND_MARK if length == MARK_BYTES => Body::Mark(decode_mark(record)),
        _ => return None,
    };
    Some(Record { length, body })
}

/// How long the record that begins here says it is; not checked against its contents.
fn claimed_length(bytes: &[u8]) -> Option<usize> {
    if bytes.len() < PREFIX_BYTES || bytes[..4] != MARKER {
        return None;
    }
    let length = u32_at(bytes, 8) as usize;
    (PREFIX_BYTES..=RECORD_BYTES_MAX).contains(&length).then_some(length)
}

/// The same, when the length is as it was written, whatever became of the rest.
fn sound_length(bytes: &[u8]) -> Option<usize> {
    let length = claimed_length(bytes)?;
    (check_of((length as u32).to_le_bytes()) == bytes[CHECK_AT]).then_some(length)
}

fn decode_entry(record: &[u8]) -> Option<EntryBody<'_>> {
    if record.len() < ENTRY_BYTES {
        return None;
    }
    let subject_end = ENTRY_BYTES + usize::from(u16_at(record, 14));
    let headers_end = subject_end + u32_at(record, 32) as usize;
    Some(EntryBody {
        seq: u64_at(record, 16),
        time_ns: u64_at(record, 24) as i64,
        subject: record.get(ENTRY_BYTES..subject_end)?,
        headers: record.get(subject_end..headers_end)?,
        payload: record.get(headers_end..)?,
    })
}

fn decode_removed(record: &[u8]) -> Vec<(u64, u64)> {
    let pairs = record[PREFIX_BYTES..].chunks_exact(16);
    pairs.map(|pair| (u64_at(pair, 0), u64_at(pair, 8))).collect()
}

fn decode_mark(record: &[u8]) -> Mark {
    Mark { truncated: u64_at(record, PREFIX_BYTES), next_seq: u64_at(record, PREFIX_BYTES + 8) }
}

/// Where the next whole record begins behind a damaged one.
///
/// The damaged record's own length is tried first: when only its contents are damaged this is right, and what a
/// publisher put into a payload is never taken for a record.
pub(crate) fn find_next(bytes: &[u8], damaged_at: usize) -> Option<usize> {
    let hop = sound_length(&bytes[damaged_at..]).map(|length| damaged_at + length);
    if let Some(place) =
        hop.filter(|place| *place < bytes.len() && decode(&bytes[*place..]).is_some())
    {
        return Some(place);
    }
    let mut from = damaged_at + 1;
    while let Some(step) = bytes.get(from..)?.iter().position(|byte| *byte == MARKER[0]) {
        let place = from + step;
        if decode(&bytes[place..]).is_some() {
            return Some(place);
        }
        from = place + 1;
    }
    None
}

/// How many entries there may have been in bytes that begin where a record does, and cannot be read: as many as records
/// whose lengths are sound lead from one to the next, and behind them as many as there is room for; or as many as seem to
/// begin there, if those are more, because a damaged length may look sound.
pub(crate) fn entries_in(bytes: &[u8]) -> u64 {
    let (mut count, mut rest) = (0, bytes);
    while let Some(length) = sound_length(rest) {
        count += 1;
        rest = rest.get(length..).unwrap_or_default();
    }
    let room = if rest.is_empty() { 0 } else { rest.len() / ENTRY_BYTES + 1 };
    let markers = bytes.windows(MARKER.len()).filter(|window| *window == MARKER).count();
    (count + room).max(markers) as u64
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_counted_by_their_lengths_and_where_those_are_damaged_by_the_room() {
        let new = |bytes: usize| NewEntry {
            subject: crate::subject::Subject::parse("a").unwrap(),
            headers: bytes::Bytes::new(),
            payload: vec![0xff; bytes].into(),
            time_ns: 1,
        };
        let mut records = Vec::new();
        [0, 900, 0].iter().for_each(|bytes| encode_entry(&mut records, 1, &new(*bytes)));
        let (small, large) = (ENTRY_BYTES + 1, ENTRY_BYTES + 901);
        assert_eq!((entries_in(&[]), entries_in(&records)), (0, 3));
        assert_eq!(entries_in(&records[..small + 100]), 2);
        let mut damaged = records.clone();
        damaged[small + 8] ^= 1;
        assert_eq!(entries_in(&damaged), 1 + ((large + small) / ENTRY_BYTES + 1) as u64);
        // The first one seems to be all there is.
        let all = (records.len() as u32).to_le_bytes();
        records[8..12].copy_from_slice(&all);
        records[CHECK_AT] = check_of(all);
        assert_eq!(entries_in(&records), 3);
    }

    #[test]
    fn a_length_with_one_wrong_bit_is_noticed() {
        for length in [PREFIX_BYTES as u32, 300, 65_536, RECORD_BYTES_MAX as u32] {
            for bit in 0..32 {
                let wrong = (length ^ 1 << bit).to_le_bytes();
                assert_ne!(check_of(wrong), check_of(length.to_le_bytes()), "{length}, bit {bit}");
            }
        }
    }
}
