//! The pages people see: sign in, consent, device, signed out. Plain HTML forms; no font, no picture from anywhere. One
//! page has a script, a file of ours that adds passkeys to it and that it works without: the one to sign in. What
//! another site or a user wrote is escaped by the template.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use crate::app::authorize::Ask;
use crate::domain::Session;
use crate::domain::authorization::Parameters;
use crate::domain::client::{Client, Scope};
use crate::domain::device::{DeviceCode, shown};

const STYLE: &str = include_str!("pages.css");
const PASSKEY_SCRIPT: &str = include_str!("passkey.js");
/// What the script needs: itself, and the way to ask for a challenge.
const WITH_SCRIPT: &str = "script-src 'self'; connect-src 'self'; ";
const TIGHTEST: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'");

/// A page, and where its forms may lead.
pub struct Page {
    body: Markup,
    /// Beside this site: browsers check where a form ends up, also after being sent on.
    leads_to: Option<String>,
    has_script: bool,
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let policy = format!(
            "default-src 'none'; {}style-src 'self'; img-src 'self'; form-action 'self' {}; \
             frame-ancestors 'none'; base-uri 'none'",
            if self.has_script { WITH_SCRIPT } else { "" },
            self.leads_to.as_deref().unwrap_or_default()
        );
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (header::CONTENT_SECURITY_POLICY, HeaderValue::try_from(policy).unwrap_or(TIGHTEST)),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            // `same-origin`, not `no-referrer`: then browsers would send our forms with the origin `null`.
            (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
            (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        ];
        (headers, self.body.into_string()).into_response()
    }
}

/// What was tried in vain.
#[derive(Clone, Copy)]
pub struct Failed<'f> {
    pub email: &'f str,
    pub what: &'f str,
    /// The password was right, a second proof is needed.
    pub needs_code: bool,
}

/// `/oauth/style.css`
pub async fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css"), (header::CACHE_CONTROL, "max-age=3600")];
    (headers, STYLE).into_response()
}

/// `/oauth/passkey.js`
pub async fn passkey_script() -> Response {
    let kind = "text/javascript; charset=utf-8";
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=3600")];
    (headers, PASSKEY_SCRIPT).into_response()
}

impl Page {
    /// Sign in for a client.
    pub fn sign_in(ask: &Ask, goes_on: &str, failed: Option<Failed<'_>>) -> Self {
        let hint = failed.map(|failed| failed.email).or(ask.request.login_hint.as_deref());
        let body = html! {
            h1 { "Sign in" }
            p { "to go on to " strong { (ask.client.metadata.name) } }
            (sign_in_form(goes_on, hint.unwrap_or_default(), failed))
        };
        Self::new("Sign in", body, origin(&ask.request.redirect_uri)).with_script()
    }

    /// Sign in before letting a device in.
    pub fn sign_in_for_device(goes_on: &str, failed: Option<Failed<'_>>) -> Self {
        let email = failed.map(|failed| failed.email).unwrap_or_default();
        let body = html! {
            h1 { "Sign in" }
            p { "to connect your device" }
            (sign_in_form(goes_on, email, failed))
        };
        Self::new("Sign in", body, None).with_script()
    }

    /// Ask what a client may have.
    pub fn consent(ask: &Ask, session: &Session, goes_on: &str) -> Self {
        let body = html! {
            h1 { (ask.client.metadata.name) " asks for access" }
            p { "You are signed in as " strong { (session.account.email) } "." }
            (scope_list(ask.request.consent_scopes().into_iter()))
            form method="post" action="/oauth/consent" {
                input type="hidden" name="continue" value=(goes_on);
                (decision())
            }
            p.small { "You can withdraw this at any time on your account page." }
        };
        Self::new("Allow access", body, origin(&ask.request.redirect_uri))
    }

    /// Type the code that a device shows; `wrong` is one that did not fit.
    pub fn enter_code(wrong: Option<&str>) -> Self {
        let body = html! {
            h1 { "Connect a device" }
            p { "Type the code that your device shows." }
            @if wrong.is_some() {
                p.error #what role="alert" {
                    "No device waits with this code. Check it, or begin again on the device."
                }
            }
            form method="get" action="/oauth/device" {
                label for="user_code" { "Code" }
                input #user_code.code name="user_code" value=(wrong.unwrap_or_default()) required
                    maxlength="20" autocomplete="off" autocapitalize="characters" spellcheck="false"
                    aria-describedby=[wrong.map(|_| "what")] autofocus;
                button type="submit" { "Go on" }
            }
        };
        Self::new("Connect a device", body, None)
    }

    /// Let a device in, or not.
    pub fn allow_device(code: &DeviceCode, client: &Client, session: &Session) -> Self {
        let body = html! {
            h1 { "Connect " (client.metadata.name) "?" }
            p { "You are signed in as " strong { (session.account.email) } "." }
            p {
                "Your device must show the code " strong.code { (shown(&code.user_code)) } ". "
                "If somebody sent you this code, refuse."
            }
            (scope_list(code.scopes.iter().copied()))
            form method="post" action="/oauth/device" {
                input type="hidden" name="user_code" value=(code.user_code);
                (decision())
            }
        };
        Self::new("Connect a device", body, None)
    }

    /// The device has its answer.
    pub fn device_answered(is_allowed: bool) -> Self {
        let (title, words) = if is_allowed {
            ("Connected", "Your device goes on by itself in a moment. You can close this page.")
        } else {
            ("Refused", "The device was not let in. You can close this page.")
        };
        Self::new(title, html! { h1 { (title) } p { (words) } }, None)
    }

    /// Ask whether to sign out, because nobody proved that the user wants it.
    pub fn confirm_logout(parameters: &Parameters) -> Self {
        let body = html! {
            h1 { "Sign out?" }
            p { "You will be signed out of Backline and of the programs you signed in to with it." }
            form method="post" action="/oauth/logout" {
                @for (name, value) in parameters.pairs() {
                    input type="hidden" name=(name) value=(value);
                }
                input type="hidden" name="confirm" value="yes";
                div.actions {
                    button type="submit" { "Sign out" }
                    a.button.quiet href="/" { "Stay signed in" }
                }
            }
        };
        let leads_to = parameters.get("post_logout_redirect_uri").and_then(origin);
        Self::new("Sign out", body, leads_to)
    }

    /// The session is over.
    pub fn signed_out() -> Self {
        let body = html! {
            h1 { "You are signed out" }
            p { a href="/" { "Go to the start page" } }
        };
        Self::new("Signed out", body, None)
    }

    /// Nothing can be done here.
    pub fn stop(words: &str) -> Self {
        let body = html! {
            h1 { "This does not work" }
            p.error role="alert" { (sentence(words)) }
            p { "If it happens again, tell the people who run the program you came from." }
        };
        Self::new("This does not work", body, None)
    }

    fn new(title: &str, content: Markup, leads_to: Option<String>) -> Self {
        let body = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (title) " · Backline" }
                    link rel="icon" href="/favicon.svg" type="image/svg+xml";
                    link rel="stylesheet" href="/oauth/style.css";
                }
                body {
                    main {
                        p.brand { "Backline" }
                        (content)
                    }
                }
            }
        };
        Self { body, leads_to, has_script: false }
    }

    fn with_script(self) -> Self {
        Self { has_script: true, ..self }
    }
}

fn sign_in_form(goes_on: &str, email: &str, failed: Option<Failed<'_>>) -> Markup {
    let needs_code = failed.is_some_and(|failed| failed.needs_code);
    html! {
        @if let Some(Failed { what, .. }) = failed {
            p.error #what role="alert" { (sentence(what)) }
        }
        form method="post" action="/oauth/sign-in" {
            input type="hidden" name="continue" value=(goes_on);
            label for="email" { "E-mail address" }
            input #email name="email" type="email" value=(email) required autocomplete="username"
                maxlength="254" autofocus[email.is_empty()]
                aria-describedby=[failed.map(|_| "what")];
            label for="password" { "Password" }
            input #password name="password" type="password" required maxlength="256"
                autocomplete="current-password" autofocus[!email.is_empty()];
            @if needs_code {
                label for="code" { "Code of your authenticator, or a recovery code" }
                input #code.code name="code" required maxlength="64" inputmode="text"
                    autocomplete="one-time-code" spellcheck="false";
            }
            button type="submit" { "Sign in" }
        }
        (passkey_form(goes_on))
        p.small {
            "No account yet? " a href="/sign-up" { "Sign up" } ", then come back to this page."
        }
    }
}

/// What the script shows where there can be passkeys, and fills in. It goes the way of the form for passwords.
fn passkey_form(goes_on: &str) -> Markup {
    html! {
        div #passkey hidden {
            form #passkey-form method="post" action="/oauth/sign-in" {
                input type="hidden" name="continue" value=(goes_on);
                input type="hidden" name="passkey";
                button.quiet #passkey-button type="button" { "Sign in with a passkey" }
            }
            p.error.trouble #passkey-trouble role="alert" {}
        }
        script src="/oauth/passkey.js" defer {}
    }
}

fn scope_list(scopes: impl Iterator<Item = Scope>) -> Markup {
    html! {
        p { "It will be able to:" }
        ul { @for scope in scopes { li { (scope.description()) } } }
    }
}

fn decision() -> Markup {
    html! {
        div.actions {
            button type="submit" name="decision" value="allow" { "Allow" }
            button.quiet type="submit" name="decision" value="deny" { "Refuse" }
        }
    }
}

/// Words for programs begin in lower case and have no full stop.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

/// The part of an address that a policy names: scheme and host, or the scheme of a program's own.
fn origin(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    let origin = match rest.strip_prefix("//").filter(|_| scheme.starts_with("http")) {
        Some(rest) => format!("{scheme}://{}", rest.split(['/', '?']).next()?),
        None => format!("{scheme}:"),
    };
    Some(origin).filter(|origin| !origin.contains([';', ',', ' ']))
}
