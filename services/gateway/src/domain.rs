//! Which target answers which path. Pure rules.

mod breaker;
mod network;

use std::sync::Arc;

use http::Method;

pub use breaker::{Admission, Breaker, BreakerRules, RetryBudget};
pub use network::{Network, address_key};

/// Paths of the tokens service at which the gateway has a part of its own.
const LOGIN: &str = "/api/v1/auth/login";
const PASSKEY_LOGIN: &str = "/api/v1/auth/passkey";
const LINK_LOGIN: &str = "/api/v1/auth/email-link/redeem";
pub const REFRESH: &str = "/api/v1/auth/refresh";
pub const LOGOUT: &str = "/api/v1/auth/logout";

/// Where a session begins, and its refresh token may become a cookie.
pub const LOGINS: &[&str] = &[LOGIN, PASSKEY_LOGIN, LINK_LOGIN];

/// Where an account is made, a password, a passkey or a link tried, or a letter asked for: the stricter limit is for these.
pub const SIGN_INS: &[&str] = &[
    LOGIN,
    "/oauth/sign-in",
    "/api/v1/users",
    "/api/v1/setup",
    "/api/v1/auth/verify-email",
    "/api/v1/auth/forgot-password",
    "/api/v1/auth/reset-password",
    PASSKEY_LOGIN,
    "/api/v1/auth/passkey/challenge",
    LINK_LOGIN,
    "/api/v1/auth/email-link",
];

/// What has no page of the web UI: an unknown path below these is a problem document.
const WITHOUT_PAGES: &[&str] = &["/api", "/oauth", "/.well-known", "/health", "/ready", "/metrics"];

/// A route before its target is known: how the table is written, built in and in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteRule {
    /// The beginning of the path, whole segments; `*` stands for any one.
    pub path: String,
    /// A service's name, or an absolute http address.
    pub target: String,
    /// What takes the place of `path`.
    pub rewrite: Option<String>,
    /// Which methods; none named: all.
    pub methods: Vec<Method>,
    /// Whether the service is asked about the token, so that a bad one is no refusal.
    pub judges_token: bool,
}

impl RouteRule {
    fn new(path: impl Into<String>, target: &str) -> Self {
        Self {
            path: path.into(),
            target: target.to_owned(),
            rewrite: None,
            methods: vec![],
            judges_token: false,
        }
    }

    fn to(self, rewrite: impl Into<String>) -> Self {
        Self { rewrite: Some(rewrite.into()), ..self }
    }

    /// Checks what somebody wrote in the settings.
    pub fn check(&self) -> Result<(), String> {
        check_path("path", &self.path)?;
        match &self.rewrite {
            Some(rewrite) if rewrite.contains('*') => {
                Err(format!("`rewrite` of route `{}` must not contain `*`", self.path))
            }
            Some(rewrite) => check_path("rewrite", rewrite),
            None => Ok(()),
        }
    }
}

fn check_path(what: &str, path: &str) -> Result<(), String> {
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..");
    let is_clean = !path.contains(['?', '#', '%', '\\', ' ']);
    match path.strip_prefix('/') {
        Some(rest) if is_clean && rest.split('/').all(is_segment) => Ok(()),
        _ => Err(format!("`{what}` of a route must be like `/api/v1/events`, not `{path}`")),
    }
}

/// The routes that are there without any setting: ours, and the other systems' paths onto ours.
pub fn default_routes() -> Vec<RouteRule> {
    const RESOURCES: &[(&str, &str)] = &[
        ("users", "users"),
        ("setup", "users"),
        ("auth", "tokens"),
        ("roles", "roles"),
        ("permissions", "roles"),
        ("customers", "customers"),
        ("events", "events"),
        ("event-packets", "events"),
        ("orders", "events"),
        ("tickets", "events"),
        ("clients", "events"),
        ("audit", "audit"),
        ("admin/messages", "messaging"),
    ];
    let canonical = |resource: &str| format!("/api/v1/{resource}");
    let mut routes = vec![RouteRule::new("/users", "users").to("/api/v1/users")];
    for (resource, service) in RESOURCES {
        routes.push(RouteRule::new(canonical(resource), service));
        routes.push(RouteRule::new(format!("/api/{resource}"), service).to(canonical(resource)));
    }
    for resource in ["events", "event-packets", "tickets"] {
        let path = format!("/api/event-manager/{resource}");
        routes.push(RouteRule::new(path, "events").to(canonical(resource)));
    }
    for (resource, service) in [("users", "users"), ("clients", "events")] {
        let path = format!("/api/user-manager/{resource}");
        routes.push(RouteRule::new(path, service).to(canonical(resource)));
    }
    for action in ["login", "logout"] {
        let path = format!("/api/idm/auth/{action}");
        routes.push(RouteRule::new(path, "tokens").to(format!("/api/v1/auth/{action}")));
    }
    for base in ["/api/v1/auth", "/api/auth", "/api/idm/auth"] {
        routes.extend(account_routes(base));
    }
    routes.extend(provider_routes());
    routes
}

/// OpenID Connect. What comes as `Authorization` there is for the provider to judge: a client's secret, or a token
/// that is for nothing but its userinfo. Registering clients is a use of the API like any other.
fn provider_routes() -> [RouteRule; 4] {
    [
        RouteRule { judges_token: true, ..RouteRule::new("/oauth", "tokens") },
        RouteRule::new("/oauth/register", "tokens"),
        RouteRule::new("/.well-known/openid-configuration", "tokens"),
        RouteRule::new("/.well-known/oauth-authorization-server", "tokens"),
    ]
}

/// Making an account and the links that are sent to it are the users service's, judging a token is a question and no
/// refusal.
fn account_routes(base: &str) -> [RouteRule; 8] {
    let post = |path: String, target: &str, rewrite: &str| RouteRule {
        methods: vec![Method::POST],
        ..RouteRule::new(path, target).to(rewrite)
    };
    let judged = |action: &str| RouteRule {
        judges_token: true,
        ..post(format!("{base}/{action}"), "tokens", &format!("/api/v1/auth/{action}"))
    };
    let link =
        |action: &str| post(format!("{base}/{action}"), "users", &format!("/api/v1/auth/{action}"));
    [
        post(format!("{base}/register"), "users", "/api/v1/users"),
        link("verify-email"),
        link("forgot-password"),
        link("reset-password"),
        link("email-link"),
        // It begins a session.
        post(format!("{base}/email-link/redeem"), "tokens", LINK_LOGIN),
        judged("validate"),
        judged("verify"),
    ]
}

/// Whether a path that no route matches may be a page of the web UI.
pub fn may_be_page(path: &str) -> bool {
    !WITHOUT_PAGES.iter().any(|prefix| {
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Whether a path can mean something else to the next one who reads it.
pub fn is_ambiguous(path: &str) -> bool {
    if !path.contains(['%', '\\']) && !path.contains("/.") {
        return false;
    }
    let lower = path.to_ascii_lowercase();
    let hides = ["%2f", "%5c", "%00", "\\"].iter().any(|hidden| lower.contains(hidden));
    let is_dots = |segment: &str| matches!(segment.replace("%2e", ".").as_str(), "." | "..");
    hides || lower.split('/').any(is_dots)
}

/// A route and where it leads.
#[derive(Debug)]
pub struct Route<T> {
    pub rule: RouteRule,
    pub target: T,
}

impl<T> Route<T> {
    fn accepts(&self, method: &Method) -> bool {
        self.rule.methods.is_empty() || self.rule.methods.contains(method)
    }
}

/// The route of a request, and how much of the path it matched.
#[derive(Debug)]
pub struct Found<T> {
    pub route: Arc<Route<T>>,
    matched: usize,
}

impl<T> Found<T> {
    /// The path as the target knows it; `None` when it is the same.
    pub fn rewritten(&self, path: &str) -> Option<String> {
        let rewrite = self.route.rule.rewrite.as_deref()?;
        Some([rewrite, &path[self.matched..]].concat())
    }
}

/// Why no route was found.
#[derive(Debug, PartialEq, Eq)]
pub enum Miss {
    /// There is none.
    Path,
    /// There is one for these methods only.
    Method(Vec<Method>),
}

/// All routes, as a tree of path segments. The most specific one wins: more segments before fewer, a
/// literal segment before `*`.
#[derive(Debug)]
pub struct RouteTable<T> {
    root: Node<T>,
}

#[derive(Debug)]
struct Node<T> {
    literals: Vec<(Box<str>, Node<T>)>,
    any: Option<Box<Node<T>>>,
    routes: Vec<Arc<Route<T>>>,
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { literals: vec![], any: None, routes: vec![] }
    }
}

impl<T> RouteTable<T> {
    /// A table of these routes; a later one takes the place of an earlier one with the same path and the
    /// same methods, or of all of that path when it takes every method.
    pub fn new(routes: impl IntoIterator<Item = Route<T>>) -> Self {
        let mut root = Node::default();
        for route in routes {
            let mut node = &mut root;
            for segment in route.rule.path.split('/').filter(|segment| !segment.is_empty()) {
                node = node.child(segment);
            }
            node.add(route);
        }
        Self { root }
    }

    /// The most specific route that accepts the method.
    pub fn find(&self, path: &str, method: &Method) -> Result<Found<T>, Miss> {
        let mut allowed = vec![];
        match self.root.find(path, 0, method, &mut allowed) {
            Some(found) => Ok(found),
            None if allowed.is_empty() => Err(Miss::Path),
            None => Err(Miss::Method(allowed)),
        }
    }
}

impl<T> Node<T> {
    fn child(&mut self, segment: &str) -> &mut Self {
        if segment == "*" {
            return self.any.get_or_insert_default();
        }
        let known = self.literals.iter().position(|(literal, _)| **literal == *segment);
        let index = known.unwrap_or_else(|| {
            self.literals.push((segment.into(), Self::default()));
            self.literals.len() - 1
        });
        &mut self.literals[index].1
    }

    fn add(&mut self, route: Route<T>) {
        let methods = &route.rule.methods;
        self.routes.retain(|known| !methods.is_empty() && known.rule.methods != *methods);
        self.routes.push(Arc::new(route));
        // Those for some methods are asked before the one for all.
        self.routes.sort_by_key(|route| route.rule.methods.is_empty());
    }

    /// `path[at..]` is empty or begins with a slash.
    fn find(
        &self,
        path: &str,
        at: usize,
        method: &Method,
        allowed: &mut Vec<Method>,
    ) -> Option<Found<T>> {
        if let Some(rest) = path[at..].strip_prefix('/') {
            let segment = rest.split('/').next().unwrap_or_default();
            let next = at + 1 + segment.len();
            let literal = self.literals.iter().find(|(literal, _)| **literal == *segment);
            let literal = literal.and_then(|(_, node)| node.find(path, next, method, allowed));
            let any = self.any.as_deref().filter(|_| !segment.is_empty());
            let any = any.and_then(|node| node.find(path, next, method, allowed));
            if let Some(found) = deeper(literal, any) {
                return Some(found);
            }
        }
        let route = self.routes.iter().find(|route| route.accepts(method));
        if route.is_none() {
            allowed.extend(self.routes.iter().flat_map(|route| route.rule.methods.iter().cloned()));
        }
        route.map(|route| Found { route: route.clone(), matched: at })
    }
}

/// The one that matched more of the path; the first when both matched the same.
fn deeper<T>(first: Option<Found<T>>, second: Option<Found<T>>) -> Option<Found<T>> {
    match (first, second) {
        (Some(first), Some(second)) if second.matched > first.matched => Some(second),
        (first, second) => first.or(second),
    }
}
