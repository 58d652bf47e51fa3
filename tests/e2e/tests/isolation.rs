//! A service that is away takes only its own functions along.

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::client::PASSWORD;
use support::{Client, Cluster, Topology, eventually};

async fn roles_of(admin: &Client, id: &str) -> Value {
    admin.get(&format!("/api/v1/users/{id}")).await.expect(200).body["roles"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_roles_away_people_sign_up_and_get_their_role_when_it_is_back() {
    let cluster = Cluster::start(Topology::Split).await;
    let admin = cluster.administrator().await;
    let client = cluster.client();
    cluster.kill("roles");
    let mut ids = vec![];
    for number in 0..5 {
        ids.push(client.sign_up(&format!("visitor{number}@example.org")).await);
    }
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    for id in &ids {
        assert_eq!(roles_of(&admin, id).await, json!([]));
    }
    client.sign_in("visitor0@example.org").await;
    admin.get("/api/v1/roles").await.expect(503);
    cluster.restart("roles");
    for id in &ids {
        eventually("the role", || async {
            (roles_of(&admin, id).await == json!([{ "role": "member", "customerId": null }]))
                .then_some(())
        })
        .await;
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_service_that_is_away_costs_only_what_it_does_split() {
    let cluster = Cluster::start(Topology::Split).await;
    let admin = cluster.administrator().await;
    let client = cluster.client();
    let organiser = client.new_member("organiser@example.org").await;
    let customer_id = organiser.found_organiser("556677-8899").await;
    let event_id = organiser.publish_event(&customer_id, 100).await;
    let buyer = client.new_member("buyer@example.org").await;
    let works = [
        ("users", "/api/v1/users/me"),
        ("tokens", "/api/v1/auth/sessions"),
        ("roles", "/api/v1/roles"),
        ("customers", "/api/v1/customers"),
        ("events", "/api/v1/events"),
    ];
    for (away, _) in works {
        cluster.kill(away);
        for (service, path) in works {
            let answer = organiser.get(path).await;
            if service == away {
                let problem = answer.expect(503);
                assert!(problem.headers.contains_key("retry-after"));
                assert!(problem.body["detail"].is_string());
            } else {
                answer.expect(200);
            }
        }
        // Who is signed in goes on buying with the role they have.
        if away != "events" {
            buyer.order(&event_id, 1).await.expect(201);
        }
        cluster.restart(away);
        cluster.wait_until_ready().await;
        eventually("the service that is back", || async {
            let paths = works.iter().filter(|(service, _)| *service == away);
            let mut is_back = true;
            for (_, path) in paths {
                is_back &= organiser.get(path).await.status == 200;
            }
            is_back.then_some(())
        })
        .await;
    }
    admin.get("/api/v1/users?limit=1").await.expect(200);
    cluster.stop().await;
}

/// What of who may do what was settled before a service is stopped, and has to hold while it is away.
struct Settled {
    /// Somebody signed out.
    revoked: Client,
    /// Somebody who has been given the administrator's role, or has lost it, with a token from before.
    holder: Client,
    holds_role: bool,
    draft: String,
}

impl Settled {
    async fn must_hold(&self) {
        let revoked = self.revoked.get("/api/v1/tickets").await;
        revoked.expect_problem(401, "token_revoked");
        let sees_draft = self.holder.get(&self.draft).await.status == 200;
        assert_eq!(sees_draft, self.holds_role, "a role that was given or taken counts");
    }

    async fn wait_until_it_counts(&self) {
        eventually("what was settled", || async {
            let is_revoked = self.revoked.get("/api/v1/tickets").await.status == 401;
            let sees_draft = self.holder.get(&self.draft).await.status == 200;
            (is_revoked && sees_draft == self.holds_role).then_some(())
        })
        .await;
    }
}

/// Stopped and started again, on PostgreSQL and NATS, with Redis beside the bus.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_redis_users_tokens_and_roles_are_stopped_in_turn_and_who_is_signed_in_goes_on_split()
{
    /// How long after its start a service may take until everything works.
    const RECOVERY: Duration = Duration::from_secs(20);
    /// How long somebody may wait to be told that signing in does not work right now.
    const REFUSAL: Duration = Duration::from_secs(10);
    let (redis, prefix) =
        (testkit::redis_server(), format!("backline-test-{}", uuid::Uuid::now_v7()));
    let settings = [
        ("BACKLINE_REVOCATIONS__REDIS_URL", redis.as_str()),
        ("BACKLINE_REVOCATIONS__PREFIX", prefix.as_str()),
    ];
    let cluster = Cluster::start_with(Topology::Split, &settings).await;
    let admin = cluster.administrator().await;
    let client = cluster.client();
    let organiser = client.new_member("organiser@example.org").await;
    let customer_id = organiser.found_organiser("556677-8899").await;
    let event_id = organiser.publish_event(&customer_id, 100).await;
    let event = support::client::event(&customer_id, 5);
    let draft = organiser.post("/api/v1/events", event).await.expect(201);
    let buyer = client.new_member("buyer@example.org").await;
    let holder = client.new_member("holder@example.org").await;
    let holder_id = holder.get("/api/v1/users/me").await.expect(200).text("id").to_owned();
    let roles = format!("/api/v1/users/{holder_id}/roles");
    let mut settled = Settled {
        revoked: client.sign_in("buyer@example.org").await,
        holder,
        holds_role: false,
        draft: format!("/api/v1/events/{}", draft.text("id")),
    };
    for away in ["users", "tokens", "roles"] {
        settled.holds_role = !settled.holds_role;
        if settled.holds_role {
            let given = admin.post(&roles, json!({ "role": "admin" })).await;
            assert!(given.status.is_success(), "{}", given.body);
        } else {
            admin.delete(&format!("{roles}/admin")).await.expect(204);
        }
        settled.revoked = client.sign_in("buyer@example.org").await;
        settled.revoked.post("/api/v1/auth/logout", json!({})).await.expect(204);
        settled.wait_until_it_counts().await;

        assert!(cluster.terminate(away).success(), "`{away}` stops in an orderly way");
        buyer.order(&event_id, 1).await.expect(201);
        organiser.get("/api/v1/events").await.expect(200);
        settled.must_hold().await;
        let login = json!({ "email": "buyer@example.org", "password": PASSWORD });
        let begun = Instant::now();
        let answer = client.post("/api/v1/auth/login", login.clone()).await;
        assert!(begun.elapsed() < REFUSAL, "{away}: {:?}", begun.elapsed());
        if away == "roles" {
            answer.expect(200);
        } else {
            let problem = answer.expect(503);
            assert_eq!(problem.headers["content-type"], "application/problem+json");
            assert!(problem.headers.contains_key("retry-after"));
            assert!(problem.text("detail").contains("try again"), "{}", problem.body);
        }

        let started = Instant::now();
        cluster.restart(away);
        eventually("signing in", || async {
            let answer = client.post("/api/v1/auth/login", login.clone()).await;
            (answer.status == 200).then_some(())
        })
        .await;
        eventually("roles", || async {
            (admin.get("/api/v1/roles").await.status == 200).then_some(())
        })
        .await;
        cluster.wait_until_ready().await;
        assert!(started.elapsed() < RECOVERY, "{away}: {:?}", started.elapsed());
        settled.must_hold().await;
        client.sign_in("buyer@example.org").await.get("/api/v1/users/me").await.expect(200);
        // Somebody new gets the first role, which takes all three.
        client.new_member(&format!("after-{away}@example.org")).await;
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_survives_a_restart() {
    let cluster = Cluster::start(Topology::OneProcess).await;
    let client = cluster.client();
    let vera = client.new_member("vera@example.org").await;
    let other = client.sign_in("vera@example.org").await;
    vera.send(http::Method::POST, "/api/v1/auth/logout", None).await.expect(204);
    cluster.kill("tokens");
    cluster.restart("tokens");
    cluster.wait_until_ready().await;
    eventually("the token that is still good", || async {
        (other.get("/api/v1/users/me").await.status == 200).then_some(())
    })
    .await;
    vera.get("/api/v1/users/me").await.expect_problem(401, "token_revoked");
    cluster.stop().await;
}
