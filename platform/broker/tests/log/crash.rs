//! A process that is killed while it writes: `kill -9` in one folder, `BROKER_CRASH_ROUNDS` times or fifty.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use broker::log::{DiskFiles, Log, Recovery};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::*;

/// How often it is killed when the environment does not say.
const ROUNDS: usize = 50;
const LINES_MAX: usize = 400;
/// Small, so that files are sealed, prepared, rewritten and deleted all the time.
const SEGMENT_BYTES: u64 = 16_384;

#[allow(clippy::disallowed_methods, reason = "a test has no settings")]
fn rounds() -> usize {
    std::env::var("BROKER_CRASH_ROUNDS").map_or(ROUNDS, |given| given.parse().unwrap())
}

fn open_folder(folder: &Path) -> (Log, Recovery) {
    Log::open(settings(SEGMENT_BYTES), Arc::new(DiskFiles::new(folder).unwrap())).unwrap()
}

/// The payload of the entry with this time, so that each entry says itself what it must be.
fn payload_of(time_ns: i64) -> Vec<u8> {
    (0..time_ns % 600).map(|n| (n * time_ns) as u8).collect()
}

/// What the child said before it was killed.
#[derive(Default)]
struct Known {
    kept: BTreeMap<u64, i64>,
    going: BTreeSet<u64>,
    gone: BTreeSet<u64>,
}

impl Known {
    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |place: usize| words[place].parse::<u64>().unwrap();
        match words[0] {
            "kept" => {
                let before = self.kept.insert(number(1), number(2) as i64);
                assert_eq!(before, None, "sequence {} is used twice", words[1]);
            }
            "going" => drop(self.going.insert(number(1))),
            "gone" => drop(self.gone.insert(number(1))),
            _ => {}
        }
    }

    fn check(&self, log: &Log, recovery: &Recovery) {
        assert_eq!((&recovery.damaged[..], &recovery.unreadable[..]), (&[][..], &[][..]));
        let found = read_all(log);
        let there: BTreeSet<u64> = found.iter().map(|entry| entry.seq).collect();
        for (seq, time_ns) in self.kept.iter().filter(|(seq, _)| !self.going.contains(seq)) {
            let entry = log.get(*seq).unwrap();
            assert_eq!(entry.map(|entry| entry.time_ns), Some(*time_ns), "{seq} is lost");
        }
        assert!(self.gone.is_disjoint(&there), "what was removed came back");
        for entry in found {
            assert_eq!(entry.payload, payload_of(entry.time_ns), "{}", entry.seq);
        }
    }
}

#[test]
fn a_crash_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = StdRng::seed_from_u64(9);
    let mut known = Known::default();
    let rounds = rounds();
    for _ in 0..rounds {
        let lines = random.random_range(1..LINES_MAX);
        run_and_kill(folder.path(), lines, &mut known);
        let (log, recovery) = open_folder(folder.path());
        known.check(&log, &recovery);
    }
    println!("{rounds} kills, {} kept, {} removed", known.kept.len(), known.gone.len());
    assert!(known.kept.len() > rounds && known.gone.len() > rounds);
}

/// Lets a child append until it has said so many lines, kills it, and hears what it said until then.
fn run_and_kill(folder: &Path, lines: usize, known: &mut Known) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_that_is_killed", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{}", folder.display()).unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    for _ in 0..lines {
        hear_line(&mut output, known);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    while hear_line(&mut output, known) {}
}

/// A line that was cut in the middle does not count.
fn hear_line(output: &mut impl BufRead, known: &mut Known) -> bool {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let whole = line.strip_suffix('\n');
    whole.iter().for_each(|line| known.hear(line));
    whole.is_some()
}

/// Not a test by itself: appends and removes in the folder that it is told, for ever.
#[test]
#[ignore = "started by the test above"]
fn child_that_is_killed() {
    let mut folder = String::new();
    std::io::stdin().read_line(&mut folder).unwrap();
    if folder.trim().is_empty() {
        return;
    }
    let (log, _) = open_folder(Path::new(folder.trim()));
    let mut time_ns = log.next_seq() as i64;
    println!();
    loop {
        let mut tickets = Vec::new();
        for _ in 0..1 + time_ns % 40 {
            time_ns += 1;
            let mut new = entry("a.b", payload_of(time_ns));
            new.time_ns = time_ns;
            tickets.push((time_ns, log.append(new).unwrap().1));
        }
        for (time_ns, ticket) in tickets {
            println!("kept {} {time_ns}", wait(ticket).unwrap());
        }
        remove_some(&log);
    }
}

/// One in the middle, and the oldest.
fn remove_some(log: &Log) {
    let state = log.state();
    let middle = (state.first_seq + state.last_seq) / 2;
    for seq in [middle, state.first_seq, state.first_seq + 1] {
        println!("going {seq}");
        if let Some(ticket) = log.remove(seq).unwrap() {
            wait(ticket).unwrap();
            println!("gone {seq}");
        }
    }
}
