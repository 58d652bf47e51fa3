//! The OpenAPI document of the whole installation, from what the services say of themselves.

use std::collections::HashMap;
use std::sync::Arc;

use database::Database;
use identity::NodeSecret;
use mail::Mailer;
use messages::InProcess;
use service_kit::{Calls, Context, Trail};
use stdx::Clock;
use utoipa::openapi::{Info, License, OpenApi, OpenApiBuilder};

use crate::services::TABLE;

/// The document as it was when this version was made; a test compares it with [`document`].
pub const SNAPSHOT: &[u8] = include_bytes!("../../docs/openapi.json");

/// Builds every service, on databases that nobody will use, and puts their descriptions together.
pub async fn document() -> Result<String, String> {
    let folder = std::env::temp_dir().join(format!("backline-openapi-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let document = build(&folder).await;
    std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    let mut text = document?.to_pretty_json().map_err(|error| error.to_string())?;
    text.push('\n');
    Ok(text)
}

async fn build(folder: &std::path::Path) -> Result<OpenApi, String> {
    let clock = Clock::system();
    let secret = Arc::new(NodeSecret::new(None, clock.clone()));
    let calls = Calls::new(&HashMap::new(), secret).map_err(|error| error.to_string())?;
    let mut api = OpenApiBuilder::new().info(info()).build();
    for entry in TABLE {
        let url = format!("sqlite:{}", folder.join(format!("{}.db", entry.name)).display());
        let database = Database::open(entry.name, &url, clock.clone(), entry.migrations)
            .await
            .map_err(|error| error.to_string())?;
        let ctx = Context {
            service: entry.name,
            database: database.clone(),
            clock: clock.clone(),
            calls: calls.clone(),
            messages: Arc::new(InProcess::default()),
            mail: Mailer::memory(&mail::Memory::default()),
            trail: Trail::new(clock.clone()),
            settings: serde_json::json!({}),
            public_url: String::new(),
        };
        let service = (entry.start)(&ctx).map_err(|error| error.to_string())?;
        api.merge(service.api);
        database.close().await.map_err(|error| error.to_string())?;
    }
    Ok(api)
}

fn info() -> Info {
    let mut info = Info::new("Backline", "v1");
    info.description = Some(
        "The platform on which a live-event business runs: accounts, customers, events, tickets."
            .into(),
    );
    let mut license = License::new("Apache-2.0");
    license.identifier = Some("Apache-2.0".into());
    info.license = Some(license);
    info
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn the_snapshot_is_the_document() {
        let document = super::document().await.expect("a document");
        let snapshot = String::from_utf8_lossy(super::SNAPSHOT);
        assert!(
            document == snapshot,
            "docs/openapi.json is not what the services say; run `make openapi` and look at the difference"
        );
    }

    #[test]
    fn every_failure_is_a_problem_document() {
        let document: serde_json::Value =
            serde_json::from_slice(super::SNAPSHOT).expect("a document");
        let paths = document["paths"].as_object().expect("paths");
        let operations = paths.values().filter_map(|item| item.as_object()).flatten();
        for (method, operation) in operations {
            let answers = operation["responses"].as_object().into_iter().flatten();
            for (_, answer) in answers.filter(|(status, _)| status.as_str() >= "400") {
                let types: Vec<_> = answer["content"].as_object().into_iter().flatten().collect();
                let is_problem = types.len() == 1 && types[0].0 == "application/problem+json";
                assert!(is_problem, "{method} {}: {answer}", operation["operationId"]);
            }
        }
    }
}
