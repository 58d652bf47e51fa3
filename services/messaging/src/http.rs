//! REST: translates, decides nothing.

mod at_broker;
pub mod views;

use std::sync::Arc;

use axum::extract::State;
use messages::Deed;
use serde::Deserialize;
use service_kit::http::{Identity, Json, Query};
use service_kit::paging::{Page, PageQuery, Paged};
use service_kit::{Error as PlatformError, FieldErrors, Problem};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::Messaging;
use crate::domain::{DeadLetter, Hours, LetterFilter, Letters, Position, consumer, service};
use views::{CountView, DeadLetterView, LagView, LetterPageView, OverviewView, series};

/// The URLs of this service.
pub fn router(messaging: Arc<Messaging>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(overview)) //            /api/v1/admin/messages
        .routes(routes!(lag)) //                 /api/v1/admin/messages/lag
        .routes(routes!(list_dead_letters)) //   /api/v1/admin/messages/dead-letters
        .routes(routes!(replay_dead_letters)) // /api/v1/admin/messages/dead-letters/replay
        .routes(routes!(drop_dead_letters)) //   /api/v1/admin/messages/dead-letters/drop
        .routes(routes!(at_broker::list_broker_dead_letters)) // /api/v1/admin/messages/broker/dead-letters
        .routes(routes!(at_broker::replay_broker_dead_letters)) // /api/v1/admin/messages/broker/dead-letters/replay
        .routes(routes!(at_broker::drop_broker_dead_letters)) // /api/v1/admin/messages/broker/dead-letters/drop
        .with_state(messaging)
}

/// See how the messages of every service stand, and those of the broker
#[utoipa::path(get, path = "/api/v1/admin/messages",
    responses((status = 200, body = OverviewView)))]
async fn overview(
    State(messaging): State<Arc<Messaging>>,
    Identity(actor): Identity,
) -> Result<Json<OverviewView>, Problem> {
    Ok(Json(messaging.overview(&actor).await?.into()))
}

/// How far back.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct LagQuery {
    /// So many hours, the present one counted; 24 when absent.
    #[param(minimum = 1, maximum = 168)]
    hours: Option<i64>,
}

/// See how much waited for each consumer, hour by hour
#[utoipa::path(get, path = "/api/v1/admin/messages/lag", params(LagQuery),
    responses((status = 200, body = Paged<LagView>)))]
async fn lag(
    State(messaging): State<Arc<Messaging>>,
    Identity(actor): Identity,
    Query(query): Query<LagQuery>,
) -> Result<Json<Paged<LagView>>, Problem> {
    let hours = Hours::parse(query.hours).map_err(|why| FieldErrors::one("hours", why))?;
    Ok(Json(Paged::whole(series(messaging.lag(&actor, hours).await?))))
}

/// Which dead letters.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct LetterQuery {
    /// Only those of this service.
    service: Option<String>,
    /// Only those of this consumer.
    #[param(max_length = 200)]
    consumer: Option<String>,
}

impl LetterQuery {
    fn parse(self) -> Result<LetterFilter, FieldErrors> {
        let mut errors = FieldErrors::new();
        let service = errors.check_optional("service", self.service.as_deref().map(service));
        let consumer = errors.check_optional("consumer", self.consumer.as_deref().map(consumer));
        let all = service.zip(consumer);
        errors.finish(all.map(|(service, consumer)| LetterFilter { service, consumer }))
    }
}

/// A place in the list as it travels in a cursor.
type Cursor = (String, String, Uuid);

fn cursor(letter: &DeadLetter) -> Cursor {
    let Position { service, consumer, message_id } = letter.position();
    (service.to_owned(), consumer, message_id)
}

fn page(query: &PageQuery) -> Result<Page<Position>, PlatformError> {
    let Page { limit, after } = query.page::<Cursor>()?;
    Ok(Page { limit, after: after.map(position).transpose()? })
}

fn position((name, consumer, message_id): Cursor) -> Result<Position, PlatformError> {
    let foreign = |_| PlatformError::Malformed("`cursor` is not one this list has given".into());
    Ok(Position { service: service(&name).map_err(foreign)?, consumer, message_id })
}

/// List the messages that were given up, by service and consumer, of each the oldest first
#[utoipa::path(get, path = "/api/v1/admin/messages/dead-letters", params(LetterQuery, PageQuery),
    responses((status = 200, body = LetterPageView)))]
async fn list_dead_letters(
    State(messaging): State<Arc<Messaging>>,
    Identity(actor): Identity,
    Query(query): Query<LetterQuery>,
    Query(page_query): Query<PageQuery>,
) -> Result<Json<LetterPageView>, Problem> {
    let (filter, page) = (query.parse()?, page(&page_query)?);
    let found = messaging.list_dead_letters(&actor, &filter, &page).await?;
    let Paged { items, next_cursor } =
        Paged::of(found.letters, found.has_more, cursor, DeadLetterView::from);
    Ok(Json(LetterPageView { items, next_cursor, unreachable: found.unreachable }))
}

/// Which dead letters are meant.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = DeadLetters)]
struct LettersRequest {
    #[schema(example = "events")]
    service: String,
    #[schema(max_length = 200, example = "audit.record")]
    consumer: String,
    /// All of the consumer, when it is absent.
    message_id: Option<Uuid>,
}

impl LettersRequest {
    fn parse(self) -> Result<Letters, FieldErrors> {
        let mut errors = FieldErrors::new();
        let service = errors.check("service", service(&self.service));
        let consumer = errors.check("consumer", consumer(&self.consumer));
        let message_id = self.message_id;
        let all = service.zip(consumer);
        errors.finish(all.map(|(service, consumer)| Letters { service, consumer, message_id }))
    }
}

/// Give dead letters another round of tries
#[utoipa::path(post, path = "/api/v1/admin/messages/dead-letters/replay",
    request_body = LettersRequest, responses((status = 200, body = CountView)))]
async fn replay_dead_letters(
    State(messaging): State<Arc<Messaging>>,
    Identity(actor): Identity,
    Json(request): Json<LettersRequest>,
) -> Result<Json<CountView>, Problem> {
    let count = messaging.settle(&actor, Deed::Replay, request.parse()?).await?;
    Ok(Json(CountView { count }))
}

/// Forget dead letters for good
#[utoipa::path(post, path = "/api/v1/admin/messages/dead-letters/drop",
    request_body = LettersRequest, responses((status = 200, body = CountView)))]
async fn drop_dead_letters(
    State(messaging): State<Arc<Messaging>>,
    Identity(actor): Identity,
    Json(request): Json<LettersRequest>,
) -> Result<Json<CountView>, Problem> {
    let count = messaging.settle(&actor, Deed::Drop, request.parse()?).await?;
    Ok(Json(CountView { count }))
}
