//! A service with a customers service beside it, an organiser, a member, and events on sale.

use contracts::grpc::customers::customers_server::{Customers, CustomersServer};
use contracts::grpc::customers::{Customer, GetCustomerRequest};
use contracts::ids::CustomerId;
use jiff::{SignedDuration, Timestamp};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};
use service_kit::calls::actor_of;
use testkit::{Answer, Backend, Caller, TestNode};
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use uuid::Uuid;

pub const EVENTS: &str = "/api/v1/events";
pub const ORDERS: &str = "/api/v1/orders";
pub const TICKETS: &str = "/api/v1/tickets";

pub const NO_CUSTOMER: CustomerId = CustomerId(Uuid::from_u128(1));
pub const CREW_COMPANY: CustomerId = CustomerId(Uuid::from_u128(2));
pub const INACTIVE_CUSTOMER: CustomerId = CustomerId(Uuid::from_u128(3));
/// Asking for this one finds the customers service away.
pub const UNREACHABLE_CUSTOMER: CustomerId = CustomerId(Uuid::from_u128(4));

/// Knows every customer as an active organiser, but for those above.
struct CustomersStub;

#[tonic::async_trait]
impl Customers for CustomersStub {
    async fn get_customer(
        &self,
        request: Request<GetCustomerRequest>,
    ) -> Result<Response<Customer>, Status> {
        let service = policies::Principal::Service("events".into());
        assert_eq!(actor_of(&request)?.principal(), &service);
        let id = request.into_inner().customer_id;
        let customer_id: CustomerId = id.parse().expect("a customer's id");
        if customer_id == NO_CUSTOMER {
            return Err(Status::not_found("no such customer"));
        }
        if customer_id == UNREACHABLE_CUSTOMER {
            return Err(Status::unavailable("away"));
        }
        let customer_type = if customer_id == CREW_COMPANY { "crewCompany" } else { "organiser" };
        Ok(Response::new(Customer {
            id,
            name: "Moonlight Concerts".into(),
            customer_type: customer_type.into(),
            is_active: customer_id != INACTIVE_CUSTOMER,
        }))
    }
}

/// Everything a test of events begins with.
pub struct Stage {
    pub node: TestNode,
    pub customer_id: CustomerId,
    pub organiser: Caller,
    pub member: Caller,
}

impl Stage {
    pub async fn on(backend: Backend) -> Self {
        let customers = Routes::new(CustomersServer::new(CustomersStub));
        let node = TestNode::builder("events", crate::start, crate::MIGRATIONS);
        let node = node.on(backend).stub("customers", customers).start().await;
        let customer_id = CustomerId::new();
        let organiser = node.caller(&[("organiser-admin", Some(customer_id)), ("member", None)]);
        let member = node.caller(&[("member", None)]);
        Self { node, customer_id, organiser, member }
    }

    /// A member of the public other than [`Stage::member`].
    pub fn other_member(&self) -> Caller {
        self.node.caller(&[("member", None)])
    }

    /// Somebody with a role inside the organiser.
    pub fn with_role(&self, role: &str) -> Caller {
        self.node.caller(&[(role, Some(self.customer_id))])
    }

    /// What the organiser asks for to plan an event; `overrides` replaces members.
    pub fn plan(&self, overrides: Value) -> Value {
        self.plan_of(self.customer_id, overrides)
    }

    /// The same of another customer.
    pub fn plan_of(&self, customer_id: CustomerId, overrides: Value) -> Value {
        let start = self.now() + SignedDuration::from_hours(24 * 30);
        let mut plan = json!({
            "customerId": customer_id,
            "name": "Moonlight Jazz",
            "description": "An evening under the stars",
            "startDate": start,
            "endDate": start + SignedDuration::from_hours(4),
            "timeZone": "Europe/Stockholm",
            "location": "Göta Lejon, Stockholm",
            "eventType": "concert",
            "seats": 100,
            "price": { "amountMinor": 45000, "currency": "SEK" },
        });
        for (member, value) in overrides.as_object().expect("an object") {
            plan[member] = value.clone();
        }
        plan
    }

    pub fn now(&self) -> Timestamp {
        self.node.database().clock().now()
    }

    /// The id of a draft.
    pub async fn draft(&self, overrides: Value) -> String {
        let plan = self.plan(overrides);
        let created = self.node.post(&self.organiser, EVENTS, plan).await.expect(201);
        created.text("id").to_owned()
    }

    /// The id of an event on sale with so many seats.
    pub async fn event_with_seats(&self, seats: i64) -> String {
        self.published(json!({ "seats": seats })).await
    }

    pub async fn published(&self, overrides: Value) -> String {
        let id = self.draft(overrides).await;
        self.change(&id, json!({ "status": "published" })).await.expect(200);
        id
    }

    /// A change by the organiser.
    pub async fn change(&self, event_id: &str, change: Value) -> Answer {
        self.node.patch(&self.organiser, &format!("{EVENTS}/{event_id}"), change).await
    }

    pub async fn buy(&self, caller: &Caller, event_id: &str, quantity: i64) -> Answer {
        self.node.post(caller, ORDERS, order(event_id, quantity)).await
    }

    /// The codes of tickets bought by the member.
    pub async fn tickets(&self, event_id: &str, quantity: i64) -> Vec<String> {
        codes(&self.buy(&self.member, event_id, quantity).await.expect(201))
    }

    pub async fn seats_left(&self, event_id: &str) -> i64 {
        let event =
            self.node.get(&self.organiser, &format!("{EVENTS}/{event_id}")).await.expect(200);
        event.body["seatsLeft"].as_i64().expect("a number")
    }

    /// A single number out of the database.
    pub async fn count(&self, sql: &str) -> i64 {
        let db = self.node.database().read();
        let backend = db.get_database_backend();
        let row = db.query_one_raw(Statement::from_string(backend, sql)).await.expect("an answer");
        row.expect("a row").try_get_by_index(0).expect("a number")
    }

    /// Seats left and tickets not cancelled make up the seats, for every event; nothing is oversold; every order
    /// has its tickets.
    pub async fn check_invariants(&self) {
        let broken = "select count(*) from event e where e.seats_left < 0
            or e.seats_left + (select count(*) from ticket t
                where t.event_id = e.event_id and t.status <> 'cancelled') <> e.seats
            or e.tickets_issued <> (select count(*) from ticket t where t.event_id = e.event_id)";
        assert_eq!(self.count(broken).await, 0, "seats and tickets disagree");
        let incomplete = "select count(*) from orders o where
            coalesce((select cast(sum(l.quantity) as bigint) from order_line l
                where l.order_id = o.order_id), 0)
            <> (select count(*) from ticket t where t.order_id = o.order_id)";
        assert_eq!(self.count(incomplete).await, 0, "orders and tickets disagree");
        let empty = "select count(*) from orders o where (o.status = 'cancelled')
            <> not exists (select 1 from ticket t
                where t.order_id = o.order_id and t.status <> 'cancelled')";
        assert_eq!(self.count(empty).await, 0, "an order's status and its tickets disagree");
    }

    /// Runs SQL that no use case would.
    pub async fn force(&self, sql: &str) {
        let tx = self.node.database().begin().await.expect("a transaction");
        let sql = match tx.get_database_backend() {
            DbBackend::Postgres => sql.to_owned(),
            _ => sql.replace("::uuid", ""),
        };
        tx.execute_unprepared(&sql).await.expect("executed");
        tx.commit().await.expect("committed");
    }
}

pub fn order(event_id: &str, quantity: i64) -> Value {
    json!({ "lines": [{ "eventId": event_id, "quantity": quantity }] })
}

pub fn codes(order: &Answer) -> Vec<String> {
    let tickets = order.body["tickets"].as_array().expect("tickets").iter();
    tickets.map(|ticket| ticket["code"].as_str().expect("a code").to_owned()).collect()
}

/// The fields that a 422 complains about.
pub fn wrong_fields(problem: &Answer) -> Vec<&str> {
    let errors = problem.body["errors"].as_array().expect("errors").iter();
    errors.map(|error| error["field"].as_str().expect("a field")).collect()
}
