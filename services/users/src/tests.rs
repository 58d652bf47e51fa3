//! Tests of the whole service: the real router, the real database, the real tokens.

mod audit;
mod consumers;
mod domain;
mod email_link;
mod explanation;
mod grpc;
mod guard;
mod http;
mod letters;
mod own_account;
mod passkeys;
mod passwords;
mod roles;
mod rows;
mod sealing;
mod second_factor;
mod setup;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use contracts::grpc::roles::roles_server::{Roles as RolesRpc, RolesServer};
use contracts::grpc::roles::{FindRoleRequest, ListRolesRequest, ListRolesResponse, Role};
use contracts::grpc::users::users_client::UsersClient;
use contracts::grpc::users::{AuthenticateRequest, User};
use contracts::ids::{CustomerId, UserId};
use contracts::permissions::BUILT_IN_ROLES;
use mail::Letter;
use policies::{Actor, Holdings, Principal};
use serde_json::{Value, json};
use service_kit::calls::actor_of;
use testkit::{Answer, Backend, Caller, TestNode, TestNodeBuilder, eventually};
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};

use crate::Users;
use crate::app::Passwords;

const USERS: &str = "/api/v1/users";
const PASSWORD: &str = "correct horse battery";

async fn node() -> TestNode {
    builder(&FakeRoles::default()).start().await
}

async fn node_on(backend: Backend) -> TestNode {
    builder(&FakeRoles::default()).on(backend).start().await
}

fn builder(roles: &FakeRoles) -> TestNodeBuilder {
    let routes = Routes::new(RolesServer::new(roles.clone()));
    TestNode::builder("users", crate::start, crate::MIGRATIONS).stub("roles", routes)
}

/// Stands for `roles`: knows the built-in roles, answers this service only, and can be away.
#[derive(Clone, Default)]
struct FakeRoles {
    is_away: Arc<AtomicBool>,
}

impl FakeRoles {
    fn go_away(&self) {
        self.is_away.store(true, Ordering::SeqCst);
    }

    fn come_back(&self) {
        self.is_away.store(false, Ordering::SeqCst);
    }
}

#[tonic::async_trait]
impl RolesRpc for FakeRoles {
    async fn find_role(&self, request: Request<FindRoleRequest>) -> Result<Response<Role>, Status> {
        if self.is_away.load(Ordering::SeqCst) {
            return Err(Status::unavailable("roles is away"));
        }
        assert_eq!(actor_of(&request)?.principal(), &Principal::Service("users".into()));
        let name = request.into_inner().name;
        let role = BUILT_IN_ROLES.iter().find(|role| role.name == name);
        let role = role.ok_or_else(|| Status::not_found("there is no such role"))?;
        let permissions = role.permissions.iter().map(|text| (*text).to_owned()).collect();
        Ok(Response::new(Role { name, permissions }))
    }

    async fn list_roles(
        &self,
        _: Request<ListRolesRequest>,
    ) -> Result<Response<ListRolesResponse>, Status> {
        if self.is_away.load(Ordering::SeqCst) {
            return Err(Status::unavailable("roles is away"));
        }
        let roles = BUILT_IN_ROLES.iter().map(|role| Role {
            name: role.name.into(),
            permissions: role.permissions.iter().map(|text| (*text).to_owned()).collect(),
        });
        Ok(Response::new(ListRolesResponse { roles: roles.collect() }))
    }
}

fn new_user(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "firstName": "Ada", "lastName": "Lovelace" })
}

async fn sign_up(node: &TestNode, email: &str) -> Answer {
    node.post(&Caller::anonymous(), USERS, new_user(email)).await.expect(201)
}

/// An account that belongs to a customer.
async fn sign_up_for(node: &TestNode, email: &str, customer: CustomerId) -> Answer {
    let admin = node.caller(&[("admin", None)]);
    let mut body = new_user(email);
    body["customerId"] = json!(customer);
    node.post(&admin, USERS, body).await.expect(201)
}

async fn make_administrator(node: &TestNode, email: &str) -> UserId {
    crate::create_user(node.database(), email, PASSWORD, "admin").await.expect("an administrator")
}

fn id_of(user: &Answer) -> UserId {
    user.text("id").parse().expect("an id")
}

fn path_of(id: UserId) -> String {
    format!("{USERS}/{id}")
}

/// The roles of an account, as `role` or `role@customer`.
async fn roles_of(node: &TestNode, id: UserId) -> Vec<String> {
    let admin = node.caller(&[("admin", None)]);
    let user = node.get(&admin, &path_of(id)).await.expect(200);
    let name = |held: &Value| match held["customerId"].as_str() {
        Some(customer) => format!("{}@{customer}", held["role"].as_str().expect("a name")),
        None => held["role"].as_str().expect("a name").to_owned(),
    };
    user.body["roles"].as_array().expect("roles").iter().map(name).collect()
}

async fn wait_for_roles(node: &TestNode, id: UserId, roles: &[&str]) {
    node.published().await; // hands over what is in the outbox
    eventually("the roles", || async { (roles_of(node, id).await == roles).then_some(()) }).await;
}

/// How many messages of a type were published.
async fn published(node: &TestNode, kind: &str) -> usize {
    node.published_kinds().await.iter().filter(|published| *published == kind).count()
}

/// The letters sent to an address so far.
fn letters_to(node: &TestNode, email: &str) -> Vec<Letter> {
    let mut letters = node.letters();
    letters.retain(|letter| letter.to() == email);
    letters
}

async fn wait_for_letters(node: &TestNode, email: &str, count: usize) -> Vec<Letter> {
    let letters = eventually("the letters", || async {
        let letters = letters_to(node, email);
        (letters.len() >= count).then_some(letters)
    });
    let letters = letters.await;
    assert_eq!(letters.len(), count);
    letters
}

/// The token in the latest letter to an address with such a link: `verify-email`, `reset-password`.
fn token_in(letters: &[Letter], page: &str) -> String {
    let link = format!("/{page}?token=");
    let text = letters.iter().rev().find_map(|letter| letter.text().split_once(&link));
    let (_, rest) = text.expect("a link");
    rest.split_whitespace().next().expect("a token").to_owned()
}

/// What `tokens` asks when somebody signs in from an address.
async fn authenticate_from(
    node: &TestNode,
    email: &str,
    password: &str,
    second_factor: &str,
    client_address: &str,
) -> Result<User, Refusal> {
    let request = AuthenticateRequest {
        email: email.into(),
        password: password.into(),
        second_factor: second_factor.into(),
        client_address: client_address.into(),
    };
    let tokens = node.service_caller("tokens");
    let answer =
        UsersClient::new(node.channel()).authenticate(node.grpc_request(&tokens, request)).await;
    answer.map(Response::into_inner).map_err(|status| refusal(&status))
}

fn refusal(status: &Status) -> Refusal {
    let said = |name| status.metadata().get(name).map(|value| value.to_str().expect("text"));
    Refusal {
        status: status.code(),
        code: said("backline-code").unwrap_or_default().to_owned(),
        retry_after: said("backline-retry-after").map(|text| text.parse().expect("seconds")),
        message: status.message().to_owned(),
    }
}

/// Another one of the service under test, on the same database.
fn replica(node: &TestNode) -> Users {
    Users::new(&node.context(), Passwords::for_this_machine()).expect("a service")
}

/// Who asks when somebody signs in.
fn tokens_service() -> Actor {
    Actor::new(Principal::Service("tokens".into()), Holdings::default(), vec![], None)
}

/// Why somebody was not let in.
#[derive(Clone, Debug, PartialEq)]
struct Refusal {
    status: Code,
    code: String,
    retry_after: Option<u32>,
    message: String,
}
