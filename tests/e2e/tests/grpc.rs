//! Programs outside sign in over gRPC, at a port of its own: once in one process, once split.

mod support;

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use contracts::grpc::idm::auth_client::AuthClient;
use contracts::grpc::idm::{
    LoginRequest, LoginResponse, LogoutRequest, RegisterRequest, VerifyRequest, VerifyResponse,
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use support::client::PASSWORD;
use support::{Cluster, Topology, eventually};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_types::StatusExt;

stories!(
    a_program_signs_somebody_up_in_and_out,
    a_second_factor_is_asked_for,
    guessing_passwords_is_counted_with_the_tries_over_rest,
    health_and_reflection_answer,
);

const EMAIL: &str = "ada@example.org";

async fn channel(cluster: &Cluster) -> Channel {
    let endpoint = Endpoint::from_shared(cluster.grpc_address()).expect("an address");
    endpoint.connect().await.expect("connected")
}

fn account(email: &str, password: &str) -> RegisterRequest {
    RegisterRequest {
        email: email.into(),
        password: password.into(),
        first_name: "Ada".into(),
        last_name: "Byron".into(),
        customer_id: String::new(),
    }
}

fn login(password: &str, second_factor: &str) -> LoginRequest {
    let (password, second_factor) = (password.into(), second_factor.into());
    LoginRequest { email: EMAIL.into(), password, second_factor }
}

fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {token}").parse().expect("a header value");
    request.metadata_mut().insert("authorization", value);
    request
}

/// The code of a refusal, as REST has it, which the details say in capitals.
#[track_caller]
fn refusal<T: std::fmt::Debug>(outcome: Result<T, Status>, code: Code, reason: &str) -> Status {
    let status = outcome.expect_err("a refusal");
    assert_eq!(status.code(), code, "{status:?}");
    assert_eq!(status.metadata().get("backline-code").expect("a code"), reason);
    let info = status.get_details_error_info().expect("a reason");
    assert_eq!(info.reason, reason.to_uppercase());
    status
}

async fn verify(auth: &mut AuthClient<Channel>, token: &str) -> VerifyResponse {
    let request = VerifyRequest { access_token: token.into() };
    auth.verify(request).await.expect("an answer").into_inner()
}

async fn a_program_signs_somebody_up_in_and_out(cluster: &Cluster) {
    let mut auth = AuthClient::new(channel(cluster).await);
    let weak = auth.register(account(EMAIL, "short")).await;
    let weak = refusal(weak, Code::InvalidArgument, "invalid_values");
    let wrong = weak.get_details_bad_request().expect("fields").field_violations;
    assert_eq!(wrong[0].field, "password");
    let made = auth.register(account(EMAIL, PASSWORD)).await.expect("an account").into_inner();
    let user = made.user.expect("an account");
    assert_eq!((user.email.as_str(), user.email_verified), (EMAIL, false));
    let again = auth.register(account(EMAIL, PASSWORD)).await;
    refusal(again, Code::AlreadyExists, "email_taken");

    let wrong = auth.login(login("another good secret", "")).await;
    refusal(wrong, Code::Unauthenticated, "bad_credentials");
    let tokens: LoginResponse =
        auth.login(login(PASSWORD, "")).await.expect("signed in").into_inner();
    assert_eq!((tokens.expires_in, tokens.token_type.as_str()), (900, "Bearer"));
    let client = cluster.client().with_token(&tokens.access_token);
    assert_eq!(client.get("/api/v1/users/me").await.expect(200).text("id"), user.id);
    let refresh = json!({ "refreshToken": tokens.refresh_token });
    cluster.client().post("/api/v1/auth/refresh", refresh).await.expect(200);

    let said = verify(&mut auth, &tokens.access_token).await;
    assert_eq!((said.is_valid, said.user_id.as_str()), (true, user.id.as_str()));
    let same = auth.verify(with_token(VerifyRequest::default(), &tokens.access_token)).await;
    assert_eq!(same.expect("an answer").into_inner(), said);
    let nonsense = verify(&mut auth, "no\ntoken").await;
    assert_eq!((nonsense.is_valid, nonsense.reason.as_str()), (false, "INVALID"));

    let nobody = auth.logout(LogoutRequest {}).await;
    refusal(nobody, Code::Unauthenticated, "unauthenticated");
    auth.logout(with_token(LogoutRequest {}, &tokens.access_token)).await.expect("signed out");
    let signed_out = Instant::now();
    assert_eq!(verify(&mut auth, &tokens.access_token).await.reason, "REVOKED");
    eventually("the end of the session", || async {
        let answer = client.get("/api/v1/users/me").await;
        (answer.status == 401).then_some(answer)
    })
    .await
    .expect_problem(401, "token_revoked");
    assert!(signed_out.elapsed() < Duration::from_secs(1), "{:?}", signed_out.elapsed());
    let again = auth.logout(with_token(LogoutRequest {}, &tokens.access_token)).await;
    refusal(again, Code::Unauthenticated, "token_revoked");
}

/// The code that an authenticator shows now (RFC 6238).
fn code_of(secret: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut key = vec![];
    let (mut bits, mut count) = (0u32, 0);
    for c in secret.bytes() {
        let value = ALPHABET.iter().position(|known| *known == c).expect("base32");
        (bits, count) = (bits << 5 | u32::try_from(value).expect("small"), count + 5);
        if count >= 8 {
            count -= 8;
            key.push((bits >> count & 0xff) as u8);
        }
    }
    let step = testkit::now().as_second() / 30;
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&key).expect("any length");
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 0xf);
    let number = u32::from_be_bytes(digest[at..at + 4].try_into().expect("four bytes"));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

async fn a_second_factor_is_asked_for(cluster: &Cluster) {
    let ada = cluster.client().new_member(EMAIL).await;
    let begun = ada.post("/api/v1/users/me/totp", json!({ "password": PASSWORD })).await;
    let code = code_of(begun.expect(200).text("secret"));
    let confirmed = ada.post("/api/v1/users/me/totp/confirm", json!({ "code": code })).await;
    let recovery = confirmed.expect(200).body["recoveryCodes"][0].clone();
    let recovery = recovery.as_str().expect("a code");

    let mut auth = AuthClient::new(channel(cluster).await);
    let asked = auth.login(login(PASSWORD, "")).await;
    refusal(asked, Code::Unauthenticated, "second_factor_required");
    let wrong = auth.login(login(PASSWORD, "AAAA-BBBB-CCCC-DDDD")).await;
    refusal(wrong, Code::Unauthenticated, "bad_second_factor");
    let tokens = auth.login(login(PASSWORD, recovery)).await.expect("signed in").into_inner();
    assert!(verify(&mut auth, &tokens.access_token).await.is_valid);
}

async fn guessing_passwords_is_counted_with_the_tries_over_rest(cluster: &Cluster) {
    let client = cluster.client();
    client.new_member(EMAIL).await;
    let mut auth = AuthClient::new(channel(cluster).await);
    let mut refused = None;
    for _ in 0..20 {
        let guess = auth.login(login("a wrong password", "")).await;
        let status = guess.expect_err("wrong");
        if status.code() == Code::ResourceExhausted {
            refused = Some(status);
            break;
        }
        refusal::<()>(Err(status), Code::Unauthenticated, "bad_credentials");
    }
    let refused = refused.expect("guessing ends");
    assert!(refused.get_details_retry_info().expect("a wait").retry_delay.is_some());
    refusal::<()>(Err(refused), Code::ResourceExhausted, "too_many_attempts");
    // It is the same address that both doors have seen.
    let login = json!({ "email": EMAIL, "password": PASSWORD });
    let answer = client.post("/api/v1/auth/login", login).await;
    answer.expect_problem(429, "too_many_attempts");
}

async fn health_and_reflection_answer(cluster: &Cluster) {
    let channel = channel(cluster).await;
    for service in ["", "backline.idm.v1.Auth"] {
        eventually("health", || async {
            let request = HealthCheckRequest { service: service.into() };
            let answer = HealthClient::new(channel.clone()).check(request).await;
            (answer.expect("an answer").into_inner().status() == ServingStatus::Serving)
                .then_some(())
        })
        .await;
    }
    let ask = |message_request| {
        let request =
            ServerReflectionRequest { host: String::new(), message_request: Some(message_request) };
        let mut client = ServerReflectionClient::new(channel.clone());
        async move {
            let asked = client.server_reflection_info(futures::stream::iter([request])).await;
            let answer = asked.expect("a stream").into_inner().message().await;
            answer.expect("a message").expect("an answer").message_response.expect("something")
        }
    };
    let MessageResponse::ListServicesResponse(list) =
        ask(MessageRequest::ListServices(String::new())).await
    else {
        panic!("not a list of services");
    };
    let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    names.retain(|name| !name.starts_with("grpc.reflection."));
    names.sort();
    // What services ask of each other is nobody else's to know.
    assert_eq!(names, ["backline.idm.v1.Auth", "grpc.health.v1.Health"]);
    let symbol = MessageRequest::FileContainingSymbol("backline.idm.v1.Auth".into());
    let MessageResponse::FileDescriptorResponse(file) = ask(symbol).await else {
        panic!("not a description");
    };
    assert!(!file.file_descriptor_proto.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_ins_over_grpc_are_limited_by_address_split() {
    let settings = [
        ("BACKLINE_GATEWAY__RATE_LIMIT__ENABLED", "true"),
        ("BACKLINE_GATEWAY__RATE_LIMIT__SIGN_INS_PER_SECOND", "1"),
        ("BACKLINE_GATEWAY__RATE_LIMIT__SIGN_INS_BURST", "2"),
    ];
    let cluster = Cluster::start_with(Topology::Split, &settings).await;
    let mut auth = AuthClient::new(channel(&cluster).await);
    for _ in 0..2 {
        let unknown = auth.login(login(PASSWORD, "")).await;
        refusal(unknown, Code::Unauthenticated, "bad_credentials");
    }
    let too_many = auth.register(account(EMAIL, PASSWORD)).await;
    let too_many = refusal(too_many, Code::ResourceExhausted, "too_many_requests");
    assert!(too_many.get_details_retry_info().is_some());
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_setting_switches_grpc_off_and_a_taken_port_is_named_split() {
    let off = [("BACKLINE_NODE__GRPC_LISTEN", "")];
    let cluster = Cluster::start_with(Topology::OneProcess, &off).await;
    let endpoint = Endpoint::from_shared(cluster.grpc_address()).expect("an address");
    assert!(endpoint.connect().await.is_err(), "nobody listens");
    cluster.stop().await;

    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_backline-under-test"));
    command.env_clear().env("BACKLINE_NODE__GRPC_LISTEN", &address).current_dir(folder.path());
    let outcome = command.args(["serve", "--listen", "127.0.0.1:0"]).output().expect("ended");
    let said = String::from_utf8_lossy(&outcome.stderr);
    assert_eq!(outcome.status.code(), Some(70), "{said}");
    assert!(said.contains(&address) && said.contains("`node.grpc_listen`"), "{said}");
}
