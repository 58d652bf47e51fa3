//! `/api/v1/users/{id}/crew`: crew members.

use std::sync::Arc;

use axum::extract::State;
use contracts::ids::UserId;
use serde::Deserialize;
use service_kit::http::{Identity, IfMatch, Json, Path, Versioned};
use service_kit::{FieldErrors, Problem};

use super::{UserView, versioned};
use crate::Users;
use crate::domain::{Crew, parse_category, parse_phone, parse_skills};

/// What makes an account a crew member.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SaveCrew)]
pub struct SaveCrewRequest {
    #[schema(min_length = 1, max_length = 100, example = "stage")]
    category: String,
    /// In the order in which tariffs are looked for.
    #[serde(default)]
    #[schema(max_items = 50, example = json!(["rigging", "sound"]))]
    skills: Vec<String>,
    #[schema(min_length = 1, max_length = 40)]
    phone: Option<String>,
    /// Whether the member takes bookings.
    #[serde(default = "is_active_by_default")]
    is_active: bool,
}

fn is_active_by_default() -> bool {
    true
}

impl SaveCrewRequest {
    fn parse(self) -> Result<Crew, FieldErrors> {
        let mut errors = FieldErrors::new();
        let category = errors.check("category", parse_category(&self.category));
        let skills = errors.check("skills", parse_skills(&self.skills));
        let phone = errors.check_optional("phone", self.phone.as_deref().map(parse_phone));
        let is_active = self.is_active;
        let all = category.zip(skills).zip(phone);
        errors.finish(all.map(|((category, skills), phone)| Crew {
            category,
            skills,
            phone,
            is_active,
        }))
    }
}

/// Make an account a crew member, or change what it is as one
#[utoipa::path(put, path = "/api/v1/users/{id}/crew", params(("id" = UserId, Path)),
    request_body = SaveCrewRequest, responses((status = 200, body = UserView)))]
pub async fn save_crew(
    State(users): State<Arc<Users>>,
    Identity(actor): Identity,
    Path(id): Path<UserId>,
    if_match: IfMatch,
    Json(request): Json<SaveCrewRequest>,
) -> Result<Versioned<UserView>, Problem> {
    Ok(versioned(users.save_crew(&actor, id, if_match, request.parse()?).await?))
}
