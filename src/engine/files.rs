//! File watching in the engine: which files are watched, and what happens on reports.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;

use super::clock::Clock;
use super::notice::{Notice, NoticeSender};
use crate::machine::{FileChange, Moment};
use crate::spec::{LOCAL_FILE, ProcessSpec, Project, Spec};
use crate::watch::{
    ClockPair, WatchContext, WatchOwner, WatchPlan, WatchReport, WatchTarget, Watcher, clean,
};

/// Processes wait so long for their files to be watched. In a small project that is done by then,
/// and no change is missed; a huge one must not hold them up.
const HEAD_START: Duration = Duration::from_millis(25);

/// A change of a watched file.
pub(super) enum FileEvent {
    Process(FileChange),
    /// A file that the project is read from.
    Project {
        path: String,
    },
}

/// The thread that watches, if there is anything to be watched.
#[derive(Debug)]
pub(super) struct FileWatch {
    watcher: Option<Watcher>,
    /// Whether processes run.
    begun: bool,
    reports: mpsc::UnboundedReceiver<WatchReport>,
    /// Held, so that waiting for a report never ends without one.
    sender: mpsc::UnboundedSender<WatchReport>,
    notices: NoticeSender,
}

impl FileWatch {
    /// Begins to watch; returns when that is done, or after a moment.
    pub(super) async fn start(plan: WatchPlan, clock: &Clock, notices: &NoticeSender) -> Self {
        let (sender, reports) = mpsc::unbounded_channel();
        let mut files =
            Self { watcher: None, begun: false, reports, sender, notices: notices.clone() };
        files.watch(plan, clock, Clock::since_1970());
        if files.watcher.is_some() {
            _ = tokio::time::timeout(HEAD_START, files.ready()).await;
        }
        files.begun = true;
        files.begin(Clock::since_1970());
        files
    }

    /// Processes run since then, on the wall clock.
    fn begin(&self, wall: Duration) {
        if let Some(watcher) = &self.watcher {
            watcher.begin(wall);
        }
    }

    /// Watches this instead of what was watched; what has changed since `wall` counts.
    pub(super) fn watch(&mut self, plan: WatchPlan, clock: &Clock, wall: Duration) {
        match &self.watcher {
            Some(watcher) => watcher.watch(plan, wall),
            None if plan.targets.is_empty() => {}
            None => {
                let (clock, sender) = (clock.clone(), self.sender.clone());
                let now = move || ClockPair {
                    moment: clock.now().since_start(),
                    wall: Clock::since_1970(),
                };
                let report = move |report| _ = sender.send(report);
                let outside = WatchContext { now: Box::new(now), report: Box::new(report) };
                match Watcher::start(plan, outside) {
                    Ok(watcher) => {
                        self.watcher = Some(watcher);
                        if self.begun {
                            self.begin(wall);
                        }
                    }
                    Err(error) => {
                        let text = format!("cannot watch files: {error}");
                        self.notices.tell(Notice::general(text));
                    }
                }
            }
        }
    }

    async fn ready(&mut self) {
        while let Some(report) = self.reports.recv().await {
            match report {
                WatchReport::Ready => return,
                WatchReport::Problem { about, text } => self.tell(about, text),
                // What has not been started sees it anyway.
                WatchReport::Changed { .. } => {}
            }
        }
    }

    /// The next change of a watched file. Cancel safe.
    pub(super) async fn next(&mut self) -> FileEvent {
        loop {
            match self.reports.recv().await {
                Some(WatchReport::Changed { owner: WatchOwner::Project, path, .. }) => {
                    return FileEvent::Project { path };
                }
                Some(WatchReport::Changed { owner, path, more, first, last }) => {
                    let WatchOwner::Process(process) = owner else { continue };
                    let (first, last) = (Moment::after_start(first), Moment::after_start(last));
                    let change = FileChange { process, path, more, first, last };
                    return FileEvent::Process(change);
                }
                Some(WatchReport::Problem { about, text }) => self.tell(about, text),
                Some(WatchReport::Ready) => {}
                None => std::future::pending().await,
            }
        }
    }

    fn tell(&self, about: Option<WatchOwner>, text: String) {
        self.notices.tell(match about {
            Some(WatchOwner::Process(name)) => Notice::about(&name, text),
            Some(WatchOwner::Project) | None => Notice::general(text),
        });
    }
}

/// What is to be watched for a project: the files of its processes, and its own where it says so.
/// `own` are files that pitcrew writes; `sought` is what a file that could not be taken asked for,
/// nothing where nobody reads it again.
pub(super) fn plan(
    spec: &Spec,
    own: &[PathBuf],
    watches: bool,
    sought: Option<&[PathBuf]>,
) -> WatchPlan {
    let processes = || spec.processes.values();
    let logs = processes().flat_map(|process| logs(process));
    let own = logs.chain(spec.project.log_dir.clone()).chain(own.iter().cloned());
    let wished = processes().filter(|_| watches).filter_map(|process| wanted(process));
    let itself = sought.filter(|_| spec.project.reload).map(|more| itself(&spec.project, more));
    WatchPlan {
        top: clean(&spec.project.dir),
        targets: wished.chain(itself).collect(),
        own: own.map(|path| clean(&path)).collect(),
    }
}

/// The files of the project, with the local one that may come, and its env files.
fn itself(project: &Project, more: &[PathBuf]) -> WatchTarget {
    let local = project.dir.join(LOCAL_FILE);
    let files = project.files.iter().chain(&project.env_files).chain(more).chain([&local]);
    // The same whether the local one is there or not.
    let files: BTreeSet<PathBuf> = files.map(|file| clean(file)).collect();
    WatchTarget::files(WatchOwner::Project, &clean(&project.dir), files)
}

fn wanted(process: &ProcessSpec) -> Option<WatchTarget> {
    let watch = process.watch.as_ref()?;
    Some(WatchTarget {
        owner: WatchOwner::Process(process.name.clone()),
        base: clean(&process.cwd),
        paths: watch.paths.clone(),
        ignore: watch.ignore.clone(),
        gitignore: watch.gitignore,
        debounce: watch.debounce,
    })
}

/// The log files of a process and its replicas.
fn logs(process: &ProcessSpec) -> Vec<PathBuf> {
    let Some(log) = &process.log else { return Vec::new() };
    let replicas = (1..=process.replicas.unwrap_or(0)).map(Some);
    replicas.chain([None]).map(|replica| log.path_for(replica)).collect()
}
