//! What travels.

use bytes::Bytes;

use crate::subject::Subject;

/// One publication, as it came from a client or from a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where it was published to. Has no wildcards.
    pub subject: Subject,
    /// Where an answer is expected.
    pub reply: Option<Subject>,
    /// The header block as it stood on the wire: `NATS/1.0\r\n` to the empty line; empty when there is none.
    pub headers: Bytes,
    /// The body.
    pub payload: Bytes,
}

impl Message {
    /// An answer to a request.
    pub fn answer(reply: Subject, payload: impl Into<Bytes>) -> Self {
        Self { subject: reply, reply: None, headers: Bytes::new(), payload: payload.into() }
    }

    /// What it counts against limits, bytes: header and body.
    pub fn size(&self) -> usize {
        self.headers.len() + self.payload.len()
    }
}
