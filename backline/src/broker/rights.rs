//! What somebody may do at the broker, by subject.
//!
//! Three permissions, each only when held everywhere, because messages tell of every customer: `messages:subscribe`
//! reads what Backline says, with consumers of one's own; `messages:publish` speaks to other programs; and
//! `messages:manage` is for streams and everybody's consumers. For Backline itself only its services speak.

use policies::{Actor, Principal};

/// Names that the subjects are judged by.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// What Backline's own subjects begin with.
    pub prefix: String,
    /// The stream they are kept in.
    pub stream: String,
    /// Services: a consumer whose name begins with one and `_` is that service's.
    pub services: Vec<&'static str>,
}

/// What is held, everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rights {
    /// One of Backline's services: everything.
    Service,
    /// A person or program with these permissions.
    Holder { subscribe: bool, publish: bool, manage: bool },
}

impl Rights {
    /// `None` when there is nothing to do at the broker.
    pub fn of(actor: &Actor) -> Option<Self> {
        if let Principal::Service(_) = actor.principal() {
            return Some(Self::Service);
        }
        let holds = |permission| actor.reach(permission).everywhere;
        let manage = holds("messages:manage");
        let subscribe = manage || holds("messages:subscribe");
        let publish = manage || holds("messages:publish");
        (subscribe || publish).then_some(Self::Holder { subscribe, publish, manage })
    }

    /// Whether a message may be published to this subject.
    pub fn may_publish(self, names: &Names, subject: &str) -> bool {
        let Self::Holder { subscribe, publish, manage } = self else { return true };
        if names.is_own(subject) {
            return false;
        }
        let words: Vec<&str> = subject.split('.').collect();
        match words.as_slice() {
            ["$JS", "API", request @ ..] => {
                manage || (subscribe && names.is_for_subscribers(request))
            }
            ["$JS", "ACK", stream, consumer, ..] => {
                manage || (subscribe && names.is_of_a_program(stream, consumer))
            }
            // Answers go where somebody waits for them.
            ["_INBOX", ..] => true,
            [first, ..] if first.starts_with('$') => false,
            _ => publish,
        }
    }

    /// Whether everything that a filter means may be received.
    pub fn may_subscribe(self, filter: &str) -> bool {
        let Self::Holder { subscribe, manage, .. } = self else { return true };
        let words: Vec<&str> = filter.split('.').collect();
        match words.as_slice() {
            // An inbox is known to its owner only; who listens to all of them reads others' answers.
            ["_INBOX", owner, ..] => !matches!(*owner, "*" | ">"),
            ["*" | ">" | "_INBOX", ..] => false,
            ["$JS", "EVENT", ..] => subscribe,
            [first, ..] if first.starts_with('$') => manage,
            _ => subscribe,
        }
    }
}

impl Names {
    fn is_own(&self, subject: &str) -> bool {
        let rest = subject.strip_prefix(&self.prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// Requests to the stream's API that change nothing but consumers of programs.
    fn is_for_subscribers(&self, request: &[&str]) -> bool {
        match request {
            ["INFO"] | ["STREAM", "NAMES" | "LIST"] => true,
            ["STREAM", "INFO", stream]
            | ["STREAM", "MSG", "GET", stream]
            | ["DIRECT", "GET", stream, ..]
            | ["CONSUMER", "NAMES" | "LIST", stream] => *stream == self.stream,
            ["CONSUMER", "DURABLE", "CREATE", stream, consumer]
            | ["CONSUMER", "MSG", "NEXT", stream, consumer]
            | ["CONSUMER", "CREATE", stream, consumer, ..]
            | ["CONSUMER", "DEAD", "LIST" | "REPLAY" | "DROP", stream, consumer]
            | ["CONSUMER", "INFO" | "DELETE", stream, consumer] => {
                self.is_of_a_program(stream, consumer)
            }
            _ => false,
        }
    }

    fn is_of_a_program(&self, stream: &str, consumer: &str) -> bool {
        let owner = consumer.split('_').next();
        stream == self.stream && !self.services.iter().any(|service| owner == Some(service))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names {
            prefix: "backline.events".into(),
            stream: "backline_events".into(),
            services: vec!["users", "tokens"],
        }
    }

    fn holder(subscribe: bool, publish: bool, manage: bool) -> Rights {
        Rights::Holder { subscribe, publish, manage }
    }

    #[test]
    fn nobody_but_a_service_speaks_for_backline() {
        for rights in [holder(true, true, true), holder(false, true, false)] {
            for subject in ["backline.events", "backline.events.user.created"] {
                assert!(!rights.may_publish(&names(), subject), "{subject}");
            }
            assert!(rights.may_publish(&names(), "backline.eventsource.x"));
        }
        assert!(Rights::Service.may_publish(&names(), "backline.events.user.created"));
    }

    #[test]
    fn a_subscriber_has_consumers_of_its_own_and_touches_no_others() {
        let subscriber = holder(true, false, false);
        for allowed in [
            "$JS.API.INFO",
            "$JS.API.STREAM.INFO.backline_events",
            "$JS.API.CONSUMER.CREATE.backline_events.wiki.backline.events.>",
            "$JS.API.CONSUMER.MSG.NEXT.backline_events.wiki",
            "$JS.API.CONSUMER.DEAD.REPLAY.backline_events.wiki",
            "$JS.ACK.backline_events.wiki.1.2.3.4.5",
            "_INBOX.abc.1",
        ] {
            assert!(subscriber.may_publish(&names(), allowed), "{allowed}");
        }
        for refused in [
            "$JS.API.STREAM.DELETE.backline_events",
            "$JS.API.STREAM.PURGE.backline_events",
            "$JS.API.STREAM.CREATE.mine",
            "$JS.API.STREAM.INFO.other",
            "$JS.API.CONSUMER.CREATE.backline_events",
            "$JS.API.CONSUMER.DELETE.backline_events.users_provision_default_role",
            "$JS.API.CONSUMER.MSG.NEXT.backline_events.users_provision_default_role",
            "$JS.API.CONSUMER.DEAD.DROP.backline_events.users_provision_default_role",
            "$JS.API.CONSUMER.DEAD.DROP.other.wiki",
            "$JS.ACK.backline_events.users_provision_default_role.1.2.3.4.5",
            "$SYS.REQ.SERVER.PING",
            "orders.commands",
        ] {
            assert!(!subscriber.may_publish(&names(), refused), "{refused}");
            assert!(Rights::Service.may_publish(&names(), refused), "{refused}");
        }
    }

    #[test]
    fn nobody_reads_what_is_said_to_others() {
        for rights in [holder(true, true, false), holder(true, true, true)] {
            for filter in [">", "*", "*.>", "_INBOX.>", "_INBOX.*", "_INBOX.*.x", "_INBOX"] {
                assert!(!rights.may_subscribe(filter), "{filter}");
            }
            for filter in ["_INBOX.abc.*", "_INBOX.abc.>", "backline.events.>", "orders.*"] {
                assert!(rights.may_subscribe(filter), "{filter}");
            }
        }
        assert!(!holder(true, true, false).may_subscribe("$SYS.>"));
        assert!(!holder(false, true, false).may_subscribe("backline.events.>"));
        assert!(Rights::Service.may_subscribe(">"));
    }
}
