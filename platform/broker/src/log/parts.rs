//! What a file is made of: whole records, damage between them, and a torn end. Pure: no files here.

use super::record::{self, Body, Header, Record};

/// The parts of a file, one after another: whole records, damage between them, and a torn end.
pub(crate) struct Parts<'a> {
    bytes: &'a [u8],
    position: usize,
}

pub(crate) enum Part<'a> {
    Record(usize, Record<'a>),
    Damaged(usize, usize),
    Torn(usize, usize),
}

impl<'a> Parts<'a> {
    pub fn new(bytes: &'a [u8], position: usize) -> Self {
        Self { bytes, position }
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let start = self.position;
        let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        if let Some(record) = record::decode(rest) {
            self.position += record.length;
            return Some(Part::Record(start, record));
        }
        if let Some(next) = record::find_next(self.bytes, start) {
            self.position = next;
            return Some(Part::Damaged(start, next - start));
        }
        self.position = self.bytes.len();
        // Zeros at the end are space that was prepared and not used.
        let used = rest.iter().rposition(|byte| *byte != 0)?;
        Some(Part::Torn(start, used + 1))
    }
}

/// The sequence of the first entry.
pub(crate) fn first_entry(bytes: &[u8]) -> Option<u64> {
    Parts::new(bytes, 0).find_map(|part| match part {
        Part::Record(_, Record { body: Body::Entry(entry), .. }) => Some(entry.seq),
        _ => None,
    })
}

/// Where the last whole record ends in the bytes of a file that is being written: what is before that place does not
/// change any more, what is behind it may be half written.
pub(crate) fn end_of_records(bytes: &[u8]) -> u64 {
    let start = if matches!(record::decode_header(bytes), Header::First(_)) {
        record::HEADER_BYTES
    } else {
        0
    };
    let ends = Parts::new(bytes, start).filter_map(|part| match part {
        Part::Record(offset, record) => Some(offset + record.length),
        Part::Damaged(..) | Part::Torn(..) => None,
    });
    ends.last().unwrap_or(start) as u64
}
