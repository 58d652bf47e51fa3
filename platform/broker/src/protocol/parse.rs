//! Reads client operations off a buffer that the network fills bit by bit.
//!
//! A publication is read in two steps, its line and then its payload, so that a large payload that arrives in many
//! pieces is looked at once. Subjects, headers and bodies are slices of the buffer: nothing is copied.

use bytes::{Buf, Bytes, BytesMut};

use super::{CONTROL_LINE_BYTES_MAX, Connect, PAYLOAD_BYTES_MAX, ProtocolError};
use crate::Message;
use crate::subject::{Filter, Subject};

/// A number of an operation has at most so many digits, as in the original server.
const DIGITS_MAX: usize = 9;

/// The most arguments any operation has, and one more, so that too many are noticed.
const ARGUMENTS_MAX: usize = 5;

/// What a client asks for.
#[derive(Debug)]
pub enum ClientOperation {
    /// Who the client is and what it understands.
    Connect(Box<Connect>),
    /// A sign of life that wants a PONG.
    Ping,
    /// The answer to our PING.
    Pong,
    /// PUB or HPUB.
    Publish(Message),
    /// SUB.
    Subscribe(Subscribe),
    /// UNSUB.
    Unsubscribe(Unsubscribe),
    /// `+OK` or INFO, which say nothing to a server.
    Ignored,
}

/// The arguments of SUB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// What is subscribed to.
    pub filter: Filter,
    /// The group of which only one member receives a message.
    pub queue: Option<Bytes>,
    /// The client's number of the subscription, any word.
    pub sid: Bytes,
}

/// The arguments of UNSUB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// The client's number of the subscription.
    pub sid: Bytes,
    /// End after so many messages since the beginning; at once if `None`.
    pub messages_max: Option<u64>,
}

/// What a parser accepts.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longer arguments of an operation are refused, bytes.
    pub control_line_bytes_max: usize,
    /// Larger publications are refused, header and body, bytes.
    pub payload_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            control_line_bytes_max: CONTROL_LINE_BYTES_MAX,
            payload_bytes_max: PAYLOAD_BYTES_MAX,
        }
    }
}

/// Reads the operations of one connection.
#[derive(Debug)]
pub struct Parser {
    limits: Limits,
    accepts_headers: bool,
    state: State,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

#[derive(Debug, Default)]
enum State {
    /// At the beginning of an operation.
    #[default]
    Start,
    /// The line of a publication has been read, its payload not yet.
    Payload(Publication),
    /// Something could not be understood, and nothing after it can.
    Failed(ProtocolError),
}

/// The line of PUB or HPUB.
#[derive(Debug)]
struct Publication {
    /// `None` if the subject or the reply is invalid: the payload is skipped before that is said.
    subjects: Option<(Subject, Option<Subject>)>,
    header_bytes: usize,
    total_bytes: usize,
}

/// The verbs a client may send, and whether arguments follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Connect,
    Ping,
    Pong,
    Pub,
    Hpub,
    Sub,
    Unsub,
    Ok,
    Err,
    Info,
}

/// Each verb as it is spelt, in capitals.
const VERBS: [(&[u8], Verb); 10] = [
    (b"PUB", Verb::Pub),
    (b"HPUB", Verb::Hpub),
    (b"SUB", Verb::Sub),
    (b"UNSUB", Verb::Unsub),
    (b"PING", Verb::Ping),
    (b"PONG", Verb::Pong),
    (b"CONNECT", Verb::Connect),
    (b"+OK", Verb::Ok),
    (b"-ERR", Verb::Err),
    (b"INFO", Verb::Info),
];

impl Parser {
    /// A parser for a new connection.
    pub fn new(limits: Limits) -> Self {
        Self { limits, accepts_headers: true, state: State::Start }
    }

    /// Whether HPUB is understood: a client must say in CONNECT that it knows headers.
    pub fn accept_headers(&mut self, accepts_headers: bool) {
        self.accepts_headers = accepts_headers;
    }

    /// Takes the next operation off the buffer; `None` if more bytes are needed.
    ///
    /// After an error that [is fatal](ProtocolError::is_fatal) it says the same again and consumes nothing; after
    /// any other the operation has been consumed and the next one can be read.
    pub fn parse(
        &mut self,
        buffer: &mut BytesMut,
    ) -> Result<Option<ClientOperation>, ProtocolError> {
        let parsed = self.parse_step(buffer);
        if let Err(error) = &parsed
            && error.is_fatal()
        {
            self.state = State::Failed(*error);
        }
        parsed
    }

    fn parse_step(
        &mut self,
        buffer: &mut BytesMut,
    ) -> Result<Option<ClientOperation>, ProtocolError> {
        match &self.state {
            State::Failed(error) => return Err(*error),
            State::Payload(_) => return self.parse_payload(buffer),
            State::Start => {}
        }
        let Some((verb, argument)) = self.take_line(buffer)? else { return Ok(None) };
        let publication = match verb {
            Verb::Pub => parse_pub(&argument)?,
            Verb::Hpub if !self.accepts_headers => return Err(ProtocolError::HeadersNotSupported),
            Verb::Hpub => parse_hpub(&argument)?,
            _ => return parse_plain(verb, &argument).map(Some),
        };
        if publication.total_bytes > self.limits.payload_bytes_max {
            return Err(ProtocolError::PayloadTooLarge);
        }
        self.state = State::Payload(publication);
        self.parse_payload(buffer)
    }

    /// Takes a whole line: its verb and what follows it without the line's end.
    fn take_line(&self, buffer: &mut BytesMut) -> Result<Option<(Verb, Bytes)>, ProtocolError> {
        let Some((verb, verb_bytes)) = find_verb(buffer)? else { return Ok(None) };
        let longest = verb_bytes + self.limits.control_line_bytes_max;
        let line_end = buffer.iter().position(|byte| *byte == b'\n');
        let Some(line_end) = line_end else {
            // One more may be the carriage return.
            let is_too_long = buffer.len() > longest + 2;
            return if is_too_long { Err(ProtocolError::ControlLineTooLong) } else { Ok(None) };
        };
        let mut line = buffer.split_to(line_end + 1).freeze();
        line.truncate(line_end);
        let argument = line.slice(verb_bytes..);
        let argument = argument.slice_ref(trim(&argument));
        if argument.len() > self.limits.control_line_bytes_max || line_end > longest + 2 {
            return Err(ProtocolError::ControlLineTooLong);
        }
        Ok(Some((verb, argument)))
    }

    /// Takes the payload of the publication whose line has been read.
    fn parse_payload(
        &mut self,
        buffer: &mut BytesMut,
    ) -> Result<Option<ClientOperation>, ProtocolError> {
        let State::Payload(publication) = &self.state else { return Ok(None) };
        let total_bytes = publication.total_bytes;
        check_payload_end(buffer, total_bytes)?;
        if buffer.len() < total_bytes + 2 {
            return Ok(None);
        }
        let header_bytes = publication.header_bytes;
        let State::Payload(publication) = std::mem::take(&mut self.state) else { return Ok(None) };
        let mut payload = buffer.split_to(total_bytes).freeze();
        buffer.advance(2);
        let headers = payload.split_to(header_bytes);
        let (subject, reply) = publication.subjects.ok_or(ProtocolError::InvalidPublishSubject)?;
        Ok(Some(ClientOperation::Publish(Message { subject, reply, headers, payload })))
    }
}

/// The verb at the beginning of the buffer and its length; `None` while it can still become one.
fn find_verb(buffer: &[u8]) -> Result<Option<(Verb, usize)>, ProtocolError> {
    for (name, verb) in VERBS {
        let length = buffer.len().min(name.len());
        if !buffer[..length].eq_ignore_ascii_case(&name[..length]) {
            continue;
        }
        return match buffer.get(name.len()) {
            None => Ok(None),
            Some(next) if may_follow(verb, *next) => Ok(Some((verb, name.len()))),
            Some(_) => Err(ProtocolError::UnknownOperation),
        };
    }
    Err(ProtocolError::UnknownOperation)
}

/// Whether the byte may stand directly after the verb. After verbs without arguments the original looks for the
/// end of the line only.
fn may_follow(verb: Verb, byte: u8) -> bool {
    match verb {
        Verb::Pub | Verb::Hpub | Verb::Sub | Verb::Unsub | Verb::Err | Verb::Info => is_space(byte),
        Verb::Ping | Verb::Pong | Verb::Ok | Verb::Connect => true,
    }
}

/// An operation that is a line only.
fn parse_plain(verb: Verb, argument: &Bytes) -> Result<ClientOperation, ProtocolError> {
    Ok(match verb {
        Verb::Connect => ClientOperation::Connect(Box::new(Connect::parse(argument)?)),
        Verb::Ping => ClientOperation::Ping,
        Verb::Pong => ClientOperation::Pong,
        Verb::Sub => ClientOperation::Subscribe(parse_sub(argument)?),
        Verb::Unsub => ClientOperation::Unsubscribe(parse_unsub(argument)?),
        Verb::Err => return Err(ProtocolError::ReportedByClient),
        Verb::Ok | Verb::Info | Verb::Pub | Verb::Hpub => ClientOperation::Ignored,
    })
}

fn parse_pub(argument: &Bytes) -> Result<Publication, ProtocolError> {
    let malformed = ProtocolError::Arguments("PUB");
    let words = Words::of(argument);
    let (subject, reply, size) = match words.all() {
        [subject, size] => (subject, None, size),
        [subject, reply, size] => (subject, Some(reply), size),
        _ => return Err(malformed),
    };
    let total_bytes = parse_number(size).ok_or(malformed)?;
    Ok(Publication { subjects: parse_subjects(subject, reply), header_bytes: 0, total_bytes })
}

fn parse_hpub(argument: &Bytes) -> Result<Publication, ProtocolError> {
    let malformed = ProtocolError::Arguments("HPUB");
    let words = Words::of(argument);
    let (subject, reply, header, total) = match words.all() {
        [subject, header, total] => (subject, None, header, total),
        [subject, reply, header, total] => (subject, Some(reply), header, total),
        _ => return Err(malformed),
    };
    let header_bytes = parse_number(header).ok_or(malformed)?;
    let total_bytes = parse_number(total).ok_or(malformed)?;
    if header_bytes > total_bytes {
        return Err(malformed);
    }
    Ok(Publication { subjects: parse_subjects(subject, reply), header_bytes, total_bytes })
}

fn parse_subjects(subject: &Bytes, reply: Option<&Bytes>) -> Option<(Subject, Option<Subject>)> {
    let subject = Subject::parse(subject.clone())?;
    match reply {
        Some(reply) => Some((subject, Some(Subject::parse(reply.clone())?))),
        None => Some((subject, None)),
    }
}

fn parse_sub(argument: &Bytes) -> Result<Subscribe, ProtocolError> {
    let words = Words::of(argument);
    let (filter, queue, sid) = match words.all() {
        [filter, sid] => (filter, None, sid),
        [filter, queue, sid] => (filter, Some(queue), sid),
        _ => return Err(ProtocolError::Arguments("SUB")),
    };
    // Copies: a subscription lives long, and a slice would keep the whole buffer it was read from.
    let copy = |word: &Bytes| Bytes::copy_from_slice(word);
    let filter = Filter::parse(copy(filter)).ok_or(ProtocolError::InvalidSubject)?;
    Ok(Subscribe { filter, queue: queue.map(copy), sid: copy(sid) })
}

fn parse_unsub(argument: &Bytes) -> Result<Unsubscribe, ProtocolError> {
    let words = Words::of(argument);
    match words.all() {
        [sid] => Ok(Unsubscribe { sid: sid.clone(), messages_max: None }),
        // The original takes what is no number, and nought, for "at once".
        [sid, max] => {
            let messages_max = parse_number(max).filter(|max| *max > 0).map(|max| max as u64);
            Ok(Unsubscribe { sid: sid.clone(), messages_max })
        }
        _ => Err(ProtocolError::Arguments("UNSUB")),
    }
}

/// The payload is followed by the end of a line; what is there of it is looked at as soon as it is there.
fn check_payload_end(buffer: &[u8], total_bytes: usize) -> Result<(), ProtocolError> {
    let end = buffer.get(total_bytes..).unwrap_or_default();
    let length = end.len().min(2);
    if end[..length] == b"\r\n"[..length] { Ok(()) } else { Err(ProtocolError::UnknownOperation) }
}

fn parse_number(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || digits.len() > DIGITS_MAX {
        return None;
    }
    let mut number = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number * 10 + usize::from(digit - b'0');
    }
    Some(number)
}

/// The arguments of a line, as slices of it, without an allocation.
struct Words {
    words: [Bytes; ARGUMENTS_MAX],
    count: usize,
}

impl Words {
    fn of(argument: &Bytes) -> Self {
        let mut words = Self { words: Default::default(), count: 0 };
        let parts = argument.split(|byte| is_space(*byte) || *byte == b'\r');
        for word in parts.filter(|word| !word.is_empty()).take(ARGUMENTS_MAX) {
            words.words[words.count] = argument.slice_ref(word);
            words.count += 1;
        }
        words
    }

    fn all(&self) -> &[Bytes] {
        &self.words[..self.count]
    }
}

fn is_space(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Without white space at both ends.
fn trim(mut line: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = line
        && is_space(*first)
    {
        line = rest;
    }
    while let [rest @ .., last] = line
        && (is_space(*last) || *last == b'\r')
    {
        line = rest;
    }
    line
}
