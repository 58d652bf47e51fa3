//! Who acts: the token verified, an expired one renewed, and the session's own paths.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::grpc::tokens::TokenPair;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use identity::{PROOF_HEADER, Target, bound_token, proof_of};
use policies::Actor;
use serde::{Deserialize, Serialize};
use service_kit::Kind;
use service_kit::http::{Json, TokenFault, bearer_token};
use uuid::Uuid;

use super::exchange::Exchange;
use super::{Gateway, NO_STORE, is_post_to, no_content};
use crate::domain::{LOGOUT, REFRESH, SIGN_INS};
use crate::error::{Error, Result};
use crate::http::{bodies, headers};

const ACCESS_TOKEN: HeaderName = HeaderName::from_static("x-access-token");
const TOKEN_EXPIRES_IN: HeaderName = HeaderName::from_static("x-token-expires-in");
/// A refresh request is a token and its name.
const REFRESH_BYTES_MAX: usize = 64 * 1024;

/// Who sends a request.
pub enum Caller {
    /// This actor, perhaps nobody in particular.
    Is(Actor),
    /// Whoever it is, the gateway has answered itself.
    Answered(Response),
}

/// What the `Authorization` header says.
enum Credentials {
    None,
    Good(Actor),
    /// A token that the cookie may renew.
    Expired,
    Bad(Error),
}

impl Gateway {
    /// Finds out who acts, and counts the request for them.
    pub(super) async fn identify(
        &self,
        exchange: &mut Exchange,
        request: &mut Request,
        judges_token: bool,
    ) -> Result<Caller> {
        if judges_token {
            ask_about_token(request.headers_mut());
        }
        let credentials = self.credentials(exchange, request.headers_mut());
        if let Credentials::Good(actor) = &credentials {
            exchange.user = actor.user_id();
        }
        self.limits.count(exchange.user, exchange.client.address)?;
        if request.method() == Method::POST && SIGN_INS.contains(&request.uri().path()) {
            self.limits.count_sign_in(exchange.client.address)?;
        }
        if is_post_to(request, REFRESH) {
            return self.refresh(exchange, request).await;
        }
        if is_post_to(request, LOGOUT) {
            return self.before_logout(exchange, request, credentials).await;
        }
        match credentials {
            Credentials::Good(actor) => Ok(Caller::Is(actor)),
            // A cookie alone is never proof: a page of somebody else could have had it sent.
            Credentials::None => Ok(Caller::Is(self.anonymous.clone())),
            Credentials::Expired => self.renew_expired(exchange, request).await,
            Credentials::Bad(error) => Err(error),
        }
    }

    fn credentials(&self, exchange: &Exchange, headers: &mut HeaderMap) -> Credentials {
        if let Some(token) = bound_token(headers).map(str::to_owned) {
            return match self.prove(exchange, headers, &token) {
                Ok(actor) => Credentials::Good(actor),
                Err(error) => Credentials::Bad(error),
            };
        }
        let token = match bearer_token(headers) {
            Ok(Some(token)) => token,
            Ok(None) => return Credentials::None,
            Err(fault) => return Credentials::Bad(fault.into()),
        };
        match self.verifier.verify(token) {
            // Somebody has the token; whether it is the one it was given to, nothing shows.
            Ok(verified) if verified.claims.cnf.is_some() => {
                Credentials::Bad(Error::BoundToken(TokenFault::Unproved))
            }
            Ok(verified) => Credentials::Good(verified.actor.clone()),
            Err(TokenFault::Expired) => Credentials::Expired,
            Err(fault) => Credentials::Bad(fault.into()),
        }
    }

    /// Checks a token that is bound to a key, and the proof that comes with it (RFC 9449, section 7). Services in
    /// other processes are told that this has been done.
    fn prove(&self, exchange: &Exchange, headers: &mut HeaderMap, token: &str) -> Result<Actor> {
        let verified = self.verifier.verify(token).map_err(Error::BoundToken)?;
        let bound = verified.claims.cnf.as_ref().ok_or(Error::BoundToken(TokenFault::Invalid))?;
        // The address as the client called it, whatever it is rewritten to.
        let uri = [&self.public_url, exchange.uri.path()].concat();
        let method = exchange.method.as_str();
        let target = Target { method, uri: &uri, access_token: Some(token) };
        self.proofs.check_bound(proof_of(headers)?, &target, bound)?;
        headers.remove(PROOF_HEADER);
        headers::set_bearer(headers, token);
        headers::add_voucher(headers, &self.verifier.voucher_for(token));
        Ok(verified.actor.clone())
    }

    /// Renews an expired token with the cookie. The request itself has not been sent to anybody yet, so its
    /// body, however large, is still to be read and goes to the service once.
    async fn renew_expired(
        &self,
        exchange: &mut Exchange,
        request: &mut Request,
    ) -> Result<Caller> {
        let expired = bearer_token(request.headers()).ok().flatten().and_then(subject);
        let Some(refresh_token) = self.cookie.read(request.headers()) else {
            return Err(TokenFault::Expired.into());
        };
        self.cors.check_cookie_use(request.headers())?;
        let pair = match self
            .sessions
            .renew(refresh_token, exchange.client.origin(request.headers()))
            .await
        {
            Ok(pair) => pair,
            Err(fault) if fault.kind == Kind::Unauthenticated => {
                exchange.extra.append(header::SET_COOKIE, self.cookie.clear());
                return Err(TokenFault::Expired.into());
            }
            Err(fault) => return Err(Error::Platform(fault.into())),
        };
        self.hand_out_cookie(exchange, &pair)?;
        let verified = self.verifier.verify(&pair.access_token)?;
        if Some(verified.claims.sub) != expired {
            // Somebody else has signed in in this browser since; the request was not theirs.
            return Err(TokenFault::Expired.into());
        }
        exchange.user = Some(verified.claims.sub);
        exchange.extra.insert(ACCESS_TOKEN, token_value(&pair.access_token)?);
        exchange.extra.insert(TOKEN_EXPIRES_IN, pair.expires_in.into());
        exchange.extra.insert(header::CACHE_CONTROL, NO_STORE);
        headers::set_bearer(request.headers_mut(), &pair.access_token);
        Ok(Caller::Is(verified.actor.clone()))
    }

    /// Answers a refresh by cookie; one with the token in its body goes to the tokens service.
    async fn refresh(&self, exchange: &mut Exchange, request: &mut Request) -> Result<Caller> {
        let body = bodies::read(std::mem::take(request.body_mut()), REFRESH_BYTES_MAX);
        let body =
            tokio::time::timeout(self.patience, body).await.map_err(|_| Error::BodyTooSlow)??;
        // The access token, if there is one, is the one that has expired.
        request.headers_mut().remove(header::AUTHORIZATION);
        let cookie = self.cookie.read(request.headers()).filter(|_| !names_token(&body));
        let Some(refresh_token) = cookie else {
            *request.body_mut() = body.into();
            return Ok(Caller::Is(self.anonymous.clone()));
        };
        self.cors.check_cookie_use(request.headers())?;
        match self.sessions.renew(refresh_token, exchange.client.origin(request.headers())).await {
            Ok(pair) => {
                self.hand_out_cookie(exchange, &pair)?;
                Ok(Caller::Answered(tokens_answer(&pair)))
            }
            Err(fault) => {
                if fault.kind == Kind::Unauthenticated {
                    exchange.extra.append(header::SET_COOKIE, self.cookie.clear());
                }
                Err(Error::Platform(fault.into()))
            }
        }
    }

    /// Signing out takes the cookie away, and works with it alone: the page may have lost its token.
    async fn before_logout(
        &self,
        exchange: &mut Exchange,
        request: &mut Request,
        credentials: Credentials,
    ) -> Result<Caller> {
        let refresh_token = self.cookie.read(request.headers());
        if refresh_token.is_some() {
            self.cors.check_cookie_use(request.headers())?;
        }
        exchange.extra.append(header::SET_COOKIE, self.cookie.clear());
        let fault = match credentials {
            Credentials::Good(actor) => return Ok(Caller::Is(actor)),
            Credentials::None => None,
            Credentials::Expired => Some(TokenFault::Expired.into()),
            Credentials::Bad(error) => Some(error),
        };
        let Some(refresh_token) = refresh_token else {
            return fault.map_or(Ok(Caller::Is(self.anonymous.clone())), Err);
        };
        let pair = match self
            .sessions
            .renew(refresh_token, exchange.client.origin(request.headers()))
            .await
        {
            Ok(pair) => pair,
            // The session is over already, which is what was asked for.
            Err(fault) if fault.kind == Kind::Unauthenticated => {
                return Ok(Caller::Answered(no_content()));
            }
            Err(fault) => {
                exchange.extra.remove(header::SET_COOKIE);
                return Err(Error::Platform(fault.into()));
            }
        };
        match self.verifier.verify(&pair.access_token) {
            Ok(verified) => {
                headers::set_bearer(request.headers_mut(), &pair.access_token);
                Ok(Caller::Is(verified.actor.clone()))
            }
            Err(TokenFault::Revoked) => Ok(Caller::Answered(no_content())),
            Err(fault) => Err(fault.into()),
        }
    }

    fn hand_out_cookie(&self, exchange: &mut Exchange, pair: &TokenPair) -> Result<()> {
        let cookie = self.cookie.set(&pair.refresh_token, pair.refresh_expires_in)?;
        exchange.extra.append(header::SET_COOKIE, cookie);
        Ok(())
    }
}

/// Passes the token on as a question to the tokens service; the request itself is nobody's.
fn ask_about_token(headers: &mut HeaderMap) {
    if let Some(token) = headers.remove(header::AUTHORIZATION) {
        headers.insert(headers::TOKEN_IN_QUESTION, token);
    }
}

/// Whose token it is. For tokens only whose signature has been verified: an expired one's has.
fn subject(token: &str) -> Option<Uuid> {
    #[derive(Deserialize)]
    struct Subject {
        sub: Uuid,
    }
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&claims).ok().map(|Subject { sub }| sub)
}

/// Whether the body of a refresh request has a token of its own, or is for the tokens service to refuse.
fn names_token(body: &[u8]) -> bool {
    if body.is_empty() {
        return false;
    }
    let members = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body);
    members.map_or(true, |members| members.values().any(|value| !value.is_null()))
}

fn token_value(token: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(token)
        .map_err(|error| Error::Platform(service_kit::Error::internal(error)))
}

fn tokens_answer(pair: &TokenPair) -> Response {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct TokensView<'p> {
        access_token: &'p str,
        expires_in: i64,
        token_type: &'static str,
    }
    let TokenPair { access_token, expires_in, .. } = pair;
    let view = TokensView { access_token, expires_in: *expires_in, token_type: "Bearer" };
    ([(header::CACHE_CONTROL, NO_STORE)], Json(view)).into_response()
}
