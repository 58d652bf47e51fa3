//! Subjects: words between dots; in filters `*` stands for one word and `>` for one or more at the end.

use std::fmt;

use bytes::Bytes;

/// Longer ones are refused.
pub const SUBJECT_BYTES_MAX: usize = 1024;

/// What requests to the API begin with.
const API_PREFIX: &[u8] = b"$JS.API.";

/// A subject that something is published to: words without wildcards, UTF-8, cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject(Bytes);

/// A subject that may have wildcards.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Filter(Bytes);

impl Subject {
    /// Parses a subject to publish to. Requests to the API may have a filter at their end, wildcards and all.
    pub fn parse(text: impl Into<Bytes>) -> Option<Self> {
        let bytes = text.into();
        let is_plain = |word: &[u8]| word != b"*" && word != b">";
        let is_meant = bytes.starts_with(API_PREFIX) || words(&bytes).all(is_plain);
        (is_well_formed(&bytes) && is_meant).then_some(Self(bytes))
    }

    /// As it travels.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Filter {
    /// Parses a subject to subscribe to.
    pub fn parse(text: impl Into<Bytes>) -> Option<Self> {
        let bytes = text.into();
        let tail = words(&bytes).position(|word| word == b">");
        let is_at_end = tail.is_none_or(|place| place + 1 == words(&bytes).count());
        (is_well_formed(&bytes) && is_at_end).then_some(Self(bytes))
    }

    /// As it travels.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether there is a wildcard in it.
    pub fn has_wildcard(&self) -> bool {
        words(&self.0).any(|word| word == b"*" || word == b">")
    }

    /// Whether the subject is one of those meant.
    pub fn matches(&self, subject: &Subject) -> bool {
        covers(&self.0, &subject.0)
    }

    /// Whether every subject the other means is meant by this one too.
    pub fn covers(&self, other: &Filter) -> bool {
        covers(&self.0, &other.0)
    }

    /// Whether some subject is meant by both.
    pub fn overlaps(&self, other: &Filter) -> bool {
        let (mut ours, mut theirs) = (words(&self.0), words(&other.0));
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) => return true,
                (Some(b">"), Some(_)) | (Some(_), Some(b">")) => return true,
                (Some(a), Some(b)) if a == b || a == b"*" || b == b"*" => {}
                _ => return false,
            }
        }
    }
}

fn covers(filter: &[u8], other: &[u8]) -> bool {
    let (mut ours, mut theirs) = (words(filter), words(other));
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return true,
            (Some(b">"), Some(_)) => return true,
            (Some(_), Some(b">")) => return false,
            (Some(b"*"), Some(_)) => {}
            (Some(a), Some(b)) if a == b => {}
            _ => return false,
        }
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'.')
}

/// UTF-8 of words that are not empty and have no white space or control characters in them.
fn is_well_formed(bytes: &[u8]) -> bool {
    bytes.len() <= SUBJECT_BYTES_MAX
        && words(bytes).all(|word| !word.is_empty())
        && bytes.iter().all(|byte| *byte > b' ' && *byte != 0x7f)
        && std::str::from_utf8(bytes).is_ok()
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &'static str) -> Filter {
        Filter::parse(text).expect("a filter")
    }

    fn subject(text: &'static str) -> Subject {
        Subject::parse(text).expect("a subject")
    }

    #[test]
    fn subjects_and_filters_are_told_from_nonsense() {
        for good in
            ["a", "a.b.c", "$JS.API.INFO", "_INBOX.x", "ö.ü", "a*b.c>d", "$JS.API.X.s.c.a.*.>"]
        {
            assert!(Subject::parse(good).is_some(), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", "a b", "a\tb", "a\r\n", "*", "a.>", "a.*.b"] {
            assert!(Subject::parse(bad).is_none(), "{bad}");
        }
        for good in ["*", ">", "a.*", "a.>", "*.b.>"] {
            assert!(Filter::parse(good).is_some(), "{good}");
        }
        for bad in ["", ">.a", "a.>.b", "a..>"] {
            assert!(Filter::parse(bad).is_none(), "{bad}");
        }
        assert!(Subject::parse("a".repeat(SUBJECT_BYTES_MAX + 1)).is_none());
        assert!(Subject::parse(&b"\xff"[..]).is_none());
    }

    #[test]
    fn a_star_stands_for_one_word_and_an_arrow_for_the_rest() {
        assert!(filter("a.*.c").matches(&subject("a.b.c")));
        assert!(!filter("a.*").matches(&subject("a")));
        assert!(!filter("a.*").matches(&subject("a.b.c")));
        assert!(filter("a.>").matches(&subject("a.b.c")));
        assert!(!filter("a.>").matches(&subject("a")));
        assert!(filter(">").matches(&subject("a")));
    }

    #[test]
    fn filters_cover_and_overlap() {
        assert!(filter("a.>").covers(&filter("a.*.c")));
        assert!(!filter("a.*").covers(&filter("a.>")));
        assert!(filter("a.*").overlaps(&filter("*.b")));
        assert!(filter("a.>").overlaps(&filter("*.b.c")));
        assert!(!filter("a.b").overlaps(&filter("a.c")));
        assert!(!filter("a").overlaps(&filter("a.>")));
    }
}
