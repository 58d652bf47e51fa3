//! Writes what the server sends.

use bytes::{BufMut, BytesMut};

use crate::Message;
use crate::subject::Subject;

/// The longest decimal of a `u64`.
const DIGITS_MAX: usize = 20;

/// A request found nobody who answers: a header block with nothing but the status.
pub const NO_RESPONDERS: &[u8] = b"NATS/1.0 503\r\n\r\n";

/// Something the server says besides messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerOperation<'a> {
    /// What the server is and can do, as JSON.
    Info(&'a str),
    /// A sign of life is wanted.
    Ping,
    /// The answer to a PING.
    Pong,
    /// The operation was carried out; only for clients that asked for it.
    Ok,
    /// It was not.
    Error(&'a str),
}

impl ServerOperation<'_> {
    /// Appends it to the buffer.
    pub fn write(self, buffer: &mut BytesMut) {
        match self {
            Self::Info(json) => put(buffer, &[b"INFO ", json.as_bytes(), b" \r\n"]),
            Self::Ping => put(buffer, &[b"PING\r\n"]),
            Self::Pong => put(buffer, &[b"PONG\r\n"]),
            Self::Ok => put(buffer, &[b"+OK\r\n"]),
            Self::Error(text) => put(buffer, &[b"-ERR '", text.as_bytes(), b"'\r\n"]),
        }
    }
}

/// Appends MSG or HMSG. A client that understands no headers receives the body alone.
pub fn write_message(buffer: &mut BytesMut, sid: &[u8], message: &Message, with_headers: bool) {
    let headers: &[u8] = if with_headers { &message.headers } else { &[] };
    write_line(
        buffer,
        &message.subject,
        sid,
        message.reply.as_ref(),
        headers.len(),
        message.payload.len(),
    );
    put(buffer, &[headers, &message.payload, b"\r\n"]);
}

/// Appends the answer to a request that nobody hears.
pub fn write_no_responders(buffer: &mut BytesMut, sid: &[u8], reply: &Subject) {
    write_line(buffer, reply, sid, None, NO_RESPONDERS.len(), 0);
    put(buffer, &[NO_RESPONDERS, b"\r\n"]);
}

fn write_line(
    buffer: &mut BytesMut,
    subject: &Subject,
    sid: &[u8],
    reply: Option<&Subject>,
    header_bytes: usize,
    body_bytes: usize,
) {
    let verb: &[u8] = if header_bytes > 0 { b"HMSG " } else { b"MSG " };
    put(buffer, &[verb, subject.as_bytes(), b" ", sid, b" "]);
    if let Some(reply) = reply {
        put(buffer, &[reply.as_bytes(), b" "]);
    }
    if header_bytes > 0 {
        put_number(buffer, header_bytes);
        buffer.put_u8(b' ');
    }
    put_number(buffer, header_bytes + body_bytes);
    buffer.put_slice(b"\r\n");
}

fn put(buffer: &mut BytesMut, parts: &[&[u8]]) {
    for part in parts {
        buffer.extend_from_slice(part);
    }
}

/// Appends a decimal. `write!` would do, at several times the price, for every message.
fn put_number(buffer: &mut BytesMut, number: usize) {
    let mut digits = [0; DIGITS_MAX];
    let mut start = DIGITS_MAX;
    let mut rest = number;
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    buffer.extend_from_slice(&digits[start..]);
}
