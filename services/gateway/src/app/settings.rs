//! The section `[gateway]` of the configuration, with its defaults.

use std::time::Duration;

use http::Method;
use serde::Deserialize;

use crate::domain::{BreakerRules, RouteRule};

/// All settings of the gateway.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Origins, like `https://app.example.org`, whose pages may call with the user's cookie. `*` lets pages
    /// of every other origin call without it. Empty: only pages of our own origin.
    pub allowed_origins: Vec<String>,
    /// Addresses or ranges of proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<String>,
    /// Largest request body, bytes.
    pub body_bytes_max: usize,
    /// How long an answer may take to begin.
    pub answer_timeout_ms: u64,
    /// Most requests at work at once; more are answered 503.
    pub in_flight_max: usize,
    /// Whether the built-in routes are there; `[[gateway.routes]]` then adds to them or replaces some.
    pub default_routes: bool,
    /// Further routes.
    pub routes: Vec<RouteSettings>,
    /// How much one client may ask.
    pub rate_limit: RateLimitSettings,
    /// Services in other processes.
    pub remote: RemoteSettings,
    /// When a failing service is left alone.
    pub breaker: BreakerSettings,
    /// `/metrics`.
    pub metrics: MetricsSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allowed_origins: vec![],
            trusted_proxies: vec![],
            body_bytes_max: 1024 * 1024,
            answer_timeout_ms: 30_000,
            in_flight_max: 2_000,
            default_routes: true,
            routes: vec![],
            rate_limit: RateLimitSettings::default(),
            remote: RemoteSettings::default(),
            breaker: BreakerSettings::default(),
            metrics: MetricsSettings::default(),
        }
    }
}

/// One of `[[gateway.routes]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteSettings {
    /// Beginning of the path, whole segments; `*` stands for any one: `/api/v1/events/*/sales`.
    pub path: String,
    /// A service's name, or an address like `http://10.0.0.7:8080`.
    pub target: String,
    /// What takes the place of `path` on the way to the target.
    pub rewrite: Option<String>,
    /// The methods the route is for; absent: all.
    #[serde(default)]
    pub methods: Vec<String>,
}

impl RouteSettings {
    /// The route, if it can be one.
    pub(super) fn rule(&self) -> Result<RouteRule, String> {
        let mut methods = vec![];
        for name in &self.methods {
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase());
            let method = Method::from_bytes(name.as_bytes()).ok().filter(|_| is_name);
            let wrong = || format!("`{name}` of route `{}` is not a method like `GET`", self.path);
            methods.push(method.ok_or_else(wrong)?);
        }
        let (path, target, rewrite) =
            (self.path.clone(), self.target.clone(), self.rewrite.clone());
        let rule = RouteRule { path, target, rewrite, methods, judges_token: false };
        rule.check()?;
        Ok(rule)
    }
}

/// How much one client may ask. A client is a signed-in user, or an address (of IPv6: its /64).
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitSettings {
    /// Whether there is a limit at all.
    pub enabled: bool,
    /// Requests a second, in the long run.
    pub requests_per_second: u32,
    /// Requests at once after a pause.
    pub burst: u32,
    /// As `requests_per_second`, for attempts to sign in or to register, by address.
    pub sign_ins_per_second: u32,
    /// As `burst`, for attempts to sign in or to register.
    pub sign_ins_burst: u32,
}

impl Default for RateLimitSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            requests_per_second: 50,
            burst: 200,
            sign_ins_per_second: 5,
            sign_ins_burst: 20,
        }
    }
}

/// How services in other processes are called.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemoteSettings {
    /// How long a connection may take.
    pub connect_timeout_ms: u64,
    /// How long one attempt's answer may take to begin.
    pub answer_timeout_ms: u64,
    /// Idle connections kept for each target.
    pub idle_connections_max: usize,
    /// Most repetitions of a request that can be repeated without harm.
    pub retries_max: u32,
    /// Repetitions may be so many of a hundred requests.
    pub retry_budget_percent: u32,
}

impl Default for RemoteSettings {
    fn default() -> Self {
        Self {
            connect_timeout_ms: 2_000,
            answer_timeout_ms: 15_000,
            idle_connections_max: 64,
            retries_max: 3,
            retry_budget_percent: 20,
        }
    }
}

/// When a failing service is left alone, so that it can recover and nobody waits in vain.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerSettings {
    /// How long an outcome counts.
    pub window_ms: u64,
    /// Fewer outcomes than this in the window say nothing.
    pub volume_min: u32,
    /// So many failures (502, 503, 504, no answer) of a hundred outcomes open it.
    pub failure_percent: u32,
    /// How long nobody is let through, before one request tries again.
    pub open_ms: u64,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { window_ms: 10_000, volume_min: 20, failure_percent: 50, open_ms: 5_000 }
    }
}

impl BreakerSettings {
    pub(super) fn rules(&self) -> BreakerRules {
        BreakerRules {
            window: Duration::from_millis(self.window_ms),
            volume_min: self.volume_min,
            failure_percent: self.failure_percent,
            open: Duration::from_millis(self.open_ms),
        }
    }
}

/// `/metrics`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsSettings {
    /// Whether other machines may read it.
    pub public: bool,
}
