//! REST: translates, decides nothing. The file that an export is, is written below.

mod export;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use contracts::audit::{Object, Outcome, Party};
use contracts::ids::CustomerId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service_kit::http::{Identity, Json, Query};
use service_kit::paging::{Page, PageQuery, Paged};
use service_kit::{Error as PlatformError, FieldErrors, Problem};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::Audit;
use crate::domain::{ActionPrefix, ActorFilter, Entry, EntryFilter, Position, word};
use export::{ExportQuery, Format};

/// The URLs of this service.
pub fn router(audit: Arc<Audit>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_entries)) //   /api/v1/audit
        .routes(routes!(export_entries)) // /api/v1/audit/export
        .with_state(audit)
}

/// How it ended.
#[derive(utoipa::ToSchema)]
#[schema(as = AuditOutcome, rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the texts that the contract gives")]
enum OutcomeView {
    Done,
    Denied,
    Failed,
}

/// What kind of somebody acted.
#[derive(utoipa::ToSchema)]
#[schema(as = AuditActorKind, rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the texts that the contract gives")]
enum ActorKindView {
    User,
    Client,
    Service,
    Anonymous,
    Operator,
}

/// Who acted.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditActor)]
struct ActorView {
    #[schema(value_type = ActorKindView)]
    kind: &'static str,
    /// Which account or client, or the service's name.
    #[schema(required)]
    id: Option<String>,
    /// What it was called at that time.
    #[schema(required, example = "ada@example.org")]
    label: Option<String>,
}

/// What something was done to.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditObject)]
struct ObjectView {
    #[schema(example = "Account")]
    kind: String,
    /// Which one; `*` for several or all.
    id: String,
}

impl From<Object> for ObjectView {
    fn from(Object { kind, id }: Object) -> Self {
        Self { kind, id }
    }
}

/// An entry of the audit log.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditEntry)]
struct EntryView {
    id: Uuid,
    /// When; of several that were counted together, the last time.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Of several, the first time.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    first_at: Option<Timestamp>,
    #[schema(example = "users")]
    service: String,
    /// `resource:action`; of a denial, the permission that was needed.
    #[schema(example = "users:disable")]
    action: String,
    #[schema(value_type = OutcomeView)]
    outcome: &'static str,
    actor: ActorView,
    #[schema(required)]
    on: Option<ObjectView>,
    #[schema(required)]
    customer_id: Option<CustomerId>,
    /// Where the request came from.
    #[schema(required, example = "203.0.113.9")]
    address: Option<String>,
    /// The browser or program, as it names itself.
    #[schema(required)]
    agent: Option<String>,
    /// What else is known; of a denial, why: `why`, `needs`, `holds`, `forbiddenBy`.
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    details: Map<String, Value>,
    /// How often, when equal ones were counted together.
    count: i64,
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        let Party { kind, id, label, address, agent } = entry.by;
        Self {
            id: entry.id,
            at: entry.at,
            first_at: entry.first_at,
            service: entry.service,
            action: entry.action,
            outcome: entry.outcome.as_str(),
            actor: ActorView { kind: kind.as_str(), id, label },
            on: entry.on.map(ObjectView::from),
            customer_id: entry.customer_id,
            address: address.map(|address| address.to_string()),
            agent,
            // It is an object: that is what was stored.
            details: serde_json::from_str(entry.details.as_str()).unwrap_or_default(),
            count: entry.count,
        }
    }
}

/// Which entries.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct EntryQuery {
    /// The id of an account or a client, the name of a service, or an e-mail address.
    actor: Option<String>,
    /// How the action begins: `users:` has all that is done to accounts.
    #[param(max_length = 100)]
    action: Option<String>,
    /// `done`, `denied` or `failed`.
    #[param(value_type = Option<OutcomeView>)]
    outcome: Option<String>,
    /// Where it happened.
    service: Option<String>,
    /// The type of what it was done to: `Account`, `Event`.
    on_kind: Option<String>,
    /// Which one.
    on_id: Option<String>,
    customer_id: Option<CustomerId>,
    /// At this time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
}

impl EntryQuery {
    fn parse(self) -> Result<EntryFilter, FieldErrors> {
        let mut errors = FieldErrors::new();
        let actor = self.actor.as_deref().map(ActorFilter::parse);
        let action = self.action.as_deref().map(ActionPrefix::parse);
        let outcome = self.outcome.as_deref().map(Outcome::parse);
        let actor = errors.check_optional("actor", actor);
        let action = errors.check_optional("action", action);
        let outcome = errors.check_optional("outcome", outcome);
        let service = errors.check_optional("service", self.service.as_deref().map(word));
        let on_kind = errors.check_optional("onKind", self.on_kind.as_deref().map(word));
        let on_id = errors.check_optional("onId", self.on_id.as_deref().map(word));
        let (customer_id, from, to) = (self.customer_id, self.from, self.to);
        let all = || {
            Some(EntryFilter {
                actor: actor?,
                action: action?,
                outcome: outcome?,
                service: service?,
                on_kind: on_kind?,
                on_id: on_id?,
                customer_id,
                from,
                to,
            })
        };
        errors.finish(all())
    }
}

/// A place in the log as it travels in a cursor: milliseconds since the epoch, and the entry.
type Cursor = (i64, Uuid);

fn cursor(entry: &Entry) -> Cursor {
    (entry.at.as_millisecond(), entry.id)
}

fn page(query: &PageQuery) -> Result<Page<Position>, PlatformError> {
    let Page { limit, after } = query.page::<Cursor>()?;
    Ok(Page { limit, after: after.map(position).transpose()? })
}

fn position((milliseconds, id): Cursor) -> Result<Position, PlatformError> {
    let foreign = |_| PlatformError::Malformed("`cursor` is not one this list has given".into());
    let at = Timestamp::from_millisecond(milliseconds).map_err(foreign)?;
    Ok(Position { at, id })
}

/// Read the audit log, the latest first
#[utoipa::path(get, path = "/api/v1/audit", params(EntryQuery, PageQuery),
    responses((status = 200, body = Paged<EntryView>)))]
async fn list_entries(
    State(audit): State<Arc<Audit>>,
    Identity(actor): Identity,
    Query(query): Query<EntryQuery>,
    Query(page_query): Query<PageQuery>,
) -> Result<Json<Paged<EntryView>>, Problem> {
    let (filter, page) = (query.parse()?, page(&page_query)?);
    let rows = audit.list_entries(&actor, &filter, &page).await?;
    Ok(Json(Paged::new(rows, page.limit, cursor, EntryView::from)))
}

/// Export the audit log as a file, the latest first, at most 100,000 entries
#[utoipa::path(get, path = "/api/v1/audit/export", params(EntryQuery, ExportQuery),
    responses((status = 200, description = "The entries: CSV (RFC 4180), or a JSON document in each line",
        content((String = "text/csv"), (String = "application/jsonl")))))]
async fn export_entries(
    State(audit): State<Arc<Audit>>,
    Identity(actor): Identity,
    Query(query): Query<EntryQuery>,
    Query(export): Query<ExportQuery>,
) -> Result<Response, Problem> {
    let (filter, format): (EntryFilter, Format) = (query.parse()?, export.parse()?);
    let pages = audit.export_entries(&actor, filter, format.as_str()).await?;
    Ok(export::file(format, pages))
}
