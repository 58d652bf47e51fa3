//! The log as its callers see it: what it keeps, what it finds again, and what it does when the disk fails.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod basics;
mod crash;
mod damage;
mod failures;
mod model;
mod retention;

use std::sync::Arc;

use broker::log::faults::FaultyFiles;
use broker::log::{Entry, Files, Log, NewEntry, Recovery, Settings};
use broker::subject::{Filter, Subject};
use bytes::Bytes;

/// Waits for a future without a runtime of the test's own.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn subject(text: &str) -> Subject {
    Subject::parse(text.to_owned()).unwrap()
}

fn filter(text: &str) -> Filter {
    Filter::parse(text.to_owned()).unwrap()
}

fn entry(subject_text: &str, payload: impl Into<Bytes>) -> NewEntry {
    let headers = Bytes::from_static(b"NATS/1.0\r\n\r\n");
    NewEntry { subject: subject(subject_text), headers, payload: payload.into(), time_ns: 1 }
}

fn settings(segment_bytes: u64) -> Settings {
    Settings { segment_bytes, ..Settings::default() }
}

fn open(files: &FaultyFiles, segment_bytes: u64) -> (Log, Recovery) {
    Log::open(settings(segment_bytes), Arc::new(files.clone())).unwrap()
}

/// Appends and waits until it is on disk.
fn append(log: &Log, new: NewEntry) -> u64 {
    let (seq, ticket) = log.append(new).unwrap();
    assert_eq!(wait(ticket).unwrap(), seq);
    seq
}

fn append_many(log: &Log, count: u64) {
    for n in 0..count {
        append(log, entry("a.b", n.to_string()));
    }
}

fn read_all(log: &Log) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    loop {
        let after = found.last().map_or(0, |entry| entry.seq);
        let page = log.next(after, &[], 100).unwrap();
        if page.is_empty() {
            return found;
        }
        found.extend(page);
    }
}

fn sequences(log: &Log) -> Vec<u64> {
    read_all(log).iter().map(|entry| entry.seq).collect()
}

fn names(files: &FaultyFiles) -> Vec<String> {
    files.list().unwrap()
}

/// Waits for the log's threads.
fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_true() {
        assert!(begun.elapsed().as_secs() < 10, "not within ten seconds: {what}");
        std::thread::yield_now();
    }
}
