//! Reloads the project's file while the project runs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::Engine;
use super::clock::Clock;
use super::files::{self, FileWatch};
use super::message::{ReloadMessage, ReloadMode, ReloadReport};
use super::notice::{Notice, NoticeSender};
use crate::machine::event::{Cause, ConfigRejected, Event, EventStamp};
use crate::machine::{RunId, Step};
use crate::spec::{Faults, LoadedProject, Name, ProcessSpec, Project, Spec, waits_for};
use crate::sys::Host;

use super::run::RunCommand;

/// How the project's file is read. Both block.
pub trait SpecLoader: fmt::Debug + Send + Sync {
    /// Why it can never be read again, where that is so.
    fn refusal(&self) -> Option<&'static str> {
        None
    }

    /// Reads and checks it; `waiting` is told the path of an env file that is a pipe and has been
    /// silent for a second.
    ///
    /// # Errors
    /// Every mistake of the file.
    fn read(&self, waiting: &dyn Fn(&Path)) -> Result<LoadedProject, Faults>;

    /// Does what has to be done before anything of it is started.
    ///
    /// # Errors
    /// What stands in the way: then nothing of it is started.
    fn prepare(&self, spec: &Spec) -> Result<(), Faults>;

    /// What was read last is what runs from now on. Does not block.
    fn applied(&self) {}

    /// The files that are other ones now than when they were read for what runs, as they are shown.
    /// Blocks as long as it takes to look at them.
    fn changed(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Reads the file when asked, once at a time.
#[derive(Debug)]
pub(super) struct Reloader {
    how: Option<Arc<dyn SpecLoader>>,
    /// Who has asked for what is being read now.
    asked: Vec<ReloadMessage>,
    /// Who has asked since then: the file may be another one by now.
    next: Vec<ReloadMessage>,
    /// The env files that the file asks for which could not be taken last.
    sought: Vec<PathBuf>,
    results: (mpsc::UnboundedSender<LoadResult>, mpsc::UnboundedReceiver<LoadResult>),
}

/// What reading came to; the message where it did not come to an end.
pub(super) type LoadResult = Result<Result<LoadedProject, Faults>, String>;

impl Reloader {
    pub(super) fn new(how: Option<Arc<dyn SpecLoader>>) -> Self {
        let (asked, next, sought) = (Vec::new(), Vec::new(), Vec::new());
        Self { how, asked, next, sought, results: mpsc::unbounded_channel() }
    }

    /// Begins to read; what is asked while it reads is read after that.
    fn begin(&mut self, how: Arc<dyn SpecLoader>, wish: ReloadMessage, notices: &NoticeSender) {
        self.next.push(wish);
        if self.asked.is_empty() {
            self.go_on(how, notices);
        }
    }

    fn go_on(&mut self, how: Arc<dyn SpecLoader>, notices: &NoticeSender) {
        self.asked = std::mem::take(&mut self.next);
        if self.asked.is_empty() {
            return;
        }
        let applies = self.asked.iter().any(|wish| wish.how == ReloadMode::Apply);
        let results = self.results.0.clone();
        let notices = notices.clone();
        tokio::spawn(async move {
            let read = tokio::task::spawn_blocking(move || {
                let waiting = |path: &Path| notices.tell(Notice::general(waits_for(path)));
                let loaded = how.read(&waiting)?;
                if applies {
                    how.prepare(&loaded.spec)?;
                }
                Ok(loaded)
            });
            _ = results.send(read.await.map_err(|error| error.to_string()));
        });
    }

    /// The next result. Cancel safe.
    pub(super) async fn next(&mut self) -> LoadResult {
        match self.results.1.recv().await {
            Some(outcome) => outcome,
            None => std::future::pending().await,
        }
    }
}

impl<H: Host> Engine<H> {
    /// Somebody wants the file to be read again.
    pub(super) fn reload(&mut self, wish: ReloadMessage) {
        let text = match self.rereading.how.clone() {
            Some(how) => match how.refusal() {
                Some(text) => text,
                None => return self.rereading.begin(how, wish, &self.notices),
            },
            None => "there is no file to be read again",
        };
        if wish.told.is_none() {
            self.notices.tell(Notice::general(text));
        }
        wish.tell(&ReloadReport::Refused(text.to_owned()));
    }

    pub(super) fn reread(&mut self, outcome: LoadResult, files: &mut FileWatch) {
        let asked = std::mem::take(&mut self.rereading.asked);
        let (apply, look): (Vec<_>, Vec<_>) =
            asked.into_iter().partition(|wish| wish.how == ReloadMode::Apply);
        let outcome = outcome.map(|read| {
            read.and_then(|mut loaded| match self.refused_by(&mut loaded.spec) {
                refused if refused.is_empty() => Ok(loaded),
                refused => Err(Faults::sorted(refused, &[])),
            })
        });
        match outcome {
            Ok(Ok(LoadedProject { mut spec, warnings })) => {
                let foreseen = self.supervisor.foresee(&mut spec).map(ReloadReport::Foreseen);
                tell_all(look, &foreseen.unwrap_or_else(ending));
                if let Some(by) = apply.first().map(|wish| wish.by.clone()) {
                    self.tell_lines(&warnings.render_warnings(false));
                    tell_all(apply, &self.apply(spec, by, files));
                }
            }
            Ok(Err(faults)) => {
                if let Some(by) = apply.first().map(|wish| wish.by.clone()) {
                    // Before it is told: whoever hears it may mend it at once.
                    self.rereading.sought = faults.env_files().to_vec();
                    files.watch(self.plan(), &self.clock, Clock::since_1970());
                    self.reject(&faults, by);
                }
                let rejected = ReloadReport::Rejected(Arc::new(faults));
                tell_all(look.into_iter().chain(apply), &rejected);
            }
            Err(error) => {
                let text = format!("the file could not be read again: {error}");
                self.notices.tell(Notice::general(text.clone()));
                tell_all(look.into_iter().chain(apply), &ReloadReport::Refused(text));
            }
        }
        if let Some(how) = self.rereading.how.clone() {
            self.rereading.go_on(how, &self.notices);
        }
    }

    fn apply(&mut self, spec: Spec, by: Cause, files: &mut FileWatch) -> ReloadReport {
        // Before it is told: what is changed by who hears it counts.
        let wall = Clock::since_1970();
        self.rereading.sought.clear();
        self.tell_fixed(&spec.project);
        let (step, difference) = self.supervisor.reload(self.clock.now(), spec, by);
        self.carry_out(step);
        files.watch(self.plan(), &self.clock, wall);
        if let (Some(how), Some(_)) = (&self.rereading.how, &difference) {
            how.applied();
        }
        difference.map_or_else(ending, ReloadReport::Applied)
    }

    fn reject(&mut self, faults: &Faults, cause: Cause) {
        let told = faults.iter().filter_map(|fault| serde_json::to_value(fault).ok()).collect();
        let event = ConfigRejected { stamp: EventStamp::default(), faults: told, cause };
        self.carry_out(Step { effects: Vec::new(), events: vec![Event::from(event)] });
        self.tell_lines(&faults.render(false));
        let text = "procfile rejected: it has mistakes; nothing has changed";
        self.notices.tell(Notice::general(text));
    }

    fn tell_lines(&self, text: &str) {
        for line in text.lines() {
            self.notices.tell(Notice::general(line));
        }
    }

    /// What is set for as long as pitcrew runs.
    fn tell_fixed(&self, new: &Project) {
        if self.supervisor.spec().project.output != new.output {
            let text = "`output` of the project holds from the next `pitcrew up` on";
            self.notices.tell(Notice::general(text));
        }
    }

    pub(super) fn plan(&self) -> crate::watch::WatchPlan {
        let sought = self.rereading.how.is_some().then_some(self.rereading.sought.as_slice());
        files::plan(self.supervisor.spec(), &self.own_files, self.supervisor.watches(), sought)
    }

    /// A run goes by another spec from now on.
    pub(super) fn renew(
        &mut self,
        run: RunId,
        name: &Name,
        replica: Option<u32>,
        spec: Arc<ProcessSpec>,
    ) {
        let log = self.logs.of(run.process, name, replica, spec.log.as_ref());
        self.order(run, RunCommand::Renew(spec, log));
    }
}

fn ending() -> ReloadReport {
    ReloadReport::Refused("the project is being stopped".to_owned())
}

fn tell_all(wishes: impl IntoIterator<Item = ReloadMessage>, outcome: &ReloadReport) {
    for wish in wishes {
        wish.tell(outcome);
    }
}
