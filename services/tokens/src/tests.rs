//! Tests of the whole service: the real router, the real database, a stand-in for `users`.

mod audit;
mod consumers;
mod grpc;
mod http;
mod oauth;
mod rotation;
mod sealing;
mod sign_in;
mod store;

use contracts::grpc::users::users_server::{Users, UsersServer};
use contracts::grpc::users::{
    AuthenticateLinkRequest, AuthenticatePasskeyRequest, AuthenticateRequest, BeginPasskeyRequest,
    GetUserRequest, Grant, GrantRoleRequest, PasskeyChallenge, User,
};
use serde_json::json;
use stdx::Clock;
use testkit::{Answer, Backend, Caller, TestNode, TestNodeBuilder};
use tonic::{Request, Response, Status};

const EMAIL: &str = "ada@example.org";
const PASSWORD: &str = "correct horse";
/// With it the account is known by two factors.
const CODE: &str = "123456";
const USER_ID: &str = "0192f000-0000-7000-8000-000000000001";

/// The answer of an authenticator that opens the account, and a link that does.
const CREDENTIAL: &str = r#"{"id":"AQ","response":{"signature":"right"}}"#;
const LINK: &str = "a link that was sent";

/// Knows one account.
struct FakeUsers;

fn ada(amr: &[&str]) -> Response<User> {
    Response::new(User {
        id: USER_ID.into(),
        email: EMAIL.into(),
        first_name: "Ada".into(),
        last_name: "Byron".into(),
        is_active: true,
        customer_id: String::new(),
        roles: vec![Grant { role: "member".into(), customer_id: String::new() }],
        email_verified: true,
        amr: amr.iter().map(|method| (*method).to_owned()).collect(),
    })
}

#[tonic::async_trait]
impl Users for FakeUsers {
    async fn authenticate(
        &self,
        request: Request<AuthenticateRequest>,
    ) -> Result<Response<User>, Status> {
        let request = request.into_inner();
        if (request.email.as_str(), request.password.as_str()) != (EMAIL, PASSWORD) {
            return Err(Status::unauthenticated("wrong e-mail address or password"));
        }
        Ok(match request.second_factor.as_str() {
            CODE => ada(&["pwd", "otp", "mfa"]),
            _ => ada(&["pwd"]),
        })
    }

    async fn begin_passkey(
        &self,
        _: Request<BeginPasskeyRequest>,
    ) -> Result<Response<PasskeyChallenge>, Status> {
        let options_json = r#"{"challenge":"AAAA","rpId":"localhost"}"#.to_owned();
        Ok(Response::new(PasskeyChallenge { options_json }))
    }

    async fn authenticate_passkey(
        &self,
        request: Request<AuthenticatePasskeyRequest>,
    ) -> Result<Response<User>, Status> {
        if request.into_inner().credential_json != CREDENTIAL {
            return Err(Status::unauthenticated("this passkey opens no account here"));
        }
        Ok(ada(&["swk", "user", "mfa"]))
    }

    async fn authenticate_link(
        &self,
        request: Request<AuthenticateLinkRequest>,
    ) -> Result<Response<User>, Status> {
        let AuthenticateLinkRequest { token, second_factor, .. } = request.into_inner();
        match (token.as_str(), second_factor.as_str()) {
            (LINK, "123456") => Ok(ada(&["email", "otp", "mfa"])),
            (LINK, "") => Ok(ada(&["email"])),
            _ => Err(Status::unauthenticated("this link has been used")),
        }
    }

    async fn get_user(&self, _: Request<GetUserRequest>) -> Result<Response<User>, Status> {
        Err(Status::unimplemented("not needed by tokens"))
    }

    async fn grant_role(&self, _: Request<GrantRoleRequest>) -> Result<Response<User>, Status> {
        Err(Status::unimplemented("not needed by tokens"))
    }
}

async fn node() -> TestNode {
    node_on(Backend::Sqlite).await
}

async fn node_on(backend: Backend) -> TestNode {
    start(builder().on(backend)).await
}

/// With a clock that stands still unless the test moves it.
async fn node_with_stopped_clock() -> TestNode {
    start(builder().clock(&Clock::manual(testkit::now()))).await
}

fn builder() -> TestNodeBuilder {
    let users = tonic::service::Routes::new(UsersServer::new(FakeUsers));
    TestNode::builder("tokens", crate::start, crate::MIGRATIONS).stub("users", users)
}

async fn start(builder: TestNodeBuilder) -> TestNode {
    let node = builder.start().await;
    node.follow_issuer().await;
    node
}

async fn sign_in(node: &TestNode) -> Answer {
    let login = json!({ "email": EMAIL, "password": PASSWORD });
    node.post(&Caller::anonymous(), "/api/v1/auth/login", login).await.expect(200)
}

/// The owner of a token that this service issued.
fn caller(tokens: &Answer) -> Caller {
    let user_id = USER_ID.parse().expect("an id");
    Caller { user_id, token: Some(tokens.text("accessToken").to_owned()) }
}

async fn refresh(node: &TestNode, refresh_token: &str) -> Answer {
    let body = json!({ "refreshToken": refresh_token });
    node.post(&Caller::anonymous(), "/api/v1/auth/refresh", body).await
}

async fn validate(node: &TestNode, token: &str) -> Answer {
    let value = format!("Bearer {token}");
    let headers = [("x-backline-token", value.as_str())];
    let nobody = Caller::anonymous();
    node.send(&nobody, ::http::Method::POST, "/api/v1/auth/validate", None, &headers)
        .await
        .expect(200)
}

/// Another process of the service on the same database: its state, without a server.
fn tokens_on(node: &TestNode) -> std::sync::Arc<crate::Tokens> {
    std::sync::Arc::new(crate::Tokens::new(&node.context()).expect("a service"))
}
