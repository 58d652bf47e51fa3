//! What keeps accounts safe, from the first letter to the second factor: once in one process, once split.

mod support;

use serde_json::json;
use support::client::PASSWORD;
use support::{Client, Cluster, eventually};
use testkit::{Answering, Authenticator};

stories!(
    an_address_is_confirmed_and_a_forgotten_password_replaced,
    a_second_factor_is_asked_for,
    a_passkey_or_a_link_signs_in_without_a_password,
);

const NEW_PASSWORD: &str = "another good secret";

/// The token in the latest letter to an address that has such a link.
async fn token(cluster: &Cluster, email: &str, page: &str, letters: usize) -> String {
    let link = format!("/{page}?token=");
    let text = eventually("a letter", || async {
        let found = cluster.letters_to(email);
        (found.len() == letters).then(|| found.concat())
    });
    let text = text.await;
    let (_, rest) = text.rsplit_once(&link).expect("a link");
    rest.split_whitespace().next().expect("a token").to_owned()
}

async fn post(client: &Client, path: &str, body: serde_json::Value) -> support::client::Answer {
    client.post(&format!("/api/v1/auth/{path}"), body).await
}

async fn an_address_is_confirmed_and_a_forgotten_password_replaced(cluster: &Cluster) {
    let client = cluster.client();
    let ada = client.new_member("ada@example.org").await;
    let link = token(cluster, "ada@example.org", "verify-email", 1).await;
    post(&client, "verify-email", json!({ "token": link })).await.expect(204);
    let me = ada.get("/api/v1/users/me").await.expect(200);
    assert_eq!(me.body["emailVerified"], true);

    for email in ["ada@example.org", "nobody@example.org"] {
        post(&client, "forgot-password", json!({ "email": email })).await.expect(202);
    }
    let link = token(cluster, "ada@example.org", "reset-password", 2).await;
    let reset = json!({ "token": link, "newPassword": NEW_PASSWORD });
    post(&client, "reset-password", reset.clone()).await.expect(204);
    post(&client, "reset-password", reset).await.expect_problem(403, "link_not_valid");
    let old = json!({ "email": "ada@example.org", "password": PASSWORD });
    post(&client, "login", old).await.expect_problem(401, "bad_credentials");
    let new = json!({ "email": "ada@example.org", "password": NEW_PASSWORD });
    post(&client, "login", new).await.expect(200);
    assert!(cluster.letters_to("nobody@example.org").is_empty());
}

async fn a_second_factor_is_asked_for(cluster: &Cluster) {
    let client = cluster.client();
    let ada = client.new_member("ada@example.org").await;
    let begun = ada.post("/api/v1/users/me/totp", json!({ "password": PASSWORD })).await;
    assert!(begun.expect(200).text("otpauthUri").starts_with("otpauth://totp/Backline:ada@"));
    let wrong = ada.post("/api/v1/users/me/totp/confirm", json!({ "code": "12345" })).await;
    wrong.expect_problem(422, "invalid_values");
    let security = ada.get("/api/v1/users/me/security").await.expect(200);
    assert_eq!(security.body["hasTotp"], false);
}

async fn a_passkey_or_a_link_signs_in_without_a_password(cluster: &Cluster) {
    let client = cluster.client();
    let ada = client.new_member("ada@example.org").await;
    let security = ada.get("/api/v1/users/me/security").await.expect(200);
    let origin = security.text("passkeyOrigin").to_owned();
    assert!(origin.starts_with("http://localhost:"), "{origin}");
    let good = Answering::at(&origin);
    let passkeys = "/api/v1/users/me/passkeys";

    let mut phone = Authenticator::new();
    let own = json!({ "password": PASSWORD });
    let begun = ada.post(&format!("{passkeys}/challenge"), own).await.expect(200);
    let made = phone.create(&begun.body["publicKey"], &good);
    let added = json!({ "name": "Phone", "credential": made });
    ada.post(passkeys, added).await.expect(201);

    let begun = post(&client, "passkey/challenge", json!({})).await.expect(200);
    let used = json!({ "credential": phone.get(&begun.body["publicKey"], &good) });
    let tokens = post(&client, "passkey", used.clone()).await.expect(200);
    let signed_in = client.with_token(tokens.text("accessToken"));
    let me = signed_in.get("/api/v1/users/me").await.expect(200);
    assert_eq!((me.text("email"), &me.body["emailVerified"]), ("ada@example.org", &json!(false)));
    post(&client, "passkey", used).await.expect_problem(401, "bad_passkey");

    post(&client, "email-link", json!({ "email": "ada@example.org" })).await.expect(202);
    let link = token(cluster, "ada@example.org", "sign-in-link", 3).await;
    let link = json!({ "token": link });
    let tokens = post(&client, "email-link/redeem", link.clone()).await.expect(200);
    let signed_in = client.with_token(tokens.text("accessToken"));
    let me = signed_in.get("/api/v1/users/me").await.expect(200);
    assert_eq!(me.body["emailVerified"], true);
    post(&client, "email-link/redeem", link).await.expect_problem(401, "link_not_valid");
}
