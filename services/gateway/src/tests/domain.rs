use std::time::{Duration, Instant};

use ::http::Method;

use crate::domain::{
    Admission, Breaker, BreakerRules, Miss, Network, RetryBudget, Route, RouteRule, RouteTable,
    address_key, default_routes, is_ambiguous, may_be_page,
};

fn rule(path: &str, target: &str, methods: &[Method]) -> RouteRule {
    RouteRule {
        path: path.into(),
        target: target.into(),
        rewrite: None,
        methods: methods.to_vec(),
        judges_token: false,
    }
}

fn table(rules: Vec<RouteRule>) -> RouteTable<String> {
    RouteTable::new(rules.into_iter().map(|rule| Route { target: rule.target.clone(), rule }))
}

/// The target of a path, and the path there.
fn lead(table: &RouteTable<String>, method: Method, path: &str) -> String {
    match table.find(path, &method) {
        Ok(found) => {
            let path = found.rewritten(path).unwrap_or_else(|| path.to_owned());
            format!("{} {path}", found.route.target)
        }
        Err(miss) => format!("{miss:?}"),
    }
}

#[test]
fn the_most_specific_route_wins() {
    let table = table(vec![
        rule("/api", "all", &[]),
        rule("/api/events", "events", &[]),
        rule("/api/events/*/sales", "sales", &[]),
        rule("/api/events/new", "new", &[]),
    ]);
    for (path, target) in [
        ("/api", "all"),
        ("/api/", "all"),
        ("/api/eventsandmore", "all"),
        ("/api/events", "events"),
        ("/api/events/", "events"),
        ("/api/events/7", "events"),
        ("/api/events/7/sales", "sales"),
        ("/api/events/7/sales/today", "sales"),
        ("/api/events/new", "new"),
        ("/api/events/new/sales", "sales"),
        ("/api/events//sales", "events"),
    ] {
        assert_eq!(lead(&table, Method::GET, path), format!("{target} {path}"));
    }
    assert_eq!(table.find("/other", &Method::GET).err(), Some(Miss::Path));
}

#[test]
fn a_route_for_some_methods_leaves_the_others_to_the_next() {
    let specific = rule("/api/events/new", "new", &[Method::POST]);
    let with_next = table(vec![rule("/api/events", "events", &[]), specific.clone()]);
    assert_eq!(lead(&with_next, Method::POST, "/api/events/new"), "new /api/events/new");
    assert_eq!(lead(&with_next, Method::GET, "/api/events/new"), "events /api/events/new");
    let alone = table(vec![specific]);
    let refused = alone.find("/api/events/new", &Method::GET).err();
    assert_eq!(refused, Some(Miss::Method(vec![Method::POST])));
}

#[test]
fn a_later_route_takes_the_place_of_an_earlier_one() {
    let table = table(vec![
        rule("/api/events", "old", &[]),
        rule("/api/events", "post", &[Method::POST]),
        rule("/api/events", "new", &[]),
    ]);
    assert_eq!(lead(&table, Method::GET, "/api/events"), "new /api/events");
    assert_eq!(lead(&table, Method::POST, "/api/events"), "new /api/events");
}

#[test]
fn the_default_routes_lead_where_the_specification_says() {
    let table = table(default_routes());
    let all = [
        (Method::GET, "/api/v1/users/me", "users /api/v1/users/me"),
        (Method::POST, "/api/v1/setup", "users /api/v1/setup"),
        (Method::POST, "/api/v1/auth/login", "tokens /api/v1/auth/login"),
        (Method::POST, "/api/v1/auth/register", "users /api/v1/users"),
        (Method::POST, "/api/v1/auth/reset-password", "users /api/v1/auth/reset-password"),
        (Method::POST, "/api/idm/auth/verify-email", "users /api/v1/auth/verify-email"),
        (Method::POST, "/api/v1/auth/email-link", "users /api/v1/auth/email-link"),
        (Method::POST, "/api/v1/auth/email-link/redeem", "tokens /api/v1/auth/email-link/redeem"),
        (Method::POST, "/api/idm/auth/email-link/redeem", "tokens /api/v1/auth/email-link/redeem"),
        (Method::POST, "/api/v1/auth/passkey/challenge", "tokens /api/v1/auth/passkey/challenge"),
        (Method::POST, "/api/auth/passkey", "tokens /api/v1/auth/passkey"),
        (Method::GET, "/api/v1/users/me/passkeys/7", "users /api/v1/users/me/passkeys/7"),
        (Method::GET, "/api/v1/auth/register", "tokens /api/v1/auth/register"),
        (Method::GET, "/api/v1/permissions", "roles /api/v1/permissions"),
        (Method::GET, "/api/v1/customers/7", "customers /api/v1/customers/7"),
        (Method::POST, "/api/v1/tickets/7/check-in", "events /api/v1/tickets/7/check-in"),
        (Method::GET, "/api/roles", "roles /api/v1/roles"),
        (Method::POST, "/api/auth/register", "users /api/v1/users"),
        (Method::POST, "/api/auth/logout", "tokens /api/v1/auth/logout"),
        (Method::POST, "/api/idm/auth/register", "users /api/v1/users"),
        (Method::POST, "/api/idm/auth/login", "tokens /api/v1/auth/login"),
        (Method::POST, "/api/idm/auth/logout", "tokens /api/v1/auth/logout"),
        (Method::POST, "/api/idm/auth/verify", "tokens /api/v1/auth/verify"),
        (Method::GET, "/api/event-manager/events/7", "events /api/v1/events/7"),
        (Method::GET, "/api/event-manager/event-packets", "events /api/v1/event-packets"),
        (Method::GET, "/api/event-manager/tickets", "events /api/v1/tickets"),
        (Method::GET, "/api/user-manager/users", "users /api/v1/users"),
        (Method::POST, "/api/user-manager/clients/7/tickets", "events /api/v1/clients/7/tickets"),
        (Method::GET, "/users/7", "users /api/v1/users/7"),
        (Method::POST, "/oauth/token", "tokens /oauth/token"),
        (Method::GET, "/oauth/register/7", "tokens /oauth/register/7"),
        (
            Method::GET,
            "/.well-known/openid-configuration",
            "tokens /.well-known/openid-configuration",
        ),
        (Method::GET, "/.well-known/nothing", "Path"),
        (Method::GET, "/api/v1/nothing", "Path"),
        (Method::GET, "/api/event-manager", "Path"),
    ];
    for (method, path, expected) in all {
        assert_eq!(lead(&table, method, path), expected, "{path}");
    }
}

#[test]
fn only_whole_plain_paths_are_routes() {
    for bad in ["", "api", "/", "/a//b", "/a/", "/a/../b", "/a?b", "/a%2fb", "/a b"] {
        assert!(rule(bad, "events", &[]).check().is_err(), "{bad}");
    }
    assert!(rule("/api/*/b", "events", &[]).check().is_ok());
    let starred = RouteRule { rewrite: Some("/a/*".into()), ..rule("/b", "events", &[]) };
    assert!(starred.check().is_err());
}

#[test]
fn a_path_that_could_be_read_in_two_ways_is_ambiguous() {
    for bad in
        ["/api/../x", "/api/./x", "/a/%2e%2E/b", "/a/.%2e", "/a%2Fb", "/a%5cb", "/a\\b", "/a%00"]
    {
        assert!(is_ambiguous(bad), "{bad}");
    }
    for good in ["/", "/api/v1/events", "/.well-known/x", "/a.b/c..d", "/a%20b", "/assets/x.js"] {
        assert!(!is_ambiguous(good), "{good}");
    }
}

#[test]
fn pages_are_what_the_program_itself_does_not_answer() {
    for page in ["/", "/sign-in", "/apiary", "/tickets/7KQ2-M9XD"] {
        assert!(may_be_page(page), "{page}");
    }
    for other in ["/api", "/api/x", "/oauth/token", "/.well-known/x", "/health/x", "/metrics"] {
        assert!(!may_be_page(other), "{other}");
    }
}

const RULES: BreakerRules = BreakerRules {
    window: Duration::from_secs(10),
    volume_min: 4,
    failure_percent: 50,
    open: Duration::from_secs(5),
};

#[test]
fn a_breaker_opens_at_its_share_of_failures_and_not_for_a_few_requests() {
    let start = Instant::now();
    let mut breaker = Breaker::new(RULES, start);
    for failure in [true, true, false] {
        assert_eq!(breaker.admit(start), Admission::Pass);
        assert!(!breaker.record(Admission::Pass, failure, start));
    }
    assert!(breaker.record(Admission::Pass, true, start), "three of four have failed");
    let later = start + Duration::from_secs(2);
    assert_eq!(breaker.admit(later), Admission::Refused(Duration::from_secs(3)));
}

#[test]
fn an_open_breaker_lets_one_request_find_out() {
    let start = Instant::now();
    let mut breaker = Breaker::new(RULES, start);
    for _ in 0..4 {
        breaker.record(Admission::Pass, true, start);
    }
    let later = start + Duration::from_secs(5);
    assert_eq!(breaker.admit(later), Admission::Probe);
    assert!(matches!(breaker.admit(later), Admission::Refused(_)), "one at a time");
    breaker.forget(Admission::Probe);
    assert_eq!(breaker.admit(later), Admission::Probe, "the first one's caller went away");
    assert!(breaker.record(Admission::Probe, true, later));
    assert!(matches!(breaker.admit(later), Admission::Refused(_)));
    let again = later + Duration::from_secs(5);
    assert_eq!(breaker.admit(again), Admission::Probe);
    breaker.record(Admission::Probe, false, again);
    assert_eq!(breaker.admit(again), Admission::Pass);
}

#[test]
fn failures_are_forgotten_after_the_window() {
    let start = Instant::now();
    let mut breaker = Breaker::new(RULES, start);
    for _ in 0..3 {
        breaker.record(Admission::Pass, true, start);
    }
    let later = start + Duration::from_secs(11);
    assert!(!breaker.record(Admission::Pass, true, later), "one outcome in this window");
}

#[test]
fn retries_are_a_share_of_requests() {
    let mut budget = RetryBudget::new(20);
    let first = (0..100).filter(|_| budget.withdraw()).count();
    assert_eq!(first, 10, "what there is to begin with");
    for _ in 0..50 {
        budget.deposit();
    }
    assert_eq!((0..100).filter(|_| budget.withdraw()).count(), 10);
}

#[test]
fn networks_contain_their_addresses() {
    let contains = |network: &str, address: &str| {
        let network: Network = network.parse().expect("a network");
        network.contains(address.parse().expect("an address"))
    };
    assert!(contains("10.0.0.0/8", "10.255.0.1"));
    assert!(!contains("10.0.0.0/8", "11.0.0.1"));
    assert!(contains("10.0.0.1", "10.0.0.1"));
    assert!(contains("10.0.0.1", "::ffff:10.0.0.1"));
    assert!(!contains("10.0.0.1", "10.0.0.2"));
    assert!(contains("2001:db8::/32", "2001:db8:1::1"));
    assert!(contains("::/0", "10.0.0.1"));
    for bad in ["", "10.0.0.0/33", "host", "10.0.0.0/x"] {
        assert!(bad.parse::<Network>().is_err(), "{bad}");
    }
}

#[test]
fn one_customer_of_ipv6_is_one_client() {
    let key = |text: &str| address_key(text.parse().expect("an address"));
    assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
    assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
    assert_ne!(key("10.0.0.1"), key("10.0.0.2"));
    assert_eq!(key("10.0.0.1"), key("::ffff:10.0.0.1"));
}
