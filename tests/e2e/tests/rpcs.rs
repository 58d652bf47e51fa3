//! Every RPC, visited by nobody, by people with each kind of role, and by services: over the network, where nothing but
//! the token says who asks.

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;

use contracts::audit::Party;
use contracts::grpc::customers::{GetCustomerRequest, customers_client::CustomersClient};
use contracts::grpc::events::{GetEventRequest, events_client::EventsClient};
use contracts::grpc::idm::auth_client::AuthClient;
use contracts::grpc::idm::{LoginRequest, LogoutRequest, RegisterRequest, VerifyRequest};
use contracts::grpc::messages::inboxes_client::InboxesClient;
use contracts::grpc::messages::{DeadLettersRequest, ListDeadLettersRequest, StandingRequest};
use contracts::grpc::roles::{FindRoleRequest, ListRolesRequest, roles_client::RolesClient};
use contracts::grpc::tokens::{RefreshRequest, SnapshotRequest, tokens_client::TokensClient};
use contracts::grpc::users::{
    AuthenticateLinkRequest, AuthenticatePasskeyRequest, AuthenticateRequest, BeginPasskeyRequest,
    GetUserRequest, GrantRoleRequest, users_client::UsersClient,
};
use identity::NodeSecret;
use serde_json::json;
use service_kit::calls::ServiceTokens;
use support::client::event;
use support::{Client, Cluster, Topology};
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};

struct World {
    customer: String,
    draft: String,
    colleague: String,
}

struct Visitor {
    name: &'static str,
    token: Option<String>,
}

/// Who is let in, by name; nobody else is.
const EXPECTED: &[(&str, &[&str])] = &[
    (
        "roles.FindRole",
        &[
            "admin",
            "member",
            "staff",
            "rival",
            "service tokens",
            "service customers",
            "service events",
            "service messaging",
        ],
    ),
    (
        "roles.ListRoles",
        &[
            "admin",
            "member",
            "staff",
            "rival",
            "service tokens",
            "service customers",
            "service events",
            "service messaging",
        ],
    ),
    ("users.Authenticate", &["service tokens"]),
    ("users.BeginPasskey", &["service tokens"]),
    // What is shown there is no good, and who is let in is told so.
    ("users.AuthenticatePasskey", &[]),
    ("users.AuthenticateLink", &[]),
    ("users.GetUser", STAFF_AND_SERVICES),
    ("users.GrantRole", &["service customers"]),
    ("tokens.Snapshot", &["admin"]),
    ("tokens.Refresh", &[]),
    ("customers.GetCustomer", STAFF_AND_SERVICES),
    ("events.GetEvent", STAFF_AND_SERVICES),
    // What every process tells of its databases, here of one that runs `events`.
    ("messages.Standing", &["service messaging"]),
    ("messages.ListDeadLetters", &["service messaging"]),
    ("messages.ReplayDeadLetters", &["service messaging"]),
    ("messages.DropDeadLetters", &["service messaging"]),
    // What programs outside may ask, at the gateway, where our own services have no business. Signing out comes last:
    // nobody is anybody after that.
    ("idm.Register", &["nobody", "admin", "member", "staff", "rival"]),
    ("idm.Login", EVERYBODY),
    ("idm.Verify", EVERYBODY),
    ("idm.Logout", &["admin", "member", "staff", "rival"]),
];

const EVERYBODY: &[&str] = &[
    "nobody",
    "a forger",
    "admin",
    "member",
    "staff",
    "rival",
    "service tokens",
    "service customers",
    "service events",
    "service messaging",
];

const STAFF_AND_SERVICES: &[&str] = &[
    "admin",
    "staff",
    "service tokens",
    "service customers",
    "service events",
    "service messaging",
];

async fn channel(cluster: &Cluster, service: &'static str) -> Channel {
    let address = match service {
        "idm" => cluster.grpc_address(),
        "messages" => cluster.address_of("events"),
        service => cluster.address_of(service),
    };
    let endpoint = Endpoint::from_shared(address).expect("an address");
    endpoint.connect().await.expect("connected")
}

fn request<T>(visitor: &Visitor, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = &visitor.token {
        let value = MetadataValue::from_str(&format!("Bearer {token}")).expect("a header value");
        request.metadata_mut().insert("authorization", value);
    }
    request
}

/// The code of the answer; `Ok` when it was given.
async fn visit(cluster: &Cluster, rpc: &str, visitor: &Visitor, world: &World) -> Code {
    let text = str::to_owned;
    let (service, _) = rpc.split_once('.').expect("service.Rpc");
    let service = ["roles", "users", "tokens", "customers", "events", "messages", "idm"]
        .into_iter()
        .find(|s| *s == service);
    let channel = channel(cluster, service.expect("a service")).await;
    let status = match rpc {
        "roles.FindRole" => {
            let message = FindRoleRequest { name: text("member") };
            RolesClient::new(channel).find_role(request(visitor, message)).await.err()
        }
        "roles.ListRoles" => {
            RolesClient::new(channel).list_roles(request(visitor, ListRolesRequest {})).await.err()
        }
        "users.Authenticate" => {
            let (email, password) = (text("member@example.org"), text(support::client::PASSWORD));
            let message = AuthenticateRequest { email, password, ..Default::default() };
            UsersClient::new(channel).authenticate(request(visitor, message)).await.err()
        }
        "users.BeginPasskey" => {
            let message = BeginPasskeyRequest {};
            UsersClient::new(channel).begin_passkey(request(visitor, message)).await.err()
        }
        "users.AuthenticatePasskey" => {
            let message = AuthenticatePasskeyRequest::default();
            UsersClient::new(channel).authenticate_passkey(request(visitor, message)).await.err()
        }
        "users.AuthenticateLink" => {
            let message = AuthenticateLinkRequest::default();
            UsersClient::new(channel).authenticate_link(request(visitor, message)).await.err()
        }
        "users.GetUser" => {
            let message = GetUserRequest { user_id: world.colleague.clone() };
            UsersClient::new(channel).get_user(request(visitor, message)).await.err()
        }
        "users.GrantRole" => {
            let customer_id = world.customer.clone();
            let message = GrantRoleRequest {
                user_id: world.colleague.clone(),
                role: text("door"),
                customer_id,
            };
            UsersClient::new(channel).grant_role(request(visitor, message)).await.err()
        }
        "tokens.Snapshot" => TokensClient::new(channel)
            .snapshot(request(visitor, SnapshotRequest { since_ms: 0 }))
            .await
            .err(),
        "tokens.Refresh" => {
            let message = RefreshRequest { refresh_token: text("stolen") };
            TokensClient::new(channel).refresh(request(visitor, message)).await.err()
        }
        "customers.GetCustomer" => {
            let message = GetCustomerRequest { customer_id: world.customer.clone() };
            CustomersClient::new(channel).get_customer(request(visitor, message)).await.err()
        }
        "events.GetEvent" => {
            let message = GetEventRequest { event_id: world.draft.clone() };
            EventsClient::new(channel).get_event(request(visitor, message)).await.err()
        }
        "messages.Standing" => {
            let message = StandingRequest { service: text("events") };
            InboxesClient::new(channel).standing(request(visitor, message)).await.err()
        }
        "messages.ListDeadLetters" => {
            let message =
                ListDeadLettersRequest { service: text("events"), limit: 1, ..Default::default() };
            InboxesClient::new(channel).list_dead_letters(request(visitor, message)).await.err()
        }
        "messages.ReplayDeadLetters" => {
            let message = request(visitor, no_dead_letter());
            InboxesClient::new(channel).replay_dead_letters(message).await.err()
        }
        "messages.DropDeadLetters" => {
            let message = request(visitor, no_dead_letter());
            InboxesClient::new(channel).drop_dead_letters(message).await.err()
        }
        "idm.Register" => {
            let message = RegisterRequest {
                email: format!("new-{}@example.org", visitor.name.replace(' ', "-")),
                password: text(support::client::PASSWORD),
                first_name: text("Ada"),
                last_name: text("Another"),
                customer_id: String::new(),
            };
            AuthClient::new(channel).register(request(visitor, message)).await.err()
        }
        "idm.Login" => {
            let (email, password) = (text("member@example.org"), text(support::client::PASSWORD));
            let message = LoginRequest { email, password, ..Default::default() };
            AuthClient::new(channel).login(request(visitor, message)).await.err()
        }
        "idm.Verify" => {
            let message = VerifyRequest::default();
            AuthClient::new(channel).verify(request(visitor, message)).await.err()
        }
        "idm.Logout" => {
            AuthClient::new(channel).logout(request(visitor, LogoutRequest {})).await.err()
        }
        unknown => panic!("nobody knows how to call {unknown}"),
    };
    status.map_or(Code::Ok, |status| status.code())
}

/// Of a consumer that has none.
fn no_dead_letter() -> DeadLettersRequest {
    let by = serde_json::to_string(&Party::OPERATOR).expect("JSON");
    let (service, consumer) = ("events".to_owned(), "events.nothing".to_owned());
    DeadLettersRequest { service, consumer, by, ..Default::default() }
}

async fn build_world(cluster: &Cluster) -> (World, Vec<Visitor>) {
    let admin = cluster.administrator().await;
    let client = cluster.client();
    let staff = client.new_member("staff@example.org").await;
    let customer = staff.found_organiser("556677-8899").await;
    staff.publish_event(&customer, 1).await;
    let draft = staff.post("/api/v1/events", event(&customer, 5)).await.expect(201);
    let colleague = json!({
        "email": "colleague@example.org", "password": support::client::PASSWORD, "firstName": "Vera",
        "lastName": "Colleague", "customerId": customer,
    });
    let colleague = staff.post("/api/v1/users", colleague).await.expect(201);
    let rival = client.new_member("rival@example.org").await;
    let rival_customer = rival.found_organiser("556677-8800").await;
    rival.publish_event(&rival_customer, 1).await;
    let member = client.new_member("member@example.org").await;
    let world = World {
        draft: draft.text("id").to_owned(),
        colleague: colleague.text("id").to_owned(),
        customer,
    };
    let secret = NodeSecret::new(Some(support::cluster::SECRET), stdx::Clock::system());
    let person = |name, client: Client| Visitor { name, token: client.token };
    let service = |name, service| Visitor { name, token: Some(secret.token_for(service)) };
    let visitors = vec![
        Visitor { name: "nobody", token: None },
        Visitor { name: "a forger", token: Some("eyJhbGciOiJub25lIn0.e30.".into()) },
        person("admin", admin),
        person("member", member),
        person("staff", staff),
        person("rival", rival),
        service("service tokens", "tokens"),
        service("service customers", "customers"),
        service("service events", "events"),
        service("service messaging", "messaging"),
    ];
    (world, visitors)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rpc_lets_in_whom_it_should_split() {
    let cluster = Cluster::start(Topology::Split).await;
    let (world, visitors) = build_world(&cluster).await;
    let mut wrong = vec![];
    for (rpc, expected) in EXPECTED {
        for visitor in &visitors {
            let code = visit(&cluster, rpc, visitor, &world).await;
            let is_stranger = matches!(visitor.name, "nobody" | "a forger");
            let right = match expected.contains(&visitor.name) {
                true => code == Code::Ok,
                // Only `tokens` learns what is wrong with it.
                false
                    if visitor.name == "service tokens" && *rpc == "users.AuthenticatePasskey" =>
                {
                    code == Code::InvalidArgument
                }
                false if visitor.name == "service tokens" && *rpc == "users.AuthenticateLink" => {
                    code == Code::Unauthenticated
                }
                // A refresh token that is no good says the same to everybody.
                false if is_stranger || *rpc == "tokens.Refresh" => code == Code::Unauthenticated,
                // The gateway lets people in, and takes no service for one.
                false if rpc.starts_with("idm.") => code == Code::Unauthenticated,
                false => code == Code::PermissionDenied,
            };
            if !right {
                wrong.push(format!("{rpc} by {}: {code:?}", visitor.name));
            }
        }
    }
    assert!(wrong.is_empty(), "not as the table says:\n{}", wrong.join("\n"));
    cluster.stop().await;
}

#[test]
fn every_rpc_of_a_contract_is_visited() {
    let protos =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../platform/contracts/proto/backline");
    let mut missing = BTreeSet::new();
    for folder in std::fs::read_dir(protos).expect("contracts") {
        let folder = folder.expect("a folder");
        let service = folder.file_name().into_string().expect("a name");
        let file = folder.path().join("v1").join(format!("{service}.proto"));
        let proto = std::fs::read_to_string(file).expect("a contract");
        let rpcs = proto.lines().filter_map(|line| line.trim().strip_prefix("rpc "));
        missing.extend(
            rpcs.map(|rpc| format!("{service}.{}", rpc.split('(').next().expect("a name"))),
        );
    }
    for (rpc, _) in EXPECTED {
        assert!(missing.remove(*rpc), "{rpc} is in no contract");
    }
    assert!(missing.is_empty(), "RPCs that nobody visited: {missing:?}");
}
