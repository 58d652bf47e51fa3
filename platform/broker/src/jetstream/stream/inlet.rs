//! The way into a stream: a bounded queue of commands, which handlers fill without waiting.
//!
//! Promises that publications cannot fill it to the brim, so that acknowledgements and requests, which make room, still
//! get in; and that whoever is turned away is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, oneshot};

use crate::Message;
use crate::jetstream::api::Call;
use crate::jetstream::config::StreamConfig;
use crate::jetstream::error::{self, ApiError};
use crate::jetstream::views::StreamInfo;
use crate::server::{Handler, Permissions, Publisher, Router};

/// Places in the queue that publications leave to others.
const RESERVED_PLACES: usize = 4096;

/// What a stream is asked to do.
pub enum Command {
    /// Keep a message.
    Publish(Message),
    /// Settle a message, or the like: something below `$JS.ACK`.
    Acknowledge(Message),
    /// Go on sending: something below `$JS.FC`.
    Continue(Message),
    /// Hand out messages.
    Pull(String, Message),
    /// A request of the API, to be answered to the message's reply subject, and what its client may do, if it comes
    /// from one.
    Call(Call, Message, Option<Arc<dyn Permissions>>),
    /// Say how it is.
    Describe(oneshot::Sender<StreamInfo>),
    /// Take over a complete configuration.
    Update(Box<StreamConfig>, oneshot::Sender<Result<StreamInfo, ApiError>>),
    /// Write everything and end.
    Stop(oneshot::Sender<()>),
    /// End, and say so to those who wait.
    Delete(oneshot::Sender<()>),
}

/// See the module. Clones are the same way.
#[derive(Clone)]
pub struct Inlet {
    sender: mpsc::Sender<Command>,
    /// Bytes of publications in the queue.
    queued_bytes: Arc<AtomicUsize>,
    bytes_max: usize,
}

impl Inlet {
    /// A way in, and where it leads to.
    pub fn new(publications_max: usize, bytes_max: usize) -> (Self, mpsc::Receiver<Command>) {
        let (sender, receiver) = mpsc::channel(publications_max + RESERVED_PLACES);
        (Self { sender, queued_bytes: Arc::default(), bytes_max }, receiver)
    }

    /// Queues a command; `false` if there is no room or the stream has ended.
    pub fn send(&self, command: Command) -> bool {
        self.sender.try_send(command).is_ok()
    }

    /// Queues a command of the process itself, which can wait.
    pub async fn send_waiting(&self, command: Command) -> bool {
        self.sender.send(command).await.is_ok()
    }

    fn publish(&self, message: &Message) -> bool {
        let bytes = message.size();
        let is_room = self.sender.capacity() > RESERVED_PLACES
            && self.queued_bytes.load(Ordering::Relaxed) + bytes <= self.bytes_max;
        if !is_room {
            return false;
        }
        self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        let is_queued = self.send(Command::Publish(message.clone()));
        if !is_queued {
            self.release(message);
        }
        is_queued
    }

    /// A publication has left the queue.
    pub fn release(&self, message: &Message) {
        self.queued_bytes.fetch_sub(message.size(), Ordering::Relaxed);
    }
}

/// Receives what is published below a stream's subjects.
pub struct Publications {
    /// The stream's name.
    pub stream: String,
    /// Where they go.
    pub inlet: Inlet,
    /// Where refusals go.
    pub router: Router,
}

impl Handler for Publications {
    fn handle(&self, message: &Message, _from: Option<&Publisher>) {
        if !self.inlet.publish(message) {
            let refusal = super::publish::refusal(&self.stream, &error::INSUFFICIENT_RESOURCES);
            super::answer(&self.router, message.reply.as_ref(), refusal);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::subject::Subject;

    fn message(bytes: usize) -> Message {
        Message {
            subject: Subject::parse("a").unwrap(),
            reply: None,
            headers: Bytes::new(),
            payload: vec![0; bytes].into(),
        }
    }

    #[test]
    fn publications_leave_room_for_others() {
        let (inlet, commands) = Inlet::new(2, 1000);
        let published = [1, 1, 1].map(|bytes| inlet.publish(&message(bytes)));
        assert_eq!(published, [true, true, false]);
        assert!(inlet.send(Command::Acknowledge(message(1))));
        drop(commands);
        assert!(!inlet.send(Command::Acknowledge(message(1))));
    }

    #[test]
    fn large_publications_wait_until_others_have_left() {
        let (inlet, _commands) = Inlet::new(10, 1000);
        assert!(inlet.publish(&message(700)));
        assert!(!inlet.publish(&message(700)));
        inlet.release(&message(700));
        assert!(inlet.publish(&message(700)));
    }
}
