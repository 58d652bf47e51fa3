//! Renews sessions with the refresh token: once for all requests that need it.
//!
//! A refresh token is good once, and a browser sends many requests at a time. The first one to come with a
//! token has it spent; the others, also those that come a little later, get the same new pair. So parallel
//! requests never look like a stolen token that is used again.

use std::collections::HashMap;
use std::sync::Arc;

use contracts::grpc::tokens::tokens_client::TokensClient;
use contracts::grpc::tokens::{RefreshRequest, TokenPair};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use policies::Origin;
use service_kit::calls::from_origin;
use service_kit::{Calls, Kind, ServiceError};
use stdx::Clock;

/// A request may have been on its way this long with the token from before.
const GRACE: SignedDuration = SignedDuration::from_secs(10);
/// When there are more than this, those whose grace is over are forgotten.
const SWEPT_ABOVE: usize = 256;

/// Why a session was not renewed.
#[derive(Clone, Debug)]
pub struct RefreshFault {
    pub kind: Kind,
    pub code: String,
    pub message: String,
}

impl From<RefreshFault> for service_kit::Error {
    fn from(fault: RefreshFault) -> Self {
        let RefreshFault { kind, code, message } = fault;
        Self::Remote { kind, code, message, retry_after_seconds: None }
    }
}

type Outcome = Result<Arc<TokenPair>, RefreshFault>;

#[derive(Clone)]
struct Refresh {
    outcome: Shared<BoxFuture<'static, Outcome>>,
    started: Timestamp,
}

/// All refreshes under way or just over.
pub struct Sessions {
    calls: Calls,
    clock: Clock,
    /// By the digest of the refresh token that is spent.
    refreshes: Mutex<HashMap<String, Refresh>>,
}

impl Sessions {
    pub fn new(calls: Calls, clock: Clock) -> Self {
        Self { calls, clock, refreshes: Mutex::default() }
    }

    /// A new pair of tokens for a refresh token. `origin` is on record if it turns out to be stolen.
    pub async fn renew(&self, refresh_token: &str, origin: Origin) -> Outcome {
        let digest = stdx::secret::digest(refresh_token);
        let outcome = self.join_or_start(&digest, refresh_token, origin);
        let outcome = outcome.await;
        // Nobody was asked, or nobody answered: the next one may try again.
        if outcome.as_ref().is_err_and(|fault| fault.kind != Kind::Unauthenticated) {
            self.refreshes.lock().remove(&digest);
        }
        outcome
    }

    fn join_or_start(
        &self,
        digest: &str,
        refresh_token: &str,
        origin: Origin,
    ) -> Shared<BoxFuture<'static, Outcome>> {
        let now = self.clock.now();
        let is_alive = |refresh: &Refresh| now.duration_since(refresh.started) < GRACE;
        let mut refreshes = self.refreshes.lock();
        if let Some(known) = refreshes.get(digest).filter(|known| is_alive(known)) {
            return known.outcome.clone();
        }
        if refreshes.len() > SWEPT_ABOVE {
            refreshes.retain(|_, refresh| is_alive(refresh));
        }
        let outcome = self.start(refresh_token.to_owned(), origin);
        refreshes.insert(digest.to_owned(), Refresh { outcome: outcome.clone(), started: now });
        outcome
    }

    /// In a task of its own: if the request that began it is given up, the others still get their tokens.
    fn start(&self, refresh_token: String, origin: Origin) -> Shared<BoxFuture<'static, Outcome>> {
        let call = tokio::spawn(spend(self.calls.clone(), refresh_token, origin));
        let outcome = call.map(|outcome| outcome.unwrap_or_else(|error| Err(internal(&error))));
        outcome.boxed().shared()
    }
}

async fn spend(calls: Calls, refresh_token: String, origin: Origin) -> Outcome {
    let request = calls.as_service("gateway", RefreshRequest { refresh_token });
    let request = from_origin(request, &origin);
    let answer = TokensClient::new(calls.channel("tokens")).refresh(request).await;
    answer.map(|pair| Arc::new(pair.into_inner())).map_err(|status| {
        let error = service_kit::Error::from(status);
        RefreshFault {
            kind: error.kind(),
            code: error.code().to_owned(),
            message: error.to_string(),
        }
    })
}

fn internal(error: &tokio::task::JoinError) -> RefreshFault {
    let kind = Kind::Internal;
    RefreshFault { kind, code: kind.code().to_owned(), message: error.to_string() }
}
