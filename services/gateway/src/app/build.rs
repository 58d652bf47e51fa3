//! How the gateway is put together.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::Uri;
use policies::Actor;
use service_kit::{Calls, StartError};

use super::exchange::Meters;
use super::limits::{InFlight, Limits};
use super::remote::Remote;
use super::sessions::Sessions;
use super::upstream::{Target, Upstream};
use super::{Destination, Gateway, OwnMeters, Settings};
use crate::domain::{Network, Route, RouteRule, RouteTable, default_routes};
use crate::http::{Cors, MetricsText, Pages, Readiness, RefreshCookie, Secured, Web};

/// What the gateway is built from.
pub struct Parts {
    /// The section `[gateway]` of the configuration.
    pub settings: serde_json::Value,
    /// Where the world reaches this installation, without a slash at the end.
    pub public_url: String,
    /// Verifies access tokens.
    pub verifier: Arc<identity::Verifier>,
    /// The way to the tokens service, for refreshing.
    pub calls: Calls,
    /// Services of this process, each behind the `identify` layer.
    pub local: HashMap<String, axum::Router>,
    /// Addresses of services in other processes: `http://host:port`.
    pub remote: HashMap<String, String>,
    /// The description of the API, JSON.
    pub openapi: Bytes,
    /// Checks what the process needs to serve.
    pub readiness: Readiness,
    /// Writes the metrics as Prometheus text.
    pub metrics: MetricsText,
    /// The time.
    pub clock: stdx::Clock,
}

/// What routes can lead to, by name, and what it takes to make more of them.
pub(super) struct Upstreams {
    known: HashMap<String, Arc<Upstream>>,
    settings: Settings,
}

impl Upstreams {
    fn new(
        local: HashMap<String, axum::Router>,
        remote: &HashMap<String, String>,
        settings: &Settings,
    ) -> Result<Self, String> {
        let rules = settings.breaker.rules();
        let mut known = HashMap::new();
        for (name, address) in remote {
            let target = Target::Remote(Box::new(Remote::new(address, &settings.remote)?));
            known.insert(name.clone(), Upstream::new(name, target, rules));
        }
        for (name, router) in local {
            let upstream = Upstream::new(&name, Target::Local(router), rules);
            known.insert(name, upstream);
        }
        // A route to a service that is not there is answered 503: it may come back elsewhere.
        for rule in default_routes() {
            let absent = || Upstream::new(&rule.target, Target::Absent, rules);
            known.entry(rule.target.clone()).or_insert_with(absent);
        }
        Ok(Self { known, settings: settings.clone() })
    }

    /// The table of these routes. Targets stay the same, so that what is known of their health does.
    fn table(&self, settings: &Settings) -> Result<RouteTable<Destination>, String> {
        let mut rules = if settings.default_routes { default_routes() } else { vec![] };
        for route in &settings.routes {
            rules.push(route.rule()?);
        }
        let mut made = HashMap::new();
        let mut routes = vec![];
        for rule in rules {
            let target = self.destination(&rule, &mut made)?;
            routes.push(Route { rule, target });
        }
        Ok(RouteTable::new(routes))
    }

    fn destination(
        &self,
        rule: &RouteRule,
        made: &mut HashMap<String, Arc<Upstream>>,
    ) -> Result<Destination, String> {
        let meters = Meters::new(&rule.path);
        let known = self.known.get(&rule.target).or_else(|| made.get(&rule.target));
        if let Some(upstream) = known {
            return Ok(Destination { upstream: upstream.clone(), meters });
        }
        if !rule.target.contains("://") {
            let names = self.known.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(format!(
                "route `{}`: there is no service `{}`; there are {names}",
                rule.path, rule.target
            ));
        }
        let target = Target::Remote(Box::new(Remote::new(&rule.target, &self.settings.remote)?));
        let upstream = Upstream::new(&rule.target, target, self.settings.breaker.rules());
        made.insert(rule.target.clone(), upstream.clone());
        Ok(Destination { upstream, meters })
    }
}

impl Gateway {
    /// Builds the gateway; spawns nothing and opens no socket.
    pub fn new(parts: Parts) -> Result<Self, StartError> {
        Self::build(parts, Web::new()).map_err(wrong_settings)
    }

    /// As [`Gateway::new`], with other files for the web UI.
    pub(crate) fn build(parts: Parts, web: Web) -> Result<Self, String> {
        let settings = read(&parts.settings)?;
        let origin = origin_of(&parts.public_url)?;
        let is_https = origin.starts_with("https://");
        let upstreams = Upstreams::new(parts.local, &parts.remote, &settings)?;
        let proxies = settings.trusted_proxies.iter().map(|text| text.parse());
        let public = settings.metrics.public;
        Ok(Self {
            routes: ArcSwap::from_pointee(upstreams.table(&settings)?),
            upstreams,
            verifier: parts.verifier,
            proofs: identity::Proofs::new(parts.clock.clone()),
            public_url: parts.public_url,
            anonymous: Actor::anonymous(),
            sessions: Sessions::new(parts.calls, parts.clock.clone()),
            cookie: RefreshCookie::new(is_https),
            cors: Cors::new(&settings.allowed_origins, &origin)?,
            clock: parts.clock,
            limits: Limits::new(&settings.rate_limit)?,
            in_flight: InFlight::new(settings.in_flight_max),
            proxies: proxies.collect::<Result<Vec<Network>, String>>()?,
            secured: Secured(is_https),
            body_bytes_max: settings.body_bytes_max,
            patience: Duration::from_millis(settings.answer_timeout_ms),
            pages: Pages::new(parts.readiness, parts.metrics, public, parts.openapi),
            web,
            own: OwnMeters {
                gateway: Meters::new("gateway"),
                web: Meters::new("web"),
                none: Meters::new("none"),
            },
        })
    }

    /// Takes over the routes of changed settings, between two requests. The rest of the settings needs a
    /// new start.
    pub fn reload_routes(&self, settings: &serde_json::Value) -> Result<(), StartError> {
        let table = read(settings).and_then(|settings| self.upstreams.table(&settings));
        self.routes.store(Arc::new(table.map_err(wrong_settings)?));
        Ok(())
    }
}

fn read(settings: &serde_json::Value) -> Result<Settings, String> {
    serde::Deserialize::deserialize(settings).map_err(|error: serde_json::Error| error.to_string())
}

fn wrong_settings(reason: String) -> StartError {
    StartError::Settings { service: "gateway".to_owned(), reason }
}

/// `https://backline.example.org` of an address: what browsers call an origin.
fn origin_of(public_url: &str) -> Result<String, String> {
    let wrong =
        || format!("`public_url`: `{public_url}` is not like `https://backline.example.org`");
    let uri: Uri = public_url.parse().map_err(|_| wrong())?;
    match (uri.scheme_str(), uri.authority()) {
        (Some(scheme @ ("http" | "https")), Some(host)) => Ok(format!("{scheme}://{host}")),
        _ => Err(wrong()),
    }
}
