//! The receiving end of a push consumer: one subject, signs of life, and flow control.
//!
//! Pure but for asking the router who listens. Flow control is nats-server's: after so many bytes the client is asked
//! to say that it has got this far, and at twice as many nothing is sent until it does.

use bytes::Bytes;

use super::running::Outcome;
use crate::Message;
use crate::jetstream::config::ConsumerConfig;
use crate::jetstream::pulls::Status;
use crate::jetstream::random_name;
use crate::server::Router;
use crate::subject::Subject;

/// How many bytes may be on their way at the beginning.
const WINDOW_BYTES_START: u64 = 64 * 1024;
/// How many may be, when the client keeps up.
const WINDOW_BYTES_MAX: u64 = 2 * 1024 * 1024;
/// Letters of the name of a flow control request.
const REQUEST_LETTERS: usize = 8;

/// See the module.
#[derive(Clone, Debug)]
pub struct Push {
    subject: Subject,
    heartbeat_ns: i64,
    heartbeat_at_ns: i64,
    flow: Option<Flow>,
}

#[derive(Clone, Debug)]
struct Flow {
    window_bytes: u64,
    /// Sent and not confirmed.
    sent_bytes: u64,
    /// What the client has yet to answer, and how much was sent before it.
    asked: Option<(Subject, u64)>,
}

impl Push {
    /// Of a push consumer; `None` for others.
    pub fn new(config: &ConsumerConfig, now_ns: i64) -> Option<Self> {
        let start = Flow { window_bytes: WINDOW_BYTES_START, sent_bytes: 0, asked: None };
        Some(Self {
            subject: Subject::parse(config.deliver_subject.clone())?,
            heartbeat_ns: config.idle_heartbeat,
            heartbeat_at_ns: now_ns.saturating_add(config.idle_heartbeat),
            flow: config.flow_control.then_some(start),
        })
    }

    /// Where messages go.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Whether a message can be sent now.
    pub fn readiness(&self, router: &Router, receiver_bytes_max: usize) -> Outcome {
        if !router.has_interest(&self.subject) {
            return Outcome::Unwanted;
        }
        let is_stalled = self.flow.as_ref().is_some_and(|flow| flow.sent_bytes > flow.window_bytes);
        if is_stalled || router.pending_bytes(&self.subject) > receiver_bytes_max {
            return Outcome::Congested;
        }
        Outcome::More
    }

    /// Counts a message of `bytes`, and says where it goes.
    pub fn serve(&mut self, bytes: u64, now_ns: i64) -> Subject {
        self.heartbeat_at_ns = now_ns.saturating_add(self.heartbeat_ns);
        if let Some(flow) = &mut self.flow {
            flow.sent_bytes += bytes;
        }
        self.subject.clone()
    }

    /// Asks the client to say how far it is, when enough was sent.
    pub fn request(&mut self, stream: &str, consumer: &str) -> Option<Message> {
        let flow = self.flow.as_mut()?;
        if flow.asked.is_some() || flow.sent_bytes <= flow.window_bytes / 2 {
            return None;
        }
        let name = random_name(REQUEST_LETTERS);
        let reply = Subject::parse(format!("$JS.FC.{stream}.{consumer}.{name}"))?;
        flow.asked = Some((reply.clone(), flow.sent_bytes));
        let headers = Status::new(100, "FlowControl Request").into_headers();
        Some(Message {
            subject: self.subject.clone(),
            reply: Some(reply),
            headers,
            payload: Bytes::new(),
        })
    }

    /// The client is as far as it was asked for.
    pub fn confirm(&mut self, request: &Subject) {
        let Some(flow) = &mut self.flow else { return };
        let Some((_, bytes)) = flow.asked.take_if(|(asked, _)| asked == request) else { return };
        flow.sent_bytes = flow.sent_bytes.saturating_sub(bytes);
        flow.window_bytes = (flow.window_bytes * 2).min(WINDOW_BYTES_MAX);
    }

    /// The sign of life, when it is due.
    pub fn heartbeat(
        &mut self,
        consumer_seq: u64,
        stream_seq: u64,
        now_ns: i64,
    ) -> Option<Message> {
        if self.heartbeat_ns == 0 || self.heartbeat_at_ns > now_ns {
            return None;
        }
        self.heartbeat_at_ns = now_ns.saturating_add(self.heartbeat_ns);
        let mut headers = Status::heartbeat(consumer_seq, stream_seq).into_headers();
        if let Some((asked, _)) = self.flow.as_ref().and_then(|flow| flow.asked.as_ref()) {
            let start = headers.strip_suffix(b"\r\n").unwrap_or_default();
            let stalled = format!("Nats-Consumer-Stalled: {asked}\r\n\r\n");
            headers = [start, stalled.as_bytes()].concat().into();
        }
        Some(Message { subject: self.subject.clone(), reply: None, headers, payload: Bytes::new() })
    }

    /// When the next sign of life is due.
    pub fn next_deadline(&self) -> Option<i64> {
        (self.heartbeat_ns > 0).then_some(self.heartbeat_at_ns)
    }
}
