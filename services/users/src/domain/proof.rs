//! How somebody has shown who they are.

/// What was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    Password,
    PasswordAndCode,
    Passkey,
    EmailLink,
    EmailLinkAndCode,
}

impl Proof {
    /// In the words of RFC 8176, as far as it has one: what arrives by e-mail has no name there.
    ///
    /// A passkey is more than one factor: the device, and the finger, face or PIN without which the device does not
    /// sign. It is called `swk`, secured by software, whatever it is: without attestation an authenticator only says
    /// of itself that it is hardware, and who asks for `hwk` wants that proved.
    pub fn methods(self) -> &'static [&'static str] {
        match self {
            Self::Password => &["pwd"],
            Self::PasswordAndCode => &["pwd", "otp", "mfa"],
            Self::Passkey => &["swk", "user", "mfa"],
            Self::EmailLink => &["email"],
            Self::EmailLinkAndCode => &["email", "otp", "mfa"],
        }
    }
}
