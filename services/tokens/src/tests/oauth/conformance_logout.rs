//! The modules of the OpenID Foundation's test plan for RP-initiated log-out, under their names. That of back-channel
//! log-out is in `backchannel.rs`.

use http::Method;
use testkit::Answer;

use super::{Party, form, location};

const BYE: &str = "https://rp.example/bye";

/// A signed-in user, and what the client has.
struct Stage {
    party: Party,
    tokens: Answer,
}

impl Stage {
    async fn new() -> Self {
        let mut party = Party::new().await;
        let tokens = party.tokens().await;
        Self { party, tokens }
    }

    fn hint(&self) -> &str {
        self.tokens.text("id_token")
    }

    async fn logout(&self, pairs: &[(&str, &str)]) -> Answer {
        let path = format!("/oauth/logout?{}", form(pairs));
        self.party.send(Method::GET, &path, "", &[]).await
    }

    /// The user is asked, and says yes.
    async fn confirm(&self, pairs: &[(&str, &str)]) -> Answer {
        let page = self.logout(pairs).await.expect(200);
        assert!(page.body.as_str().expect("HTML").contains("Sign out?"));
        self.expect_signed_in(true).await;
        let mut pairs = pairs.to_vec();
        pairs.push(("confirm", "yes"));
        self.party.submit("/oauth/logout", &pairs).await
    }

    async fn expect_signed_in(&self, is_signed_in: bool) {
        let silent = self.party.authorize(&[("prompt", "none")]).await.expect(303);
        let code = super::query_of(location(&silent), "code");
        assert_eq!(code.is_some(), is_signed_in, "{}", location(&silent));
    }

    /// The user sees why, and stays signed in.
    async fn expect_refusal(&self, answer: Answer) {
        let page = answer.expect(400);
        assert!(!page.headers.contains_key("location"));
        self.expect_signed_in(true).await;
    }

    async fn expect_page_after_log_out(&self, answer: Answer) {
        let page = answer.expect(200);
        assert!(page.body.as_str().expect("HTML").contains("You are signed out"));
        self.expect_signed_in(false).await;
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout() {
    let stage = Stage::new().await;
    let pairs =
        [("id_token_hint", stage.hint()), ("post_logout_redirect_uri", BYE), ("state", "x y")];
    let back = stage.logout(&pairs).await.expect(303);
    assert_eq!(location(&back), format!("{BYE}?state=x+y"));
    stage.expect_signed_in(false).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_post_logout_redirect_uri() {
    let stage = Stage::new().await;
    let wrong = "https://evil.example/bye";
    let pairs = [("id_token_hint", stage.hint()), ("post_logout_redirect_uri", wrong)];
    stage.expect_refusal(stage.logout(&pairs).await).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    let stage = Stage::new().await;
    let wrong = format!("{BYE}?foo=bar");
    let pairs = [("id_token_hint", stage.hint()), ("post_logout_redirect_uri", &wrong)];
    stage.expect_refusal(stage.logout(&pairs).await).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_id_token_hint() {
    let stage = Stage::new().await;
    let pairs = [("id_token_hint", "not.a.token"), ("post_logout_redirect_uri", BYE)];
    stage.expect_refusal(stage.logout(&pairs).await).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_modified_id_token_hint() {
    let stage = Stage::new().await;
    let (signed, signature) = stage.hint().rsplit_once('.').expect("a signature");
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let modified = format!("{signed}.{first}{}", &signature[1..]);
    let pairs = [("id_token_hint", modified.as_str()), ("post_logout_redirect_uri", BYE)];
    stage.expect_refusal(stage.logout(&pairs).await).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_id_token_hint() {
    let stage = Stage::new().await;
    let pairs = [("post_logout_redirect_uri", BYE), ("state", "s")];
    // Whose address that is nobody says, so the browser is not sent there.
    let answer = stage.confirm(&pairs).await;
    stage.expect_page_after_log_out(answer).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_params() {
    let stage = Stage::new().await;
    let answer = stage.confirm(&[]).await;
    stage.expect_page_after_log_out(answer).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_post_logout_redirect_uri() {
    let stage = Stage::new().await;
    let answer = stage.logout(&[("id_token_hint", stage.hint()), ("state", "s")]).await;
    stage.expect_page_after_log_out(answer).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_state() {
    let stage = Stage::new().await;
    let pairs = [("id_token_hint", stage.hint()), ("post_logout_redirect_uri", BYE)];
    let back = stage.logout(&pairs).await.expect(303);
    assert_eq!(location(&back), BYE);
    stage.expect_signed_in(false).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_only_state() {
    let stage = Stage::new().await;
    let answer = stage.confirm(&[("state", "s")]).await;
    stage.expect_page_after_log_out(answer).await;
}
