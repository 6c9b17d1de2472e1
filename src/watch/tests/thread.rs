//! Tests of the thread with the real clock.

#![expect(clippy::disallowed_methods, reason = "it needs the time, and this is a test")]

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Instant, SystemTime};

use super::super::{ClockPair, WatchContext, WatchReport, Watcher};
use super::*;

/// Longer than any step takes on a slow machine.
const LONG: Duration = Duration::from_mins(1);

struct Live {
    folder: TempDir,
    watcher: Option<Watcher>,
    reports: Receiver<WatchReport>,
}

fn wall() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
}

impl Live {
    fn new(debounce: u64, make: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        make(&top);
        let debounce = Duration::from_millis(debounce);
        let target = WatchTarget { debounce, ..target("a", &top, &["src/**/*.rs"], &[]) };
        let plan = WatchPlan { top, targets: vec![target], own: Vec::new() };
        let (sender, reports) = channel();
        let start = Instant::now();
        let now = move || ClockPair { moment: start.elapsed(), wall: wall() };
        let report = move |report| _ = sender.send(report);
        let outside = WatchContext { now: Box::new(now), report: Box::new(report) };
        let watcher = Some(Watcher::start(plan, outside).unwrap());
        let live = Self { folder, watcher, reports };
        assert_eq!(live.report(), WatchReport::Ready);
        live
    }

    fn report(&self) -> WatchReport {
        self.reports.recv_timeout(LONG).unwrap()
    }

    fn changed(&self) -> (String, u64, Duration, Duration) {
        match self.report() {
            WatchReport::Changed { path, more, first, last, .. } => (path, more, first, last),
            other @ (WatchReport::Ready | WatchReport::Problem { .. }) => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_batch_is_reported_once_there_is_silence() {
    let live = Live::new(300, |top| files(top, &["src/a.rs", "src/b.rs"]));
    let run_starts = Instant::now();
    files(live.folder.path(), &["src/a.rs", "src/b.rs", "src/c.txt"]);
    let took = run_starts.elapsed();
    let (path, more, first, last) = live.changed();
    assert!(run_starts.elapsed() >= Duration::from_millis(300));
    assert!(first <= last);
    // A machine that stalls in between splits the batch in two.
    if took < Duration::from_millis(200) {
        assert_eq!((path.as_str(), more), ("src/a.rs", 1));
    }
}

#[test]
fn nothing_is_missed_in_folders_that_are_made_while_it_looks() {
    let live = Live::new(0, |top| files(top, &["src/a.rs"]));
    for n in 0..300 {
        let file = format!("src/n{n}/a/b{n}.rs");
        write(live.folder.path(), &file);
        loop {
            // A late change of the previous file may be reported together with this one.

            let (path, more, ..) = live.changed();
            if path == file || more > 0 {
                break;
            }
        }
    }
}

#[test]
fn the_thread_ends_when_its_handle_is_dropped() {
    let mut live = Live::new(0, |top| files(top, &["src/a.rs"]));
    live.watcher = None;
    loop {
        match live.reports.recv_timeout(LONG) {
            Ok(_) => {}
            Err(error) => break assert_eq!(error, RecvTimeoutError::Disconnected),
        }
    }
}

#[test]
fn the_watched_paths_can_change() {
    let live = Live::new(0, |top| files(top, &["src/a.rs", "lib/b.c"]));
    let top = live.folder.path().canonicalize().unwrap();
    let target = WatchTarget { debounce: Duration::ZERO, ..target("b", &top, &["lib"], &[]) };
    let plan = WatchPlan { top, targets: vec![target], own: Vec::new() };
    live.watcher.as_ref().unwrap().watch(plan, wall());
    assert_eq!(live.report(), WatchReport::Ready);
    files(live.folder.path(), &["src/a.rs", "lib/b.c"]);
    assert_eq!(live.changed().0, "lib/b.c");
}
