use std::io::Write;
use std::sync::Arc;

use ::http::Method;
use metrics_exporter_prometheus::PrometheusBuilder;
use parking_lot::Mutex;
use serde_json::{Value, json};
use uuid::Uuid;

use super::setup::bearer;
use super::{Topology, World, on_both_targets, request};

on_both_targets!(
    every_answer_is_written_down_without_secrets,
    every_answer_is_counted_by_its_route
);

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().clone()).expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

async fn every_answer_is_written_down_without_secrets(topology: Topology) {
    let world = World::new(topology).await;
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_env_filter("access=info")
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let user = Uuid::now_v7();
    let token = bearer(&world.token(user));
    let headers = [("authorization", token.as_str()), ("cookie", "backline_refresh=hush")];
    let path = "/api/v1/events/7?token=hush";
    let answer = world.send(request(Method::GET, path, &headers)).await.expect(200);
    world.get("/api/v1/nothing").await.expect(404);
    let lines = log.lines();
    let fields = &lines[0]["fields"];
    assert_eq!(lines[0]["target"], "access");
    assert_eq!(fields["method"], "GET");
    assert_eq!(fields["path"], "/api/v1/events/7");
    assert_eq!(fields["route"], "/api/v1/events");
    assert_eq!(fields["status"], 200);
    assert_eq!(fields["bytes"], json!(serde_json::to_vec(&answer.body).expect("JSON").len()));
    assert_eq!(fields["request_id"], answer.headers["x-request-id"].to_str().expect("text"));
    assert_eq!(fields["user_id"], json!(user));
    assert_eq!(fields["peer"], "127.0.0.1");
    assert!(fields["duration_ms"].as_f64().expect("a number") > 0.0);
    assert_eq!(lines[1]["fields"]["status"], 404);
    let text = String::from_utf8(log.0.lock().clone()).expect("text");
    assert!(!text.contains("hush") && !text.contains(&token[20..]), "{text}");
}

async fn every_answer_is_counted_by_its_route(topology: Topology) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let world = World::new(topology).await;
    for id in 0..3 {
        world.get(&format!("/api/v1/events/{id}")).await.expect(200);
    }
    world.send(request(Method::from_bytes(b"FLY").expect("a method"), "/api/v1/events", &[])).await;
    world.get("/api/v1/nothing").await.expect(404);
    world.get("/health").await.expect(200);
    let text = handle.render();
    for line in [
        "backline_http_requests_total{route=\"/api/v1/events\",method=\"GET\",status=\"200\"} 3",
        "backline_http_requests_total{route=\"none\",method=\"OTHER\",status=\"405\"} 1",
        "backline_http_requests_total{route=\"none\",method=\"GET\",status=\"404\"} 1",
        "backline_http_requests_total{route=\"gateway\",method=\"GET\",status=\"200\"} 1",
        "backline_http_requests_in_flight 0",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(text.contains("backline_http_request_duration_seconds"), "{text}");
}
