//! An export as a file: written piece by piece, whatever its length.

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::{Stream, TryStreamExt};
use serde::Deserialize;
use service_kit::{Error as PlatformError, FieldErrors};

use super::EntryView;
use crate::domain::{Entry, cell};
use crate::error::Result;

/// The first line of a CSV file.
const COLUMNS: [&str; 16] = [
    "at",
    "firstAt",
    "service",
    "action",
    "outcome",
    "count",
    "actorKind",
    "actorId",
    "actorLabel",
    "onKind",
    "onId",
    "customerId",
    "address",
    "agent",
    "details",
    "id",
];

/// What the file is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    JsonLines,
}

impl Format {
    /// As it is asked for.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::JsonLines => "application/jsonl",
        }
    }

    fn head(self) -> Result<Vec<u8>> {
        match self {
            Self::Csv => lines_of_csv([COLUMNS.map(str::to_owned)]),
            Self::JsonLines => Ok(vec![]),
        }
    }

    fn lines(self, entries: Vec<Entry>) -> Result<Vec<u8>> {
        match self {
            Self::Csv => lines_of_csv(entries.into_iter().map(cells)),
            Self::JsonLines => lines_of_json(entries),
        }
    }
}

/// `?format=`
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `csv` or `jsonl`; `csv` when absent.
    format: Option<String>,
}

impl ExportQuery {
    /// Reads the format.
    pub fn parse(&self) -> Result<Format, FieldErrors> {
        match self.format.as_deref() {
            None | Some("csv") => Ok(Format::Csv),
            Some("jsonl") => Ok(Format::JsonLines),
            Some(_) => Err(FieldErrors::one("format", "must be csv or jsonl")),
        }
    }
}

/// An answer that a browser saves. When reading fails on the way it breaks off, so that half a file is not taken for
/// a whole one.
pub fn file(
    format: Format,
    pages: impl Stream<Item = Result<Vec<Entry>>> + Send + 'static,
) -> Response {
    let head = futures::stream::once(async move { format.head() });
    let lines = pages.and_then(move |entries| async move { format.lines(entries) });
    let name = format!("attachment; filename=\"audit.{}\"", format.as_str());
    let headers = [
        (header::CONTENT_TYPE, format.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, Body::from_stream(futures::StreamExt::chain(head, lines))).into_response()
}

fn lines_of_csv(rows: impl IntoIterator<Item = [String; COLUMNS.len()]>) -> Result<Vec<u8>> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(vec![]);
    for row in rows {
        writer.write_record(row).map_err(PlatformError::internal)?;
    }
    Ok(writer.into_inner().map_err(PlatformError::internal)?)
}

fn cells(entry: Entry) -> [String; COLUMNS.len()] {
    let details = entry.details.as_str().to_owned();
    let view = EntryView::from(entry);
    let text = Option::unwrap_or_default;
    let (on_kind, on_id) = view.on.map(|on| (on.kind, on.id)).unwrap_or_default();
    let cells = [
        view.at.to_string(),
        view.first_at.map(|at| at.to_string()).unwrap_or_default(),
        view.service,
        view.action,
        view.outcome.to_owned(),
        view.count.to_string(),
        view.actor.kind.to_owned(),
        text(view.actor.id),
        text(view.actor.label),
        on_kind,
        on_id,
        view.customer_id.map(|customer| customer.to_string()).unwrap_or_default(),
        text(view.address),
        text(view.agent),
        details,
        view.id.to_string(),
    ];
    cells.map(|text| cell(&text))
}

fn lines_of_json(entries: Vec<Entry>) -> Result<Vec<u8>> {
    let mut lines = vec![];
    for entry in entries {
        serde_json::to_writer(&mut lines, &EntryView::from(entry))
            .map_err(PlatformError::internal)?;
        lines.push(b'\n');
    }
    Ok(lines)
}
