//! Removing, and giving space back.

use broker::log::faults::FaultyFiles;
use broker::log::{Limits, Log, Purge};

use crate::*;

fn remove(log: &Log, seq: u64) {
    wait(log.remove(seq).unwrap().unwrap()).unwrap();
}

#[test]
fn what_is_removed_stays_gone_after_a_restart() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 1 << 20);
    append_many(&log, 10);
    remove(&log, 4);
    remove(&log, 10);
    assert!(log.remove(4).unwrap().is_none());
    assert!(log.get(4).unwrap().is_none());
    assert_eq!(log.last_of("a.b"), Some(9));
    drop(log);
    let (log, _) = open(&files, 1 << 20);
    assert_eq!(sequences(&log), [1, 2, 3, 5, 6, 7, 8, 9]);
    assert_eq!(log.state().messages, 8);
    assert_eq!(append(&log, entry("a", "x")), 11);
}

#[test]
fn no_sequence_is_used_twice_even_when_everything_was_purged() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 300);
    append_many(&log, 50);
    let (count, ticket) = log.purge(&Purge::default()).unwrap();
    assert_eq!((count, wait(ticket).unwrap()), (50, 0));
    let state = log.state();
    assert_eq!((state.messages, state.bytes, state.first_seq, state.last_seq), (0, 0, 51, 50));
    wait_until("only the live file is left", || {
        names(&files).iter().all(|name| !name.starts_with("messages-"))
    });
    drop(log);
    let (log, recovery) = open(&files, 300);
    assert_eq!(recovery.entries, 0);
    assert_eq!(log.state().first_seq, 51);
    drop(log);
    let (log, _) = open(&files.after_power_loss(1), 300);
    assert_eq!(append(&log, entry("a", "x")), 51);
}

#[test]
fn a_purge_takes_a_filter_a_bound_and_what_to_keep() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 400);
    for n in 0..20 {
        append(&log, entry(["a", "b"][n % 2], "x"));
    }
    let only_a = Purge { filter: Some(filter("a")), below: Some(10), keep: 1 };
    assert_eq!(log.purge(&only_a).unwrap().0, 4);
    assert_eq!(sequences(&log)[..5], [2, 4, 6, 8, 9]);
    let all_but_three = Purge { keep: 3, ..Purge::default() };
    assert_eq!(log.purge(&all_but_three).unwrap().0, 13);
    assert_eq!(sequences(&log), [18, 19, 20]);
    drop(log);
    assert_eq!(sequences(&open(&files, 400).0), [18, 19, 20]);
}

#[test]
fn limits_of_age_bytes_number_and_subject_are_enforced() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 500);
    for n in 0..40_i64 {
        let mut new = entry(["a", "b"][n as usize % 2], "x");
        new.time_ns = n;
        append(&log, new);
    }
    let enforce = |limits: Limits| log.enforce(&limits, 40).unwrap();
    assert_eq!(enforce(Limits { max_age_ns: Some(31), ..Limits::default() }), 10);
    assert_eq!(log.state().first_seq, 11);
    assert_eq!(enforce(Limits { max_messages: Some(25), ..Limits::default() }), 5);
    let bytes = log.state().bytes / 25;
    assert_eq!(enforce(Limits { max_bytes: Some(bytes * 20), ..Limits::default() }), 5);
    let per_subject = Limits { max_messages_per_subject: Some(4), ..Limits::default() };
    assert_eq!(enforce(per_subject.clone()), 12);
    assert_eq!(sequences(&log), (33..=40).collect::<Vec<_>>());
    append(&log, entry("a", "x"));
    assert_eq!(enforce(per_subject.clone()), 1);
    assert_eq!(enforce(per_subject), 0);
    assert_eq!(log.subjects(None), [("a".to_owned(), 4), ("b".to_owned(), 4)]);
    drop(log);
    assert_eq!(open(&files, 500).1.entries, 8);
}

#[test]
fn a_file_that_is_mostly_dead_is_rewritten_and_nothing_comes_back() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 4_000);
    append_many(&log, 200);
    let used = |files: &FaultyFiles| {
        names(files).iter().map(|name| files.bytes_of(name).len()).sum::<usize>()
    };
    let before = used(&files);
    let kept: Vec<u64> = (1..=200).filter(|seq| seq % 10 == 1).collect();
    for seq in (1..=200).filter(|seq| seq % 10 != 1) {
        remove(&log, seq);
    }
    wait_until("space is given back", || used(&files) < before + 6_000);
    // Fills the file with the removals, so that it is sealed and looked at too.
    for _ in 0..3 {
        append_many(&log, 100);
        log.purge(&Purge { filter: Some(filter("a.b")), below: Some(log.next_seq()), keep: 0 })
            .map(|_| ())
            .unwrap();
    }
    drop(log);
    let (log, recovery) = open(&files, 4_000);
    assert_eq!(recovery.damaged, []);
    assert_eq!(sequences(&log), Vec::<u64>::new());
    assert_eq!(log.state().last_seq, 500);
    drop(log);
    assert!(kept.len() == 20);
}

#[test]
fn the_living_entries_of_a_rewritten_file_are_read_from_their_new_places() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 4_000);
    append_many(&log, 300);
    let kept: Vec<u64> = (1..=300).filter(|seq| seq % 7 == 1).collect();
    let before: Vec<_> = read_all(&log).into_iter().filter(|e| e.seq % 7 == 1).collect();
    for seq in (1..=300).filter(|seq| seq % 7 != 1) {
        remove(&log, seq);
    }
    wait_until("the first file is small", || {
        files.bytes_of("messages-00000000000000000001.log").len() < 2_000
    });
    assert_eq!(read_all(&log), before);
    drop(log);
    for seed in 0..20 {
        let (log, recovery) = open(&files.after_power_loss(seed), 4_000);
        assert_eq!(recovery.damaged, []);
        assert_eq!(sequences(&log), kept);
    }
}

#[test]
fn a_file_in_which_a_record_is_damaged_is_not_rewritten() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 4_000);
    append_many(&log, 300);
    let sealed: Vec<String> = names(&files).into_iter().take(2).collect();
    let length = files.bytes_of(&sealed[0]).len();
    // The payload of the first entry.
    let header_and_mark = 24 + 32;
    files.flip_bit(&sealed[0], header_and_mark + 36 + 3 + 12, 0);
    for seq in (1..=300).filter(|seq| seq % 7 != 1) {
        remove(&log, seq);
    }
    wait_until("the second file is small", || files.bytes_of(&sealed[1]).len() < 2_000);
    assert_eq!(files.bytes_of(&sealed[0]).len(), length);
    assert!(!names(&files).iter().any(|name| name.starts_with(&sealed[0]) && *name != sealed[0]));
    assert!(matches!(log.get(1), Err(broker::log::Error::Damaged { seq: 1 })));
    assert!(log.get(8).unwrap().is_some());
    drop(log);
    let (_, recovery) = open(&files, 4_000);
    assert_eq!(recovery.damaged[0].sequences, Some((1, 1)));
}
