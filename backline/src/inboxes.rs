//! What the services of this process tell of their in- and outboxes, and what is done with dead letters in them.
//!
//! One gRPC service over all databases of the process. Only `messaging` may call it: it has authorized whoever it asks
//! for, and says who that is. What is done is on record, in the transaction of the change; the command line, which
//! opens the databases itself, does it by the same function. The gauges of the inboxes are kept here too.

use std::sync::Arc;
use std::time::Duration;

use contracts::audit::{AuditRecorded, Party};
use contracts::grpc::messages::inboxes_server::{Inboxes as InboxesRpc, InboxesServer};
use contracts::grpc::messages::{
    Consumer, DeadLetter as LetterMessage, DeadLettersRequest, DeadLettersResponse,
    ListDeadLettersRequest, ListDeadLettersResponse, Position, StandingRequest, StandingResponse,
};
use database::{ConsumerStanding, Database, DeadLetter, DeadLetters, DeadLettersPage};
use messages::Deed;
use policies::Principal;
use service_kit::calls::actor_of;
use service_kit::paging::LIMIT_MAX;
use service_kit::{Error, Problem, Service};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use uuid::Uuid;

/// Who alone may ask.
const ASKER: &str = "messaging";
/// How much of messages an answer has, unless a single one is longer: below what a gRPC client takes.
const ANSWER_BYTES: usize = 1024 * 1024;
const MEASURE_EVERY: Duration = Duration::from_secs(15);

/// The in- and outboxes of a process. Clones are the same ones.
#[derive(Clone)]
pub struct Inboxes(Arc<Vec<Owner>>);

/// A service of this process.
struct Owner {
    service: &'static str,
    database: Database,
    /// What it has consumers for now.
    consumers: Vec<&'static str>,
}

/// Does it with one dead letter of a consumer, or with all of them, and puts it on record. How many there were.
pub async fn settle(
    database: &Database,
    deed: Deed,
    consumer: &str,
    message_id: Option<Uuid>,
    by: Party,
) -> database::Result<u64> {
    let tx = database.begin().await?;
    let (count, action) = match deed {
        Deed::Replay => (tx.replay_dead_letters(consumer, message_id).await?, "messages:replay"),
        Deed::Drop => (tx.drop_dead_letters(consumer, message_id).await?, "messages:drop"),
    };
    if count > 0 {
        let which = message_id.map_or_else(|| "*".to_owned(), |id| id.to_string());
        let record = AuditRecorded::done(by, action).on("DeadLetter", which);
        tx.publish(record.detail("name", consumer).detail("letters", count)).await?;
    }
    tx.commit().await?;
    Ok(count)
}

impl Inboxes {
    /// Those of these services, each with its database.
    pub fn new(databases: &[(&'static str, Database)], services: &[Service]) -> Self {
        let owners = databases.iter().map(|(service, database)| {
            let own = services.iter().filter(|found| found.name == *service);
            let consumers = own.flat_map(|found| found.consumers.iter().map(|c| c.name));
            Owner { service, database: database.clone(), consumers: consumers.collect() }
        });
        Self(Arc::new(owners.collect()))
    }

    /// The gRPC service.
    pub fn server(&self) -> InboxesServer<Self> {
        InboxesServer::new(self.clone())
    }

    /// Keeps the gauges until told to stop.
    pub async fn measure_forever(self, stopping: CancellationToken) {
        loop {
            for owner in self.0.iter() {
                if let Err(error) = owner.measure().await {
                    tracing::warn!(service = owner.service, %error, "measuring the inbox failed");
                }
            }
            let pause = tokio::time::sleep(MEASURE_EVERY);
            if stopping.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
    }

    /// Whose database is meant, if it may be asked.
    fn owner<T>(&self, request: &Request<T>, service: &str) -> Result<&Owner, Status> {
        match actor_of(request)?.principal() {
            Principal::Service(name) if name == ASKER => {}
            Principal::Anonymous => return Err(Status::unauthenticated("sign in first")),
            _ => return Err(Status::permission_denied("only `messaging` may ask for this")),
        }
        let found = self.0.iter().find(|owner| owner.service == service);
        found.ok_or_else(|| Status::not_found(format!("`{service}` does not run here")))
    }

    async fn settle(
        &self,
        request: Request<DeadLettersRequest>,
        deed: Deed,
    ) -> Result<Response<DeadLettersResponse>, Status> {
        let owner = self.owner(&request, &request.get_ref().service)?;
        let DeadLettersRequest { consumer, message_id, by, .. } = request.into_inner();
        let message_id = (!message_id.is_empty()).then(|| id(&message_id)).transpose()?;
        let by = serde_json::from_str(&by)
            .map_err(|_| Status::invalid_argument("`by` does not say on whose behalf"))?;
        let settled = settle(&owner.database, deed, &consumer, message_id, by).await;
        Ok(Response::new(DeadLettersResponse { count: settled.map_err(status)? }))
    }
}

impl Owner {
    /// How every consumer stands: also those that never had a message, and those that are no more and left some.
    async fn standing(&self) -> database::Result<Vec<ConsumerStanding>> {
        let mut all = self.database.inbox().standing().await?;
        for name in &self.consumers {
            if !all.iter().any(|found| found.name == *name) {
                let name = (*name).to_owned();
                all.push(ConsumerStanding { name, ..ConsumerStanding::default() });
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    async fn measure(&self) -> database::Result<()> {
        let outbox = self.database.outbox_standing().await?;
        metrics::gauge!("backline_outbox_waiting", "service" => self.service)
            .set(outbox.waiting as f64);
        for ConsumerStanding { name, waiting, dead_letters, .. } in self.standing().await? {
            let labels = [("service", self.service.to_owned()), ("consumer", name)];
            metrics::gauge!("backline_inbox_waiting", &labels).set(waiting as f64);
            metrics::gauge!("backline_inbox_dead_letters", &labels).set(dead_letters as f64);
        }
        Ok(())
    }
}

#[tonic::async_trait]
impl InboxesRpc for Inboxes {
    async fn standing(
        &self,
        request: Request<StandingRequest>,
    ) -> Result<Response<StandingResponse>, Status> {
        let owner = self.owner(&request, &request.get_ref().service)?;
        let outbox = owner.database.outbox_standing().await.map_err(status)?;
        let consumers = owner.standing().await.map_err(status)?;
        Ok(Response::new(StandingResponse {
            outbox_waiting: outbox.waiting,
            outbox_oldest_at: outbox.oldest_at,
            consumers: consumers.into_iter().map(consumer_message).collect(),
        }))
    }

    async fn list_dead_letters(
        &self,
        request: Request<ListDeadLettersRequest>,
    ) -> Result<Response<ListDeadLettersResponse>, Status> {
        let owner = self.owner(&request, &request.get_ref().service)?;
        let wanted = wanted(request.into_inner())?;
        let page = owner.database.inbox().dead_letters(&wanted).await.map_err(status)?;
        let DeadLettersPage { letters, has_more } = bounded(page);
        let letters = letters.into_iter().map(letter_message).collect();
        Ok(Response::new(ListDeadLettersResponse { letters, has_more }))
    }

    async fn replay_dead_letters(
        &self,
        request: Request<DeadLettersRequest>,
    ) -> Result<Response<DeadLettersResponse>, Status> {
        self.settle(request, Deed::Replay).await
    }

    async fn drop_dead_letters(
        &self,
        request: Request<DeadLettersRequest>,
    ) -> Result<Response<DeadLettersResponse>, Status> {
        self.settle(request, Deed::Drop).await
    }
}

fn wanted(request: ListDeadLettersRequest) -> Result<DeadLetters, Status> {
    let ListDeadLettersRequest { consumer, after, limit, .. } = request;
    let after = after.map(|Position { consumer, message_id }| Ok((consumer, id(&message_id)?)));
    Ok(DeadLetters {
        consumer: (!consumer.is_empty()).then_some(consumer),
        after: after.transpose().map_err(|status: Status| status)?,
        limit: limit.clamp(1, LIMIT_MAX),
    })
}

/// As many of the letters as an answer takes, at least one.
fn bounded(mut page: DeadLettersPage) -> DeadLettersPage {
    let mut bytes = 0;
    let fitting = page.letters.iter().take_while(|letter| {
        bytes += letter.envelope.len();
        bytes <= ANSWER_BYTES
    });
    let fitting = fitting.count().max(1);
    page.has_more |= fitting < page.letters.len();
    page.letters.truncate(fitting);
    page
}

fn id(text: &str) -> Result<Uuid, Status> {
    text.parse().map_err(|_| Status::invalid_argument("`message_id` is not an id"))
}

fn consumer_message(standing: ConsumerStanding) -> Consumer {
    let ConsumerStanding { name, waiting, retrying, dead_letters, oldest_at } = standing;
    Consumer { name, waiting, retrying, dead_letters, oldest_at }
}

fn letter_message(letter: DeadLetter) -> LetterMessage {
    let DeadLetter { consumer, envelope, error, attempts, received_at, tried_at, .. } = letter;
    let message_id = letter.message_id.to_string();
    LetterMessage { consumer, message_id, envelope, error, attempts, received_at, tried_at }
}

fn status(error: database::Error) -> Status {
    Problem::from(Error::from(error)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(length: usize) -> DeadLetter {
        DeadLetter {
            consumer: "test.consumer".into(),
            message_id: Uuid::now_v7(),
            subject: "one".into(),
            envelope: "x".repeat(length),
            error: "told so".into(),
            attempts: 12,
            received_at: 0,
            tried_at: 0,
        }
    }

    #[test]
    fn an_answer_has_as_many_letters_as_it_takes_and_at_least_one() {
        for (lengths, fitting, has_more) in [
            (vec![], 0, false),
            (vec![10, 20], 2, false),
            (vec![ANSWER_BYTES / 2, ANSWER_BYTES / 2, 1], 2, true),
            (vec![2 * ANSWER_BYTES, 1], 1, true),
            (vec![2 * ANSWER_BYTES], 1, false),
        ] {
            let letters = lengths.into_iter().map(letter).collect();
            let page = bounded(DeadLettersPage { letters, has_more: false });
            assert_eq!((page.letters.len(), page.has_more), (fitting, has_more));
        }
    }
}
