//! REST: translates, decides nothing.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use contracts::ids::CustomerId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service_kit::http::{Identity, IfMatch, Json, Patch, Path, Query, Versioned};
use service_kit::paging::{PageQuery, Paged};
use service_kit::{FieldErrors, Problem};
use stdx::text;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Customers;
use crate::domain::{
    self, Customer, CustomerChange, CustomerFilter, CustomerType, NAME_LENGTH_MAX, NewCustomer,
    OrgNumber,
};

/// The URLs of this service.
pub fn router(customers: Arc<Customers>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_customers, create_customer)) // /api/v1/customers
        .routes(routes!(find_customer, update_customer, delete_customer)) // /api/v1/customers/{id}
        .with_state(customers)
}

/// A customer: an organiser or a crew company.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Customer)]
struct CustomerView {
    id: CustomerId,
    #[schema(example = "Northern Lights Festival")]
    name: String,
    /// As it was typed.
    #[schema(example = "556677-8899")]
    org_number: String,
    #[schema(required)]
    address: Option<String>,
    #[schema(required)]
    email: Option<String>,
    #[schema(required)]
    phone: Option<String>,
    customer_type: CustomerTypeView,
    /// An inactive customer stays visible.
    is_active: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// What a customer does: puts on events, or sends crew to those of others.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CustomerType)]
enum CustomerTypeView {
    Organiser,
    CrewCompany,
}

impl From<CustomerType> for CustomerTypeView {
    fn from(customer_type: CustomerType) -> Self {
        match customer_type {
            CustomerType::Organiser => Self::Organiser,
            CustomerType::CrewCompany => Self::CrewCompany,
        }
    }
}

impl From<Customer> for CustomerView {
    fn from(customer: Customer) -> Self {
        Self {
            id: customer.id,
            name: customer.name,
            org_number: customer.org_number.as_str().to_owned(),
            address: customer.address,
            email: customer.email,
            phone: customer.phone,
            customer_type: customer.customer_type.into(),
            is_active: customer.is_active,
            created_at: customer.created_at,
            updated_at: customer.updated_at,
        }
    }
}

fn versioned(customer: Customer) -> Versioned<CustomerView> {
    Versioned { version: customer.version, body: customer.into() }
}

/// What a new customer is made of.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CreateCustomer)]
struct CreateCustomerRequest {
    #[schema(min_length = 1, max_length = 200, example = "Northern Lights Festival")]
    name: String,
    /// Taken once, however it is spaced and hyphenated.
    #[schema(min_length = 2, max_length = 50, example = "556677-8899")]
    org_number: String,
    #[schema(max_length = 500)]
    address: Option<String>,
    #[schema(max_length = 254, example = "office@northernlights.example")]
    email: Option<String>,
    #[schema(max_length = 50, pattern = "^[0-9+ ()-]*$", example = "+46 8 123 456")]
    phone: Option<String>,
    #[schema(value_type = CustomerTypeView)]
    customer_type: String,
}

impl CreateCustomerRequest {
    fn parse(self) -> Result<NewCustomer, FieldErrors> {
        let mut errors = FieldErrors::new();
        let name = errors.check("name", domain::parse_name(&self.name));
        let org_number = errors.check("orgNumber", OrgNumber::parse(&self.org_number));
        let address = domain::parse_address(&self.address.unwrap_or_default());
        let address = errors.check("address", address);
        let email = errors.check("email", domain::parse_email(&self.email.unwrap_or_default()));
        let phone = errors.check("phone", domain::parse_phone(&self.phone.unwrap_or_default()));
        let customer_type = errors.check("customerType", CustomerType::parse(&self.customer_type));
        let all = || {
            Some(NewCustomer {
                name: name?,
                org_number: org_number?,
                address: address?,
                email: email?,
                phone: phone?,
                customer_type: customer_type?,
            })
        };
        errors.finish(all())
    }
}

/// What changes about a customer (JSON Merge Patch). Its type stays.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = UpdateCustomer)]
struct UpdateCustomerRequest {
    #[serde(default)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 200)]
    name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = String, required = false, min_length = 2, max_length = 50)]
    org_number: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 500)]
    address: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 254)]
    email: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 50, pattern = "^[0-9+ ()-]*$")]
    phone: Patch<String>,
    /// For those who may delete customers.
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    is_active: Patch<bool>,
}

impl UpdateCustomerRequest {
    fn parse(self) -> Result<CustomerChange, FieldErrors> {
        let mut errors = FieldErrors::new();
        let name = self.name.required("name", &mut errors).map(|text| domain::parse_name(&text));
        let name = errors.check_optional("name", name);
        let org_number = self.org_number.required("orgNumber", &mut errors);
        let org_number = org_number.map(|text| OrgNumber::parse(&text));
        let org_number = errors.check_optional("orgNumber", org_number);
        let address = emptied(self.address).map(|text| domain::parse_address(&text));
        let address = errors.check_optional("address", address);
        let email = emptied(self.email).map(|text| domain::parse_email(&text));
        let email = errors.check_optional("email", email);
        let phone = emptied(self.phone).map(|text| domain::parse_phone(&text));
        let phone = errors.check_optional("phone", phone);
        let is_active = self.is_active.required("isActive", &mut errors);
        let all = || {
            Some(CustomerChange {
                name: name?,
                org_number: org_number?,
                address: address?,
                email: email?,
                phone: phone?,
                is_active,
            })
        };
        errors.finish(all())
    }
}

/// Removing a text and emptying it are the same.
fn emptied(patch: Patch<String>) -> Option<String> {
    patch.removable().map(Option::unwrap_or_default)
}

/// Which customers to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct CustomerQuery {
    /// Part of the name, in any case.
    #[param(max_length = 200)]
    q: Option<String>,
    #[param(value_type = Option<CustomerTypeView>)]
    customer_type: Option<String>,
    is_active: Option<bool>,
    /// Rows wanted, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

impl CustomerQuery {
    fn parse(self) -> Result<(CustomerFilter, PageQuery), FieldErrors> {
        let mut errors = FieldErrors::new();
        let part = self.q.map(|part| text::line(&part, 0..=NAME_LENGTH_MAX));
        let part = errors.check_optional("q", part);
        let customer_type = self.customer_type.map(|text| CustomerType::parse(&text));
        let customer_type = errors.check_optional("customerType", customer_type);
        let (is_active, page) =
            (self.is_active, PageQuery { limit: self.limit, cursor: self.cursor });
        let filter = part.zip(customer_type).map(|(name_part, customer_type)| {
            (CustomerFilter { name_part, customer_type, is_active }, page)
        });
        errors.finish(filter)
    }
}

/// Enter a customer for others, or found one and become its administrator
#[utoipa::path(post, path = "/api/v1/customers", request_body = CreateCustomerRequest,
    responses((status = 201, body = CustomerView)))]
async fn create_customer(
    State(customers): State<Arc<Customers>>,
    Identity(actor): Identity,
    Json(request): Json<CreateCustomerRequest>,
) -> Result<(StatusCode, Versioned<CustomerView>), Problem> {
    let customer = customers.create_customer(&actor, request.parse()?).await?;
    Ok((StatusCode::CREATED, versioned(customer)))
}

/// List the customers you may see, oldest first
#[utoipa::path(get, path = "/api/v1/customers", params(CustomerQuery),
    responses((status = 200, body = Paged<CustomerView>)))]
async fn list_customers(
    State(customers): State<Arc<Customers>>,
    Identity(actor): Identity,
    Query(query): Query<CustomerQuery>,
) -> Result<Json<Paged<CustomerView>>, Problem> {
    let (filter, page) = query.parse()?;
    let page = page.page()?;
    let rows = customers.list_customers(&actor, &filter, &page).await?;
    Ok(Json(Paged::new(rows, page.limit, |customer| customer.id, CustomerView::from)))
}

/// One customer
#[utoipa::path(get, path = "/api/v1/customers/{id}", params(("id" = CustomerId, Path)),
    responses((status = 200, body = CustomerView)))]
async fn find_customer(
    State(customers): State<Arc<Customers>>,
    Identity(actor): Identity,
    Path(id): Path<CustomerId>,
) -> Result<Versioned<CustomerView>, Problem> {
    Ok(versioned(customers.find_customer(&actor, id).await?))
}

/// Change a customer
#[utoipa::path(patch, path = "/api/v1/customers/{id}", params(("id" = CustomerId, Path)),
    request_body = UpdateCustomerRequest, responses((status = 200, body = CustomerView)))]
async fn update_customer(
    State(customers): State<Arc<Customers>>,
    Identity(actor): Identity,
    Path(id): Path<CustomerId>,
    if_match: IfMatch,
    Json(request): Json<UpdateCustomerRequest>,
) -> Result<Versioned<CustomerView>, Problem> {
    let customer = customers.update_customer(&actor, id, if_match, request.parse()?).await?;
    Ok(versioned(customer))
}

/// Delete a customer
#[utoipa::path(delete, path = "/api/v1/customers/{id}", params(("id" = CustomerId, Path)),
    responses((status = 204)))]
async fn delete_customer(
    State(customers): State<Arc<Customers>>,
    Identity(actor): Identity,
    Path(id): Path<CustomerId>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    customers.delete_customer(&actor, id, if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}
