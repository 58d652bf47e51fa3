//! A user signs in for a program, as a browser does: the authorization code flow of OpenID Connect.

use http::StatusCode;
use serde_json::json;

use super::load::form;
use crate::Result;
use crate::http_load::{Connection, request};
use crate::stage::{ORGANISER, PASSWORD, Stage, text};

const CALLBACK: &str = "http://127.0.0.1/callback";
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// An access token with which the organiser's user information can be asked for.
pub async fn user_token(stage: &Stage) -> Result<String> {
    let mut connection = stage.connect().await?;
    let id = register(&mut connection, &stage.admin).await?;
    let authorize = format!(
        "/oauth/authorize?response_type=code&client_id={id}&redirect_uri={CALLBACK}\
         &scope=openid%20profile%20email&code_challenge={CHALLENGE}&code_challenge_method=S256"
    );
    let code = sign_in(&mut connection, &authorize).await?;
    let exchange = format!(
        "grant_type=authorization_code&client_id={id}&redirect_uri={CALLBACK}\
         &code={code}&code_verifier={VERIFIER}"
    );
    let tokens = connection.send(&form("/oauth/token", &exchange)).await?;
    text(&tokens.expect(StatusCode::OK)?, "access_token")
}

/// A program of the house, which need not ask for consent; its id.
async fn register(connection: &mut Connection, admin: &str) -> Result<String> {
    let metadata = json!({
        "client_name": "Bench", "token_endpoint_auth_method": "none",
        "redirect_uris": [CALLBACK], "grant_types": ["authorization_code"],
        "scope": "openid profile email", "backline_first_party": true,
    });
    let answer = connection.post("/oauth/register", Some(admin), &metadata).await?;
    text(&answer.expect(StatusCode::CREATED)?, "client_id")
}

/// Sends the form of the sign-in page, goes where it is sent, and takes the code from there.
async fn sign_in(connection: &mut Connection, authorize: &str) -> Result<String> {
    let goes_on = authorize.replace('%', "%25").replace('&', "%26").replace('=', "%3D");
    let body = format!(
        "continue={goes_on}&email={}&password={}",
        ORGANISER.replace('@', "%40"),
        PASSWORD.replace(' ', "+")
    );
    let signed_in = connection.send(&form("/oauth/sign-in", &body)).await?;
    let cookie = signed_in.header("set-cookie")?.split(';').next().unwrap_or_default();
    let on = request("GET", signed_in.header("location")?, None, None);
    let on = [on.strip_suffix(b"\r\n").unwrap_or(&on), b"cookie: ", cookie.as_bytes()].concat();
    let back = connection.send(&[&on[..], b"\r\n\r\n"].concat()).await?;
    let address = back.header("location")?;
    let code = address.split(['?', '&']).find_map(|part| part.strip_prefix("code="));
    Ok(code.ok_or_else(|| format!("no code in {address}"))?.to_owned())
}
