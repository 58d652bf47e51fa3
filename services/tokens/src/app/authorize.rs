//! Sending a user to sign in for a client, and back with a code (OpenID Connect Core, section 3.1.2).
//!
//! Nothing is kept of a request while its user signs in: it travels in the pages, and is read anew, with every check,
//! whenever it comes back. So nobody fills the database by asking, and a page may be opened twice.

use contracts::audit::AuditRecorded;
use policies::{Actor, Resource};
use stdx::secret;

use super::owner;
use crate::Tokens;
use crate::app::clients::ClientProof;
use crate::app::demands::read_request;
use crate::domain::Session;
use crate::domain::authorization::{
    AuthorizationCode, AuthorizationRequest, CODE_LIFETIME, Consent, PUSHED_REQUEST_LIFETIME,
    Parameters, Refusal, UNMET, is_fresh,
};
use crate::domain::client::{Client, ClientId, Scope};
use crate::domain::demands::Assurance;
use crate::error::{Error, Result};
use crate::store;

/// Names a request that was pushed (RFC 9126, section 2.2).
const REQUEST_URI_PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
/// Set by our own pages when the user comes from them.
pub const SIGNED_IN: &str = "backline_signed_in";
pub const CONSENTED: &str = "backline_consented";

/// What the browser is to do.
#[derive(Debug)]
pub enum Step {
    /// Go back to the client, with a code or with an error.
    Return(String),
    /// Let the user sign in; then the request comes again.
    SignIn(Box<Ask>),
    /// Ask the user for consent; then the request comes again.
    Consent(Box<Ask>, Box<Session>),
    /// The request is so wrong that the browser must not be sent anywhere.
    Stop(&'static str),
}

/// Who asks, for what.
#[derive(Debug)]
pub struct Ask {
    pub client: Client,
    pub request: AuthorizationRequest,
}

/// A request whose client and address are certain.
struct Certain {
    client: Client,
    parameters: Parameters,
    redirect_uri: String,
    pushed: Option<String>,
}

impl Tokens {
    /// Answers an authorization request. `browser_cookie` tells the browser's session.
    pub async fn authorize(
        &self,
        actor: &Actor,
        parameters: &Parameters,
        browser_cookie: Option<&str>,
    ) -> Result<Step> {
        self.require(actor, "authorizations:request", &Resource::any("Client"))?;
        let certain = match self.find_certain(parameters).await? {
            Ok(certain) => certain,
            Err(words) => return Ok(Step::Stop(words)),
        };
        match self.next_step(&certain, parameters, browser_cookie).await? {
            Ok(step) => Ok(step),
            Err(refusal) => Ok(Step::Return(self.refusal_address(&certain, &refusal))),
        }
    }

    /// The user says no: the client is told so.
    pub async fn deny(&self, actor: &Actor, parameters: &Parameters) -> Result<Step> {
        self.require(actor, "authorizations:request", &Resource::any("Client"))?;
        let refusal = Refusal::new("access_denied", "the user has refused");
        Ok(match self.find_certain(parameters).await? {
            Ok(certain) => Step::Return(self.refusal_address(&certain, &refusal)),
            Err(words) => Step::Stop(words),
        })
    }

    /// The user says yes: remembered, so that the same question is not asked again.
    pub async fn allow(
        &self,
        actor: &Actor,
        parameters: &Parameters,
        browser_cookie: Option<&str>,
    ) -> Result<()> {
        self.require(actor, "authorizations:request", &Resource::any("Client"))?;
        let session = self.find_browser_session(browser_cookie).await?.ok_or(Error::NotSignedIn)?;
        let certain = self.find_certain(parameters).await?.map_err(Error::InvalidRequest)?;
        let request =
            certain.parse().map_err(|refusal| Error::InvalidRequest(refusal.description))?;
        let scopes = request.consent_scopes();
        self.remember_consent(actor, &session, &certain.client, &scopes).await
    }

    pub(crate) async fn remember_consent(
        &self,
        actor: &Actor,
        session: &Session,
        client: &Client,
        scopes: &std::collections::BTreeSet<Scope>,
    ) -> Result<()> {
        let (user_id, client_id) = (session.account.user_id, client.id.to_string());
        let tx = self.database.begin().await?;
        let known = store::grants::find_consent(&tx, user_id, &client_id).await?;
        let known = known.map(|consent| consent.scopes).unwrap_or_default();
        let consent = Consent {
            client_id,
            client_name: client.metadata.name.clone(),
            scopes: scopes.union(&known).copied().collect(),
            given_at: self.clock.now(),
        };
        store::grants::upsert_consent(&tx, user_id, &consent).await?;
        let record = AuditRecorded::done(owner(actor, session), "consents:give");
        let record = record.on("Client", client.id).detail("name", client.metadata.name.as_str());
        tx.publish(record.detail("scope", consent.scope())).await?;
        Ok(tx.commit().await?)
    }

    /// Keeps a request for the browser that will bring its name (RFC 9126).
    pub async fn push_request(
        &self,
        actor: &Actor,
        proof: &ClientProof,
        parameters: &Parameters,
    ) -> Result<String> {
        self.require(actor, "authorizations:request", &Resource::any("Client"))?;
        let endpoint = format!("{}/oauth/par", self.ctx.public_url);
        let client = self.authenticate_client(proof, &endpoint).await?;
        let parameters = &self.with_proved_key(proof, &endpoint, parameters)?;
        if parameters.get("request_uri").is_some() {
            return Err(Error::InvalidRequest("a pushed request must not name another one"));
        }
        let redirect_uri = redirect_uri(&client, parameters).map_err(Error::InvalidRequest)?;
        read_request(&client, redirect_uri, parameters)
            .map_err(|refusal| Error::InvalidRequest(refusal.description))?;
        let token = secret::random_token();
        let expires_at = self.clock.now() + PUSHED_REQUEST_LIFETIME;
        let (digest, client_id) = (secret::digest(&token), client.id.to_string());
        let tx = self.database.begin().await?;
        store::grants::insert_pushed_request(&tx, &digest, &client_id, parameters, expires_at)
            .await?;
        tx.commit().await?;
        Ok(format!("{REQUEST_URI_PREFIX}{token}"))
    }

    /// The client and where its answers go: only when both are certain may the browser be sent there.
    async fn find_certain(&self, parameters: &Parameters) -> Result<Result<Certain, &'static str>> {
        let id = parameters.get("client_id").and_then(ClientId::parse);
        let Some(id) = id else { return Ok(Err("the program that sent you here is not known")) };
        let found = store::clients::find_client(self.database.read(), id).await?;
        let Some(client) = found.filter(|client| client.metadata.is_active) else {
            return Ok(Err("the program that sent you here is not known"));
        };
        let pushed = parameters.get("request_uri").map(str::to_owned);
        let parameters = match &pushed {
            None => parameters.clone(),
            Some(uri) => match self.find_pushed(uri, &client, parameters).await? {
                Some(parameters) => parameters,
                None => return Ok(Err("this request has run out; go back and begin again")),
            },
        };
        let redirect_uri = match redirect_uri(&client, &parameters) {
            Ok(uri) => uri.to_owned(),
            Err(words) => return Ok(Err(words)),
        };
        Ok(Ok(Certain { client, parameters, redirect_uri, pushed }))
    }

    /// What was pushed under a name, with the marks of our own pages.
    async fn find_pushed(
        &self,
        uri: &str,
        client: &Client,
        sent: &Parameters,
    ) -> Result<Option<Parameters>> {
        let Some(token) = uri.strip_prefix(REQUEST_URI_PREFIX) else { return Ok(None) };
        let (digest, client_id) = (secret::digest(token), client.id.to_string());
        // Signing in may take longer than the request lives; what has been shown a page goes on.
        let slack = if sent.get(SIGNED_IN).is_some() || sent.get(CONSENTED).is_some() {
            CODE_LIFETIME * 10
        } else {
            jiff::SignedDuration::ZERO
        };
        let now = self.clock.now() - slack;
        let db = self.database.read();
        let found = store::grants::find_pushed_request(db, &digest, &client_id, now).await?;
        Ok(found)
    }

    async fn next_step(
        &self,
        certain: &Certain,
        sent: &Parameters,
        browser_cookie: Option<&str>,
    ) -> Result<Result<Step, Refusal>> {
        let request = match certain.parse() {
            Ok(request) => request,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let now = self.clock.now();
        let just_signed_in = sent.get(SIGNED_IN).is_some();
        let session = self.find_browser_session(browser_cookie).await?;
        let session = session.filter(|session| request.accepts(session, just_signed_in, now));
        let Some(session) = session.filter(|session| self.is_meant(session, certain, &request))
        else {
            return Ok(certain.sign_in(request));
        };
        let Some(assurance) = request.demands.assurance_of(&session) else {
            // Whoever has a second factor was asked for it at the sign-in page.
            let has_shown_all = is_fresh(&session, just_signed_in, now);
            return Ok(if has_shown_all { Err(UNMET) } else { certain.sign_in(request) });
        };
        let just_consented = sent.get(CONSENTED).is_some();
        if self.needs_consent(&session, &certain.client, &request, just_consented).await? {
            if request.prompt.none {
                return Ok(Err(Refusal::new("consent_required", "the user has to be asked")));
            }
            let ask = Ask { client: certain.client.clone(), request };
            return Ok(Ok(Step::Consent(Box::new(ask), Box::new(session))));
        }
        let code = self.issue_code(certain, &session, request, assurance).await?;
        Ok(Ok(Step::Return(self.answer_address(certain, &[("code", &code)]))))
    }

    /// A hint or a demand names who is meant: somebody else's session does not do.
    fn is_meant(
        &self,
        session: &Session,
        certain: &Certain,
        request: &AuthorizationRequest,
    ) -> bool {
        let user_id = session.account.user_id.to_string();
        if request.demands.subject.as_ref().is_some_and(|subject| *subject != user_id) {
            return false;
        }
        let Some(hint) = certain.parameters.get("id_token_hint") else { return true };
        let client_id = certain.client.id.to_string();
        let hinted = self.decode::<Hint>(hint, "JWT", &[&client_id]);
        hinted.is_ok_and(|hint| hint.sub == user_id)
    }

    async fn needs_consent(
        &self,
        session: &Session,
        client: &Client,
        request: &AuthorizationRequest,
        just_consented: bool,
    ) -> Result<bool> {
        if request.prompt.consent && !just_consented {
            return Ok(true);
        }
        if client.metadata.is_first_party {
            return Ok(false);
        }
        let (db, user_id) = (self.database.read(), session.account.user_id);
        let given = store::grants::find_consent(db, user_id, &client.id.to_string()).await?;
        Ok(!given.is_some_and(|given| request.consent_scopes().is_subset(&given.scopes)))
    }

    async fn issue_code(
        &self,
        certain: &Certain,
        session: &Session,
        request: AuthorizationRequest,
        assurance: Assurance,
    ) -> Result<String> {
        let code = secret::random_token();
        let stored = AuthorizationCode {
            digest: secret::digest(&code),
            client_id: certain.client.id.to_string(),
            session_id: session.id,
            redirect_uri: request.redirect_uri,
            scopes: request.scopes,
            nonce: request.nonce,
            challenge: request.challenge,
            single_claims: request.demands.claims,
            assurance,
            key_thumbprint: request.key_thumbprint,
            expires_at: self.clock.now() + CODE_LIFETIME,
        };
        let tx = self.database.begin().await?;
        store::grants::insert_code(&tx, &stored).await?;
        if let Some(token) =
            certain.pushed.as_deref().and_then(|u| u.strip_prefix(REQUEST_URI_PREFIX))
        {
            store::grants::delete_pushed_request(&tx, &secret::digest(token)).await?;
        }
        tx.commit().await?;
        Ok(code)
    }

    fn refusal_address(&self, certain: &Certain, refusal: &Refusal) -> String {
        let Refusal { error, description } = refusal;
        self.answer_address(certain, &[("error", error), ("error_description", description)])
    }

    /// The client's address with an answer, `state` and who answers (RFC 9207).
    fn answer_address(&self, certain: &Certain, answer: &[(&str, &str)]) -> String {
        let mut pairs = answer.to_vec();
        pairs.extend(certain.parameters.get("state").map(|state| ("state", state)));
        pairs.push(("iss", &self.ctx.public_url));
        with_query(&certain.redirect_uri, &pairs)
    }
}

/// The part of an ID token that tells who is meant.
#[derive(serde::Deserialize)]
struct Hint {
    sub: String,
}

impl Certain {
    fn parse(&self) -> Result<AuthorizationRequest, Refusal> {
        read_request(&self.client, &self.redirect_uri, &self.parameters)
    }

    /// Lets the user sign in, if there may be pages.
    fn sign_in(&self, request: AuthorizationRequest) -> Result<Step, Refusal> {
        if request.prompt.none {
            return Err(Refusal::new("login_required", "the user has to sign in"));
        }
        Ok(Step::SignIn(Box::new(Ask { client: self.client.clone(), request })))
    }
}

/// One of the client's addresses, character by character (RFC 9700, section 2.1).
fn redirect_uri<'p>(client: &Client, parameters: &'p Parameters) -> Result<&'p str, &'static str> {
    let wanted = parameters.get("redirect_uri");
    let wanted = wanted.ok_or("the program that sent you here did not say where to go back to")?;
    let is_known = client.metadata.redirect_uris.iter().any(|known| known == wanted);
    if is_known {
        Ok(wanted)
    } else {
        Err("the address to go back to is not one that the program is registered with")
    }
}

/// An address with pairs added to its query.
pub(crate) fn with_query(address: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    let joint = if address.contains('?') { '&' } else { '?' };
    format!("{address}{joint}{}", query.finish())
}
