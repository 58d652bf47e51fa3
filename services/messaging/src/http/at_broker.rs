//! REST for what programs outside gave up, which the embedded broker keeps.

use std::sync::Arc;

use axum::extract::State;
use messages::{BrokerConsumer, BrokerName, Chosen, Deed};
use serde::Deserialize;
use service_kit::http::{Identity, Json, Query};
use service_kit::paging::{PageQuery, Paged};
use service_kit::{FieldErrors, Problem};

use super::views::{BrokerDeadLetterView, CountView};
use crate::Messaging;
use crate::domain::BrokerLetters;

/// Whose dead letters.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ConsumerQuery {
    /// The stream that the consumer receives from.
    #[param(max_length = 255, example = "backline_events")]
    stream: String,
    /// Its name on the broker.
    #[param(max_length = 255, example = "wiki")]
    consumer: String,
}

/// List what a program outside gave up at the embedded broker, in the order of the stream
#[utoipa::path(get, path = "/api/v1/admin/messages/broker/dead-letters",
    params(ConsumerQuery, PageQuery),
    responses((status = 200, body = Paged<BrokerDeadLetterView>),
        (status = 404, body = Problem, content_type = "application/problem+json",
            description = "There is no such consumer"),
        (status = 409, body = Problem, content_type = "application/problem+json",
            description = "What moves the messages keeps no dead letters")))]
pub(super) async fn list_broker_dead_letters(
    State(messaging): State<Arc<Messaging>>,
    Identity(actor): Identity,
    Query(ConsumerQuery { stream, consumer }): Query<ConsumerQuery>,
    Query(page_query): Query<PageQuery>,
) -> Result<Json<Paged<BrokerDeadLetterView>>, Problem> {
    let (consumer, page) = (parse(&stream, &consumer)?, page_query.page()?);
    let found = messaging.list_broker_dead_letters(&actor, &consumer, &page).await?;
    let sequence = |letter: &messages::DeadLetter| letter.sequence;
    Ok(Json(Paged::of(found.letters, found.has_more, sequence, BrokerDeadLetterView::from)))
}

/// Which dead letters are meant.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = BrokerDeadLetters)]
pub(super) struct BrokerLettersRequest {
    #[schema(max_length = 255, example = "backline_events")]
    stream: String,
    #[schema(max_length = 255, example = "wiki")]
    consumer: String,
    /// The message's number in the stream; all of the consumer, when it is absent.
    sequence: Option<u64>,
}

impl BrokerLettersRequest {
    fn parse(self) -> Result<BrokerLetters, FieldErrors> {
        let consumer = parse(&self.stream, &self.consumer)?;
        let chosen = self.sequence.map_or(Chosen::All, Chosen::Sequence);
        Ok(BrokerLetters { consumer, chosen })
    }
}

fn parse(stream: &str, consumer: &str) -> Result<BrokerConsumer, FieldErrors> {
    let mut errors = FieldErrors::new();
    let stream = errors.check("stream", BrokerName::parse(stream));
    let name = errors.check("consumer", BrokerName::parse(consumer));
    let both = stream.zip(name);
    errors.finish(both.map(|(stream, name)| BrokerConsumer { stream, name }))
}

/// Have dead letters of a program outside delivered anew
#[utoipa::path(post, path = "/api/v1/admin/messages/broker/dead-letters/replay",
    request_body = BrokerLettersRequest,
    responses((status = 200, body = CountView)))]
pub(super) async fn replay_broker_dead_letters(
    State(messaging): State<Arc<Messaging>>,
    Identity(actor): Identity,
    Json(request): Json<BrokerLettersRequest>,
) -> Result<Json<CountView>, Problem> {
    let count = messaging.settle_at_broker(&actor, Deed::Replay, &request.parse()?).await?;
    Ok(Json(CountView { count }))
}

/// Forget dead letters of a program outside for good
#[utoipa::path(post, path = "/api/v1/admin/messages/broker/dead-letters/drop",
    request_body = BrokerLettersRequest,
    responses((status = 200, body = CountView)))]
pub(super) async fn drop_broker_dead_letters(
    State(messaging): State<Arc<Messaging>>,
    Identity(actor): Identity,
    Json(request): Json<BrokerLettersRequest>,
) -> Result<Json<CountView>, Problem> {
    let count = messaging.settle_at_broker(&actor, Deed::Drop, &request.parse()?).await?;
    Ok(Json(CountView { count }))
}
