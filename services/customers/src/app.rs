//! The use cases. REST, gRPC and tests all call these; each authorizes in its first line.

use contracts::audit::AuditRecorded;
use contracts::grpc::users::GrantRoleRequest;
use contracts::grpc::users::users_client::UsersClient;
use contracts::ids::{CustomerId, UserId};
use contracts::messages::{CustomerCreated, CustomerDeleted, CustomerUpdated};
use policies::{Actor, Denied, Resource};
use service_kit::http::IfMatch;
use service_kit::paging::Page;

use crate::Customers;
use crate::domain::{Customer, CustomerChange, CustomerFilter, NewCustomer};
use crate::error::{Error, Result};
use crate::store;

impl Customers {
    /// Enters a customer for others, or founds one, by what the actor may.
    pub async fn create_customer(
        &self,
        actor: &Actor,
        new_customer: NewCustomer,
    ) -> Result<Customer> {
        if self.policies.permits(actor, "customers:create", &Resource::any("Customer")) {
            return self.enter_customer(actor, new_customer).await;
        }
        self.found_customer(actor, new_customer).await
    }

    /// Enters a customer whose people will be named later.
    async fn enter_customer(&self, actor: &Actor, new_customer: NewCustomer) -> Result<Customer> {
        self.require(actor, "customers:create", &Resource::any("Customer"))?;
        let by = actor.user_id().map(UserId);
        let customer = Customer::entered(new_customer, by, self.clock.now());
        self.save_new(&customer, on_record(actor, "customers:create", customer.id)).await?;
        Ok(customer)
    }

    /// Founds a customer that the actor will run.
    async fn found_customer(&self, actor: &Actor, new_customer: NewCustomer) -> Result<Customer> {
        self.require(actor, "customers:found", &Resource::any("Customer"))?;
        if !self.members_may_found {
            return Err(Error::FoundingClosed);
        }
        let founder = actor.user_id().map(UserId).ok_or(Denied::Anonymous)?;
        let customer = Customer::founded(new_customer, founder, self.clock.now());
        self.save_new(&customer, on_record(actor, "customers:found", customer.id)).await?;
        self.grant_founder_role(&customer, founder).await;
        Ok(customer)
    }

    async fn save_new(&self, customer: &Customer, record: AuditRecorded) -> Result<()> {
        // One transaction, so that the customer exists if and only if the others hear of it.
        let tx = self.database.begin().await?;
        if let Some(founder) = customer.founder()
            && !store::count_founded(&tx, founder).await?
        {
            return Err(Error::TooManyFounded);
        }
        store::insert_customer(&tx, customer).await?;
        tx.publish(created(customer)).await?;
        tx.publish(record.detail("type", customer.customer_type.as_str())).await?;
        Ok(tx.commit().await?)
    }

    /// Has the founder's next request permitted already. `users` does the same when it hears of the customer,
    /// a moment later, so a failure here loses nothing.
    async fn grant_founder_role(&self, customer: &Customer, founder: UserId) {
        let request = self.ctx.on_own_behalf(GrantRoleRequest {
            user_id: founder.to_string(),
            role: customer.customer_type.founder_role().to_owned(),
            customer_id: customer.id.to_string(),
        });
        let granted = UsersClient::new(self.ctx.channel("users")).grant_role(request).await;
        if let Err(error) = granted {
            tracing::warn!(customer_id = %customer.id, %error, "the founder gets the role a moment later");
        }
    }

    /// One customer.
    pub async fn find_customer(&self, actor: &Actor, id: CustomerId) -> Result<Customer> {
        self.require(actor, "customers:read", &resource(id))?;
        store::find_customer(self.database.read(), id).await
    }

    /// A page of the customers that the actor may see, oldest first, and one more if there are more.
    pub async fn list_customers(
        &self,
        actor: &Actor,
        filter: &CustomerFilter,
        page: &Page<CustomerId>,
    ) -> Result<Vec<Customer>> {
        self.require(actor, "customers:read", &Resource::any("Customer"))?;
        let reach = actor.reach("customers:read");
        store::list_customers(self.database.read(), &reach, filter, page).await
    }

    /// Changes a customer; whether it is active is for those who could delete it.
    pub async fn update_customer(
        &self,
        actor: &Actor,
        id: CustomerId,
        if_match: IfMatch,
        change: CustomerChange,
    ) -> Result<Customer> {
        self.require(actor, "customers:update", &resource(id))?;
        if change.is_active.is_some() {
            self.require(actor, "customers:delete", &resource(id))?;
        }
        let fields = change.fields();
        let tx = self.database.begin().await?;
        let customer = store::find_customer(&tx, id).await?;
        if_match.require(customer.version)?;
        let customer = customer.changed(change, self.clock.now());
        if !store::update_customer(&tx, &customer).await? {
            return Err(service_kit::Error::Stale.into());
        }
        tx.publish(updated(&customer)).await?;
        tx.publish(on_record(actor, "customers:update", id).detail("fields", fields)).await?;
        tx.commit().await?;
        Ok(customer)
    }

    /// Deletes a customer; the other services let go of it when they hear.
    pub async fn delete_customer(
        &self,
        actor: &Actor,
        id: CustomerId,
        if_match: IfMatch,
    ) -> Result<()> {
        self.require(actor, "customers:delete", &resource(id))?;
        let tx = self.database.begin().await?;
        let customer = store::find_customer(&tx, id).await?;
        if_match.require(customer.version)?;
        if !store::delete_customer(&tx, &customer).await? {
            return Err(service_kit::Error::Stale.into());
        }
        if let Some(founder) = customer.founder() {
            store::discount_founded(&tx, founder).await?;
        }
        tx.publish(CustomerDeleted { customer_id: id }).await?;
        tx.publish(on_record(actor, "customers:delete", id).detail("name", customer.name)).await?;
        Ok(tx.commit().await?)
    }

    fn require(&self, actor: &Actor, action: &str, resource: &Resource) -> Result<()> {
        Ok(self.policies.require(actor, action, resource)?)
    }
}

fn on_record(actor: &Actor, action: &str, id: CustomerId) -> AuditRecorded {
    AuditRecorded::done(actor, action).on("Customer", id).customer(id)
}

/// Asked before looking, so that who may not see a customer does not learn whether there is one.
fn resource(id: CustomerId) -> Resource {
    Resource::new("Customer", id).customer(id)
}

fn created(customer: &Customer) -> CustomerCreated {
    let founder_id = customer.founder();
    let founder_role = founder_id.map(|_| customer.customer_type.founder_role().to_owned());
    CustomerCreated {
        customer_id: customer.id,
        name: customer.name.clone(),
        customer_type: customer.customer_type.as_str().to_owned(),
        founder_id,
        founder_role,
    }
}

fn updated(customer: &Customer) -> CustomerUpdated {
    CustomerUpdated {
        customer_id: customer.id,
        name: customer.name.clone(),
        customer_type: customer.customer_type.as_str().to_owned(),
        is_active: customer.is_active,
    }
}
