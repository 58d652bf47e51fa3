//! `/api/v1/users/{id}/permissions/explanation`: why an account may do something, or may not.

use std::sync::Arc;

use axum::extract::State;
use contracts::ids::{CustomerId, UserId};
use contracts::permissions::PERMISSIONS;
use serde::{Deserialize, Serialize};
use service_kit::http::{Identity, Json, Path, Query};
use service_kit::{FieldErrors, Problem};

use crate::Users;
use crate::domain::explanation::{Explanation, Question, Source, SourceReach};
use crate::domain::{Grant, parse_customer};

/// What is asked.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ExplanationQuery {
    /// `resource:action`, one of `/api/v1/permissions`.
    #[param(example = "events:update")]
    permission: String,
    /// To what belongs to this customer; to whatever there is when absent.
    customer_id: Option<CustomerId>,
}

impl ExplanationQuery {
    fn parse(self) -> Result<Question, FieldErrors> {
        let mut errors = FieldErrors::new();
        let is_known = PERMISSIONS.iter().any(|(name, _)| *name == self.permission);
        let unknown = || format!("there is no permission `{}`", self.permission);
        let permission = errors.check("permission", is_known.then_some(()).ok_or_else(unknown));
        let customer = errors.check_optional("customerId", self.customer_id.map(parse_customer));
        let all = permission.zip(customer);
        errors.finish(all.map(|((), customer)| Question { permission: self.permission, customer }))
    }
}

/// How far a permission goes by one role as it is held.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PermissionReach)]
enum ReachView {
    /// To everything.
    Everywhere,
    /// To what belongs to the customer in which the role is held.
    Customer,
    /// To what is the account's own.
    Own,
    /// Nowhere, as the role is held in the wrong place for it.
    Nothing,
}

/// A role that lists the permission.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PermissionSource)]
struct SourceView {
    role: String,
    /// The customer in which it is held; everywhere when `null`.
    #[schema(required)]
    customer_id: Option<CustomerId>,
    /// As the role lists it.
    #[schema(example = "events:update:own")]
    listed: String,
    reach: ReachView,
    /// Whether it alone permits what was asked.
    is_enough: bool,
}

impl From<Source> for SourceView {
    fn from(source: Source) -> Self {
        let reach = match source.reach {
            SourceReach::Everywhere => ReachView::Everywhere,
            SourceReach::Customer(_) => ReachView::Customer,
            SourceReach::Own => ReachView::Own,
            SourceReach::Nothing => ReachView::Nothing,
        };
        Self {
            role: source.grant.role().to_string(),
            customer_id: source.grant.customer(),
            listed: source.listed.to_string(),
            reach,
            is_enough: source.is_enough,
        }
    }
}

/// A role that would permit it, and where it would have to be given.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PermissionRemedy)]
struct RemedyView {
    role: String,
    /// Everywhere when `null`.
    #[schema(required)]
    customer_id: Option<CustomerId>,
}

impl From<Grant> for RemedyView {
    fn from(grant: Grant) -> Self {
        Self { role: grant.role().to_string(), customer_id: grant.customer() }
    }
}

/// Why an account may do something, or may not, as far as its roles decide it.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PermissionExplanation)]
pub struct ExplanationView {
    user_id: UserId,
    permission: String,
    #[schema(required)]
    customer_id: Option<CustomerId>,
    /// A disabled account may do nothing.
    is_active: bool,
    is_permitted: bool,
    /// Whether it may do so to what is its own.
    is_permitted_for_own: bool,
    /// The account's roles that list the permission.
    sources: Vec<SourceView>,
    /// What would permit it, when nothing does.
    remedies: Vec<RemedyView>,
}

fn view(user_id: UserId, explanation: Explanation) -> ExplanationView {
    let Question { permission, customer } = explanation.question;
    ExplanationView {
        user_id,
        permission,
        customer_id: customer,
        is_active: explanation.is_active,
        is_permitted: explanation.is_permitted,
        is_permitted_for_own: explanation.is_permitted_for_own,
        sources: explanation.sources.into_iter().map(SourceView::from).collect(),
        remedies: explanation.remedies.into_iter().map(RemedyView::from).collect(),
    }
}

/// Why an account may do something, or may not
#[utoipa::path(get, path = "/api/v1/users/{id}/permissions/explanation",
    params(("id" = UserId, Path), ExplanationQuery),
    responses((status = 200, body = ExplanationView)))]
pub async fn explain_permission(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Path(id): Path<UserId>,
    Query(query): Query<ExplanationQuery>,
) -> Result<Json<ExplanationView>, Problem> {
    let explanation = users.explain_permission(&actor, id, query.parse()?).await?;
    Ok(Json(view(id, explanation)))
}
