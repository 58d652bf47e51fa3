//! Programs that users sign in to, or that act on their own behalf (RFC 6749, section 2; RFC 7591). Pure rules.

use std::collections::BTreeSet;

use contracts::ids::CustomerId;
use identity::SigningAlgorithm;
use jiff::Timestamp;
use service_kit::FieldErrors;
use uuid::Uuid;

use super::logout::LogoutReach;

const NAME_LENGTH_MAX: usize = 100;
pub(super) const URI_LENGTH_MAX: usize = 2000;
const URIS_MAX: usize = 20;
const KEY_SET_BYTES_MAX: usize = 16 * 1024;

/// A registered program.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    pub id: ClientId,
    pub metadata: Metadata,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

/// Names a client, in `client_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub Uuid);

impl ClientId {
    /// A new one; sorts by the time of registration.
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// Reads the text of a request.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }
}

impl std::fmt::Display for ClientId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What a registration says of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// Shown to users when they are asked for their consent.
    pub name: String,
    pub authentication: Authentication,
    pub grants: BTreeSet<GrantType>,
    pub scopes: BTreeSet<Scope>,
    /// Compared as they are, character by character (RFC 9700, section 2.1).
    pub redirect_uris: Vec<String>,
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it is told that a session has ended (OpenID Connect Back-Channel Logout 1.0, section 2.2).
    pub backchannel_logout_uri: Option<String>,
    /// Whether it has to be told which session. It always is.
    pub backchannel_logout_session_required: bool,
    /// It gets tokens only that are bound to a key of its (RFC 9449, section 5.2).
    pub is_bound_to_key: bool,
    pub id_token_algorithm: SigningAlgorithm,
    /// The client's public keys, a JWK set, for `private_key_jwt`.
    pub key_set: Option<String>,
    /// What it may do on its own behalf.
    pub permissions: BTreeSet<String>,
    /// Inside which customer; everywhere when there is none.
    pub customer_id: Option<CustomerId>,
    /// A program of the installation itself: users are not asked for their consent.
    pub is_first_party: bool,
    pub is_active: bool,
}

/// How a client proves who it is at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// A public client, such as one in a browser or on a phone: it has no secret.
    None,
    /// A secret, in the header or in the body; both are taken for either.
    SecretBasic,
    SecretPost,
    /// A signed assertion (RFC 7523).
    PrivateKeyJwt,
}

impl Authentication {
    pub const ALL: [Self; 4] =
        [Self::SecretBasic, Self::SecretPost, Self::PrivateKeyJwt, Self::None];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SecretBasic => "client_secret_basic",
            Self::SecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }

    /// Whether it has a secret of ours.
    pub fn has_secret(self) -> bool {
        matches!(self, Self::SecretBasic | Self::SecretPost)
    }
}

/// A way to get tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrantType {
    AuthorizationCode,
    RefreshToken,
    ClientCredentials,
    DeviceCode,
}

impl GrantType {
    pub const ALL: [Self; 4] =
        [Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials, Self::DeviceCode];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == text)
    }
}

/// What a token may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// An ID token: who signed in.
    OpenId,
    /// Name.
    Profile,
    /// E-mail address.
    Email,
    /// Roles.
    Roles,
    /// A refresh token: access while the user is not there.
    OfflineAccess,
    /// Backline's own API, with all that the user may do.
    Api,
}

impl Scope {
    pub const ALL: [Self; 6] =
        [Self::OpenId, Self::Profile, Self::Email, Self::Roles, Self::OfflineAccess, Self::Api];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenId => "openid",
            Self::Profile => "profile",
            Self::Email => "email",
            Self::Roles => "roles",
            Self::OfflineAccess => "offline_access",
            Self::Api => "api",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }

    /// For the page that asks for consent.
    pub fn description(self) -> &'static str {
        match self {
            Self::OpenId => "Know that it is you",
            Self::Profile => "See your name",
            Self::Email => "See your e-mail address",
            Self::Roles => "See your roles",
            Self::OfflineAccess => "Keep access while you are away",
            Self::Api => "Act for you in Backline: all that you may do yourself",
        }
    }
}

/// The scopes of a text; words that name none are left out (OpenID Connect Core, section 3.1.2.1).
pub fn parse_scopes(text: &str) -> BTreeSet<Scope> {
    text.split(' ').filter_map(Scope::parse).collect()
}

/// Scopes as one text.
pub fn join_scopes(scopes: &BTreeSet<Scope>) -> String {
    let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    words.join(" ")
}

impl Metadata {
    /// Checks what belongs together. The names of fields are those of RFC 7591.
    pub fn check(self, reach: LogoutReach) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let name_length = self.name.trim().chars().count();
        if !(1..=NAME_LENGTH_MAX).contains(&name_length) {
            errors.add("client_name", format!("must have 1 to {NAME_LENGTH_MAX} characters"));
        }
        check_uris(&mut errors, "redirect_uris", &self.redirect_uris);
        let after_logout = &self.post_logout_redirect_uris;
        check_uris(&mut errors, "post_logout_redirect_uris", after_logout);
        if let Some(Err(what)) = self.backchannel_logout_uri.as_ref().map(|uri| reach.check(uri)) {
            errors.add("backchannel_logout_uri", what);
        }
        if let Err(what) = self.check_grants() {
            errors.add("grant_types", what);
        }
        if let Err(what) = self.check_keys() {
            errors.add("jwks", what);
        }
        if !self.permissions.is_empty() && !self.has(GrantType::ClientCredentials) {
            errors.add("backline_permissions", "are only for the grant `client_credentials`");
        }
        errors.finish(Some(self))
    }

    fn check_grants(&self) -> Result<(), &'static str> {
        let is_public = self.authentication == Authentication::None;
        let signs_in = self.has(GrantType::AuthorizationCode);
        match () {
            () if self.grants.is_empty() => Err("name at least one"),
            () if signs_in && self.redirect_uris.is_empty() => {
                Err("`authorization_code` needs `redirect_uris`")
            }
            () if is_public && self.has(GrantType::ClientCredentials) => {
                Err("`client_credentials` is not for a client without a secret")
            }
            () => Ok(()),
        }
    }

    fn check_keys(&self) -> Result<(), &'static str> {
        let needs_keys = self.authentication == Authentication::PrivateKeyJwt;
        match &self.key_set {
            None if needs_keys => Err("`private_key_jwt` needs the client's public keys"),
            Some(text) if text.len() > KEY_SET_BYTES_MAX => Err("must not be larger than 16 KiB"),
            _ => Ok(()),
        }
    }

    /// Whether the client may use a grant.
    pub fn has(&self, grant: GrantType) -> bool {
        self.grants.contains(&grant)
    }
}

fn check_uris(errors: &mut FieldErrors, field: &str, uris: &[String]) {
    if uris.len() > URIS_MAX {
        errors.add(field, format!("must not be more than {URIS_MAX}"));
    }
    for uri in uris {
        if let Err(what) = check_uri(uri) {
            errors.add(field, format!("`{uri}` {what}"));
        }
    }
}

/// Whether every character may stand in an address (RFC 3986, section 2).
pub(super) fn is_clean(uri: &str) -> bool {
    uri.chars().all(|c| c.is_ascii_graphic() && !"\"<>\\^`{|}*".contains(c))
}

/// Where a browser may be sent: an absolute address without fragment and wildcard, over HTTPS unless it is this very
/// machine, or with a scheme of the program's own (RFC 8252, section 7.1).
fn check_uri(uri: &str) -> Result<(), &'static str> {
    let Some((scheme, rest)) = uri.split_once(':') else { return Err("must be absolute") };
    let is_scheme_letter = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    match scheme {
        _ if uri.len() > URI_LENGTH_MAX => Err("is too long"),
        _ if !is_clean(uri) => Err("has a character that an address must not have"),
        _ if uri.contains('#') => Err("must not have a fragment"),
        "https" if host(rest).is_some() => Ok(()),
        "http" if host(rest).is_some_and(is_this_machine) => Ok(()),
        "http" => Err("must use https"),
        own if own.contains('.') && own.chars().all(is_scheme_letter) => Ok(()),
        _ => Err("must use https, or a scheme of your own with a dot in it"),
    }
}

pub(super) fn host(rest: &str) -> Option<&str> {
    let authority = rest.strip_prefix("//")?.split(['/', '?']).next()?;
    if authority.contains('@') {
        return None;
    }
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next()?,
        None => authority.split(':').next()?,
    };
    Some(host).filter(|host| !host.is_empty())
}

pub(super) fn is_this_machine(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "::1")
}
