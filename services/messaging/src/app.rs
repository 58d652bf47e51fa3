//! The use cases. REST and tests call these; each authorizes in its first line. What they know of other services'
//! databases they ask for, all services at once.

mod at_broker;

use std::time::Duration;

use contracts::SERVICES;
use contracts::audit::Party;
use contracts::grpc::messages::inboxes_client::InboxesClient;
use contracts::grpc::messages::{
    Consumer, DeadLetter as LetterMessage, DeadLettersRequest, ListDeadLettersRequest,
    Position as PositionMessage, StandingRequest, StandingResponse,
};
use futures::future::join_all;
use jiff::Timestamp;
use messages::{Deed, Report};
use policies::{Actor, Resource};
use service_kit::Channel;
use service_kit::Error as PlatformError;
use service_kit::paging::Page;
use tonic::{Response, Status};

use crate::Messaging;
use crate::domain::{
    ConsumerStanding, DeadLetter, Hours, LetterFilter, LetterPage, Letters, Part, Peak, Position,
    ServiceStanding, Standing,
};
use crate::error::{Error, Result};
use crate::store;

/// How long a look at a service or the broker may take: who is slower counts as away.
const LOOK_PATIENCE: Duration = Duration::from_secs(2);

/// How everything stands.
#[derive(Debug)]
pub struct Overview {
    pub services: Vec<ServiceStanding>,
    /// Nothing is known of a broker that is away.
    pub broker: Option<Report>,
}

impl Messaging {
    /// How the messages of every service stand, and those of the broker.
    pub async fn overview(&self, actor: &Actor) -> Result<Overview> {
        self.require(actor, "messages:read")?;
        let report = tokio::time::timeout(LOOK_PATIENCE, self.engine.report());
        let (services, report) = tokio::join!(self.standings(), report);
        Ok(Overview { services, broker: report.ok().and_then(Result::ok) })
    }

    /// The most that waited for each consumer in each of these hours, by consumer and time.
    pub async fn lag(&self, actor: &Actor, hours: Hours) -> Result<Vec<Peak>> {
        self.require(actor, "messages:read")?;
        store::list_peaks(self.database.read(), hours.before(self.clock.now())).await
    }

    /// A page of the dead letters of all services.
    pub async fn list_dead_letters(
        &self,
        actor: &Actor,
        filter: &LetterFilter,
        page: &Page<Position>,
    ) -> Result<LetterPage> {
        self.require(actor, "messages:read")?;
        let services = filter.services(page.after.as_ref());
        let parts = services.into_iter().map(|service| self.part(service, filter, page));
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        Ok(LetterPage::join(join_all(parts).await, limit))
    }

    /// Replays or drops; how many there were. It is put on record by the service whose dead letters they are, in the
    /// transaction of the change.
    pub async fn settle(&self, actor: &Actor, deed: Deed, letters: Letters) -> Result<u64> {
        self.require(actor, "messages:manage")?;
        let Letters { service, consumer, message_id } = letters;
        let by = serde_json::to_string(&Party::from(actor)).map_err(PlatformError::internal)?;
        let message_id = message_id.map(|id| id.to_string()).unwrap_or_default();
        let service_name = service.to_owned();
        let request = DeadLettersRequest { service: service_name, consumer, message_id, by };
        let request = self.calls.as_service("messaging", request);
        let mut inboxes = self.inboxes(service);
        let answer = match deed {
            Deed::Replay => inboxes.replay_dead_letters(request).await?,
            Deed::Drop => inboxes.drop_dead_letters(request).await?,
        };
        match answer.into_inner().count {
            0 => Err(Error::NoDeadLetter),
            count => Ok(count),
        }
    }

    /// How every service stands, in the order of the table.
    pub async fn standings(&self) -> Vec<ServiceStanding> {
        let looks = SERVICES.iter().map(|service| async {
            let request = StandingRequest { service: (*service).to_owned() };
            let request = self.calls.as_service("messaging", request);
            let answer = look(service, self.inboxes(service).standing(request)).await;
            ServiceStanding { service, standing: answer.map(standing) }
        });
        join_all(looks).await
    }

    async fn part(
        &self,
        service: &'static str,
        filter: &LetterFilter,
        page: &Page<Position>,
    ) -> Part {
        let after = page.after.as_ref().filter(|after| after.service == service);
        let request = ListDeadLettersRequest {
            service: service.to_owned(),
            consumer: filter.consumer.clone().unwrap_or_default(),
            after: after.map(|after| PositionMessage {
                consumer: after.consumer.clone(),
                message_id: after.message_id.to_string(),
            }),
            limit: page.limit,
        };
        let request = self.calls.as_service("messaging", request);
        match look(service, self.inboxes(service).list_dead_letters(request)).await {
            Some(answer) => {
                let letters = answer.letters.into_iter();
                let letters = letters.filter_map(|message| letter(service, message)).collect();
                Part { service, letters: Some(letters), has_more: answer.has_more }
            }
            None => Part { service, letters: None, has_more: false },
        }
    }

    fn inboxes(&self, service: &str) -> InboxesClient<Channel> {
        InboxesClient::new(self.calls.channel(service))
    }

    fn require(&self, actor: &Actor, action: &str) -> Result<()> {
        Ok(self.policies.require(actor, action, &Resource::any("Consumer"))?)
    }
}

/// The answer, if there is one in time.
async fn look<T>(
    service: &str,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Option<T> {
    match tokio::time::timeout(LOOK_PATIENCE, call).await {
        Ok(Ok(answer)) => Some(answer.into_inner()),
        Ok(Err(status)) => {
            tracing::warn!(service, reason = status.message(), "its messages cannot be looked at");
            None
        }
        Err(_) => {
            tracing::warn!(service, "it takes too long to say how its messages stand");
            None
        }
    }
}

fn standing(answer: StandingResponse) -> Standing {
    let consumers = answer.consumers.into_iter().map(|consumer| {
        let Consumer { name, waiting, retrying, dead_letters, oldest_at } = consumer;
        let oldest_at = oldest_at.and_then(time);
        ConsumerStanding { name, waiting, retrying, dead_letters, oldest_at }
    });
    Standing {
        outbox_waiting: answer.outbox_waiting,
        outbox_oldest_at: answer.outbox_oldest_at.and_then(time),
        consumers: consumers.collect(),
    }
}

/// What another version of the program says and this one cannot read is left out.
fn letter(service: &'static str, message: LetterMessage) -> Option<DeadLetter> {
    let LetterMessage { consumer, message_id, envelope, error, attempts, received_at, tried_at } =
        message;
    Some(DeadLetter {
        service,
        consumer,
        message_id: message_id.parse().ok()?,
        envelope,
        error,
        attempts,
        received_at: time(received_at)?,
        tried_at: time(tried_at)?,
    })
}

fn time(milliseconds: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(milliseconds).ok()
}
