//! gRPC: the same use cases, other wire.

use std::sync::Arc;

use contracts::grpc::customers::customers_server::{Customers as CustomersRpc, CustomersServer};
use contracts::grpc::customers::{Customer as CustomerMessage, GetCustomerRequest};
use contracts::ids::CustomerId;
use service_kit::calls::actor_of;
use service_kit::{Error, Problem};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::Customers;
use crate::domain::Customer;

/// The RPCs of this service.
pub fn routes(customers: Arc<Customers>) -> Routes {
    Routes::new(CustomersServer::new(Rpc(customers)))
}

struct Rpc(Arc<Customers>);

#[tonic::async_trait]
impl CustomersRpc for Rpc {
    async fn get_customer(
        &self,
        request: Request<GetCustomerRequest>,
    ) -> Result<Response<CustomerMessage>, Status> {
        let actor = actor_of(&request)?;
        let id = customer_id(&request.into_inner().customer_id).map_err(Problem::from)?;
        let customer = self.0.find_customer(&actor, id).await.map_err(Problem::from)?;
        Ok(Response::new(message(customer)))
    }
}

fn customer_id(text: &str) -> Result<CustomerId, Error> {
    text.parse().map_err(|_| Error::Malformed("`customer_id` is not a UUID".into()))
}

fn message(customer: Customer) -> CustomerMessage {
    CustomerMessage {
        id: customer.id.to_string(),
        name: customer.name,
        customer_type: customer.customer_type.as_str().to_owned(),
        is_active: customer.is_active,
    }
}
