//! What can be wrong with the bytes of a client, and how nats-server answers it.

/// An operation that cannot be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// The verb is none that a client may send, or a payload does not end where it should.
    #[error("unknown protocol operation")]
    UnknownOperation,
    /// The line of an operation is longer than [`super::CONTROL_LINE_BYTES_MAX`].
    #[error("maximum control line exceeded")]
    ControlLineTooLong,
    /// More header and body are announced than the server takes.
    #[error("maximum payload violation")]
    PayloadTooLarge,
    /// The arguments of the operation are too few, too many or no numbers.
    #[error("malformed arguments of {0}")]
    Arguments(&'static str),
    /// CONNECT does not carry an object with the fields we know.
    #[error("malformed options of CONNECT")]
    Connect,
    /// CONNECT asks for a later protocol than ours.
    #[error("invalid client protocol")]
    ProtocolVersion,
    /// CONNECT asks to be told of missing responders, which travels in a header, but wants no headers.
    #[error("no responders requires headers support")]
    NoRespondersWithoutHeaders,
    /// HPUB from a client that said it knows no headers.
    #[error("message headers not supported")]
    HeadersNotSupported,
    /// The client itself reported an error, which ends the conversation.
    #[error("the client reported an error")]
    ReportedByClient,
    /// The subject or queue of a subscription is no filter.
    #[error("invalid subject")]
    InvalidSubject,
    /// The subject or the reply of a publication is none, or has wildcards.
    #[error("invalid publish subject")]
    InvalidPublishSubject,
}

impl ProtocolError {
    /// What stands in `-ERR '…'`. The original server closes without a word where this is `None`.
    pub fn text(self) -> Option<&'static str> {
        match self {
            Self::UnknownOperation => Some("Unknown Protocol Operation"),
            Self::ControlLineTooLong => Some("maximum control line exceeded"),
            Self::PayloadTooLarge => Some("Maximum Payload Violation"),
            Self::ProtocolVersion => Some("invalid client protocol"),
            Self::NoRespondersWithoutHeaders => Some("no responders requires headers support"),
            Self::InvalidSubject => Some("Invalid Subject"),
            Self::InvalidPublishSubject => Some("Invalid Publish Subject"),
            Self::Arguments(_)
            | Self::Connect
            | Self::HeadersNotSupported
            | Self::ReportedByClient => None,
        }
    }

    /// Whether nothing that follows can be understood, so that the connection must be closed.
    pub fn is_fatal(self) -> bool {
        !matches!(self, Self::InvalidSubject | Self::InvalidPublishSubject)
    }
}
