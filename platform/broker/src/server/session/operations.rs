//! Carries out what a client asks for, and says what nats-server would say.

use std::ops::ControlFlow;

use super::watch::Alarm;
use super::{Flow, Session};
use crate::Message;
use crate::protocol::write::ServerOperation;
use crate::protocol::{ClientOperation, Connect, Subscribe};
use crate::server::{Credentials, Permissions, Publisher};
use crate::subject::Subject;

/// Replies that only the server itself gives out: whoever received one from a client would
/// acknowledge something else than it was given.
const RESERVED_REPLIES: [&str; 2] = ["$JS.ACK.", "_R_."];

impl Session {
    /// Lets a client in that has not said who it is, if nobody has to.
    pub(super) async fn admit_unknown(&mut self) -> Flow {
        if self.shared.authenticator.is_required() {
            return Flow::Continue(());
        }
        self.authenticate(&Connect::default()).await
    }

    pub(super) async fn carry_out(&mut self, operation: ClientOperation) -> Flow {
        match operation {
            ClientOperation::Publish(message) => self.publish(&message),
            ClientOperation::Ping => self.client.outbox.say(ServerOperation::Pong),
            ClientOperation::Pong | ClientOperation::Ignored => {}
            ClientOperation::Subscribe(subscribe) => self.subscribe(subscribe),
            ClientOperation::Unsubscribe(unsubscribe) => {
                self.shared.router.unsubscribe(&self.client, &unsubscribe);
                self.confirm();
            }
            ClientOperation::Connect(connect) => return self.connect(&connect).await,
        }
        Flow::Continue(())
    }

    async fn connect(&mut self, connect: &Connect) -> Flow {
        self.authenticate(connect).await?;
        self.client.options.apply(connect);
        self.parser.accept_headers(self.client.options.headers());
        self.client.set_name(connect.name.as_deref().unwrap_or_default());
        self.is_verbose = connect.verbose.unwrap_or(self.is_verbose);
        self.no_responders = connect.no_responders.unwrap_or(self.no_responders);
        self.confirm();
        Flow::Continue(())
    }

    async fn authenticate(&mut self, connect: &Connect) -> Flow {
        let credentials = Credentials::of(connect, self.client.address);
        let authenticator = self.shared.authenticator.clone();
        let answer = authenticator.authenticate(&credentials);
        // A client that is known already and says it again gets the same time as a new one.
        let deadline = self.watch.auth_deadline();
        let is_new = self.publisher.is_none();
        let renewed = tokio::time::Instant::now() + self.shared.settings.auth_timeout;
        let deadline = if is_new { deadline } else { renewed };
        match tokio::time::timeout_at(deadline, answer).await {
            Ok(Ok(permissions)) => {
                self.client.set_user(permissions.name());
                self.watch.note_permissions(permissions.as_ref());
                self.publisher = Some(Publisher { id: self.client.id, permissions });
                Flow::Continue(())
            }
            Ok(Err(refused)) => {
                let address = self.client.address;
                tracing::info!(%address, %refused, "a client of the broker was turned away");
                self.end("Authorization Violation")
            }
            Err(_) => self.end("Authentication Timeout"),
        }
    }

    fn publish(&mut self, message: &Message) {
        self.client.traffic.count_in(message.size());
        if let Err(complaint) = self.check_publish(message) {
            self.complain(&complaint);
            return;
        }
        self.confirm();
        let routed = self.shared.router.route(&message.subject, message, self.publisher.as_ref());
        if let (0, true, Some(reply)) = (routed.receivers, self.no_responders, &message.reply) {
            self.shared.router.answer_no_responders(&self.client, reply);
        }
        self.congested = routed.congested.or(self.congested.take());
    }

    fn check_publish(&self, message: &Message) -> Result<(), String> {
        let Message { subject, reply, .. } = message;
        let granted = self.permissions();
        if !granted.is_some_and(|granted| granted.may_publish(subject)) {
            return Err(format!("Permissions Violation for Publish to {:?}", subject.as_str()));
        }
        let is_refused = |reply: &&Subject| {
            is_reserved(reply) || !granted.is_some_and(|granted| granted.may_be_answered_at(reply))
        };
        match reply.as_ref().filter(is_refused) {
            Some(reply) => {
                Err(format!("Permissions Violation for Publish with Reply of {:?}", reply.as_str()))
            }
            None => Ok(()),
        }
    }

    fn subscribe(&self, subscribe: Subscribe) {
        let queue = subscribe.queue.as_deref().map(String::from_utf8_lossy);
        if !self.may_subscribe(&subscribe, queue.as_deref()) {
            let using = queue.map(|queue| format!(" using queue {queue:?}")).unwrap_or_default();
            let filter = subscribe.filter.as_str();
            self.complain(&format!("Permissions Violation for Subscription to {filter:?}{using}"));
            return;
        }
        let count = self.client.subscriptions.lock().len();
        if count >= self.shared.settings.max_subscriptions_per_connection {
            self.complain("maximum subscriptions exceeded");
            return;
        }
        self.shared.router.subscribe(&self.client, subscribe);
        self.confirm();
    }

    fn may_subscribe(&self, subscribe: &Subscribe, queue: Option<&str>) -> bool {
        let may = |granted: &dyn Permissions| granted.may_subscribe(&subscribe.filter, queue);
        self.permissions().is_some_and(may)
    }

    fn permissions(&self) -> Option<&dyn Permissions> {
        self.publisher.as_ref().map(|publisher| publisher.permissions.as_ref())
    }

    pub(super) fn answer_alarm(&self, alarm: Alarm) -> Flow {
        match alarm {
            Alarm::Silent => {
                self.client.outbox.say(ServerOperation::Ping);
                Flow::Continue(())
            }
            Alarm::Stale => self.end("Stale Connection"),
            Alarm::AuthenticationTimeout => self.end("Authentication Timeout"),
            Alarm::Expired => self.end("User Authentication Expired"),
            Alarm::Revoked => self.end("User Authentication Revoked"),
        }
    }

    /// Says that it was done, to a client that wants to hear it.
    fn confirm(&self) {
        if self.is_verbose {
            self.client.outbox.say(ServerOperation::Ok);
        }
    }

    /// Says what was wrong, and goes on.
    pub(super) fn complain(&self, text: &str) {
        self.client.outbox.say(ServerOperation::Error(text));
    }

    /// Says what was wrong, and ends the session.
    pub(super) fn end(&self, text: &str) -> Flow {
        self.client.outbox.close(Some(text));
        ControlFlow::Break(())
    }

    /// Adds what has been published since to the numbers of the server.
    pub(super) fn count(&self, before: (u64, u64)) {
        let (messages, bytes) = self.client.traffic.incoming();
        self.shared.counters.messages_in.increment(messages - before.0);
        self.shared.counters.bytes_in.increment(bytes - before.1);
    }
}

fn is_reserved(reply: &Subject) -> bool {
    RESERVED_REPLIES.iter().any(|prefix| reply.as_str().starts_with(prefix))
}
