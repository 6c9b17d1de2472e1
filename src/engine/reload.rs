//! Reloads the project's file while the project runs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::Engine;
use super::clock::Clock;
use super::files::FileWatch;
use super::message::{PendingReload, ReloadMode, ReloadReport};
use super::notice::{Notice, NoticeSender};
use crate::machine::event::{Cause, ConfigRejected, EventStamp};
use crate::machine::{EventText, Step};
use crate::spec::{Faults, LoadedProject, Spec, silent_pipe_message};
use crate::sys::Host;

/// Reads the project's file again.
pub trait SpecLoader: fmt::Debug + Send + Sync {
    /// Why the file can never be read again, if so.
    fn refusal(&self) -> Option<&'static str> {
        None
    }

    /// Reads and checks the file. Blocks; `waiting` is called with the path of an env file that is a
    /// pipe and has been silent for a second.
    ///
    /// # Errors
    /// Every mistake of the file.
    fn read(&self, waiting: &dyn Fn(&Path)) -> Result<LoadedProject, Faults>;

    /// Prepares the start of a new spec. Blocks.
    ///
    /// # Errors
    /// The obstacles; nothing of the spec is started then.
    fn prepare(&self, spec: &Spec) -> Result<(), Faults>;

    /// Notes that the file read last is in effect. Does not block.
    fn applied(&self) {}

    /// Returns the files, as they are displayed, that have changed since they were read for the spec in
    /// effect. Blocks.
    fn changed(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Reads the file on request, one read at a time.
#[derive(Debug)]
pub(super) struct Reloader {
    loader: Option<Arc<dyn SpecLoader>>,
    /// The requests of the read in progress.
    current: Vec<PendingReload>,
    /// The requests since then: the file may have changed.
    next: Vec<PendingReload>,
    /// The env files of a rejected file that could not be read.
    missing_env_files: Vec<PathBuf>,
    results: (mpsc::UnboundedSender<LoadResult>, mpsc::UnboundedReceiver<LoadResult>),
}

/// The result of a read; the message of the panic if there was one.
pub(super) type LoadResult = Result<Result<LoadedProject, Faults>, String>;

impl Reloader {
    pub(super) fn new(loader: Option<Arc<dyn SpecLoader>>) -> Self {
        let (current, next, missing_env_files) = (Vec::new(), Vec::new(), Vec::new());
        Self { loader, current, next, missing_env_files, results: mpsc::unbounded_channel() }
    }

    /// The env files to watch because a rejected file needs them; `None` if no file is read again.
    pub(super) fn missing_env_files(&self) -> Option<&[PathBuf]> {
        self.loader.as_ref().map(|_| self.missing_env_files.as_slice())
    }

    /// Starts a read for the next requests, unless one is in progress.
    fn start_read(&mut self, notices: &NoticeSender) {
        let Some(loader) = self.loader.clone() else { return };
        if !self.current.is_empty() || self.next.is_empty() {
            return;
        }
        self.current = std::mem::take(&mut self.next);
        let applies = self.current.iter().any(|request| request.mode == ReloadMode::Apply);
        let (results, notices) = (self.results.0.clone(), notices.clone());
        tokio::spawn(async move {
            let read = tokio::task::spawn_blocking(move || {
                let waiting =
                    |path: &Path| notices.send(Notice::general(silent_pipe_message(path)));
                let project = loader.read(&waiting)?;
                if applies {
                    loader.prepare(&project.spec)?;
                }
                Ok(project)
            });
            _ = results.send(read.await.map_err(|error| error.to_string()));
        });
    }

    /// Returns the next result. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<LoadResult> {
        self.results.1.recv().await
    }
}

impl<H: Host> Engine<H> {
    /// Handles a request to read the file again.
    pub(super) fn reload(&mut self, request: PendingReload) {
        let refusal = match &self.reloader.loader {
            Some(loader) => loader.refusal(),
            None => Some("this project has no file to reload"),
        };
        let Some(text) = refusal else {
            self.reloader.next.push(request);
            return self.reloader.start_read(&self.context.notices);
        };
        if request.reply.is_none() {
            self.context.notices.send(Notice::general(text));
        }
        request.respond(&ReloadReport::Refused(text.to_owned()));
    }

    /// Responds to the requests of a read, and applies the new spec if requested.
    pub(super) fn finish_reload(&mut self, result: LoadResult, files: &mut FileWatch) {
        let requests = std::mem::take(&mut self.reloader.current);
        let (apply, dry_run): (Vec<_>, Vec<_>) =
            requests.into_iter().partition(|request| request.mode == ReloadMode::Apply);
        let cause = apply.first().map(|request| request.cause.clone());
        let result = result.map(|read| {
            read.and_then(|mut loaded| match self.reload_problems(&mut loaded.spec) {
                problems if problems.is_empty() => Ok(loaded),
                problems => Err(Faults::sorted(problems, &[])),
            })
        });
        let (dry_run_report, apply_report) = match result {
            Ok(Ok(LoadedProject { mut spec, warnings })) => {
                let planned = self.supervisor.plan_reload(&mut spec).map(ReloadReport::Planned);
                let planned = planned.unwrap_or_else(refused_by_shutdown);
                let applied = cause.map(|cause| {
                    self.notify_lines(&warnings.render_warnings(false));
                    self.apply(spec, cause, files)
                });
                (planned.clone(), applied.unwrap_or(planned))
            }
            Ok(Err(faults)) => {
                if let Some(cause) = cause {
                    // First: a receiver of the event may create a missing file immediately.
                    self.reloader.missing_env_files = faults.env_files().to_vec();
                    files.watch(self.watch_plan(), Clock::since_1970());
                    self.reject(&faults, cause);
                }
                let rejected = ReloadReport::Rejected(Arc::new(faults));
                (rejected.clone(), rejected)
            }
            Err(error) => {
                let text = format!("the file could not be read again: {error}");
                self.context.notices.send(Notice::general(text.clone()));
                let refused = ReloadReport::Refused(text);
                (refused.clone(), refused)
            }
        };
        for request in dry_run {
            request.respond(&dry_run_report);
        }
        for request in apply {
            request.respond(&apply_report);
        }
        self.reloader.start_read(&self.context.notices);
    }

    fn apply(&mut self, spec: Spec, cause: Cause, files: &mut FileWatch) -> ReloadReport {
        // Before the events: changes by those who see them count.
        let wall = Clock::since_1970();
        self.reloader.missing_env_files.clear();
        if self.supervisor.spec().project.output != spec.project.output {
            let text = "changes of `project.output` apply at the next `pitcrew up`";
            self.context.notices.send(Notice::general(text));
        }
        let (step, difference) = self.supervisor.reload(self.context.clock.now(), spec, cause);
        self.carry_out(step);
        files.watch(self.watch_plan(), wall);
        if let (Some(loader), Some(_)) = (&self.reloader.loader, &difference) {
            loader.applied();
        }
        difference.map_or_else(refused_by_shutdown, ReloadReport::Applied)
    }

    fn reject(&mut self, faults: &Faults, cause: Cause) {
        let event =
            ConfigRejected { stamp: EventStamp::default(), faults: faults.items(), cause }.into();
        let text = EventText::of(&event).sentence();
        self.carry_out(Step { effects: Vec::new(), events: vec![event] });
        self.notify_lines(&faults.render(false));
        self.context.notices.send(Notice::general(text));
    }

    fn notify_lines(&self, text: &str) {
        for line in text.lines() {
            self.context.notices.send(Notice::general(line));
        }
    }
}

fn refused_by_shutdown() -> ReloadReport {
    ReloadReport::Refused("the project is shutting down".to_owned())
}
