//! Other programs sign users in: a relying party made of the crate `openidconnect`, which knows nothing of Backline
//! but its address. Once in one process, once split.

mod support;

use std::convert::Infallible;
use std::time::{Duration, Instant};

use http::{Request, Response, header};
use identity::{KeyPair, ProofMaker, SigningAlgorithm};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, RedirectUrl, Scope, TokenResponse,
};
use serde_json::{Value, json};
use support::client::{Client, PASSWORD};
use support::{Cluster, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

stories!(
    a_relying_party_signs_a_user_in,
    c14_what_a_program_has_ends_everywhere_within_a_second,
    a_service_account_is_held_to_its_list,
    a_bound_token_opens_every_service_with_its_proof_only,
    a_program_is_told_of_a_log_out_also_after_a_crash,
);

const CALLBACK: &str = "https://wiki.example.org/callback";

async fn a_relying_party_signs_a_user_in(cluster: &Cluster) {
    let client = cluster.client();
    let registered = register(cluster, program("openid profile email offline_access")).await;
    let user_id = client.sign_up("reader@example.org").await;

    let http = |request: Request<Vec<u8>>| {
        let client = client.clone();
        async move { Ok::<_, Infallible>(client.raw(request).await) }
    };
    let issuer = IssuerUrl::new(client.base().to_owned()).expect("an issuer");
    let provider = CoreProviderMetadata::discover_async(issuer, &http).await.expect("discovered");
    let id = ClientId::new(registered["client_id"].as_str().expect("an id").to_owned());
    let secret = ClientSecret::new(registered["client_secret"].as_str().expect("text").to_owned());
    let party = CoreClient::from_provider_metadata(provider, id, Some(secret))
        .set_redirect_uri(RedirectUrl::new(CALLBACK.into()).expect("an address"));

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = CoreAuthenticationFlow::AuthorizationCode;
    let (url, state, nonce) = party
        .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(["profile", "email", "offline_access"].map(|s| Scope::new(s.into())))
        .set_pkce_challenge(challenge)
        .url();
    let back = walk(&client, url.as_str(), "reader@example.org").await;
    assert_eq!(query_of(&back, "state").as_deref(), Some(state.secret().as_str()));
    assert_eq!(query_of(&back, "iss").as_deref(), Some(client.base()));

    let code = AuthorizationCode::new(query_of(&back, "code").expect("a code"));
    let tokens = party.exchange_code(code).expect("an endpoint").set_pkce_verifier(verifier);
    let tokens = tokens.request_async(&http).await.expect("tokens");
    let id_token = tokens.id_token().expect("an ID token");
    let verifier = party.id_token_verifier();
    let claims = id_token.claims(&verifier, &nonce).expect("good claims");
    assert_eq!(claims.subject().as_str(), user_id);
    let hash = AccessTokenHash::from_token(
        tokens.access_token(),
        id_token.signing_alg().expect("an algorithm"),
        id_token.signing_key(&verifier).expect("a key"),
    );
    assert_eq!(claims.access_token_hash(), Some(&hash.expect("a hash")));

    let info = party.user_info(tokens.access_token().clone(), Some(claims.subject().clone()));
    let info: CoreUserInfoClaims =
        info.expect("an endpoint").request_async(&http).await.expect("claims");
    assert_eq!(info.email().map(|email| email.as_str()), Some("reader@example.org"));
    let refresh_token = tokens.refresh_token().expect("a refresh token");
    let fresh = party.exchange_refresh_token(refresh_token).expect("an endpoint");
    let fresh = fresh.request_async(&http).await.expect("fresh tokens");
    assert_ne!(fresh.access_token().secret(), tokens.access_token().secret());
}

async fn c14_what_a_program_has_ends_everywhere_within_a_second(cluster: &Cluster) {
    let client = cluster.client();
    let member = client.new_member("leaver@example.org").await;
    let mut registration = program("openid api");
    registration["token_endpoint_auth_method"] = json!("none");
    let registered = register(cluster, registration).await;
    let id = registered["client_id"].as_str().expect("an id");
    let form = code_form(&client, id, "leaver@example.org").await;
    let tokens = json_of(&client.raw(post("/oauth/token", &form)).await);
    let program = client.with_token(tokens["access_token"].as_str().expect("a token"));
    // The API of several services, each perhaps in a process of its own.
    let everywhere = ["/api/v1/tickets", "/api/v1/auth/sessions", "/api/v1/users/me"];
    for path in everywhere {
        program.get(path).await.expect(200);
    }
    member.delete(&format!("/api/v1/auth/consents/{id}")).await.expect(204);
    let ended = Instant::now();
    for path in everywhere {
        eventually("the end of the program's token", || async {
            (program.get(path).await.status == 401).then_some(())
        })
        .await;
    }
    assert!(ended.elapsed().as_secs_f64() < 1.0, "{:?}", ended.elapsed());
    member.get("/api/v1/tickets").await.expect(200);
}

async fn a_service_account_is_held_to_its_list(cluster: &Cluster) {
    let client = cluster.client();
    let registration = json!({
        "client_name": "Till", "grant_types": ["client_credentials"],
        "backline_permissions": ["users:list", "users:read"],
    });
    let registered = register(cluster, registration).await;
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        registered["client_id"].as_str().expect("an id"),
        registered["client_secret"].as_str().expect("a secret"),
    );
    let answer = client.raw(post("/oauth/token", &form)).await;
    let till = client.with_token(json_of(&answer)["access_token"].as_str().expect("a token"));
    till.get("/api/v1/users?limit=1").await.expect(200);
    till.post("/api/v1/roles", json!({ "name": "x", "permissions": ["events:read"] }))
        .await
        .expect_problem(403, "not_permitted");
    let customer = json!({
        "name": "Harbour Nights", "orgNumber": "556677-9911", "address": "Pier 1",
        "email": "office@example.org", "phone": "+46 8 123", "customerType": "organiser",
    });
    let refused = till.post("/api/v1/customers", customer).await;
    assert!([401, 403].contains(&refused.status.as_u16()), "{}", refused.status);
}

async fn a_bound_token_opens_every_service_with_its_proof_only(cluster: &Cluster) {
    let client = cluster.client();
    client.new_member("holder@example.org").await;
    let mut registration = program("openid api");
    registration["token_endpoint_auth_method"] = json!("none");
    registration["dpop_bound_access_tokens"] = json!(true);
    let registered = register(cluster, registration).await;
    let id = registered["client_id"].as_str().expect("an id");
    let key = KeyPair::generate(SigningAlgorithm::Es256).expect("a key");
    let maker = ProofMaker::new(key, stdx::Clock::system());
    let at = |path: &str| format!("{}{path}", client.base());

    let proof = maker.make("POST", &at("/oauth/token"), None);
    let exchange = code_form(&client, id, "holder@example.org").await;
    let mut request = post("/oauth/token", &exchange);
    request.headers_mut().insert("dpop", proof.parse().expect("a header"));
    let tokens = json_of(&client.raw(request).await);
    assert_eq!(tokens["token_type"], "DPoP", "{tokens}");
    let token = tokens["access_token"].as_str().expect("a token");

    let show = async |path: &str, proof: &str| {
        let request = Request::get(path).header(header::AUTHORIZATION, format!("DPoP {token}"));
        let request = request.header("dpop", proof).body(vec![]).expect("a request");
        client.raw(request).await.status().as_u16()
    };
    for path in ["/api/v1/tickets", "/api/v1/auth/sessions", "/api/v1/users/me"] {
        let proof = maker.make("GET", &at(path), Some(token));
        assert_eq!(show(path, &proof).await, 200, "{path}");
        assert_eq!(show(path, &proof).await, 401, "{path}: a proof is good once");
        client.with_token(token).get(path).await.expect_problem(401, "token_unproved");
    }
    // At the port of a service itself nobody vouches for it.
    let inside = support::Client::new(&cluster.address_of("events")).with_token(token);
    let refused = inside.get("/api/v1/tickets").await.expect(401);
    assert_eq!(refused.text("code"), "token_unproved");
}

async fn a_program_is_told_of_a_log_out_also_after_a_crash(cluster: &Cluster) {
    let client = cluster.client();
    let member = client.new_member("goodbye@example.org").await;
    // A port at which nobody listens yet.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let mut registration = program("openid");
    registration["token_endpoint_auth_method"] = json!("none");
    registration["backchannel_logout_uri"] = json!(format!("http://{address}/bcl"));
    let registered = register(cluster, registration).await;
    let id = registered["client_id"].as_str().expect("an id");
    let exchange = code_form(&client, id, "goodbye@example.org").await;
    let tokens = json_of(&client.raw(post("/oauth/token", &exchange)).await);
    assert!(tokens["id_token"].is_string(), "{tokens}");
    member.delete(&format!("/api/v1/auth/consents/{id}")).await.expect(204);
    cluster.kill("tokens");
    let listener = tokio::net::TcpListener::bind(address).await.expect("the same port");
    cluster.restart("tokens");
    cluster.wait_until_ready().await;
    let told = tokio::time::timeout(Duration::from_secs(30), receive(&listener)).await;
    let told = told.expect("in time");
    assert!(told.starts_with("POST /bcl HTTP/1.1\r\n"), "{told}");
    assert!(told.contains("logout_token=ey"), "{told}");
}

/// The first request that comes, which is answered with 200.
async fn receive(listener: &tokio::net::TcpListener) -> String {
    let (mut stream, _) = listener.accept().await.expect("a connection");
    let mut heard = vec![];
    while !String::from_utf8_lossy(&heard).contains("logout_token=") {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await.expect("bytes");
        assert!(count > 0, "{}", String::from_utf8_lossy(&heard));
        heard.extend_from_slice(&piece[..count]);
    }
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(answer).await.expect("answered");
    String::from_utf8_lossy(&heard).into_owned()
}

/// The form that exchanges the code of a user who has just signed in for a public program.
async fn code_form(client: &Client, id: &str, email: &str) -> String {
    let verifier = "v".repeat(43);
    let challenge = stdx::secret::digest(&verifier);
    let url = format!(
        "/oauth/authorize?response_type=code&client_id={id}&redirect_uri={CALLBACK}\
         &scope=openid%20api&code_challenge={challenge}&code_challenge_method=S256"
    );
    let back = walk(client, &url, email).await;
    let code = query_of(&back, "code").expect("a code");
    format!(
        "grant_type=authorization_code&client_id={id}&redirect_uri={CALLBACK}\
         &code={code}&code_verifier={verifier}"
    )
}

fn program(scope: &str) -> Value {
    json!({
        "client_name": "Wiki", "redirect_uris": [CALLBACK], "scope": scope,
        "grant_types": ["authorization_code", "refresh_token"],
    })
}

async fn register(cluster: &Cluster, registration: Value) -> Value {
    let admin = cluster.administrator().await;
    admin.post("/oauth/register", registration).await.expect(201).body
}

/// What a user does in a browser: sign in, allow. The address the browser is sent to in the end.
async fn walk(client: &Client, url: &str, email: &str) -> String {
    let goes_on = url.strip_prefix(client.base()).unwrap_or(url);
    let page = client.raw(get(goes_on, None)).await;
    assert_eq!(page.status(), 200);
    let form = form(&[("continue", goes_on), ("email", email), ("password", PASSWORD)]);
    let signed_in = client.raw(post("/oauth/sign-in", &form)).await;
    assert_eq!(signed_in.status(), 303, "{}", String::from_utf8_lossy(signed_in.body()));
    let cookie = signed_in.headers()[header::SET_COOKIE].to_str().expect("text");
    let cookie = cookie.split(';').next().expect("a cookie").to_owned();
    let consent = client.raw(get(location(&signed_in), Some(&cookie))).await;
    assert_eq!(consent.status(), 200);
    let allow = self::form(&[("continue", location(&signed_in)), ("decision", "allow")]);
    let mut allow = post("/oauth/consent", &allow);
    allow.headers_mut().insert(header::COOKIE, cookie.parse().expect("a header"));
    let back = client.raw(allow).await;
    assert_eq!(back.status(), 303);
    location(&back).to_owned()
}

fn get(path: &str, cookie: Option<&str>) -> Request<Vec<u8>> {
    let request = Request::get(path).header(header::COOKIE, cookie.unwrap_or_default());
    request.body(vec![]).expect("a request")
}

fn post(path: &str, form: &str) -> Request<Vec<u8>> {
    let kind = "application/x-www-form-urlencoded";
    let request = Request::post(path).header(header::CONTENT_TYPE, kind);
    request.body(form.into()).expect("a request")
}

fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn location(answer: &Response<Vec<u8>>) -> &str {
    answer.headers()[header::LOCATION].to_str().expect("text")
}

fn query_of(address: &str, name: &str) -> Option<String> {
    let (_, query) = address.split_once('?')?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

fn json_of(answer: &Response<Vec<u8>>) -> Value {
    serde_json::from_slice(answer.body()).expect("JSON")
}
