use std::sync::atomic::Ordering;

use contracts::grpc::idm::auth_client::AuthClient;
use contracts::grpc::idm::{LoginRequest, LogoutRequest, VerifyRequest};
use service_kit::Channel;
use testkit::eventually;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;
use tower::ServiceExt;
use uuid::Uuid;

use super::setup::bearer;
use super::{Topology, World, on_both_targets};
use crate::Outside;

on_both_targets!(
    signing_out_takes_the_token_of_the_metadata,
    a_service_that_is_away_is_unavailable
);

/// The way in, without a socket.
async fn outside(world: &World) -> (Outside, Channel) {
    let outside = Outside::new(world.gateway.clone()).await.expect("a way in");
    let router = outside.routes.clone().into_axum_router();
    let channel = Channel::new(tower::service_fn(move |request: http::Request<Body>| {
        let router = router.clone();
        async move {
            let answer = router.oneshot(request.map(axum::body::Body::new)).await;
            answer.map(|response| response.map(Body::new))
        }
    }));
    (outside, channel)
}

async fn signing_out_takes_the_token_of_the_metadata(topology: Topology) {
    let world = World::new(topology).await;
    let (_, channel) = outside(&world).await;
    let mut auth = AuthClient::new(channel);
    let refused = auth.logout(LogoutRequest {}).await.expect_err("nobody");
    assert_eq!(refused.code(), Code::Unauthenticated);
    let info = refused.get_details_error_info().expect("a reason");
    assert_eq!((info.reason.as_str(), info.domain.as_str()), ("UNAUTHENTICATED", "backline"));
    assert!(refused.get_details_request_info().is_some());
    let mut request = Request::new(LogoutRequest {});
    let token = bearer(&world.token(Uuid::now_v7())).parse().expect("a header value");
    request.metadata_mut().insert("authorization", token);
    auth.logout(request).await.expect("signed out");
}

async fn a_service_that_is_away_is_unavailable(topology: Topology) {
    let world = World::new(topology).await;
    let (_, channel) = outside(&world).await;
    world.fail_next(100);
    let login = LoginRequest::default();
    let refused = AuthClient::new(channel).login(login).await.expect_err("away");
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(refused.get_details_retry_info().expect("a wait").retry_delay.is_some());
}

#[tokio::test]
async fn what_is_larger_than_any_sign_in_is_not_read() {
    let world = World::new(Topology::OneProcess).await;
    let (_, channel) = outside(&world).await;
    let access_token = "x".repeat(70_000);
    let refused = AuthClient::new(channel).verify(VerifyRequest { access_token }).await;
    assert_eq!(refused.expect_err("too large").code(), Code::OutOfRange);
    assert_eq!(world.seen(), 0);
}

#[tokio::test]
async fn health_says_serving_only_while_the_process_is_ready() {
    let world = World::new(Topology::OneProcess).await;
    let (outside, channel) = outside(&world).await;
    let status = |service: &'static str| {
        let mut health = HealthClient::new(channel.clone());
        async move {
            let request = HealthCheckRequest { service: service.into() };
            health.check(request).await.expect("an answer").into_inner().status()
        }
    };
    for service in ["", "backline.idm.v1.Auth"] {
        assert_eq!(status(service).await, ServingStatus::NotServing, "nobody has looked yet");
    }
    let stopping = CancellationToken::new();
    let follower = tokio::spawn(outside.follow_readiness(stopping.clone()));
    for is_ready in [true, false, true] {
        world.services.is_ready.store(is_ready, Ordering::SeqCst);
        let expected = if is_ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in ["", "backline.idm.v1.Auth"] {
            eventually("health to follow", || async {
                (status(service).await == expected).then_some(())
            })
            .await;
        }
    }
    stopping.cancel();
    follower.await.expect("ended");
    assert_eq!(status("").await, ServingStatus::NotServing);
}
