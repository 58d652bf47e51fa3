//! `DIRECT.GET`: messages as they are instead of wrapped in JSON.

use super::Stream;
use super::requests::{GetRequest, parse};
use crate::Message;
use crate::jetstream::pulls::Status;
use crate::jetstream::views::time;
use crate::log::Entry;
use crate::protocol::Headers;

impl Stream {
    /// Answers with the message that the body asks for.
    pub(super) fn get_directly(&self, message: &Message) {
        self.answer_directly(message, self.find_directly(&message.payload));
    }

    /// Answers with the last message of a subject.
    pub(super) fn get_last_directly(&self, subject: &str, message: &Message) {
        let request = GetRequest { last_by_subj: subject.to_owned(), ..GetRequest::default() };
        let found = self.find(&request).ok_or_else(|| Status::new(404, "Message Not Found"));
        self.answer_directly(message, found);
    }

    fn find_directly(&self, payload: &[u8]) -> Result<Entry, Status> {
        let bad_request = || Status::new(408, "Bad Request");
        let request: GetRequest =
            parse(payload).map_err(|_| Status::new(408, "Malformed Request"))?;
        let (by_last, by_next) =
            (!request.last_by_subj.is_empty(), !request.next_by_subj.is_empty());
        let is_ambiguous = by_last && (by_next || request.seq > 0);
        if !by_last && !by_next && request.seq == 0 {
            return Err(Status::new(408, "Empty Request"));
        }
        let is_several = request.batch > 0 || !request.multi_last.is_empty();
        if is_ambiguous || is_several || request.start_time.is_some() {
            return Err(bad_request());
        }
        self.find(&request).ok_or_else(|| Status::new(404, "Message Not Found"))
    }

    fn answer_directly(&self, message: &Message, found: Result<Entry, Status>) {
        let Some(reply) = &message.reply else { return };
        match found {
            // As if nobody listened there, as long as the stream does not allow it.
            _ if !self.config.allow_direct => {
                super::send_status(&self.router, reply, Status::no_responders());
            }
            Err(status) => super::send_status(&self.router, reply, status),
            Ok(entry) => {
                let headers = self.describe(&entry).encode();
                let payload = entry.payload;
                let answer = Message { subject: reply.clone(), reply: None, headers, payload };
                self.router.publish(&answer, None);
            }
        }
    }

    /// The headers of the message, and where it is from.
    fn describe(&self, entry: &Entry) -> Headers {
        let mut headers = Headers::parse(&entry.headers).unwrap_or_default();
        headers.push("Nats-Stream", &self.config.name);
        headers.push("Nats-Subject", entry.subject.as_str());
        headers.push("Nats-Sequence", &entry.seq.to_string());
        headers.push("Nats-Time-Stamp", &time(entry.time_ns).to_string());
        headers
    }
}
