//! gRPC: the same use cases, other wire.

use std::sync::Arc;

use contracts::grpc::users::users_server::{Users as UsersRpc, UsersServer};
use contracts::grpc::users::{
    AuthenticateLinkRequest, AuthenticatePasskeyRequest, AuthenticateRequest, BeginPasskeyRequest,
    GetUserRequest, Grant as GrantMessage, GrantRoleRequest, PasskeyChallenge, User as UserMessage,
};
use contracts::ids::{CustomerId, UserId};
use service_kit::calls::actor_of;
use service_kit::{Error as PlatformError, FieldErrors, Problem};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::Users;
use crate::app::{SignIn, SignedIn};
use crate::domain::{Grant, RoleName, User, parse_customer};

/// The RPCs of this service.
pub fn routes(users: Arc<Users>) -> Routes {
    Routes::new(UsersServer::new(Rpc(users)))
}

struct Rpc(Arc<Users>);

#[tonic::async_trait]
impl UsersRpc for Rpc {
    async fn authenticate(
        &self,
        request: Request<AuthenticateRequest>,
    ) -> Result<Response<UserMessage>, Status> {
        let actor = actor_of(&request)?;
        let sign_in = sign_in(request.into_inner());
        let signed_in = self.0.authenticate(&actor, sign_in).await.map_err(Problem::from)?;
        Ok(Response::new(who(signed_in)))
    }

    async fn begin_passkey(
        &self,
        request: Request<BeginPasskeyRequest>,
    ) -> Result<Response<PasskeyChallenge>, Status> {
        let actor = actor_of(&request)?;
        let options = self.0.begin_passkey_sign_in(&actor).await.map_err(Problem::from)?;
        Ok(Response::new(PasskeyChallenge { options_json: options.to_string() }))
    }

    async fn authenticate_passkey(
        &self,
        request: Request<AuthenticatePasskeyRequest>,
    ) -> Result<Response<UserMessage>, Status> {
        let actor = actor_of(&request)?;
        let AuthenticatePasskeyRequest { credential_json, client_address } = request.into_inner();
        let signed_in = self.0.authenticate_passkey(&actor, &credential_json, &client_address);
        Ok(Response::new(who(signed_in.await.map_err(Problem::from)?)))
    }

    async fn authenticate_link(
        &self,
        request: Request<AuthenticateLinkRequest>,
    ) -> Result<Response<UserMessage>, Status> {
        let actor = actor_of(&request)?;
        let AuthenticateLinkRequest { token, second_factor, client_address } = request.into_inner();
        let signed_in = self.0.authenticate_link(&actor, &token, &second_factor, &client_address);
        Ok(Response::new(who(signed_in.await.map_err(Problem::from)?)))
    }

    async fn get_user(
        &self,
        request: Request<GetUserRequest>,
    ) -> Result<Response<UserMessage>, Status> {
        let actor = actor_of(&request)?;
        let id = user_id(&request.into_inner().user_id).map_err(Problem::from)?;
        let user = self.0.find_user(&actor, id).await.map_err(Problem::from)?;
        Ok(Response::new(message(user)))
    }

    async fn grant_role(
        &self,
        request: Request<GrantRoleRequest>,
    ) -> Result<Response<UserMessage>, Status> {
        let actor = actor_of(&request)?;
        let request = request.into_inner();
        let id = user_id(&request.user_id).map_err(Problem::from)?;
        let grant = grant(&request).map_err(Problem::from)?;
        let user = self.0.grant_role(&actor, id, grant).await.map_err(Problem::from)?;
        Ok(Response::new(message(user)))
    }
}

fn sign_in(request: AuthenticateRequest) -> SignIn {
    let AuthenticateRequest { email, password, second_factor, client_address } = request;
    SignIn { email, password, second_factor, client_address }
}

/// Somebody who signs in, and how they have shown who they are.
fn who(SignedIn { user, proof }: SignedIn) -> UserMessage {
    let amr = proof.methods().iter().map(|method| (*method).to_owned()).collect();
    UserMessage { amr, ..message(user) }
}

fn user_id(text: &str) -> Result<UserId, PlatformError> {
    text.parse().map_err(|_| PlatformError::Malformed("`user_id` is not an id".into()))
}

fn grant(request: &GrantRoleRequest) -> Result<Grant, FieldErrors> {
    let mut errors = FieldErrors::new();
    let role = errors.check("role", RoleName::parse(&request.role));
    let customer = Some(request.customer_id.as_str()).filter(|id| !id.is_empty());
    let customer = errors.check_optional("customer_id", customer.map(parse_customer_id));
    errors.finish(role.zip(customer).map(|(role, customer)| Grant::new(role, customer)))
}

fn parse_customer_id(text: &str) -> Result<CustomerId, &'static str> {
    parse_customer(text.parse().map_err(|_| "must be the id of a customer")?)
}

fn message(user: User) -> UserMessage {
    let customer_id =
        |customer: Option<CustomerId>| customer.map(|id| id.to_string()).unwrap_or_default();
    let grant = |held: &Grant| GrantMessage {
        role: held.role().to_string(),
        customer_id: customer_id(held.customer()),
    };
    UserMessage {
        id: user.id.to_string(),
        email: user.email.to_string(),
        roles: user.roles.iter().map(grant).collect(),
        customer_id: customer_id(user.customer_id),
        email_verified: user.email_verified_at.is_some(),
        first_name: user.first_name,
        last_name: user.last_name,
        is_active: user.is_active,
        amr: vec![],
    }
}
