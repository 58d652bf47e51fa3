//! What letters say. Nothing in them was typed by anybody but the reader: who signs up with the address of somebody
//! else cannot have a text of their own sent there.

use super::Email;

/// What a letter is about and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterText {
    pub subject: &'static str,
    pub text: String,
}

/// What an address gets a limited number of, each counted apart: who may have links sent to somebody must not be
/// able to use up the notices that warn them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterKind {
    Link,
    /// A link to sign in with. Counted apart from the others, so that somebody who asks for these cannot keep the
    /// owner from a new password.
    SignIn,
    Notice,
}

impl LetterKind {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::SignIn => "sign-in",
            Self::Notice => "notice",
        }
    }
}

/// The link that shows that an address belongs to its account.
pub fn verify_email(public_url: &str, token: &str) -> LetterText {
    LetterText {
        subject: "Confirm your e-mail address",
        text: format!(
            "This address was given for an account at {public_url}.\n\n\
             To confirm that it is yours, open this link within 24 hours:\n\n\
             {public_url}/verify-email?token={token}\n\n\
             If you know nothing of it, do nothing: without the link nobody gets any further.\n"
        ),
    }
}

/// The link that opens an account whose password is forgotten.
pub fn reset_password(public_url: &str, token: &str) -> LetterText {
    LetterText {
        subject: "Choose a new password",
        text: format!(
            "Somebody asked for a new password for your account at {public_url}.\n\n\
             To choose one, open this link within one hour:\n\n\
             {public_url}/reset-password?token={token}\n\n\
             If it was not you, do nothing: your password stays as it is.\n"
        ),
    }
}

/// The link that signs in.
pub fn sign_in(public_url: &str, token: &str) -> LetterText {
    LetterText {
        subject: "Your link to sign in",
        text: format!(
            "Somebody asked for a link to sign in to your account at {public_url}.\n\n\
             To sign in, open this link within 10 minutes, on the device that you want to use:\n\n\
             {public_url}/sign-in-link?token={token}\n\n\
             If it was not you, do nothing, and give the link to nobody: whoever has it gets in.\n"
        ),
    }
}

/// Tells the old address that another one is to take its place.
pub fn email_changing(public_url: &str, new: &Email) -> LetterText {
    notice(
        public_url,
        "Your e-mail address is about to change",
        &format!(
            "{new} was given as your new e-mail address, and counts as soon as it is confirmed."
        ),
    )
}

/// Tells that the password is another one.
pub fn password_changed(public_url: &str) -> LetterText {
    let what = "Your password was changed, and everybody who had signed in with the old one is signed out.";
    notice(public_url, "Your password was changed", what)
}

/// Tells that signing in takes a code from now on.
pub fn totp_started(public_url: &str) -> LetterText {
    let what = "From now on signing in takes a code of your authenticator besides the password.";
    notice(public_url, "Signing in takes a second step now", what)
}

/// Tells that the password alone is enough again.
pub fn totp_stopped(public_url: &str) -> LetterText {
    let what =
        "Signing in does not take a code of your authenticator any more: the password is enough.";
    notice(public_url, "Signing in takes only the password now", what)
}

/// Tells that another passkey opens the account.
pub fn passkey_added(public_url: &str) -> LetterText {
    let what = "A passkey was added. It opens the account by itself, without the password.";
    let also = "Then take the passkey away on your account page.";
    passkey_notice(public_url, "A passkey was added to your account", what, also)
}

/// Tells that a passkey opens nothing any more.
pub fn passkey_removed(public_url: &str) -> LetterText {
    let what = "A passkey was taken away. It does not open the account any more.";
    let also = "Then look through the passkeys that are left on your account page.";
    passkey_notice(public_url, "A passkey was taken from your account", what, also)
}

/// A new password alone would leave a stranger's passkey where it is.
fn passkey_notice(public_url: &str, subject: &'static str, what: &str, also: &str) -> LetterText {
    let mut letter = notice(public_url, subject, what);
    letter.text.push_str(also);
    letter.text.push('\n');
    letter
}

fn notice(public_url: &str, subject: &'static str, what: &str) -> LetterText {
    LetterText {
        subject,
        text: format!(
            "About your account at {public_url}:\n\n{what}\n\n\
             If it was not you, somebody knows your password: choose another one now.\n"
        ),
    }
}
