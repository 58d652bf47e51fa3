//! Topic patterns over message types: `*` stands for one word, `#` for any number at the end.
//!
//! RabbitMQ reads them as they are. In NATS `#` becomes `>`, which wants a word at least; all types have two or more, so
//! that the two differ only in patterns that nobody needs.

/// Which message types a subscription wants: `role.created`, `booking.*`, `*.created`, `#`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// A pattern from its text.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self(pattern.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a message type matches.
    pub fn matches(&self, kind: &str) -> bool {
        let mut words = kind.split('.');
        for expected in self.0.split('.') {
            if expected == "#" {
                return true;
            }
            match words.next() {
                Some(word) if expected == "*" || expected == word => {}
                _ => return false,
            }
        }
        words.next().is_none()
    }

    /// The same pattern as a NATS subject below `prefix`.
    pub fn nats_subject(&self, prefix: &str) -> String {
        format!("{prefix}.{}", self.0.replace('#', ">"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_exactly_one_word() {
        assert!(Pattern::new("*.created").matches("user.created"));
        assert!(Pattern::new("ticket.*").matches("ticket.checked_in"));
        assert!(!Pattern::new("ticket.*").matches("ticket"));
        assert!(!Pattern::new("ticket.*").matches("ticket.a.b"));
        assert!(Pattern::new("#").matches("ticket.a.b"));
        assert!(Pattern::new("ticket.#").matches("ticket.a.b"));
        assert!(!Pattern::new("user.created").matches("user.updated"));
    }
}
