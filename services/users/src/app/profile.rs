//! Profiles change by merge patch (RFC 7396), member by member.

use serde_json::{Map, Value};
use service_kit::FieldErrors;
use service_kit::http::{Patch, merge};

use crate::domain::Profile;
use crate::error::Result;

/// What changes about a profile; `null` empties it.
pub type ProfilePatch = Patch<Map<String, Value>>;

/// The profile after `patch`; `None` when it stays.
pub fn patched(profile: &Profile, patch: ProfilePatch) -> Result<Option<Profile>> {
    let patch = match patch {
        Patch::Absent => return Ok(None),
        Patch::Null => return Ok(Some(Profile::default())),
        Patch::Value(members) => Value::Object(members),
    };
    let mut merged =
        serde_json::from_str(profile.as_str()).map_err(service_kit::Error::internal)?;
    merge(&mut merged, patch);
    if has_nul(&merged) {
        let message = "must not contain the character U+0000";
        return Err(FieldErrors::one("profile", message).into());
    }
    let profile = Profile::parse(merged.to_string());
    Ok(Some(profile.map_err(|message| FieldErrors::one("profile", message))?))
}

/// PostgreSQL stores every character of JSON but this one.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => {
            members.iter().any(|(name, value)| name.contains('\0') || has_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
