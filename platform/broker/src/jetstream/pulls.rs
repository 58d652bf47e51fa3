//! Waiting requests of a pull consumer, and the status messages that end them.
//!
//! Pure: no I/O and no clock, time is an argument in nanoseconds since 1970. Owns the queue of requests and promises:
//! they are served in turn, never with more than they asked for, and each one is told how it ended in the words of
//! nats-server. Which message goes out is decided elsewhere.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::Deserialize;

use super::json;
use crate::protocol::write::NO_RESPONDERS;
use crate::subject::Subject;

const NANOSECONDS_PER_MILLISECOND: i64 = 1_000_000;

/// What a client asks for with `CONSUMER.MSG.NEXT`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PullRequest {
    /// How many messages at most.
    pub batch: i64,
    /// How long it waits, nanoseconds; zero for as long as somebody listens.
    pub expires: i64,
    /// Whether it takes only what is there already.
    pub no_wait: bool,
    /// How many bytes at most; zero for no limit.
    pub max_bytes: i64,
    /// How often it wants to hear that it still waits, nanoseconds; zero for never.
    pub idle_heartbeat: i64,
    /// Of priority groups, which are not offered.
    pub group: Option<String>,
    /// Of priority groups, which are not offered.
    pub min_pending: i64,
    /// Of priority groups, which are not offered.
    pub min_ack_pending: i64,
}

impl PullRequest {
    /// Reads a request: JSON, a bare number, or nothing at all for one message.
    pub fn parse(payload: &[u8]) -> Result<Self, String> {
        let trimmed = payload.trim_ascii();
        if trimmed.first() != Some(&b'{') {
            let number = std::str::from_utf8(trimmed).ok().and_then(|text| text.parse().ok());
            return Ok(Self { batch: number.unwrap_or(1), ..Self::default() });
        }
        let request: Self = json::parse(trimmed).map_err(|error| error.to_string())?;
        if request.idle_heartbeat.saturating_mul(2) > request.expires {
            return Err("heartbeat value too large".into());
        }
        if request.group.is_some() || request.min_pending != 0 || request.min_ack_pending != 0 {
            return Err("priority groups are not supported".into());
        }
        Ok(request)
    }
}

/// What a consumer allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullLimits {
    /// Requests that wait at a time.
    pub max_waiting: usize,
    /// Messages of one request; zero for no limit.
    pub max_batch: i64,
    /// Nanoseconds of one request; zero for no limit.
    pub max_expires: i64,
    /// Bytes of one request; zero for no limit.
    pub max_bytes: i64,
}

/// A message without a body that says how a request goes on: a header block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status(Bytes);

impl Status {
    /// With a number and its meaning.
    pub fn new(code: u16, text: &str) -> Self {
        Self(format!("NATS/1.0 {code} {text}\r\n\r\n").into())
    }

    /// What a request gets that nobody hears.
    pub fn no_responders() -> Self {
        Self(Bytes::from_static(NO_RESPONDERS))
    }

    /// With two numbers that the client wants to know.
    fn counting(code: u16, text: &str, first: (&str, u64), second: (&str, u64)) -> Self {
        let ((first, one), (second, two)) = (first, second);
        let block = format!("NATS/1.0 {code} {text}\r\n{first}: {one}\r\n{second}: {two}\r\n\r\n");
        Self(block.into())
    }

    /// The sign of life of a consumer, with the numbers of what it delivered last.
    pub fn heartbeat(consumer_seq: u64, stream_seq: u64) -> Self {
        let last_consumer = ("Nats-Last-Consumer", consumer_seq);
        Self::counting(100, "Idle Heartbeat", last_consumer, ("Nats-Last-Stream", stream_seq))
    }

    /// The header block.
    pub fn into_headers(self) -> Bytes {
        self.0
    }
}

/// A request that waits for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Waiting {
    reply: Subject,
    remaining: u64,
    delivered: u64,
    /// Bytes that still fit, if the request said how many.
    bytes_left: Option<u64>,
    deadline_ns: Option<i64>,
    no_wait: bool,
    heartbeat_ns: i64,
    heartbeat_at_ns: Option<i64>,
}

impl Waiting {
    fn new(request: &PullRequest, reply: Subject, now_ns: i64) -> Self {
        let after = |time_ns: i64| (time_ns > 0).then(|| now_ns.saturating_add(time_ns));
        Self {
            reply,
            remaining: u64::try_from(request.batch).unwrap_or(1).max(1),
            delivered: 0,
            bytes_left: u64::try_from(request.max_bytes).ok().filter(|bytes| *bytes > 0),
            deadline_ns: after(request.expires),
            no_wait: request.no_wait,
            heartbeat_ns: request.idle_heartbeat,
            heartbeat_at_ns: after(request.idle_heartbeat),
        }
    }

    /// The status that ends it before it has all it asked for.
    fn ended(&self, code: u16, text: &str) -> (Subject, Status) {
        let messages = ("Nats-Pending-Messages", self.remaining);
        let bytes = ("Nats-Pending-Bytes", self.bytes_left.unwrap_or(0));
        (self.reply.clone(), Status::counting(code, text, messages, bytes))
    }

    fn is_over(&self, now_ns: i64) -> bool {
        self.deadline_ns.is_some_and(|deadline_ns| deadline_ns <= now_ns)
    }

    /// One that waits for nothing, got something, and there is no more.
    fn has_enough(&self) -> bool {
        self.no_wait && (self.delivered > 0 || self.deadline_ns.is_none())
    }
}

/// Status messages and who gets them.
pub type Statuses = Vec<(Subject, Status)>;

/// The requests of one consumer, in the order in which they are served.
#[derive(Clone, Debug, Default)]
pub struct Pulls {
    waiting: VecDeque<Waiting>,
    limits: PullLimits,
}

impl Pulls {
    /// None yet.
    pub fn new(limits: PullLimits) -> Self {
        Self { waiting: VecDeque::new(), limits }
    }

    /// Takes over changed limits; requests that wait already stay.
    pub fn set_limits(&mut self, limits: PullLimits) {
        self.limits = limits;
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Lets a request wait, or says why not. `available` is how many messages could be handed out at once.
    pub fn add(
        &mut self,
        request: &PullRequest,
        reply: Subject,
        available: u64,
        now_ns: i64,
    ) -> Result<(), Status> {
        self.check_limits(request)?;
        if request.no_wait {
            self.check_available(request, available)?;
        }
        if self.waiting.len() >= self.limits.max_waiting {
            return Err(Status::new(409, "Exceeded MaxWaiting"));
        }
        self.waiting.push_back(Waiting::new(request, reply, now_ns));
        Ok(())
    }

    fn check_limits(&self, request: &PullRequest) -> Result<(), Status> {
        let exceeded = |text: String| Err(Status::new(409, &format!("Exceeded {text}")));
        let PullLimits { max_batch, max_expires, max_bytes, .. } = self.limits;
        if max_batch > 0 && request.batch > max_batch {
            return exceeded(format!("MaxRequestBatch of {max_batch}"));
        }
        if max_expires > 0 && request.expires > max_expires {
            let milliseconds = max_expires / NANOSECONDS_PER_MILLISECOND;
            return exceeded(format!("MaxRequestExpires of {milliseconds}ms"));
        }
        if max_bytes > 0 && request.max_bytes > max_bytes {
            return exceeded(format!("MaxRequestMaxBytes of {max_bytes}"));
        }
        Ok(())
    }

    /// One that waits for nothing is not queued where others already wait for all there is.
    fn check_available(&self, request: &PullRequest, available: u64) -> Result<(), Status> {
        if available == 0 && request.expires <= 0 {
            return Err(Status::new(404, "No Messages"));
        }
        let asked: u64 = self.waiting.iter().map(|waiting| waiting.remaining).sum();
        if available > 0 && available < asked {
            return Err(Status::new(408, "Requests Pending"));
        }
        Ok(())
    }

    /// Who is to be served next.
    pub fn front(&self) -> Option<&Subject> {
        self.waiting.front().map(|waiting| &waiting.reply)
    }

    /// Drops the request that is to be served next: nobody listens for it any more.
    pub fn drop_front(&mut self) {
        self.waiting.pop_front();
    }

    /// Lets the request that is to be served next wait behind the others.
    pub fn rotate(&mut self) {
        if let Some(waiting) = self.waiting.pop_front() {
            self.waiting.push_back(waiting);
        }
    }

    /// Who gets the next message of `bytes`; those whose limit it exceeds are ended and told so.
    pub fn serve(&mut self, bytes: u64, now_ns: i64, statuses: &mut Statuses) -> Option<Subject> {
        while let Some(mut waiting) = self.waiting.pop_front() {
            if waiting.is_over(now_ns) {
                statuses.push(waiting.ended(408, "Request Timeout"));
                continue;
            }
            if waiting.bytes_left.is_some_and(|left| left < bytes) {
                statuses.push(waiting.ended(409, "Message Size Exceeds MaxBytes"));
                continue;
            }
            waiting.bytes_left = waiting.bytes_left.map(|left| left - bytes);
            let reply = waiting.reply.clone();
            self.requeue(waiting, now_ns, statuses);
            return Some(reply);
        }
        None
    }

    /// Puts a request that got a message at the end of the queue, unless it has all it wanted.
    fn requeue(&mut self, mut waiting: Waiting, now_ns: i64, statuses: &mut Statuses) {
        waiting.remaining -= 1;
        waiting.delivered += 1;
        if waiting.heartbeat_ns > 0 {
            waiting.heartbeat_at_ns = Some(now_ns.saturating_add(waiting.heartbeat_ns));
        }
        match (waiting.remaining, waiting.bytes_left) {
            (_, Some(0)) | (0, None) => {}
            (0, Some(_)) => statuses.push(waiting.ended(409, "Batch Completed")),
            _ => self.waiting.push_back(waiting),
        }
    }

    /// Ends requests whose time is up and, where `is_drained`, those that take only what is there.
    pub fn expire(&mut self, now_ns: i64, is_drained: bool) -> Statuses {
        let mut statuses = Vec::new();
        self.waiting.retain(|waiting| {
            let is_done = waiting.is_over(now_ns) || (is_drained && waiting.has_enough());
            if is_done {
                statuses.push(waiting.ended(408, "Request Timeout"));
            }
            !is_done
        });
        statuses
    }

    /// Who is to hear that the consumer still lives.
    pub fn due_heartbeats(&mut self, now_ns: i64) -> Vec<Subject> {
        let is_due =
            |waiting: &&mut Waiting| waiting.heartbeat_at_ns.is_some_and(|at_ns| at_ns <= now_ns);
        let mut due = Vec::new();
        for waiting in self.waiting.iter_mut().filter(is_due) {
            waiting.heartbeat_at_ns = Some(now_ns.saturating_add(waiting.heartbeat_ns));
            due.push(waiting.reply.clone());
        }
        due
    }

    /// Ends all, because of the consumer.
    pub fn end_all(&mut self, code: u16, text: &str) -> Statuses {
        let end = |waiting: Waiting| (waiting.reply, Status::new(code, text));
        self.waiting.drain(..).map(end).collect()
    }

    /// Drops requests that nobody listens for any more.
    pub fn retain_listeners(&mut self, is_listened_to: impl Fn(&Subject) -> bool) {
        self.waiting.retain(|waiting| is_listened_to(&waiting.reply));
    }

    /// When there is something to expire or to say.
    pub fn next_deadline(&self) -> Option<i64> {
        let times = |waiting: &Waiting| [waiting.deadline_ns, waiting.heartbeat_at_ns];
        self.waiting.iter().flat_map(times).flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(name: &'static str) -> Subject {
        Subject::parse(name).unwrap()
    }

    fn pulls() -> Pulls {
        Pulls::new(PullLimits { max_waiting: 4, ..PullLimits::default() })
    }

    fn request(json: &str) -> PullRequest {
        PullRequest::parse(json.as_bytes()).unwrap()
    }

    fn text(status: Status) -> String {
        String::from_utf8(status.into_headers().to_vec()).unwrap()
    }

    fn ends(statuses: Statuses) -> Vec<String> {
        let line = |(reply, status): (Subject, Status)| {
            format!("{reply}: {}", text(status).trim_end().replace("\r\n", " | "))
        };
        statuses.into_iter().map(line).collect()
    }

    #[test]
    fn a_request_is_json_a_number_or_nothing() {
        assert_eq!(request("").batch, 1);
        assert_eq!(request("7").batch, 7);
        assert_eq!(request(r#"{"batch":3,"expires":50,"no_wait":true}"#).expires, 50);
        assert!(PullRequest::parse(b"{").is_err());
        let large = PullRequest::parse(br#"{"expires":10,"idle_heartbeat":6}"#);
        assert_eq!(large.unwrap_err(), "heartbeat value too large");
        assert!(PullRequest::parse(br#"{"group":"a"}"#).is_err());
    }

    #[test]
    fn requests_are_served_in_turn() {
        let mut pulls = pulls();
        pulls.add(&request("2"), inbox("a"), 9, 0).unwrap();
        pulls.add(&request("2"), inbox("b"), 9, 0).unwrap();
        let mut statuses = Vec::new();
        let order: Vec<_> = (0..5).map(|_| pulls.serve(1, 0, &mut statuses)).collect();
        let names = ["a", "b", "a", "b"].map(|name| Some(inbox(name)));
        assert_eq!(order[..4], names);
        assert_eq!(order[4], None);
        assert!(statuses.is_empty() && pulls.is_empty());
    }

    #[test]
    fn a_request_that_does_not_wait_is_told_what_there_is() {
        let mut pulls = pulls();
        let refused = pulls.add(&request(r#"{"no_wait":true}"#), inbox("a"), 0, 0).unwrap_err();
        assert_eq!(text(refused), "NATS/1.0 404 No Messages\r\n\r\n");
        pulls.add(&request(r#"{"no_wait":true,"batch":2}"#), inbox("a"), 1, 0).unwrap();
        assert_eq!(pulls.serve(1, 0, &mut Vec::new()), Some(inbox("a")));
        let expected =
            "a: NATS/1.0 408 Request Timeout | Nats-Pending-Messages: 1 | Nats-Pending-Bytes: 0";
        assert_eq!(ends(pulls.expire(0, true)), [expected]);
    }

    #[test]
    fn a_request_ends_when_its_time_is_up() {
        let mut pulls = pulls();
        pulls.add(&request(r#"{"expires":50,"batch":3}"#), inbox("a"), 0, 0).unwrap();
        assert_eq!(pulls.next_deadline(), Some(50));
        assert!(pulls.expire(49, true).is_empty());
        let expected =
            "a: NATS/1.0 408 Request Timeout | Nats-Pending-Messages: 3 | Nats-Pending-Bytes: 0";
        assert_eq!(ends(pulls.expire(50, true)), [expected]);
    }

    #[test]
    fn bytes_are_counted() {
        let mut pulls = pulls();
        pulls.add(&request(r#"{"batch":5,"max_bytes":100}"#), inbox("a"), 9, 0).unwrap();
        let mut statuses = Vec::new();
        assert!(pulls.serve(60, 0, &mut statuses).is_some());
        assert!(pulls.serve(60, 0, &mut statuses).is_none());
        let expected = "a: NATS/1.0 409 Message Size Exceeds MaxBytes | Nats-Pending-Messages: 4 | Nats-Pending-Bytes: 40";
        assert_eq!(ends(statuses), [expected]);
    }

    #[test]
    fn bytes_left_over_are_told() {
        let mut pulls = pulls();
        pulls.add(&request(r#"{"batch":1,"max_bytes":100}"#), inbox("a"), 9, 0).unwrap();
        let mut statuses = Vec::new();
        pulls.serve(60, 0, &mut statuses);
        let expected =
            "a: NATS/1.0 409 Batch Completed | Nats-Pending-Messages: 0 | Nats-Pending-Bytes: 40";
        assert_eq!(ends(statuses), [expected]);
    }

    #[test]
    fn the_limits_of_the_consumer_hold() {
        let limits =
            PullLimits { max_waiting: 1, max_batch: 5, max_expires: 2_000_000, max_bytes: 9 };
        let mut pulls = Pulls::new(limits);
        let mut refuse = |json| text(pulls.add(&request(json), inbox("a"), 0, 0).unwrap_err());
        assert_eq!(refuse("6"), "NATS/1.0 409 Exceeded MaxRequestBatch of 5\r\n\r\n");
        let late = refuse(r#"{"expires":2000001}"#);
        assert_eq!(late, "NATS/1.0 409 Exceeded MaxRequestExpires of 2ms\r\n\r\n");
        let large = refuse(r#"{"max_bytes":10}"#);
        assert_eq!(large, "NATS/1.0 409 Exceeded MaxRequestMaxBytes of 9\r\n\r\n");
        pulls.add(&request("1"), inbox("a"), 0, 0).unwrap();
        let full = pulls.add(&request("1"), inbox("a"), 0, 0).unwrap_err();
        assert_eq!(text(full), "NATS/1.0 409 Exceeded MaxWaiting\r\n\r\n");
    }

    #[test]
    fn who_waits_hears_signs_of_life() {
        let mut pulls = pulls();
        pulls.add(&request(r#"{"expires":100,"idle_heartbeat":40}"#), inbox("a"), 0, 0).unwrap();
        assert_eq!(pulls.due_heartbeats(39), []);
        assert_eq!(pulls.due_heartbeats(40), [inbox("a")]);
        assert_eq!(pulls.next_deadline(), Some(80));
        assert!(
            text(Status::heartbeat(1, 2)).contains("Nats-Last-Consumer: 1\r\nNats-Last-Stream: 2")
        );
    }

    #[test]
    fn requests_that_nobody_listens_for_are_dropped() {
        let mut pulls = pulls();
        pulls.add(&request("1"), inbox("a"), 0, 0).unwrap();
        pulls.add(&request("1"), inbox("b"), 0, 0).unwrap();
        pulls.retain_listeners(|reply| reply.as_str() == "b");
        assert_eq!(pulls.serve(1, 0, &mut Vec::new()), Some(inbox("b")));
    }
}
