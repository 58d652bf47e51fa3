//! The header block of a message: `NATS/1.0[ code[ description]]`, lines of `Name: value`, an empty line.
//!
//! Names are told apart by their case and may repeat, as in the NATS clients.

use bytes::{BufMut, Bytes, BytesMut};

/// How every block begins.
const VERSION: &str = "NATS/1.0";

/// More lines are refused: a block of a megabyte may not become a million entries.
const ENTRIES_MAX: usize = 1024;

/// Why a header block was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadersError {
    /// It does not begin with `NATS/1.0`.
    #[error("the header block must begin with NATS/1.0")]
    Version,
    /// The status is no number of three digits.
    #[error("the status of a header block is three digits")]
    Status,
    /// It does not end with an empty line, a line has no colon, or it is not UTF-8.
    #[error("a header is a line `name: value`, and an empty line ends them")]
    Line,
    /// There are too many lines.
    #[error("too many headers, send at most {ENTRIES_MAX}")]
    TooMany,
}

/// Header fields in their order, with the status that may stand before them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    code: Option<u16>,
    description: Bytes,
    entries: Vec<(Bytes, Bytes)>,
}

impl Headers {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// None yet, but a status such as 404 and what it means.
    pub fn status(code: u16, description: &'static str) -> Self {
        Self {
            code: Some(code),
            description: Bytes::from_static(description.as_bytes()),
            ..Self::default()
        }
    }

    /// Reads the block of a message. No block at all is one without fields. Copies nothing.
    pub fn parse(block: &Bytes) -> Result<Self, HeadersError> {
        if block.is_empty() {
            return Ok(Self::default());
        }
        let text = std::str::from_utf8(block).map_err(|_| HeadersError::Line)?;
        let after_version = text.strip_prefix(VERSION).ok_or(HeadersError::Version)?;
        let (status, lines) = after_version.split_once("\r\n").ok_or(HeadersError::Line)?;
        let (code, description) = parse_status(status)?;
        let slice = |part: &str| block.slice_ref(part.as_bytes());
        let mut headers = Self { code, description: slice(description), entries: vec![] };
        for (name, value) in parse_lines(lines)? {
            headers.entries.push((slice(name), slice(value)));
        }
        Ok(headers)
    }

    /// The number of the status, if it has one.
    pub fn code(&self) -> Option<u16> {
        self.code
    }

    /// What the status means; empty without one.
    pub fn description(&self) -> &str {
        text(&self.description)
    }

    /// The first value of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    /// All values of that name.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.iter().filter(move |(other, _)| *other == name).map(|(_, value)| value)
    }

    /// All names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(name, value)| (text(name), text(value)))
    }

    /// Whether it has neither fields nor a status.
    pub fn is_empty(&self) -> bool {
        self.code.is_none() && self.entries.is_empty()
    }

    /// Adds a field. What would break a line becomes a space, so that no value can smuggle in another field.
    pub fn push(&mut self, name: &str, value: &str) {
        let name = name.replace(|c: char| c == ':' || c.is_control() || c == ' ', "-");
        let value = value.replace(['\r', '\n'], " ");
        self.entries.push((name.into(), value.into()));
    }

    /// Takes all fields of that name away.
    pub fn remove(&mut self, name: &str) {
        self.entries.retain(|(other, _)| other != name.as_bytes());
    }

    /// The block as it travels; nothing at all if there is nothing to say.
    pub fn encode(&self) -> Bytes {
        if self.is_empty() {
            return Bytes::new();
        }
        let mut block = BytesMut::from(VERSION.as_bytes());
        if let Some(code) = self.code {
            block.put_slice(format!(" {code:03}").as_bytes());
        }
        if !self.description.is_empty() {
            block.put_u8(b' ');
            block.put_slice(&self.description);
        }
        block.put_slice(b"\r\n");
        for (name, value) in &self.entries {
            for part in [name, &b": "[..], value, b"\r\n"] {
                block.put_slice(part);
            }
        }
        block.put_slice(b"\r\n");
        block.freeze()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Headers {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a str)>>(fields: T) -> Self {
        let mut headers = Self::default();
        for (name, value) in fields {
            headers.push(name, value);
        }
        headers
    }
}

/// ` 503 No Responders` as its number and its text.
fn parse_status(status: &str) -> Result<(Option<u16>, &str), HeadersError> {
    let status = status.trim();
    if status.is_empty() {
        return Ok((None, ""));
    }
    let (code, description) = status.split_once(' ').unwrap_or((status, ""));
    let is_number = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
    let code = if is_number { code.parse().ok() } else { None };
    Ok((Some(code.ok_or(HeadersError::Status)?), description.trim()))
}

/// The fields of the lines up to the empty one, which must be the last.
fn parse_lines(lines: &str) -> Result<Vec<(&str, &str)>, HeadersError> {
    let mut fields = vec![];
    let mut rest = lines;
    loop {
        let (line, after) = rest.split_once("\r\n").ok_or(HeadersError::Line)?;
        if line.is_empty() {
            return if after.is_empty() { Ok(fields) } else { Err(HeadersError::Line) };
        }
        if fields.len() == ENTRIES_MAX {
            return Err(HeadersError::TooMany);
        }
        let (name, value) = line.split_once(':').ok_or(HeadersError::Line)?;
        if name.is_empty() {
            return Err(HeadersError::Line);
        }
        fields.push((name, value.trim()));
        rest = after;
    }
}

/// All that is kept was UTF-8 when it came.
fn text(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_read_and_written_the_same() {
        let block = Bytes::from_static(b"NATS/1.0\r\nA: 1\r\na:  2 \r\nA:3\r\nEmpty:\r\n\r\n");
        let headers = Headers::parse(&block).unwrap();
        assert_eq!(headers.get("A"), Some("1"));
        assert_eq!(headers.get("a"), Some("2"));
        assert_eq!(headers.values("A").collect::<Vec<_>>(), ["1", "3"]);
        assert_eq!(headers.get("Empty"), Some(""));
        assert_eq!(headers.get("b"), None);
        assert_eq!(Headers::parse(&headers.encode()).unwrap(), headers);
    }

    #[test]
    fn a_status_may_stand_before_the_fields() {
        let headers =
            Headers::parse(&Bytes::from_static(b"NATS/1.0 404 No Messages\r\n\r\n")).unwrap();
        assert_eq!((headers.code(), headers.description()), (Some(404), "No Messages"));
        assert_eq!(
            Headers::status(404, "No Messages").encode(),
            "NATS/1.0 404 No Messages\r\n\r\n"
        );
        assert_eq!(Headers::status(503, "").encode(), super::super::write::NO_RESPONDERS);
    }

    #[test]
    fn nonsense_is_refused() {
        let refused = |block: &'static str| Headers::parse(&Bytes::from_static(block.as_bytes()));
        assert_eq!(refused("HTTP/1.1\r\n\r\n"), Err(HeadersError::Version));
        assert_eq!(refused("NATS/1.0 abc\r\n\r\n"), Err(HeadersError::Status));
        assert_eq!(refused("NATS/1.0\r\nA\r\n\r\n"), Err(HeadersError::Line));
        assert_eq!(refused("NATS/1.0\r\nA: b\r\n"), Err(HeadersError::Line));
        assert_eq!(refused("NATS/1.0\r\n\r\nA: b\r\n"), Err(HeadersError::Line));
        assert_eq!(Headers::parse(&Bytes::new()), Ok(Headers::new()));
    }

    #[test]
    fn a_value_cannot_smuggle_in_another_field() {
        let mut headers = Headers::new();
        headers.push("A:\r\nX", "1\r\nB: 2");
        let read = Headers::parse(&headers.encode()).unwrap();
        assert_eq!(read.get("B"), None);
        assert_eq!(read.iter().count(), 1);
    }
}
