//! Who receives what: the subscriptions of clients and the handlers inside the process.
//!
//! Promises: what one connection publishes reaches each receiver in that order; a queue group receives a message once;
//! no receiver holds a publisher up; nothing is sent under the lock of the subscriptions, so a handler may publish.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::RwLock;
use rand::Rng;
use tokio::sync::watch;

use super::authentication::Permissions;
use super::client::{Client, ClientId};
use super::index::Index;
use super::outbox::{Pushed, Urgency};
use crate::Message;
use crate::protocol::write::write_no_responders;
use crate::protocol::{Subscribe, Unsubscribe};
use crate::subject::{Filter, Subject};

/// The client that a message comes from.
#[derive(Clone)]
pub struct Publisher {
    /// Its connection.
    pub id: ClientId,
    /// What it may do: that it may publish this message has been checked, what the message asks for has not.
    pub permissions: Arc<dyn Permissions>,
}

/// Something in this process that receives messages.
pub trait Handler: Send + Sync {
    /// Receives a message; must neither block nor wait. `from` is the publishing client, `None` if the message comes
    /// from this process. Called for the messages of one connection in their order, for those of different ones at
    /// the same time. Headers and body are slices of the buffer the message was read into: whoever keeps one for long
    /// copies it, or keeps the buffer too.
    fn handle(&self, message: &Message, from: Option<&Publisher>);
}

/// Knows all subscriptions. Clones are the same router.
#[derive(Clone, Default)]
pub struct Router(Arc<Shared>);

struct Shared {
    index: RwLock<Index<Subscription>>,
    changes: watch::Sender<u64>,
}

impl Default for Shared {
    fn default() -> Self {
        Self { index: RwLock::default(), changes: watch::Sender::new(0) }
    }
}

/// A handler receives messages as long as this is kept.
#[must_use = "the handler is forgotten when this is dropped"]
pub struct Registration {
    router: Router,
    subscription: Arc<Subscription>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.router.remove(&self.subscription);
    }
}

/// A wish to receive what a filter matches.
pub(super) struct Subscription {
    filter: Filter,
    queue: Option<Bytes>,
    target: Target,
    /// Nothing more is sent, not even what had already been routed.
    is_over: AtomicBool,
}

enum Target {
    Client(ClientTarget),
    Handler(Arc<dyn Handler>),
}

struct ClientTarget {
    client: Arc<Client>,
    sid: Bytes,
    /// How many messages it has been sent.
    messages: AtomicU64,
    /// After how many it ends; nought for never.
    messages_max: AtomicU64,
}

/// A message on its way.
#[derive(Clone, Copy)]
struct Sending<'a> {
    /// Who wants this receives it.
    to: &'a Subject,
    message: &'a Message,
    from: Option<&'a Publisher>,
    urgency: Urgency,
}

/// What became of a publication.
#[derive(Default)]
pub(super) struct Routed {
    pub receivers: usize,
    /// A receiver that does not keep up.
    pub congested: Option<Arc<Client>>,
}

/// The subscriptions a message reaches.
#[derive(Default)]
struct Matches {
    each: Vec<Arc<Subscription>>,
    /// Members of queue groups.
    members: Vec<Arc<Subscription>>,
}

impl Router {
    /// One without subscriptions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets a handler receive what the filter matches, until the registration is dropped.
    pub fn handle(&self, filter: Filter, handler: Arc<dyn Handler>) -> Registration {
        let target = Target::Handler(handler);
        let subscription = Subscription { filter, queue: None, target, is_over: false.into() };
        let subscription = Arc::new(subscription);
        self.insert(subscription.clone());
        Registration { router: self.clone(), subscription }
    }

    /// Sends a message to everybody who wants it and says how many that were, handlers included. `from` is the
    /// client it comes from, which does not receive it itself if it said so when it connected.
    pub fn publish(&self, message: &Message, from: Option<&Publisher>) -> usize {
        self.route(&message.subject, message, from).receivers
    }

    /// [`Router::publish`] for a thread that is not of the runtime: what is sent to a client with nothing else waiting
    /// is given to the operating system here, instead of waking the connection's writer for it.
    pub fn publish_at_once(&self, message: &Message) -> usize {
        let to = &message.subject;
        self.send_all(Sending { to, message, from: None, urgency: Urgency::AtOnce }).receivers
    }

    /// Sends a message to those who want `to`, whatever its own subject is: clients see the message's subject,
    /// as is usual for what a stream delivers; handlers see `to`. Says how many received it.
    pub fn deliver(&self, to: &Subject, message: &Message) -> usize {
        self.route(to, message, None).receivers
    }

    /// Whether anybody, client or handler, receives this subject now.
    pub fn has_interest(&self, subject: &Subject) -> bool {
        let mut is_wanted = false;
        self.0.index.read().visit(subject, |subscription| {
            is_wanted = subscription.is_open();
            !is_wanted
        });
        is_wanted
    }

    /// How much waits to be sent to the slowest of those who want this subject, bytes. Who delivers a lot to one
    /// inbox looks at this, as a client with too much waiting is cut off.
    pub fn pending_bytes(&self, subject: &Subject) -> usize {
        let mut pending_bytes = 0;
        self.0.index.read().visit(subject, |subscription| {
            if let Target::Client(target) = &subscription.target {
                pending_bytes = pending_bytes.max(target.client.outbox.pending_bytes());
            }
            true
        });
        pending_bytes
    }

    /// Changes whenever a subscription or handler came or went, also because its connection ended. Somebody who
    /// waits for interest, or for its end, then asks [`Router::has_interest`] again.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    pub(super) fn route(
        &self,
        to: &Subject,
        message: &Message,
        from: Option<&Publisher>,
    ) -> Routed {
        self.send_all(Sending { to, message, from, urgency: Urgency::Together })
    }

    fn send_all(&self, sending: Sending<'_>) -> Routed {
        let mut matches = self.find(sending.to);
        let mut routed = Routed::default();
        for subscription in &matches.each {
            self.send(subscription, sending, &mut routed);
        }
        matches.members.sort_by(|one, other| one.queue.cmp(&other.queue));
        for group in matches.members.chunk_by(|one, other| one.queue == other.queue) {
            self.send_to_one(group, sending, &mut routed);
        }
        routed
    }

    fn find(&self, subject: &Subject) -> Matches {
        let mut matches = Matches::default();
        self.0.index.read().visit(subject, |subscription| {
            let is_member = subscription.queue.is_some();
            let list = if is_member { &mut matches.members } else { &mut matches.each };
            list.push(subscription.clone());
            true
        });
        matches
    }

    /// To a random member of a queue group, or to the next one that can be reached.
    fn send_to_one(&self, group: &[Arc<Subscription>], sending: Sending<'_>, routed: &mut Routed) {
        let start = if group.len() > 1 { rand::rng().random_range(0..group.len()) } else { 0 };
        let (first, rest) = (&group[start..], &group[..start]);
        for member in first.iter().chain(rest) {
            if self.send(member, sending, routed) {
                return;
            }
        }
    }

    fn send(
        &self,
        subscription: &Arc<Subscription>,
        sending: Sending<'_>,
        routed: &mut Routed,
    ) -> bool {
        if !subscription.is_open() {
            return false;
        }
        let is_sent = match &subscription.target {
            Target::Handler(handler) => hand_over(handler.as_ref(), sending),
            Target::Client(target) => {
                let pushed = self.send_to_client(subscription, target, sending);
                if pushed == Pushed::Congested {
                    routed.congested = Some(target.client.clone());
                }
                pushed != Pushed::Refused
            }
        };
        routed.receivers += usize::from(is_sent);
        is_sent
    }

    fn send_to_client(
        &self,
        subscription: &Arc<Subscription>,
        target: &ClientTarget,
        sending: Sending<'_>,
    ) -> Pushed {
        let is_itself = sending.from.is_some_and(|from| from.id == target.client.id);
        if is_itself && !target.client.options.echo() {
            return Pushed::Refused;
        }
        let number = target.messages.fetch_add(1, Ordering::AcqRel) + 1;
        let messages_max = target.messages_max.load(Ordering::Acquire);
        if messages_max > 0 && number > messages_max {
            return Pushed::Refused;
        }
        let pushed = target.client.send(&target.sid, sending.message, sending.urgency);
        if messages_max > 0 && number == messages_max {
            self.end(subscription, target);
        }
        pushed
    }

    /// Answers a request that nobody heard, if the client itself waits for the answer.
    pub(super) fn answer_no_responders(&self, client: &Client, reply: &Subject) {
        let mut answered = None;
        self.0.index.read().visit(reply, |subscription| {
            if let Target::Client(target) = &subscription.target
                && target.client.id == client.id
                && subscription.queue.is_none()
            {
                answered = Some(target.sid.clone());
            }
            answered.is_none()
        });
        if let Some(sid) = answered {
            client.outbox.push(|buffer| write_no_responders(buffer, &sid, reply));
        }
    }

    /// Adds a subscription of a client. Its number counts once: a second one with it is ignored.
    pub(super) fn subscribe(&self, client: &Arc<Client>, subscribe: Subscribe) {
        let Subscribe { filter, queue, sid } = subscribe;
        let mut subscriptions = client.subscriptions.lock();
        if subscriptions.contains_key(&sid) {
            return;
        }
        let target = Target::Client(ClientTarget {
            client: client.clone(),
            sid: sid.clone(),
            messages: AtomicU64::new(0),
            messages_max: AtomicU64::new(0),
        });
        let subscription = Subscription { filter, queue, target, is_over: false.into() };
        let subscription = Arc::new(subscription);
        subscriptions.insert(sid, subscription.clone());
        drop(subscriptions);
        self.insert(subscription);
    }

    /// Ends a subscription, now or after as many messages as the client wants in all.
    pub(super) fn unsubscribe(&self, client: &Client, unsubscribe: &Unsubscribe) {
        let found = client.subscriptions.lock().get(&unsubscribe.sid).cloned();
        let Some(subscription) = found else { return };
        let Target::Client(target) = &subscription.target else { return };
        let messages_max = unsubscribe.messages_max.unwrap_or(0);
        target.messages_max.store(messages_max, Ordering::Release);
        // Looked at after the limit is set: a message that is sent just now either sees the limit or is counted here.
        if target.messages.load(Ordering::Acquire) >= messages_max {
            self.end(&subscription, target);
        }
    }

    /// Ends all subscriptions of a client that has gone.
    pub(super) fn remove_client(&self, client: &Client) {
        let subscriptions = std::mem::take(&mut *client.subscriptions.lock());
        for subscription in subscriptions.values() {
            self.remove(subscription);
        }
    }

    fn end(&self, subscription: &Arc<Subscription>, target: &ClientTarget) {
        let mut subscriptions = target.client.subscriptions.lock();
        // The client may have given the number to another subscription since.
        if subscriptions.get(&target.sid).is_some_and(|other| Arc::ptr_eq(other, subscription)) {
            subscriptions.remove(&target.sid);
        }
        drop(subscriptions);
        self.remove(subscription);
    }

    fn insert(&self, subscription: Arc<Subscription>) {
        let filter = subscription.filter.clone();
        self.0.index.write().insert(&filter, subscription);
        self.0.changes.send_modify(|count| *count += 1);
    }

    fn remove(&self, subscription: &Arc<Subscription>) {
        subscription.is_over.store(true, Ordering::Release);
        if self.0.index.write().remove(&subscription.filter, subscription) {
            self.0.changes.send_modify(|count| *count += 1);
        }
    }
}

impl Subscription {
    fn is_open(&self) -> bool {
        !self.is_over.load(Ordering::Acquire)
    }
}

fn hand_over(handler: &dyn Handler, sending: Sending<'_>) -> bool {
    let Sending { to, message, from, .. } = sending;
    if *to == message.subject {
        handler.handle(message, from);
    } else {
        handler.handle(&Message { subject: to.clone(), ..message.clone() }, from);
    }
    true
}
