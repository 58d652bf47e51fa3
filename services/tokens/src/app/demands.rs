//! Reads the parameter `claims` (OpenID Connect Core, section 5.5): a JSON object that asks for single claims and says
//! what a sign-in must be. What is not known here is left out, as the standard wants it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::domain::authorization::{AuthorizationRequest, Parameters, Refusal};
use crate::domain::client::Client;
use crate::domain::demands::{Assurance, Demands, SingleClaims, UserClaim};

/// Reads a request of a client to one of its addresses, with everything it asks for.
pub fn read_request(
    client: &Client,
    redirect_uri: &str,
    parameters: &Parameters,
) -> Result<AuthorizationRequest, Refusal> {
    let demands = match parameters.get("claims") {
        None => Demands::default(),
        Some(text) => read(text).ok_or(UNREADABLE)?,
    };
    AuthorizationRequest::parse(client, redirect_uri, parameters, demands)
}

const UNREADABLE: Refusal =
    Refusal::new("invalid_request", "`claims` must be a JSON object of objects");

fn read(text: &str) -> Option<Demands> {
    let document: Map<String, Value> = serde_json::from_str(text).ok()?;
    let (id_token, userinfo) = (place(&document, "id_token")?, place(&document, "userinfo")?);
    let claims = SingleClaims { id_token: names(&id_token), userinfo: names(&userinfo) };
    let subject = [&id_token, &userinfo].into_iter().find_map(|place| place.get("sub"));
    Some(Demands {
        claims,
        assurance: id_token.get("acr").and_then(demanded_assurance),
        subject: subject.and_then(|sub| sub.get("value")?.as_str()).map(str::to_owned),
    })
}

/// What is asked for in one place; `None` when it cannot be read.
fn place(document: &Map<String, Value>, name: &str) -> Option<Map<String, Value>> {
    match document.get(name) {
        None | Some(Value::Null) => Some(Map::new()),
        Some(Value::Object(members)) => {
            let is_readable = |value: &Value| value.is_null() || value.is_object();
            members.values().all(is_readable).then(|| members.clone())
        }
        Some(_) => None,
    }
}

fn names(place: &Map<String, Value>) -> BTreeSet<UserClaim> {
    place.keys().filter_map(|name| UserClaim::parse(name)).collect()
}

/// Only what is essential is a demand; a wish never fails (section 5.5.1.1). An essential `acr` without values is
/// fulfilled by any.
fn demanded_assurance(acr: &Value) -> Option<BTreeSet<Assurance>> {
    if acr.get("essential") != Some(&Value::Bool(true)) {
        return None;
    }
    let one = acr.get("value").into_iter();
    let several = acr.get("values").and_then(Value::as_array).into_iter().flatten();
    let mut values = one.chain(several).filter_map(Value::as_str).peekable();
    values.peek()?;
    Some(values.filter_map(Assurance::parse).collect())
}
