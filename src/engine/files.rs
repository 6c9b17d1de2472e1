//! File watching in the engine: the watched paths, and the handling of reported changes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;

use super::Engine;
use super::clock::Clock;
use super::message::PendingReload;
use super::notice::{Notice, NoticeSender};
use crate::machine::event::Cause;
use crate::machine::{FileChange, Input, Moment};
use crate::spec::{LOCAL_FILE, ProcessSpec, Project, io_error_text};
use crate::sys::Host;
use crate::watch::{
    ClockPair, WatchContext, WatchOwner, WatchPlan, WatchReport, WatchTarget, Watcher, clean,
};

/// The maximum time that the first starts wait until files are watched. A small project is watched by
/// then and misses no change; a huge one must not delay the starts.
const HEAD_START: Duration = Duration::from_millis(25);

/// The watch thread, if anything is watched.
#[derive(Debug)]
pub(super) struct FileWatch {
    watcher: Option<Watcher>,
    /// Whether processes run.
    has_begun: bool,
    reports: mpsc::UnboundedReceiver<WatchReport>,
    /// Kept, so that the channel stays open.
    sender: mpsc::UnboundedSender<WatchReport>,
    clock: Clock,
    notices: NoticeSender,
}

impl FileWatch {
    /// Starts to watch; returns when everything is watched, or after [`HEAD_START`].
    pub(super) async fn start(plan: WatchPlan, clock: &Clock, notices: &NoticeSender) -> Self {
        let (sender, reports) = mpsc::unbounded_channel();
        let (clock, notices) = (clock.clone(), notices.clone());
        let mut files = Self { watcher: None, has_begun: false, reports, sender, clock, notices };
        files.watch(plan, Clock::since_1970());
        if files.watcher.is_some() {
            _ = tokio::time::timeout(HEAD_START, files.ready()).await;
        }
        files.has_begun = true;
        if let Some(watcher) = &files.watcher {
            watcher.begin(Clock::since_1970());
        }
        files
    }

    /// Replaces the watched paths; changes since `wall` count.
    pub(super) fn watch(&mut self, plan: WatchPlan, wall: Duration) {
        if let Some(watcher) = &self.watcher {
            watcher.watch(plan, wall);
            return;
        }
        if plan.targets.is_empty() {
            return;
        }
        let (clock, sender) = (self.clock.clone(), self.sender.clone());
        let now =
            move || ClockPair { moment: clock.now().since_start(), wall: Clock::since_1970() };
        let report = move |report| _ = sender.send(report);
        let context = WatchContext { now: Box::new(now), report: Box::new(report) };
        match Watcher::start(plan, context) {
            Ok(watcher) => {
                if self.has_begun {
                    watcher.begin(wall);
                }
                self.watcher = Some(watcher);
            }
            Err(error) => {
                let text = format!("cannot watch files: {}", io_error_text(&error));
                self.notices.send(Notice::general(text));
            }
        }
    }

    async fn ready(&mut self) {
        while let Some(report) = self.reports.recv().await {
            match report {
                WatchReport::Ready => return,
                WatchReport::Problem { about, text } => self.notices.send(notice(about, text)),
                // Processes that have not started yet see the change anyway.
                WatchReport::Changed { .. } => {}
            }
        }
    }

    /// Returns the next report. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<WatchReport> {
        self.reports.recv().await
    }
}

fn notice(about: Option<WatchOwner>, text: String) -> Notice {
    match about {
        Some(WatchOwner::Process(name)) => Notice::about(&name, text),
        Some(WatchOwner::Project) | None => Notice::general(text),
    }
}

impl<H: Host> Engine<H> {
    pub(super) fn handle_report(&mut self, report: WatchReport) {
        match report {
            WatchReport::Changed { owner: WatchOwner::Project, path, .. } => {
                self.reload(PendingReload::unobserved(Cause::FileChanged { path }));
            }
            WatchReport::Changed {
                owner: WatchOwner::Process(process),
                path,
                more,
                first,
                last,
            } => {
                let (first, last) = (Moment::after_start(first), Moment::after_start(last));
                let change = FileChange { process, path, more, first, last };
                if !self.is_refused(&change) {
                    self.handle_input(Input::Changed(change));
                }
            }
            WatchReport::Problem { about, text } => self.context.notices.send(notice(about, text)),
            WatchReport::Ready => {}
        }
    }

    /// The files to watch: those of the processes, and those of the project if it is reloaded on change.
    pub(super) fn watch_plan(&self) -> WatchPlan {
        let spec = self.supervisor.spec();
        let processes = || spec.processes.values();
        let watches = self.supervisor.watches();
        let targets = processes().filter(|_| watches).filter_map(|process| process_target(process));
        let missing = self.reloader.missing_env_files().filter(|_| spec.project.reload);
        let project = missing.map(|missing| project_target(&spec.project, missing));
        let logs = processes().flat_map(|process| log_files(process));
        let own = logs.chain(spec.project.log_dir.clone());
        let own = own.chain(self.options.own_files.iter().cloned());
        WatchPlan {
            top: clean(&spec.project.dir),
            targets: targets.chain(project).collect(),
            own: own.map(|path| clean(&path)).collect(),
        }
    }
}

/// The files of the project, including the local one, which may not exist, and env files.
fn project_target(project: &Project, missing: &[PathBuf]) -> WatchTarget {
    let local = project.dir.join(LOCAL_FILE);
    let files = project.files.iter().chain(&project.env_files).chain(missing).chain([&local]);
    // A set, so that the target is the same whether the local file exists or not.
    let files: BTreeSet<PathBuf> = files.map(|file| clean(file)).collect();
    WatchTarget::files(WatchOwner::Project, &clean(&project.dir), files)
}

fn process_target(process: &ProcessSpec) -> Option<WatchTarget> {
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
fn log_files(process: &ProcessSpec) -> Vec<PathBuf> {
    let Some(log) = &process.log else { return Vec::new() };
    let replicas = (1..=process.replicas.unwrap_or(0)).map(Some);
    replicas.chain([None]).map(|replica| log.path_for(replica)).collect()
}
