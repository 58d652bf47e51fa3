//! The ways of a browser through sign-in, consent, device and log-out: which page comes after which. The pages are
//! plain forms; what a request asks for travels in them and is read anew each time.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use policies::Actor;
use service_kit::Problem;
use service_kit::http::Identity;

use super::browser::{Cookie, is_own_form};
use super::client_address;
use super::oauth::{FORM_BYTES_MAX, Pairs, parameters};
use super::pages::{self, Failed, Page};
use crate::Tokens;
use crate::app::authorize::{CONSENTED, SIGNED_IN, Step};
use crate::app::inspect::Logout;
use crate::app::{Proof, SignIn, SignedIn};
use crate::domain::authorization::Parameters;
use crate::error::{Error, Result};

const AUTHORIZE: &str = "/oauth/authorize";
const DEVICE: &str = "/oauth/device";

/// The URLs of this file.
pub fn router() -> Router<Arc<Tokens>> {
    Router::new()
        .route(AUTHORIZE, get(authorize).post(authorize_by_form))
        .route("/oauth/sign-in", post(sign_in))
        .route("/oauth/consent", post(consent))
        .route("/oauth/logout", get(logout).post(logout_by_form))
        .route(DEVICE, get(device_page).post(answer_device))
        .route("/oauth/style.css", get(pages::style))
        .route("/oauth/passkey.js", get(pages::passkey_script))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}

/// A fault that a person sees.
pub struct PageError(Error);

impl<E: Into<Error>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let problem = Problem::from(self.0);
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
        (status, Page::stop(&problem.detail)).into_response()
    }
}

/// What a browser brings to every page.
struct Visitor<'r> {
    tokens: &'r Tokens,
    actor: &'r Actor,
    cookie: Option<&'r str>,
}

impl<'r> Visitor<'r> {
    fn new(tokens: &'r Tokens, actor: &'r Actor, headers: &'r HeaderMap) -> Self {
        let cookie = Cookie::new(&tokens.ctx.public_url).read(headers);
        Self { tokens, actor, cookie }
    }

    async fn authorize(&self, sent: &Parameters) -> Result<Response, PageError> {
        let step = self.tokens.authorize(self.actor, sent, self.cookie).await?;
        Ok(show(step, sent))
    }
}

fn show(step: Step, sent: &Parameters) -> Response {
    let goes_on = || path_with(AUTHORIZE, sent);
    match step {
        Step::Return(address) => go_to(&address),
        Step::SignIn(ask) => Page::sign_in(&ask, &goes_on(), None).into_response(),
        Step::Consent(ask, session) => Page::consent(&ask, &session, &goes_on()).into_response(),
        Step::Stop(words) => (StatusCode::BAD_REQUEST, Page::stop(words)).into_response(),
    }
}

/// By GET, whatever the method was: a password must not be sent on.
fn go_to(address: &str) -> Response {
    let mut answer = Redirect::to(address).into_response();
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn path_with(path: &str, parameters: &Parameters) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters.pairs());
    format!("{path}?{}", query.finish())
}

/// Where one of our pages goes on: nowhere but to another one of them.
fn read_continuation(text: &str) -> Result<(&'static str, Parameters)> {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let known = [AUTHORIZE, DEVICE].into_iter().find(|known| *known == path);
    let known = known.ok_or(Error::InvalidRequest("the page does not say where it goes on"))?;
    let pairs = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    Ok((known, parameters(pairs)?))
}

fn check_own_form(headers: &HeaderMap, tokens: &Tokens) -> Result<()> {
    if is_own_form(headers, &tokens.ctx.public_url) {
        return Ok(());
    }
    Err(Error::InvalidRequest("this form did not come from here; go back and begin again"))
}

async fn authorize(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    headers: HeaderMap,
    Query(pairs): Query<Pairs>,
) -> Result<Response, PageError> {
    let sent = parameters(pairs)?;
    Visitor::new(&tokens, &actor, &headers).authorize(&sent).await
}

async fn authorize_by_form(
    state: State<Arc<Tokens>>,
    identity: Identity,
    headers: HeaderMap,
    Form(pairs): Form<Pairs>,
) -> Result<Response, PageError> {
    authorize(state, identity, headers, Query(pairs)).await
}

async fn sign_in(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    headers: HeaderMap,
    Form(pairs): Form<Pairs>,
) -> Result<Response, PageError> {
    check_own_form(&headers, &tokens)?;
    let form = parameters(pairs)?;
    let get = |name| form.get(name).unwrap_or_default();
    let (path, sent) = read_continuation(get("continue"))?;
    let cookie = Cookie::new(&tokens.ctx.public_url);
    let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let attempt = SignIn {
        proof: proof(&form),
        client_address: client_address(&headers),
        user_agent: user_agent.unwrap_or_default(),
        in_browser: true,
        browser_cookie: cookie.read(&headers),
    };
    match tokens.sign_in(&actor, attempt).await {
        Ok(SignedIn { browser_cookie, pair }) => {
            let lifetime = pair.session_expires_at.as_second() - tokens.clock.now().as_second();
            let mut answer = go_to(&path_with(path, &sent.with(SIGNED_IN, "1")));
            let known_by = cookie.set(&browser_cookie.unwrap_or_default(), lifetime);
            answer.headers_mut().append(header::SET_COOKIE, known_by);
            Ok(answer)
        }
        Err(error) => {
            let visitor = Visitor { tokens: &tokens, actor: &actor, cookie: None };
            sign_in_again(&visitor, (path, sent), get("email"), error).await
        }
    }
}

/// What the form brings: what an authenticator has signed, if the page's script has put it there, else what was typed.
fn proof(form: &Parameters) -> Proof<'_> {
    let get = |name| form.get(name).unwrap_or_default();
    match form.get("passkey") {
        Some(credential) => Proof::Passkey { credential },
        None => Proof::Password {
            email: get("email"),
            password: get("password"),
            second_factor: get("code"),
        },
    }
}

/// The page once more, with what was wrong.
async fn sign_in_again(
    visitor: &Visitor<'_>,
    (path, sent): (&'static str, Parameters),
    email: &str,
    error: Error,
) -> Result<Response, PageError> {
    let problem = Problem::from(error);
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::UNAUTHORIZED);
    let needs_code = ["second_factor_required", "bad_second_factor"].contains(&&*problem.code);
    let failed = Some(Failed { email, what: &problem.detail, needs_code });
    let goes_on = path_with(path, &sent);
    if path == DEVICE {
        return Ok((status, Page::sign_in_for_device(&goes_on, failed)).into_response());
    }
    match visitor.tokens.authorize(visitor.actor, &sent, None).await? {
        Step::SignIn(ask) => Ok((status, Page::sign_in(&ask, &goes_on, failed)).into_response()),
        other => Ok(show(other, &sent)),
    }
}

async fn consent(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    headers: HeaderMap,
    Form(pairs): Form<Pairs>,
) -> Result<Response, PageError> {
    check_own_form(&headers, &tokens)?;
    let form = parameters(pairs)?;
    let (_, sent) = read_continuation(form.get("continue").unwrap_or_default())?;
    let visitor = Visitor::new(&tokens, &actor, &headers);
    if form.get("decision") != Some("allow") {
        let step = tokens.deny(&actor, &sent).await?;
        return Ok(show(step, &sent));
    }
    match tokens.allow(&actor, &sent, visitor.cookie).await {
        Ok(()) => visitor.authorize(&sent.with(CONSENTED, "1").with(SIGNED_IN, "1")).await,
        // The session ran out while the page was open.
        Err(Error::NotSignedIn) => visitor.authorize(&sent).await,
        Err(error) => Err(error.into()),
    }
}

async fn logout(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    headers: HeaderMap,
    Query(pairs): Query<Pairs>,
) -> Result<Response, PageError> {
    sign_out(&tokens, &actor, &headers, pairs, false).await
}

async fn logout_by_form(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    headers: HeaderMap,
    Form(pairs): Form<Pairs>,
) -> Result<Response, PageError> {
    let is_own = is_own_form(&headers, &tokens.ctx.public_url);
    let is_confirmed = is_own && pairs.iter().any(|(name, _)| name == "confirm");
    sign_out(&tokens, &actor, &headers, pairs, is_confirmed).await
}

async fn sign_out(
    tokens: &Tokens,
    actor: &Actor,
    headers: &HeaderMap,
    pairs: Pairs,
    is_confirmed: bool,
) -> Result<Response, PageError> {
    let sent = parameters(pairs)?;
    let cookie = Cookie::new(&tokens.ctx.public_url);
    let mut answer = match tokens.logout(actor, &sent, cookie.read(headers), is_confirmed).await? {
        Logout::Confirm => return Ok(Page::confirm_logout(&sent).into_response()),
        Logout::Return(address) => go_to(&address),
        Logout::Done => Page::signed_out().into_response(),
    };
    answer.headers_mut().append(header::SET_COOKIE, cookie.clear());
    Ok(answer)
}

async fn device_page(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    headers: HeaderMap,
    Query(pairs): Query<Pairs>,
) -> Result<Response, PageError> {
    let sent = parameters(pairs)?;
    let visitor = Visitor::new(&tokens, &actor, &headers);
    let Some(typed) = sent.get("user_code") else {
        return Ok(Page::enter_code(None).into_response());
    };
    let Some(session) = tokens.find_browser_session(visitor.cookie).await? else {
        return Ok(Page::sign_in_for_device(&path_with(DEVICE, &sent), None).into_response());
    };
    match tokens.find_device(&actor, typed).await? {
        Some((code, client)) => Ok(Page::allow_device(&code, &client, &session).into_response()),
        None => Ok((StatusCode::BAD_REQUEST, Page::enter_code(Some(typed))).into_response()),
    }
}

async fn answer_device(
    State(tokens): State<Arc<Tokens>>,
    Identity(actor): Identity,
    headers: HeaderMap,
    Form(pairs): Form<Pairs>,
) -> Result<Response, PageError> {
    check_own_form(&headers, &tokens)?;
    let form = parameters(pairs)?;
    let visitor = Visitor::new(&tokens, &actor, &headers);
    let typed = form.get("user_code").unwrap_or_default();
    let is_allowed = form.get("decision") == Some("allow");
    if tokens.answer_device(&actor, typed, visitor.cookie, is_allowed).await? {
        return Ok(Page::device_answered(is_allowed).into_response());
    }
    Ok((StatusCode::BAD_REQUEST, Page::enter_code(Some(typed))).into_response())
}
