//! What a client asks for when it sends a user to sign in (OpenID Connect Core, section 3.1.2). Pure rules.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::Session;
use super::client::{Client, GrantType, Scope, join_scopes, parse_scopes};
use super::demands::{Assurance, Demands, SingleClaims};

/// How long a code may be on its way through the browser.
pub const CODE_LIFETIME: SignedDuration = SignedDuration::from_secs(60);
/// How long a pushed request may wait for its browser (RFC 9126, section 2.2).
pub const PUSHED_REQUEST_LIFETIME: SignedDuration = SignedDuration::from_secs(90);
/// A sign-in this recent counts as one that was just asked for.
const FRESH: SignedDuration = SignedDuration::from_mins(5);
/// A SHA-256, base64url.
const DIGEST_LENGTH: usize = 43;
const TEXT_LENGTH_MAX: usize = 2048;

/// The parameters as they came, each at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

/// A parameter came twice (RFC 6749, section 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated(pub String);

impl Parameters {
    /// Takes pairs; a name may come once.
    pub fn new(pairs: Vec<(String, String)>) -> Result<Self, Repeated> {
        let mut names = BTreeSet::new();
        for (name, _) in &pairs {
            if !names.insert(name) {
                return Err(Repeated(name.clone()));
            }
        }
        Ok(Self(pairs))
    }

    /// What a parameter says; an empty one says nothing.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// These with one set.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    /// All of them, in the order they came.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

/// Why a request is refused, told to the client by way of the browser (RFC 6749, section 4.1.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub error: &'static str,
    pub description: &'static str,
}

impl Refusal {
    pub const fn new(error: &'static str, description: &'static str) -> Self {
        Self { error, description }
    }
}

/// Whether the user is shown pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    pub none: bool,
    pub login: bool,
    pub consent: bool,
}

/// A request that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationRequest {
    pub redirect_uri: String,
    pub scopes: BTreeSet<Scope>,
    pub nonce: Option<String>,
    /// BASE64URL(SHA256(verifier)) (RFC 7636).
    pub challenge: String,
    pub prompt: Prompt,
    pub age_max: Option<SignedDuration>,
    pub login_hint: Option<String>,
    pub demands: Demands,
    /// The key that the code is for (RFC 9449, section 10).
    pub key_thumbprint: Option<String>,
}

impl AuthorizationRequest {
    /// Reads a request of a client to one of its addresses.
    pub fn parse(
        client: &Client,
        redirect_uri: &str,
        parameters: &Parameters,
        demands: Demands,
    ) -> Result<Self, Refusal> {
        if parameters.pairs().iter().any(|(_, value)| value.len() > TEXT_LENGTH_MAX) {
            return Err(Refusal::new("invalid_request", "a parameter is too long"));
        }
        check_shape(client, parameters)?;
        let scopes: BTreeSet<Scope> = parse_scopes(parameters.get("scope").unwrap_or_default());
        let scopes = scopes.intersection(&client.metadata.scopes).copied().collect();
        if demands.cannot_be_met() {
            return Err(UNMET);
        }
        let claims = demands.claims.within(&client.metadata.scopes);
        Ok(Self {
            redirect_uri: redirect_uri.to_owned(),
            scopes,
            nonce: parameters.get("nonce").map(str::to_owned),
            challenge: challenge(parameters)?,
            prompt: prompt(parameters.get("prompt").unwrap_or_default())?,
            age_max: age_max(parameters.get("max_age"))?,
            login_hint: parameters.get("login_hint").map(str::to_owned),
            demands: Demands { claims, ..demands },
            key_thumbprint: key_thumbprint(parameters)?,
        })
    }

    /// The scopes that the user is asked for: also those of single claims.
    pub fn consent_scopes(&self) -> BTreeSet<Scope> {
        self.scopes.iter().copied().chain(self.demands.claims.scopes()).collect()
    }

    /// Whether a session will do, or the user has to sign in (again). `just_signed_in`: the user comes from the
    /// sign-in page.
    pub fn accepts(&self, session: &Session, just_signed_in: bool, now: Timestamp) -> bool {
        let age = now.duration_since(session.authenticated_at);
        let is_fresh = is_fresh(session, just_signed_in, now);
        let is_young = self.age_max.is_none_or(|max| age <= max || is_fresh);
        is_young && (!self.prompt.login || is_fresh)
    }
}

/// The user is who it should be, but has not shown it in the way that the client demands (OpenID Connect Core Unmet
/// Authentication Requirements 1.0).
pub const UNMET: Refusal = Refusal::new(
    "unmet_authentication_requirements",
    "the user cannot sign in here in the way that is demanded",
);

/// Whether the user comes from the sign-in page right now.
pub fn is_fresh(session: &Session, just_signed_in: bool, now: Timestamp) -> bool {
    just_signed_in && now.duration_since(session.authenticated_at) <= FRESH
}

fn check_shape(client: &Client, parameters: &Parameters) -> Result<(), Refusal> {
    if parameters.get("request").is_some() {
        return Err(Refusal::new("request_not_supported", "send the parameters as they are"));
    }
    match parameters.get("response_type") {
        Some("code") => {}
        Some(_) => return Err(Refusal::new("unsupported_response_type", "only `code` is given")),
        None => return Err(Refusal::new("invalid_request", "`response_type` is missing")),
    }
    if parameters.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(Refusal::new("invalid_request", "only the `response_mode` `query` is known"));
    }
    if !client.metadata.has(GrantType::AuthorizationCode) {
        let what = "the client may not use the authorization code grant";
        return Err(Refusal::new("unauthorized_client", what));
    }
    Ok(())
}

/// PKCE is for every client, and only with S256 (RFC 9700, section 2.1.1).
fn challenge(parameters: &Parameters) -> Result<String, Refusal> {
    if parameters.get("code_challenge_method") != Some("S256") {
        let what = "`code_challenge_method` must be S256 (RFC 7636)";
        return Err(Refusal::new("invalid_request", what));
    }
    let challenge = parameters.get("code_challenge").filter(is_digest);
    challenge.map(str::to_owned).ok_or(Refusal::new(
        "invalid_request",
        "`code_challenge` must be the base64url SHA-256 of the code verifier",
    ))
}

fn key_thumbprint(parameters: &Parameters) -> Result<Option<String>, Refusal> {
    match parameters.get("dpop_jkt") {
        Some(text) if !is_digest(&text) => Err(Refusal::new(
            "invalid_request",
            "`dpop_jkt` must be the base64url SHA-256 thumbprint of a key (RFC 7638)",
        )),
        thumbprint => Ok(thumbprint.map(str::to_owned)),
    }
}

fn is_digest(text: &&str) -> bool {
    text.len() == DIGEST_LENGTH
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

fn prompt(text: &str) -> Result<Prompt, Refusal> {
    let mut prompt = Prompt::default();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match word {
            "none" => prompt.none = true,
            "login" | "select_account" => prompt.login = true,
            "consent" => prompt.consent = true,
            _ => return Err(Refusal::new("invalid_request", "`prompt` has an unknown word")),
        }
    }
    if prompt.none && (prompt.login || prompt.consent) {
        return Err(Refusal::new("invalid_request", "`prompt=none` stands alone"));
    }
    Ok(prompt)
}

fn age_max(text: Option<&str>) -> Result<Option<SignedDuration>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let seconds = text
        .parse::<u32>()
        .map_err(|_| Refusal::new("invalid_request", "`max_age` must be a number of seconds"))?;
    Ok(Some(SignedDuration::from_secs(seconds.into())))
}

/// A code that is on its way to its client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationCode {
    pub digest: String,
    pub client_id: String,
    /// The browser's session, in which the user agreed.
    pub session_id: contracts::ids::SessionId,
    pub redirect_uri: String,
    pub scopes: BTreeSet<Scope>,
    pub nonce: Option<String>,
    pub challenge: String,
    pub single_claims: SingleClaims,
    /// What the sign-in amounted to of what the client demanded.
    pub assurance: Assurance,
    /// The key that it is for, if the client has named one.
    pub key_thumbprint: Option<String>,
    pub expires_at: Timestamp,
}

/// What a user has allowed a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    pub client_id: String,
    pub client_name: String,
    pub scopes: BTreeSet<Scope>,
    pub given_at: Timestamp,
}

impl Consent {
    /// The scopes as one text.
    pub fn scope(&self) -> String {
        join_scopes(&self.scopes)
    }
}
