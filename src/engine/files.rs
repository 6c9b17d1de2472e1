//! Files that are watched: what is wanted of the thread, and what it tells.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;

use super::clock::Clock;
use super::notice::Notices;
use crate::machine::{Change, Input, Moment};
use crate::session::Notice;
use crate::spec::{ProcessSpec, Spec};
use crate::watch::{Now, Outside, Plan, Report, Wanted, Watcher, Whose, clean};

/// Processes wait so long for their files to be watched. In a small project that is done by then,
/// and no change is missed; a huge one must not hold them up.
const HEAD_START: Duration = Duration::from_millis(50);

/// The thread that watches, if there is anything to be watched.
#[derive(Debug)]
pub(super) struct Files {
    watcher: Option<Watcher>,
    reports: mpsc::UnboundedReceiver<Report>,
    /// Held, so that waiting for a report never ends without one.
    _sender: mpsc::UnboundedSender<Report>,
    notices: Notices,
}

impl Files {
    /// Begins to watch; returns when that is done, or after a moment.
    pub(super) async fn start(plan: Plan, clock: &Clock, notices: &Notices) -> Self {
        let (sender, reports) = mpsc::unbounded_channel();
        let mut files =
            Self { watcher: None, reports, _sender: sender.clone(), notices: notices.clone() };
        if plan.wanted.is_empty() {
            return files;
        }
        let clock = clock.clone();
        let now = move || Now { moment: clock.now().since_start(), wall: Clock::since_1970() };
        let report = move |report| _ = sender.send(report);
        match Watcher::start(plan, Outside { now: Box::new(now), report: Box::new(report) }) {
            Ok(watcher) => files.watcher = Some(watcher),
            Err(error) => {
                notices.tell(Notice::general(format!("cannot watch files: {error}")));
                return files;
            }
        }
        _ = tokio::time::timeout(HEAD_START, files.ready()).await;
        if let Some(watcher) = &files.watcher {
            watcher.begin(Clock::since_1970());
        }
        files
    }

    async fn ready(&mut self) {
        while let Some(report) = self.reports.recv().await {
            match report {
                Report::Ready => return,
                Report::Problem { about, text } => self.tell(about, text),
                // What has not been started sees it anyway.
                Report::Changed { .. } => {}
            }
        }
    }

    /// The next thing that the machine has to know. Cancel safe.
    pub(super) async fn next(&mut self) -> Input {
        loop {
            match self.reports.recv().await {
                Some(Report::Changed { whose, path, more, first, last }) => {
                    let Whose::Process(process) = whose;
                    let (first, last) = (Moment::after_start(first), Moment::after_start(last));
                    return Input::Changed(Change { process, path, more, first, last });
                }
                Some(Report::Problem { about, text }) => self.tell(about, text),
                Some(Report::Ready) => {}
                None => std::future::pending().await,
            }
        }
    }

    fn tell(&self, about: Option<Whose>, text: String) {
        self.notices.tell(match about {
            Some(Whose::Process(name)) => Notice::about(&name, text),
            None => Notice::general(text),
        });
    }
}

/// What is to be watched for a project; `own` are files of pitcrew itself.
pub(super) fn plan(spec: &Spec, own: &[PathBuf]) -> Plan {
    let processes = || spec.processes.values();
    let logs = processes().flat_map(|process| logs(process));
    let own = logs.chain(spec.project.log_dir.clone()).chain(own.iter().cloned());
    Plan {
        top: clean(&spec.project.dir),
        wanted: processes().filter_map(|process| wanted(process)).collect(),
        own: own.map(|path| clean(&path)).collect(),
    }
}

fn wanted(process: &ProcessSpec) -> Option<Wanted> {
    let watch = process.watch.as_ref()?;
    Some(Wanted {
        whose: Whose::Process(process.name.clone()),
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
