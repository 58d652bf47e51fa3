//! What a client demands of a sign-in: how sure it is, and single claims (OpenID Connect Core, section 5.5).

use serde_json::json;
use testkit::Backend;

use super::{Party, claims, location, query_of, web_client};
use crate::tests::{CODE, USER_ID, node, node_on};

const ONE: &str = "urn:backline:one-factor";
const TWO: &str = "urn:backline:two-factors";

fn demand(values: &[&str]) -> String {
    json!({ "id_token": { "acr": { "essential": true, "values": values } } }).to_string()
}

#[track_caller]
fn error_of(answer: &testkit::Answer) -> Option<String> {
    query_of(location(answer), "error")
}

#[tokio::test]
async fn a_demand_for_two_factors_leads_to_the_second_one() {
    let mut party = Party::new().await;
    party.tokens().await;
    let two = demand(&[TWO]);
    let demand = [("claims", two.as_str())];
    // Signed in by the password alone: asked again, and with pages forbidden told so.
    let page = party.authorize(&demand).await.expect(200);
    assert!(page.body.as_str().expect("HTML").contains("Sign in"));
    let silent = party.authorize(&[demand[0], ("prompt", "none")]).await.expect(303);
    assert_eq!(error_of(&silent).as_deref(), Some("login_required"));
    party.second_factor = CODE;
    let back = party.sign_in(&demand).await.expect(303);
    let code = query_of(location(&back), "code").expect("a code");
    let id = claims(party.exchange(&code).await.expect(200).text("id_token"));
    assert_eq!((&id["acr"], &id["amr"]), (&json!(TWO), &json!(["pwd", "otp", "mfa"])));
    // From now on the session is enough.
    party.authorize(&[demand[0], ("prompt", "none")]).await.expect(303);
    let silent = party.authorize(&[demand[0], ("prompt", "none")]).await.expect(303);
    assert!(query_of(location(&silent), "code").is_some());
}

#[tokio::test]
async fn a_demand_that_is_not_met_is_told_to_the_client() {
    let mut party = Party::new().await;
    let unmet = Some("unmet_authentication_requirements");
    let two = demand(&[TWO]);
    let back = party.sign_in(&[("claims", &two)]).await.expect(303);
    assert_eq!(error_of(&back).as_deref(), unmet);
    assert_eq!(query_of(location(&back), "state").as_deref(), Some("s1"));
    assert_eq!(query_of(location(&back), "code"), None);
    // Nobody can do what nobody knows: the user is not even asked to sign in.
    let unknown = demand(&["urn:example:retina"]);
    party.cookie = None;
    let back = party.authorize(&[("claims", &unknown)]).await.expect(303);
    assert_eq!(error_of(&back).as_deref(), unmet);
}

#[tokio::test]
async fn two_factors_are_enough_where_one_is_demanded_and_any_of_several_will_do() {
    let mut party = Party::new().await;
    party.second_factor = CODE;
    party.tokens().await;
    for (demanded, acr) in [(demand(&[ONE]), ONE), (demand(&[ONE, TWO, "x"]), TWO)] {
        let back = party.authorize(&[("claims", &demanded)]).await.expect(303);
        let code = query_of(location(&back), "code").expect("a code");
        let tokens = party.exchange(&code).await.expect(200);
        assert_eq!(claims(tokens.text("id_token"))["acr"], acr);
    }
}

#[tokio::test]
async fn a_wish_never_fails() {
    let mut party = Party::new().await;
    party.tokens().await;
    let wish = json!({ "id_token": { "acr": { "values": [TWO] }, "auth_time": null } }).to_string();
    let any = json!({ "id_token": { "acr": { "essential": true } } }).to_string();
    for wish in [
        ("acr_values", TWO),
        ("acr_values", "x y"),
        ("claims", wish.as_str()),
        ("claims", any.as_str()),
    ] {
        let back = party.authorize(&[wish]).await.expect(303);
        assert!(query_of(location(&back), "code").is_some(), "{wish:?}");
    }
}

async fn single_claims_come_where_they_were_asked_for(backend: Backend) {
    let mut party = Party::on(node_on(backend).await, web_client()).await;
    let single = json!({
        "id_token": { "given_name": null, "phone_number": null },
        "userinfo": { "name": { "essential": true }, "email": null },
    });
    let single = single.to_string();
    let changes = [("scope", "openid offline_access"), ("claims", single.as_str())];
    let page = party.sign_in(&changes).await.expect(200);
    let page = page.body.as_str().expect("HTML");
    assert!(page.contains("See your name") && page.contains("See your e-mail address"), "{page}");
    let back = party.allow(&changes).await.expect(303);
    let code = query_of(location(&back), "code").expect("a code");
    let tokens = party.exchange(&code).await.expect(200);
    assert_eq!(tokens.text("scope"), "openid offline_access");
    let id = claims(tokens.text("id_token"));
    assert_eq!((&id["given_name"], id.get("name")), (&json!("Ada"), None));
    let expected = json!({ "sub": USER_ID, "name": "Ada Byron", "email": "ada@example.org" });
    assert_eq!(party.userinfo(tokens.text("access_token")).await.expect(200).body, expected);
    let fresh = party.refresh(tokens.text("refresh_token")).await.expect(200);
    assert_eq!(party.userinfo(fresh.text("access_token")).await.expect(200).body, expected);
    // It has been allowed, and is not asked again; more is.
    party.authorize(&changes).await.expect(303);
    let more = json!({ "userinfo": { "roles": null } }).to_string();
    party.authorize(&[("scope", "openid"), ("claims", &more)]).await.expect(200);
    party.node.stop().await;
}

#[tokio::test]
async fn single_claims_come_where_they_were_asked_for_on_sqlite() {
    single_claims_come_where_they_were_asked_for(Backend::Sqlite).await;
}

#[tokio::test]
async fn single_claims_come_where_they_were_asked_for_on_postgres() {
    single_claims_come_where_they_were_asked_for(Backend::Postgres).await;
}

#[tokio::test]
async fn a_client_gets_no_claim_that_its_scopes_do_not_cover() {
    let mut registration = web_client();
    registration["scope"] = json!("openid");
    let mut party = Party::on(node().await, registration).await;
    let greedy = json!({ "userinfo": { "email": { "essential": true } } }).to_string();
    let changes = [("scope", "openid"), ("claims", greedy.as_str())];
    party.sign_in(&changes).await.expect(200);
    let back = party.allow(&changes).await.expect(303);
    let code = query_of(location(&back), "code").expect("a code");
    let tokens = party.exchange(&code).await.expect(200);
    let info = party.userinfo(tokens.text("access_token")).await.expect(200);
    assert_eq!(info.body, json!({ "sub": USER_ID }));
}

#[tokio::test]
async fn a_demand_for_somebody_is_met_by_nobody_else() {
    let mut party = Party::new().await;
    party.tokens().await;
    let with = |sub: &str| json!({ "id_token": { "sub": { "value": sub } } }).to_string();
    let (own, other) = (with(USER_ID), with("0192f000-0000-7000-8000-00000000000f"));
    let back = party.authorize(&[("claims", &own), ("prompt", "none")]).await.expect(303);
    assert!(query_of(location(&back), "code").is_some());
    let back = party.authorize(&[("claims", &other), ("prompt", "none")]).await.expect(303);
    assert_eq!(error_of(&back).as_deref(), Some("login_required"));
}

#[tokio::test]
async fn claims_that_cannot_be_read_are_refused() {
    let party = Party::new().await;
    for wrong in ["x", "[]", "{", r#"{"userinfo":[]}"#, r#"{"id_token":{"acr":"x"}}"#] {
        let back = party.authorize(&[("claims", wrong)]).await.expect(303);
        assert_eq!(error_of(&back).as_deref(), Some("invalid_request"), "{wrong}");
    }
}
