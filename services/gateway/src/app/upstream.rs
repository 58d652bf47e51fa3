//! Where requests go: a service of this process or one over the network, behind the same breaker.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use http::StatusCode;
use parking_lot::Mutex;
use tower::ServiceExt;

use super::remote::Remote;
use crate::domain::{Admission, Breaker, BreakerRules};
use crate::error::{Error, Result};
use crate::http::bodies::Intake;

/// When to try again after a target could not be reached.
const AFTER_FAULT: Duration = Duration::from_secs(1);

/// What answers. The only difference between one process and several.
pub enum Target {
    /// A service of this process.
    Local(Router),
    /// A service reached over HTTP.
    Remote(Box<Remote>),
    /// A service that runs nowhere we know of.
    Absent,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Fault {
    /// The target cannot be reached, or broke off.
    Broken(String),
    /// It took too long.
    TimedOut,
}

/// A target and how it has been doing.
pub struct Upstream {
    name: String,
    pub target: Target,
    breaker: Mutex<Breaker>,
    rules: BreakerRules,
}

impl Upstream {
    pub fn new(name: &str, target: Target, rules: BreakerRules) -> Arc<Self> {
        let breaker = Mutex::new(Breaker::new(rules, Instant::now()));
        Arc::new(Self { name: name.to_owned(), target, breaker, rules })
    }

    /// Whether the request leaves this process.
    pub fn is_remote(&self) -> bool {
        matches!(self.target, Target::Remote(_))
    }

    /// Has the request answered within `patience`, if the target is doing well.
    pub async fn send(
        &self,
        request: Request,
        intake: &Intake,
        patience: Duration,
    ) -> Result<Response> {
        let attempt = self.admit()?;
        let outcome = tokio::time::timeout(patience, self.target.send(request)).await;
        let outcome = outcome.unwrap_or(Err(Fault::TimedOut));
        // Whatever the target made of it, the request was too much.
        if let Some(error) = intake.fault(matches!(outcome, Err(Fault::TimedOut))) {
            return Err(error);
        }
        attempt.end(outcome.as_ref().map_or(true, |response| is_failure(response.status())));
        outcome.map_err(|fault| self.explain(fault))
    }

    fn explain(&self, fault: Fault) -> Error {
        match fault {
            Fault::TimedOut => {
                tracing::warn!(service = self.name, "no answer in time");
                Error::TimedOut
            }
            Fault::Broken(reason) => {
                tracing::warn!(service = self.name, reason, "not reachable");
                Error::ServiceUnavailable { wait: AFTER_FAULT }
            }
        }
    }

    fn admit(&self) -> Result<Attempt<'_>> {
        if matches!(self.target, Target::Absent) {
            return Err(Error::ServiceUnavailable { wait: self.rules.open });
        }
        let admission = self.breaker.lock().admit(Instant::now());
        match admission {
            Admission::Refused(wait) => Err(Error::ServiceUnavailable { wait }),
            admission => Ok(Attempt { upstream: self, admission, is_over: false }),
        }
    }
}

impl Target {
    async fn send(&self, request: Request) -> Result<Response, Fault> {
        match self {
            Self::Local(router) => {
                let answer: Result<Response, Infallible> = router.clone().oneshot(request).await;
                answer.map_err(|never| match never {})
            }
            Self::Remote(remote) => remote.send(request).await,
            Self::Absent => Err(Fault::Broken("it runs nowhere".to_owned())),
        }
    }
}

/// A 500 is a fault in one operation; these say that the whole service cannot work.
pub fn is_failure(status: StatusCode) -> bool {
    use StatusCode as S;
    matches!(status, S::BAD_GATEWAY | S::SERVICE_UNAVAILABLE | S::GATEWAY_TIMEOUT)
}

/// A request on its way. Dropped before its end, it says nothing about the target.
struct Attempt<'u> {
    upstream: &'u Upstream,
    admission: Admission,
    is_over: bool,
}

impl Attempt<'_> {
    fn end(mut self, is_failure: bool) {
        self.is_over = true;
        let mut breaker = self.upstream.breaker.lock();
        let has_opened = breaker.record(self.admission, is_failure, Instant::now());
        drop(breaker);
        if has_opened {
            let (service, open_for) = (&self.upstream.name, self.upstream.rules.open);
            tracing::warn!(service, ?open_for, "keeps failing; requests are refused for a while");
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.upstream.breaker.lock().forget(self.admission);
        }
    }
}
