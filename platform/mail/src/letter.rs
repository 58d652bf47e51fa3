//! What a letter is, and how it looks on the wire (RFC 5322).

use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox as Address};
use uuid::Uuid;

use crate::SendError;

const SUBJECT_CHARACTERS_MAX: usize = 200;
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// RFC 5322, section 2.1.1.
const LINE_BYTES_MAX: usize = 998;

/// A letter cannot be written like that.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LetterError {
    /// The subject or the address has more than one line, or characters that nobody sees.
    #[error("subject and address must be one line each, without control characters")]
    NotOneLine,
    /// Too long.
    #[error("a subject has at most 200 characters, a text at most 64 KiB")]
    TooLong,
}

/// A letter in plain text, to one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    id: Uuid,
    to: String,
    subject: String,
    text: String,
}

impl Letter {
    /// A letter. `id` is its own: sent again with the same one, it is the same letter.
    pub fn new(id: Uuid, to: &str, subject: &str, text: &str) -> Result<Self, LetterError> {
        if [to, subject].iter().any(|line| line.chars().any(char::is_control)) {
            return Err(LetterError::NotOneLine);
        }
        if subject.chars().count() > SUBJECT_CHARACTERS_MAX || text.len() > TEXT_BYTES_MAX {
            return Err(LetterError::TooLong);
        }
        Ok(Self { id, to: to.to_owned(), subject: subject.to_owned(), text: text.to_owned() })
    }

    /// The one by which it is recognised.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// To whom.
    pub fn to(&self) -> &str {
        &self.to
    }

    /// What it is about.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What it says.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// With its headers.
    pub(crate) fn message(&self, from: &Address) -> Result<Message, SendError> {
        let unaddressable =
            |error: &dyn std::fmt::Display| SendError::Unaddressable(error.to_string());
        let to = self.to.parse().map_err(|error| unaddressable(&error))?;
        // RFC 3834: nobody's out-of-office note is to answer a program.
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        Message::builder()
            .from(from.clone())
            .to(Address::new(None, to))
            .subject(self.subject.as_str())
            .message_id(Some(format!("<{}@{}>", self.id, from.email.domain())))
            .raw_header(HeaderValue::new(automatic, "auto-generated".into()))
            .header(ContentType::TEXT_PLAIN)
            .body(self.body())
            .map_err(|error| unaddressable(&error))
    }

    /// As it is, if it can be: a long link stays whole also where nobody decodes it, as in a file of the mailbox.
    fn body(&self) -> Body {
        let fits = |line: &str| {
            line.len() <= LINE_BYTES_MAX
                && line.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
        };
        if !self.text.lines().all(fits) {
            return Body::new(self.text.clone());
        }
        let lines: Vec<&str> = self.text.lines().chain([""]).collect();
        let encoding = ContentTransferEncoding::SevenBit;
        Body::dangerous_pre_encoded(lines.join("\r\n").into_bytes(), encoding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(to: &str, subject: &str, text: &str) -> String {
        let letter = Letter::new(Uuid::nil(), to, subject, text).expect("a letter");
        let from = "Backline <noreply@example.org>".parse().expect("an address");
        String::from_utf8(letter.message(&from).expect("a message").formatted()).expect("text")
    }

    #[test]
    fn a_letter_has_one_recipient_and_plain_text() {
        let wire = wire("ada@example.org", "Välkommen", "Hej å\nhttps://example.org/x?token=a=b\n");
        let (headers, _) = wire.split_once("\r\n\r\n").expect("headers and text");
        for expected in [
            "From: Backline <noreply@example.org>",
            "To: ada@example.org",
            "Message-ID: <00000000-0000-0000-0000-000000000000@example.org>",
            "Auto-Submitted: auto-generated",
            "Content-Type: text/plain; charset=utf-8",
            "Date: ",
        ] {
            assert!(headers.lines().any(|line| line.starts_with(expected)), "{expected}: {wire}");
        }
    }

    #[test]
    fn a_long_link_stays_whole() {
        let link = format!("https://example.org/verify-email?token={}", "x=".repeat(200));
        let whole = wire("ada@example.org", "Hello", &format!("Open\n\n{link}\n"));
        assert!(whole.ends_with(&format!("\r\n\r\nOpen\r\n\r\n{link}\r\n")), "{whole}");
        for encoded in ["å", &"x".repeat(999)] {
            assert!(!wire("ada@example.org", "Hello", encoded).contains("7bit"));
        }
    }

    #[test]
    fn nothing_adds_a_header() {
        let id = Uuid::nil();
        for (to, subject) in [
            ("a@example.org\r\nBcc: eve@example.org", "x"),
            ("a@example.org", "x\nBcc: eve@example.org"),
            ("a@example.org", "x\0"),
        ] {
            assert_eq!(Letter::new(id, to, subject, "x"), Err(LetterError::NotOneLine));
        }
        // A text is only a text, also when it looks like headers.
        let wire = wire("a@example.org", "x", "Bcc: eve@example.org\r\n\r\n.\r\nQUIT");
        let (headers, _) = wire.split_once("\r\n\r\n").expect("headers and text");
        assert!(!headers.contains("Bcc"), "{wire}");
        let two = Letter::new(id, "a@example.org, eve@example.org", "x", "x").expect("a letter");
        let from = "noreply@example.org".parse().expect("an address");
        assert!(matches!(two.message(&from), Err(SendError::Unaddressable(_))));
    }

    #[test]
    fn a_letter_has_limits() {
        let id = Uuid::nil();
        let to = "a@example.org";
        assert_eq!(Letter::new(id, to, &"x".repeat(201), "x"), Err(LetterError::TooLong));
        assert_eq!(Letter::new(id, to, "x", &"x".repeat(65_537)), Err(LetterError::TooLong));
    }
}
