//! Appending, reading, finding.

use broker::log::faults::FaultyFiles;
use broker::log::{Error, Log, Settings};
use std::sync::Arc;

use crate::*;

#[test]
fn what_is_appended_can_be_read_and_is_there_after_a_restart() {
    let files = FaultyFiles::new();
    let (log, recovery) = open(&files, 1 << 20);
    assert_eq!((recovery.entries, recovery.files), (0, 0));
    let seq = append(&log, entry("orders.new", "one"));
    assert_eq!(seq, 1);
    assert_eq!(append(&log, entry("orders.paid", "")), 2);

    let check = |log: &Log| {
        let first = log.get(1).unwrap().unwrap();
        assert_eq!(first.subject.as_str(), "orders.new");
        assert_eq!(first.headers, "NATS/1.0\r\n\r\n");
        assert_eq!(first.payload, "one");
        assert_eq!(log.get(3).unwrap(), None);
        assert_eq!(log.get(0).unwrap(), None);
        assert_eq!(sequences(log), [1, 2]);
    };
    check(&log);
    drop(log);
    let (log, recovery) = open(&files, 1 << 20);
    assert_eq!((recovery.entries, recovery.torn, recovery.damaged.len()), (2, None, 0));
    check(&log);
    assert_eq!(append(&log, entry("orders.new", "three")), 3);
}

#[test]
fn nothing_is_visible_before_it_is_on_disk() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 1 << 20);
    append(&log, entry("a", "1"));
    files.hold_syncs(true);
    let (seq, ticket) = log.append(entry("a", "2")).unwrap();
    assert_eq!(log.get(seq).unwrap(), None);
    assert_eq!(log.state().last_seq, 1);
    assert_eq!(log.last_of("a"), Some(1));
    assert_eq!(log.last_given_to(&subject("a")), Some(2));
    assert_eq!(log.next_seq(), 3);
    let mut readable = log.watch();
    readable.mark_unchanged();
    files.hold_syncs(false);
    assert_eq!(wait(ticket).unwrap(), 2);
    assert!(log.get(seq).unwrap().is_some());
    assert_eq!(log.last_given_to(&subject("a")), Some(2));
    assert_eq!(*readable.borrow_and_update(), 2);
}

#[test]
fn entries_are_found_by_subject_sequence_and_time() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 400);
    for n in 1..=30_i64 {
        let mut new = entry(["a.x", "a.y", "b"][n as usize % 3], n.to_string());
        new.time_ns = n * 10;
        append(&log, new);
    }
    let page = log.next(3, &[filter("a.*")], 3).unwrap();
    assert_eq!(page.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [4, 6, 7]);
    let page = log.next(3, &[filter("b")], 2).unwrap();
    assert_eq!(page.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [5, 8]);
    assert!(log.next(0, &[filter("c")], 10).unwrap().is_empty());
    assert!(log.next(0, &[], 0).unwrap().is_empty());
    assert_eq!(log.next_seq_after(5, &[filter("b"), filter("c")]), Some(8));
    assert_eq!(log.count_from(0, &[]), 30);
    assert_eq!(log.count_from(11, &[]), 20);
    assert_eq!(log.count_from(11, &[filter("b")]), 7);
    assert_eq!(log.count_from(1, &[filter("b")]), 10);
    assert_eq!(log.count_from(1, &[filter("a.>")]), 20);
    assert_eq!((log.seq_at(0), log.seq_at(95), log.seq_at(100), log.seq_at(301)), (1, 10, 10, 31));
    assert_eq!((log.last_of("b"), log.last_of("c")), (Some(29), None));
    let found = log.subjects(Some(&filter("a.*")));
    assert_eq!(found, [("a.x".to_owned(), 10), ("a.y".to_owned(), 10)]);
    let state = log.state();
    assert_eq!((state.messages, state.subjects), (30, 3));
    assert_eq!((state.first_time_ns, state.last_time_ns), (10, 300));
    assert!(names(&files).len() > 3, "several files: {:?}", names(&files));
}

#[test]
fn a_full_queue_refuses_and_says_when_there_is_room() {
    let files = FaultyFiles::new();
    let tight = Settings { queue_entries: 4, ..settings(1 << 20) };
    let (log, _) = Log::open(tight, Arc::new(files.clone())).unwrap();
    files.hold_syncs(true);
    let mut tickets = Vec::new();
    let refusal = loop {
        match log.append(entry("a", "x")) {
            Ok((seq, ticket)) => tickets.push((seq, ticket)),
            Err(error) => break error,
        }
    };
    assert!(matches!(refusal, Error::Full), "{refusal}");
    assert!(tickets.len() >= 4 && tickets.len() <= 9, "{}", tickets.len());
    files.hold_syncs(false);
    wait(log.room());
    for (seq, ticket) in tickets {
        assert_eq!(wait(ticket).unwrap(), seq);
    }
    append(&log, entry("a", "x"));
}

#[test]
fn large_entries_are_kept_and_too_large_ones_refused() {
    let files = FaultyFiles::new();
    let tight = Settings { queue_bytes: 1000, segment_bytes: 1000, ..Settings::default() };
    let (log, _) = Log::open(tight, Arc::new(files.clone())).unwrap();
    let large = vec![7; 50_000];
    assert_eq!(append(&log, entry("a", large.clone())), 1);
    assert_eq!(append(&log, entry("a", large.clone())), 2);
    assert_eq!(log.get(2).unwrap().unwrap().payload, large);
    let refused = log.append(entry("a", vec![0; 129 << 20]));
    assert!(matches!(refused, Err(Error::TooLarge { .. })));
}

#[test]
fn what_was_taken_is_written_before_the_log_is_closed() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 500);
    for n in 0..100 {
        let _ticket = log.append(entry("a", n.to_string())).unwrap();
    }
    drop(log);
    assert_eq!(open(&files, 500).1.entries, 100);
}

#[test]
fn a_snapshot_of_a_busy_log_opens_with_the_same_entries() {
    let source = tempfile::tempdir().unwrap();
    let target = tempfile::tempdir().unwrap();
    let files = Arc::new(broker::log::DiskFiles::new(source.path()).unwrap());
    let (log, _) = Log::open(settings(2_000), files).unwrap();
    append_many(&log, 100);
    wait(log.remove(50).unwrap().unwrap()).unwrap();
    let before = read_all(&log);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    runtime.block_on(log.snapshot(target.path())).unwrap();
    append_many(&log, 10);
    for taken in [source.path(), target.path()] {
        let refused = runtime.block_on(log.snapshot(taken));
        assert!(matches!(refused, Err(Error::Io { .. })), "{refused:?}");
    }
    assert_eq!(read_all(&log)[..99], before);
    let copied = Arc::new(broker::log::DiskFiles::new(target.path()).unwrap());
    let (copy, recovery) = Log::open(settings(2_000), copied).unwrap();
    assert_eq!(recovery.damaged, []);
    assert_eq!(read_all(&copy), before);
    assert_eq!(append(&copy, entry("a", "x")), 101);
    append(&log, entry("a", "x"));
}
