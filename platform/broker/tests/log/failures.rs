//! A disk that refuses: the log says so and never more than it knows.

use broker::log::faults::FaultyFiles;
use broker::log::{Error, Log, Purge, Settings};
use std::sync::Arc;

use crate::*;

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_and_nothing_is_tried_again() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 1 << 20);
    append_many(&log, 3);
    files.fail_sync(1);
    files.hold_syncs(true);
    let tickets: Vec<_> =
        (0..10).map(|n| log.append(entry("a", n.to_string())).unwrap().1).collect();
    files.hold_syncs(false);
    for ticket in tickets {
        assert!(matches!(wait(ticket), Err(Error::Failed(_))));
    }
    let counts = files.counts();
    let refused = log.append(entry("a", "later")).map(|_| ());
    assert!(
        matches!(&refused, Err(Error::Failed(reason)) if reason.contains("sync")),
        "{refused:?}"
    );
    assert!(matches!(log.remove(1), Err(Error::Failed(_))));
    assert!(matches!(log.check(), Err(Error::Failed(_))));
    wait(log.room());
    assert_eq!(sequences(&log), [1, 2, 3]);
    drop(log);
    assert_eq!(files.counts(), counts, "nothing was written or synced after the failure");

    let (log, recovery) = open(&files.after_power_loss(3), 1 << 20);
    assert_eq!((recovery.entries, recovery.damaged.len()), (3, 0));
    assert_eq!(append(&log, entry("a", "again")), log.state().last_seq);
}

#[test]
fn a_failed_sync_is_not_hidden_by_opening_again() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 1 << 20);
    append_many(&log, 3);
    files.fail_sync(1);
    let (_, ticket) = log.append(entry("a", "lost")).unwrap();
    assert!(wait(ticket).is_err());
    drop(log);
    // The system still shows what it could not save: a log that believed it would lose it at the next power loss.
    let (log, _) = open(&files, 1 << 20);
    let before = sequences(&log);
    drop(log);
    let (log, _) = open(&files.after_power_loss(0), 1 << 20);
    assert_eq!(sequences(&log), before);
}

#[test]
fn a_failed_write_stops_the_log_too() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 1 << 20);
    append_many(&log, 3);
    files.fail_write(1);
    let (_, ticket) = log.append(entry("a", "x")).unwrap();
    assert!(matches!(wait(ticket), Err(Error::Failed(_))));
    assert!(matches!(log.append(entry("a", "x")), Err(Error::Failed(_))));
    assert_eq!(sequences(&log), [1, 2, 3]);
}

#[test]
fn a_full_disk_refuses_and_the_log_goes_on_when_there_is_room() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 1 << 20);
    append_many(&log, 3);
    drop(log);
    let length = files.bytes_of("messages.log").len();
    let (log, _) = open(&files, 1 << 20);
    files.set_capacity(Some(length as u64 + 100));
    let (_, ticket) = log.append(entry("a", vec![1; 500])).unwrap();
    assert!(matches!(wait(ticket), Err(Error::DiskFull)));
    assert_eq!(files.bytes_of("messages.log").len(), length, "what did not fit is cut off");
    let small = append(&log, entry("a", "fits"));
    files.set_capacity(None);
    let large = append(&log, entry("a", vec![1; 500]));
    assert_eq!(sequences(&log), [1, 2, 3, small, large]);
    drop(log);
    let (log, recovery) = open(&files.after_power_loss(5), 1 << 20);
    assert_eq!((recovery.torn, recovery.damaged.len()), (None, 0));
    assert_eq!(sequences(&log), [1, 2, 3, small, large]);
}

#[test]
fn zeros_are_written_ahead_while_there_is_room_for_them() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 1 << 20);
    append_many(&log, 1);
    let length = files.bytes_of("messages.log").len();
    append_many(&log, 10);
    assert_eq!(files.bytes_of("messages.log").len(), length, "they are overwritten");
    // Of a process that is killed they stay, and are no torn end.
    let killed = files.after_kill();
    let (found, recovery) = open(&killed, 1 << 20);
    assert_eq!((recovery.torn, recovery.damaged.len()), (None, 0));
    append_many(&found, 1);
    assert_eq!(killed.bytes_of("messages.log").len(), length, "they are used");
    assert_eq!(sequences(&found), (1..=12).collect::<Vec<_>>());
    drop(found);
    files.set_capacity(Some(length as u64 + 2_000));
    append(&log, entry("a", vec![1; length]));
    let tight = files.bytes_of("messages.log").len();
    assert!(tight <= length + 2_000, "there was no room for more");
    drop(log);
    assert!(files.bytes_of("messages.log").len() <= tight);
    assert_eq!(open(&files, 1 << 20).1.entries, 12);
}

#[test]
fn a_full_disk_that_cannot_be_cut_stops_the_log() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 1 << 20);
    append_many(&log, 3);
    let length = files.bytes_of("messages.log").len();
    files.set_capacity(Some(length as u64 + 100));
    files.set_fails_truncate(true);
    let (_, ticket) = log.append(entry("a", vec![1; length])).unwrap();
    assert!(matches!(wait(ticket), Err(Error::Failed(_))));
    files.set_capacity(None);
    assert!(matches!(log.append(entry("a", "x")), Err(Error::Failed(_))));
    assert_eq!(sequences(&log), [1, 2, 3]);
}

#[test]
fn removing_makes_room_on_a_full_disk_and_is_written_later() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 1_000);
    append_many(&log, 60);
    let used: usize = names(&files).iter().map(|name| files.bytes_of(name).len()).sum();
    files.set_capacity(Some(used as u64));
    let refused = (0..50).find_map(|_| wait(log.append(entry("a", "x")).unwrap().1).err());
    assert!(matches!(refused, Some(Error::DiskFull)), "{refused:?}");
    let (count, ticket) = log.purge(&Purge { below: Some(40), ..Purge::default() }).unwrap();
    assert_eq!(count, 39);
    let _ = wait(ticket);
    let begun = std::time::Instant::now();
    let seq = loop {
        assert!(begun.elapsed().as_secs() < 10, "there is never room again");
        match wait(log.append(entry("a", "room")).unwrap().1) {
            Ok(seq) => break seq,
            Err(error) => assert!(matches!(error, Error::DiskFull), "{error}"),
        }
    };
    drop(log);
    let (log, _) = open(&files.after_power_loss(2), 1_000);
    assert_eq!(sequences(&log).first(), Some(&40));
    assert!(log.get(seq).unwrap().is_some());
}

#[test]
fn short_writes_are_finished() {
    let files = FaultyFiles::new();
    files.set_write_bytes_max(Some(7));
    let (log, _) = open(&files, 500);
    append_many(&log, 30);
    drop(log);
    let (log, _) = open(&files.after_power_loss(1), 500);
    assert_eq!(log.state().messages, 30);
}

#[test]
fn many_at_a_time_share_one_sync() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 1 << 20);
    append(&log, entry("a", "x"));
    let before = files.counts();
    files.hold_syncs(true);
    let tickets: Vec<_> =
        (0..64).map(|n| log.append(entry("a", n.to_string())).unwrap().1).collect();
    files.hold_syncs(false);
    for ticket in tickets {
        wait(ticket).unwrap();
    }
    let after = files.counts();
    assert!(after.syncs - before.syncs <= 3, "{before:?} {after:?}");
    assert!(after.writes - before.writes <= 3, "{before:?} {after:?}");
}

#[test]
fn sixty_four_publishers_need_far_fewer_syncs_than_entries() {
    let folder = tempfile::tempdir().unwrap();
    let files = Arc::new(counting::CountingFiles::new(folder.path()));
    let (log, _) = Log::open(Settings::default(), files.clone()).unwrap();
    let before = files.syncs();
    let log = Arc::new(log);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let publishers = (0..64).map(|_| {
            let log = log.clone();
            tokio::spawn(async move {
                for n in 0..50 {
                    log.append(entry("a", n.to_string())).unwrap().1.await.unwrap();
                }
            })
        });
        for publisher in publishers.collect::<Vec<_>>() {
            publisher.await.unwrap();
        }
    });
    let syncs = files.syncs() - before;
    assert_eq!(log.state().messages, 3_200);
    assert!(syncs < 1_600, "{syncs} syncs for 3200 entries");
}

#[test]
fn without_sync_nothing_is_synced() {
    let files = FaultyFiles::new();
    let loose = Settings { sync: false, ..settings(1 << 20) };
    let (log, _) = Log::open(loose, Arc::new(files.clone())).unwrap();
    let before = files.counts().syncs;
    append_many(&log, 10);
    assert_eq!(files.counts().syncs, before);
}

#[test]
fn what_a_killed_process_left_unsynced_is_certain_once_it_is_shown() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 1 << 20);
    append_many(&log, 3);
    let before = files.counts().writes;
    files.hold_syncs(true);
    let _ticket = log.append(entry("a", "written and not synced")).unwrap();
    wait_until("it is written", || files.counts().writes > before);
    let next = files.after_kill();
    files.hold_syncs(false);
    drop(log);
    let (log, _) = open(&next, 1 << 20);
    assert_eq!(sequences(&log), [1, 2, 3, 4]);
    drop(log);
    for seed in 0..20 {
        assert_eq!(sequences(&open(&next.after_power_loss(seed), 1 << 20).0), [1, 2, 3, 4]);
    }
}

#[test]
fn a_full_disk_does_not_make_the_log_forget_its_sequences() {
    let files = FaultyFiles::new();
    let (log, _) = open(&files, 400);
    append_many(&log, 40);
    drop(log);
    let last = names(&files).len() as u64;
    // As after a power loss in the middle of beginning a new file: the last file is sealed, the next not yet there.
    let live = files.bytes_of("messages.log");
    let first = u64::from_le_bytes(live[12..20].try_into().unwrap());
    files.put(&format!("messages-{first:020}.log"), &live);
    files.remove("messages.log").unwrap();
    let (log, _) = open(&files, 400);
    files.set_capacity(Some(0));
    let (count, ticket) = log.purge(&Purge::default()).unwrap();
    assert_eq!(count, 40);
    assert!(matches!(wait(ticket), Err(Error::DiskFull)));
    wait_until("the old files are deleted", || names(&files).len() as u64 <= last - 2);
    drop(log);
    for seed in 0..20 {
        let after = files.after_power_loss(seed);
        assert_eq!(open(&after, 400).0.next_seq(), 41);
    }
}

/// A real folder whose syncs are counted.
mod counting {
    use std::io;
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use broker::log::{DiskFiles, File, Files};

    pub struct CountingFiles(DiskFiles, Arc<AtomicU64>);

    impl CountingFiles {
        pub fn new(folder: &Path) -> Self {
            Self(DiskFiles::new(folder).unwrap(), Arc::default())
        }

        pub fn syncs(&self) -> u64 {
            self.1.load(Ordering::SeqCst)
        }

        fn counted(&self, file: Arc<dyn File>) -> Arc<dyn File> {
            Arc::new(CountingFile(file, self.1.clone()))
        }
    }

    impl Files for CountingFiles {
        fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
            Ok(self.counted(self.0.open(name)?))
        }
        fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
            Ok(self.counted(self.0.create(name)?))
        }
        fn rename(&self, from: &str, to: &str) -> io::Result<()> {
            self.0.rename(from, to)
        }
        fn remove(&self, name: &str) -> io::Result<()> {
            self.0.remove(name)
        }
        fn list(&self) -> io::Result<Vec<String>> {
            self.0.list()
        }
        fn sync_folder(&self) -> io::Result<()> {
            self.0.sync_folder()
        }
        fn export(&self, name: &str, folder: &Path) -> io::Result<()> {
            self.0.export(name, folder)
        }
    }

    struct CountingFile(Arc<dyn File>, Arc<AtomicU64>);

    impl File for CountingFile {
        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read_at(offset, buffer)
        }
        fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
            self.0.write_at(offset, bytes)
        }
        fn sync_data(&self) -> io::Result<()> {
            self.1.fetch_add(1, Ordering::SeqCst);
            self.0.sync_data()
        }
        fn truncate(&self, length: u64) -> io::Result<()> {
            self.0.truncate(length)
        }
        fn length(&self) -> io::Result<u64> {
            self.0.length()
        }
    }
}
